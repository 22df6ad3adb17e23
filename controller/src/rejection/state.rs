//! Faults of a state directory: its state, its anchor and the files that they name.

use super::Requirement;

/// What is wrong with a state directory.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum StateFault {
    /// JSON that is no state and no anchor; in the words of the parser.
    #[error("{0}")]
    Json(String),
    /// Another schema.
    #[error("the schema is {found}, not {known}")]
    Schema {
        /// What the file names.
        found: String,
        /// What it must name.
        known: &'static str,
    },
    /// There is an anchor, but no state.
    #[error("is missing, but the anchor {anchor} is at state {counter}")]
    NoState {
        /// The file of the anchor.
        anchor: String,
        /// The counter of the state that it names.
        counter: u64,
    },
    /// There is a state, but no anchor.
    #[error("is at state {counter}, but its anchor {anchor} is missing")]
    NoAnchor {
        /// The counter of the state.
        counter: u64,
        /// The file of the anchor.
        anchor: String,
    },
    /// The state is behind its anchor.
    #[error(
        "is at state {counter}, but its anchor {anchor} at {anchored}: an older copy was put in its place"
    )]
    OlderCopy {
        /// The counter of the state.
        counter: u64,
        /// The file of the anchor.
        anchor: String,
        /// The counter of the state that it names.
        anchored: u64,
    },
    /// The state has the counter that the anchor names, but not the digest.
    #[error("is another state {counter} than the one that its anchor {anchor} names")]
    OtherState {
        /// The counter of both.
        counter: u64,
        /// The file of the anchor.
        anchor: String,
    },
    /// The state is ahead of its anchor, and does not follow from the state that the anchor names.
    #[error(
        "is at state {counter}, but its anchor {anchor} at {anchored}: the anchor is not of this state"
    )]
    OtherAnchor {
        /// The counter of the state.
        counter: u64,
        /// The file of the anchor.
        anchor: String,
        /// The counter of the state that it names.
        anchored: u64,
    },
    /// A state without a trust file.
    #[error("names no trust file")]
    NoTrust,
    /// A version of the trust file that the state does not have.
    #[error("names trust version {0}, which is not there")]
    UnknownTrust(u64),
    /// A trust file of another version than the state says.
    #[error("is version {found}, not {named}")]
    TrustVersion {
        /// The version of the file.
        found: u64,
        /// The version that the state names.
        named: u64,
    },
    /// An order whose basis is neither an approval nor an agreement.
    #[error("names no approval or agreement")]
    NamesNoBasis,
    /// An order under an approval or agreement that the state does not have.
    #[error("rests on {0}, which is not there")]
    NoBasis(String),
    /// A file that the state names is not there.
    #[error("is missing, but the state names it")]
    NoFile,
    /// A file with another digest than the state names.
    #[error("is not what it was when it was accepted")]
    FileChanged,
    /// An envelope of something else than an approval or agreement.
    #[error("is no approval and no agreement")]
    NotBasis,
    /// An envelope of another order than the state names.
    #[error("is not the order that was accepted")]
    OtherOrder,
    /// A state directory of another facility.
    #[error("holds orders for facility {theirs}, but this sensor stands in {ours}")]
    Facility {
        /// The facility of the state directory.
        theirs: String,
        /// The facility of the sensor.
        ours: String,
    },
}

impl StateFault {
    /// The requirement of the Act behind it, if there is one.
    pub const fn requirement(&self) -> Option<Requirement> {
        match self {
            Self::NoAnchor { .. }
            | Self::OlderCopy { .. }
            | Self::OtherState { .. }
            | Self::OtherAnchor { .. } => Some(Requirement::Extend),
            Self::Facility { .. } => Some(Requirement::Approve),
            _ => None,
        }
    }
}
