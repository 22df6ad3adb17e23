//! Builds the kernel program, then the `sekisho` command that carries it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::toolchain::{Route, SYSTEM_RUSTC, Toolchain};
use crate::{process, setup, workspace};

/// Names the kernel program to `controller/build.rs`, which embeds it.
pub(crate) const OBJECT_VARIABLE: &str = "SEKISHO_EBPF_OBJECT";

const TARGET: &str = "bpfel-unknown-none";

/// `cargo xtask build`.
pub(crate) fn build_and_report(object_only: bool) -> Result<()> {
    let object = kernel_program(&setup::toolchain()?)?;
    let command = if object_only { None } else { Some(sekisho(Some(&object))?) };
    println!("kernel program  {}", object.display());
    if let Some(command) = command {
        println!("command         {}", command.display());
    }
    Ok(())
}

/// Builds the kernel program and returns the path of the object.
pub(crate) fn kernel_program(toolchain: &Toolchain) -> Result<PathBuf> {
    build(toolchain, &workspace::kernel_program(), "sekisho-xdp")
}

/// Builds the kernel side of the benchmarks and returns the path of the object.
pub(crate) fn bench_programs(toolchain: &Toolchain) -> Result<PathBuf> {
    build(toolchain, &workspace::bench_programs(), "sekisho-bench")
}

/// Builds the binary of a workspace for the kernel.
fn build(toolchain: &Toolchain, directory: &Path, binary: &str) -> Result<PathBuf> {
    if !directory.join("Cargo.toml").is_file() {
        bail!("{} is not there: {binary} cannot be built", directory.display());
    }
    let target_directory = directory.join("target");
    process::run(
        cargo(toolchain.compiler.route)
            .current_dir(directory)
            .env("CARGO_TARGET_DIR", &target_directory)
            .env("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER", &toolchain.linker)
            // Debug information becomes BTF: names and types for the verifier and for bpftool.
            .env("CARGO_ENCODED_RUSTFLAGS", "-Cdebuginfo=2\u{1f}-Clink-arg=--btf")
            .args(["build", "--release", "-Z", "build-std=core", "--target", TARGET]),
    )?;
    let object = target_directory.join(TARGET).join("release").join(binary);
    if !object.is_file() {
        bail!("{binary} was built, but {} is not there", object.display());
    }
    Ok(object)
}

fn cargo(route: Route) -> Command {
    let mut command = match route {
        Route::Nightly => {
            let mut rustup = Command::new("rustup");
            rustup.args(["run", "nightly", "cargo"]).env_remove("RUSTC");
            rustup
        }
        Route::System => {
            let mut cargo = workspace::cargo();
            // Rebuilding the core library is not yet stable; this makes a stable compiler do it.
            cargo.env("RUSTC", SYSTEM_RUSTC).env("RUSTC_BOOTSTRAP", "1");
            cargo
        }
    };
    command.env_remove("RUSTC_WRAPPER").env_remove("RUSTC_WORKSPACE_WRAPPER");
    command
}

/// Builds `sekisho` for use, with the kernel program in it if there is one.
pub(crate) fn sekisho(object: Option<&Path>) -> Result<PathBuf> {
    let mut command = workspace::cargo();
    command.args(["build", "--release", "--package", "controller", "--bin", "sekisho"]);
    with_object(&mut command, object);
    process::run(&mut command)?;
    Ok(workspace::target_directory()?.join("release/sekisho"))
}

/// Tells a cargo command which kernel program to embed, if any.
pub(crate) fn with_object<'a>(command: &'a mut Command, object: Option<&Path>) -> &'a mut Command {
    match object {
        Some(object) => command.env(OBJECT_VARIABLE, object),
        None => command.env_remove(OBJECT_VARIABLE),
    }
}
