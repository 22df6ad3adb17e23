//! The sensor under load, the senders on every processor, and one stretch of the load after the other.

use std::fs::File;
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use controller::compile::{Slotted, compile};
use controller::engine::HostEngine;
use jiff::Timestamp;
use rustix::process::Signal;
use rustix::thread::{CpuSet, sched_getaffinity};
use serde_json::{Value, json};

use super::books::{Moment, ring_full};
use super::kernel_log::KernelLog;
use super::memory::{Memory, on_disk};
use super::pool::pool;
use super::reader::Reader;
use super::script::{Ledger, Script};
use super::sender::Sender;
use super::{MTU, ON_DISK, Report};
use crate::authority::{approved, signed};
use crate::daemon::{Daemon, Folder};
use crate::frames::{layers, plans};
use crate::network::{FAR, NEAR, Wire};
use crate::pins::PinFolder;
use crate::seed::random;
use crate::siege::judge::Judge;
use crate::wait::{after, until};

/// The direction inputs that come to [`layers`].
const DOMESTIC: &str = "203.0.113.0/24\n2001:db8:81::/48\n";
const FOREIGN: &str = "198.51.100.0/24\n192.0.2.0/25\n2001:db8::/32\n";

/// More than any machine sends: the share is never used up.
const CAPACITY: u64 = 4_000_000_000_000;

/// Room for some thousand records on each processor, fewer than a flood has.
const RING: u32 = 256 << 10;

/// The sensor and everything around it.
pub(super) struct World<'a> {
    // In the order in which they go: the daemon before what it stands on.
    daemon: Daemon,
    /// Present until the end.
    reader: Option<Reader>,
    senders: Vec<Sender<'a>>,
    judge: Judge,
    kernel: KernelLog,
    wire: Wire,
    folder: Folder,
    /// What the daemon said at its start.
    said: String,
    _pins: PinFolder,
}

/// Prints what the daemon said if the test fails.
impl Drop for World<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("what the daemon said:\n{}", self.daemon.log());
        }
    }
}

