//! The unit as it is shipped, under systemd: the sensor's own user and all of the sandbox, with pins that a
//! daemon leaves to the next, and a halt by whoever is root outside (L-SAFE, L-TERM, L-MIN). It is installed,
//! started, upgraded and removed by the commands of `docs/installing.md`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use controller::daemon::descriptors::WANTED;
use controller::daemon::privilege::RUNNING;
use jiff::Timestamp;
use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::process::{Resource, getrlimit};
use sekisho_tests::daemon::order;
use sekisho_tests::host::Host;
use sekisho_tests::network::Wire;
use sekisho_tests::stream::Stream;
use sekisho_tests::wait::{after, until, until_time};
use sensor_common::outcome::Outcome::{Lapsed, Recorded};

/// Some packets of a stream.
const SOME: u64 = 200;

/// A host on a wire, whose sensor has one order in force and has not been started.
fn host(wire: &Wire, settings: &str) -> Host {
    let now = Timestamp::now();
    Host::boot(wire, &order("one", after(now, -3_600_000), after(now, 3_600_000)), settings)
}

fn selects(host: &Host) {
    let judge = host.judge();
    let goal = judge.verdict().recorded + SOME;
    until("more records", || (judge.verdict().recorded >= goal).then_some(()));
}

/// No packet from now on has a record.
fn selects_nothing(host: &Host) {
    let judge = host.judge();
    let before = judge.verdict();
    let goal = before.packets + SOME;
    let after =
        until("more packets", || Some(judge.verdict()).filter(|verdict| verdict.packets >= goal));
    assert_eq!(after.records, before.records);
}

/// Kills the daemon, without a word to systemd.
fn kill(host: &Host) {
    host.systemctl(&["kill", "--kill-whom=main", "--signal=KILL", "sekisho"]);
}

/// Kills the daemon, and has systemd start no other.
fn kill_for_good(host: &Host) {
    kill(host);
    host.systemctl(&["stop", "sekisho"]);
    assert_eq!(host.daemon(), None);
}

/// Waits until another daemon than this one is ready.
fn another(host: &Host, before: u32) -> u32 {
    until("another daemon", || {
        let state = host.systemctl(&["show", "--property=ActiveState", "--value", "sekisho"]);
        host.daemon().filter(|daemon| *daemon != before && state == "active\n")
    })
}

/// The fields of a process's status.
fn process(id: u32) -> BTreeMap<String, String> {
    let text = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}

#[test]
fn the_daemon_is_confined_and_can_do_all_that_it_must() {
    let wire = Wire::new();
    let host = host(&wire, "");
    let checked = host.run(&["systemd-analyze", "verify", "sekisho.service"]);
    assert_eq!((checked.status, checked.errors.as_str()), (Some(0), ""), "systemd's own opinion");
    host.follow("Starting");
    let daemon = host.daemon().unwrap();

    let process = process(daemon);
    let group = host.run(&["getent", "group", "sekisho"]).good();
    let number = group.split(':').nth(2).unwrap();
    assert_ne!(number, "0");
    assert_eq!(process["Uid"], [number; 4].join("\t"));
    assert_eq!(process["Groups"], number, "of no group but its own");
    assert_eq!(process["CapEff"], format!("{:016x}", RUNNING.bits()));
    assert_eq!(
        (process["CapAmb"].as_str(), process["NoNewPrivs"].as_str()),
        ("0000000000000000", "1")
    );
    assert_eq!(process["Seccomp"], "2");
    let limits = fs::read_to_string(format!("/proc/{daemon}/limits")).unwrap();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    // Who started this test may not be allowed more.
    let expected = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX).min(WANTED);
    assert_eq!(files.split_whitespace().next().unwrap(), expected.to_string());
    // What it may write to, and nothing else that is of the host.
    // (/run is left to permissions by systemd, where ProtectKernelTunables= or the like is set.)
    let places = ["", "etc", "sys", "sys/fs/bpf", "proc/sys", "var/lib"];
    let writable = places.into_iter().chain(["run/bpf/sekisho", "run/sekisho", "var/lib/sekisho"]);
    let writable = writable.filter(|place| {
        let place = format!("/proc/{daemon}/root/{place}");
        !statvfs(place).unwrap().f_flag.contains(StatVfsMountFlags::RDONLY)
    });
    let writable: Vec<&str> = writable.collect();
    assert_eq!(writable, ["run/bpf/sekisho", "run/sekisho", "var/lib/sekisho"]);

    // What it calls later is allowed as well: it is told of interfaces, and attaches again.
    let stream = Stream::start(&wire);
    selects(&host);
    stream.stop();
    wire.sender.ip("link delete near");
    until("word of it", || host.log().contains("far").then_some(()));
    wire.connect();
    until("the program", || wire.has_program().then_some(()));
    let stream = Stream::start(&wire);
    selects(&host);
    stream.stop();
    host.systemctl(&["stop", "sekisho"]);
    assert!(!wire.has_program(), "{}", host.log());
    assert_eq!(host.pins(), None, "nothing is left");

    // Once more, after all was taken away.
    host.systemctl(&["start", "sekisho"]);
    assert!(wire.has_program(), "{}", host.log());
}

