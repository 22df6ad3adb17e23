//! The end of a daemon, in one place, and its last words.

use std::collections::BTreeMap;
use std::fmt;

use sensor_common::boot_time::BootTime;
use sensor_common::counters::{self, Counters};
use sensor_common::outcome::Outcome;

use super::{Daemon, End, RunError};
use crate::daemon::lock::lock;
use crate::daemon::records::books::Books;
use crate::daemon::records::keeping::KeepingError;
#[cfg(test)]
use crate::daemon::records::set_aside_reason::SetAsideReason;
use crate::daemon::sensor::{Enforce as _, SensorError};
use crate::registry::Reading;
use crate::registry::runs::{DaemonStop, How};

/// What a sensor did, for the last words of its daemon. Every record that was due is in one of the four
/// numbers after `records`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RunSummary {
    /// Packets seen on all interfaces.
    pub packets: u64,
    /// Records that were due: those that the kernel submitted, and those that it lost because a ring was full.
    pub records: u64,
    /// Records in the output.
    pub written: u64,
    /// Records that are missing, or that a full ring had no room for.
    pub lost: u64,
    /// Records that could not be written.
    pub not_written: u64,
    /// Records that were set aside.
    pub set_aside: u64,
    /// Records that could not be written stay in the rings for the next daemon.
    pub kept: bool,
}

impl fmt::Display for RunSummary {
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

/// The first of several failures; the others usually follow from it.
#[derive(Default)]
struct FirstFailure(Option<RunError>);

impl FirstFailure {
    fn note(&mut self, done: Result<(), impl Into<RunError>>) {
        if let Err(error) = done {
            self.0.get_or_insert(error.into());
        }
    }
}

impl Daemon {
    /// Ends everything: selection first, then what it left behind. If records cannot be written, pinned rings
    /// stay, so that the next daemon can write them.
    pub(super) async fn stop(
        mut self,
        end: End,
        failure: Option<String>,
    ) -> (RunSummary, Result<(), RunError>) {
        let mut first = FirstFailure::default();
        let (mut summary, submitted) = self.end_selection(end, &mut first);
        let drained = self.records.end_drain().await;
        if end == End::Stop {
            first.note(lock(&self.sensor).detach());
        }
        if let Some(reader) = &self.reader {
            reader.abort();
        }
        self.servers.close().await;
        let written = self.records.end_writer().await;
        self.records.books().audit(submitted);
        summary.kept = lock(&self.sensor).is_pinned();
        summary.add_up(self.records.books());
        for ended in [drained, written] {
            match ended {
                // The records are in the rings, where the next daemon finds them.
                Err(KeepingError::Stuck) if end == End::HandOver => {}
                ended => first.note(ended),
            }
        }
        let failure = failure.or_else(|| first.0.as_ref().map(ToString::to_string));
        self.write_down(summary.as_event(end, failure), &mut first);
        if first.0.is_none() {
            first.note(self.leave_pins(end));
        }
        (summary, first.0.map_or(Ok(()), Err))
    }

    /// Ends all selection, unless another daemon continues it. Returns the packets seen, and the records
    /// submitted by interface.
    fn end_selection(
        &self,
        end: End,
        first: &mut FirstFailure,
    ) -> (RunSummary, BTreeMap<String, u64>) {
        let mut summary = RunSummary::default();
        let mut sensor = lock(&self.sensor);
        if end == End::Stop {
            first.note(sensor.set_lease(BootTime::ZERO));
            first.note(sensor.settle());
            self.monitor.note_lease(BootTime::ZERO);
        }
        match sensor.counters() {
            Ok(interfaces) => summary.count(interfaces.iter().flat_map(|(_, cpus)| cpus)),
            Err(error) => first.note(Err(error)),
        }
        let submitted = sensor.submitted().unwrap_or_else(|error| {
            first.note(Err(error));
            BTreeMap::new()
        });
        (summary, submitted)
    }

    /// Writes the end into the audit file.
    fn write_down(&mut self, stop: DaemonStop, first: &mut FirstFailure) {
        let orders = &mut self.orders;
        first.note(tokio::task::block_in_place(|| orders.end(stop, Reading::now())));
    }

    /// Leaves the pins to the next daemon, or removes them.
    fn leave_pins(&self, end: End) -> Result<(), SensorError> {
        let mut sensor = lock(&self.sensor);
        match end {
            End::HandOver => {
                sensor.leave();
                Ok(())
            }
            End::Stop => sensor.unpin(),
        }
    }
}

impl RunSummary {
    fn as_event(self, end: End, reason: Option<String>) -> DaemonStop {
        let how = match (&reason, end) {
            (Some(_), _) => How::Failure,
            (None, End::Stop) => How::Signal,
            (None, End::HandOver) => How::HandOver,
        };
        let Self { packets, records, written, lost, not_written, set_aside, .. } = self;
        DaemonStop { how, reason, packets, records, written, lost, not_written, set_aside }
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

    /// Takes over the books, once nothing moves any more. What the output has taken but nothing has confirmed
    /// counts as not written; that happens only if the writer was given up.
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
        books.took(700, &BTreeMap::from([(SetAsideReason::Term, 3)]), 0);
        books.confirm_but(11);
        books.lose_output();
        books.audit(BTreeMap::from([("eth1".to_owned(), 703)]));
        books.account(BTreeMap::from([("eth1".to_owned(), 777)]));
        let mut summary = RunSummary { packets: 900, lost: 5, ..RunSummary::default() };
        summary.add_up(&books);
        let words = "stopped: 900 packets seen, 782 records, 689 written, 16 lost, 74 not written \
                     (and so lost), 3 set aside";
        assert_eq!(summary.to_string(), words);
        summary.kept = true;
        assert!(summary.to_string().contains("74 not written (left in the rings), "));
    }
}