/// Does something with a sensor and the frames of a seed.
pub(super) fn with<T>(seed: u64, work: impl FnOnce(World<'_>) -> T) -> T {
    let mut random = random(seed);
    let plans = plans_in_force();
    let orders: Vec<_> = plans.iter().map(approved).collect();
    let generation = compile(1, &[&layers()], &Slotted::in_turn(&orders), None).expect("it fits");
    let frames = pool(&mut random, &mut HostEngine::new(generation.lines));

    let processors = processors();
    let (wire, pins) = (Wire::wide(processors.len(), MTU), PinFolder::new());
    let documents: Vec<_> = plans.iter().map(signed).collect();
    let folder = Folder::new(&documents)
        .set("pin", json!(pins.path()))
        .set("ring_bytes", json!(RING))
        .directed(DOMESTIC, FOREIGN);
    let (folder, pipe) = folder.with_pipe();
    let kernel = KernelLog::from_now();
    let daemon = folder.start(&wire, &[]);
    let scripts: Vec<_> = processors.iter().map(|_| Script::new(&mut random, &frames)).collect();
    let senders = wire.sender.inside(|| {
        let pairs = processors.into_iter().zip(scripts);
        pairs.map(|(cpu, script)| Sender::new(NEAR, cpu, script)).collect()
    });
    work(World::new(daemon, pipe, senders, kernel, wire, folder, pins))
}

/// Waits until the daemon holds as much as it ever will, and all rings are full: records stand still while more
/// of them are lost. What it takes then is what it may take later.
fn fill(judge: &Judge, is_over: impl Fn() -> bool) {
    let mut before = judge.counters();
    until("a sensor that holds all that it can", || {
        let now = judge.counters();
        let is_full = now.records() == before.records() && now.lost() > before.lost();
        before = now;
        (is_full || is_over()).then_some(())
    });
}

/// Those that this process may run on.
fn processors() -> Vec<usize> {
    let allowed = sched_getaffinity(None).expect("the kernel says");
    (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).collect()
}

/// The plans of the named frames, in force now.
fn plans_in_force() -> Vec<Value> {
    let (now, day) = (Timestamp::now(), 24 * 3_600_000);
    let mut plans = plans();
    for plan in &mut plans {
        plan["not_before"] = json!(after(now, -day).to_string());
        plan["not_after"] = json!(after(now, day).to_string());
        plan["facility"]["capacity_bps"] = json!(CAPACITY);
    }
    plans
}

impl<'a> World<'a> {
    fn new(
        daemon: Daemon,
        pipe: File,
        senders: Vec<Sender<'a>>,
        kernel: KernelLog,
        wire: Wire,
        folder: Folder,
        pins: PinFolder,
    ) -> Self {
        let (reader, judge, said) = (Some(Reader::new(pipe)), Judge::new(&pins), daemon.log());
        Self { daemon, reader, senders, judge, kernel, wire, folder, said, _pins: pins }
    }

    /// Sends for some time, waits until nothing is on its way, and looks whether all holds that must. Returns the
    /// daemon's memory at the end of sending, or while it held all that it can.
    ///
    /// # Panics
    /// Where something does not hold.
    pub(super) fn stretch(&mut self, time: Duration, report: &mut Report) -> Memory {
        let before = *report;
        let (start, mut full) = (Instant::now(), Memory::default());
        std::thread::scope(|scope| {
            let senders = self.senders.iter_mut();
            let senders: Vec<_> =
                senders.map(|sender| scope.spawn(|| sender.send_until(start + time))).collect();
            let reader = self.reader.as_mut().filter(|reader| reader.waits());
            if let Some(reader) = reader {
                fill(&self.judge, || senders.iter().all(ScopedJoinHandle::is_finished));
                full = Memory::of(self.daemon.id());
                reader.begin();
            }
        });
        let took = start.elapsed();
        let memory = Memory::of(self.daemon.id()).max(full);
        self.settle();
        self.balance(report);
        report.time += took;
        report.balanced += 1;
        let rate = |now: u64, then: u64| Report::rate(now - then, took);
        eprintln!(
            "{:>6.0} s  {:>9} packets/s  {:>9} records/s  {:>9} lost/s  {memory}",
            report.time.as_secs_f64(),
            rate(report.packets, before.packets),
            rate(report.records, before.records),
            rate(report.lost, before.lost),
        );
        memory
    }

    fn reader(&self) -> &Reader {
        self.reader.as_ref().expect("it is read until the end")
    }

    /// Waits until every frame is judged and every record written and read.
    fn settle(&self) {
        let lost = || self.wire.sender.counts(NEAR).send_dropped.saturating_sub(self.refused());
        let sent: u64 = self.senders.iter().map(|sender| sender.sent).sum();
        until("all frames to be received", || (self.wire.packets() + lost() >= sent).then_some(()));
        until("all records to be read", || {
            let account = self.daemon.status().account().clone();
            let done = account.waiting == 0 && account.written <= self.reader().lines();
            (done || self.reader().is_over()).then_some(())
        });
    }

    fn refused(&self) -> u64 {
        self.senders.iter().map(|sender| sender.refused).sum()
    }

    fn balance(&mut self, report: &mut Report) {
        let mut foretold = Ledger::default();
        for sender in &self.senders {
            sender.script().foretell(sender.sent, &mut foretold);
        }
        let moment = Moment {
            foretold,
            refused: self.refused(),
            near: self.wire.sender.counts(NEAR),
            far: self.wire.receiver.counts(FAR),
            counters: self.judge.counters(),
            status: &self.daemon.status(),
            lines: self.reader().lines(),
        };
        let mut faults = moment.faults();
        faults.extend(self.kernel.warnings().into_iter().map(|line| format!("kernel: {line}")));
        let log = self.daemon.log();
        faults.extend(log.strip_prefix(&self.said).unwrap_or(&log).lines().map(str::to_owned));
        let bytes = on_disk(&self.folder.path(""));
        if bytes > ON_DISK {
            faults.push(format!("{bytes} bytes on the disk"));
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        let counters = &moment.counters;
        assert!(
            ring_full(counters) <= counters.lost(),
            "a packet that lost no record is ring-full"
        );
        *report = Report {
            packets: moment.far.received,
            refused: moment.refused,
            dropped: moment.dropped(),
            records: counters.records(),
            lost: counters.lost(),
            ..*report
        };
    }

    /// Ends the sensor, which must do well, and holds what it says at last against what was counted.
    pub(super) fn end(mut self, report: &mut Report) {
        self.daemon.signal(Signal::TERM);
        let status = self.daemon.wait();
        assert!(status.success(), "{status}");
        let Report { records, lost, .. } = *report;
        let all = records + lost;
        let words =
            format!(" {all} records, {records} written, {lost} lost, 0 not written, 0 set aside\n");
        assert!(self.daemon.log().ends_with(&words), "{words}");
        let warnings = self.kernel.warnings();
        assert!(warnings.is_empty(), "{warnings:?}");
        let lines = self.reader.take().expect("it is read until the end").finish();
        assert_eq!(lines, records, "lines of the output");
    }
}
