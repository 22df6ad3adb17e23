//! The benchmarks, run by `cargo xtask bench`: what they measure and how to read it is in
//! docs/bench.md. They measure; they never pass or fail.
//!
//! | file | job |
//! |---|---|
//! | `numbers`, `internet`, `orders`, `trace` | deterministic input: registries, orders, addresses |
//! | `rig` | the wrapper around what is measured, and the clock |
//! | `sensor` | the sensor as the controller loads it |
//! | `ordinary` | the comparison with the kernel's own maps |
//! | `cases` | names, goals and the measuring of each |
//! | `tunnels` | what each encapsulation costs, and the dearest stack |
//! | `against` | two kernel objects side by side |
//! | `ring`, `install`, `share`, `veth` | the cases that need more than the rig |
//! | `stall` | for how long a processor does not come back |
//! | `report`, `chart` | what comes out |

#![expect(clippy::print_stdout, reason = "a command-line tool talks to its user on stdout")]

mod against;
mod cases;
mod chart;
mod floor;
mod install;
mod internet;
mod numbers;
mod orders;
mod ordinary;
mod report;
mod rig;
mod ring;
mod sensor;
mod share;
mod stall;
mod trace;
mod tunnels;
mod veth;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::LazyLock;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use rustix::thread::{CpuSet, sched_setaffinity};

#[derive(Debug, Parser)]
struct Options {
    #[arg(long = "case")]
    cases: Vec<String>,
    #[arg(long)]
    json: Option<PathBuf>,
    #[arg(long, conflicts_with = "against")]
    svg: Option<PathBuf>,
    #[arg(long)]
    quick: bool,
    #[arg(long)]
    against: Option<PathBuf>,
    /// Not for people: see `install`.
    #[arg(long, hide = true)]
    installer: Option<PathBuf>,
}

fn main() -> ExitCode {
    LazyLock::force(&START);
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    sekisho_tests::privilege::require_kernel();
    if let Some(directory) = &options.installer {
        println!("{}", install::installer(directory)?);
        return Ok(());
    }
    let cases: Vec<&'static str> = if options.cases.is_empty() {
        let fits = |case: &&str| match options.against {
            Some(_) => !cases::is_long(case) && cases::unselected(case).is_some(),
            None => !(options.quick && cases::is_long(case)),
        };
        cases::all().map(|(case, _)| case).filter(fits).collect()
    } else {
        options.cases.iter().map(|case| cases::known(case)).collect::<Result<_>>()?
    };
    let machine = machine();
    pin(1);
    match &options.against {
        Some(object) => side_by_side(options, &machine, &cases, object),
        None => measure(options, &machine, &cases),
    }
}

/// Measures the cases.
fn measure(options: &Options, machine: &str, cases: &[&'static str]) -> Result<()> {
    let mut bench = cases::Bench::new(options.quick)?;
    let (figures, failed) = each(cases, |case| bench.run(case));
    write_lines(options, &figures)?;
    if let Some(file) = &options.svg {
        write(file, &chart::draw(&mut bench)?)?;
    }
    println!("{machine}; {} rows of direction; median of {} runs;", bench.internet.rows, rig::RUNS);
    println!("ns are per packet, above the same wrapper around an empty program\n");
    println!("{}", report::table(&figures, cases::goal_of));
    progress("done");
    ensure!(failed.is_empty(), "not measured: {}", failed.join(", "));
    Ok(())
}

/// Measures this tree's kernel object and another one in turns.
fn side_by_side(
    options: &Options,
    machine: &str,
    cases: &[&'static str],
    object: &Path,
) -> Result<()> {
    let bench = cases::Bench::new(options.quick)?;
    let against = against::Against::new(&bench, object)?;
    let verified = against.verified().with_context(|| {
        format!("{} is no kernel program with this tree's maps", object.display())
    })?;
    let (pairs, failed) = each(cases, |case| against.measure(case));
    write_lines(options, &pairs)?;
    println!("{machine}; {} rows of direction; {} rounds;", bench.internet.rows, against::ROUNDS);
    println!("ns are per packet, above the same wrapper around an empty program");
    println!("the other: {}; {verified}\n", object.display());
    println!("{}", against::table(&pairs));
    progress("done");
    ensure!(failed.is_empty(), "not measured: {}", failed.join(", "));
    Ok(())
}

/// What comes of each case, and those of which nothing does.
fn each<T>(
    cases: &[&'static str],
    mut run: impl FnMut(&'static str) -> Result<T>,
) -> (Vec<T>, Vec<&'static str>) {
    let (mut results, mut failed) = (Vec::new(), Vec::new());
    for case in cases {
        match run(case) {
            Ok(result) => results.push(result),
            Err(error) => {
                progress(&format!("{case} failed: {error:#}"));
                failed.push(*case);
            }
        }
    }
    (results, failed)
}

/// Writes the results as JSON Lines, if that was asked for.
fn write_lines<T: serde::Serialize>(options: &Options, results: &[T]) -> Result<()> {
    let Some(file) = &options.json else { return Ok(()) };
    let mut text = String::new();
    for result in results {
        text.push_str(&serde_json::to_string(result)?);
        text.push('\n');
    }
    write(file, &text)
}

fn write(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text).with_context(|| format!("writing {}", file.display()))
}

/// Where it was measured.
fn machine() -> String {
    let line = |file: &str, name: &str| -> Option<String> {
        let text = std::fs::read_to_string(file).ok()?;
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':').map_or(line, |(_, value)| value).trim().to_owned())
    };
    let unknown = || "unknown".to_owned();
    let kernel = line("/proc/sys/kernel/osrelease", "").unwrap_or_else(unknown);
    let processor = line("/proc/cpuinfo", "model name").unwrap_or_else(unknown);
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    format!("Linux {kernel}; {processor}, {count} processors")
}

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Tells whoever waits what is being done.
pub(crate) fn progress(what: &str) {
    eprintln!("{:6.1} s  {what}", START.elapsed().as_secs_f64());
}

/// Keeps this thread on one processor, if there are that many.
pub(crate) fn pin(processor: usize) {
    let mut set = CpuSet::new();
    set.set(processor);
    // A machine with one processor is measured all the same.
    let _ = sched_setaffinity(None, &set);
}
