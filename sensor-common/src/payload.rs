//! Payload prefixes: does a packet's payload begin with one of them, and which rules name it?
//!
//! Prefixes of the same length that are hashed under the same key are a *group*. A packet's payload is
//! hashed once for each group, with SipHash-2-4, and the hash is looked for in two structures:
//!
//! - a **filter** (Putze, Sanders, Singler: "Cache-, hash- and space-efficient Bloom filters", JEA 14,
//!   2009; blocks of one word), which rules out nearly every payload that has none of the prefixes;
//! - the sorted **hashes**, under an index on their first bits, which answer exactly. A bucket of the
//!   index holds about four hashes; a binary search takes at most `MOST_STEPS`, whatever they are.
//!
//! Prefixes that an order spells out (`hex`) are hashed under a key of the controller's compiler, and their
//! bytes are compared after the hash was found. Of prefixes that an order hashes, only the hash is known.
//!
//! Groups under one key are adjacent, the shorter ones first, so that the blocks that they share are hashed
//! once.

use crate::direction::Direction;
use crate::layout::{IndexWord, halves, header, high, low, traffic_bit};
use crate::lookup::Search;
use crate::opaque::below;
use crate::packet::{Offset, Packet};
use crate::parse::payload::Payload;
use crate::parse::ports::{TCP, UDP};
use crate::siphash::{BLOCK, State};
use crate::tables::{Line, Tables, word_of};

/// Most groups in a generation.
pub const MOST_GROUPS: u32 = 8;

/// Most prefixes over all groups of a generation.
pub const MOST_PREFIXES: u32 = 1_000_000;

/// The longest prefix in bytes.
pub const LONGEST: u32 = 64;

/// Most blocks of the longest prefix.
const MOST_BLOCKS: u32 = LONGEST / BLOCK;

/// Steps that narrow [`MOST_PREFIXES`] hashes down to one.
const MOST_STEPS: u32 = 20;
const _: () = assert!(MOST_PREFIXES <= 1 << MOST_STEPS);

/// The line of the header that says where the groups are.
const HEAD: u32 = header::PAYLOAD_GROUPS >> 3;

/// A group of prefixes, in one line of the tables.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Group {
    /// The key; see [`crate::siphash::key`].
    pub key: [u64; 2],
    /// Length of every prefix in bytes, 1 to [`LONGEST`].
    pub length: u32,
    /// Groups under the same key have the same number, which is not 0.
    pub key_number: u32,
    /// Filter: position of its first word.
    pub filter: u32,
    /// Filter: number of its words.
    pub filter_words: u32,
    /// Index: position of its first word, an [`IndexWord`] for each bucket; it may be empty.
    pub index: u32,
    /// Index: how far a hash is shifted to give its bucket's number.
    pub shift: u32,
    /// Position of the first of the sorted hashes.
    pub hashes: u32,
    /// Position of the rows of these hashes, two row numbers to a word.
    pub rows: u32,
    /// Position of the prefixes themselves, each in as many words as it has blocks (the first byte
    /// the least significant, zeros behind the last). 0: only their hashes are known.
    pub prefixes: u32,
}

impl Group {
    /// The group's line.
    pub const fn line(&self) -> Line {
        let [k0, k1] = self.key;
        [
            k0,
            k1,
            halves(self.length, self.key_number),
            halves(self.filter, self.filter_words),
            halves(self.index, self.shift),
            halves(self.hashes, self.rows),
            halves(self.prefixes, 0),
            0,
        ]
    }

    /// Reads a group from its line.
    #[inline(always)]
    fn read(line: &Line) -> Self {
        let [k0, k1, shape, filter, index, entries, prefixes, _] = *line;
        Self {
            key: [k0, k1],
            // The mask changes nothing; it tells the verifier the bound.
            length: low(shape) & 0x7f,
            key_number: high(shape),
            filter: low(filter),
            filter_words: high(filter),
            index: low(index),
            shift: high(index),
            hashes: low(entries),
            rows: high(entries),
            prefixes: low(prefixes),
        }
    }

    /// The word of the filter that has a hash's bits.
    #[inline(always)]
    pub const fn filter_word(words: u32, hash: u64) -> u32 {
        // The upper half as a fraction of the filter (Lemire: "Fast random integer generation in an
        // interval", ACM TOMACS 29(1), 2019).
        high((hash >> 32).wrapping_mul(words as u64))
    }

    /// The positions of a hash's bits in that word.
    #[inline(always)]
    pub const fn filter_bits(hash: u64) -> [u32; 4] {
        [low(hash) & 63, low(hash >> 6) & 63, low(hash >> 12) & 63, low(hash >> 18) & 63]
    }

