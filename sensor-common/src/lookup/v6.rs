//! IPv6: the codes of top, node and leaf; the filter; then the table of chunks or the index, and the
//! ranges.

use super::bucket;
use super::search::Search;
use crate::layout::addresses::{
    AddressValue, KeyHash, LOOK_FURTHER, Leaf, NodeBlock, TopEntry, V6_LEAF_WORDS, V6_NODE_WORDS,
    V6_TOP,
};
use crate::layout::{IndexWord, halves, header, high, low};
use crate::opaque::below;
use crate::parse::Address;
use crate::repeat::Repeat;
use crate::tables::{LINE_WORDS, Line, Tables, word_of};

/// Steps that narrow the most ranges of an [`IndexWord`] down to one.
const MOST_STEPS: u32 = 31;

/// The front's answers for source and destination, as [`halves`] of a word: an address's value or
/// [`LOOK_BEHIND`]. Where the tables are inconsistent, both ends are unclassified.
///
/// The loads for both ends are next to each other, step by step, so that the processor waits for memory once
/// a step, not twice. If the ends were looked up in turn, the second end's loads would be too far behind
/// the first's to be started while those are pending.
#[inline(always)]
pub(super) fn front<T: Tables>(tables: &T, ends: &[Address; 2]) -> u64 {
    tables.hide(answers(tables, ends).unwrap_or_default())
}

#[inline(always)]
fn answers<T: Tables>(tables: &T, [source, destination]: &[Address; 2]) -> Option<u64> {
    let head = tables.near(header::V6_LINE)?;
    let one = KeyHash::of(chunk(head, source.high));
    let other = KeyHash::of(chunk(head, destination.high));
    let (one_word, other_word) = (filter(tables, head, one)?, filter(tables, head, other)?);
    let one_leaf = leaf(tables, head, source.high)?;
    let other_leaf = leaf(tables, head, destination.high)?;
    let one_code = code(tables, head, one_leaf, source.high)?;
    let other_code = code(tables, head, other_leaf, destination.high)?;
    let answer = |hash: KeyHash, word: u64, code: u32| {
        let ends = code != LOOK_FURTHER && word & hash.mask() != hash.mask();
        if ends { AddressValue::of_code(code).0 } else { LOOK_BEHIND }
    };
    Some(halves(answer(one, one_word, one_code), answer(other, other_word, other_code)))
}

/// Stands for the value of an address for which the front has no answer.
const LOOK_BEHIND: u32 = u32::MAX;

/// The value of an address, given the front's answer.
#[inline(always)]
pub(super) fn value<T: Tables, R: Repeat>(
    tables: &T,
    repeat: &R,
    answer: u32,
    address: &Address,
) -> Option<AddressValue> {
    if answer == LOOK_BEHIND {
        AddressValue::unpack(further(tables, repeat, address))
    } else {
        Some(AddressValue(answer))
    }
}

/// The word of the filter that has a key's bits.
#[inline(always)]
fn filter<T: Tables>(tables: &T, head: &Line, hash: KeyHash) -> Option<u64> {
    let filter = word_of(head, header::V6_FILTER);
    tables.word_within(low(filter).wrapping_add(hash.word(high(filter))))
}

/// The number of a /32's leaf. Where the top has a code for all of the /16, it is the leaf of that code.
#[inline(always)]
fn leaf<T: Tables>(tables: &T, head: &Line, prefix: u64) -> Option<u32> {
    let block = low(prefix >> 48);
    let at = V6_TOP.wrapping_add(block >> 2);
    let TopEntry(entry) = TopEntry::of(word_of(tables.near(at >> 3)?, at), block);
    let Some(node) = entry.checked_sub(TopEntry::CODES) else {
        return Some(u32::from(entry));
    };
    let part = low(prefix >> 32) & 0xffff;
    let at = low(word_of(head, header::V6_NODES))
        .wrapping_add(u32::from(node).wrapping_mul(V6_NODE_WORDS))
        .wrapping_add(part >> 5 << 1);
    let line = tables.line(at >> 3)?;
    let block = NodeBlock { codes: word_of(line, at), first: low(word_of(line, at | 1)) };
    Some(block.leaf(part))
}

/// The code of the /64 whose first 64 bits these are, in leaf number `number`.
#[inline(always)]
fn code<T: Tables>(tables: &T, head: &Line, number: u32, prefix: u64) -> Option<u32> {
    let rest = low(prefix);
    let mut leaf = leaf_at(tables, head, number)?;
    // Few /32s have so many ranges.
    if let Some(leaves) = leaf.leaves() {
        leaf = leaf_at(tables, head, leaves.leaf(rest))?;
    }
    Some(leaf.code(rest))
}

#[inline(always)]
fn leaf_at<T: Tables>(tables: &T, head: &Line, number: u32) -> Option<Leaf> {
    const IN_A_LINE: u32 = (LINE_WORDS / V6_LEAF_WORDS) as u32;
    let first = low(word_of(head, header::V6_LEAVES));
    let line = tables.line(first.wrapping_add(number / IN_A_LINE))?;
    let (leaves, _) = line.as_chunks::<V6_LEAF_WORDS>();
    leaves.get((number % IN_A_LINE) as usize).copied().map(Leaf)
}

/// The chunk of an address: the key of the filter and of the table of chunks.
#[inline(always)]
fn chunk(head: &Line, prefix: u64) -> u64 {
    prefix.wrapping_shr(low(word_of(head, header::V6_CHUNK_SHIFT)))
}

/// Looks up an address for which the front has no answer. Returns an [`AddressValue::pack`]. Out of line,
/// once for both ends of a packet.
#[inline(never)]
fn further<T: Tables, R: Repeat>(tables: &T, repeat: &R, address: &Address) -> u32 {
    tables.hide_half(AddressValue::pack(behind_front(tables, repeat, address)))
}

#[inline(always)]
fn behind_front<T: Tables, R: Repeat>(
    tables: &T,
    repeat: &R,
    address: &Address,
) -> Option<AddressValue> {
    let head = tables.near(header::V6_LINE)?;
    let code = code(tables, head, leaf(tables, head, address.high)?, address.high)?;
    let word = if code == LOOK_FURTHER {
        let index = word_of(head, header::V6_INDEX);
        let chunk = low(address.high.wrapping_shr(high(index)));
        IndexWord(tables.word_within(low(index).wrapping_add(chunk))?)
    } else {
        let chunk = chunk(head, address.high);
        let chunks = word_of(head, header::V6_CHUNKS);
        let [one, other] = KeyHash::of(chunk).buckets(high(chunks));
        let line = |bucket: u32| tables.line(low(chunks).wrapping_add(bucket));
        let (one, other) = (line(one)?, line(other)?);
        match bucket::v6(one, chunk).or_else(|| bucket::v6(other, chunk)) {
            Some(word) if word.0 != 0 => word,
            _ => return Some(AddressValue::of_code(code)),
        }
    };
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
    address: &Address,
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
    Some(AddressValue(low(tables.word_within(values.wrapping_add(search.first()))?)))
}
