//! The judge of a load: what was sent, what the interface took, what the kernel counted, what the daemon says
//! and what came out of it must be the same, to the packet and to the record.

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
        faults.extend(self.astray(&counted));
        faults
    }

    /// What was counted and not foretold, or the other way round.
    fn astray(&self, counted: &Ledger) -> Option<String> {
        let (dropped, mut lines, mut gone) = (self.dropped(), String::new(), 0);
        let places = self.foretold.rows.keys().chain(counted.rows.keys());
        for place in places.collect::<std::collections::BTreeSet<_>>() {
            let row = |ledger: &Ledger| ledger.rows.get(place).copied().unwrap_or_default();
            let (foretold, counted) = (row(&self.foretold), row(counted));
            gone += foretold.0.saturating_sub(counted.0);
            let more = counted.0 > foretold.0 || counted.1 > foretold.1;
            if more || (dropped == 0 && counted != foretold) {
                let (outcome, column) = (place.0.name(), place.1);
                let _ = write!(lines, "; {outcome} {column}: {counted:?} instead of {foretold:?}");
            }
        }
        let records = counted.records <= self.foretold.records
            && (dropped > 0 || counted.records == self.foretold.records);
        (!records || gone != dropped || !lines.is_empty()).then(|| {
            let (counted, foretold) = (counted.records, self.foretold.records);
            format!("{gone} packets astray; records {counted} instead of {foretold}{lines}")
        })
    }
}

/// Packets of which the record was lost.
pub(super) fn ring_full(counters: &Counters) -> u64 {
    columns().map(|column| counters.packets(Outcome::RingFull, column)).sum()
}
