//! How far a ring was read or written.

use serde::{Deserialize, Serialize};

/// A place in the stream of a ring: bytes since the ring was made, including the headers of records. It is not
/// a number of records; `event.sequence` is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct RingPosition(u64);

impl RingPosition {
    /// The position after this many bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The bytes before it.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The position this many bytes further on. It wraps as the kernel's own do.
    #[must_use]
    pub const fn plus(self, bytes: u64) -> Self {
        Self(self.0.wrapping_add(bytes))
    }

    /// The bytes from `earlier` up to here; 0 if that is further on.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
