//! Live frames over a pair of virtual interfaces: what comes through a program that is really
//! attached.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use aya::programs::{Xdp, XdpMode};
use controller::kernel::{Mode, Program, XdpAttach};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use sensor_common::outcome::Outcome;
use sensor_common::tables::Line;

use crate::pin;
use crate::report::Figure;
use crate::rig::{RUNS, Rig, Sizes};
use crate::sensor::Sensor;
use crate::trace::Trace;

const NEAR: &str = "near";
const FAR: &str = "far";
/// Frames of one call.
const BATCH: u32 = 65_536;
/// How long one run lasts.
const RUN: Duration = Duration::from_millis(700);

/// A network namespace with the pair in it. It goes when this goes.
struct Wire {
    name: String,
}

impl Wire {
    fn new() -> Result<Self> {
        let wire = Self { name: format!("sekisho-bench-{}", std::process::id()) };
        ip(&["netns", "add", &wire.name])?;
        let inside = |arguments: &[&str]| ip(&[&["-n", &wire.name], arguments].concat());
        inside(&["link", "add", NEAR, "type", "veth", "peer", "name", FAR])?;
        // Without an IPv6 address to announce: nothing is sent but what a case sends.
        for link in [NEAR, FAR] {
            inside(&["link", "set", link, "addrgenmode", "none", "up"])?;
        }
        Ok(wire)
    }

    /// Runs `inside` in a thread that lives in the namespace.
    fn enter<T: Send>(&self, inside: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let namespace = File::open(format!("/run/netns/{}", self.name))?;
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
                    .context("entering the network namespace")?;
                inside()
            });
            thread.join().unwrap_or_else(|_| anyhow::bail!("the thread in the namespace panicked"))
        })
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        // Nobody is left to be told of a failure.
        let _ = ip(&["netns", "delete", &self.name]);
    }
}

fn ip(arguments: &[&str]) -> Result<()> {
    let output = Command::new("ip").args(arguments).output().context("running ip")?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip {}: {}", arguments.join(" "), error.trim());
    Ok(())
}

/// Million packets a second through the empty program.
pub(crate) fn empty(case: &'static str, trace: &Trace) -> Result<Figure> {
    Wire::new()?.enter(|| {
        let mut rig = rig(trace)?;
        let program: &mut Xdp =
            rig.ebpf.program_mut("empty").context("no program empty")?.try_into()?;
        program.attach(FAR, XdpMode::Driver)?;
        Ok(Figure::new(case, "M/s", rates(&mut rig)?).note(NOTE))
    })
}

/// Million packets a second through the sensor; none of them matches.
pub(crate) fn sensor(case: &'static str, trace: &Trace, lines: &[Line]) -> Result<Figure> {
    Wire::new()?.enter(|| {
        let mut rig = rig(trace)?;
        let mut sensor = Sensor::load(lines, Mode::Tap, 4_096)?;
        sensor.program.attach(FAR, XdpAttach::Native)?;
        let runs = rates(&mut rig)?;
        sensor.expect(Outcome::Unmatched, (0, 0))?;
        let (seen, received) = (sensor.seen(Outcome::Unmatched)?.0, received()?);
        ensure!(
            received.abs_diff(seen) * 1_000 <= received,
            "{received} frames received, but the sensor counted {seen}"
        );
        Ok(Figure::new(case, "M/s", runs).note(NOTE))
    })
}

/// What became of the packets that were sent while something else was done.
pub(crate) struct Traffic {
    /// Frames that were sent.
    pub(crate) sent: u64,
    /// Those of them that the driver gave to the program; the wire has no room for the others.
    pub(crate) received: u64,
    /// Those that the program counted, with any outcome.
    pub(crate) judged: u64,
    /// Those that no rule selected: all of them.
    pub(crate) unmatched: u64,
}

/// Does something to an attached sensor while traffic goes through it that no rule selects, made by
/// another core.
pub(crate) fn under_traffic<T: Send>(
    trace: &Trace,
    lines: &[Line],
    work: impl FnOnce(&mut Program) -> Result<T> + Send,
) -> Result<(T, Traffic)> {
    Wire::new()?.enter(|| {
        let mut rig = rig(trace)?;
        let mut sensor = Sensor::load(lines, Mode::Tap, 4_096)?;
        sensor.program.attach(FAR, XdpAttach::Native)?;
        let (before, stop) = (received()?, AtomicBool::new(false));
        let (done, sent) = std::thread::scope(|scope| {
            let source = scope.spawn(|| {
                pin(0);
                let mut sent = 0;
                while !stop.load(Ordering::Relaxed) {
                    rig.send(BATCH)?;
                    sent += u64::from(BATCH);
                }
                Ok(sent)
            });
            pin(1);
            let done = work(&mut sensor.program);
            stop.store(true, Ordering::Relaxed);
            let sent = source.join().unwrap_or_else(|_| anyhow::bail!("the source panicked"));
            anyhow::Ok((done?, sent?))
        })?;
        // Frames are judged where they are sent: none is on its way any more.
        let (judged, unmatched) = sensor.seen(Outcome::Unmatched)?;
        Ok((done, Traffic { sent, received: received()? - before, judged, unmatched }))
    })
}

const NOTE: &str =
    "native XDP; the same core makes the frames, carries them over and inspects them";

fn rig(trace: &Trace) -> Result<Rig> {
    Rig::new(trace, 1, Sizes::NONE, interface(NEAR)?)
}

/// The number of an interface of this thread's namespace.
fn interface(name: &str) -> Result<u32> {
    let output = Command::new("ip").args(["-o", "link", "show", "dev", name]).output()?;
    let text = String::from_utf8(output.stdout)?;
    let number = text.split(':').next().unwrap_or_default().trim();
    number.parse().with_context(|| format!("no interface {name}"))
}

fn rates(rig: &mut Rig) -> Result<Vec<f64>> {
    let mut runs = Vec::new();
    for round in 0..=RUNS {
        let before = received()?;
        let start = Instant::now();
        while start.elapsed() < RUN {
            rig.send(BATCH)?;
        }
        let time = start.elapsed();
        #[expect(clippy::cast_precision_loss, reason = "some millions")]
        let packets = (received()? - before) as f64;
        if round > 0 {
            runs.push(packets / time.as_secs_f64() / 1e6);
        }
    }
    Ok(runs)
}

/// Frames that came over the wire: what the driver gave to the attached program.
fn received() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/net/dev")?;
    let line = text.lines().find_map(|line| line.trim().strip_prefix(FAR)?.strip_prefix(':'));
    let packets = line.and_then(|line| line.split_whitespace().nth(1));
    packets.context("no such interface")?.parse().context("no number of packets")
}
