//! Address look-up: from an address to its [`AddressValue`], by a direct index and, where the
//! chunk holds more than one range, a binary search.

use crate::layout::{AddressValue, IndexWord, header, high, low};
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
/// that an address look-up needs of the header.
#[inline(always)]
pub fn pair<T: Tables, R: Repeat>(
    tables: &T,
    repeat: &R,
    head: &Line,
    version: Version,
    source: Address,
    destination: Address,
) -> (AddressValue, AddressValue) {
    match version {
        Version::V4 => (v4(tables, head, source.v4()), v4(tables, head, destination.v4())),
        Version::V6 => (v6(tables, repeat, head, source), v6(tables, repeat, head, destination)),
    }
}

/// Looks up one IPv4 address in host byte order.
#[inline(always)]
pub fn v4<T: Tables>(tables: &T, head: &Line, address: u32) -> AddressValue {
    let index = word_of(head, header::V4_INDEX);
    let chunk = address.wrapping_shr(high(index));
    let word = IndexWord(tables.word(low(index).wrapping_add(chunk)));
    if let Some(value) = word.value() {
        return value;
    }
    let ranges = low(word_of(head, header::V4_RANGES));
    let mut search = Search::new(word);
    for _ in 0..MOST_V4_STEPS {
        let starts_before = |number: u32| high(tables.word(ranges.wrapping_add(number))) <= address;
        if !search.step(starts_before) {
            break;
        }
    }
    AddressValue(low(tables.word(ranges.wrapping_add(search.first))))
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
) -> AddressValue {
    let index = word_of(head, header::V6_INDEX);
    let chunk = low(address.high.wrapping_shr(high(index)));
    let word = IndexWord(tables.word(low(index).wrapping_add(chunk)));
    if let Some(value) = word.value() {
        return value;
    }
    let starts = word_of(head, header::V6_RANGES);
    let (highs, lows) = (low(starts), high(starts));
    let mut search = Search::new(word);
    repeat.repeat(MOST_V6_STEPS, &mut || {
        search.step(|number| {
            let first = tables.word(highs.wrapping_add(number));
            if first == address.high {
                tables.word(lows.wrapping_add(number)) <= address.low
            } else {
                first < address.high
            }
        })
    });
    let values = low(word_of(head, header::V6_VALUES));
    AddressValue(low(tables.word(values.wrapping_add(search.first))))
}

/// A binary search for the last of a chunk's ranges that starts at or before the address. The
/// first one does, so the search never leaves the chunk.
struct Search {
    first: u32,
    count: u32,
}

impl Search {
    #[inline(always)]
    const fn new(chunk: IndexWord) -> Self {
        Self { first: chunk.first(), count: chunk.count() }
    }

    /// Halves the ranges; `false` once only one is left.
    #[inline(always)]
    fn step(&mut self, starts_before: impl FnOnce(u32) -> bool) -> bool {
        if self.count <= 1 {
            return false;
        }
        let half = self.count >> 1;
        let middle = self.first.wrapping_add(half);
        if starts_before(middle) {
            self.first = middle;
        }
        self.count = self.count.wrapping_sub(half);
        true
    }
}
