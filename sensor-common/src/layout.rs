//! How a generation is laid out in its array of 64-bit words. The controller's compiler writes it,
//! [`crate::lookup`] and [`crate::select`] read it; both take every position from here.
//!
//! ```text
//!  header │ codes │ IPv4 filter, table │ IPv6 filter, table │ indexes │ ranges │
//!  rows │ port classes │ rules │ payload rows │ payload tables │ payload groups
//! ```
//!
//! - **Address tables** answer "where does this address lie, and of which sets is it a member?"
//!   with one *address value*: see [`addresses`].
//! - **Rows** are bit vectors over all rules, one bit per rule (Lakshman and Stiliadis:
//!   "High-speed policy-based packet forwarding using efficient multi-dimensional range
//!   matching", SIGCOMM 1998): for each dimension the rules that hold there. The rules that hold
//!   for a packet are the bitwise AND of one row per dimension.
//! - **Payload groups** are in [`crate::payload`].

use crate::tables::Slot;

pub mod addresses;

pub use addresses::{AddressValue, IndexWord};

/// Version of this layout and of the maps around it. It is part of the header, and the kernel program
/// checks it: a controller can never publish tables that the program would misread.
pub const VERSION: u32 = 4;

/// Most rules over all orders in force.
pub const MOST_RULES: u32 = 1_024;

/// Positions of the header's words.
pub mod header {
    /// [`super::VERSION`] in the upper, the generation's number in the lower half.
    pub const IDENTITY: u32 = 0;
    /// IPv4 filter: position of its first word in the lower half, number of words in the upper.
    pub const V4_FILTER: u32 = 1;
    /// IPv4 index: position of its first word in the lower half, the shift in the upper.
    pub const V4_INDEX: u32 = 2;
    /// IPv4 ranges: position of the first word.
    pub const V4_RANGES: u32 = 3;
    /// IPv4 table of single addresses: number of its first line in the lower half, number of
    /// buckets in the upper.
    pub const V4_SINGLES: u32 = 4;

    /// The capacity share (L-CAP): bytes per second of 外外 traffic that may be inspected, or
    /// [`crate::capacity::UNMETERED`]. 0: none.
    pub const SHARE: u32 = 5;
    /// Rule count, row width, and which traffic has payload-only rules: see [`super::RulesWord`].
    pub const RULES: u32 = 7;

    /// Rows by source address: the rules whose condition on the source the address meets. A rule whose set
    /// may be on either side is in these rows and in the destination's, as if it named both.
    pub const SOURCE_ROWS: u32 = 8;
    /// Rows by destination address, two words for each 64 rules. The first is as for the source; the second
    /// has the rules whose order allows the destination (an agreement allows only its party's own,
    /// L-MEASURE).
    pub const DESTINATION_ROWS: u32 = 9;
    /// Rows by direction and protocol ([`super::traffic_row`]), two words for each 64 rules. The first has the
    /// rules for both; the second, the same in every row, those for which one of the two addresses is enough.
    pub const TRAFFIC_ROWS: u32 = 10;
    /// Rows by payload: row 0 has the rules without a condition on it, the others belong to prefixes.
    /// Position 0: no rule has a condition on it.
    pub const PAYLOAD_ROWS: u32 = 11;
    /// Position of the first rule's word; see [`super::RuleWord`].
    pub const RULE_WORDS: u32 = 12;
    /// Rows by source port class.
    pub const SOURCE_PORT_ROWS: u32 = 13;
    /// Rows by destination port class.
    pub const DESTINATION_PORT_ROWS: u32 = 14;
    /// Port classes, four 16-bit numbers to a word: position of the source ports' first word in the
    /// lower half, of the destination ports' in the upper. 0: no rule names such ports.
    pub const PORT_CLASSES: u32 = 15;

