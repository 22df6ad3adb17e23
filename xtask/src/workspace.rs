//! Where things are in this repository.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process;

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// The directory of the kernel program, a workspace of its own.
pub(crate) fn kernel_program() -> PathBuf {
    root().join("sensor-ebpf")
}

/// The directory of the benchmarks' kernel programs, a workspace of its own.
pub(crate) fn bench_programs() -> PathBuf {
    root().join("tests/bench-ebpf")
}

/// The cargo that runs this task (the user's stable one), at the root of the repository.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or(OsString::from("cargo")));
    command.current_dir(root());
    command
}

/// Where cargo puts what it builds, which the user may have moved.
pub(crate) fn target_directory() -> Result<PathBuf> {
    let metadata =
        process::output(cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: serde_json::Value =
        serde_json::from_str(&metadata).context("the output of `cargo metadata` is not JSON")?;
    let directory = metadata["target_directory"]
        .as_str()
        .context("the output of `cargo metadata` names no target_directory")?;
    Ok(PathBuf::from(directory))
}