    /// 1 if the hash may be in the group, otherwise 0.
    #[inline(always)]
    fn may_hold<T: Tables>(&self, tables: &T, hash: u64) -> u32 {
        let word = Self::filter_word(self.filter_words, hash);
        // A filter that cannot be read rules everything out.
        let word = tables.word(self.filter.wrapping_add(word));
        let [a, b, c, d] = Self::filter_bits(hash);
        let all = word.wrapping_shr(a) & word.wrapping_shr(b);
        low(all & word.wrapping_shr(c) & word.wrapping_shr(d)) & 1
    }

    /// The number of a hash in the group, if it is there.
    #[inline(always)]
    fn position<T: Tables>(&self, tables: &T, hash: u64) -> Option<u32> {
        let bucket = low(hash.wrapping_shr(self.shift));
        let bucket = IndexWord(tables.word_within(self.index.wrapping_add(bucket))?);
        (bucket.count() != 0).then_some(())?;
        let mut search = Search::new(bucket);
        for _ in 0..MOST_STEPS {
            if search.is_over() {
                break;
            }
            let middle = tables.word(self.hashes.wrapping_add(search.middle()));
            search.step(below(hash, middle) ^ 1);
        }
        let found = search.first();
        (tables.word_within(self.hashes.wrapping_add(found))? == hash).then_some(found)
    }

    /// The row of the entry with this number.
    #[inline(always)]
    fn row<T: Tables>(&self, tables: &T, number: u32) -> u32 {
        let word = tables.word(self.rows.wrapping_add(number >> 1));
        if number & 1 == 0 { low(word) } else { high(word) }
    }

    /// `Some` if the payload begins with the prefix that has this number. Where only the hash is known, it
    /// does.
    #[inline(always)]
    fn begins<P: Packet, T: Tables>(
        &self,
        packet: &P,
        tables: &T,
        start: u32,
        number: u32,
    ) -> Option<()> {
        if self.prefixes == 0 {
            return Some(());
        }
        let blocks = self.length.wrapping_add(BLOCK - 1) / BLOCK;
        let first = self.prefixes.wrapping_add(number.wrapping_mul(blocks));
        let mut difference = 0;
        for block in 0..MOST_BLOCKS {
            if block >= blocks {
                break;
            }
            let whole = self.length / BLOCK;
            let seen = if block < whole {
                load(packet, start.wrapping_add(block.wrapping_mul(BLOCK)))?
            } else {
                rest(packet, start, self.length)?
            };
            difference |= tables.word_within(first.wrapping_add(block))? ^ seen;
        }
        (difference == 0).then_some(())
    }
}

/// A set of groups for each direction and protocol: eight bits each, in the order of [`traffic_bit`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct GroupMasks(pub u64);

impl GroupMasks {
    /// Adds a group.
    pub const fn add(&mut self, direction: Direction, protocol: u8, group: u32) {
        self.0 |= 1_u64.wrapping_shl((traffic_bit(direction, protocol) << 3).wrapping_add(group));
    }

    /// The [`traffic_bit`]s of the directions and protocols that have a group.
    pub const fn any(self) -> u8 {
        let (mut bits, mut bit) = (0, 0);
        while bit < 8_u32 {
            bits |= ((self.0.wrapping_shr(bit << 3) & 0xff != 0) as u8).wrapping_shl(bit);
            bit = bit.wrapping_add(1);
        }
        bits
    }

    #[inline(always)]
    const fn of(self, traffic_bit: u32) -> u32 {
        low(self.0.wrapping_shr(traffic_bit << 3)) & 0xff
    }
}

/// The [`traffic_bit`] of a packet, if payloads of its protocol are compared.
#[inline(always)]
pub const fn traffic(direction: Direction, protocol: u8) -> Option<u32> {
    match protocol {
        TCP | UDP => Some(traffic_bit(direction, protocol)),
        _ => None,
    }
}

/// The rows of the prefixes that a payload begins with.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Hits {
    count: u32,
    rows: [u32; MOST_GROUPS as usize],
}

impl Hits {
    #[inline(always)]
    fn push(&mut self, row: u32) {
        if let Some(place) = self.rows.get_mut((self.count & (MOST_GROUPS - 1)) as usize) {
            *place = row;
        }
        self.count = self.count.wrapping_add(1);
    }

