//! The address tables, which give the class of an address and the sets that hold it: a front, tables of
//! single addresses and chunks, and disjoint ranges under a direct index (see
//! `sensor_common::layout::addresses`).

use ipnetwork::IpNetwork;
use sensor_common::direction::AddressClass;
use sensor_common::layout::addresses::{AddressValue, IndexWord};
use sensor_common::lookup::MOST_V4_RANGES;

use super::front::{self, Front};
use super::membership::{Memberships, Set};
use super::ranges::{Block, Start, flatten, overlay};
use super::trie::{self, Trie};
use super::{CompileError, Layer};

/// The tables of both IP versions.
pub(super) struct Addresses {
    pub(super) v4_front: Front,
    pub(super) v4_index: Index,
    pub(super) v6_front: Trie,
    pub(super) v6_ranges: Vec<Start<AddressValue>>,
    pub(super) v6_index: Index,
}

/// The index over the ranges of one IP version.
pub(super) struct Index {
    /// How far an address (an IPv6 address's first 64 bits) is shifted to give its chunk.
    pub(super) shift: u32,
    /// One word per chunk.
    pub(super) words: Vec<IndexWord>,
}

/// The input: the layers of direction, and the prefixes of every set.
pub(super) struct Sources<'a> {
    pub(super) layers: &'a [Layer<'a>],
    pub(super) sets: &'a [(Set, IpNetwork)],
}

/// The numbers in which the two IP versions differ; nothing else does.
struct Family {
    bits: u32,
    /// Bits of the address that the shift applies to: all of them, or the first 64.
    key_bits: u32,
    fewest_index_bits: u32,
    most_index_bits: u32,
    /// The most ranges that the search of a chunk may meet.
    most_ranges: u32,
}

const V4: Family = Family {
    bits: 32,
    key_bits: 32,
    fewest_index_bits: 8,
    // A chunk has 256 addresses, and so never more ranges than the search takes.
    most_index_bits: 24,
    most_ranges: MOST_V4_RANGES,
};

const V6: Family = Family {
    bits: 128,
    key_bits: 64,
    fewest_index_bits: 8,
    // Allocations of one registry share their first 12 bits and differ in the next 20.
    most_index_bits: 20,
    most_ranges: u32::MAX,
};

/// Compiles the tables of both IP versions.
pub(super) fn compile(
    sources: &Sources<'_>,
    memberships: &mut Memberships,
) -> Result<Addresses, CompileError> {
    let v4 = ranges(&V4, sources, IpNetwork::is_ipv4, memberships)?;
    let v4_front = front::compile(v4);
    let v4_index = index(&V4, &v4_front.ranges)?;
    let v6_ranges = ranges(&V6, sources, IpNetwork::is_ipv6, memberships)?;
    let v6_front = trie::compile(&v6_ranges)?;
    let v6_index = index(&V6, &v6_ranges)?;
    Ok(Addresses { v4_front, v4_index, v6_front, v6_ranges, v6_index })
}

fn ranges(
    family: &Family,
    sources: &Sources<'_>,
    belongs: fn(&IpNetwork) -> bool,
    memberships: &mut Memberships,
) -> Result<Vec<Start<AddressValue>>, CompileError> {
    let classes = classes(sources.layers, belongs);
    let blocks = sources.sets.iter().filter(|(_, network)| belongs(network));
    let blocks = blocks.map(|(set, network)| block(network, *set)).collect();
    let members = flatten(blocks, 0, |outer, set| memberships.with(outer, set));
    let mut ranges = overlay(&classes, &members, AddressValue::new);
    // No range may start after the last IPv4 address.
    ranges.retain(|(first, _)| family.bits == 128 || *first < 1 << family.bits);
    if u32::try_from(ranges.len()).is_err() {
        return Err(CompileError::TooLarge);
    }
    Ok(ranges)
}

/// The classes of all addresses of an IP version: each layer hides the one before wherever it names anything.
pub(super) fn classes(
    layers: &[Layer<'_>],
    belongs: fn(&IpNetwork) -> bool,
) -> Vec<Start<AddressClass>> {
    let mut classes: Vec<Start<AddressClass>> = vec![(0, AddressClass::Unclassified)];
    for layer in layers {
        let blocks = layer.iter().filter(|(network, _)| belongs(network));
        let blocks = blocks.map(|(network, class)| block(network, Some(*class))).collect();
        let named = flatten(blocks, None, |_, class| class);
        classes = overlay(&classes, &named, |below, above| above.unwrap_or(below));
    }
    classes
}

fn block<V>(network: &IpNetwork, value: V) -> Block<V> {
    let (first, last) = match network {
        IpNetwork::V4(network) => {
            (u128::from(u32::from(network.network())), u128::from(u32::from(network.broadcast())))
        }
        IpNetwork::V6(network) => (u128::from(network.network()), u128::from(network.broadcast())),
    };
    Block { first, last, value }
}

/// Puts an index over the ranges: about as many chunks as ranges, and more where a chunk would
/// have more ranges than its search takes.
fn index(family: &Family, ranges: &[Start<AddressValue>]) -> Result<Index, CompileError> {
    let wanted = usize::BITS - ranges.len().leading_zeros();
    let mut index_bits = wanted.clamp(family.fewest_index_bits, family.most_index_bits);
    loop {
        let words = chunks(family, index_bits, ranges);
        if words.iter().all(|word| word.value().is_some() || word.count() <= family.most_ranges) {
            return Ok(Index { shift: family.key_bits - index_bits, words });
        }
        if index_bits == family.most_index_bits {
            return Err(CompileError::TooLarge);
        }
        index_bits += 1;
    }
}

fn chunks(family: &Family, index_bits: u32, ranges: &[Start<AddressValue>]) -> Vec<IndexWord> {
    let chunk_bits = family.bits - index_bits;
    let mut behind = 0;
    (0..1_u128 << index_bits)
        .map(|chunk| {
            let first = chunk << chunk_bits;
            let last = first | ((1 << chunk_bits) - 1);
            while behind < ranges.len() && ranges[behind].0 <= first {
                behind += 1;
            }
            // The range that holds the chunk's first address. There is one, because ranges start at 0.
            let start = behind - 1;
            while behind < ranges.len() && ranges[behind].0 <= last {
                behind += 1;
            }
            trie::index_word(ranges, start, behind - start)
        })
        .collect()
}
