//! The one place where a daemon ends, and its last words.

use std::collections::BTreeMap;
use std::fmt;

use sensor_common::boot_time::BootTime;
use sensor_common::counters::{self, Counters};
use sensor_common::outcome::Outcome;

use super::{Daemon, End, RunError};
use crate::daemon::lock::lock;
#[cfg(test)]
use crate::daemon::records::aside::Reason;
use crate::daemon::records::books::Books;
use crate::daemon::records::keeping::Finished;
use crate::daemon::sensor::Enforce as _;
use crate::registry::Reading;
use crate::registry::runs::{How, Stop};

/// What a sensor did, for the last words of its daemon. Every record that was due is in one of the four
/// numbers behind `records`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Summary {
    /// Packets seen on all interfaces.
    pub packets: u64,
    /// Records that were due: those that the kernel submitted, and those that a full ring lost.
    pub records: u64,
    /// Records in the output.
    pub written: u64,
    /// Records that are nowhere, or that a full ring had no room for.
    pub lost: u64,
    /// Records that could not be written.
    pub not_written: u64,
    /// Records that were set aside.
    pub set_aside: u64,
    /// Those that could not be written are in the rings, for the next daemon.
    pub kept: bool,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { packets, records, written, lost, not_written, set_aside, kept } = self;
        write!(
            f,
            "stopped: {packets} packets seen, {records} records, {written} written, {lost} lost, \
             {not_written} not written"
        )?;
        if *not_written > 0 {
            f.write_str(if *kept { " (left in the rings)" } else { " (and so lost)" })?;
        }
        write!(f, ", {set_aside} set aside")
    }
}

impl Daemon {
    /// The one place where a daemon ends: selection first, then what it left behind. If records cannot
    /// be written, pinned rings stay for the next daemon to write them.
    pub(super) async fn stop(
        mut self,
        end: End,
        failure: Option<String>,
    ) -> (Summary, Result<(), RunError>) {
        let mut result = Ok(());
        let mut keep = |done: Result<(), RunError>| {
            let before = std::mem::replace(&mut result, Ok(()));
            result = before.and(done);
        };
        let mut summary = Summary::default();
        let mut submitted = BTreeMap::new();
        {
            let mut sensor = lock(&self.sensor);
            if end == End::Stop {
                keep(sensor.set_lease(BootTime::ZERO).map_err(RunError::Sensor));
                keep(sensor.settle().map_err(RunError::Sensor));
            }
            match sensor.counters() {
                Ok(interfaces) => {
                    let cpus = interfaces.iter().flat_map(|(_, cpus)| cpus);
                    summary.count(cpus);
                }
                Err(error) => keep(Err(error.into())),
            }
            match sensor.submitted() {
                Ok(counted) => submitted = counted,
                Err(error) => keep(Err(error.into())),
            }
        }
        if end == End::Stop {
            self.monitor.note_lease(BootTime::ZERO);
        }
        let drained = self.records.end_drain().await;
        if end == End::Stop {
            keep(lock(&self.sensor).detach().map_err(RunError::Sensor));
        }
        if let Some(reader) = &self.reader {
            reader.abort();
        }
        self.servers.close().await;
        let written = self.records.end_writer().await;
        self.records.books().audit(submitted);
        summary.kept = lock(&self.sensor).is_pinned();
        summary.add_up(self.records.books());
        for finished in [drained, written] {
            match finished {
                Finished::Well => {}
                // They are in the rings, where the next daemon finds them.
                Finished::Stuck if end == End::HandOver => {}
                Finished::Stuck => {
                    let reason = "the output did not take the last records";
                    keep(Err(RunError::Failed(reason.to_owned())));
                }
                Finished::Failed(reason) => keep(Err(RunError::Failed(reason))),
            }
        }
        let failure = failure.or_else(|| result.as_ref().err().map(ToString::to_string));
        let (orders, stop) = (&mut self.orders, summary.as_event(end, failure));
        let ended = tokio::task::block_in_place(|| orders.end(stop, Reading::now()));
        result = result.and(ended.map_err(Into::into));
        if result.is_ok() {
            let mut sensor = lock(&self.sensor);
            if end == End::HandOver {
                sensor.leave();
            } else {
                result = sensor.unpin().map_err(RunError::Sensor);
            }
        }
        (summary, result)
    }
}

impl Summary {
    fn as_event(self, end: End, reason: Option<String>) -> Stop {
        let how = match (&reason, end) {
            (Some(_), _) => How::Failure,
            (None, End::Stop) => How::Signal,
            (None, End::HandOver) => How::HandOver,
        };
        let Self { packets, records, written, lost, not_written, set_aside, .. } = self;
        Stop { how, reason, packets, records, written, lost, not_written, set_aside }
    }

    fn count<'a>(&mut self, cpus: impl Iterator<Item = &'a Counters>) {
        let mut sum = Counters::default();
        cpus.for_each(|cpu| sum.merge(cpu));
        self.lost = sum.lost();
        self.packets = Outcome::ALL
            .iter()
            .flat_map(|outcome| counters::columns().map(|column| sum.packets(*outcome, column)))
            .sum();
    }

    /// The books, once nothing moves any more. What the output has taken and nobody has looked at since
    /// counts as not written: that happens only where the writer was given up.
    fn add_up(&mut self, books: &Books) {
        let totals = books.sums();
        self.records = totals.submitted().saturating_add(self.lost);
        self.written = totals.written;
        self.set_aside = totals.set_aside();
        self.lost = self.lost.saturating_add(totals.missing());
        let known = self.written.saturating_add(self.set_aside).saturating_add(self.lost);
        self.not_written = self.records.saturating_sub(known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_add_up() {
        let books = Books::default();
        books.took(700, &BTreeMap::from([(Reason::Term, 3)]), 0);
        books.confirm_but(11);
        books.lose_output();
        books.audit(BTreeMap::from([("eth1".to_owned(), 703)]));
        books.account(BTreeMap::from([("eth1".to_owned(), 777)]));
        let mut summary = Summary { packets: 900, lost: 5, ..Summary::default() };
        summary.add_up(&books);
        let words = "stopped: 900 packets seen, 782 records, 689 written, 16 lost, 74 not written \
                     (and so lost), 3 set aside";
        assert_eq!(summary.to_string(), words);
        summary.kept = true;
        assert!(summary.to_string().contains("74 not written (left in the rings), "));
    }
}
