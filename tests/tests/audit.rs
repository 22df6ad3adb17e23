//! The audit file of a sensor that runs: who began, how it ended, by which configuration and tables, and
//! that no line of it can be changed behind the sensor's back (L-INSPECT).

use std::fs;

use jiff::Timestamp;
use rustix::process::Signal;
use sekisho_tests::daemon::{Folder, order, sekisho};
use sekisho_tests::network::Wire;
use sekisho_tests::pins::PinFolder;
use sekisho_tests::wait::{after, until};
use serde_json::{Value, json};

fn events(folder: &Folder) -> Vec<Value> {
    let text = fs::read_to_string(folder.path("state/events.ndjson")).expect("the audit file");
    text.lines().map(|line| serde_json::from_str(line).expect("an event")).collect()
}

/// The events of one kind.
fn of(folder: &Folder, kind: &str) -> Vec<Value> {
    events(folder).into_iter().filter(|event| event["event"] == kind).collect()
}

fn folder() -> Folder {
    let now = Timestamp::now();
    Folder::with_order(&order("one", after(now, -3_600_000), after(now, 3_600_000)))
}

fn verify(folder: &Folder) -> (Option<i32>, String) {
    let state = folder.path("state");
    let output =
        sekisho().args(["audit", "verify", "--state"]).arg(state).output().expect("`sekisho` runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn starts_stops_crashes_and_reloads_are_in_the_audit_file() {
    let (wire, pins) = (Wire::new(), PinFolder::new());
    let mut folder = folder().set("pin", json!(pins.path())).set("state", json!("state"));
    let mut daemon = folder.start(&wire, &[]);
    let started = of(&folder, "started").remove(0);
    let is_digest = |value: &Value| value.as_str().is_some_and(|text| text.len() == 64);
    assert!(is_digest(&started["program"]), "{started}");
    assert!(is_digest(&started["configuration"]["sha256"]), "{started}");
    assert!(is_digest(&started["direction"][0]["sha256"]), "{started}");
    assert_eq!(started["pid"], daemon.id());
    assert_eq!(started["taken_over"], false);

    daemon.ask(&["reload"]).good();
    let reloaded = of(&folder, "reloaded").remove(0);
    assert_eq!(reloaded["configuration"], started["configuration"]);
    folder = folder.set("sensor", json!("another-name"));
    folder.configure();
    assert_eq!(daemon.ask(&["reload"]).status, Some(3));
    let refused = of(&folder, "reload-refused").remove(0);
    assert!(refused["reasons"][0].as_str().is_some_and(|why| why.contains("takes a restart")));
    folder = folder.set("sensor", json!("test-gw-a"));
    folder.configure();
    let (code, line) = verify(&folder);
    assert_eq!(code, Some(0), "beside a running daemon: {line}");

    daemon.signal(Signal::USR2);
    daemon.wait();
    assert_eq!(of(&folder, "stopped").remove(0)["how"], "hand-over");
    let mut daemon = folder.start(&wire, &[]);
    assert_eq!(of(&folder, "started")[1]["taken_over"], true);
    assert!(of(&folder, "crashed").is_empty());

    daemon.signal(Signal::KILL);
    daemon.wait();
    let mut daemon = folder.start(&wire, &[]);
    let (crashed, started) = (of(&folder, "crashed").remove(0), of(&folder, "started"));
    assert_eq!(crashed["started"], started[1]["sequence"]);
    assert_eq!(crashed["rebooted"], false);
    until("the crash to be said", || daemon.log().contains("ended without a word").then_some(()));
    daemon.finish();
    let stopped = of(&folder, "stopped");
    assert_eq!((stopped.len(), &stopped[1]["how"]), (2, &json!("signal")));
    assert_eq!(verify(&folder).0, Some(0));
}

#[test]
fn a_daemon_does_not_start_over_an_audit_file_that_was_edited() {
    let wire = Wire::new();
    let folder = folder();
    folder.start(&wire, &[]).finish();
    let path = folder.path("state/events.ndjson");
    let text = fs::read_to_string(&path).expect("the audit file");
    fs::write(&path, text.replace("\"installed\"", "\"in-force\"")).expect("files can be written");
    let (code, words) = folder.refusal(&wire);
    assert_eq!(code, Some(3), "{words}");
    assert!(words.contains("events.ndjson: line 4: names another line before it"), "{words}");
    assert!(!wire.has_program());
    let (code, line) = verify(&folder);
    assert_eq!(code, Some(3), "{line}");
    fs::write(&path, text).expect("files can be written");
    folder.start(&wire, &[]).finish();
}
