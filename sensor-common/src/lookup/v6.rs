//! IPv6: the codes along top, node and leaf; the filter; and behind it the table of chunks or the
//! index, and the ranges.

use super::bucket;
use super::search::{Search, below};
use crate::layout::addresses::{
    AddressValue, KeyHash, LOOK_FURTHER, Leaf, NodeEntry, TopEntry, V6_LEAF_WORDS, V6_NODE_WORDS,
    V6_TOP,
};
use crate::layout::{IndexWord, header, high, low};
use crate::parse::Address;
use crate::repeat::Repeat;
use crate::tables::{Line, Tables, word_of};

/// Steps that narrow any number of ranges an [`IndexWord`] can name down to one.
const MOST_STEPS: u32 = 31;

/// Looks up one IPv6 address.
#[inline(always)]
pub(super) fn look_up<T: Tables, R: Repeat>(
    tables: &T,
    repeat: &R,
    address: Address,
) -> Option<AddressValue> {
    let head = tables.near(header::V6_LINE)?;
    let code = code(tables, head, address.high)?;
    if code != LOOK_FURTHER {
        let hash = KeyHash::of(chunk(head, address));
        let filter = word_of(head, header::V6_FILTER);
        let word = tables.word_within(low(filter).wrapping_add(hash.word(high(filter))))?;
        if word & hash.mask() != hash.mask() {
            return Some(AddressValue::of_code(code));
        }
    }
    further(tables, repeat, address, code)
}

/// The code of the /64 whose first 64 bits these are.
#[inline(always)]
fn code<T: Tables>(tables: &T, head: &Line, prefix: u64) -> Option<u32> {
    let block = low(prefix >> 48);
    let at = V6_TOP.wrapping_add(block >> 2);
    let TopEntry(entry) = TopEntry::of(word_of(tables.near(at >> 3)?, at), block);
    let Some(node) = entry.checked_sub(4) else { return Some(u32::from(entry)) };
    let at = low(word_of(head, header::V6_NODES))
        .wrapping_add(u32::from(node).wrapping_mul(V6_NODE_WORDS))
        .wrapping_add(high(prefix) >> 1 & (V6_NODE_WORDS - 1));
    let pair = tables.word_within(at)?;
    let entry = NodeEntry(low(pair.wrapping_shr((high(prefix) & 1) << 5)));
    let at = low(word_of(head, header::V6_LEAVES))
        .wrapping_add(entry.leaf(low(prefix)).wrapping_mul(V6_LEAF_WORDS));
    let line = tables.line(at >> 3)?;
    let leaf = [0, 1, 2, 3].map(|word| word_of(line, at.wrapping_add(word)));
    Some(Leaf(leaf).code(low(prefix)))
}

/// What the filter and the table of chunks know an address by.
#[inline(always)]
fn chunk(head: &Line, address: Address) -> u64 {
    address.high.wrapping_shr(low(word_of(head, header::V6_CHUNK_SHIFT)))
}

/// Looks up an address that does not end in the front.
///
/// A function of its own in the kernel too, so that it has a stack frame of its own, and is there
/// once for both ends of a packet.
#[inline(never)]
fn further<T: Tables, R: Repeat>(
    tables: &T,
    repeat: &R,
    address: Address,
    code: u32,
) -> Option<AddressValue> {
    let head = tables.near(header::V6_LINE)?;
    let mut word = IndexWord(0);
    if code == LOOK_FURTHER {
        let index = word_of(head, header::V6_INDEX);
        let chunk = low(address.high.wrapping_shr(high(index)));
        word = IndexWord(tables.word_within(low(index).wrapping_add(chunk))?);
    } else {
        let chunk = chunk(head, address);
        let chunks = word_of(head, header::V6_CHUNKS);
        let [one, other] = KeyHash::of(chunk).buckets(high(chunks));
        word.0 |= bucket::v6(tables.line(low(chunks).wrapping_add(one))?, chunk).0;
        word.0 |= bucket::v6(tables.line(low(chunks).wrapping_add(other))?, chunk).0;
        if word.0 == 0 {
            return Some(AddressValue::of_code(code));
        }
    }
    match word.value() {
        Some(value) => Some(value),
        None => range(tables, repeat, head, address, word),
    }
}

#[inline(always)]
fn range<T: Tables, R: Repeat>(
    tables: &T,
    repeat: &R,
    head: &Line,
    address: Address,
    word: IndexWord,
) -> Option<AddressValue> {
    let starts = word_of(head, header::V6_RANGES);
    let (highs, lows) = (low(starts), high(starts));
    let mut search = Search::new(word);
    repeat.repeat(MOST_STEPS, &mut || {
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
