//! The address tables: where each part is, and how its words are packed.
//!
//! Most addresses are in no set, and their look-up ends in the **front**: *codes* give the class of all
//! addresses of a block, and a *filter* says whether an address may be in a set. The filter is a Bloom
//! filter whose bits for one key are in one word (Putze, Sanders, Singler: "Cache-, hash- and space-efficient
//! Bloom filters", ACM JEA 14, 2009); its false positives cost time, never an answer.
//!
//! An address that passes is looked up in a **bucketed cuckoo hash table** (Pagh, Rodler: "Cuckoo hashing", J.
//! Algorithms 51, 2004; with buckets: Dietzfelbinger, Weidling: "Balanced allocation and dictionaries
//! with tightly packed constant size bins", TCS 380, 2007): a key is in one of two buckets, each of
//! which is one cache line, or nowhere.
//!
//! Where the code says [`LOOK_FURTHER`] the answer is in the **ranges**. Their structure is that of DXR
//! (Zec, Rizzo, Mikuc: "DXR: towards a billion routing lookups per second in software", ACM CCR
//! 42(5), 2012): a direct index on the first bits of the address, then a binary search among the few
//! ranges of that chunk.
//!
//! ```text
//!             codes                        filter        passes: cuckoo table
//!  IPv4   /16, where mixed: /24            address       address → value
//!  IPv6   /16 → node: /32 → leaf: to /64   chunk         chunk   → value, or ranges
//! ```

use super::{halves, header, high, low};
use crate::opaque::select;

/// The code of a block whose addresses differ. Any other code is the [`crate::direction::AddressClass`] of
/// all of them.
pub const LOOK_FURTHER: u32 = 3;

/// Position of the codes of the IPv4 /16s, 32 codes to a word. Like [`V6_TOP`] they are near the header:
/// see [`crate::tables::Tables::near`].
pub const V4_COARSE: u32 = header::WORDS;
/// Addresses that differ in this many lower bits only have their coarse codes in one word.
pub const V4_COARSE_SHIFT: u32 = 21;

/// Position of the IPv6 top: for each /16 one [`TopEntry`] of 16 bits, four to a word.
pub const V6_TOP: u32 = V4_COARSE + (1 << (32 - V4_COARSE_SHIFT));
/// Words of the IPv6 top.
pub const V6_TOP_WORDS: u32 = 1 << 14;

/// Position of the codes of the IPv4 /24s. Those of a /16 share a line, and are read only where the /16 is
/// mixed.
pub const V4_FINE: u32 = V6_TOP + V6_TOP_WORDS;
/// Addresses that differ in this many lower bits only have their fine codes in one word.
pub const V4_FINE_SHIFT: u32 = 13;
/// Position of the first word behind the parts whose positions are fixed.
pub const BEHIND_CODES: u32 = V4_FINE + (1 << (32 - V4_FINE_SHIFT));

const _: () = assert!(V4_FINE.is_multiple_of(8), "a /16's codes must lie in one line");
const _: () = assert!(V4_FINE <= crate::tables::SEGMENT_LINES * 8, "the top must be near");

/// The code of block number `block` in its word.
#[inline(always)]
pub const fn code(word: u64, block: u32) -> u32 {
    low(word.wrapping_shr((block & 31) << 1)) & LOOK_FURTHER
}

/// The result of a look-up: the address's class in the two upper bits, the number of its row in the
/// others. Row 0 belongs to the addresses that are in no set.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct AddressValue(pub u32);

impl AddressValue {
    const ROW_BITS: u32 = 30;
    /// Most rows that an address value can name.
    pub const MOST_ROWS: u32 = 1 << Self::ROW_BITS;

    /// Puts class and row together; `row` is below [`Self::MOST_ROWS`].
    pub const fn new(class: crate::direction::AddressClass, row: u32) -> Self {
        Self((class as u32) << Self::ROW_BITS | row & (Self::MOST_ROWS - 1))
    }

    /// The value of the addresses with this code that are in no set.
    #[inline(always)]
    pub const fn of_code(code: u32) -> Self {
        Self(code << Self::ROW_BITS)
    }

    /// A value or `None` in one register, as a function out of line returns it ([`crate::opaque`]). No value
    /// has all bits set, as no class is 3.
    #[inline(always)]
    pub const fn pack(value: Option<Self>) -> u32 {
        match value {
            Some(value) => value.0,
            None => u32::MAX,
        }
    }

    /// The inverse of [`Self::pack`].
    #[inline(always)]
    pub const fn unpack(packed: u32) -> Option<Self> {
        if packed == u32::MAX { None } else { Some(Self(packed)) }
    }

