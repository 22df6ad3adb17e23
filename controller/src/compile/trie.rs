//! The IPv6 front: codes of the /64s as a trie of three levels, and the chunks, which have a filter and a
//! table of their own (see `sensor_common::layout::addresses`).

use std::cmp::Reverse;

use sensor_common::layout::addresses::{
    AddressValue, IndexWord, LOOK_FURTHER, Leaf, Leaves, NodeBlock, TopEntry, V6_LEAF_RANGES,
    V6_TOP_WORDS,
};

use super::CompileError;
use super::ranges::Start;

/// The front of the IPv6 addresses.
pub(super) struct Trie {
    /// An entry for each /16, four to a word.
    pub(super) top: Vec<u64>,
    /// The nodes, one after the other.
    pub(super) nodes: Vec<u64>,
    /// The leaves, one after the other.
    pub(super) leaves: Vec<Leaf>,
    /// How far an address's first 64 bits are shifted to give its chunk.
    pub(super) chunk_shift: u32,
    /// The chunks with a set in them, ascending, and the table's entry for each.
    pub(super) chunks: Vec<(u64, IndexWord)>,
}

/// The prefix lengths that a chunk may have. Longer prefixes in sets are found by chunk, shorter ones by
/// code.
const CHUNK_LENGTHS: [u32; 3] = [64, 56, 48];
/// A range in at most this many chunks has an entry for each; a range in more has the code [`LOOK_FURTHER`].
const MOST_CHUNKS: u128 = 4;
/// The most ranges that may have that code before a shorter chunk is tried, because they need leaves of their
/// own.
const MOST_WIDE: usize = 1 << 14;
/// /32s of a [`NodeBlock`].
const PARTS: usize = 32;
/// The most bits by which the leaves of a /32 are told apart.
const MOST_LEAF_BITS: u32 = 8;

/// Makes the front from the ranges of the IPv6 addresses, which start at 0.
pub(super) fn compile(ranges: &[Start<AddressValue>]) -> Result<Trie, CompileError> {
    let wide = |length: &u32| {
        let is_wide =
            |(chunks, value): (u128, AddressValue)| value.row() != 0 && chunks > MOST_CHUNKS;
        extents(ranges, *length).filter(|extent| is_wide(*extent)).count()
    };
    let fits = CHUNK_LENGTHS.iter().copied().find(|length| wide(length) <= MOST_WIDE);
    let length = fits.unwrap_or(48);
    let codes = codes(ranges, length);
    let mut trie = Trie {
        top: vec![0; V6_TOP_WORDS as usize],
        nodes: Vec::new(),
        leaves: (0..=LOOK_FURTHER).map(Leaf::uniform).collect(),
        chunk_shift: 64 - length,
        chunks: chunks(ranges, length),
    };
    trie.blocks(&codes)?;
    Ok(trie)
}

/// For each range, in how many chunks of this length it lies, and its value.
fn extents(
    ranges: &[Start<AddressValue>],
    length: u32,
) -> impl Iterator<Item = (u128, AddressValue)> {
    (0..ranges.len()).map(move |number| {
        let (first, last) = ends(ranges, number);
        ((last >> (128 - length)) - (first >> (128 - length)) + 1, ranges[number].1)
    })
}

/// The first and the last address of a range.
fn ends(ranges: &[Start<AddressValue>], number: usize) -> (u128, u128) {
    let behind = ranges.get(number + 1).map(|range| range.0);
    (ranges[number].0, behind.map_or(u128::MAX, |behind| behind - 1))
}

/// Ranges of /64s and the code of each, ascending, starting at 0.
fn codes(ranges: &[Start<AddressValue>], length: u32) -> Vec<(u64, u32)> {
    let mut codes: Vec<(u64, u32)> = Vec::new();
    for (number, (chunks, value)) in extents(ranges, length).enumerate() {
        let wide = value.row() != 0 && chunks > MOST_CHUNKS;
        let code = if wide { LOOK_FURTHER } else { value.class() as u32 };
        let (first, whole) = (ranges[number].0, ranges[number].0 << 64 == 0);
        let first = u64::try_from(first >> 64).expect("64 bits of 128");
        let Some(last) = codes.last_mut() else {
            codes.push((first, code));
            continue;
        };
        if last.0 > first {
            // Its /64 is mixed, and the next one starts with this code.
            last.1 = code;
        } else if last.1 != code {
            let from = if whole { Some(first) } else { first.checked_add(1) };
            if !whole {
                put(&mut codes, first, LOOK_FURTHER);
            }
            if let Some(from) = from {
                put(&mut codes, from, code);
            }
        }
    }
    codes
}

/// Appends a start, or replaces the last one if both are equal.
fn put(codes: &mut Vec<(u64, u32)>, first: u64, code: u32) {
    codes.pop_if(|last| last.0 == first);
    codes.push((first, code));
}

/// The chunks with sets that are found by chunk, and where their ranges are.
fn chunks(ranges: &[Start<AddressValue>], length: u32) -> Vec<(u64, IndexWord)> {
    let mut chunks: Vec<(u64, IndexWord)> = Vec::new();
    // The range that holds the first address of the chunk at hand.
    let mut start = 0;
    for (number, (count, value)) in extents(ranges, length).enumerate() {
        if value.row() == 0 || count > MOST_CHUNKS {
            continue;
        }
        let first = ranges[number].0 >> (128 - length);
        for chunk in first..first + count {
            let key = u64::try_from(chunk).expect("64 bits at most");
            if chunks.last().is_some_and(|last| last.0 >= key) {
                continue;
            }
            let low = chunk << (128 - length);
            let high = low | u128::MAX >> length;
            while ranges.get(start + 1).is_some_and(|range| range.0 <= low) {
                start += 1;
            }
            let inside = ranges[start + 1..].iter().take_while(|range| range.0 <= high).count();
            chunks.push((key, index_word(ranges, start, inside + 1)));
        }
    }
    chunks
}

