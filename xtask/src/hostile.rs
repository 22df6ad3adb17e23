//! Lays siege to a sensor (`tests/src/siege`) for longer than the tests do.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use clap::Args;

use crate::{object, privilege, process, setup, workspace};

/// The duration, and which attacks.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// For how long
    #[arg(long, value_name = "N", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1440))]
    minutes: u64,
    /// Which attacks: the same number gives the same ones; a new one each time unless it is given
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

/// `cargo xtask hostile`.
pub(crate) fn run(options: &Options) -> Result<()> {
    if !privilege::is_root() {
        bail!("the sensor under attack loads a program into the kernel: run it as root");
    }
    setup::kernel_tools()?;
    privilege::ensure_bpffs()?;
    let object = object::kernel_program(&setup::toolchain()?)?;
    let sekisho = object::sekisho(Some(&object))?;
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let seed = options.seed.unwrap_or_else(now);
    println!("hostile: {} minutes, --seed {seed}", options.minutes);
    let mut command = workspace::cargo();
    command.args(["test", "--package", "sekisho-tests", "--test", "hostile", "--", "--nocapture"]);
    command.env("SEKISHO_BIN", sekisho);
    command.env("SEKISHO_HOSTILE_SECONDS", (options.minutes * 60).to_string());
    command.env("SEKISHO_SEED", seed.to_string());
    process::run(object::with_object(&mut command, Some(&object)))
}
