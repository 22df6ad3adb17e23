//! An approval, an agreement or an order in plain words, for the person who is about to sign it, install it
//! or inspect it. It says only what the documents say and what was verified. Whether something is in force
//! now depends on a clock, and is not said here.
//!
//! `facts` decides what is said, and in which order. One file for each language turns facts into lines, and
//! decides nothing.

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

/// A document, and those whose signatures were verified. `None`: no signature was checked.
#[derive(Debug)]
pub struct Signed<'a, T> {
    /// The document.
    pub document: &'a T,
    /// Who signed.
    pub signers: Option<&'a [Signer]>,
}

// Not derived: `derive` would ask for `T: Clone`, which a reference does not need.
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

/// A document to be explained.
#[derive(Clone, Copy, Debug)]
pub enum Explained<'a> {
    /// An approval or an agreement.
    Basis(Signed<'a, Basis>),
    /// An order, and its basis if that is at hand.
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