#[test]
fn records_are_rotated_and_none_is_missed() {
    let wire = Wire::new();
    let host = host(&wire, "");
    host.follow("Starting");
    let stream = Stream::start(&wire);
    selects(&host);
    host.rotate();
    until("the new file", || host.path("var/lib/sekisho/records.ndjson").exists().then_some(()));
    selects(&host);
    let sent = stream.stop().len();
    host.systemctl(&["stop", "sekisho"]);
    let [before, after] = ["records.ndjson.1", "records.ndjson"].map(|name| host.records(name));
    assert!(!before.is_empty() && !after.is_empty());
    let numbers: Vec<u64> = before.iter().chain(&after).map(|record| record.sequence).collect();
    assert_eq!(numbers, (1..=sent as u64).collect::<Vec<_>>(), "each is in one of the files");
}

#[test]
fn removed_it_leaves_nothing_in_the_kernel() {
    let wire = Wire::new();
    let host = host(&wire, "lease_seconds = 60");
    host.follow("Starting");
    // To unmount what pins are in stops the daemon before.
    host.systemctl(&["stop", "run-bpf-sekisho.mount"]);
    assert_eq!(host.daemon(), None);
    assert!(host.log().lines().last().unwrap().starts_with("sekisho: stopped: "), "{}", host.log());

    host.systemctl(&["start", "sekisho"]);
    kill_for_good(&host);
    assert!(wire.has_program(), "it is attached still");
    host.follow("Removing");
    until("the end of it", || (!wire.has_program()).then_some(()));
    assert_eq!(host.run(&["systemctl", "cat", "sekisho"]).status, Some(1));
    assert!(!host.path("usr/bin/sekisho").exists());
    assert!(host.path("var/lib/sekisho/state/events.ndjson").exists(), "what has to be kept");
}

#[test]
fn systemd_brings_another_daemon_and_no_packet_is_missed() {
    let wire = Wire::new();
    let host = host(&wire, "");
    host.follow("Starting");
    let stream = Stream::start(&wire);
    selects(&host);
    let first = host.daemon().unwrap();
    kill(&host);
    assert!(wire.has_program(), "it stays attached");
    let second = another(&host, first);
    selects(&host);
    host.follow("Upgrading");
    another(&host, second);
    selects(&host);
    let sent = stream.stop().len();
    let books = until("all packets to be judged", || {
        Some(host.status()).filter(|books| books.packets() >= sent as u64)
    });
    assert_eq!(books.count(Recorded), sent as u64, "{books:?}");
    host.systemctl(&["stop", "sekisho"]);
    let records = host.records("records.ndjson");
    let packets: BTreeSet<usize> = records.iter().map(|record| record.packet).collect();
    assert_eq!((records.len(), packets.len()), (sent, sent), "each packet once");
    assert!(!wire.has_program(), "{}", host.log());
}

#[test]
fn without_a_daemon_selection_ends_with_the_lease_and_the_next_one_writes_what_is_left() {
    let wire = Wire::new();
    let lease = 4_000;
    let host = host(&wire, "lease_seconds = 4");
    host.follow("Starting");
    let stream = Stream::start(&wire);
    selects(&host);
    kill_for_good(&host);
    let killed = Timestamp::now();
    let lapsed = after(killed, lease);
    until_time(after(lapsed, 500));
    selects_nothing(&host);
    let restarted = Timestamp::now();
    host.systemctl(&["start", "sekisho"]);
    selects(&host);
    let sent = stream.stop().len() as u64;
    let books = until("all packets to be judged", || {
        Some(host.status()).filter(|books| books.packets() >= sent)
    });
    host.systemctl(&["stop", "sekisho"]);
    let records = host.records("records.ndjson");
    assert_eq!(books.count(Recorded) + books.count(Lapsed), sent, "{books:?}");
    assert_eq!(books.count(Recorded), records.len() as u64, "none is lost, and none comes twice");
    assert!(records.iter().all(|r| r.time < lapsed || r.time >= restarted), "after the lease");
    assert!(
        records.iter().any(|r| r.time >= killed && r.time < lapsed),
        "it ended with the daemon"
    );
}

#[test]
fn root_halts_a_sensor_without_a_daemon_and_is_on_record() {
    let wire = Wire::new();
    let host = host(&wire, "lease_seconds = 60");
    host.follow("Starting");
    let stream = Stream::start(&wire);
    selects(&host);
    kill_for_good(&host);
    selects(&host);
    let said = host.run(&["sekisho", "halt", "--operator", "op", "--reason", "a test"]).good();
    assert!(said.starts_with("the kernel selects nothing: far (read back)\n"), "{said}");
    assert!(said.contains("\nremembered: a start begins halted\n"), "{said}");
    selects_nothing(&host);

    host.systemctl(&["start", "sekisho"]);
    selects_nothing(&host);
    assert_eq!(host.status().states(), ["halted"]);
    // Somebody of the group who logged in as somebody else: the daemon sees both.
    let resume = "echo 4711 > /proc/self/loginuid; exec setpriv --reuid 65534 --regid 65534 --groups \
                  \"$(getent group sekisho | cut -d: -f3)\" sekisho resume --operator op --reason over";
    host.run(&["sh", "-ec", resume]).good();
    selects(&host);
    stream.stop();
    let events = fs::read_to_string(host.path("var/lib/sekisho/state/events.ndjson")).unwrap();
    let resumed = r#""operator":"op","uid":65534,"login_uid":4711,"why":"over""#;
    assert!(events.contains(resumed), "{events}");
}
