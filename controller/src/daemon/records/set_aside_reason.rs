//! Why a record is set aside, instead of written as the record of an order.

use serde::{Deserialize, Serialize};

use crate::record::ndjson::RecordError;

/// Why a record is set aside.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SetAsideReason {
    /// Of a generation whose names are not known, or not those of verified orders.
    Generation,
    /// The generation has no such rule.
    Rule,
    /// In a direction in which nothing is ever selected (L-DIR).
    Direction,
    /// From a time at which its order was not to select (L-TERM).
    Term,
    /// From a time at which there was no lease.
    Lease,
    /// It could not be rendered.
    Unwritable,
}

impl SetAsideReason {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Generation, Self::Rule, Self::Direction, Self::Term, Self::Lease, Self::Unwritable];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generation => "generation",
            Self::Rule => "rule",
            Self::Direction => "direction",
            Self::Term => "term",
            Self::Lease => "lease",
            Self::Unwritable => "unwritable",
        }
    }

    /// Words that complete "records … are set aside".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Generation => "of a generation that no verified order stands behind",
            Self::Rule => "of a rule that their generation does not have",
            Self::Direction => "in a direction in which nothing is selected",
            Self::Term => "from outside of their order's term",
            Self::Lease => "from a time without a lease",
            Self::Unwritable => "that cannot be put into words",
        }
    }
}

impl From<&RecordError> for SetAsideReason {
    fn from(error: &RecordError) -> Self {
        match error {
            RecordError::Generation { .. } => Self::Generation,
            RecordError::Rule { .. } => Self::Rule,
            RecordError::Direction(_) => Self::Direction,
            RecordError::Json(_) => Self::Unwritable,
        }
    }
}
