//! Stalls: for how long a processor does not come back from what it is doing. On each processor a
//! thread that goes before all others wants to run every 100 µs, and notes how late it was (the way of
//! cyclictest).

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use anyhow::{Context as _, Result, ensure};
use rustix::thread::{clock_nanosleep_absolute, gettid};
use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::pin;

/// Between two wake-ups, in nanoseconds.
const INTERVAL: i64 = 100_000;

/// One thread on each processor. Dropping it ends them.
pub(crate) struct Probes {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Result<()>>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// Threads that measure.
    ready: AtomicU64,
    /// The latest wake-up so far, in nanoseconds.
    latest: AtomicU64,
}

impl Probes {
    /// Starts the threads, and returns once all of them measure.
    pub(crate) fn start() -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let processors = std::thread::available_parallelism()?.get();
        let spawn = |processor| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || watch(processor, &shared))
        };
        let probes = Self { threads: (0..processors).map(spawn).collect(), shared };
        let all = probes.threads.len() as u64;
        while probes.shared.ready.load(Ordering::Relaxed) < all {
            ensure!(probes.threads.iter().all(|thread| !thread.is_finished()), "a probe ended");
            std::thread::yield_now();
        }
        probes.take();
        Ok(probes)
    }

    /// By how many nanoseconds a thread was late at most since the last call.
    pub(crate) fn take(&self) -> u64 {
        self.shared.latest.swap(0, Ordering::Relaxed)
    }

    /// Ends the threads.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().map_err(|_| anyhow::anyhow!("a probe panicked"))??;
        }
        Ok(())
    }
}

impl Drop for Probes {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

fn watch(processor: usize, shared: &Shared) -> Result<()> {
    pin(processor);
    let thread = gettid().as_raw_nonzero().to_string();
    let status = Command::new("chrt").args(["--fifo", "--pid", "90", &thread]).status();
    ensure!(status.context("running chrt")?.success(), "chrt gives no real-time priority");
    shared.ready.fetch_add(1, Ordering::Relaxed);
    let mut next = now();
    while !shared.stop.load(Ordering::Relaxed) {
        next += INTERVAL;
        let (seconds, nanoseconds) = (next / 1_000_000_000, next % 1_000_000_000);
        // Ended early, by a signal for example, it is not late.
        let _ = clock_nanosleep_absolute(
            ClockId::Monotonic,
            &Timespec { tv_sec: seconds, tv_nsec: nanoseconds },
        );
        let late = now() - next;
        shared.latest.fetch_max(u64::try_from(late).unwrap_or(0), Ordering::Relaxed);
        // What was missed is one stall, not many.
        next += late.max(0) / INTERVAL * INTERVAL;
    }
    Ok(())
}

fn now() -> i64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}
