//! Search among the ranges of a chunk, without a branch on what is found.

use crate::layout::{IndexWord, low};

/// A binary search for the last of a chunk's ranges that starts at or before the address. The
/// first one does, so the search never leaves the chunk.
///
/// There is no branch on what is found: the verifier would follow both ways at every step, and the
/// processor would guess wrong half the time.
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

    /// The one that is left.
    #[inline(always)]
    pub(crate) const fn first(&self) -> u32 {
        self.first
    }

    /// Halves the ranges. `forward` is 1 if the middle range starts at or before the address,
    /// otherwise 0.
    #[inline(always)]
    pub(crate) const fn step(&mut self, forward: u64) {
        let half = self.count >> 1;
        self.first = self.first.wrapping_add(half & 0_u32.wrapping_sub(low(forward)));
        self.count = self.count.wrapping_sub(half);
    }
}

/// 1 if `a < b`, otherwise 0: the borrow of `a - b`, computed without a branch (Warren, "Hacker's
/// Delight", section 2-13).
#[inline(always)]
pub(crate) const fn below(a: u64, b: u64) -> u64 {
    ((!a & b) | ((!a | b) & a.wrapping_sub(b))) >> 63
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn below_is_less_than(a in proptest::num::u64::ANY, b in proptest::num::u64::ANY) {
            for (a, b) in [(a, b), (a, a), (a, a.wrapping_add(1)), (a & 1, b & 1), (0, b), (u64::MAX, b)] {
                assert_eq!(below(a, b) == 1, a < b, "{a} {b}");
                assert!(below(a, b) <= 1);
            }
        }
    }
}
