//! Outputs that fail: full, moved, removed, not read. Nothing ends that nobody ended, every record is
//! written once, and what is lost is counted.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::process::Signal;
use sekisho_tests::daemon::{Daemon, Folder, Line, order, reader};
use sekisho_tests::network::{RECEIVER, SENDER, Wire};
use sekisho_tests::pins::PinFolder;
use sekisho_tests::small_disk::SmallDisk;
use sekisho_tests::stream::{FIRST_PORT, Stream};
use sekisho_tests::wait::{after, until};
use sensor_common::outcome::Outcome::{Lapsed, Recorded};
use serde_json::json;

fn in_force() -> Folder {
    let now = Timestamp::now();
    Folder::with_order(&order("one", after(now, -3_600_000), after(now, 3_600_000)))
}

/// An order in force whose records go to a small disk, and where.
fn on_a_small_disk() -> (Folder, SmallDisk, PathBuf) {
    let disk = SmallDisk::new(1_024);
    let output = disk.path().join("records.ndjson");
    (in_force().set("output", json!(output)), disk, output)
}

/// Sends packets of a stream, from its packet number `first` on.
fn send(wire: &Wire, first: u16, packets: u16) {
    let socket = wire.sender.inside(|| UdpSocket::bind((SENDER, 0)).unwrap());
    for number in first..first + packets {
        assert_eq!(socket.send_to(b"hello", (RECEIVER, FIRST_PORT + number)).unwrap(), 5);
    }
}

fn said(daemon: &Daemon, words: &str) {
    until(words, || daemon.log().contains(words).then_some(()));
}

fn records(path: &Path) -> Vec<Line> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let (whole, _) = text.rsplit_once('\n').unwrap_or_default();
    Line::read_all(whole)
}

/// More than fits into what is left of the last page of a file.
const MANY: u16 = 60;

#[test]
fn a_full_output_loses_nothing_over_any_kind_of_restart() {
    for signal in [Signal::USR2, Signal::KILL, Signal::TERM] {
        let (wire, pins) = (Wire::new(), PinFolder::new());
        let (folder, disk, output) = on_a_small_disk();
        // A lease that outlasts a slow machine: every packet is to have a record.
        let folder = folder.set("pin", json!(pins.path())).set("lease_seconds", json!(60));
        let mut daemon = folder.start(&wire, &[]);
        send(&wire, 0, 3);
        until("three records", || (records(&output).len() == 3).then_some(()));
        disk.fill();
        send(&wire, 3, MANY);
        said(&daemon, "No space left on device (os error 28); until that is over, records wait");
        let trouble = daemon.status().account().trouble.clone().unwrap();
        assert!(trouble.contains("records.ndjson: No space left on device"), "{trouble}");
        let end = |daemon: &mut Daemon| {
            daemon.signal(signal);
            let code = daemon.wait().code();
            let expected = match signal {
                Signal::USR2 => Some(0),
                Signal::TERM => Some(1),
                _ => None,
            };
            assert_eq!(code, expected, "{}", daemon.log());
        };
        end(&mut daemon);
        // One start while it is full.
        let mut daemon = folder.begin(&wire);
        said(&daemon, "No space left on device");
        end(&mut daemon);
        disk.make_room();
        let mut daemon = folder.start(&wire, &[]);
        let all = usize::from(3 + MANY);
        until("the records", || (records(&output).len() >= all).then_some(()));
        daemon.signal(Signal::TERM);
        assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
        let records = records(&output);
        let sequences: Vec<u64> = records.iter().map(|record| record.sequence).collect();
        assert_eq!(sequences, (1..=all as u64).collect::<Vec<_>>(), "{signal:?}");
        let packets: BTreeSet<usize> = records.iter().map(|record| record.packet).collect();
        assert_eq!(packets.len(), all, "{signal:?}: each packet once");
        let words = format!(" {all} records, {all} written, 0 lost, 0 not written, 0 set aside\n");
        assert!(daemon.log().ends_with(&words), "{signal:?}: {}", daemon.log());
        assert_eq!(daemon.lines("state/set-aside.ndjson").len(), 0);
    }
}

#[test]
fn a_full_output_stops_selection_with_the_lease_and_recovers_by_itself() {
    let wire = Wire::new();
    let (folder, disk, output) = on_a_small_disk();
    let mut daemon = folder.set("lease_seconds", json!(2)).start(&wire, &[]);
    let stream = Stream::start(&wire);
    until("records", || (records(&output).len() > 10).then_some(()));
    disk.fill();
    said(&daemon, "No space left on device");
    until("an end of selection", || (daemon.status().count(Lapsed) > 100).then_some(()));
    let before = daemon.status().count(Recorded);
    until("more packets", || (daemon.status().count(Lapsed) > 200).then_some(()));
    assert_eq!(daemon.status().count(Recorded), before, "nothing is selected that cannot be kept");
    disk.make_room();
    said(&daemon, "the output takes records again");
    until("more records", || (daemon.status().count(Recorded) > before + 10).then_some(()));
    stream.stop();
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
    let log = daemon.log();
    assert_eq!(log.matches("until that is over").count(), 1, "said once: {log}");
    let records = records(&output).len();
    let words = format!(" {records} records, {records} written, 0 lost, 0 not written, 0 set");
    assert!(log.contains(&words), "{words}: {log}");
}