    /// Where the address lies.
    #[inline(always)]
    pub const fn class(self) -> crate::direction::AddressClass {
        crate::direction::AddressClass::from_bits(self.0 >> Self::ROW_BITS)
    }

    /// The number of the row that says of which sets the address is a member.
    #[inline(always)]
    pub const fn row(self) -> u32 {
        self.0 & (Self::MOST_ROWS - 1)
    }
}

/// A word of an address index: either the value of the whole chunk, or where its ranges are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct IndexWord(pub u64);

impl IndexWord {
    const LEAF: u64 = 1 << 63;

    /// All addresses of the chunk have this value.
    pub const fn leaf(value: AddressValue) -> Self {
        Self(Self::LEAF | value.0 as u64)
    }

    /// The chunk's addresses lie in `count` ranges (at least one), the first of which is the
    /// `first`th of the table and starts at or before the chunk's first address.
    pub const fn ranges(first: u32, count: u32) -> Self {
        Self((count as u64 & 0x7fff_ffff) << 32 | first as u64)
    }

    /// The value, if the chunk has only one.
    #[inline(always)]
    pub const fn value(self) -> Option<AddressValue> {
        if self.0 & Self::LEAF != 0 { Some(AddressValue(low(self.0))) } else { None }
    }

    /// Number of the chunk's first range.
    #[inline(always)]
    pub const fn first(self) -> u32 {
        low(self.0)
    }

    /// How many ranges to search.
    #[inline(always)]
    pub const fn count(self) -> u32 {
        high(self.0) & 0x7fff_ffff
    }
}

/// The hash of a key, which is an IPv4 address or an IPv6 chunk: where the key is in the filter and in the
/// cuckoo table. No two keys have the same hash.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeyHash(u64);

impl KeyHash {
    /// Hashes a key: a multiplicative hash, mixed once (Knuth, TAOCP vol. 3, section 6.4).
    #[inline(always)]
    pub const fn of(key: u64) -> Self {
        let product = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self((product ^ product >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93))
    }

    /// The number of the key's word in a filter of `words` words, fewer than 2³².
    #[inline(always)]
    pub const fn word(self, words: u32) -> u32 {
        scale(high(self.0), words)
    }

    /// The bits that are set in that word.
    #[inline(always)]
    pub const fn mask(self) -> u64 {
        1 << (self.0 & 63) | 1 << (self.0 >> 6 & 63) | 1 << (self.0 >> 12 & 63)
    }

    /// The numbers of the key's buckets in a cuckoo table of `buckets` buckets.
    #[inline(always)]
    pub const fn buckets(self, buckets: u32) -> [u32; 2] {
        [scale(high(self.0), buckets), scale(low(self.0), buckets)]
    }
}

/// Scales 32 random bits to a number below `count`, without a division (Lemire: "Fast random integer
/// generation in an interval", ACM TOMACS 29, 2019).
#[inline(always)]
const fn scale(bits: u32, count: u32) -> u32 {
    high((bits as u64).wrapping_mul(count as u64))
}

/// Entries in a bucket of the IPv4 table: `halves(value, address)`, or 0 for an unused entry. As 0 is
/// also the entry of 0.0.0.0 in no set, an entry with row 0 counts as not found.
pub const V4_BUCKET: usize = 8;

/// Entries in a bucket of the IPv6 table: four chunks, then their four index words. The index word of an
/// unused entry is 0.
pub const V6_BUCKET: usize = 4;

/// The entry of a /16 in the IPv6 top: a code for all of it, or the number of its node.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TopEntry(pub u16);

impl TopEntry {
    /// Entries below this are codes.
    pub const CODES: u16 = 4;
    /// Most nodes: 32 MiB of them.
    pub const MOST_NODES: u16 = 1_024;

    /// The entry in a word of the top.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the lower 16 bits are meant")]
    pub const fn of(word: u64, block: u32) -> Self {
        Self(word.wrapping_shr((block & 3) << 4) as u16)
    }

    /// The entry of a /16 with a node.
    pub const fn node(number: u16) -> Self {
        Self(number.wrapping_add(Self::CODES))
    }
}

/// Words of an IPv6 node, which has a [`NodeBlock`] for each 32 of the /32s of a /16.
pub const V6_NODE_WORDS: u32 = 1 << 12;

