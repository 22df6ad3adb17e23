//! Builds and runs the benchmarks (`tests/bench`, docs/bench.md).

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use crate::{object, privilege, process, setup, workspace};

/// Names the kernel side of the benchmarks to their user side.
const OBJECT_VARIABLE: &str = "SEKISHO_BENCH_OBJECT";

/// What to measure, and where the results go.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Measure this case only; may be given more than once
    #[arg(long = "case", value_name = "NAME")]
    cases: Vec<String>,
    /// Write the results as JSON Lines
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw cost against number of selectors
    #[arg(long, value_name = "FILE", conflicts_with = "against")]
    svg: Option<PathBuf>,
    /// Fewer packets, a smaller comparison, nothing with ten million selectors
    #[arg(long)]
    quick: bool,
    /// Measure this tree's kernel object and this one, another build of it, in turns
    #[arg(long, value_name = "OBJECT")]
    against: Option<PathBuf>,
}

/// `cargo xtask bench`.
pub(crate) fn run(options: &Options) -> Result<()> {
    if !privilege::is_root() {
        bail!("the benchmarks load programs into the kernel: run them as root");
    }
    setup::kernel_tools()?;
    let toolchain = setup::toolchain()?;
    let sensor = object::kernel_program(&toolchain)?;
    let programs = object::bench_programs(&toolchain)?;
    let mut build = workspace::cargo();
    build.args(["build", "--release", "-p", "sekisho-tests", "--bin", "bench"]);
    process::run(object::with_object(&mut build, Some(&sensor)))?;

    // Not `cargo run`, so that a signal to this task reaches the benchmark itself.
    let mut bench =
        std::process::Command::new(workspace::target_directory()?.join("release/bench"));
    bench.env(OBJECT_VARIABLE, programs);
    for case in &options.cases {
        bench.arg("--case").arg(case);
    }
    for (option, file) in
        [("--json", &options.json), ("--svg", &options.svg), ("--against", &options.against)]
    {
        if let Some(file) = file {
            bench.arg(option).arg(file);
        }
    }
    if options.quick {
        bench.arg("--quick");
    }
    process::run(&mut bench)
}
