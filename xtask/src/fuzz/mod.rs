//! Fuzzes (`fuzz/`, docs/fuzzing.md): builds the targets, runs them in turn or side by side, sums up.

mod output;
mod run;
mod stats;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::tools::CARGO_FUZZ;
use crate::{packages, process, workspace};
use run::Run;

/// What to fuzz, for how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The targets; all of them unless some are named
    #[arg(value_name = "TARGET")]
    targets: Vec<Target>,
    /// For how long each target is fuzzed
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=10_000))]
    minutes: u64,
    /// How many targets are fuzzed at once, each by one process
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=64))]
    jobs: u64,
    /// Add inputs that reach what no input of fuzz/corpus does
    #[arg(long)]
    keep: bool,
    /// Watch memory, too; needs a nightly toolchain, and is slower
    #[arg(long, value_enum, default_value_t = Sanitizer::None)]
    sanitizer: Sanitizer,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Target {
    Decide,
    Tables,
    Envelope,
    Document,
    Lists,
    Capture,
    Request,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Sanitizer {
    None,
    Address,
}

impl Target {
    const fn name(self) -> &'static str {
        match self {
            Self::Decide => "decide",
            Self::Tables => "tables",
            Self::Envelope => "envelope",
            Self::Document => "document",
            Self::Lists => "lists",
            Self::Capture => "capture",
            Self::Request => "request",
        }
    }
}

/// Where everything is.
struct Places {
    /// The fuzzers.
    binaries: PathBuf,
    /// `target/fuzz`: findings, logs, and inputs that reached something new.
    found: PathBuf,
}

/// `cargo xtask fuzz`.
pub(crate) fn run(options: &Options) -> Result<()> {
    let targets = if options.targets.is_empty() {
        Target::value_variants().to_vec()
    } else {
        options.targets.clone()
    };
    let places = build(&targets, options.sanitizer)?;
    let time = Duration::from_secs(options.minutes * 60);
    println!(
        "fuzz: {} minutes for each of {} targets, {} at once",
        options.minutes,
        targets.len(),
        options.jobs
    );
    let waiting = Mutex::new(targets.iter().copied().rev().collect::<Vec<_>>());
    let runs = Mutex::new(Vec::new());
    let next = || waiting.lock().ok()?.pop();
    std::thread::scope(|scope| {
        for _ in 0..options.jobs {
            scope.spawn(|| {
                while let Some(target) = next() {
                    let run = Run::start(target.name(), &places, time);
                    if let Ok(mut runs) = runs.lock() {
                        runs.push((target.name(), run));
                    }
                }
            });
        }
    });
    let runs = runs.into_inner().unwrap_or_default();
    let findings = output::summary(&runs);
    if options.keep {
        for target in targets {
            keep(target.name(), &places)?;
        }
    }
    if findings > 0 {
        bail!("targets with findings, or that did not run to the end: {findings}");
    }
    Ok(())
}

/// Installs the tools that build fuzzers.
pub(crate) fn tools() -> Result<()> {
    if ["c++", "g++", "clang++"].iter().all(|compiler| process::find(compiler).is_none()) {
        packages::install(&["g++"], "libFuzzer is written in C++")?;
    }
    CARGO_FUZZ.path().map(drop)
}

fn build(targets: &[Target], sanitizer: Sanitizer) -> Result<Places> {
    tools()?;
    let found = workspace::target_directory()?.join("fuzz");
    let build = found.join("build");
    let mut command = CARGO_FUZZ.command()?;
    command.args(["fuzz", "build", "--release", "--debug-assertions", "--fuzz-dir", "fuzz"]);
    command.arg("--target-dir").arg(&build);
    match sanitizer {
        Sanitizer::None => command.args(["--sanitizer", "none"]),
        // The cargo of that toolchain, which sanitizers need.
        Sanitizer::Address => command
            .env("RUSTUP_TOOLCHAIN", "nightly")
            .env("CARGO", "cargo")
            .args(["--sanitizer", "address"]),
    };
    if let [target] = targets {
        command.arg(target.name());
    }
    println!("fuzz: building");
    process::run(&mut command)?;
    let binaries = build.join(triple()?).join("release");
    Ok(Places { binaries, found })
}

/// The target triple of this machine: fuzzers are built for a target by name.
fn triple() -> Result<String> {
    let version = process::output(std::process::Command::new("rustc").arg("-vV"))?;
    match version.lines().find_map(|line| line.strip_prefix("host: ")) {
        Some(host) => Ok(host.to_owned()),
        None => bail!("`rustc -vV` names no host"),
    }
}

/// The checked-in corpus of a target.
fn corpus(target: &str) -> PathBuf {
    workspace::root().join("fuzz/corpus").join(target)
}

/// The dictionary of a target, if it has one.
fn dictionary(target: &str) -> Option<PathBuf> {
    let file = workspace::root().join("fuzz/dictionaries").join(format!("{target}.dict"));
    file.is_file().then_some(file)
}

/// Adds as few inputs as possible to the checked-in corpus: those that reach code that no input in it reaches.
fn keep(target: &str, places: &Places) -> Result<()> {
    let count = |folder: &Path| std::fs::read_dir(folder).map_or(0, Iterator::count);
    let (corpus, found) = (corpus(target), places.found.join("corpus").join(target));
    let before = count(&corpus);
    let mut merge = std::process::Command::new(places.binaries.join(target));
    merge.args(["-set_cover_merge=1", "-use_counters=0"]).arg(&corpus).arg(&found);
    process::output(&mut merge)?;
    println!("fuzz: {target}: {} inputs added to fuzz/corpus", count(&corpus) - before);
    Ok(())
}
