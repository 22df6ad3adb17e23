//! Takes records out of the rings, turns them into lines of NDJSON, and hands them to the writer. One task
//! serves all rings, so that `event.sequence` rises line by line.
//!
//! The kernel wakes the drain when a ring has filled up to a mark, and not for each record; besides, the
//! drain looks into all rings every 20 ms (`LOOK`). So a record is late by that much at most, and a CPU that
//! makes millions of records is interrupted for none of them (docs/decisions/0005).

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use jiff::{SignedDuration, Timestamp};
use sensor_common::boot_time::BootTime;
use sensor_common::record::{LENGTH, Record};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc::{self, error::TryRecvError};

use crate::compile::{Names, RuleName};
use crate::daemon::config::Config;
use crate::daemon::orders::name_book::NameBook;
use crate::daemon::orders::record_counts::{Count, RecordCounts};
use crate::daemon::records::aside::{Asides, RecordOrigin};
use crate::daemon::records::buffers::Buffers;
use crate::daemon::records::health::Health;
use crate::daemon::records::set_aside_reason::SetAsideReason;
use crate::daemon::records::writer::{Batch, RingMark, Work};
use crate::daemon::vouched::{Vouched, Windows};
use crate::kernel::clock::boot_and_wall;
use crate::kernel::{self, Records, RingPosition};
use crate::record::ndjson::{self, Context};

/// The longest that a record waits in its ring before the drain looks. The goal is 100 ms from packet
/// to file, and a ring of the default size holds what a CPU makes in this time at 5 million records
/// a second.
const LOOK: Duration = Duration::from_millis(20);

/// The most records that are taken from one ring before the others get their turn.
const TURN: usize = 4_096;

/// The most records in a batch.
const BATCH: usize = 4_096;

/// What the loop tells the drain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DrainCommand {
    /// No packet is judged by an earlier generation any more: once the rings are drained and their records
    /// written, the names of earlier generations can go.
    Forget(u32),
    /// No more records come: drain the rings once more and end.
    Finish,
}

/// Why draining ended.
#[derive(Debug, thiserror::Error)]
pub enum DrainError {
    /// A ring cannot be waited for.
    #[error("waiting for records: {0}")]
    Ring(#[from] io::Error),
    /// The writer has ended; it has reported why.
    #[error("records are not written any more")]
    Writer,
}

/// The ring of one CPU at one interface.
struct WatchedRing {
    interface: Arc<str>,
    name: Arc<str>,
    records: AsyncFd<kernel::Ring>,
}

/// A record out of a ring.
struct RingRecord {
    /// Which ring.
    ring: usize,
    /// How far the ring was read with it.
    position: RingPosition,
    record: Record,
}

/// What the drain looks up, and what it reports to.
#[derive(Debug)]
pub struct DrainContext {
    /// What rule numbers stand for.
    pub names: Arc<NameBook>,
    /// When each order was to select.
    pub vouched: Arc<Vouched>,
    /// Whether draining goes on.
    pub health: Arc<Health>,
    /// Where records are counted by order.
    pub counts: Arc<RecordCounts>,
}

/// The drain over all rings of a sensor.
pub struct Drain {
    sensor: String,
    rings: Vec<WatchedRing>,
    names: Arc<NameBook>,
    vouched: Arc<Vouched>,
    work: mpsc::Sender<Work>,
    commands: mpsc::UnboundedReceiver<DrainCommand>,
    health: Arc<Health>,
    counts: Arc<RecordCounts>,
    /// The number of records so far; the next one gets the number after it.
    sequence: u64,
    /// Room for the records of a turn.
    found: Vec<RingRecord>,
    buffers: Buffers,
}

impl Drain {
    /// A drain that numbers records from the one after `sequence`; to be called inside a tokio
    /// runtime.
    ///
    /// # Errors
    /// Where a ring cannot be waited for.
    pub fn new(
        config: &Config,
        records: Vec<(String, Records)>,
        context: DrainContext,
        work: mpsc::Sender<Work>,
        commands: mpsc::UnboundedReceiver<DrainCommand>,
    ) -> io::Result<Self> {
        let mut rings = Vec::new();
        for (interface, records) in records {
            let interface: Arc<str> = interface.into();
            for (cpu, ring) in records.into_rings() {
                let name = ring_name(&interface, cpu).into();
                rings.push(WatchedRing {
                    interface: Arc::clone(&interface),
                    name,
                    records: watch(ring)?,
                });
            }
        }
        let sensor = config.sensor.clone();
        let DrainContext { names, vouched, health, counts } = context;
        let (found, buffers) = (Vec::new(), Buffers::default());
        Ok(Self {
            sensor,
            rings,
            names,
            vouched,
            work,
            commands,
            health,
            counts,
            sequence: 0,
            found,
            buffers,
        })
    }

