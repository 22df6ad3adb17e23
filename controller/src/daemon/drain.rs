//! Records out of the rings, to lines of NDJSON, to the writer. One task for all interfaces, so that
//! `event.sequence` rises line by line.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use jiff::{SignedDuration, Timestamp};
use sensor_common::record::{LENGTH, Record};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;

use super::config::Config;
use super::health::Health;
use super::names::NameBook;
use super::output::Batch;
use super::tally::{Count, Tally};
use crate::kernel::Records;
use crate::kernel::clock::boot_and_wall;
use crate::record::ndjson::{self, Context, RecordError};

/// Most records that one ring gives before the others get their turn.
const TURN: usize = 4_096;

/// Batches between drain and writer.
pub const BATCHES: usize = 16;

/// What the loop tells the drain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Command {
    /// No packet is judged any more by a generation before this one: once the rings are drained,
    /// their names can go.
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
    /// A record of a generation that no one published, or whose names were forgotten too early.
    #[error("a record of generation {0}, which is not known")]
    Generation(u32),
    /// A record that its generation cannot have given rise to.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The writer is gone; it has said why.
    #[error("records are not written any more")]
    Writer,
}

/// An interface and its ring.
struct Ring {
    interface: String,
    records: AsyncFd<Records>,
}

/// The drain over all rings of a sensor.
pub struct Drain {
    sensor: String,
    rings: Vec<Ring>,
    ring_bytes: u32,
    names: Arc<NameBook>,
    batches: mpsc::Sender<Batch>,
    commands: mpsc::UnboundedReceiver<Command>,
    health: Arc<Health>,
    tally: Arc<Tally>,
    /// Records so far: the next one's number is one more.
    sequence: u64,
}

impl Drain {
    /// A drain; to be called inside a tokio runtime.
    ///
    /// # Errors
    /// Where a ring cannot be waited for.
    pub fn new(
        config: &Config,
        rings: Vec<(String, Records)>,
        names: Arc<NameBook>,
        batches: mpsc::Sender<Batch>,
        commands: mpsc::UnboundedReceiver<Command>,
        health: Arc<Health>,
        tally: Arc<Tally>,
    ) -> io::Result<Self> {
        let rings: io::Result<Vec<Ring>> = rings
            .into_iter()
            .map(|(interface, records)| Ok(Ring { interface, records: watch(records)? }))
            .collect();
        let (sensor, ring_bytes) = (config.sensor.clone(), config.ring_bytes);
        let rings = rings?;
        Ok(Self { sensor, rings, ring_bytes, names, batches, commands, health, tally, sequence: 0 })
    }

    /// Drains until [`Command::Finish`]; a failure goes to [`Health`] at once.
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
        let mut taken = Vec::new();
        loop {
            let Self { rings, commands, .. } = &mut *self;
            let command = tokio::select! {
                ready = poll_fn(|context| take_ready(rings, &mut taken, context)) => {
                    ready?;
                    None
                }
                command = commands.recv() => Some(command.unwrap_or(Command::Finish)),
            };
            self.send(&mut taken).await?;
            match command {
                None => {}
                Some(Command::Forget(generation)) => {
                    self.empty(&mut taken).await?;
                    self.names.forget_before(generation);
                }
                Some(Command::Finish) => return self.empty(&mut taken).await,
            }
        }
    }

    /// Takes everything that is in the rings now.
    async fn empty(&mut self, taken: &mut Vec<(usize, Record)>) -> Result<(), DrainError> {
        // A ring that fills as fast as it is emptied has an end too: what it can hold at once.
        let turns = self.ring_bytes as usize / LENGTH / TURN + 1;
        for ring in 0..self.rings.len() {
            for _ in 0..turns {
                let Some(Ring { records, .. }) = self.rings.get_mut(ring) else { break };
                let count = take(ring, records.get_mut(), taken);
                self.send(taken).await?;
                if count < TURN {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Renders what was taken and hands it to the writer.
    async fn send(&mut self, taken: &mut Vec<(usize, Record)>) -> Result<(), DrainError> {
        // The boot clock never steps, so one look at both clocks serves a whole batch.
        let (boot, wall) = boot_and_wall();
        let mut names = None;
        let mut taken = taken.drain(..).peekable();
        while taken.peek().is_some() {
            let (mut batch, mut count) = (Batch::default(), Count::default());
            for (ring, record) in taken.by_ref().take(TURN) {
                let names = match &mut names {
                    Some(names) => names,
                    None => names.insert(self.find(record.generation)?),
                };
                if names.generation != record.generation {
                    *names = self.find(record.generation)?;
                }
                self.sequence = self.sequence.saturating_add(1);
                let context = Context {
                    sensor: &self.sensor,
                    interface: self.rings.get(ring).map_or("", |ring| &ring.interface),
                    sequence: self.sequence,
                    time: wall_time(record.time, boot, wall),
                };
                let mut line = bytes::BufMut::writer(&mut batch.lines);
                ndjson::write(&mut line, &record, names, &context)?;
                batch.records = batch.records.saturating_add(1);
                names.rule(record.rule).into_iter().for_each(|rule| count.add(&rule.order));
            }
            self.tally.add(count);
            self.batches.send(batch).await.map_err(|_| DrainError::Writer)?;
        }
        Ok(())
    }

    fn find(&self, generation: u32) -> Result<Arc<crate::compile::Names>, DrainError> {
        self.names.get(generation).ok_or(DrainError::Generation(generation))
    }
}

#[expect(
    deprecated,
    reason = "its successor is unsafe; a ring keeps one descriptor while it lives"
)]
fn watch(records: Records) -> io::Result<AsyncFd<Records>> {
    AsyncFd::with_interest(records, Interest::READABLE)
}

/// Takes records from every ring that has some.
fn take_ready(
    rings: &mut [Ring],
    taken: &mut Vec<(usize, Record)>,
    context: &mut TaskContext<'_>,
) -> Poll<io::Result<()>> {
    let mut any = false;
    for (index, ring) in rings.iter_mut().enumerate() {
        if let Poll::Ready(guard) = ring.records.poll_read_ready_mut(context) {
            let mut guard = guard?;
            if take(index, guard.get_inner_mut(), taken) < TURN {
                guard.clear_ready();
            }
            any = true;
        }
    }
    if any { Poll::Ready(Ok(())) } else { Poll::Pending }
}

/// Takes at most [`TURN`] records from a ring; fewer if it is empty before.
fn take(index: usize, records: &mut Records, taken: &mut Vec<(usize, Record)>) -> usize {
    let before = taken.len();
    taken.extend(std::iter::from_fn(|| records.next_record()).take(TURN).map(|r| (index, r)));
    taken.len().saturating_sub(before)
}

/// The wall-clock time of a moment of the boot clock, given both clocks now.
fn wall_time(time: u64, boot: u64, wall: Timestamp) -> Timestamp {
    let nanoseconds = i64::try_from(i128::from(time) - i128::from(boot)).unwrap_or_default();
    wall.saturating_add(SignedDuration::from_nanos(nanoseconds)).unwrap_or(wall)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_record_is_counted_back_from_now() {
        let now: Timestamp = "2027-11-01T00:00:10Z".parse().unwrap();
        let time = wall_time(1_000_000_000, 3_500_000_000, now);
        assert_eq!(time.to_string(), "2027-11-01T00:00:07.5Z");
        assert_eq!(wall_time(u64::MAX, 0, now), now, "no time that any kernel gives");
    }
}
