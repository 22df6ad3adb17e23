//! Faults of form: what can be wrong with a field of any document.

use super::Requirement;
use crate::order::AddressFault;
use crate::text::TextFault;

/// What is wrong with the form of a document, or of one field in it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FormFault {
    /// A file that is not UTF-8; the offset of the first wrong byte.
    #[error("is not UTF-8 text: byte {0} is wrong")]
    NotText(usize),
    /// A file that is larger than any that is read.
    #[error("is larger than 1 GiB")]
    TooLarge,
    /// JSON that ends too early; where.
    #[error("the file ends in the middle of the JSON{0}")]
    Cut(String),
    /// A file that is not JSON; why, and where.
    #[error("not valid JSON: {0}")]
    NoJson(String),
    /// Text after the JSON object; where.
    #[error("something follows the end of the JSON object{0}")]
    Trailing(String),
    /// A required field is missing.
    #[error("is missing")]
    Missing,
    /// A field or name stands twice.
    #[error("stands twice")]
    Twice,
    /// An unknown field; the fields that are known.
    #[error("is no field that is known here; there are {0}")]
    Unknown(String),
    /// A value of another type.
    #[error("expected {expected}, found {found}")]
    Wrong {
        /// The type that the field has.
        expected: String,
        /// What the file holds.
        found: String,
    },
    /// A text that its field cannot hold, in the words of whoever read it.
    #[error("{0}")]
    Value(String),
    /// A text that is no address and no prefix.
    #[error(transparent)]
    Address(#[from] AddressFault),
    /// A SHA-256 that is not written as one.
    #[error("is not 64 lower-case hexadecimal digits")]
    Sha256,
    /// A value with another number of hexadecimal digits than this one.
    #[error("is not {0} hexadecimal digits")]
    Digits(usize),
    /// A list of ports without members, which could mean no port or any port.
    #[error("is an empty list; leave the field out for any port")]
    NoPorts,
    /// A schema or `payloadType` that no document has.
    #[error("is {found}, but only {known} are known")]
    Unlisted {
        /// What the file names, quoted.
        found: String,
        /// All that are known, quoted, as a list in a sentence.
        known: String,
    },
    /// A document of another schema.
    #[error("is {found}, but only `{known}` is known")]
    Schema {
        /// What the document names, quoted.
        found: String,
        /// What it must name.
        known: &'static str,
    },
    /// A document of version 1.
    #[error("is {found}, which is not read any more: {instead}")]
    Outdated {
        /// What the document names, quoted.
        found: String,
        /// What to do instead.
        instead: &'static str,
    },
    /// A text that is no id; quoted.
    #[error("{0} is not 1 to 64 characters of A-Z a-z 0-9 . _ -")]
    Id(String),
    /// Free text that is empty, too long, or could pass for something else.
    #[error(transparent)]
    Text(TextFault),
    /// A serial or version of 0.
    #[error("counts from 1")]
    Zero,
    /// A number outside of its range.
    #[error("{value} is not within {low} to {high}")]
    Range {
        /// The number.
        value: u64,
        /// The lowest.
        low: u64,
        /// The highest.
        high: u64,
    },
    /// A list without members.
    #[error("is an empty list")]
    Empty,
    /// A member that a list has already; quoted.
    #[error("{0} stands in the list twice")]
    Again(String),
    /// None or several of fields of which exactly one must be there.
    #[error("needs exactly one of {0}")]
    OneOf(&'static str),
}

impl FormFault {
    /// The requirement of the Act behind it, if there is one.
    pub const fn requirement(&self) -> Option<Requirement> {
        match self {
            Self::Outdated { .. } => Some(Requirement::Approve),
            _ => None,
        }
    }
}
