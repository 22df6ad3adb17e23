//! Sekisho's development tasks, run as `cargo xtask <task>`: the entry point, and how it ends.
//!
//! Each task has a file of its own; `cli` is the command line.
#![expect(clippy::print_stdout, reason = "a command-line tool talks to its user on stdout")]

mod bench;
mod ci;
mod cli;
mod coverage;
mod demo;
mod fuzz;
mod guard;
mod lasting;
mod object;
mod packages;
mod privilege;
mod process;
mod python;
mod setup;
mod test;
mod toolchain;
mod tools;
mod vm;
mod workspace;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<process::Interrupted>() => {
            // Whatever was being done at the time is no reason.
            eprintln!("xtask: {}", process::Interrupted);
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
