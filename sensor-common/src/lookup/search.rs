//! Search among the ranges of a chunk. It has no branch on what it finds ([`crate::opaque`]).

use crate::layout::{IndexWord, low};
use crate::opaque::select;

/// A binary search for the last of a chunk's ranges that starts at or before the address. The first range
/// does, so there always is one.
pub(crate) struct Search {
    first: u32,
    count: u32,
}

impl Search {
    #[inline(always)]
    pub(crate) const fn new(chunk: IndexWord) -> Self {
        Self { first: chunk.first(), count: chunk.count() }
    }

    /// Whether only one range is left.
    #[inline(always)]
    pub(crate) const fn is_over(&self) -> bool {
        self.count <= 1
    }

    /// The range to look at next.
    #[inline(always)]
    pub(crate) const fn middle(&self) -> u32 {
        self.first.wrapping_add(self.count >> 1)
    }

    /// The range that is left.
    #[inline(always)]
    pub(crate) const fn first(&self) -> u32 {
        self.first
    }

    /// Halves the ranges. `forward` is 1 if the middle range starts at or before the address,
    /// otherwise 0.
    #[inline(always)]
    pub(crate) fn step(&mut self, forward: u64) {
        let half = self.count >> 1;
        self.first = self.first.wrapping_add(low(select(forward, u64::from(half), 0)));
        self.count = self.count.wrapping_sub(half);
    }
}
