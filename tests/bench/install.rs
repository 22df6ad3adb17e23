//! Installing an order: how long it takes, and what it leaves in memory.

use std::fs::read_to_string;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use controller::kernel::{KernelTables, Mode, Program};
use std::os::fd::AsRawFd as _;

use sekisho_tests::authority::Signed;

use crate::internet::Internet;
use crate::orders::Selectors;
use crate::progress;
use crate::report::Figure;
use crate::rig::RUNS;
use crate::sensor::{tables, verify};
use crate::stall::Probes;
use crate::trace::Trace;
use crate::veth::{self, Traffic};

const SELECTORS: usize = 1_000_000;

/// What the installations of one order under traffic came to; measured once for all cases.
pub(crate) struct Installed {
    /// From an envelope's bytes to tables in force.
    seconds: Vec<f64>,
    /// Nanoseconds of the longest stall of a processor, for each installation and what follows.
    stalls: Vec<f64>,
    /// The same over as long without an installation.
    stalls_before: Vec<f64>,
    note: String,
}

/// For how long a processor may still be busy with what an installation replaced.
const AFTERWARDS: Duration = Duration::from_millis(500);

/// Installs an order with a million selectors, several times one after the other, while traffic goes
/// through the attached program.
pub(crate) fn under_traffic(internet: &Internet, trace: &Trace) -> Result<Installed> {
    let envelopes = Selectors::V4(SELECTORS).envelopes(internet);
    let lines = tables(internet, &verify(&envelopes))?.lines;
    let work = |program: &mut Program| {
        let probes = Probes::start()?;
        let mut parts = String::new();
        let (mut seconds, mut stalls, mut stalls_before) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let start = Instant::now();
            (parts, _) = install(internet, &envelopes, program)?;
            seconds.push(start.elapsed().as_secs_f64());
            std::thread::sleep(AFTERWARDS);
            stalls.push(nanoseconds(probes.take()));
            std::thread::sleep(start.elapsed());
            stalls_before.push(nanoseconds(probes.take()));
        }
        probes.finish()?;
        Ok((seconds, stalls, stalls_before, parts))
    };
    let ((seconds, stalls, stalls_before, parts), traffic) =
        veth::under_traffic(trace, &lines, work)?;
    let Traffic { sent, received, judged, unmatched } = traffic;
    ensure!(
        received == judged && judged == unmatched && received > 0,
        "{received} packets came to the program, {judged} were judged, {unmatched} as they should"
    );
    let note = format!(
        "last run: {parts}; meanwhile {sent} packets sent, {received} taken by the driver, all of \
         them judged, none lost"
    );
    Ok(Installed { seconds, stalls, stalls_before, note })
}

#[expect(clippy::cast_precision_loss, reason = "some milliseconds")]
const fn nanoseconds(late: u64) -> f64 {
    late as f64
}

/// One installation; what it replaces is let go of. What took how long, in words.
fn install(
    internet: &Internet,
    envelopes: &[Signed],
    program: &mut Program,
) -> Result<(String, KernelTables)> {
    let start = Instant::now();
    let mut last = 0.0;
    let mut part = || {
        let now = start.elapsed().as_secs_f64();
        now - std::mem::replace(&mut last, now)
    };
    let orders = verify(envelopes);
    let verified = part();
    let generation = tables(internet, &orders)?;
    let compiled = part();
    let memory = KernelTables::create(&generation.lines)?;
    let copied = part();
    program.publish(&memory)?;
    let published = part();
    let parts = format!(
        "verified {verified:.2} s, compiled {compiled:.2} s, into kernel memory {copied:.2} s, \
         published {published:.4} s"
    );
    Ok((parts, memory))
}

impl Installed {
    /// Seconds for an installation.
    pub(crate) fn seconds(&self, case: &'static str) -> Figure {
        Figure::new(case, "s", self.seconds.clone()).note(self.note.clone())
    }

    /// The longest stall of a processor during all installations.
    pub(crate) fn stall(&self, case: &'static str) -> Figure {
        worst(case, &self.stalls).note(
            "the longest of all runs, as a thread of the highest priority \
         on each processor sees it",
        )
    }

