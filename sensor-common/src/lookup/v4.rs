//! IPv4: the code of the /16 or, where that is mixed, of the /24; the filter; then the table of single
//! addresses or the ranges.

use super::bucket;
use super::search::Search;
use crate::layout::addresses::{
    AddressValue, KeyHash, LOOK_FURTHER, V4_COARSE, V4_COARSE_SHIFT, V4_FINE, V4_FINE_SHIFT, code,
};
use crate::layout::{IndexWord, header, high, low};
use crate::opaque::below;
use crate::tables::{Line, Tables, word_of};

/// Most steps of a search. The controller's compiler keeps a chunk's ranges within [`MOST_V4_RANGES`]. It
/// always can, as the smallest chunk has 256 addresses.
const MOST_STEPS: u32 = 9;

/// Most ranges in a chunk of the IPv4 index: as many as the steps of a search narrow down to one.
pub const MOST_V4_RANGES: u32 = 1 << MOST_STEPS;

/// Looks up one IPv4 address in host byte order.
#[inline(always)]
pub(super) fn look_up<T: Tables>(tables: &T, head: &Line, address: u32) -> Option<AddressValue> {
    let code = code_of(tables, address)?;
    if code != LOOK_FURTHER {
        let hash = KeyHash::of(u64::from(address));
        let filter = word_of(head, header::V4_FILTER);
        let word = tables.word_within(low(filter).wrapping_add(hash.word(high(filter))))?;
        if word & hash.mask() != hash.mask() {
            return Some(AddressValue::of_code(code));
        }
    }
    AddressValue::unpack(further(tables, address))
}

/// The code of the address's /16 or, where that is mixed, of its /24.
#[inline(always)]
fn code_of<T: Tables>(tables: &T, address: u32) -> Option<u32> {
    let at = V4_COARSE.wrapping_add(address >> V4_COARSE_SHIFT);
    let coarse = code(word_of(tables.near(at >> 3)?, at), address >> 16);
    if coarse != LOOK_FURTHER {
        return Some(coarse);
    }
    let at = V4_FINE.wrapping_add(address >> V4_FINE_SHIFT);
    Some(code(tables.word_within(at)?, address >> 8))
}

/// Looks up an address for which the front has no answer. Returns an [`AddressValue::pack`]. Out of line,
/// once for both ends of a packet. The code is not passed but read again: the verifier would walk through
/// the function once for each code passed.
#[inline(never)]
fn further<T: Tables>(tables: &T, address: u32) -> u32 {
    tables.hide_half(AddressValue::pack(behind_front(tables, address)))
}

#[inline(always)]
fn behind_front<T: Tables>(tables: &T, address: u32) -> Option<AddressValue> {
    let head = tables.near(0)?;
    let code = code_of(tables, address)?;
    if code == LOOK_FURTHER {
        return range(tables, head, address);
    }
    let singles = word_of(head, header::V4_SINGLES);
    let [one, other] = KeyHash::of(u64::from(address)).buckets(high(singles));
    let line = |bucket: u32| tables.line(low(singles).wrapping_add(bucket));
    let (one, other) = (line(one)?, line(other)?);
    match bucket::v4(one, address).or_else(|| bucket::v4(other, address)) {
        Some(found) if found.row() != 0 => Some(found),
        _ => Some(AddressValue::of_code(code)),
    }
}

#[inline(always)]
fn range<T: Tables>(tables: &T, head: &Line, address: u32) -> Option<AddressValue> {
    let index = word_of(head, header::V4_INDEX);
    let chunk = address.wrapping_shr(high(index));
    let word = IndexWord(tables.word_within(low(index).wrapping_add(chunk))?);
    if let Some(value) = word.value() {
        return Some(value);
    }
    let ranges = low(word_of(head, header::V4_RANGES));
    let mut search = Search::new(word);
    for _ in 0..MOST_STEPS {
        if search.is_over() {
            break;
        }
        let first = high(tables.word_within(ranges.wrapping_add(search.middle()))?);
        search.step(below(u64::from(address), u64::from(first)) ^ 1);
    }
    Some(AddressValue(low(tables.word_within(ranges.wrapping_add(search.first()))?)))
}