    /// The same, continuing after the record with this number.
    #[must_use]
    pub const fn behind(mut self, sequence: u64) -> Self {
        self.sequence = sequence;
        self
    }

    /// Drains until [`DrainCommand::Finish`]; reports a failure to [`Health`] at once.
    ///
    /// # Errors
    /// The first failure; no record is taken after it.
    pub async fn run(mut self) -> Result<(), DrainError> {
        let result = self.drain().await;
        if let Err(error) = &result {
            self.health.fail(error.to_string());
        }
        result
    }

    async fn drain(&mut self) -> Result<(), DrainError> {
        let mut behind = false;
        loop {
            let command = if behind { self.look_on().await } else { self.wait().await? };
            match command {
                None => behind = self.turn().await?,
                Some(DrainCommand::Forget(generation)) => {
                    self.empty().await?;
                    self.send(Work::Forget(generation)).await?;
                }
                Some(DrainCommand::Finish) => return self.empty().await,
            }
        }
    }

    /// Waits for a command, for a wake-up by the kernel, or until it is time to look.
    async fn wait(&mut self) -> io::Result<Option<DrainCommand>> {
        let Self { rings, commands, .. } = self;
        tokio::select! {
            command = commands.recv() => Ok(Some(command.unwrap_or(DrainCommand::Finish))),
            ready = poll_fn(|context| ready(rings, context)) => ready.map(|()| None),
            () = tokio::time::sleep(LOOK) => Ok(None),
        }
    }

    /// Does not wait, but lets others run.
    async fn look_on(&mut self) -> Option<DrainCommand> {
        tokio::task::yield_now().await;
        match self.commands.try_recv() {
            Ok(command) => Some(command),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(DrainCommand::Finish),
        }
    }

    /// Takes everything that is in the rings now.
    async fn empty(&mut self) -> Result<(), DrainError> {
        // Where a ring fills as fast as it is emptied, what it can hold at once is enough.
        let largest = self.rings.iter().map(|ring| ring.records.get_ref().bytes()).max();
        for _ in 0..=largest.unwrap_or(0) / (LENGTH * TURN) as u64 {
            if !self.turn().await? {
                break;
            }
        }
        Ok(())
    }

    /// Takes up to [`TURN`] records from every ring and sends them on in the order of time. Returns whether
    /// there may be more.
    async fn turn(&mut self) -> Result<bool, DrainError> {
        let (mut found, mut behind) = (std::mem::take(&mut self.found), false);
        for (number, WatchedRing { records, .. }) in self.rings.iter_mut().enumerate() {
            behind |= take(number, records.get_mut(), &mut found) == TURN;
        }
        // Each ring is in order, so this only merges; it keeps the order within each.
        found.sort_by_key(|found| found.record.time);
        // The boot clock never steps, so one reading of both clocks serves a whole turn.
        let (boot, wall) = boot_and_wall();
        for batch in found.chunks(BATCH) {
            let batch = self.render(batch, boot, wall);
            self.send(Work::Batch(batch)).await?;
        }
        found.clear();
        self.found = found;
        Ok(behind)
    }

    async fn send(&self, work: Work) -> Result<(), DrainError> {
        self.work.send(work).await.map_err(|_| DrainError::Writer)
    }

