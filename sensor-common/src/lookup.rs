//! Address look-up: from an address to its [`AddressValue`], by a direct index and, where the
//! chunk holds more than one range, a binary search. Most IPv4 addresses are answered before that,
//! by the front.

use crate::direction::AddressClass;
use crate::layout::{
    AddressValue, FRONT_SHIFT, FilterBits, IndexWord, LOOK_FURTHER, front_code, header, high, low,
};
use crate::parse::{Address, Version};
use crate::repeat::Repeat;
use crate::tables::{Line, Tables, word_of};

/// Most steps of an IPv4 search. The compiler keeps a chunk's ranges within
/// [`MOST_V4_RANGES`]; a chunk is never smaller than 256 addresses, so it always can.
const MOST_V4_STEPS: u32 = 9;

/// Most ranges in a chunk of the IPv4 index: what [`MOST_V4_STEPS`] narrow down to one.
pub const MOST_V4_RANGES: u32 = 1 << MOST_V4_STEPS;

/// Steps that narrow any number of ranges an [`IndexWord`] can name down to one.
const MOST_V6_STEPS: u32 = 31;

/// Looks up both addresses of a packet. `head` is the first line of the tables, which holds all
/// that an address look-up needs of the header. `None` where the tables do not hold together: the
/// packet then cannot be judged.
#[inline(always)]
pub fn pair<T: Tables, R: Repeat>(
    tables: &T,
    repeat: &R,
    head: &Line,
    version: Version,
    source: Address,
    destination: Address,
) -> Option<(AddressValue, AddressValue)> {
    match version {
        Version::V4 => Some((v4(tables, head, source.v4())?, v4(tables, head, destination.v4())?)),
        Version::V6 => {
            Some((v6(tables, repeat, head, source)?, v6(tables, repeat, head, destination)?))
        }
    }
}

/// Looks up one IPv4 address in host byte order.
#[inline(always)]
pub fn v4<T: Tables>(tables: &T, head: &Line, address: u32) -> Option<AddressValue> {
    let front = high(word_of(head, header::V4_RANGES));
    let front = tables.word_within(front.wrapping_add(address >> FRONT_SHIFT))?;
    let code = front_code(front, address);
    if code != LOOK_FURTHER {
        let filter = word_of(head, header::V4_FILTER);
        let bits = FilterBits::of(address);
        let word = tables.word_within(low(filter).wrapping_add(bits.word(high(filter))))?;
        if word & bits.mask() != bits.mask() {
            return Some(AddressValue::new(AddressClass::from_bits(code), 0));
        }
    }
    let index = word_of(head, header::V4_INDEX);
    let chunk = address.wrapping_shr(high(index));
    let word = IndexWord(tables.word_within(low(index).wrapping_add(chunk))?);
    if let Some(value) = word.value() {
        return Some(value);
    }
    let ranges = low(word_of(head, header::V4_RANGES));
    let mut search = Search::new(word);
    for _ in 0..MOST_V4_STEPS {
        if search.is_over() {
            break;
        }
        let first = high(tables.word_within(ranges.wrapping_add(search.middle()))?);
        search.step(below(u64::from(address), u64::from(first)) ^ 1);
    }
    Some(AddressValue(low(tables.word_within(ranges.wrapping_add(search.first))?)))
}

/// Looks up one IPv6 address.
///
/// A function of its own in the kernel too, so that it has a stack frame of its own.
#[inline(never)]
pub fn v6<T: Tables, R: Repeat>(
    tables: &T,
    repeat: &R,
    head: &Line,
    address: Address,
) -> Option<AddressValue> {
    let index = word_of(head, header::V6_INDEX);
    let chunk = low(address.high.wrapping_shr(high(index)));
    let word = IndexWord(tables.word_within(low(index).wrapping_add(chunk))?);
    if let Some(value) = word.value() {
        return Some(value);
    }
    let starts = word_of(head, header::V6_RANGES);
    let (highs, lows) = (low(starts), high(starts));
    let mut search = Search::new(word);
    repeat.repeat(MOST_V6_STEPS, &mut || {
        if search.is_over() {
            return false;
        }
        let first_high = tables.word(highs.wrapping_add(search.middle()));
        let first_low = tables.word(lows.wrapping_add(search.middle()));
        // The range starts behind the address if its first half is larger, or is equal and the
        // second half is larger.
        let behind = below(address.high, first_high)
            | (below(first_high, address.high) ^ 1) & below(address.low, first_low);
        search.step(behind ^ 1);
        true
    });
    let values = low(word_of(head, header::V6_VALUES));
    Some(AddressValue(low(tables.word_within(values.wrapping_add(search.first))?)))
}

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
