//! An order in plain words, for the person who is about to sign it, install it or inspect it.
//! It says only what the order says and what was verified; whether it is in force now depends on
//! a clock and is said elsewhere.
//!
//! What is said, and in which order, is decided once, in `facts`; how it is said is one file for
//! each language, which turns a fact into a line and decides nothing.

mod english;
mod facts;
mod japanese;
#[cfg(test)]
mod tests;

use std::fmt::{self, Display, Formatter};

use super::document::Order;
use super::verified::Signer;

/// A language that orders are explained in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Japanese, in the terms of the Act.
    Japanese,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::English, Self::Japanese];

    /// Its code (ISO 639-1).
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Japanese => "ja",
        }
    }
}

/// Displays an order in words.
pub struct Explanation<'a> {
    order: &'a Order,
    signers: Option<&'a [Signer]>,
    language: Language,
}

impl<'a> Explanation<'a> {
    /// Explains `order`. `signers` are those whose signatures were verified; `None` says that
    /// none was.
    pub const fn new(order: &'a Order, signers: Option<&'a [Signer]>, language: Language) -> Self {
        Self { order, signers, language }
    }
}

impl Display for Explanation<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let line = match self.language {
            Language::English => english::line,
            Language::Japanese => japanese::line,
        };
        facts::of(self.order, self.signers)
            .iter()
            .try_for_each(|fact| writeln!(f, "{}", line(fact)))
    }
}