/// The part of an IPv6 node for 32 adjacent /32s: the code of each, or that it has a leaf. Their leaves
/// are adjacent too, so only the first one's number is stored, and the others are found by their rank
/// (Jacobson: "Space-efficient static trees and graphs", FOCS 1989; in routing
/// tables: Asai, Ohara: "Poptrie", SIGCOMM 2015). Two words: the codes, and the first leaf's number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NodeBlock {
    /// A code for each /32; [`LOOK_FURTHER`] where it has a leaf.
    pub codes: u64,
    /// The number of the first leaf.
    pub first: u32,
}

impl NodeBlock {
    /// The leaf of the /32 whose lower bits are `part`: its own, or the uniform one of its code.
    #[inline(always)]
    pub const fn leaf(self, part: u32) -> u32 {
        let own = self.codes & self.codes >> 1 & 0x5555_5555_5555_5555;
        let before = own & !u64::MAX.wrapping_shl((part & 31) << 1);
        let code = code(self.codes, part);
        let has_own = (code & code >> 1) as u64;
        low(select(has_own, self.first.wrapping_add(before.count_ones()) as u64, code as u64))
    }
}

/// Several leaves of one /32: the first, and how many of the next bits choose among them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Leaves(pub u32);

impl Leaves {
    const LEAF_BITS: u32 = 28;
    /// Most leaves that can be named.
    pub const MOST: u32 = 1 << Self::LEAF_BITS;

    /// Two to the power of `bits` leaves from number `first` on.
    pub const fn new(first: u32, bits: u32) -> Self {
        Self(bits << Self::LEAF_BITS | first & (Self::MOST - 1))
    }

    /// The number of the leaf for an address whose bits behind the /32 are `rest`.
    #[inline(always)]
    pub const fn leaf(self, rest: u32) -> u32 {
        let bits = self.0 >> Self::LEAF_BITS;
        let among = low((rest as u64).wrapping_shr(32_u32.wrapping_sub(bits)));
        (self.0 & (Self::MOST - 1)).wrapping_add(among)
    }
}

/// Words of an IPv6 leaf: a quarter of a line.
pub const V6_LEAF_WORDS: usize = 2;

/// Ranges in a leaf.
pub const V6_LEAF_RANGES: usize = 4;

/// A leaf: up to four ranges of /64s with a code each. The first range starts where the leaf does. The
/// lower half of the first word has the codes; the other three halves have bits 32 to 63 of the first
/// addresses of the other ranges. Unused ranges repeat the last code. The leaf of a /32 with more ranges
/// says where its [`Leaves`] are instead.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Leaf(pub [u64; V6_LEAF_WORDS]);

impl Leaf {
    /// A leaf with one code. A generation begins with these four leaves, in the order of codes.
    pub const fn uniform(code: u32) -> Self {
        Self([halves(code.wrapping_mul(0x55), u32::MAX), u64::MAX])
    }

    /// A leaf with these starts and codes: at least one and at most [`V6_LEAF_RANGES`]. The first start is
    /// not used.
    pub fn new(ranges: &[(u32, u32)]) -> Self {
        let last = ranges.last().map_or(LOOK_FURTHER, |range| range.1);
        let at = |number: usize| ranges.get(number).copied().unwrap_or((u32::MAX, last));
        let codes = (0..V6_LEAF_RANGES).rev().fold(0, |codes, n| codes << 2 | at(n).1);
        Self([halves(codes, at(1).0), halves(at(2).0, at(3).0)])
    }

    /// The bit in the lower half of the first word that marks a leaf which stands for several.
    const SEVERAL: u32 = 1 << 31;

    /// The leaf that stands for several.
    pub const fn several(leaves: Leaves) -> Self {
        Self([halves(Self::SEVERAL, leaves.0), u64::MAX])
    }

    /// The leaves that it stands for, if it stands for several.
    #[inline(always)]
    pub const fn leaves(self) -> Option<Leaves> {
        let [first, _] = self.0;
        if low(first) & Self::SEVERAL == 0 { None } else { Some(Leaves(high(first))) }
    }

    /// The code of an address whose bits behind the /32 are `rest`.
    #[inline(always)]
    pub const fn code(self, rest: u32) -> u32 {
        let [first, second] = self.0;
        // Two bits, the size of a code, for each range that starts at or before the address.
        let shift = 6_u64
            .wrapping_sub(behind(first >> 32, rest))
            .wrapping_sub(behind(second & 0xffff_ffff, rest))
            .wrapping_sub(behind(second >> 32, rest));
        low(first.wrapping_shr(low(shift))) & LOOK_FURTHER
    }
}

/// 2 if a range starts behind the address, otherwise 0. No branch.
#[inline(always)]
const fn behind(start: u64, rest: u32) -> u64 {
    (rest as u64).wrapping_sub(start) >> 62 & 2
}

#[cfg(test)]
mod tests;
