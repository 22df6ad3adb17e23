//! A state directory on a full disk: what opens is refused, what closes is carried out, and no measure
//! ends that nobody ended (L-TERM, L-MIN).

use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::Signal;
use sekisho_tests::authority::revocation;
use sekisho_tests::daemon::{Daemon, Folder, order};
use sekisho_tests::network::Wire;
use sekisho_tests::pins::PinFolder;
use sekisho_tests::small_disk::SmallDisk;
use sekisho_tests::stream::Stream;
use sekisho_tests::wait::{after, until};
use sensor_common::outcome::Outcome::Recorded;
use serde_json::{Value, json};

const SOME: u64 = 100;

fn in_force(id: &str) -> Value {
    let now = Timestamp::now();
    order(id, after(now, -3_600_000), after(now, 3_600_000))
}

/// A sensor whose state is on a small disk.
fn folder() -> (Folder, SmallDisk) {
    let folder = Folder::with_order(&in_force("one"));
    let disk = SmallDisk::mount(folder.path("small"), 1_024);
    (folder.set("state", json!("small/state")), disk)
}

fn another(folder: &Folder) -> [String; 2] {
    folder.write_order(&in_force("two"))
}

fn more_records(daemon: &Daemon) {
    let goal = daemon.status().count(Recorded) + SOME;
    until("more records", || (daemon.status().count(Recorded) >= goal).then_some(()));
}

fn assert_selects_nothing(daemon: &Daemon) {
    let before = daemon.status();
    let goal = before.packets() + SOME;
    let books = until("packets", || Some(daemon.status()).filter(|b| b.packets() >= goal));
    assert_eq!(books.records(), before.records());
}

fn states(daemon: &Daemon, expected: &[&str]) {
    until("the orders' states", || (daemon.status().states() == expected).then_some(()));
}

#[test]
fn what_opens_is_refused_and_measures_go_on_until_there_is_room() {
    let (wire, (folder, disk)) = (Wire::new(), folder());
    let mut daemon = folder.start(&wire, &[]);
    let stream = Stream::start(&wire);
    more_records(&daemon);
    disk.fill();
    let path = another(&folder);
    let install = ["order", "install", &path[0], &path[1]];
    let refused = daemon.ask(&install);
    assert_eq!(refused.status, Some(1), "{refused:?}");
    let why = "No space left on device (os error 28); nothing has changed";
    assert!(refused.errors.contains(why), "{refused:?}");
    more_records(&daemon);
    assert_eq!(daemon.status().states(), ["in force"]);
    let status = daemon.ask(&["status"]).good();
    assert!(status.contains("THE STATE CANNOT BE WRITTEN"), "{status}");

    disk.make_room();
    daemon.ask(&install).good();
    states(&daemon, &["in force", "in force"]);
    until("the state to be written", || {
        (!daemon.ask(&["status"]).good().contains("CANNOT BE WRITTEN")).then_some(())
    });
    stream.stop();
    daemon.finish();
    let log = daemon.log();
    assert_eq!(log.matches("the state cannot be written").count(), 1, "{log}");
    assert_eq!(log.matches("the state can be written again").count(), 1, "{log}");
}

#[test]
fn what_closes_is_closed_and_written_when_there_is_room() {
    let (wire, (folder, disk)) = (Wire::new(), folder());
    let mut daemon = folder.start(&wire, &[]);
    let stream = Stream::start(&wire);
    more_records(&daemon);
    disk.fill();
    let path = folder.write("r.dsse", &revocation("one", 1));
    let revoked = daemon.ask(&["order", "revoke", path.to_str().unwrap()]);
    assert_eq!(revoked.status, Some(1), "{revoked:?}");
    assert!(revoked.errors.contains("it is in force, but not written yet"), "{revoked:?}");
    assert_selects_nothing(&daemon);
    disk.make_room();
    let events = folder.path("small/state/events.ndjson");
    until("the revocation to be written", || {
        std::fs::read_to_string(&events).unwrap().contains("\"revoked\"").then_some(())
    });
    daemon.signal(Signal::KILL);
    daemon.wait();
    let daemon = folder.start(&wire, &[]);
    assert_eq!(daemon.status().states(), ["ended"]);
    assert_selects_nothing(&daemon);
    stream.stop();
}

/// With pins every generation is written down for the next daemon before it is published.
#[test]
fn tables_that_cannot_be_written_down_wait_and_end_no_measure() {
    let (wire, pins, (folder, disk)) = (Wire::new(), PinFolder::new(), folder());
    let folder = folder.set("pin", json!(pins.path()));
    let mut daemon = folder.start(&wire, &[]);
    let stream = Stream::start(&wire);
    let path = another(&folder);
    daemon.ask(&["order", "install", &path[0], &path[1]]).good();
    states(&daemon, &["in force", "in force"]);
    disk.fill();
    let path = folder.write("r.dsse", &revocation("two", 1));
    let revoked = daemon.ask(&["order", "revoke", path.to_str().unwrap()]);
    assert_eq!(revoked.status, Some(1), "{revoked:?}");
    let said = |words: &str| until(words, || daemon.log().contains(words).then_some(()));
    said("new tables wait, and those in force go on: a generation cannot be written down");
    more_records(&daemon);
    disk.make_room();
    said("the new tables are written down");
    states(&daemon, &["in force", "ended"]);
    more_records(&daemon);
    stream.stop();
    daemon.finish();
}

#[test]
fn a_halt_on_a_full_disk_is_one_and_is_remembered() {
    let (wire, (folder, disk)) = (Wire::new(), folder());
    let mut daemon = folder.start(&wire, &[]);
    let stream = Stream::start(&wire);
    more_records(&daemon);
    disk.fill();
    let asked = Instant::now();
    let said = daemon.ask(&["halt", "--operator", "op"]).good();
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(said.contains("\nremembered: a start begins halted\n"), "{said}");
    assert_selects_nothing(&daemon);
    // On the disk, still full, there is nothing of it but the memory.
    daemon.signal(Signal::KILL);
    daemon.wait();
    let mut daemon = folder.start(&wire, &[]);
    assert_selects_nothing(&daemon);
    assert_eq!(daemon.status().states(), ["halted"]);
    let resume = ["resume", "--operator", "op", "--reason", "over"];
    let refused = daemon.ask(&resume);
    assert_eq!(refused.status, Some(1), "{refused:?}");
    assert!(refused.errors.contains("selection stays halted"), "{refused:?}");
    assert_selects_nothing(&daemon);
    disk.make_room();
    daemon.ask(&resume).good();
    more_records(&daemon);
    stream.stop();
    daemon.signal(Signal::TERM);
    assert!(daemon.wait().success(), "{}", daemon.log());
}

#[test]
fn without_a_daemon_a_change_without_room_changes_nothing() {
    let (wire, (folder, disk)) = (Wire::new(), folder());
    folder.start(&wire, &[]).finish();
    disk.fill();
    let (path, state) = (another(&folder), folder.path("small/state"));
    let install = || {
        let mut command = sekisho_tests::daemon::sekisho();
        command.args(["order", "install", "--state"]).arg(&state).args(&path);
        sekisho_tests::daemon::Answer::of(&mut command)
    };
    let before = std::fs::read(state.join("state.json")).unwrap();
    let refused = install();
    assert_eq!(refused.status, Some(1), "{refused:?}");
    assert!(refused.errors.contains("; nothing has changed"), "{refused:?}");
    assert_eq!(std::fs::read(state.join("state.json")).unwrap(), before);
    disk.make_room();
    install().good();
}
