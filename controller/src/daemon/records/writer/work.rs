//! What the writer is given to do.

use std::sync::Arc;

use bytes::Bytes;

use crate::daemon::records::aside::Asides;
use crate::kernel::{RingPosition, Room};

/// What the drain has for the writer, in its order.
#[derive(Debug)]
pub enum Work {
    /// Records to be written.
    Batch(Batch),
    /// No record of a generation before this one comes any more: once everything before is written,
    /// their names can go.
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
    /// Records that were taken out of the rings with them and are to be set aside.
    pub asides: Asides,
    /// How far the batch goes in each ring that it has records of.
    pub taken: Vec<RingMark>,
}

/// How far records were taken out of a ring. Its room is given back once they are written: until
/// then they are in the ring, whatever becomes of this process.
#[derive(Debug)]
pub struct RingMark {
    /// The ring's name.
    pub ring: Arc<str>,
    /// What gives it back.
    pub room: Arc<Room>,
    /// How far.
    pub position: RingPosition,
}
