//! Somebody who may do anything on the machine, and does: into the kernel's maps, the pins and the files
//! of the state. What comes of it is no record of any order, is counted, and is told (L-INSPECT).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::net::UdpSocket;

use jiff::Timestamp;
use rustix::process::Signal;
use sekisho_tests::daemon::{Daemon, Folder, order};
use sekisho_tests::network::{FAR, RECEIVER, SENDER, Wire};
use sekisho_tests::pins::PinFolder;
use sekisho_tests::stream::FIRST_PORT;
use sekisho_tests::wait::{after, until, until_time};
use sensor_common::outcome::Outcome::Recorded;
use serde_json::json;

fn folder(pins: &PinFolder, milliseconds: i64) -> Folder {
    let now = Timestamp::now();
    let order = order("one", after(now, -3_600_000), after(now, milliseconds));
    Folder::with_order(&order).set("pin", json!(pins.path()))
}

const HOUR: i64 = 3_600_000;

fn send(wire: &Wire, packets: usize) {
    let socket = wire.sender.inside(|| UdpSocket::bind((SENDER, 0)).unwrap());
    (0..packets)
        .for_each(|_| assert_eq!(socket.send_to(b"hello", (RECEIVER, FIRST_PORT)).unwrap(), 5));
}

fn kill(daemon: &mut Daemon) {
    daemon.signal(Signal::KILL);
    daemon.wait();
}

fn said(daemon: &Daemon, words: &str) {
    until(words, || daemon.log().contains(words).then_some(()));
}

/// Sends packets, which are recorded, and waits until they are written.
fn recorded(daemon: &Daemon, wire: &Wire, packets: usize) {
    let before = daemon.records().len();
    send(wire, packets);
    until("records", || (daemon.records().len() == before + packets).then_some(()));
}

/// Ends the daemon, whose last words must be these.
fn finish(daemon: &mut Daemon, words: &str) {
    daemon.signal(Signal::TERM);
    let status = daemon.wait();
    assert!(status.success(), "{status}: {}", daemon.log());
    assert!(daemon.log().ends_with(words), "{words}: {}", daemon.log());
}

