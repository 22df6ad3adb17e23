//! Development tools from the package registry of Rust: one release each, installed below `target/`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::{process, workspace};

/// A tool that is a subcommand of cargo.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    /// The name of its package and program.
    pub(crate) name: &'static str,
    pub(crate) release: &'static str,
    /// Its purpose.
    pub(crate) why: &'static str,
}

/// Builds fuzzers.
pub(crate) const CARGO_FUZZ: Tool = Tool {
    name: "cargo-fuzz",
    release: "0.13.2",
    why: "it builds the fuzz targets with libFuzzer",
};

/// Measures which lines tests run through.
pub(crate) const CARGO_LLVM_COV: Tool = Tool {
    name: "cargo-llvm-cov",
    release: "0.9.1",
    why: "it measures which lines the tests run through",
};

impl Tool {
    /// Its path. It is installed if necessary.
    pub(crate) fn path(self) -> Result<PathBuf> {
        let Self { name, release, why } = self;
        let root = workspace::target_directory()?.join(format!("tools/{name}-{release}"));
        let program = root.join("bin").join(name);
        if program.is_file() {
            return Ok(program);
        }
        println!("set-up: cargo install {name} {release}, into target/\n        because: {why}");
        process::run(
            workspace::cargo()
                .args(["install", name, "--version", release, "--locked", "--quiet", "--root"])
                .arg(&root),
        )?;
        if !program.is_file() {
            bail!("{name} was installed, but is not in {}", root.display());
        }
        Ok(program)
    }

    /// Its command, at the root of the repository. It uses the cargo that runs this task.
    pub(crate) fn command(self) -> Result<Command> {
        let mut command = Command::new(self.path()?);
        command.current_dir(workspace::root());
        Ok(command)
    }
}
