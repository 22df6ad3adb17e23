//! What must hold before a change is merged: formatting, clippy and rustdoc without warnings, every test.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::{process, test, workspace};

/// `cargo xtask ci`.
pub(crate) fn run() -> Result<()> {
    component("rustfmt", "fmt")?;
    component("clippy", "clippy")?;

    println!("ci: formatting");
    process::run(workspace::cargo().args(["fmt", "--all", "--check"]))?;
    for directory in kernel_workspaces() {
        process::run(kernel_cargo(&directory).args(["fmt", "--check"]))?;
    }

    println!("ci: clippy, warnings are errors");
    let clippy = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"];
    process::run(workspace::cargo().args(clippy))?;
    // For the host, where aya-ebpf type-checks too; the test build compiles it for the kernel.
    for directory in kernel_workspaces() {
        let clippy = ["clippy", "--quiet", "--", "-D", "warnings"];
        process::run(kernel_cargo(&directory).args(clippy))?;
    }

    println!("ci: documentation, warnings are errors");
    let doc =
        ["doc", "--quiet", "--no-deps", "--package", "controller", "--package", "sensor-common"];
    process::run(workspace::cargo().args(doc).env("RUSTDOCFLAGS", "-D warnings"))?;

    test::run()?;
    println!("ci: passed");
    Ok(())
}

fn kernel_workspaces() -> [PathBuf; 2] {
    [workspace::kernel_program(), workspace::bench_programs()]
}

fn kernel_cargo(directory: &Path) -> Command {
    let mut command = workspace::cargo();
    command.env("CARGO_TARGET_DIR", directory.join("target")).current_dir(directory);
    command
}

/// Installs a component of the Rust toolchain if it is missing.
fn component(name: &str, subcommand: &str) -> Result<()> {
    if process::answer(workspace::cargo().args([subcommand, "--version"])).is_some() {
        return Ok(());
    }
    println!(
        "set-up: rustup component add {name}\n        because: `cargo {subcommand}` is part of ci"
    );
    process::run(Command::new("rustup").args(["component", "add", name]))
}