#[test]
fn records_that_could_not_be_written_are_in_the_last_words() {
    let wire = Wire::new();
    let (folder, disk, output) = on_a_small_disk();
    let mut daemon = folder.start(&wire, &[]);
    send(&wire, 0, 5);
    until("five records", || (records(&output).len() == 5).then_some(()));
    disk.fill();
    send(&wire, 5, MANY);
    said(&daemon, "No space left on device");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(1), "{}", daemon.log());
    let words = format!(
        " {} records, 5 written, 0 lost, {MANY} not written (and so lost), 0 set aside\n",
        MANY + 5
    );
    assert!(daemon.log().contains(&words), "{words}: {}", daemon.log());
    assert_eq!(records(&output).len(), 5, "and the file ends with a whole record");
}

#[test]
fn a_file_that_was_moved_is_opened_anew_at_once_by_a_signal() {
    let wire = Wire::new();
    let folder = in_force();
    let mut daemon = folder.start(&wire, &[]);
    let rotated = folder.path("records.1");
    send(&wire, 0, 3);
    until("three records", || (daemon.records().len() == 3).then_some(()));
    fs::rename(daemon.output_path(), &rotated).unwrap();
    daemon.signal(Signal::HUP);
    until("a new file", || daemon.output_path().exists().then_some(()));
    send(&wire, 3, 4);
    until("four records", || (daemon.records().len() == 4).then_some(()));
    assert_eq!(records(&rotated).len(), 3);

    // The same by `reload`, and by itself within a second or two.
    for (number, reload) in [(2, true), (3, false)] {
        let sent = 7 + 2 * (number - 2);
        fs::rename(daemon.output_path(), folder.path(&format!("records.{number}"))).unwrap();
        if reload {
            daemon.ask(&["reload"]).good();
        }
        until("a new file", || daemon.output_path().exists().then_some(()));
        send(&wire, sent, 2);
        until("two records", || (daemon.records().len() == 2).then_some(()));
    }
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
    let words = " 11 records, 11 written, 0 lost, 0 not written, 0 set aside\n";
    assert!(daemon.log().ends_with(words), "{}", daemon.log());
}

#[test]
fn what_went_into_a_file_that_was_removed_is_counted_as_lost() {
    let wire = Wire::new();
    let mut daemon = in_force().start(&wire, &[]);
    send(&wire, 0, 3);
    until("three records", || (daemon.status().account().written == 3).then_some(()));
    // Between two looks, so that records go into nothing.
    daemon.freeze();
    fs::remove_file(daemon.output_path()).unwrap();
    send(&wire, 3, 5);
    daemon.thaw();
    said(&daemon, "records.ndjson: was removed, and with it ");
    let books =
        until("the loss", || Some(daemon.status()).filter(|books| books.account().waiting == 0));
    let account = books.account();
    let lost: u64 = account.missing.values().sum();
    assert_eq!((account.submitted, account.written + lost), (8, 8), "{account:?}");
    said(&daemon, "the output takes records again");
    send(&wire, 8, 2);
    until("more records", || (daemon.records().len() >= 2).then_some(()));
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
    let left = records(&daemon.output_path()).len() as u64;
    let words = format!(" 10 records, {} written, {lost} lost, 0 not written", 10 - lost);
    assert!(daemon.log().contains(&words), "{words}: {}", daemon.log());
    assert_eq!(left + 3 + lost, 10, "{}", daemon.log());
}

#[test]
fn a_pipe_is_waited_for_and_what_its_reader_left_is_counted() {
    let wire = Wire::new();
    let (folder, first) = in_force().with_pipe();
    drop(first);
    let pipe = folder.path("pipe");
    let mut daemon = folder.begin(&wire);
    said(&daemon, "pipe: nobody reads this pipe; until that is over");
    assert_eq!(daemon.status().lease(), 0, "nothing is selected that nobody reads");
    let mut first = reader(&pipe);
    said(&daemon, "sekisho: ready");
    send(&wire, 0, 3);
    let mut text = vec![0; 100];
    first.read_exact(&mut text).unwrap();
    until("all to be in the pipe", || {
        (daemon.status().account().waiting <= 3 && daemon.status().records().0 == 3).then_some(())
    });
    drop(first);
    said(&daemon, "its reader has ended without reading ");
    let mut second = reader(&pipe);
    let again = || daemon.log().matches("the output takes records again").count() == 2;
    until("a second reader", || again().then_some(()));
    until("a lease", || (daemon.status().lease() > 0).then_some(()));
    send(&wire, 3, 4);
    until("four records", || (daemon.status().records().0 == 7).then_some(()));
    daemon.signal(Signal::TERM);
    let mut text = String::new();
    second.read_to_string(&mut text).unwrap();
    assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
    assert_eq!(Line::read_all(&text).len(), 4);
    let log = daemon.log();
    let words = " 7 records, 4 written, 3 lost, 0 not written, 0 set aside\n";
    assert!(log.ends_with(words), "{log}");
}
