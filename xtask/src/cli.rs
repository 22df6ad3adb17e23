//! The command line of `cargo xtask`: the tasks, their options and their help.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::vm::{self, Kernel};
use crate::{bench, ci, coverage, demo, fuzz, lasting, object, setup, test};

/// Sekisho's development tasks.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, propagate_version = true)]
#[command(after_help = "Start here (as root, on Debian 12 with a stable Rust toolchain):
  cargo xtask demo     see the whole job on real traffic, in under a minute after building
  cargo xtask test     run every test")]
pub(crate) struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Install what is missing to build the kernel program and to run the demo and the tests
    ///
    /// Prints what it installs and why before it does so. Packages are installed only as root on
    /// a system with apt; anywhere else it says what to install, and stops.
    #[command(after_help = "Examples:
  cargo xtask setup")]
    Setup,

    /// Build the kernel program and the `sekisho` command that carries it
    #[command(after_help = "Examples:
  cargo xtask build
  cargo xtask build --object-only
  ./target/release/sekisho --help")]
    Build {
        /// Build the kernel program alone
        #[arg(long)]
        object_only: bool,
    },

    /// Show the main job on real traffic: orders in, records out, the end of the term
    ///
    /// As root: a small internet out of network namespaces, real traffic, the XDP program in the
    /// kernel. Without root: the same orders over generated frames in the host engine. Leaves
    /// nothing behind, also when interrupted.
    #[command(after_help = "Examples:
  cargo xtask demo
  cargo xtask demo --binary ./target/release/sekisho")]
    Demo {
        /// Use this `sekisho` instead of building one
        #[arg(long, value_name = "PATH")]
        binary: Option<PathBuf>,
    },

    /// Run the tests: the parts that need no root, signatures and dissection against other
    /// implementations, those over the running kernel, and `vm-test --kernel 6.1`
    ///
    /// Nothing is skipped in silence: without root the task runs what it can and then fails. Of folders of
    /// captures that `SEKISHO_CAPTURES` names, host, kernel and tshark have to say the same.
    #[command(after_help = "Examples:
  cargo xtask test
  SEKISHO_CAPTURES=/srv/pcaps cargo xtask test")]
    Test,

    /// Run the tests over the kernel once more under other kernels, in virtual machines
    ///
    /// Boots Debian's kernels under QEMU, one after the other, with hardware virtualisation where it
    /// works; without it each takes some ten minutes. The packages are downloaded and unpacked below
    /// target/vm, never installed; remove a kernel's directory there to get the package that is current. Needs
    /// no root once QEMU is installed. Under the kernel that runs here, the same tests are part of `test`.
    #[command(after_help = "Examples:
  cargo xtask vm-test
  cargo xtask vm-test --kernel 6.12
  cargo xtask vm-test --kernel 6.1 --test verifier")]
    VmTest {
        /// One kernel only, by its version: 6.1 (Debian 12) or 6.12 (Debian 13)
        #[arg(long, value_name = "VERSION", value_parser = Kernel::by_name)]
        kernel: Option<&'static Kernel>,

        /// These tests only; may be given more than once
        #[arg(long = "test", value_name = "NAME")]
        tests: Vec<String>,
    },

    /// Measure the kernel program's speed, the installation of orders and their memory
    ///
    /// As root. Builds everything it measures. Prints a table with the goal beside each figure;
    /// missing one is no failure. Takes up to ten minutes.
    #[command(after_help = "Examples:
  cargo xtask bench
  cargo xtask bench --quick
  cargo xtask bench --case v4-unmatched-1m --case empty
  cargo xtask bench --json speed.jsonl --svg docs/speed.svg")]
    Bench(bench::Options),

    /// Attack a running sensor for some minutes: floods, full disks, signals, removed pins, and halts
    ///
    /// As root, in network namespaces of its own. The kernel's counters are the judge: a halt holds
    /// within a second whatever was done before, and no record is lost unseen. The tests do the same for
    /// a minute.
    #[command(after_help = "Examples:
  cargo xtask hostile --minutes 60
  cargo xtask hostile --minutes 1 --seed 7")]
    Hostile(lasting::Options),

    /// Send mixed hostile frames to a running sensor as fast as the machine can, and hold all books together
    ///
    /// As root, in network namespaces of its own, from every processor. Damaged frames, fragments, deep stacks,
    /// jumbo frames and floods of what is selected. Every five seconds the books must balance to the packet with
    /// what the host engine foretold; memory must stay flat, and the kernel and the daemon silent. The tests do
    /// the same for some seconds.
    #[command(after_help = "Examples:
  cargo xtask load --minutes 60
  cargo xtask load --minutes 3 --seed 7")]
    Load(lasting::Options),

    /// Fuzz frames, envelopes, documents, lists, captures and requests, each with an oracle
    ///
    /// Needs no root and no nightly toolchain. What is found stays in target/fuzz/artefacts; the exit
    /// status says whether anything was. docs/fuzzing.md says what is looked for.
    #[command(after_help = "Examples:
  cargo xtask fuzz
  cargo xtask fuzz decide --minutes 30
  cargo xtask fuzz --minutes 60 --jobs 2 --keep
  cargo xtask fuzz capture lists --sanitizer address
  cargo run -p sekisho-fuzz --bin decide -- target/fuzz/artefacts/decide/crash-0123")]
    Fuzz(fuzz::Options),

    /// Say which lines of the shared code the tests run through; fewer than 95 % are an error
    ///
    /// Of the tests that need no root: those of the shared code and of the controller, and the inputs
    /// of fuzz/corpus.
    #[command(after_help = "Examples:
  cargo xtask coverage")]
    Coverage,

    /// Check formatting, run clippy and rustdoc with warnings as errors, then every test
    #[command(after_help = "Examples:
  cargo xtask ci
  .ci/run")]
    Ci,
}

impl Cli {
    /// Runs the task that was asked for.
    pub(crate) fn run(self) -> Result<()> {
        match self.task {
            Task::Setup => setup::all(),
            Task::Build { object_only } => object::build_and_report(object_only),
            Task::Demo { binary } => demo::run(binary),
            Task::Test => test::run(),
            Task::VmTest { kernel, tests } => vm::run(kernel, &tests),
            Task::Bench(options) => bench::run(&options),
            Task::Hostile(options) => lasting::run("hostile", &options),
            Task::Load(options) => lasting::run("load", &options),
            Task::Fuzz(options) => fuzz::run(&options),
            Task::Coverage => coverage::run(),
            Task::Ci => ci::run(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
