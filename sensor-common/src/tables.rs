//! The ports through which the tables of a generation, and the gate in front of the records, are read.

use crate::boot_time::BootTime;
use crate::opaque::Opaque;

/// The unit of a generation's memory: one cache line of eight 64-bit words in host byte order.
pub type Line = [u64; LINE_WORDS];

/// Words in a [`Line`].
pub const LINE_WORDS: usize = 8;

/// Lines in a segment. In the kernel a generation consists of segments of one fixed size (4 MiB), because
/// the kernel looks into maps of a fixed size without a call. On the host a generation is one piece.
pub const SEGMENT_LINES: u32 = 1 << 16;

/// Most segments of a generation: 1 GiB.
pub const MOST_SEGMENTS: u32 = 256;

/// One generation of compiled tables: an array of lines, laid out as [`crate::layout`] says.
///
/// One generation judges a packet from its first look-up to its last: the implementation refers to it, and
/// the controller publishes the next one in a single step.
pub trait Tables: Opaque {
    /// The line at `index`, or `None` outside the array.
    fn line(&self, index: u32) -> Option<&Line>;

    /// The line at `index`, which is below [`SEGMENT_LINES`]. In the kernel this is faster than
    /// [`Self::line`].
    #[inline(always)]
    fn near(&self, index: u32) -> Option<&Line> {
        self.line(index)
    }

    /// The word at `index`, counted over all lines, or `None` outside the array.
    #[inline(always)]
    fn word_within(&self, index: u32) -> Option<u64> {
        Some(word_of(self.line(index >> 3)?, index))
    }

    /// The word at `index`, or 0 outside the array. Wherever this is used, 0 selects nothing: it is a row
    /// without rules, or a filter without bits.
    #[inline(always)]
    fn word(&self, index: u32) -> u64 {
        self.word_within(index).unwrap_or(0)
    }
}

/// The word at `index & 7` of a line.
#[inline(always)]
pub fn word_of(line: &Line, index: u32) -> u64 {
    line.get((index & 7) as usize).copied().unwrap_or(0)
}

/// The host engine's implementation of the port.
impl Tables for &[Line] {
    fn line(&self, index: u32) -> Option<&Line> {
        self.get(usize::try_from(index).ok()?)
    }
}

/// Most orders in force at once.
pub const MOST_ORDERS: u32 = 64;

/// The place of an order in the kernel, below [`MOST_ORDERS`]: what its rules in the tables lead to, and where
/// its term stands.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(transparent)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize), serde(transparent))]
pub struct Slot(u32);

impl Slot {
    /// The slot of this number.
    #[inline(always)]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number, which is the index of its term in a map.
    #[inline(always)]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// All slots, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..MOST_ORDERS).map(Self)
    }
}

/// When an order may select (L-TERM).
///
/// A term with a word of 0 selects nothing. So a term may be written word by word, if the term before is 0,
/// or contains it, or is contained in it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Term {
    /// The first moment. [`BootTime::ZERO`]: there is none.
    pub begin: BootTime,
    /// The first moment after the term.
    pub end: BootTime,
}

/// Words of a [`Term`] in a map: its beginning, its end.
pub const TERM_WORDS: usize = 2;

impl Term {
    /// No moment.
    pub const NEVER: Self = Self { begin: BootTime::ZERO, end: BootTime::ZERO };

    /// Every moment that the clock of a running machine shows.
    pub const ALWAYS: Self = Self { begin: BootTime::FIRST, end: BootTime::MAX };

    /// Whether the term is in force at `now`.
    #[inline(always)]
    pub const fn holds(self, now: BootTime) -> bool {
        self.begin.as_nanos() != 0 && !now.is_before(self.begin) && now.is_before(self.end)
    }

    /// The moments that are in both terms.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        // A beginning of 0 is one that never comes, so the latest of all.
        let (one, two) = (self.begin.as_nanos(), other.begin.as_nanos());
        let later = if one.wrapping_sub(1) > two.wrapping_sub(1) { one } else { two };
        let end = if self.end.is_before(other.end) { self.end } else { other.end };
        Self { begin: BootTime::from_nanos(later), end }
    }

    /// The term's words in a map.
    pub const fn words(self) -> [u64; TERM_WORDS] {
        [self.begin.as_nanos(), self.end.as_nanos()]
    }
}

