//! Faults of what comes after something else (L-EXTEND), and of what was seen before.

use super::Requirement;

/// What speaks against a document that by itself is right.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FollowingFault {
    /// It goes on with something else.
    #[error("is {new}, but that of {earlier} is {old}")]
    Differs {
        /// Its own.
        new: String,
        /// What it follows.
        earlier: String,
        /// That one's.
        old: String,
    },
    /// It was given before what it follows.
    #[error("was given at {new}, before {earlier}, which was given at {old}")]
    GivenBefore {
        /// Its own.
        new: String,
        /// What it follows.
        earlier: String,
        /// That one's.
        old: String,
    },
    /// Its term begins before that of what it follows.
    #[error("the term starts at {new}, before that of {earlier}, which starts at {old}")]
    StartsBefore {
        /// Its own.
        new: String,
        /// What it follows.
        earlier: String,
        /// That one's.
        old: String,
    },
    /// There would be a time in which nothing was approved.
    #[error("the term starts at {new}, after {earlier} has ended at {old}")]
    Gap {
        /// Its own.
        new: String,
        /// What it extends.
        earlier: String,
        /// That one's.
        old: String,
    },
    /// A higher serial that prolongs.
    #[error(
        "the term ends at {new}, later than that of {earlier} at {old}; only what extends it may prolong it"
    )]
    Prolongs {
        /// Its own.
        new: String,
        /// What it replaces.
        earlier: String,
        /// That one's.
        old: String,
    },
    /// What it extends is not there.
    #[error("{0} was never installed here")]
    Unknown(String),
    /// What it extends, or rests on, was revoked.
    #[error("{0} is revoked{1}")]
    Revoked(String, String),
    /// What it rests on has been replaced, or its term is over.
    #[error("{0} has ended ({1})")]
    Ended(String, &'static str),
    /// What it extends is extended by another.
    #[error("{earlier} is extended by {other} already")]
    Followed {
        /// What it extends.
        earlier: String,
        /// What does so too.
        other: String,
    },
    /// A serial that was seen, or a lower one.
    #[error("is {serial}, but serial {seen} of {what} has been seen")]
    Seen {
        /// Its own.
        serial: u64,
        /// The highest.
        seen: u64,
        /// Of what.
        what: String,
    },
    /// An order that goes over to a basis that does not go on with its own.
    #[error("{basis} does not extend {former}, under which serial {serial} of this order stands")]
    OtherBasis {
        /// What it rests on.
        basis: String,
        /// What the order before it rests on.
        former: String,
        /// The serial of the order before it.
        serial: u64,
    },
    /// Two documents of one name, given together.
    #[error("another file is {0} too")]
    Together(String),
    /// A document for another place.
    #[error("is for facility {theirs}, but this sensor stands in {ours}")]
    Facility {
        /// Of the document.
        theirs: String,
        /// Of the sensor.
        ours: String,
    },
}

impl FollowingFault {
    /// The requirement behind it.
    pub const fn requirement(&self) -> Requirement {
        match self {
            Self::Revoked(..) | Self::Facility { .. } => Requirement::Approve,
            _ => Requirement::Extend,
        }
    }
}