fn aside(daemon: &Daemon, reason: &str) -> usize {
    let lines = daemon.lines("state/set-aside.ndjson");
    lines.iter().filter(|line| line.contains(&format!(r#""reason":"{reason}""#))).count()
}

#[test]
fn a_term_that_somebody_extends_while_the_daemon_stands_still_makes_no_records() {
    let (wire, pins) = (Wire::new(), PinFolder::new());
    let ends_in = 6_000;
    let end = after(Timestamp::now(), ends_in);
    let mut daemon = folder(&pins, ends_in).set("lease_seconds", json!(60)).start(&wire, &[]);
    recorded(&daemon, &wire, 3);
    daemon.freeze();
    pins.tamper(FAR, "TERMS", 0, &[1, u64::MAX]);
    until_time(after(end, 500));
    send(&wire, 5);
    daemon.thaw();
    said(&daemon, "far: the term of slot 0 was changed by somebody else");
    said(&daemon, "5 records from outside of their order's term are set aside in ");
    let books = daemon.status();
    assert_eq!(books.count(Recorded), 8, "the kernel did select: {books:?}");
    let account = books.account();
    assert_eq!((account.submitted, account.written, account.tampered), (8, 3, 1), "{account:?}");
    send(&wire, 2);
    until("packets", || (daemon.status().packets() == 10).then_some(()));
    assert_eq!(daemon.status().count(Recorded), 8, "the term is what it was");
    assert_eq!((daemon.records().len(), aside(&daemon, "term")), (3, 5));
    finish(&mut daemon, " 8 records, 3 written, 0 lost, 0 not written, 5 set aside\n");
}

#[test]
fn a_lease_that_somebody_extends_while_the_daemon_stands_still_makes_no_records() {
    let (wire, pins) = (Wire::new(), PinFolder::new());
    let mut daemon = folder(&pins, HOUR).set("lease_seconds", json!(2)).start(&wire, &[]);
    recorded(&daemon, &wire, 3);
    daemon.freeze();
    let lapsed = after(Timestamp::now(), 2_000);
    pins.tamper(FAR, "LEASE", 0, &[u64::MAX]);
    until_time(after(lapsed, 500));
    send(&wire, 4);
    daemon.thaw();
    said(&daemon, "far: the lease was extended by somebody else");
    said(&daemon, "4 records from a time without a lease are set aside in ");
    recorded(&daemon, &wire, 2);
    assert_eq!(aside(&daemon, "lease"), 4);
    finish(&mut daemon, " 9 records, 5 written, 0 lost, 0 not written, 4 set aside\n");
}

#[test]
fn a_lease_that_somebody_extends_while_there_is_no_daemon_is_ended() {
    let (wire, pins) = (Wire::new(), PinFolder::new());
    let folder = folder(&pins, HOUR);
    let mut daemon = folder.start(&wire, &[]);
    recorded(&daemon, &wire, 1);
    kill(&mut daemon);
    pins.tamper(FAR, "LEASE", 0, &[u64::MAX]);
    let mut daemon = folder.start(&wire, &[]);
    said(&daemon, "far: the lease was longer than any that a daemon gives");
    recorded(&daemon, &wire, 1);
    finish(&mut daemon, " 2 records, 2 written, 0 lost, 0 not written, 0 set aside\n");
}

#[test]
fn names_that_somebody_edited_are_not_used() {
    for (from, to, what) in [
        (r#""order_id":"one""#, r#""order_id":"two""#, "order two, serial 1: was never accepted"),
        (r#""rules":["r"]"#, r#""rules":["x"]"#, "order one, serial 1: its rules are others"),
        ("foreign-to-foreign", "agreement", "order one, serial 1: its measure is"),
        ("{", "[", "expected"),
    ] {
        let (wire, pins) = (Wire::new(), PinFolder::new());
        let folder = folder(&pins, HOUR);
        let mut daemon = folder.start(&wire, &[]);
        recorded(&daemon, &wire, 1);
        daemon.freeze();
        send(&wire, 4);
        kill(&mut daemon);
        let file = folder.path("state/generations/1.json");
        let text = fs::read_to_string(&file).unwrap();
        let edited = text.replacen(from, to, 1);
        assert_ne!(text, edited, "{text}");
        fs::write(&file, edited).unwrap();
        let mut daemon = folder.start(&wire, &[]);
        let log = daemon.log();
        assert!(log.contains("generations/1.json: ") && log.contains(what), "{what}: {log}");
        recorded(&daemon, &wire, 2);
        assert_eq!(aside(&daemon, "generation"), 4, "{what}");
        finish(&mut daemon, " 7 records, 3 written, 0 lost, 0 not written, 4 set aside\n");
    }
}

#[test]
fn pins_that_somebody_removes_are_put_back() {
    let (wire, pins) = (Wire::new(), PinFolder::new());
    let folder = folder(&pins, HOUR);
    let mut daemon = folder.start(&wire, &[]);
    recorded(&daemon, &wire, 1);
    let there = || {
        let entries = fs::read_dir(pins.of(FAR)).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = there();
    for name in &before {
        fs::remove_file(pins.of(FAR).join(name)).unwrap();
    }
    until("all pins", || (there() == before).then_some(()));
    let name = before[0].to_str().unwrap();
    said(&daemon, &format!("{name} was removed, and is put back"));
    // They are what they were: the next daemon goes on.
    daemon.freeze();
    send(&wire, 3);
    kill(&mut daemon);
    let mut daemon = folder.start(&wire, &[]);
    recorded(&daemon, &wire, 2);
    finish(&mut daemon, " 6 records, 6 written, 0 lost, 0 not written, 0 set aside\n");
}

#[test]
fn records_in_a_ring_that_somebody_removed_are_counted_as_lost() {
    let (wire, pins) = (Wire::new(), PinFolder::new());
    let folder = folder(&pins, HOUR);
    let mut daemon = folder.start(&wire, &[]);
    recorded(&daemon, &wire, 2);
    daemon.freeze();
    send(&wire, 7);
    kill(&mut daemon);
    for ring in pins.rings(FAR) {
        fs::remove_file(ring).unwrap();
    }
    let mut daemon = folder.start(&wire, &[]);
    said(&daemon, "7 records are missing: they were in rings whose pins somebody removed");
    recorded(&daemon, &wire, 1);
    let account = until("the books", || {
        Some(daemon.status().account().clone()).filter(|account| account.waiting == 0)
    });
    assert_eq!((account.submitted, account.written), (10, 3), "{account:?}");
    assert_eq!(account.missing.get("ring"), Some(&7), "{account:?}");
    let sequences: Vec<u64> = daemon.records().iter().map(|record| record.sequence).collect();
    assert_eq!(sequences, [1, 2, 3]);
    finish(&mut daemon, " 10 records, 3 written, 7 lost, 0 not written, 0 set aside\n");
}

#[test]
fn without_the_numbers_that_were_given_nothing_starts() {
    let (wire, pins) = (Wire::new(), PinFolder::new());
    let folder = folder(&pins, HOUR);
    let mut daemon = folder.start(&wire, &[]);
    recorded(&daemon, &wire, 2);
    daemon.freeze();
    send(&wire, 3);
    kill(&mut daemon);
    let path = folder.path("state/generations/progress");
    let good = fs::read(&path).unwrap();
    // The last of the two steps, as it is without the batches after it.
    let zeros = vec![0; good.len()];
    for (bytes, what) in [(b"rubbish".to_vec(), "is damaged"), (zeros, "is damaged")] {
        fs::write(&path, bytes).unwrap();
        let (code, words) = folder.refusal(&wire);
        assert_eq!((code, words.lines().count()), (Some(1), 1), "{words}");
        let expected = "generations/progress: is damaged, and without it records would get";
        assert!(words.contains(expected) && words.contains("3 records"), "{what}: {words}");
    }
    fs::remove_file(&path).unwrap();
    let (code, words) = folder.refusal(&wire);
    assert_eq!((code, words.contains("progress: is missing")), (Some(1), true), "{words}");
    fs::write(&path, good).unwrap();
    let mut daemon = folder.start(&wire, &[]);
    until("the records", || (daemon.records().len() == 5).then_some(()));
    assert_eq!(daemon.finish().len(), 5);
}
