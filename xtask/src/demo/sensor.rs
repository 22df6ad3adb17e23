//! The sensor as an operator sees it: `sekisho run` on the gateway, `sekisho status` beside it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::Value;

use super::internet::{HOSTS, Internet, direction_lists};
use super::orders::SENSOR;
use crate::guard::{self, Background};
use crate::process::{Interrupted, last_line};

/// What the daemon prints on standard error once its program is attached.
const READY: &str = "sekisho: ready";

/// A running sensor. Dropping it stops it.
#[derive(Debug)]
pub(super) struct Sensor<'a> {
    sekisho: &'a Path,
    daemon: Background,
    log: PathBuf,
    socket: PathBuf,
    pub(super) records: PathBuf,
}

impl<'a> Sensor<'a> {
    /// Writes the configuration into `directory`, which holds trust file and orders, starts the
    /// sensor on every interface of the gateway, and waits until it is attached.
    pub(super) fn start(
        sekisho: &'a Path,
        internet: &Internet,
        directory: &Path,
        orders: &[PathBuf],
    ) -> Result<Self> {
        for (name, list) in direction_lists() {
            fs::write(directory.join(name), list)?;
        }
        let config = directory.join("sekisho.toml");
        fs::write(&config, configuration(orders))?;
        let log = directory.join("sensor.log");
        let mut run =
            guard::tied(internet.on_gateway(sekisho).args(["run", "--config"]).arg(&config));
        run.current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null());
        run.stderr(File::create(&log)?);
        let mut sensor = Self {
            sekisho,
            daemon: Background::start("`sekisho run`", &mut run)?,
            log,
            socket: directory.join("control.sock"),
            records: directory.join("records.ndjson"),
        };
        guard::wait_for("the sensor to be ready", Duration::from_secs(10), || {
            let log = fs::read_to_string(&sensor.log)?;
            if log.lines().any(|line| line.trim() == READY) {
                return Ok(Some(()));
            }
            sensor.daemon.check_alive()?;
            Ok(None)
        })
        .map_err(|error| sensor.explain(&error))?;
        Ok(sensor)
    }

    /// Adds the last line of the sensor's log to a failure.
    pub(super) fn explain(&self, error: &anyhow::Error) -> anyhow::Error {
        if error.is::<Interrupted>() {
            return Interrupted.into();
        }
        anyhow!("{error:#}; the sensor's log ends with: {}", self.last_words())
    }

    fn last_words(&self) -> String {
        last_line(&fs::read_to_string(&self.log).unwrap_or_default()).to_owned()
    }

    /// The table of `sekisho status`.
    pub(super) fn status_table(&self) -> Result<String> {
        guard::succeed(&mut self.status_command())
    }

    /// `sekisho status --json`.
    pub(super) fn status(&self) -> Result<Status> {
        let json = guard::succeed(self.status_command().arg("--json"))?;
        Ok(Status(serde_json::from_str(&json).context("the sensor's status is not JSON")?))
    }

    fn status_command(&self) -> Command {
        let mut command = Command::new(self.sekisho);
        command.args(["status", "--socket"]).arg(&self.socket);
        command
    }

    /// Stops the sensor, which must end with success.
    pub(super) fn stop(mut self) -> Result<()> {
        let status = self.daemon.stop()?;
        if !status.success() {
            bail!("the sensor failed at its end ({status}): {}", self.last_words());
        }
        Ok(())
    }
}

/// The sensor's status.
#[derive(Debug)]
pub(super) struct Status(Value);

impl Status {
    /// How many packets of a direction ended in an outcome, over all interfaces.
    pub(super) fn count(&self, direction: &str, outcome: &str) -> u64 {
        let interfaces = self.0["interfaces"].as_array().into_iter().flatten();
        interfaces.filter_map(|one| one["outcomes"][direction][outcome].as_u64()).sum()
    }

    /// The state of each order: (order, state).
    pub(super) fn orders(&self) -> Vec<(&str, &str)> {
        let orders = self.0["orders"].as_array().into_iter().flatten();
        orders.filter_map(|one| Some((one["order_id"].as_str()?, one["state"].as_str()?))).collect()
    }
}

fn configuration(orders: &[PathBuf]) -> String {
    // JSON strings and lists of them are TOML as well.
    let list = |names: Vec<String>| Value::from(names).to_string();
    let interfaces = list(HOSTS.iter().map(|host| host.interface()).collect());
    let orders = list(orders.iter().map(|order| order.display().to_string()).collect());
    format!(
        r#"sensor = "{SENSOR}"
facility = "tyo-gw-1"
mode = "inline"
interfaces = {interfaces}
xdp = "native"
trust = "trust.json"
state = "state"
orders = {orders}
output = "records.ndjson"
lease_seconds = 10
http = "127.0.0.1:9469"
control_socket = "control.sock"
ring_bytes = 1048576

[direction]
domestic = ["domestic.txt"]
foreign = ["foreign.txt"]
default = "unclassified"
"#
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_add_up_over_interfaces() {
        let status = Status(json!({
            "interfaces": [
                {"outcomes": {"domestic-to-domestic": {"domestic": 3}}},
                {"outcomes": {"domestic-to-domestic": {"domestic": 4}, "none": {"non-ip": 1}}}
            ],
            "orders": [{"order_id": "o-1", "serial": 1, "state": "in force"}]
        }));
        assert_eq!(status.count("domestic-to-domestic", "domestic"), 7);
        assert_eq!(status.count("foreign-to-foreign", "recorded"), 0);
        assert_eq!(status.orders(), [("o-1", "in force")]);
    }

    #[test]
    fn the_configuration_names_every_interface_and_order() {
        let text = configuration(&["a.json".into(), "b.json".into()]);
        assert!(text.contains(r#"interfaces = ["to-c2","to-relay","to-plant","to-clinic"]"#));
        assert!(text.contains(r#"orders = ["a.json","b.json"]"#));
    }
}
