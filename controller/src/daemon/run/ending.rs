//! The one place where a daemon ends, and its last words.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sensor_common::counters::{self, Counters};
use sensor_common::outcome::Outcome;
use tokio::task::JoinHandle;

use super::{Daemon, End, RunError, reading};
use crate::daemon::drain;
use crate::daemon::monitor::lock;
use crate::daemon::sensor::Enforce as _;
use crate::registry::runs::{How, Stop};

/// How long the output may take none of the last records before they are given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a daemon did, for its last words.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Summary {
    /// Packets seen on all interfaces.
    pub packets: u64,
    /// Records submitted by the kernel.
    pub records: u64,
    /// Records written.
    pub written: u64,
    /// Records lost because a ring was full.
    pub lost: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { packets, records, written, lost } = self;
        write!(
            f,
            "stopped: {packets} packets seen, {records} records, {written} written, {lost} lost"
        )
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
        {
            let mut sensor = lock(&self.sensor);
            if end == End::Stop {
                keep(sensor.set_lease(0).map_err(RunError::Sensor));
                keep(sensor.settle().map_err(RunError::Sensor));
            }
            match sensor.counters() {
                Ok(interfaces) => {
                    let cpus = interfaces.iter().flat_map(|(_, cpus)| cpus);
                    summary.count(cpus);
                }
                Err(error) => keep(Err(error.into())),
            }
        }
        if end == End::Stop {
            self.monitor.note_lease(0);
        }
        // If the drain is gone, it has failed, and said so.
        let _ = self.commands.send(drain::Command::Finish);
        keep(finish(self.drain, &self.written).await);
        if end == End::Stop {
            keep(lock(&self.sensor).detach().map_err(RunError::Sensor));
        }
        for server in &self.servers {
            server.abort();
        }
        for server in self.servers {
            // Aborted; what it held (the socket) is gone once this returns.
            let _ = server.await;
        }
        keep(finish(self.writer, &self.written).await);
        summary.written = self.written.load(Ordering::Relaxed);
        let failure = failure.or_else(|| result.as_ref().err().map(ToString::to_string));
        let (registrar, stop) = (&mut self.registrar, summary.as_event(end, failure));
        let ended = tokio::task::block_in_place(|| registrar.end(stop, reading()));
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
        let Self { packets, records, written, lost } = self;
        Stop { how, reason, packets, records, written, lost }
    }

    fn count<'a>(&mut self, cpus: impl Iterator<Item = &'a Counters>) {
        let mut sum = Counters::default();
        cpus.for_each(|cpu| sum.merge(cpu));
        self.records = sum.records();
        self.lost = sum.lost();
        self.packets = Outcome::ALL
            .iter()
            .flat_map(|outcome| counters::columns().map(|column| sum.packets(*outcome, column)))
            .sum();
    }
}

/// Waits for a task as long as records are written.
async fn finish<E: fmt::Display>(
    mut task: JoinHandle<Result<(), E>>,
    written: &AtomicU64,
) -> Result<(), RunError> {
    loop {
        let before = written.load(Ordering::Relaxed);
        match tokio::time::timeout(PATIENCE, &mut task).await {
            Ok(Ok(done)) => return done.map_err(|error| RunError::Failed(error.to_string())),
            Ok(Err(error)) => return Err(RunError::Failed(error.to_string())),
            Err(_) if written.load(Ordering::Relaxed) == before => {
                let reason = "the output did not take the last records";
                return Err(RunError::Failed(reason.to_owned()));
            }
            Err(_) => {}
        }
    }
}
