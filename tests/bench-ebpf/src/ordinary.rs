//! The design to compare with: what one writes with the maps that the kernel has. Direction by a
//! trie of prefixes, selectors by another one, or, where an order names single addresses only, by
//! a hash table. IPv4 only. Nothing in here is tuned against it.

#![expect(unsafe_code, reason = "maps are reached through pointers; see each SAFETY")]

use aya_ebpf::btf_maps::lpm_trie::Key;
use aya_ebpf::btf_maps::{HashMap, LpmTrie, PerCpuArray};
use aya_ebpf::macros::btf_map;
use sensor_common::packet::Packet;

use crate::parsed;

/// The class of the addresses of a prefix. The loader sets the size.
#[btf_map]
static DIRECTION: LpmTrie<[u8; 4], u32, 1> = LpmTrie::new();

/// The set of the addresses of a prefix. The loader sets the size.
#[btf_map]
static PREFIXES: LpmTrie<[u8; 4], u32, 1> = LpmTrie::new();

/// The set of a single address. The loader sets the size.
#[btf_map]
static ADDRESSES: HashMap<[u8; 4], u32, 1> = HashMap::new();

/// Packets by outcome.
#[btf_map]
static OUTCOMES: PerCpuArray<u64, { Outcome::COUNT as usize }> = PerCpuArray::new();

/// 1 if the selectors are single addresses only, in [`ADDRESSES`]; 0 if they are in [`PREFIXES`].
/// Set before loading.
#[unsafe(no_mangle)]
static SINGLE_ADDRESSES: u8 = 0;

/// What became of a packet: positions in [`OUTCOMES`], which the benchmark reads.
struct Outcome;

impl Outcome {
    const MATCHED: u32 = 0;
    const UNMATCHED: u32 = 1;
    const UNCLASSIFIED: u32 = 2;
    const UNPARSED: u32 = 3;
    const COUNT: u32 = 4;
}

/// Judges a frame and counts its outcome.
#[inline(always)]
pub fn judge<P: Packet>(frame: &P) {
    let outcome = match parsed(frame) {
        Ok(flow) => {
            let ends = [flow.source.v4().to_be_bytes(), flow.destination.v4().to_be_bytes()];
            classify(ends)
        }
        Err(_) => Outcome::UNPARSED,
    };
    if let Some(counter) = OUTCOMES.get_ptr_mut(outcome) {
        // SAFETY: a valid pointer into this CPU's slot, which nobody else writes meanwhile.
        unsafe { *counter += 1 };
    }
}

#[inline(always)]
fn classify([source, destination]: [[u8; 4]; 2]) -> u32 {
    if direction(source).is_none() || direction(destination).is_none() {
        return Outcome::UNCLASSIFIED;
    }
    if selected(source) || selected(destination) { Outcome::MATCHED } else { Outcome::UNMATCHED }
}

#[inline(always)]
fn direction(address: [u8; 4]) -> Option<u32> {
    DIRECTION.get(&Key::new(32, address)).copied()
}

#[inline(always)]
fn selected(address: [u8; 4]) -> bool {
    // SAFETY: a valid, aligned static; volatile because the loader changes it after compilation.
    let single = unsafe { core::ptr::read_volatile(&raw const SINGLE_ADDRESSES) };
    if single == 1 {
        // SAFETY: nobody changes the map while the benchmark runs.
        unsafe { ADDRESSES.get(address) }.is_some()
    } else {
        PREFIXES.get(&Key::new(32, address)).is_some()
    }
}
