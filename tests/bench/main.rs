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
//! | `ring`, `install`, `share`, `veth` | the cases that need more than the rig |
//! | `stall` | for how long a processor does not come back |
//! | `report`, `chart` | what comes out |

#![expect(clippy::print_stdout, reason = "a command-line tool talks to its user on stdout")]

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
mod veth;

use std::path::PathBuf;
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
    #[arg(long)]
    svg: Option<PathBuf>,
    #[arg(long)]
    quick: bool,
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
        let all = cases::CASES.iter().map(|(case, _)| *case);
        all.filter(|case| !(options.quick && cases::is_long(case))).collect()
    } else {
        options.cases.iter().map(|case| cases::known(case)).collect::<Result<_>>()?
    };
    let machine = machine();
    pin(1);
    let mut bench = cases::Bench::new(options.quick)?;
    let (mut figures, mut failed) = (Vec::new(), Vec::new());
    for case in cases {
        match bench.run(case) {
            Ok(figure) => figures.push(figure),
            Err(error) => {
                progress(&format!("{case} failed: {error:#}"));
                failed.push(case);
            }
        }
    }
    let write = |file: &PathBuf, text: String| {
        std::fs::write(file, text).with_context(|| format!("writing {}", file.display()))
    };
    if let Some(file) = &options.json {
        let mut text = String::new();
        for figure in &figures {
            text.push_str(&serde_json::to_string(figure)?);
            text.push('\n');
        }
        write(file, text)?;
    }
    if let Some(file) = &options.svg {
        write(file, chart::draw(&mut bench)?)?;
    }
    println!("{machine}; {} rows of direction; median of {} runs;", bench.internet.rows, rig::RUNS);
    println!("ns are per packet, above the same wrapper around an empty program\n");
    println!("{}", report::table(&figures, cases::goal_of));
    progress("done");
    ensure!(failed.is_empty(), "not measured: {}", failed.join(", "));
    Ok(())
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
