//! A daemon's own reports of its health: over HTTP, in its log, and in its audit file.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::daemon::{Daemon, Folder};
use crate::network::Wire;
use crate::wait::until;

/// Where a daemon's health is, in the receiver's namespace.
const HTTP: &str = "127.0.0.1:9184";

/// A wire at whose receiver HTTP can be asked.
pub fn wire() -> Wire {
    let wire = Wire::new();
    wire.receiver.ip("link set lo up");
    wire
}

/// The folder of a daemon that serves its health there.
#[must_use]
pub fn served(folder: Folder) -> Folder {
    folder.set("http", json!(HTTP))
}

/// The answer to a question over HTTP: its status and body together.
///
/// # Panics
/// Where there is no answer.
pub fn get(wire: &Wire, path: &str) -> String {
    let connect = || TcpStream::connect(HTTP).expect("the daemon serves it");
    let mut connection = wire.receiver.inside(connect);
    write!(connection, "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .expect("it takes the question");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("it answers");
    answer
}

/// Waits until a daemon has told this line.
///
/// # Panics
/// Where it does not.
pub fn until_told(daemon: &Daemon, line: &str) {
    until(&format!("it to say: {line}"), || (told(daemon, line) > 0).then_some(()));
}

/// How often a daemon has told this line.
pub fn told(daemon: &Daemon, line: &str) -> usize {
    daemon.log().lines().filter(|said| *said == format!("sekisho: {line}")).count()
}

/// Waits until a daemon is healthy.
///
/// # Panics
/// Where it does not become it.
pub fn until_healthy(wire: &Wire) {
    until("it to be well", || get(wire, "/healthz").ends_with("\r\n\r\nok\n").then_some(()));
}

/// Waits until a daemon is not healthy, for this reason.
///
/// # Panics
/// Where it stays healthy, or says something else.
pub fn until_unhealthy(wire: &Wire, why: &str) {
    until(&format!("it to be unwell: {why}"), || {
        let answer = get(wire, "/healthz");
        (answer.starts_with("HTTP/1.1 503 ") && answer.ends_with(&format!("\r\n\r\n{why}\n")))
            .then_some(())
    });
}

/// Waits until `more` packets than before are recorded.
///
/// # Panics
/// Where they are not.
pub fn until_recorded(daemon: &Daemon, more: u64) -> u64 {
    let before = daemon.status().records().0;
    until("more records", || {
        let (records, _) = daemon.status().records();
        (records >= before + more).then_some(records)
    })
}

/// The events of a daemon's audit file that are about an interface, as `name interface`.
///
/// # Panics
/// Where the file cannot be read.
pub fn interface_events(daemon: &Daemon) -> Vec<String> {
    let text = std::fs::read_to_string(daemon.path("state").join("events.ndjson"));
    let text = text.expect("an audit file");
    let event = |line| {
        let event: Value = serde_json::from_str(line).expect("JSON");
        let (name, interface) = (event["event"].as_str()?, event["interface"].as_str()?);
        Some(format!("{name} {interface}"))
    };
    text.lines().filter_map(event).collect()
}
