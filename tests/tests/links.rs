//! What a running sensor makes of its interfaces: detached, down, renamed, removed and made again. It
//! tells, it is unhealthy while it sees nothing, and it attaches its program again by itself, with no
//! more than `CAP_BPF` (it has given up everything else by then).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::Signal;
use sekisho_tests::daemon::{Folder, order};
use sekisho_tests::health::{
    get, interface_events, served, told, until_healthy, until_recorded, until_told,
    until_unhealthy, wire,
};
use sekisho_tests::network::{FAR, Wire};
use sekisho_tests::pins::PinFolder;
use sekisho_tests::stream::Stream;
use sekisho_tests::wait::{after, until};
use serde_json::{Value, json};

/// A folder with an order that is in force throughout the test.
fn folder() -> Folder {
    let now = Timestamp::now();
    let order = order("one", after(now, -3_600_000), after(now, 3_600_000));
    served(Folder::with_order(&order))
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
    assert_eq!(interface_events(&daemon), ["blind far", "sighted far"].repeat(3));
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
    assert_eq!(interface_events(&daemon), ["blind far", "sighted far"]);
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
    assert_eq!(told(&daemon, "far: is down"), 1, "said once");
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
