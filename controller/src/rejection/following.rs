//! Faults of documents that follow others (L-EXTEND) or that were seen before.

use super::Requirement;

/// Why a document that is right by itself cannot be accepted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FollowingFault {
    /// It differs from what it follows in something that must stay the same.
    #[error("is {new}, but that of {earlier} is {old}")]
    Differs {
        /// Of the new document.
        new: String,
        /// The name of what it follows.
        earlier: String,
        /// The same of what it follows.
        old: String,
    },
    /// It was given before what it follows.
    #[error("was given at {new}, before {earlier}, which was given at {old}")]
    GivenBefore {
        /// Of the new document.
        new: String,
        /// The name of what it follows.
        earlier: String,
        /// The same of what it follows.
        old: String,
    },
    /// Its term begins before that of what it follows.
    #[error("the term starts at {new}, before that of {earlier}, which starts at {old}")]
    StartsBefore {
        /// Of the new document.
        new: String,
        /// The name of what it follows.
        earlier: String,
        /// The same of what it follows.
        old: String,
    },
    /// There would be a time in which nothing was approved.
    #[error("the term starts at {new}, after {earlier} has ended at {old}")]
    Gap {
        /// Of the new document.
        new: String,
        /// The name of what it extends.
        earlier: String,
        /// The same of what it follows.
        old: String,
    },
    /// A higher serial that prolongs.
    #[error(
        "the term ends at {new}, later than that of {earlier} at {old}; only what extends it may prolong it"
    )]
    Prolongs {
        /// Of the new document.
        new: String,
        /// The name of what it amends.
        earlier: String,
        /// The same of what it follows.
        old: String,
    },
    /// What it extends was never installed; its name.
    #[error("{0} was never installed here")]
    Unknown(String),
    /// It, or what it extends, was revoked: the name, and up to which serial and why, if that is known.
    #[error("{0} is revoked{1}")]
    Revoked(String, String),
    /// What it rests on has ended: the name, and why.
    #[error("{0} has ended ({1})")]
    Ended(String, &'static str),
    /// What it extends is already extended by another.
    #[error("{earlier} is extended by {other} already")]
    Followed {
        /// The name of what it extends.
        earlier: String,
        /// The name of the other.
        other: String,
    },
    /// A serial that was seen, or a lower one.
    #[error("is {serial}, but serial {seen} of {what} has been seen")]
    Seen {
        /// The serial of the new document.
        serial: u64,
        /// The highest serial that was seen.
        seen: u64,
        /// The document, without its serial.
        what: String,
    },
    /// An order under a basis that does not follow the basis of the order before it.
    #[error("{basis} does not extend {former}, under which serial {serial} of this order stands")]
    OtherBasis {
        /// The name of its basis.
        basis: String,
        /// The name of the basis of the order before it.
        former: String,
        /// The serial of the order before it.
        serial: u64,
    },
    /// Another file that was given with it has the same name.
    #[error("another file is {0} too")]
    Together(String),
    /// A document for another facility.
    #[error("is for facility {theirs}, but this sensor stands in {ours}")]
    Facility {
        /// The facility of the document.
        theirs: String,
        /// The facility of the sensor.
        ours: String,
    },
}

impl FollowingFault {
    /// The requirement of the Act behind it.
    pub const fn requirement(&self) -> Requirement {
        match self {
            Self::Revoked(..) | Self::Facility { .. } => Requirement::Approve,
            _ => Requirement::Extend,
        }
    }
}
