//! A sensor that outlives its daemon, by pins: nothing is lost and nothing comes twice when a daemon
//! hands over or is killed, selection ends with the lease if none comes, and nothing is left where
//! nothing is to be left (L-TERM).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::net::UdpSocket;

use aya::maps::MapData;
use controller::kernel::{Ring, RingPosition};
use jiff::Timestamp;
use rustix::process::Signal;
use sekisho_tests::authority::revocation;
use sekisho_tests::daemon::{Daemon, Folder, Line, order};
use sekisho_tests::network::{FAR, RECEIVER, SENDER, Wire};
use sekisho_tests::pins::PinFolder;
use sekisho_tests::stream::{FIRST_PORT, Stream};
use sekisho_tests::wait::{after, until, until_time};
use sensor_common::outcome::Outcome::{Lapsed, Recorded, Unmatched};
use serde_json::{Value, json};

/// Some packets of a stream.
const SOME: u64 = 200;

fn in_force() -> Value {
    let now = Timestamp::now();
    order("one", after(now, -3_600_000), after(now, 3_600_000))
}

/// A folder for a sensor with these pins.
fn folder(order: &Value, pins: &PinFolder) -> Folder {
    Folder::with_order(order).set("pin", json!(pins.path())).set("state", json!("state"))
}

/// Waits until the daemon's sensor has recorded some packets more than now.
fn some_more(daemon: &Daemon) {
    let goal = daemon.status().count(Recorded) + SOME;
    until("more records", || (daemon.status().count(Recorded) >= goal).then_some(()));
}

/// Sends packets to the first port of a stream.
fn send(wire: &Wire, packets: usize) {
    let socket = wire.sender.inside(|| UdpSocket::bind((SENDER, 0)).unwrap());
    (0..packets)
        .for_each(|_| assert_eq!(socket.send_to(b"hello", (RECEIVER, FIRST_PORT)).unwrap(), 5));
}

fn kill(daemon: &mut Daemon) {
    daemon.signal(Signal::KILL);
    daemon.wait();
}

#[test]
fn every_packet_is_recorded_once_whoever_comes_and_goes() {
    let (wire, pins) = (Wire::new(), PinFolder::new());
    // As long as can be: the next daemon is to be there in time, in an emulated machine that others slow down, too.
    let folder = folder(&in_force(), &pins).set("lease_seconds", json!(60));
    let mut daemon = folder.start(&wire, &[]);
    let stream = Stream::start(&wire);
    some_more(&daemon);
    for round in 0..6 {
        if round % 2 == 0 {
            daemon.signal(Signal::USR2);
            let status = daemon.wait();
            assert!(status.success(), "{status}: {}", daemon.log());
        } else {
            kill(&mut daemon);
        }
        assert!(wire.has_program(), "it stays attached");
        daemon = folder.start(&wire, &[]);
        some_more(&daemon);
    }
    let sent = stream.stop().len();
    let books = until("all packets to be judged", || {
        Some(daemon.status()).filter(|books| books.packets() >= sent as u64)
    });
    // The counters are the sensor's, not the daemon's.
    assert_eq!(books.count(Recorded), sent as u64, "{books:?}");
    // Numbered without gaps, over all daemons.
    let records = daemon.finish();
    let packets: Vec<usize> = records.iter().map(|record| record.packet).collect();
    let distinct: BTreeSet<usize> = packets.iter().copied().collect();
    assert_eq!((packets.len(), distinct.len()), (sent, sent), "each packet once");
    assert!(!wire.has_program() && !pins.path().exists(), "a daemon that stops leaves nothing");
}

