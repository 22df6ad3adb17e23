//! An approval, an agreement or an order in plain words, for the person who is about to sign it, install it
//! or inspect it. It says only what the documents say and what was verified; whether something is in force
//! now depends on a clock and is said elsewhere.
//!
//! What is said, and in which order, is decided once, in `facts`; how it is said is one file for
//! each language, which turns a fact into a line and decides nothing.

mod english;
mod facts;
mod japanese;
mod listing;
#[cfg(test)]
mod tests;

use std::fmt::{self, Display, Formatter};

use super::basis::Basis;
use super::document::Order;
use super::verified::{Signer, Verified};

/// A language that documents are explained in.
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

/// A document, and those whose signatures under it were verified; `None` says that none was.
#[derive(Debug)]
pub struct Signed<'a, T> {
    /// What it says.
    pub document: &'a T,
    /// Who signed.
    pub signers: Option<&'a [Signer]>,
}

// By hand: a reference to anything is copied, whatever it is to.
impl<T> Clone for Signed<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Signed<'_, T> {}

impl<'a, T> Signed<'a, T> {
    /// A document of which nobody's signature was checked.
    pub const fn unverified(document: &'a T) -> Self {
        Self { document, signers: None }
    }
}

impl<'a, T> From<&'a Verified<T>> for Signed<'a, T> {
    fn from(verified: &'a Verified<T>) -> Self {
        Self { document: verified.get(), signers: Some(verified.signers()) }
    }
}

/// What is explained.
#[derive(Clone, Copy, Debug)]
pub enum Explained<'a> {
    /// An approval or an agreement.
    Basis(Signed<'a, Basis>),
    /// An order, and what it rests on, as far as that is at hand.
    Order(Signed<'a, Order>, Option<Signed<'a, Basis>>),
}

/// Displays a document in words.
pub struct Explanation<'a> {
    subject: Explained<'a>,
    language: Language,
}

impl<'a> Explanation<'a> {
    /// Explains a document.
    pub const fn new(subject: Explained<'a>, language: Language) -> Self {
        Self { subject, language }
    }
}

impl Display for Explanation<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let line = match self.language {
            Language::English => english::line,
            Language::Japanese => japanese::line,
        };
        facts::of(&self.subject).iter().try_for_each(|fact| writeln!(f, "{}", line(fact)))
    }
}
