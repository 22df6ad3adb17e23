//! Bit vectors over rules: one bit per rule, whose position is the rule's number.

/// A row of a table: bit `n` of word `n / 64` belongs to rule `n`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Bits(pub(super) Vec<u64>);

impl Bits {
    /// Those of `count` rules for which `holds` is true.
    pub(super) fn of(count: usize, holds: impl Fn(usize) -> bool) -> Self {
        let mut bits = Self(vec![0; count.div_ceil(64)]);
        (0..count).filter(|rule| holds(*rule)).for_each(|rule| bits.set(rule));
        bits
    }

    /// Adds a rule.
    pub(super) fn set(&mut self, rule: usize) {
        self.0[rule / 64] |= 1 << (rule % 64);
    }
}
