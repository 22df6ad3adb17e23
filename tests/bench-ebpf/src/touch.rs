//! The floor: no more than the loads that any look-up in tables of this size takes. Whatever the
//! answer is, each end of a packet has to be looked for at a place of memory that its address says,
//! and addresses are random.

#![expect(unsafe_code, reason = "what the loader sets is read volatile; see SAFETY")]

use aya_ebpf::btf_maps::Array;
use aya_ebpf::macros::btf_map;
use sensor_common::layout::addresses::KeyHash;
use sensor_common::parse::{Address, Flow};
use sensor_common::tables::Line;

/// Lines of memory, all 0. The loader sets the size.
#[btf_map]
static MEMORY: Array<Line, 1> = Array::new();

/// Lines of the first and of the second part of [`MEMORY`]: a filter, and codes. What is behind them are
/// leaves, to which the codes lead. A part of no lines is not touched. Set before loading.
#[unsafe(no_mangle)]
static FILTER_LINES: u32 = 0;
#[unsafe(no_mangle)]
static CODES_LINES: u32 = 0;
#[unsafe(no_mangle)]
static LEAVES_LINES: u32 = 0;

/// Touches what stands at both ends of a packet; the sum of what is there, which is 0.
///
/// Side by side, step by step: the loads of a step wait for memory together.
#[inline(always)]
pub fn touch(flow: &Flow) -> u64 {
    let (filter, codes, leaves) =
        (set(&raw const FILTER_LINES), set(&raw const CODES_LINES), set(&raw const LEAVES_LINES));
    let (one, other) = (hash(flow.source), hash(flow.destination));
    let mut sum = word(one.word(filter)) | word(other.word(filter));
    if codes != 0 {
        let (first, second) = (hash(swapped(flow.source)), hash(swapped(flow.destination)));
        let at = |hash: KeyHash| filter.wrapping_add(hash.word(codes));
        let (here, there) = (word(at(first)), word(at(second)));
        sum |= here | there;
        if leaves != 0 {
            // Where a leaf is stands in the code.
            let at = |hash: KeyHash, code: u64| {
                let leaf = hash.buckets(leaves)[1].wrapping_add(sensor_common::layout::low(code));
                filter.wrapping_add(codes).wrapping_add(leaf)
            };
            sum |= word(at(first, here)) | word(at(second, there));
        }
    }
    sum
}

#[inline(always)]
fn hash(address: Address) -> KeyHash {
    KeyHash::of(address.high ^ address.low)
}

/// Another address, so that the parts are touched at places that have nothing to do with each other.
#[inline(always)]
fn swapped(address: Address) -> Address {
    Address { high: address.high.rotate_left(32), low: address.low.rotate_left(32) }
}

#[inline(always)]
fn word(line: u32) -> u64 {
    MEMORY.get(line).map_or(0, |line| line[0])
}

#[inline(always)]
fn set(number: *const u32) -> u32 {
    // SAFETY: a valid, aligned static; volatile because the loader changes it after compilation.
    unsafe { core::ptr::read_volatile(number) }
}
