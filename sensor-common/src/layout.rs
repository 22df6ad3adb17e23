//! How a generation is laid out in its array of 64-bit words. The controller's compiler writes it,
//! [`crate::lookup`] and [`crate::select`] read it; both take every position from here.
//!
//! ```text
//!  header │ codes │ IPv4 filter, table │ IPv6 filter, table │ indexes │ ranges │
//!  rows │ port classes │ rules
//! ```
//!
//! - **Address tables** answer "where does this address lie, and of which sets is it a member?"
//!   with one *address value*: see [`addresses`].
//! - **Rows** are bit vectors over all rules, one bit per rule (Lakshman and Stiliadis:
//!   "High-speed policy-based packet forwarding using efficient multi-dimensional range
//!   matching", SIGCOMM 1998): for each dimension the rules that hold there. The rules that hold
//!   for a packet are the bitwise AND of one row per dimension.

pub mod addresses;

pub use addresses::{AddressValue, IndexWord};

/// Version of this layout and of the maps around it; part of the header, checked by the kernel
/// program, so that a controller can never publish tables that the program would misread.
pub const VERSION: u32 = 2;

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

    /// Number of rules in the lower half, words in a row in the upper.
    pub const RULES: u32 = 7;

    /// Rows of the sets on the source side.
    pub const SOURCE_ROWS: u32 = 8;
    /// Rows of the sets on the destination side.
    pub const DESTINATION_ROWS: u32 = 9;
    /// Rows of the sets that may be on either side.
    pub const EITHER_ROWS: u32 = 10;
    /// Rows by direction, indexed by [`crate::direction::Direction`].
    pub const DIRECTION_ROWS: u32 = 11;
    /// Rows by protocol, indexed by the IANA number.
    pub const PROTOCOL_ROWS: u32 = 12;
    /// Rows by source port class.
    pub const SOURCE_PORT_ROWS: u32 = 13;
    /// Rows by destination port class.
    pub const DESTINATION_PORT_ROWS: u32 = 14;
    /// Port classes, four 16-bit numbers to a word: position of the source ports' first word in the
    /// lower half, of the destination ports' in the upper. 0: no rule names such ports.
    pub const PORT_CLASSES: u32 = 15;

    /// Position of the first rule's word; see [`super::RuleWord`].
    pub const RULE_WORDS: u32 = 16;

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
    /// By how much an address's first 64 bits are shifted to give the chunk that the filter and the
    /// table of chunks know it by.
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

/// The port class of a packet without ports. Rules that name ports are absent from its row.
pub const NO_PORTS: u32 = 0;

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

/// The word of a rule: which order it belongs to, and where that order's rules end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RuleWord(pub u64);

impl RuleWord {
    /// A rule of the order in `slot`, whose last rule is the one before `order_end`.
    pub const fn new(slot: u32, order_end: u32) -> Self {
        Self(halves(order_end, slot))
    }

    /// Slot of the order in the deadline table.
    #[inline(always)]
    pub const fn slot(self) -> u32 {
        high(self.0)
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
        let rule = RuleWord::new(63, 1_024);
        assert_eq!((rule.slot(), rule.order_end()), (63, 1_024));
    }
}
