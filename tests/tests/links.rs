//! What a running sensor makes of its interfaces: detached, down, renamed, removed and made again. It
//! tells, it is unhealthy while it sees nothing, and it attaches its program again by itself, with no
//! more than `CAP_BPF` (it has given up everything else by then).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::Signal;
use sekisho_tests::daemon::{Daemon, Folder, order};
use sekisho_tests::network::{FAR, Wire};
use sekisho_tests::pins::PinFolder;
use sekisho_tests::stream::Stream;
use sekisho_tests::wait::{after, until};
use serde_json::{Value, json};

/// Where a daemon's health is, in the receiver's namespace.
const HTTP: &str = "127.0.0.1:9184";

/// A wire at whose receiver HTTP can be asked.
fn wire() -> Wire {
    let wire = Wire::new();
    wire.receiver.ip("link set lo up");
    wire
}

/// A folder with an order that is in force throughout the test.
fn folder() -> Folder {
    let now = Timestamp::now();
    let order = order("one", after(now, -3_600_000), after(now, 3_600_000));
    Folder::with_order(&order).set("http", json!(HTTP))
}

/// The answer to a question over HTTP: its status and body together.
fn get(wire: &Wire, path: &str) -> String {
    let mut connection = wire.receiver.inside(|| TcpStream::connect(HTTP)).unwrap();
    write!(connection, "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

fn health(wire: &Wire) -> String {
    get(wire, "/healthz")
}

fn until_told(daemon: &Daemon, line: &str) {
    until(&format!("it to say: {line}"), || {
        daemon.log().lines().any(|said| said == format!("sekisho: {line}")).then_some(())
    });
}

fn until_healthy(wire: &Wire) {
    until("it to be well", || health(wire).ends_with("\r\n\r\nok\n").then_some(()));
}

fn until_unhealthy(wire: &Wire, why: &str) {
    until(&format!("it to be unwell: {why}"), || {
        let answer = health(wire);
        (answer.starts_with("HTTP/1.1 503 ") && answer.ends_with(&format!("\r\n\r\n{why}\n")))
            .then_some(())
    });
}

/// Ends the attachment from outside, as root can at any time.
fn detach_by_force(wire: &Wire) {
    let shown = wire.receiver.ip(&format!("-j -d link show dev {FAR}"));
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let program = shown[0]["xdp"]["prog"]["id"].as_u64().unwrap();
    let bpftool = |arguments: &[&str]| {
        let output = Command::new("bpftool").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let links: Value = serde_json::from_slice(&bpftool(&["-j", "link", "show"])).unwrap();
    let of_program = |link: &&Value| link["prog_id"].as_u64() == Some(program);
    let link = links.as_array().unwrap().iter().find(of_program).unwrap()["id"].to_string();
    bpftool(&["link", "detach", "id", &link]);
}

/// Waits until `more` packets than before are recorded.
fn until_recorded(daemon: &Daemon, more: u64) -> u64 {
    let before = daemon.status().records().0;
    until("more records", || {
        let (records, _) = daemon.status().records();
        (records >= before + more).then_some(records)
    })
}

/// The events of a daemon's state directory that are about what it sees, as `name interface`.
fn sights(daemon: &Daemon) -> Vec<String> {
    let text = std::fs::read_to_string(daemon.path("state").join("events.ndjson")).unwrap();
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let sight = |event: Value| {
        let name = event["event"].as_str()?;
        let interface = event["interface"].as_str()?;
        matches!(name, "blind" | "sighted").then(|| format!("{name} {interface}"))
    };
    events.filter_map(sight).collect()
}

#[test]
fn a_program_that_is_detached_by_force_is_attached_again_with_cap_bpf_alone() {
    let wire = wire();
    let mut daemon = folder().start(&wire, &[]);
    assert_eq!(daemon.status().privileges().capabilities, ["bpf"]);
    let stream = Stream::start(&wire);
    for times in 1..=3 {
        until_recorded(&daemon, 5);
        detach_by_force(&wire);
        until("it to be attached again", || {
            let count = format!("sekisho_reattachments_total{{interface=\"{FAR}\"}} {times}\n");
            get(&wire, "/metrics").contains(&count).then_some(())
        });
        until_told(&daemon, "far: the program is attached again");
    }
    until_told(&daemon, "far: does not carry the sensor's program");
    until_recorded(&daemon, 5);
    until_healthy(&wire);
    assert!(get(&wire, "/metrics").contains("state=\"seeing\"} 1\n"));
    drop(stream);
    assert_eq!(sights(&daemon), ["blind far", "sighted far"].repeat(3));
    daemon.finish();
}

#[test]
fn an_interface_that_is_made_again_is_watched_again_and_its_records_go_on() {
    let wire = wire();
    let mut daemon = folder().start(&wire, &[]);
    let stream = Stream::start(&wire);
    let before = until_recorded(&daemon, 5);
    drop(stream);
    wire.receiver.ip(&format!("link delete {FAR}"));
    until_told(&daemon, "far: is not there");
    until_unhealthy(&wire, "far: is not there");
    let start = Instant::now();
    wire.connect();
    until("the program", || wire.has_program().then_some(()));
    // At once, not at the next tick; but a loaded machine takes its time for `ip` alone.
    let took = start.elapsed();
    assert!(took < Duration::from_secs(5), "it took {took:?}");
    until_healthy(&wire);
    let stream = Stream::start(&wire);
    assert!(until_recorded(&daemon, 5) >= before + 5, "counters go on");
    drop(stream);
    assert_eq!(sights(&daemon), ["blind far", "sighted far"]);
    daemon.finish();
}

#[test]
fn an_interface_that_is_made_again_is_pinned_again_and_left_to_the_next_daemon() {
    let (wire, pins) = (wire(), PinFolder::new());
    let folder = folder().set("pin", json!(pins.path()));
    let mut first = folder.start(&wire, &[]);
    wire.receiver.ip(&format!("link delete {FAR}"));
    until_told(&first, "far: is not there");
    wire.connect();
    until_told(&first, "far: the program is attached again");
    until_healthy(&wire);
    first.signal(Signal::KILL);
    first.wait();
    assert!(wire.has_program(), "its link is pinned");
    let mut second = folder.start(&wire, &[]);
    let stream = Stream::start(&wire);
    until_recorded(&second, 5);
    drop(stream);
    second.finish();
    assert!(!wire.has_program() && !pins.path().exists());
}

#[test]
fn an_interface_that_is_down_or_has_no_carrier_is_told_until_it_is_up() {
    let wire = wire();
    let mut daemon = folder().start(&wire, &[]);
    until_healthy(&wire);
    wire.receiver.ip(&format!("link set {FAR} down"));
    until_unhealthy(&wire, "far: is down");
    wire.receiver.ip(&format!("link set {FAR} up"));
    until_told(&daemon, "far: is up and watched");
    until_healthy(&wire);
    wire.sender.ip("link set near down");
    until_unhealthy(&wire, "far: has no carrier");
    wire.sender.ip("link set near up");
    until_healthy(&wire);
    assert_eq!(daemon.log().matches("sekisho: far: is down\n").count(), 1, "said once");
    daemon.finish();
}

#[test]
fn an_interface_that_is_renamed_is_watched_on_under_the_name_of_the_configuration() {
    let wire = wire();
    let mut daemon = folder().start(&wire, &[]);
    for command in ["link set far down", "link set far name wan0", "link set wan0 up"] {
        wire.receiver.ip(command);
    }
    until_told(&daemon, "far: is now named wan0, and still watched");
    until_healthy(&wire);
    assert!(get(&wire, "/metrics").contains("state=\"renamed\"} 1\n"));
    daemon.finish();
}
