//! `sekisho run`: the daemon.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::CliError;
use crate::daemon::config::Config;
use crate::daemon::prepare::{Inputs, check, prepare};
use crate::daemon::privilege::{self, Opener, PrivilegeError};
use crate::daemon::run::{Daemon, RunError, Tell};
use crate::order::time::tokyo;
use crate::registry::{Reading, Registry};

const HELP: &str = "\
A configuration, with every key (those after the first seven have the defaults shown, except http, \
control_group, pin, country and foreign, which have none):

  sensor = \"tyo-gw-1a\"            # in every record
  facility = \"tyo-gw-1\"           # orders for another facility are refused
  mode = \"tap\"                    # or \"inline\": frames pass unchanged
  interfaces = [\"eth1\", \"eth2\"]
  trust = \"trust.json\"
  state = \"/var/lib/sekisho/state\"  # the directory for what must survive
  output = \"records.ndjson\"       # or \"-\"
  anchor = \"/var/lib/sekisho/state.anchor\"  # tells an older copy of the state from the present one
  orders = []                     # envelopes to install; one that is wrong and nothing starts
  xdp = \"native\"                  # or \"generic\": slower, for drivers without XDP
  lease_seconds = 10              # 2 to 60
  http = \"127.0.0.1:9617\"         # /metrics and /healthz
  control_socket = \"/run/sekisho/control.sock\"
  control_group = \"root\"          # a group, by name or number, whose members may ask
  pin = \"/run/bpf/sekisho\"        # what goes on during a restart; see docs/operating.md
  ring_bytes = 8388608            # per interface and CPU, a power of two
  life_log = false                # the kernel program's own log (aya-log): never a packet
  [direction]
  domestic = [\"jp.txt\"]           # CIDR lists or RIR statistics files
  foreign = []
  country = \"JP\"
  default = \"foreign\"             # or \"unclassified\"

Relative paths start from the folder of the configuration file.

Examples:
  sekisho run --check --config /etc/sekisho/sekisho.toml
  sekisho run --config /etc/sekisho/sekisho.toml

SIGHUP and `sekisho reload` have the configuration read again. It prints `sekisho: ready` on standard error once packets are selected, and ends with exit status \
0 on SIGINT or SIGTERM.";

/// Run the sensor: verify the orders, attach the program, write the records
///
/// Nothing is attached before configuration, trust, orders and direction have been checked. A
/// measure ends when its term ends, and all selection ends when the sensor stops.
#[derive(Args, Clone, Debug)]
#[command(after_help = HELP)]
pub struct RunArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Check configuration, trust, orders and direction, and start nothing
    #[arg(long)]
    check: bool,
    /// Start mode tap also on an interface that carries a default route, and do not mind one that
    /// comes later: every frame that the interface receives is dropped
    #[arg(long)]
    yes_drop_all: bool,
}

impl From<RunError> for CliError {
    fn from(error: RunError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<PrivilegeError> for CliError {
    fn from(error: PrivilegeError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Lines on standard error.
struct Stderr;

impl Tell for Stderr {
    fn tell(&self, line: &str) {
        // Without standard error there is nobody to tell.
        let _ = writeln!(std::io::stderr().lock(), "sekisho: {line}");
    }
}

impl RunArgs {
    /// Runs the daemon until it is told to stop.
    ///
    /// # Errors
    /// [`CliError`]; its kind decides the exit status.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), CliError> {
        privilege::confine()?;
        let reading = Reading::now();
        if self.check {
            let (inputs, registry) = check(&self.config, reading)?;
            let text = checked(&inputs, &registry);
            return out
                .write_all(text.as_bytes())
                .map_err(|error| CliError::standard_output(&error));
        }
        let prepared = prepare(&self.config, reading)?;
        let yes_drop_all = self.yes_drop_all;
        let opener = Opener::start(move || Daemon::start(prepared, yes_drop_all, &Stderr))?;
        // From here on no thread is started that may do more than a running daemon needs.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| CliError::Failed(format!("starting threads: {error}")))?;
        let panicked = || CliError::Failed("a panic while the sensor started".to_owned());
        let daemon = opener.open(&runtime).ok_or_else(panicked)??;
        let result = runtime.block_on(async {
            // On a worker: the loop hands its place over while it compiles.
            tokio::spawn(async move { daemon.run(&Stderr).await }).await
        });
        // A write that hangs must not keep the process: the daemon has waited long enough for it.
        runtime.shutdown_background();
        Ok(result.map_err(|error| CliError::Failed(error.to_string()))??)
    }
}

fn checked(inputs: &Inputs, registry: &Registry) -> String {
    let Inputs { config, layers, .. } = inputs;
    let Config { sensor, facility, mode, interfaces, .. } = config;
    let mut text = format!(
        "sensor {sensor} at facility {facility}, mode {}, on {}\n",
        mode.name(),
        interfaces.join(", ")
    );
    for entry in registry.entries().iter().filter(|entry| entry.ended().is_none()) {
        let order = entry.head();
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            text,
            "{}, {}, from {} until {}",
            order.key(),
            order.measure,
            tokyo(order.not_before),
            tokyo(registry.end(entry).0)
        );
    }
    let prefixes = layers.last().map_or(0, Vec::len);
    text + &format!("direction: {prefixes} prefixes\n")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_configuration_in_the_help_is_one() {
        let (before, _) = HELP.split_once("Relative paths").unwrap();
        let lines = before.lines().filter_map(|line| line.strip_prefix("  "));
        let text = lines.collect::<Vec<_>>().join("\n");
        let config = Config::parse(Path::new("sekisho.toml"), text.as_bytes()).unwrap();
        assert_eq!(config.interfaces, ["eth1", "eth2"]);
    }
}