    /// The longest stall without installations.
    pub(crate) fn stall_without(&self, case: &'static str) -> Figure {
        worst(case, &self.stalls_before).note("the same traffic over as long, nothing installed")
    }
}

/// A figure of the highest of its runs.
fn worst(case: &'static str, runs: &[f64]) -> Figure {
    let mut figure = Figure::new(case, "ns", runs.to_vec());
    figure.value = runs.iter().copied().fold(0.0, f64::max);
    figure
}

/// Seconds for compiling selectors of all kinds, which shows that so many fit.
pub(crate) fn mixed(case: &'static str, internet: &Internet, count: usize) -> Result<Figure> {
    let orders = verify(&Selectors::Mixed(count).envelopes(internet));
    let start = Instant::now();
    let generation = tables(internet, &orders)?;
    let time = start.elapsed().as_secs_f64();
    let mib = size_of_val(generation.lines.as_slice()) / 1_048_576;
    Ok(Figure::new(case, "s", vec![time]).note(format!("{mib} MiB of tables; measured once")))
}

/// Bytes per address, in the kernel and in the process that installed the orders. A process of its
/// own installs them, so that nothing else of the benchmarks is in its memory.
pub(crate) fn bytes_per_address(
    case: &'static str,
    internet: &Internet,
    count: usize,
) -> Result<Figure> {
    let directory = tempfile::tempdir()?;
    for (number, signed) in Selectors::V4(count).envelopes(internet).iter().enumerate() {
        let path = |name: &str| directory.path().join(format!("{number:03}-{name}.json"));
        std::fs::write(path("basis"), &signed.basis)?;
        std::fs::write(path("order"), &signed.order)?;
    }
    progress("the orders are written; another process installs them");
    let output = Command::new(std::env::current_exe()?)
        .arg("--installer")
        .arg(directory.path())
        .output()
        .context("starting the installing process")?;
    ensure!(
        output.status.success(),
        "the installing process failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let answer = String::from_utf8(output.stdout)?;
    let numbers: Vec<f64> = answer.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let [kernel, resident, peak] = numbers[..] else { anyhow::bail!("it answered {answer}") };
    #[expect(clippy::cast_precision_loss, reason = "ten million")]
    let count = count as f64;
    let value = (kernel + resident) / count;
    Ok(Figure::new(case, "B", vec![value]).note(format!(
        "kernel {:.1} B, controller {:.1} B (all of its resident memory, direction table \
         included); while installing the controller took up to {:.0} MiB; measured once",
        kernel / count,
        resident / count,
        peak / 1_048_576.0
    )))
}

/// The process that [`bytes_per_address`] starts: installs every order of a directory, then says
/// how many bytes the tables take in the kernel, how many it holds itself, and how many it held
/// at most.
pub(crate) fn installer(directory: &Path) -> Result<String> {
    let internet = Internet::build()?;
    let (mut program, _records) = Program::load(Mode::Tap, 4_096)?;
    let mut paths: Vec<_> =
        std::fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    paths.sort();
    let memory = {
        let mut orders = Vec::new();
        for pair in paths.chunks(2) {
            let [basis, order] = pair else { bail!("an order and what it rests on") };
            let (basis, order) = (read_to_string(basis)?, read_to_string(order)?);
            orders.append(&mut verify(&[Signed { basis, order }]));
        }
        KernelTables::create(&tables(&internet, &orders)?.lines)?
    };
    program.publish(&memory)?;
    let mut kernel = 0;
    for descriptor in memory.descriptors() {
        let info = format!("/proc/self/fdinfo/{}", descriptor.as_raw_fd());
        kernel += field(&read_to_string(info)?, "memlock:")?;
    }
    let status = read_to_string("/proc/self/status")?;
    let (resident, peak) = (field(&status, "VmRSS:")?, field(&status, "VmHWM:")?);
    Ok(format!("{kernel} {} {}", resident * 1_024, peak * 1_024))
}

/// The number behind a name, as the files of procfs have them.
fn field(text: &str, name: &str) -> Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.with_context(|| format!("no {name}"))?.parse().with_context(|| name.to_owned())
}
