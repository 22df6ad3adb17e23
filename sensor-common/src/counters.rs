//! The counters of one CPU on one interface. Their packets add up to the packets seen.

use crate::direction::Direction;
use crate::outcome::Outcome;

/// 64-bit words in the counters of one CPU: a power of two, so that a mask keeps an index inside.
pub const WORDS: usize = 128;

/// Columns: the four directions, then "none".
const COLUMNS: usize = 5;
/// Packets and bytes.
const PAIR: usize = 2;
const ROW: usize = COLUMNS * PAIR;
const RECORDS: usize = Outcome::ALL.len() * ROW;
const LOST: usize = RECORDS + 1;
const _: () = assert!(LOST < WORDS);

/// What one packet adds to the counters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// The one outcome.
    pub outcome: Outcome,
    /// The packet's direction, where it has one.
    pub direction: Option<Direction>,
    /// Length of the frame in bytes.
    pub length: u32,
    /// Records submitted: one for each matching order in force.
    pub records: u32,
    /// Records that the ring buffer had no room for.
    pub lost: u32,
}

/// Adds a verdict to the counters.
#[inline(always)]
pub fn count(counters: &mut [u64; WORDS], verdict: &Verdict) {
    let packets = index(verdict.outcome, verdict.direction);
    add(counters, packets, 1);
    add(counters, packets.wrapping_add(1), u64::from(verdict.length));
    // Most packets have neither.
    if verdict.records | verdict.lost != 0 {
        add(counters, RECORDS, u64::from(verdict.records));
        add(counters, LOST, u64::from(verdict.lost));
    }
}

#[inline(always)]
fn add(counters: &mut [u64; WORDS], index: usize, amount: u64) {
    if let Some(counter) = counters.get_mut(index & (WORDS - 1)) {
        *counter = counter.wrapping_add(amount);
    }
}

#[inline(always)]
const fn index(outcome: Outcome, direction: Option<Direction>) -> usize {
    let column = match direction {
        Some(direction) => direction as usize,
        None => COLUMNS - 1,
    };
    (outcome as usize).wrapping_mul(ROW).wrapping_add(column.wrapping_mul(PAIR))
}

/// The counters of one CPU, or the sum over several, as user space reads them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Counters([u64; WORDS]);

impl Default for Counters {
    fn default() -> Self {
        Self([0; WORDS])
    }
}

impl Counters {
    /// Wraps the words that were read from the kernel.
    pub const fn new(words: [u64; WORDS]) -> Self {
        Self(words)
    }

    /// Counts a verdict: what the kernel does in its own memory.
    pub fn count(&mut self, verdict: &Verdict) {
        count(&mut self.0, verdict);
    }

    /// Packets with this outcome and direction.
    pub fn packets(&self, outcome: Outcome, direction: Option<Direction>) -> u64 {
        self.at(index(outcome, direction))
    }

    /// Bytes of the frames with this outcome and direction.
    pub fn bytes(&self, outcome: Outcome, direction: Option<Direction>) -> u64 {
        self.at(index(outcome, direction).wrapping_add(1))
    }

    /// Records submitted.
    pub fn records(&self) -> u64 {
        self.at(RECORDS)
    }

    /// Records lost because the ring buffer was full.
    pub fn lost(&self) -> u64 {
        self.at(LOST)
    }

    /// Adds the counters of another CPU or interface.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine = mine.wrapping_add(theirs);
        }
    }

    fn at(&self, index: usize) -> u64 {
        self.0.get(index).copied().unwrap_or_default()
    }
}

/// The four directions, then `None`: the columns in which outcomes are counted.
pub fn columns() -> impl Iterator<Item = Option<Direction>> {
    Direction::ALL.into_iter().map(Some).chain([None])
}

/// The name of a column; `none` for packets without a direction.
pub const fn column_name(direction: Option<Direction>) -> &'static str {
    match direction {
        Some(direction) => direction.name(),
        None => "none",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_and_direction_has_a_place_of_its_own() {
        let mut counters = Counters::default();
        let mut sum = 0;
        for (outcome_number, outcome) in Outcome::ALL.iter().enumerate() {
            for (column, direction) in columns().enumerate() {
                for _ in 0..=outcome_number * COLUMNS + column {
                    let verdict =
                        Verdict { outcome: *outcome, direction, length: 100, records: 1, lost: 2 };
                    counters.count(&verdict);
                    sum += 1;
                }
            }
        }
        for (outcome_number, outcome) in Outcome::ALL.iter().enumerate() {
            for (column, direction) in columns().enumerate() {
                let expected = (outcome_number * COLUMNS + column + 1) as u64;
                assert_eq!(counters.packets(*outcome, direction), expected);
                assert_eq!(counters.bytes(*outcome, direction), expected * 100);
            }
        }
        assert_eq!((counters.records(), counters.lost()), (sum, 2 * sum));
    }
}