#[test]
fn an_order_that_ended_meanwhile_is_not_gone_on_with() {
    let (wire, pins) = (Wire::new(), PinFolder::new());
    let before = folder(&in_force(), &pins);
    let mut daemon = before.start(&wire, &[]);
    send(&wire, 3);
    until("three records", || (daemon.records().len() == 3).then_some(()));
    kill(&mut daemon);
    // It is judged by the tables that are in the kernel, until the next daemon is there.
    send(&wire, 4);
    let id = in_force()["order_id"].as_str().unwrap().to_owned();
    let path = before.write("r.dsse", &revocation(&id, 1));
    before.command(&["order", "revoke", path.to_str().unwrap()]).good();
    let mut daemon = before.start(&wire, &[]);
    send(&wire, 5);
    let books = until("all packets", || Some(daemon.status()).filter(|b| b.packets() == 12));
    assert_eq!((books.count(Recorded), books.count(Unmatched)), (7, 5), "{books:?}");
    // It was revoked as of years ago, so no record may be made of them; but they were selected.
    assert_eq!(daemon.finish().len(), 3);
    let aside = daemon.lines("state/set-aside.ndjson");
    assert_eq!(aside.len(), 4);
    assert!(aside.iter().all(|line| line.contains(r#""reason":"term""#)), "{aside:?}");
}

#[test]
fn without_a_daemon_selection_ends_with_the_lease() {
    let (wire, pins) = (Wire::new(), PinFolder::new());
    let lease = 2_000;
    let folder = folder(&in_force(), &pins).set("lease_seconds", json!(2));
    let mut daemon = folder.start(&wire, &[]);
    let stream = Stream::start(&wire);
    some_more(&daemon);
    kill(&mut daemon);
    let killed = Timestamp::now();
    let lapsed = after(killed, lease);
    until_time(after(lapsed, 1_000));
    let restarted = Timestamp::now();
    let mut daemon = folder.start(&wire, &[]);
    some_more(&daemon);

    let sent = stream.stop();
    let books = until("all packets to be judged", || {
        Some(daemon.status()).filter(|books| books.packets() >= sent.len() as u64)
    });
    let records = daemon.finish();
    assert_eq!(books.count(Recorded) + books.count(Lapsed), sent.len() as u64, "{books:?}");
    assert_eq!(books.count(Recorded), records.len() as u64);
    let unlawful: Vec<_> =
        records.iter().filter(|r| r.time >= lapsed && r.time < restarted).collect();
    assert!(unlawful.is_empty(), "{unlawful:?}");
    let outlasted = records.iter().any(|r| r.time >= killed && r.time < lapsed);
    assert!(outlasted, "the lease ended with the daemon");
    let packets: BTreeSet<usize> = records.iter().map(|record| record.packet).collect();
    assert_eq!(packets.len(), records.len(), "none twice");
}

#[test]
fn a_daemon_that_cannot_write_leaves_its_records_to_the_next() {
    let (wire, pins) = (Wire::new(), PinFolder::new());
    let folder = folder(&in_force(), &pins);
    let mut daemon = folder.clone().set("output", json!("/dev/full")).start(&wire, &[]);
    send(&wire, 1);
    let trouble = || daemon.log().contains("/dev/full: No space left on device").then_some(());
    until("trouble", trouble);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(1), "{}", daemon.log());
    let words = " 1 records, 0 written, 0 lost, 1 not written (left in the rings), 0 set aside\n";
    assert!(daemon.log().contains(words), "{}", daemon.log());
    assert!(!wire.has_program(), "nothing is selected that cannot be kept");
    let mut daemon = folder.start(&wire, &[]);
    until("the record", || (daemon.records().len() == 1).then_some(()));
    assert_eq!(daemon.finish().len(), 1);
    assert!(!pins.path().exists());
}

/// A daemon that is killed after it has written one batch of three records, and before it has given
/// back their room in the rings.
fn killed_after_writing(wire: &Wire, pins: &PinFolder) -> (Folder, Daemon) {
    let folder = folder(&in_force(), pins);
    let mut daemon = folder.start(wire, &[]);
    daemon.freeze();
    send(wire, 3);
    daemon.thaw();
    until("the records", || (daemon.records().len() == 3).then_some(()));
    kill(&mut daemon);
    for entry in fs::read_dir(pins.of(FAR)).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with("ring-") {
            let ring = Ring::open(MapData::from_pin(&path).unwrap()).unwrap();
            ring.room().release(RingPosition::default());
        }
    }
    (folder, daemon)
}

#[test]
fn a_batch_that_is_in_the_file_does_not_come_twice() {
    let (wire, pins) = (Wire::new(), PinFolder::new());
    let (folder, _killed) = killed_after_writing(&wire, &pins);
    let mut daemon = folder.start(&wire, &[]);
    send(&wire, 2);
    until("the new records", || (daemon.records().len() >= 5).then_some(()));
    assert_eq!(daemon.finish().len(), 5);
}

#[test]
fn a_batch_of_which_the_file_has_a_part_is_written_once_more() {
    let (wire, pins) = (Wire::new(), PinFolder::new());
    let (folder, killed) = killed_after_writing(&wire, &pins);
    let whole = killed.output();
    // In the middle of the last line.
    fs::write(killed.output_path(), &whole[..whole.len() - 20]).unwrap();
    let mut daemon = folder.start(&wire, &[]);
    until("the records", || (daemon.records().len() >= 3).then_some(()));
    assert_eq!(daemon.finish().len(), 3, "the part that was there is not");
}

#[test]
fn what_was_read_but_not_written_is_not_lost() {
    let (wire, pins) = (Wire::new(), PinFolder::new());
    let folder = folder(&in_force(), &pins);
    let (stalled, mut reader) = folder.clone().with_pipe();
    let mut daemon = stalled.start(&wire, &[]);
    // Far more than a pipe holds: the rest is somewhere on the way.
    send(&wire, 1_000);
    until("all packets", || (daemon.status().count(Recorded) == 1_000).then_some(()));
    kill(&mut daemon);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    // Nothing, if it was killed before its first batch.
    let (whole, _) = text.rsplit_once('\n').unwrap_or_default();
    let in_pipe = Line::read_all(whole);
    assert!(in_pipe.len() < 1_000, "some were on the way");

    let mut daemon = folder.start(&wire, &[]);
    let in_either = || {
        let both = in_pipe.iter().cloned().chain(daemon.records());
        both.map(|record| record.sequence).collect::<BTreeSet<u64>>()
    };
    until("the records", || (in_either().len() == 1_000).then_some(()));
    assert_eq!(in_either().last(), Some(&1_000), "the numbers go on");
    daemon.signal(Signal::TERM);
    assert!(daemon.wait().success());
}

#[test]
fn pins_of_another_version_are_not_read_but_replaced() {
    let (wire, pins) = (Wire::new(), PinFolder::new());
    let folder = folder(&in_force(), &pins);
    let mut daemon = folder.start(&wire, &[]);
    daemon.freeze();
    send(&wire, 5);
    kill(&mut daemon);
    let version = pins.of(FAR).parent().unwrap().to_owned();
    let other = version.with_file_name("v0");
    fs::rename(&version, &other).unwrap();

    // The attachment is taken over: two cannot be had.
    let mut daemon = folder.start(&wire, &[]);
    let words = "far: 5 records that a sekisho of another version had not written are lost\n";
    assert!(daemon.log().contains(words), "{}", daemon.log());
    assert!(!other.join(FAR).exists());
    send(&wire, 2);
    let books = until("its packets", || Some(daemon.status()).filter(|b| b.packets() >= 2));
    assert_eq!((books.packets(), books.count(Recorded)), (2, 2), "counters of its own");
    assert_eq!(daemon.finish().len(), 2);
    assert!(!wire.has_program() && !pins.path().exists());
}

#[test]
fn an_interface_that_is_not_the_sensors_any_more_is_let_go() {
    let (wire, pins) = (Wire::new(), PinFolder::new());
    let folder = folder(&in_force(), &pins).set("xdp", json!("generic"));
    let mut daemon = folder.clone().set("interfaces", json!([FAR, "lo"])).start(&wire, &[]);
    daemon.freeze();
    send(&wire, 3);
    kill(&mut daemon);
    assert!(wire.has_program());
    let mut daemon = folder.set("interfaces", json!(["lo"])).start(&wire, &[]);
    assert!(!wire.has_program(), "it is detached");
    send(&wire, 2);
    until("the records that were left", || (daemon.records().len() == 3).then_some(()));
    assert_eq!(daemon.finish().len(), 3);
    assert!(!pins.path().exists());
}

#[test]
fn pins_without_names_are_not_gone_on_with() {
    let (wire, pins) = (Wire::new(), PinFolder::new());
    let folder = folder(&in_force(), &pins);
    let mut daemon = folder.start(&wire, &[]);
    daemon.freeze();
    send(&wire, 2);
    kill(&mut daemon);
    fs::remove_file(folder.path("state/generations/1.json")).unwrap();
    // What nobody can name is no record; it is not thrown away, and no reason not to start.
    let mut daemon = folder.start(&wire, &[]);
    assert!(daemon.log().contains("generations: has no generation"), "{}", daemon.log());
    send(&wire, 1);
    until("a record", || (daemon.records().len() == 1).then_some(()));
    assert_eq!(daemon.finish().len(), 1);
    let aside = daemon.lines("state/set-aside.ndjson");
    assert_eq!(aside.len(), 2, "{aside:?}");
    assert!(aside.iter().all(|line| line.contains(r#""reason":"generation""#)), "{aside:?}");
}

#[test]
fn one_sensor_has_one_daemon_and_pins_where_pins_can_be() {
    let (wire, pins) = (Wire::new(), PinFolder::new());
    let sensor = folder(&in_force(), &pins);
    let _daemon = sensor.start(&wire, &[]);
    let another = Folder::with_order(&in_force()).set("pin", json!(pins.path()));
    let (code, words) = another.clone().set("state", json!("state")).refusal(&wire);
    assert_eq!((code, words.lines().count()), (Some(1), 1), "{words}");
    assert!(words.contains("another sekisho has it"), "{words}");
    let (code, words) = another.set("state", json!("s")).set("pin", json!("pins")).refusal(&wire);
    assert_eq!((code, words.lines().count()), (Some(1), 1), "{words}");
    assert!(words.contains("is not on a BPF file system"), "{words}");
}

#[test]
fn a_daemon_whose_maps_were_frozen_ends() {
    let (wire, pins) = (Wire::new(), PinFolder::new());
    let mut daemon = folder(&in_force(), &pins).start(&wire, &[]);
    let stream = Stream::start(&wire);
    some_more(&daemon);
    pins.freeze(FAR, "LEASE");
    pins.freeze(FAR, "TERMS");
    assert_eq!(daemon.wait().code(), Some(1), "{}", daemon.log());
    assert!(!wire.has_program(), "what cannot be closed is detached");
    let ended = Timestamp::now();
    stream.stop();
    assert!(daemon.records().iter().all(|record| record.time <= ended));
}