    /// Position of the first payload group's line; see [`crate::payload::Group`].
    pub const PAYLOAD_GROUPS: u32 = 19;
    /// The payload groups of rules that name no address, by direction and protocol; see
    /// [`crate::payload::GroupMasks`].
    pub const PAYLOAD_ONLY: u32 = 20;
    /// The payload groups of all rules, likewise.
    pub const PAYLOAD_ANY: u32 = 21;
    /// The line that holds all that an IPv6 look-up needs of the header.
    pub const V6_LINE: u32 = 3;
    /// IPv6 nodes: position of the first word.
    pub const V6_NODES: u32 = 24;
    /// IPv6 leaves: number of the first line.
    pub const V6_LEAVES: u32 = 25;
    /// IPv6 filter: position of its first word in the lower half, number of words in the upper.
    pub const V6_FILTER: u32 = 26;
    /// IPv6 table of chunks: number of its first line in the lower half, number of buckets in the
    /// upper.
    pub const V6_CHUNKS: u32 = 27;
    /// How far an address's first 64 bits are shifted to give its chunk, the key of the filter and of the
    /// table of chunks.
    pub const V6_CHUNK_SHIFT: u32 = 28;
    /// IPv6 index: as for IPv4; the shift applies to the address's first 64 bits.
    pub const V6_INDEX: u32 = 29;
    /// IPv6 ranges: positions of the words with the first 64 bits (lower half) and the last 64
    /// bits (upper half) of each range's first address.
    pub const V6_RANGES: u32 = 30;
    /// IPv6 ranges: position of the words with their address values.
    pub const V6_VALUES: u32 = 31;

    /// Words in the header.
    pub const WORDS: u32 = 32;
}

/// The port class of a packet without ports. Its row has no rules that name ports.
pub const NO_PORTS: u32 = 0;

/// Number of the row for a direction and a protocol (IANA number).
#[inline(always)]
pub const fn traffic_row(direction: crate::direction::Direction, protocol: u8) -> u32 {
    (direction as u32) << 8 | protocol as u32
}

/// Lower half of a header word.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
pub const fn low(word: u64) -> u32 {
    word as u32
}

/// Upper half of a header word.
#[inline(always)]
pub const fn high(word: u64) -> u32 {
    (word >> 32) as u32
}

/// Puts two halves into a word: the inverse of [`low`] and [`high`].
pub const fn halves(low: u32, high: u32) -> u64 {
    (high as u64) << 32 | low as u64
}

/// Rule count, row width, and which traffic has payload-only rules: rules that name payload prefixes but no
/// address. It is in the line that every packet's look-up reads, so that generations without such rules
/// pay nothing for them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RulesWord(pub u64);

impl RulesWord {
    /// `payload_only` has the bit [`traffic_bit`] of each direction and protocol with such a rule.
    pub const fn new(count: u32, width: u8, payload_only: u8) -> Self {
        Self(halves(count, (payload_only as u32) << 8 | width as u32))
    }

    /// Number of rules.
    #[inline(always)]
    pub const fn count(self) -> u32 {
        low(self.0)
    }

    /// Words in a row.
    #[inline(always)]
    pub const fn width(self) -> u32 {
        high(self.0) & 0xff
    }

    /// Whether a packet without a known address may be selected by its payload.
    #[inline(always)]
    pub const fn payload_only(self, traffic_bit: u32) -> bool {
        high(self.0).wrapping_shr(traffic_bit) & 0x100 != 0
    }
}

/// A number below eight for a direction and one of the two protocols whose payload is compared: TCP (6)
/// and UDP (17) differ in the last bit. For other protocols it has no meaning. It is calculated without a
/// branch ([`crate::opaque`]).
#[inline(always)]
pub const fn traffic_bit(direction: crate::direction::Direction, protocol: u8) -> u32 {
    (direction as u32) << 1 | (protocol & 1) as u32
}

/// The word of a rule: its order, and where that order's rules end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RuleWord(pub u64);

impl RuleWord {
    /// A rule of the order in `slot`, whose last rule is the one before `order_end`.
    pub const fn new(slot: Slot, order_end: u32) -> Self {
        Self(halves(order_end, slot.number()))
    }

    /// Slot of the order in the table of terms.
    #[inline(always)]
    pub const fn slot(self) -> Slot {
        Slot::new(high(self.0))
    }

    /// Number of the first rule behind the order's.
    #[inline(always)]
    pub const fn order_end(self) -> u32 {
        low(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_words_give_back_what_went_in() {
        let rules = RulesWord::new(1_024, 16, 0b1000_0001);
        assert_eq!((rules.count(), rules.width()), (1_024, 16));
        let only: std::vec::Vec<u32> = (0..8).filter(|bit| rules.payload_only(*bit)).collect();
        assert_eq!(only, [0, 7]);
        let rule = RuleWord::new(Slot::new(63), 1_024);
        assert_eq!((rule.slot(), rule.order_end()), (Slot::new(63), 1_024));
    }
}
