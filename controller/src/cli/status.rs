//! `sekisho status`: asks a running daemon.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use sensor_common::counters;
use sensor_common::outcome::Outcome;
use serde::Deserialize;

use super::CliError;
use super::client;
use super::table::aligned;
use crate::control::status::{
    InterfaceStatus, OrderStatus, Privileges, RecordsStatus, ShareStatus, Status,
};
use crate::control::{DEFAULT_SOCKET, Request};
use crate::registry::inputs::DaemonInputs;
use crate::registry::wording;

/// How long the daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

const HELP: &str = "\
Without --json, it prints a table of packets for every interface, by outcome and direction, then the orders \
and the lease. The exit status is 1 if no daemon answers.

Examples:
  sekisho status
  sekisho status --json | jq .lease.remaining_ms";

/// Show what a running sensor does
///
/// Packets by outcome and direction, orders, and the lease.
#[derive(Args, Clone, Debug)]
#[command(after_help = HELP)]
pub struct StatusArgs {
    /// The daemon's control socket
    #[arg(long, value_name = "PATH", default_value = DEFAULT_SOCKET)]
    socket: PathBuf,
    /// Print the answer as one line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Reply {
    Status(Box<Status>),
    Error { error: String },
}

impl StatusArgs {
    /// Asks and prints.
    ///
    /// # Errors
    /// [`CliError`]; its kind decides the exit status.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), CliError> {
        let failed =
            |reason: String| CliError::Failed(format!("{}: {reason}", self.socket.display()));
        let line = client::ask(&self.socket, &Request::Status {}, &[], PATIENCE)?;
        let reply = client::read(&self.socket, &line)?;
        match reply {
            Reply::Error { error } => Err(failed(error)),
            Reply::Status(status) => {
                let text = if self.json { line } else { table(&status) };
                out.write_all(text.as_bytes()).map_err(|error| CliError::standard_output(&error))
            }
        }
    }
}

/// The answer, for people.
fn table(status: &Status) -> String {
    let mut text = format!("sensor {}, mode {}\n", status.sensor, status.mode);
    if let Some(act) = &status.halted {
        let _ = writeln!(text, "ALL SELECTION IS HALTED since {}, {act}", act.since);
    }
    if let Some(reason) = &status.unwritten {
        let _ =
            writeln!(text, "THE STATE CANNOT BE WRITTEN, and nothing new is accepted: {reason}");
    }
    for interface in &status.interfaces {
        text += "\n";
        text += &packets(interface);
    }
    text += "\norders\n";
    if status.orders.is_empty() {
        text += "  none\n";
    }
    text += &orders(&status.orders);
    if let Some(ShareStatus { bytes_per_second }) = status.share {
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            text,
            "\nshare: up to {bytes_per_second} bytes/s of foreign-to-foreign traffic are inspected"
        );
    }
    text += "\n";
    text += &records(&status.records);
    let seconds = Duration::from_millis(status.lease.remaining_ms).as_secs_f64();
    // Writing to a `String` cannot fail.
    let _ = writeln!(text, "lease: {seconds:.1} s left");
    let Privileges { capabilities, no_new_privs } = &status.privileges;
    let held = if capabilities.is_empty() { "none".to_owned() } else { capabilities.join(", ") };
    let more = if *no_new_privs { "and never more" } else { "no_new_privs is not set" };
    let _ = writeln!(text, "capabilities: {held}, {more}");
    if let Some(basis) = &status.basis {
        text += &works_by(basis);
    }
    text
}

/// The files that decide what can be selected, with their digests.
fn works_by(basis: &DaemonInputs) -> String {
    let DaemonInputs { configuration, trust, direction, classes } = basis;
    let mut text = format!("direction: {}\n", wording::classes(classes));
    let row = |what: &str, name: &str, sha256: &str| {
        vec![what.to_owned(), name.to_owned(), format!("sha256 {sha256}")]
    };
    let mut rows = vec![
        row("configuration", &configuration.file, &configuration.sha256),
        row("trust file", &format!("version {}", trust.version), &trust.sha256),
    ];
    rows.extend(direction.iter().map(|read| row("direction file", &read.file, &read.sha256)));
    rows.push(row("classes", "of all addresses", &classes.sha256));
    text += "\nworks by\n";
    text += &aligned(&rows, usize::MAX);
    text
}

/// What became of every record that was submitted.
fn records(records: &RecordsStatus) -> String {
    let RecordsStatus { submitted, written, waiting, set_aside, missing, trouble, tampered } =
        records;
    let sum = |counts: &BTreeMap<String, u64>| counts.values().sum::<u64>();
    let why = |counts: &BTreeMap<String, u64>| {
        let some = counts.iter().filter(|(_, count)| **count > 0);
        let each: Vec<String> = some.map(|(reason, count)| format!("{reason} {count}")).collect();
        if each.is_empty() { String::new() } else { format!(" ({})", each.join(", ")) }
    };
    let mut text = format!(
        "records: {submitted} submitted: {written} written, {} set aside{}, {} missing{}, {waiting} \
         waiting\n",
        sum(set_aside),
        why(set_aside),
        sum(missing),
        why(missing),
    );
    if let Some(trouble) = trouble {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "OUTPUT: {trouble}");
    }
    if *tampered > 0 {
        let _ = writeln!(text, "TAMPERED: {tampered} times, somebody else changed maps or pins");
    }
    text
}

