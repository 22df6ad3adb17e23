//! `sekisho run`: the daemon.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::CliError;
use super::life::write;
use crate::daemon::launch::{self, LaunchError};

fn help() -> String {
    let example: String = launch::EXAMPLE.lines().flat_map(|line| ["  ", line, "\n"]).collect();
    format!("{BEFORE}\n\n{example}\n{AFTER}")
}

const BEFORE: &str = "\
A configuration with every key. The first seven and one list in [direction] are required; the others show \
their defaults, except http, control_group, pin, country and foreign, which have none:";

const AFTER: &str = "\
Relative paths start from the folder of the configuration file.

Examples:
  sekisho run --check --config /etc/sekisho/sekisho.toml
  sekisho run --config /etc/sekisho/sekisho.toml

The sensor prints `sekisho: ready` on standard error once packets are selected. SIGHUP and `sekisho reload` \
make it read the configuration again. SIGINT and SIGTERM end it with exit status 0.";

/// Run the sensor: verify the orders, attach the program, write the records
///
/// Nothing is attached before configuration, trust, orders and direction have been checked. A
/// measure ends when its term ends, and all selection ends when the sensor stops.
#[derive(Args, Clone, Debug)]
#[command(after_help = help())]
pub struct RunArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Check configuration, trust, orders and direction, and start nothing
    #[arg(long)]
    check: bool,
    /// Start mode tap even if an interface carries a default route, now or later, although every frame that
    /// the interface receives is dropped
    #[arg(long)]
    yes_drop_all: bool,
    /// Accept direction files that give more than a thousandth of the address space another class
    /// (domestic, foreign, unclassified) than at the last start
    #[arg(long)]
    accept_change: bool,
}

impl From<LaunchError> for CliError {
    fn from(error: LaunchError) -> Self {
        match error {
            LaunchError::Failure(fault) => fault.into(),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl RunArgs {
    /// Runs the daemon until it is told to stop.
    ///
    /// # Errors
    /// [`CliError`]; its kind decides the exit status.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), CliError> {
        if self.check {
            return write(out, &launch::check(&self.config, self.accept_change)?);
        }
        Ok(launch::run(&self.config, self.yes_drop_all, self.accept_change)?)
    }
}
