//! The summary of a replay, over all captures and for each one: counts only, which add up.

use std::path::Path;

use sensor_common::counters::{Counters, columns};
use sensor_common::direction::Direction;
use sensor_common::outcome::Outcome;
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};

use crate::shown::shown;

/// What became of all packets. The outcomes add up to the packets; the directions add up to the
/// packets that have one.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Summary {
    packets: u64,
    bytes: u64,
    #[serde(serialize_with = "in_order")]
    outcomes: Vec<(&'static str, u64)>,
    #[serde(serialize_with = "in_order")]
    directions: Vec<(&'static str, u64)>,
    records: u64,
    lost: u64,
}

impl Summary {
    /// All packets.
    pub const fn packets(&self) -> u64 {
        self.packets
    }

    /// Records made.
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// In words, with the outcomes that occurred.
    pub fn in_words(&self) -> String {
        let Self { packets, bytes, records, .. } = self;
        let outcomes = self.outcomes.iter().filter(|(_, count)| *count != 0);
        let outcomes: Vec<String> =
            outcomes.map(|(name, count)| format!("{name} {count}")).collect();
        let counts = format!("packets {packets}, bytes {bytes}, records {records}");
        if outcomes.is_empty() { counts } else { format!("{counts}: {}", outcomes.join(", ")) }
    }

    /// The difference to `before`.
    fn since(&self, before: &Self) -> Self {
        let less = |after: &[(&'static str, u64)], before: &[(&'static str, u64)]| {
            let pairs = after.iter().zip(before);
            pairs.map(|((name, after), (_, before))| (*name, after - before)).collect()
        };
        Self {
            packets: self.packets - before.packets,
            bytes: self.bytes - before.bytes,
            outcomes: less(&self.outcomes, &before.outcomes),
            directions: less(&self.directions, &before.directions),
            records: self.records - before.records,
            lost: self.lost - before.lost,
        }
    }

    /// Sums up counters.
    pub fn new(counters: &Counters) -> Self {
        let all = || Outcome::ALL.iter().flat_map(|outcome| columns().map(move |d| (*outcome, d)));
        let outcomes = Outcome::ALL.iter().map(|outcome| {
            (outcome.name(), columns().map(|d| counters.packets(*outcome, d)).sum())
        });
        let directions = Direction::ALL.iter().map(|direction| {
            let packets = |outcome: &Outcome| counters.packets(*outcome, Some(*direction));
            (direction.name(), Outcome::ALL.iter().map(packets).sum())
        });
        Self {
            packets: all().map(|(outcome, d)| counters.packets(outcome, d)).sum(),
            bytes: all().map(|(outcome, d)| counters.bytes(outcome, d)).sum(),
            outcomes: outcomes.collect(),
            directions: directions.collect(),
            records: counters.records(),
            lost: counters.lost(),
        }
    }
}

/// Frames of one kind in a capture.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Noticed {
    /// How many.
    pub count: u64,
    /// The number of the first of them.
    pub first: u64,
}

impl Noticed {
    pub(super) const fn add(&mut self, frame: u64) {
        if self.count == 0 {
            self.first = frame;
        }
        self.count += 1;
    }
}

/// What became of one capture.
#[derive(Clone, Debug, Serialize)]
pub struct CaptureSummary {
    /// The file.
    pub file: String,
    /// Its name, as it stands in records.
    #[serde(skip)]
    pub interface: String,
    /// Whether every frame of it was judged.
    pub complete: bool,
    /// Frames that could not be read, not counting those after the place where reading ended.
    pub unreadable: u64,
    /// Its packets.
    #[serde(flatten)]
    pub counts: Summary,
    /// Frames that were not captured whole.
    #[serde(skip)]
    pub cut: Noticed,
    /// Frames whose IPv4 total length is 0.
    #[serde(skip)]
    pub unsegmented: Noticed,
    /// Frames that are too long for the kernel engine.
    #[serde(skip)]
    pub too_long: Noticed,
}

impl CaptureSummary {
    pub(super) fn new(path: &Path) -> Self {
        let interface = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        Self {
            file: shown(path),
            interface: interface.into_owned(),
            complete: true,
            unreadable: 0,
            counts: Summary::new(&Counters::default()),
            cut: Noticed::default(),
            unsegmented: Noticed::default(),
            too_long: Noticed::default(),
        }
    }

    /// Its packets are those counted between two moments.
    pub(super) fn count(&mut self, before: &Summary, after: &Summary) {
        self.counts = after.since(before);
    }
}

/// What became of all captures, and of each.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    /// All of them together.
    #[serde(flatten)]
    pub sum: Summary,
    /// Each of them.
    pub captures: &'a [CaptureSummary],
}

fn in_order<S: Serializer>(
    counts: &[(&'static str, u64)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(counts.len()))?;
    for (name, count) in counts {
        map.serialize_entry(name, count)?;
    }
    map.end()
}

#[cfg(test)]
mod tests {
    use sensor_common::counters::Verdict;

    use super::*;

    #[test]
    fn counts_every_packet_once() {
        let mut counters = Counters::default();
        let mut count = |outcome, direction, records| {
            counters.count(&Verdict { outcome, direction, length: 100, records, lost: 0 });
        };
        count(Outcome::Recorded, Some(Direction::ForeignToForeign), 2);
        count(Outcome::Unmatched, Some(Direction::ForeignToForeign), 0);
        count(Outcome::Malformed, None, 0);
        let json = serde_json::to_string(&Summary::new(&counters)).unwrap();
        assert_eq!(
            json,
            "{\"packets\":3,\"bytes\":300,\"outcomes\":{\"recorded\":1,\"unmatched\":1,\
             \"domestic\":0,\"unclassified\":0,\"non-ip\":0,\"malformed\":1,\"over-capacity\":0,\
             \"lapsed\":0,\"ring-full\":0},\"directions\":{\"foreign-to-foreign\":2,\
             \"foreign-to-domestic\":0,\"domestic-to-foreign\":0,\"domestic-to-domestic\":0},\
             \"records\":2,\"lost\":0}"
        );
    }
}