    /// The row of hit number `number`, if there are that many.
    #[inline(always)]
    pub fn get(&self, number: u32) -> Option<u32> {
        if number >= self.count {
            return None;
        }
        self.rows.get((number & (MOST_GROUPS - 1)) as usize).copied()
    }
}

/// What groups under one key share: the state after a number of whole blocks.
struct Shared {
    state: State,
    key_number: u32,
    blocks: u32,
}

impl Shared {
    /// Nothing yet, under no key.
    #[inline(always)]
    const fn new() -> Self {
        Self { state: State::new([0; 2]), key_number: 0, blocks: 0 }
    }

    /// The hash of as many of the payload's first bytes as the group's prefixes have. `None` where they
    /// cannot be read.
    #[inline(always)]
    fn hash<P: Packet>(&mut self, packet: &P, start: u32, group: &Group) -> Option<u64> {
        if group.key_number != self.key_number {
            *self = Self { state: State::new(group.key), key_number: group.key_number, blocks: 0 };
        }
        let blocks = group.length / BLOCK;
        let mut at = start.wrapping_add(self.blocks.wrapping_mul(BLOCK));
        let end = start.wrapping_add(blocks.wrapping_mul(BLOCK));
        for _ in 0..MOST_BLOCKS {
            if at >= end {
                break;
            }
            self.state.absorb(load(packet, at)?);
            at = at.wrapping_add(BLOCK);
        }
        self.blocks = blocks;
        Some(self.state.finish(rest(packet, start, group.length)?, group.length))
    }
}

/// Eight bytes of the frame, the first of them the least significant.
#[inline(always)]
fn load<P: Packet>(packet: &P, at: u32) -> Option<u64> {
    packet.load(Offset::new(at.into())?).map(u64::from_le_bytes)
}

/// The bytes behind the last whole block of a prefix, with zeros above.
#[inline(always)]
fn rest<P: Packet>(packet: &P, start: u32, length: u32) -> Option<u64> {
    // The eight bytes that end with the prefix. They exist, as a payload follows a UDP header at least;
    // eight bytes from the last block on may not.
    let end = start.wrapping_add(length);
    let last = load(packet, end.wrapping_sub(BLOCK))?;
    // All bits that are not of the rest are shifted out: all 64 if there is no rest.
    let bits = (length % BLOCK) << 3;
    Some((last >> 1).wrapping_shr(63_u32.wrapping_sub(bits)))
}

/// The fast negative answer for packets whose addresses are in no set: of the groups that rules without
/// addresses name for this traffic, those whose filter the payload passes. 0 for nearly all packets.
#[inline(always)]
pub fn screen<P: Packet, T: Tables>(
    packet: &P,
    tables: &T,
    payload: Payload,
    traffic_bit: u32,
) -> u32 {
    let Some(head) = tables.line(HEAD) else { return 0 };
    let groups = GroupMasks(word_of(head, header::PAYLOAD_ONLY)).of(traffic_bit);
    let first = low(word_of(head, header::PAYLOAD_GROUPS)) >> 3;
    let mut shared = Shared::new();
    let mut passing = 0;
    for number in 0..MOST_GROUPS {
        if groups >> number == 0 {
            break;
        }
        let Some(group) = tables.line(first.wrapping_add(number)).map(Group::read) else { break };
        let too_short = below(u64::from(payload.length), u64::from(group.length));
        if groups >> number & !low(too_short) & 1 != 0 {
            let Some(hash) = shared.hash(packet, payload.start, &group) else { break };
            passing |= group.may_hold(tables, hash) << number;
        }
    }
    passing
}

/// The groups that rules name for this traffic.
#[inline(always)]
pub fn groups<T: Tables>(tables: &T, traffic_bit: u32) -> u32 {
    GroupMasks(tables.word(header::PAYLOAD_ANY)).of(traffic_bit)
}

/// Looks for the payload in group number `number`, exactly. Groups share nothing here, as few packets
/// come here.
#[inline(always)]
pub fn look<P: Packet, T: Tables>(
    packet: &P,
    tables: &T,
    payload: Payload,
    number: u32,
    hits: &mut Hits,
) -> Option<()> {
    let first = low(tables.word(header::PAYLOAD_GROUPS)) >> 3;
    let group = Group::read(tables.line(first.wrapping_add(number))?);
    (group.length <= payload.length).then_some(())?;
    let hash = Shared::new().hash(packet, payload.start, &group)?;
    (group.may_hold(tables, hash) != 0).then_some(())?;
    let position = group.position(tables, hash)?;
    group.begins(packet, tables, payload.start, position)?;
    hits.push(group.row(tables, position));
    Some(())
}