impl Trie {
    /// Fills top, nodes and leaves.
    fn blocks(&mut self, codes: &[(u64, u32)]) -> Result<(), CompileError> {
        // The /16s with more than one code, and where their codes are.
        let mut mixed = Vec::new();
        for block in 0..1_u64 << 16 {
            let inside = within(codes, block << 48, block << 48 | u64::MAX >> 16);
            match inside {
                [(_, code)] => self.set_top(block, u16::try_from(*code).unwrap_or(3)),
                _ => mixed.push((block, inside)),
            }
        }
        // If there are too many, those with the fewest codes get none.
        mixed.sort_by_key(|(_, inside)| Reverse(inside.len()));
        for (number, (block, inside)) in (0..).zip(mixed) {
            if number < TopEntry::MOST_NODES {
                self.set_top(block, TopEntry::node(number).0);
                self.node(block, inside)?;
            } else {
                self.set_top(block, 3);
            }
        }
        Ok(())
    }

    fn set_top(&mut self, block: u64, entry: u16) {
        let word = usize::try_from(block / 4).expect("16 bits");
        self.top[word] |= u64::from(entry) << (block % 4 * 16);
    }

    fn node(&mut self, block: u64, mut codes: &[(u64, u32)]) -> Result<(), CompileError> {
        for parts in (0..1_u64 << 16).step_by(PARTS) {
            let mut node = NodeBlock { codes: 0, first: self.next_leaf()? };
            let mut crowded = Vec::new();
            for part in 0..PARTS as u64 {
                let first = block << 48 | (parts + part) << 32;
                codes = from(codes, first);
                let inside = until(codes, first | u64::from(u32::MAX));
                let code = if let [(_, code)] = inside { *code } else { LOOK_FURTHER };
                node.codes |= u64::from(code) << (part * 2);
                if code == LOOK_FURTHER {
                    if inside.len() > V6_LEAF_RANGES {
                        crowded.push((self.leaves.len(), first, inside));
                    }
                    self.leaves.push(leaf(inside));
                }
            }
            // After the block's own leaves, which are next to each other.
            for (at, first, inside) in crowded {
                self.leaves[at] = Leaf::several(self.part(first, inside)?);
            }
            self.nodes.extend([node.codes, u64::from(node.first)]);
        }
        Ok(())
    }

    /// The number of the next leaf.
    fn next_leaf(&self) -> Result<u32, CompileError> {
        let number = u32::try_from(self.leaves.len()).map_err(|_| CompileError::TooLarge)?;
        let full = number >= Leaves::MOST - (1 << MOST_LEAF_BITS);
        if full { Err(CompileError::TooLarge) } else { Ok(number) }
    }

    /// The leaves of a /32 with more codes than one leaf holds: as few as possible, and at most two for each
    /// code (32 bytes). If those do not suffice, a leaf says [`LOOK_FURTHER`].
    fn part(&mut self, first: u64, codes: &[(u64, u32)]) -> Result<Leaves, CompileError> {
        let most = (2 * codes.len()).ilog2().min(MOST_LEAF_BITS);
        let fit =
            |bits: &u32| leaves(first, codes, *bits).all(|codes| codes.len() <= V6_LEAF_RANGES);
        let bits = (1..most).find(fit).unwrap_or(most);
        let number = self.next_leaf()?;
        self.leaves.extend(leaves(first, codes, bits).map(leaf));
        Ok(Leaves::new(number, bits))
    }
}

/// The index's word for a chunk that lies in `count` ranges from number `start` on.
pub(super) fn index_word(ranges: &[Start<AddressValue>], start: usize, count: usize) -> IndexWord {
    match count {
        1 => IndexWord::leaf(ranges[start].1),
        count => IndexWord::ranges(narrow(start), narrow(count)),
    }
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).expect("checked against the number of ranges")
}

/// The leaf of these codes, or one that says [`LOOK_FURTHER`] if it cannot hold them.
fn leaf(codes: &[(u64, u32)]) -> Leaf {
    #[expect(clippy::cast_possible_truncation, reason = "the bits behind the /32 are meant")]
    let ranges: Vec<_> = codes.iter().map(|(first, code)| (*first as u32, *code)).collect();
    if ranges.len() <= V6_LEAF_RANGES { Leaf::new(&ranges) } else { Leaf::uniform(LOOK_FURTHER) }
}

/// The codes of each leaf of a /32 that is divided into two to the power of `bits` leaves.
fn leaves(first: u64, codes: &[(u64, u32)], bits: u32) -> impl Iterator<Item = &[(u64, u32)]> {
    let length = (1_u64 << 32) >> bits;
    let mut rest = codes;
    (0..1_u64 << bits).map(move |number| {
        let start = first + number * length;
        rest = from(rest, start);
        until(rest, start + (length - 1))
    })
}

/// The codes from the one that holds `first` on.
fn within(codes: &[(u64, u32)], first: u64, last: u64) -> &[(u64, u32)] {
    let start = codes.partition_point(|code| code.0 <= first) - 1;
    until(&codes[start..], last)
}

fn from(codes: &[(u64, u32)], first: u64) -> &[(u64, u32)] {
    let before = codes.iter().take_while(|code| code.0 <= first).count();
    &codes[before.saturating_sub(1)..]
}

fn until(codes: &[(u64, u32)], last: u64) -> &[(u64, u32)] {
    &codes[..codes.partition_point(|code| code.0 <= last)]
}

#[cfg(test)]
mod tests;