    /// Makes a batch of these records: a line for each that belongs to a verified order; the others are set
    /// aside.
    fn render(&mut self, found: &[RingRecord], boot: BootTime, wall: Timestamp) -> Batch {
        let (mut lines, mut asides) = (self.buffers.take(), Asides::default());
        let (mut records, mut count) = (0_u64, Count::default());
        let windows = self.vouched.windows();
        let mut names: Option<(u32, Option<Arc<Names>>)> = None;
        let mut reached = vec![None; self.rings.len()];
        for RingRecord { ring, position, record } in found {
            if names.as_ref().is_none_or(|(number, _)| *number != record.generation) {
                names = Some((record.generation, self.names.get(record.generation)));
            }
            let known = names.as_ref().and_then(|(_, names)| names.as_deref());
            let rule = known.and_then(|names| names.rule(record.rule));
            let time = wall_time(record.time, boot, wall);
            let (interface, name) =
                self.rings.get(*ring).map_or(("", ""), |ring| (&*ring.interface, &*ring.name));
            let sequence = self.sequence.saturating_add(1);
            let context = Context { sensor: &self.sensor, interface, sequence, time: Some(time) };
            let written = judge(record, known, rule, &windows)
                .and_then(|names| write_line(&mut lines, record, names, &context));
            match (written, rule) {
                (Ok(()), Some(rule)) => {
                    self.sequence = self.sequence.saturating_add(1);
                    records = records.saturating_add(1);
                    count.add(record, rule);
                }
                (written, rule) => {
                    let reason = written.err().unwrap_or(SetAsideReason::Rule);
                    let slot = rule.map(|rule| rule.order.slot);
                    let ring = name;
                    let origin = RecordOrigin { interface, ring, position: *position, slot, time };
                    asides.add(reason, record, &origin);
                }
            }
            if let Some(reached) = reached.get_mut(*ring) {
                *reached = Some(*position);
            }
        }
        self.counts.add(count);
        let taken = self.rings.iter().zip(reached).filter_map(taken).collect();
        let lines = self.buffers.give(lines);
        Batch { lines, records, last: self.sequence, asides, taken }
    }
}

/// Checks that a record belongs to a verified order, and was made when that order was to select. Returns
/// the names with which it is written.
fn judge<'a>(
    record: &Record,
    names: Option<&'a Names>,
    rule: Option<&RuleName>,
    windows: &Windows,
) -> Result<&'a Names, SetAsideReason> {
    let names = names.ok_or(SetAsideReason::Generation)?;
    let order = &rule.ok_or(SetAsideReason::Rule)?.order;
    if record.direction() != Some(order.measure.direction()) {
        return Err(SetAsideReason::Direction);
    }
    if !windows.in_term(order.slot, record.time) {
        return Err(SetAsideReason::Term);
    }
    if !windows.in_lease(record.time) {
        return Err(SetAsideReason::Lease);
    }
    Ok(names)
}

/// Adds a record's line, or nothing.
fn write_line(
    lines: &mut BytesMut,
    record: &Record,
    names: &Names,
    context: &Context<'_>,
) -> Result<(), SetAsideReason> {
    let before = lines.len();
    let written = ndjson::write(&mut BufMut::writer(&mut *lines), record, names, context);
    written.map_err(|error| {
        lines.truncate(before);
        SetAsideReason::from(&error)
    })
}

/// How far a batch goes in a ring, if it has records from it.
fn taken((ring, position): (&WatchedRing, Option<RingPosition>)) -> Option<RingMark> {
    let (name, room) = (Arc::clone(&ring.name), Arc::clone(ring.records.get_ref().room()));
    Some(RingMark { ring: name, room, position: position? })
}

#[expect(
    deprecated,
    reason = "its successor is unsafe; a ring keeps one descriptor while it lives"
)]
fn watch(ring: kernel::Ring) -> io::Result<AsyncFd<kernel::Ring>> {
    AsyncFd::with_interest(ring, Interest::READABLE)
}

/// Whether the kernel has woken us for any ring since the last look.
fn ready(rings: &mut [WatchedRing], context: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
    let mut any = false;
    for WatchedRing { records, .. } in rings {
        if let Poll::Ready(guard) = records.poll_read_ready_mut(context) {
            // The guard stands for one wake-up; looking shows whether there is more.
            guard?.clear_ready();
            any = true;
        }
    }
    if any { Poll::Ready(Ok(())) } else { Poll::Pending }
}

/// Takes at most [`TURN`] records from a ring, fewer only if it is empty.
fn take(number: usize, ring: &mut kernel::Ring, found: &mut Vec<RingRecord>) -> usize {
    let before = found.len();
    let next = || {
        let record = ring.next_record()?;
        Some(RingRecord { ring: number, position: ring.position(), record })
    };
    found.extend(std::iter::from_fn(next).take(TURN));
    found.len().saturating_sub(before)
}

/// The wall-clock time of a boot-clock time, given both clocks now.
fn wall_time(time: BootTime, boot: BootTime, wall: Timestamp) -> Timestamp {
    let [time, boot] = [time, boot].map(|moment| i128::from(moment.as_nanos()));
    let nanoseconds = i64::try_from(time - boot).unwrap_or_default();
    wall.saturating_add(SignedDuration::from_nanos(nanoseconds)).unwrap_or(wall)
}

/// A ring's name: its interface and CPU.
pub fn ring_name(interface: &str, cpu: u32) -> String {
    format!("{interface}/{cpu}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_record_is_counted_back_from_now() {
        let now: Timestamp = "2027-11-01T00:00:10Z".parse().unwrap();
        let at = BootTime::from_nanos;
        let time = wall_time(at(1_000_000_000), at(3_500_000_000), now);
        assert_eq!(time.to_string(), "2027-11-01T00:00:07.5Z");
        assert_eq!(
            wall_time(BootTime::MAX, BootTime::ZERO, now),
            now,
            "no time that any kernel gives"
        );
    }
}
