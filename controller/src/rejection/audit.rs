//! Faults of an audit file (L-INSPECT): a file that no crash can have left beside its state.

/// What is wrong with an audit file.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AuditFault {
    /// A line in the state is no event; in the words of the parser.
    #[error("cannot be checked: the state {0}")]
    StateLine(String),
    /// The lines in the state do not end with the event that it names as the last one.
    #[error("cannot be checked: the state holds another line than event {0}")]
    OtherStateLine(u64),
    /// The state holds more lines than there are events.
    #[error("cannot be checked: the state holds more lines than events")]
    ManyStateLines,
    /// The file ends too early.
    #[error(
        "ends with event {found}, but the state is that after event {last}: lines were cut off"
    )]
    CutOff {
        /// The last event of the file.
        found: u64,
        /// The last event of the state.
        last: u64,
    },
    /// A line that is no event; in the words of the parser.
    #[error("is no event: {0}")]
    NoEvent(String),
    /// A line with another sequence number than its place.
    #[error(
        "is event {found}, where event {expected} must stand: lines were removed, added or moved"
    )]
    OutOfSequence {
        /// The sequence number of the line.
        found: u64,
        /// The sequence number that belongs there.
        expected: u64,
    },
    /// The first line names a line before it.
    #[error("names a line before it, but is the first")]
    BeforeFirst,
    /// A line does not name the digest of the line before, whose number this is.
    #[error("names another line before it than line {0}: one was changed")]
    OtherBefore(u64),
    /// The last line before those of the last change has another digest than the state names.
    #[error("is not the line that the state names: it was changed")]
    Changed,
    /// A line after the last event, whose number this is.
    #[error("comes after event {0}, the last one of the state: it was added")]
    Added(u64),
    /// A line of the last change differs from the one in the state.
    #[error("is not what the state says that it is")]
    OtherThanState,
}