fn packets(interface: &InterfaceStatus) -> String {
    let InterfaceStatus { name, xdp, state, default_route, outcomes, records, lost, rings } =
        interface;
    let (count, kib) = (rings.count, rings.bytes / 1_024);
    let mut text =
        format!("{name} ({xdp}): {records} records, {lost} lost, rings {count} x {kib} KiB\n");
    // Writing to a `String` cannot fail.
    let _ = writeln!(text, "{name} {state}");
    if let Some(routes) = default_route {
        let _ = writeln!(text, "{name} {}", wording::carries(routes));
    }
    let columns: Vec<&str> = counters::columns().map(counters::column_name).collect();
    let count = |outcome: &Outcome, column: &str| {
        outcomes.get(column).and_then(|rows| rows.get(outcome.name())).copied().unwrap_or_default()
    };
    let mut rows = vec![heading(&columns)];
    for outcome in Outcome::ALL {
        let mut row = vec![outcome.name().to_owned()];
        row.extend(columns.iter().map(|column| match count(outcome, column) {
            0 => "·".to_owned(),
            packets => packets.to_string(),
        }));
        rows.push(row);
    }
    text += &aligned(&rows, 1);
    text
}

fn heading(columns: &[&str]) -> Vec<String> {
    std::iter::once("").chain(columns.iter().copied()).map(str::to_owned).collect()
}

fn orders(orders: &[OrderStatus]) -> String {
    let row = |order: &OrderStatus| {
        vec![
            order.key.order_id.clone(),
            format!("serial {}", order.key.serial),
            order.measure.clone(),
            order.reason.map_or_else(
                || order.state.clone(),
                |reason| format!("{} ({})", order.state, reason.name()),
            ),
            format!("{} until {}", order.not_before, order.not_after),
        ]
    };
    aligned(&orders.iter().map(row).collect::<Vec<_>>(), usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> Status {
        serde_json::from_value(serde_json::json!({
            "sensor": "s", "mode": "tap",
            "interfaces": [{
                "name": "eth1", "xdp": "native", "state": "is up and watched", "records": 12, "lost": 0,
                "rings": {"count": 4, "bytes": 8_388_608},
                "outcomes": {
                    "foreign-to-foreign": {"recorded": 12, "unmatched": 3456},
                    "none": {"non-ip": 7},
                },
            }],
            "orders": [{
                "order_id": "2027-17-0003", "serial": 1, "measure": "foreign-to-foreign",
                "state": "in force", "not_before": "2027-11-01T00:00:00+09:00",
                "not_after": "2028-05-01T00:00:00+09:00",
            }],
            "records": {
                "submitted": 12, "written": 7, "waiting": 1, "trouble": null, "tampered": 2,
                "set_aside": {"term": 3}, "missing": {"output": 1, "ring": 0},
            },
            "share": {"bytes_per_second": 3_750_000_000_u64},
            "lease": {"remaining_ms": 9_480},
            "privileges": {"capabilities": ["bpf"], "no_new_privs": true},
            "basis": {
                "configuration": {"file": "sekisho.toml", "sha256": "c0"},
                "trust": {"version": 2, "sha256": "70"},
                "direction": [{"file": "jp.txt", "sha256": "d1"}],
                "classes": {
                    "default": "foreign", "sha256": "c1", "without_domestic": ["ipv6"],
                    "prefixes": {"ipv4": {"domestic": 1, "foreign": 2, "unclassified": 3}},
                    "change": {"compared": {
                        "moved": {"ipv4": {"foreign-to-domestic": "256"}}, "accepted": false,
                    }},
                },
            },
        }))
        .unwrap()
    }

    #[test]
    fn a_table_of_outcomes_by_direction() {
        let expected = "\
sensor s, mode tap

eth1 (native): 12 records, 0 lost, rings 4 x 8192 KiB
eth1 is up and watched
                 foreign-to-foreign  foreign-to-domestic  domestic-to-foreign  \
domestic-to-domestic  none
  recorded                       12                    ·                    ·                     \
·     ·
  unmatched                    3456                    ·                    ·                     \
·     ·
";
        let text = table(&status());
        assert!(text.starts_with(expected), "{text}");
        assert!(text.contains("  non-ip                          ·"), "{text}");
        let end = "
orders
  2027-17-0003  serial 1  foreign-to-foreign  in force  2027-11-01T00:00:00+09:00 until \
2028-05-01T00:00:00+09:00

share: up to 3750000000 bytes/s of foreign-to-foreign traffic are inspected

records: 12 submitted: 7 written, 3 set aside (term 3), 1 missing (output 1), 1 waiting
TAMPERED: 2 times, somebody else changed maps or pins
lease: 9.5 s left
capabilities: bpf, and never more
direction: prefixes: IPv4 1 domestic, 2 foreign, 3 unclassified; what no input names is foreign; \
moved between classes: 256 IPv4 addresses from foreign to domestic (0.0000 %)

works by
  configuration   sekisho.toml      sha256 c0
  trust file      version 2         sha256 70
  direction file  jp.txt            sha256 d1
  classes         of all addresses  sha256 c1
";
        assert!(text.ends_with(end), "{text}");
    }

    #[test]
    fn nobody_answers() {
        let args = StatusArgs { socket: "/nonexistent/socket".into(), json: false };
        let Err(CliError::Failed(message)) = args.run(&mut Vec::new()) else { panic!() };
        assert!(message.starts_with("/nonexistent/socket: no sekisho answers there: "));
    }
}
