//! Runs a test that goes on for as long as it is told to, for longer than the tests do: `cargo xtask hostile`
//! (`tests/src/siege`) and `cargo xtask load` (`tests/src/load`).

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use clap::Args;

use crate::{object, privilege, process, setup, workspace};

/// The duration, and what chance decides.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// For how long
    #[arg(long, value_name = "N", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1440))]
    minutes: u64,
    /// What chance decides: the same number, the same choices; a new one each time unless it is given
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

/// Runs the test of this name.
pub(crate) fn run(test: &str, options: &Options) -> Result<()> {
    if !privilege::is_root() {
        bail!("the sensor under test loads a program into the kernel: run it as root");
    }
    setup::kernel_tools()?;
    privilege::ensure_bpffs()?;
    let object = object::kernel_program(&setup::toolchain()?)?;
    let sekisho = object::sekisho(Some(&object))?;
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let seed = options.seed.unwrap_or_else(now);
    println!("{test}: {} minutes, --seed {seed}", options.minutes);
    let mut command = workspace::cargo();
    command.args(["test", "--package", "sekisho-tests", "--test", test, "--", "--nocapture"]);
    command.env("SEKISHO_BIN", sekisho);
    command.env("SEKISHO_SECONDS", (options.minutes * 60).to_string());
    command.env("SEKISHO_SEED", seed.to_string());
    process::run(object::with_object(&mut command, Some(&object)))
}