impl From<[u64; TERM_WORDS]> for Term {
    fn from([begin, end]: [u64; TERM_WORDS]) -> Self {
        Self { begin: BootTime::from_nanos(begin), end: BootTime::from_nanos(end) }
    }
}

/// The conditions that must still hold when a rule has matched: the order's term and the controller's
/// lease (L-TERM).
///
/// They are not part of a generation. So the controller can bring an end forward, or end an order at once,
/// with a single store; and an order whose tables are already there begins by itself, at the moment at
/// which the order before it ends (L-EXTEND).
pub trait Gate {
    /// When the order in `slot` may select. [`Term::NEVER`]: the slot has no order.
    fn term(&self, slot: Slot) -> Term;

    /// Until when anything may be selected, exclusive: [`lease::in_force`].
    fn lease(&self) -> BootTime;

    /// The time now. It is read at most once for a packet, and only if a rule holds, so that all other
    /// packets do not pay for it.
    fn now(&self) -> BootTime;
}

/// The words of the lease: until when the controller vouches for the tables, and whether all selection is
/// halted.
///
/// There are two so that a renewal cannot undo a halt (L-MIN). A controller that was stopped just before a
/// renewal, and continues after the halt, writes the first word and never the second.
pub mod lease {
    use super::BootTime;

    /// Position of the boot-time nanoseconds until which the controller vouches, exclusive.
    pub const UNTIL: u32 = 0;
    /// Position of the halt: 0 where selection is not halted.
    pub const HALTED: u32 = 1;
    /// How many words there are.
    pub const WORDS: usize = 2;

    /// Until when anything may be selected, exclusive: not at all while selection is halted.
    #[inline(always)]
    pub const fn in_force(until: BootTime, halted: u64) -> BootTime {
        if halted == 0 { until } else { BootTime::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_in_force_while_selection_is_halted() {
        for until in [0, 1, 1 << 40, u64::MAX].map(BootTime::from_nanos) {
            assert_eq!(lease::in_force(until, 0), until);
            for halted in [1, 2, 1 << 32, 1 << 63, u64::MAX] {
                assert_eq!(lease::in_force(until, halted), BootTime::ZERO, "{halted}");
            }
        }
    }

    const fn term(begin: u64, end: u64) -> Term {
        Term { begin: BootTime::from_nanos(begin), end: BootTime::from_nanos(end) }
    }

    #[test]
    fn a_term_holds_from_its_first_moment_to_before_its_end() {
        let holds = |term: Term| {
            [0, 1, 9, 10, 19, 20, u64::MAX].map(|now| term.holds(BootTime::from_nanos(now)))
        };
        assert_eq!(holds(term(10, 20)), [false, false, false, true, true, false, false]);
        assert_eq!(holds(term(1, 10)), [false, true, true, false, false, false, false]);
        assert_eq!(holds(term(20, 20)), [false; 7]);
        assert_eq!(holds(Term::ALWAYS), [false, true, true, true, true, true, false]);
        // Zeroed memory, in whole or in part.
        for zeroed in [Term::NEVER, term(0, 20), term(0, u64::MAX), term(10, 0)] {
            assert_eq!(holds(zeroed), [false; 7], "{zeroed:?}");
        }
        assert_eq!(Term::default(), Term::NEVER);
    }

    #[test]
    fn what_is_in_both_holds_where_both_hold() {
        let words = [0, 1, 2, 5, 6, u64::MAX];
        let terms = || words.iter().flat_map(|begin| words.map(|end| term(*begin, end)));
        for (one, two) in terms().flat_map(|one| terms().map(move |two| (one, two))) {
            for now in words.map(BootTime::from_nanos) {
                let both = one.holds(now) && two.holds(now);
                assert_eq!(one.and(two).holds(now), both, "{one:?} {two:?} {now:?}");
            }
        }
    }
}
