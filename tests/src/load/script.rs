//! In which order a sender sends its frames, over and over, and so what must come of any number of them.

use std::collections::BTreeMap;

use proptest::test_runner::TestRng;
use sensor_common::counters::{Counters, column_name, columns};
use sensor_common::outcome::Outcome;

use super::pool::{Frame, Kind};
use crate::seed::below;

/// Frames of the mixed part of a script.
const MIXED: usize = 24_000;

/// Selected frames in a row: more than a ring has room for.
const FLOOD: usize = 8_000;

/// Packets and bytes by outcome and direction, and records.
///
/// What has lost its record for want of room counts as `recorded`, and the record with the others: what was lost
/// depends on who had the processor, and not on the frame.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Ledger {
    /// Packets and bytes.
    pub(super) rows: BTreeMap<(Outcome, &'static str), (u64, u64)>,
    /// Records, and those that were lost.
    pub(super) records: u64,
}

impl Ledger {
    /// What the kernel has counted.
    pub(super) fn of(counters: &Counters) -> Self {
        let mut ledger = Self { records: counters.records() + counters.lost(), ..Self::default() };
        for outcome in Outcome::ALL {
            for column in columns() {
                let packets = counters.packets(*outcome, column);
                let bytes = counters.bytes(*outcome, column);
                ledger.enter(*outcome, column_name(column), packets, bytes);
            }
        }
        ledger
    }

    /// All packets.
    pub(super) fn packets(&self) -> u64 {
        self.rows.values().map(|(packets, _)| packets).sum()
    }

    fn enter(&mut self, outcome: Outcome, column: &'static str, packets: u64, bytes: u64) {
        if packets > 0 {
            let outcome = if outcome == Outcome::RingFull { Outcome::Recorded } else { outcome };
            let row = self.rows.entry((outcome, column)).or_default();
            row.0 += packets;
            row.1 += bytes;
        }
    }

    fn add(&mut self, frame: &Frame, times: u64) {
        let bytes = frame.bytes.len() as u64 * times;
        self.enter(frame.outcome, column_name(frame.direction), times, bytes);
        self.records += frame.records * times;
    }
}

/// The frames of one sender, in the order in which it sends them.
#[derive(Debug)]
pub(super) struct Script<'a>(Vec<&'a Frame>);

impl<'a> Script<'a> {
    /// One of its own for each sender: the pool in any order, then a flood of selected frames.
    pub(super) fn new(random: &mut TestRng, pool: &'a [Frame]) -> Self {
        let selected: Vec<&Frame> =
            pool.iter().filter(|frame| frame.kind == Kind::Selected).collect();
        let mut frames: Vec<&Frame> =
            (0..MIXED).map(|_| &pool[below(random, pool.len())]).collect();
        frames.extend((0..FLOOD).map(|_| selected[below(random, selected.len())]));
        Self(frames)
    }

    /// The frames.
    pub(super) fn frames(&self) -> &[&'a Frame] {
        &self.0
    }

    /// Adds what must come of the first `sent` frames, the script being sent again and again.
    pub(super) fn foretell(&self, sent: u64, ledger: &mut Ledger) {
        let length = self.0.len() as u64;
        for (position, frame) in (0..).zip(&self.0) {
            ledger.add(frame, sent / length + u64::from(position < sent % length));
        }
    }
}

#[cfg(test)]
mod tests {
    use sensor_common::direction::Direction;

    use super::*;

    #[test]
    fn what_is_foretold_is_the_sum_over_the_frames_that_were_sent() {
        let frame = |length: usize, outcome, direction, records| Frame {
            kind: Kind::Plain,
            bytes: vec![0; length],
            outcome,
            direction,
            records,
        };
        let frames = [
            frame(60, Outcome::Malformed, None, 0),
            frame(70, Outcome::Recorded, Some(Direction::ForeignToForeign), 2),
            frame(90, Outcome::Malformed, None, 0),
        ];
        let script = Script(frames.iter().collect());
        for sent in 0..8_u8 {
            let (mut foretold, mut sum) = (Ledger::default(), Ledger::default());
            script.foretell(sent.into(), &mut foretold);
            frames.iter().cycle().take(sent.into()).for_each(|frame| sum.add(frame, 1));
            assert_eq!(foretold, sum, "{sent}");
        }
    }
}
