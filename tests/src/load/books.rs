//! The judge of a load: what was sent, what the interface took, what the kernel counted, what the daemon says
//! and what came out of it must be the same, to the packet and to the record.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use controller::control::status::RecordsStatus;
use sensor_common::counters::{Counters, columns};
use sensor_common::outcome::Outcome;

use super::script::Ledger;
use crate::daemon::Books;
use crate::network::LinkCounts;

/// Everything that is known at one moment at which nothing is on its way.
pub(super) struct Moment<'a> {
    /// What must come of all frames that the interface took, if nothing dropped one of them.
    pub(super) foretold: Ledger,
    /// How often senders were told that their interface dropped a frame, which they sent again.
    pub(super) refused: u64,
    /// The sending end.
    pub(super) near: LinkCounts,
    /// The receiving end.
    pub(super) far: LinkCounts,
    /// The kernel's counters.
    pub(super) counters: Counters,
    /// What the daemon says.
    pub(super) status: &'a Books,
    /// Lines that came out of the output.
    pub(super) lines: u64,
}

impl Moment<'_> {
    /// Frames that a driver dropped before the program, without a word to who sent them: where there are any, which
    /// frames they were is not known.
    pub(super) fn dropped(&self) -> u64 {
        self.near.send_dropped.saturating_sub(self.refused) + self.far.receive_dropped
    }

    /// All that does not balance, a line for each.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut equal = |what: &str, left: u64, right: u64| {
            if left != right {
                faults.push(format!("{what}: {left} and {right}"));
            }
        };
        let counted = Ledger::of(&self.counters);
        let silent = self.near.send_dropped.saturating_sub(self.refused);
        let (sent, records) = (self.foretold.packets(), self.counters.records());
        equal(
            "refused as told, and at most as counted",
            self.refused.min(self.near.send_dropped),
            self.refused,
        );
        equal("sent and not dropped, received", sent - silent, self.far.received);
        equal(
            "received and not dropped, judged",
            self.far.received - self.far.receive_dropped,
            counted.packets(),
        );
        equal("judged, by the daemon's word", counted.packets(), self.status.packets());
        equal("records, by the daemon's word", records, self.status.records().0);
        equal("lost records, by the daemon's word", self.counters.lost(), self.status.records().1);
        let RecordsStatus { submitted, written, waiting, set_aside, missing, trouble, tampered } =
            self.status.account();
        equal("records, submitted", records, *submitted);
        equal("submitted, written", *submitted, *written);
        equal("written, lines", *written, self.lines);
        equal("waiting", *waiting, 0);
        equal("tampered", *tampered, 0);
        if !set_aside.is_empty() || !missing.is_empty() || trouble.is_some() {
            faults.push(format!("set aside {set_aside:?}, missing {missing:?}, {trouble:?}"));
        }
        faults.extend(astray(&self.foretold, &counted, self.dropped()));
        faults
    }
}

/// What was counted and not foretold, or the other way round, where `dropped` packets of any kind were not judged.
fn astray(foretold: &Ledger, counted: &Ledger, dropped: u64) -> Option<String> {
    let (mut lines, mut gone) = (String::new(), 0);
    let places: BTreeSet<_> = foretold.rows.keys().chain(counted.rows.keys()).collect();
    for place in places {
        let row = |ledger: &Ledger| ledger.rows.get(place).copied().unwrap_or_default();
        let (expected, found) = (row(foretold), row(counted));
        gone += expected.0.saturating_sub(found.0);
        let is_more = found.0 > expected.0 || found.1 > expected.1;
        if is_more || (dropped == 0 && found != expected) {
            let (outcome, column) = (place.0.name(), place.1);
            let _ = write!(lines, "; {outcome} {column}: {found:?} instead of {expected:?}");
        }
    }
    let (expected, found) = (foretold.records, counted.records);
    let are_right = found == expected || (dropped > 0 && found < expected);
    (!are_right || gone != dropped || !lines.is_empty())
        .then(|| format!("{gone} packets astray; records {found} instead of {expected}{lines}"))
}

/// Packets of which the record was lost.
pub(super) fn ring_full(counters: &Counters) -> u64 {
    columns().map(|column| counters.packets(Outcome::RingFull, column)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(rows: &[(Outcome, u64, u64)], records: u64) -> Ledger {
        let rows =
            rows.iter().map(|(outcome, packets, bytes)| ((*outcome, "none"), (*packets, *bytes)));
        Ledger { rows: rows.collect(), records }
    }

    #[test]
    fn one_packet_byte_or_record_too_many_or_too_few_is_seen() {
        let foretold = ledger(&[(Outcome::Malformed, 5, 300), (Outcome::Recorded, 2, 120)], 3);
        assert_eq!(astray(&foretold, &foretold, 0), None);
        for (other, records) in [
            ([(Outcome::Malformed, 4, 240), (Outcome::Recorded, 2, 120)], 3),
            ([(Outcome::Malformed, 5, 301), (Outcome::Recorded, 2, 120)], 3),
            ([(Outcome::Malformed, 5, 300), (Outcome::Unmatched, 2, 120)], 3),
            ([(Outcome::Malformed, 5, 300), (Outcome::Recorded, 2, 120)], 2),
        ] {
            let counted = ledger(&other, records);
            assert!(astray(&foretold, &counted, 0).is_some(), "{counted:?}");
        }
        let less = ledger(&[(Outcome::Malformed, 4, 240), (Outcome::Recorded, 2, 120)], 3);
        assert_eq!(astray(&foretold, &less, 1), None, "a driver says that it dropped one");
        assert!(astray(&foretold, &less, 2).is_some(), "of two, one is not to be found");
    }
}
