//! What the drain gives the writer to do.

use std::sync::Arc;

use bytes::Bytes;

use crate::daemon::records::aside::Asides;
use crate::kernel::{RingPosition, Room};

/// A piece of work, in the order in which it is to be done.
#[derive(Debug)]
pub enum Work {
    /// Records to be written.
    Batch(Batch),
    /// No record of an earlier generation comes any more: once everything before this is written, the names
    /// of earlier generations can go.
    Forget(u32),
}

/// Whole lines, and how many.
#[derive(Debug, Default)]
pub struct Batch {
    /// The lines.
    pub lines: Bytes,
    /// How many records they are.
    pub records: u64,
    /// `event.sequence` of the last of them, or of the last one before.
    pub last: u64,
    /// Records from the same rings that have to be set aside.
    pub asides: Asides,
    /// How far the batch goes in each ring that it has records from.
    pub taken: Vec<RingMark>,
}

/// How far records were taken out of a ring. Their room is given back once they are written: until then
/// they are in the ring, whatever happens to this process.
#[derive(Debug)]
pub struct RingMark {
    /// The ring's name.
    pub ring: Arc<str>,
    /// The ring's room.
    pub room: Arc<Room>,
    /// How far.
    pub position: RingPosition,
}
