//! The entry for commands: runs a daemon from its configuration file to its end, or only checks the file.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use crate::daemon::config::Config;
use crate::daemon::prepare::{self, Inputs};
use crate::daemon::privilege::{self, Opener, PrivilegeError};
use crate::daemon::run::{Daemon, RunError, Tell};
use crate::order::time::tokyo;
use crate::registry::{Reading, Registry, wording};
use crate::rejection::Failure;

/// A configuration, with every key.
pub const EXAMPLE: &str = r#"sensor = "tyo-gw-1a"            # in every record
facility = "tyo-gw-1"           # orders for another facility are refused
mode = "tap"                    # or "inline": frames pass unchanged
interfaces = ["eth1", "eth2"]
trust = "trust.json"
state = "/var/lib/sekisho/state"  # the directory for what must survive
output = "records.ndjson"       # or "-"
anchor = "/var/lib/sekisho/state.anchor"  # shows whether the state is an older copy
decapsulate = ["vlan", "mpls", "pppoe", "gre", "erspan", "ip-in-ip", "etherip", "vxlan", "geneve", "gtp-u", "teredo"]
orders = []                     # envelopes to install; if one is wrong, nothing starts
xdp = "native"                  # or "generic": slower, for drivers without XDP
lease_seconds = 10              # 2 to 60
idle_days = 30                  # a rule without a record for this long is reported
http = "127.0.0.1:9617"         # /metrics and /healthz
control_socket = "/run/sekisho/control.sock"
control_group = "root"          # a group, by name or number, whose members may ask
pin = "/run/bpf/sekisho"        # selection goes on during a restart; see docs/operating.md
ring_bytes = 8388608            # per interface and CPU, a power of two
life_log = false                # the kernel program's own log (aya-log): never a packet
[direction]
domestic = ["jp.txt"]           # CIDR lists or RIR statistics files
foreign = []
country = "JP"
default = "unclassified"        # what no file names; or "foreign"
without_domestic = []           # ["ipv6"]: no file is to name a domestic IPv6 prefix
"#;

/// Why a daemon did not start, or ended because something failed.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// Its configuration, or a file that it names, was refused or could not be read.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// It could not give up privileges.
    #[error(transparent)]
    Privilege(#[from] PrivilegeError),
    /// It failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The system gave it no threads.
    #[error("starting threads: {0}")]
    Threads(#[source] std::io::Error),
    /// The thread that opens everything panicked.
    #[error("a panic while the sensor started")]
    StartPanicked,
    /// The loop panicked.
    #[error(transparent)]
    LoopPanicked(#[from] tokio::task::JoinError),
}

/// Lines on standard error.
struct Stderr;

impl Tell for Stderr {
    fn tell(&self, line: &str) {
        // Without standard error there is no one to tell.
        let _ = writeln!(std::io::stderr().lock(), "sekisho: {line}");
    }
}

/// Checks a configuration and everything that it names, and summarises it. Nothing is started.
/// `accept_change`: direction may have changed by any amount since the last start.
///
/// # Errors
/// [`LaunchError`].
pub fn check(config: &Path, accept_change: bool) -> Result<String, LaunchError> {
    privilege::confine()?;
    let (inputs, registry) = prepare::check(config, accept_change, Reading::now())?;
    Ok(checked(&inputs, &registry))
}

/// Runs a daemon until it is told to stop. `yes_drop_all`: even if mode `tap` cuts the machine off;
/// `accept_change`: as in [`check`].
///
/// # Errors
/// [`LaunchError`].
pub fn run(config: &Path, yes_drop_all: bool, accept_change: bool) -> Result<(), LaunchError> {
    privilege::confine()?;
    let prepared = prepare::prepare(config, accept_change, Reading::now())?;
    let opener = Opener::start(move || Daemon::start(prepared, yes_drop_all, &Stderr))?;
    // Threads that are started from now on may do no more than a running daemon needs.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(LaunchError::Threads)?;
    let daemon = opener.open(&runtime).ok_or(LaunchError::StartPanicked)??;
    let result = runtime.block_on(async {
        // On a worker thread, because the loop uses `block_in_place`.
        tokio::spawn(async move { daemon.run(&Stderr).await }).await
    });
    // A write that hangs must not keep the process alive: the daemon has waited long enough for it.
    runtime.shutdown_background();
    Ok(result??)
}

fn checked(inputs: &Inputs, registry: &Registry) -> String {
    let config = &inputs.config;
    let Config { sensor, facility, mode, interfaces, .. } = config;
    let mut text = format!(
        "sensor {sensor} at facility {facility}, mode {}, on {}\n",
        mode.name(),
        interfaces.join(", ")
    );
    for entry in registry.bases().iter().filter(|entry| entry.ended().is_none()) {
        let basis = entry.basis();
        let (from, until) = (tokyo(basis.not_before), tokyo(registry.basis_end(entry).0));
        let _ = writeln!(text, "{}, {}, from {from} until {until}", basis.key, basis.measure());
        if basis.facility.share(Some(sensor)).is_none() {
            let _ = writeln!(
                text,
                "{} does not name this sensor: it selects nothing under it",
                basis.key
            );
        }
    }
    for entry in registry.entries().iter().filter(|entry| entry.ended().is_none()) {
        let order = entry.head();
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            text,
            "{}, {}, from {} until {}",
            order.key(),
            entry.basis().measure(),
            tokyo(order.not_before),
            tokyo(registry.end(entry).0)
        );
    }
    text + &format!("direction: {}\n", wording::classes(&inputs.summary))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_configuration() {
        let config = Config::parse(Path::new("sekisho.toml"), EXAMPLE.as_bytes()).unwrap();
        assert_eq!(config.interfaces, ["eth1", "eth2"]);
    }
}
