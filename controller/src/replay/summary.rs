//! The summary of a replay: counts only, and they balance.

use sensor_common::counters::{Counters, columns};
use sensor_common::direction::Direction;
use sensor_common::outcome::Outcome;
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};

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

    /// Those that came with a record.
    pub const fn records(&self) -> u64 {
        self.records
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
