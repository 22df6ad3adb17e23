//! The life of orders over real traffic: installed, extended, revoked and halted while `sekisho run`
//! selects, over its restarts, and with its configuration read again (L-APPROVE, L-EXTEND, L-TERM).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rustix::process::Signal;
use sekisho_tests::authority::{approval_revocation, revocation};
use sekisho_tests::daemon::{Books, Daemon, Folder, Line, order};
use sekisho_tests::network::Wire;
use sekisho_tests::stream::{Sent, Stream};
use sekisho_tests::wait::{after, until, until_time};
use sensor_common::outcome::Outcome::{Recorded, Unmatched};
use serde_json::{Value, json};

/// In milliseconds.
const HOUR: i64 = 3_600_000;

/// From now to the moment at which orders meet, in milliseconds: enough for a daemon to start, and to
/// take up another order. A machine that is too slow for it is given more.
const AHEAD: [i64; 3] = [6_000, 20_000, 50_000];

/// How long after a command has returned a packet may still be on its way, in milliseconds.
const NEAR: i64 = 100;

fn in_force(id: &str) -> Value {
    let now = Timestamp::now();
    order(id, after(now, -HOUR), after(now, HOUR))
}

/// The next serial of `one`, under an approval that extends its own.
fn second(begins: Timestamp, ends: Timestamp) -> Value {
    let mut next = order("one", begins, ends);
    next["serial"] = json!(2);
    next["under"] = json!({"id": "longer", "extends": {"id": "one", "serial": 1}});
    next
}

/// Writes a signed order and what it rests on, and has the daemon install both.
fn install(folder: &Folder, daemon: &Daemon, payload: &Value) -> String {
    let [order, basis] = folder.write_order(payload);
    let said = daemon.ask(&["order", "install", &order, &basis]).good();
    said.lines().next().expect("the order's line").to_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

fn status(daemon: &Daemon, what: &str, is: impl Fn(&Books) -> bool) -> Books {
    until(what, || Some(daemon.status()).filter(&is))
}

/// Waits for some more records.
fn more_records(daemon: &Daemon) {
    let goal = daemon.status().count(Recorded) + 50;
    status(daemon, "more records", |books| books.count(Recorded) >= goal);
}

/// The packets that were sent between two moments.
fn between(sent: &[Sent], from: Timestamp, until: Timestamp) -> BTreeSet<usize> {
    let numbered = sent.iter().enumerate();
    let chosen = numbered.filter(|(_, sent)| sent.from >= from && sent.until < until);
    chosen.map(|(number, _)| number).collect()
}

fn packets(records: &[Line]) -> BTreeSet<usize> {
    let packets: BTreeSet<usize> = records.iter().map(|record| record.packet).collect();
    assert_eq!(packets.len(), records.len(), "a packet has two records");
    packets
}

fn assert_none(recorded: &BTreeSet<usize>, sent: &BTreeSet<usize>, when: &str) {
    assert!(!sent.is_empty(), "no packet was sent {when}");
    assert_eq!(recorded.intersection(sent).next(), None, "sent {when}, but recorded");
}

fn assert_all(recorded: &BTreeSet<usize>, sent: &BTreeSet<usize>, when: &str) {
    assert!(!sent.is_empty(), "no packet was sent {when}");
    assert_eq!(sent.difference(recorded).next(), None, "sent {when}, but without a record");
}

fn list(daemon: &Daemon) -> Value {
    let line = daemon.ask(&["order", "list", "--json"]).good();
    serde_json::from_str(&line).expect("a list")
}

#[test]
fn installed_in_force_revoked() {
    let wire = Wire::new();
    let folder = Folder::new(&[]);
    let mut daemon = folder.start(&wire, &[]);
    let stream = Stream::start(&wire);
    status(&daemon, "packets", |books| books.count(Unmatched) > 300);

    let before = Timestamp::now();
    let said = install(&folder, &daemon, &in_force("one"));
    assert!(said.starts_with("order one, serial 1, is in force until "), "{said}");
    let installed = Timestamp::now();
    more_records(&daemon);
    let again = install(&folder, &daemon, &in_force("two"));
    assert!(again.contains("is in force"), "another one beside it: {again}");
    let listed = list(&daemon);
    assert_eq!(listed["orders"][0]["state"], "in force");
    assert!(listed["orders"][0]["records"].as_u64().expect("a number") > 0, "{listed}");
    // One by itself, and one with what it rests on.
    for revocation in [revocation("two", 1), approval_revocation("one", 1)] {
        let path = folder.write("r.dsse", &revocation);
        daemon.ask(&["order", "revoke", text(&path)]).good();
    }
    let revoked = Timestamp::now();
    let books = daemon.status();
    assert_eq!(books.states(), ["ended", "ended"]);
    let goal = books.count(Unmatched) + 100;
    status(&daemon, "packets after it", |books| books.count(Unmatched) >= goal);
    let [order, basis] = folder.write_order(&in_force("one"));
    let refused = daemon.ask(&["order", "install", &order, &basis]);
    assert_eq!(refused.status, Some(3));
    assert!(refused.errors.contains("serial: is 1, but serial 1 of approval one"), "{refused:?}");

    let sent = stream.stop();
    let records = daemon.finish();
    let of_one = records.into_iter().filter(|record| record.order == "one").collect::<Vec<_>>();
    let recorded = packets(&of_one);
    assert_none(&recorded, &between(&sent, Timestamp::MIN, after(before, -NEAR)), "before");
    assert_all(&recorded, &between(&sent, installed, after(installed, 50)), "when it was there");
    assert_none(&recorded, &between(&sent, revoked, Timestamp::MAX), "after it was revoked");
}

#[test]
fn a_higher_serial_under_an_extension_leaves_no_gap_and_names_itself() {
    let wire = Wire::new();
    let now = Timestamp::now();
    let folder = Folder::with_order(&order("one", after(now, -HOUR), after(now, HOUR)));
    let mut daemon = folder.start(&wire, &[]);
    let stream = Stream::start(&wire);
    status(&daemon, "records", |books| books.count(Recorded) > 50);

    let begins = after(Timestamp::now(), 3_000);
    let longer = second(begins, after(begins, 2 * HOUR));
    let said = install(&folder, &daemon, &longer);
    assert!(Timestamp::now() < begins, "the machine is too slow for this test");
    assert!(said.contains("waits until"), "{said}");
    assert_eq!(daemon.status().states(), ["in force", "waiting"]);
    until_time(begins);
    status(&daemon, "the extension", |books| books.states() == ["ended", "in force"]);
    more_records(&daemon);
    assert_eq!(list(&daemon)["orders"][0]["reason"], "superseded");

    let sent = stream.stop();
    let all = sent.len() as u64;
    status(&daemon, "all packets", |books| books.packets() >= all);
    let books = daemon.status();
    let mut records = daemon.finish();
    let recorded = packets(&records);
    assert_eq!(recorded.len(), sent.len(), "every packet has one record: {books:?}");
    // In the file they stand as the rings were read, CPU after CPU.
    records.sort_by_key(|record| record.time);
    let mut serials: Vec<u64> = records.iter().map(|record| record.serial).collect();
    serials.dedup();
    assert_eq!(serials, [1, 2], "one after the other");
    let first = records.iter().find(|record| record.serial == 2).expect("a record");
    assert!(first.time >= begins, "it is named before its term");
}

/// Starts a daemon under an order and has it take up another one, which begins when the first one ends:
/// that moment, still ahead.
fn start_before_they_meet(wire: &Wire) -> (Timestamp, Daemon) {
    for ahead in AHEAD {
        let now = Timestamp::now();
        let meet = after(now, ahead);
        let folder = Folder::with_order(&order("one", after(now, -HOUR), meet));
        // Tables are made one lease ahead.
        let folder = folder.set("lease_seconds", json!(60)).set("life_log", json!(true));
        let daemon = folder.start(wire, &[]);
        if Timestamp::now() >= after(meet, -ahead / 2) {
            continue;
        }
        let next = second(meet, after(meet, HOUR));
        let said = install(&folder, &daemon, &next);
        if Timestamp::now() < after(meet, -ahead / 3) {
            assert!(said.contains("waits until"), "{said}");
            return (meet, daemon);
        }
    }
    panic!("the daemon takes too long to start");
}

#[test]
fn what_begins_when_the_order_before_it_ends_leaves_no_gap() {
    let wire = Wire::new();
    let (meet, mut daemon) = start_before_they_meet(&wire);
    let stream = Stream::start(&wire);
    status(&daemon, "records", |books| books.count(Recorded) > 50);
    // Ready ahead of its term, and still waiting for it.
    until("both in the tables", || daemon.log().contains("generation 2 judges").then_some(()));
    assert_eq!(daemon.status().states(), ["in force", "waiting"]);
    // The kernel does it by itself: the daemon stands still all the while.
    daemon.freeze();
    assert!(Timestamp::now() < meet, "the machine is too slow for this test");
    until_time(after(meet, 500));
    daemon.thaw();
    status(&daemon, "the extension", |books| books.states() == ["ended", "in force"]);
    more_records(&daemon);

    let sent = stream.stop();
    let all = sent.len() as u64;
    let books = status(&daemon, "all packets", |books| books.packets() >= all);
    let mut records = daemon.finish();
    let recorded = packets(&records);
    assert_eq!(recorded.len(), sent.len(), "every packet has one record: {books:?}");
    // In the file they stand as the rings were read, CPU after CPU.
    records.sort_by_key(|record| record.time);
    let mut serials: Vec<u64> = records.iter().map(|record| record.serial).collect();
    serials.dedup();
    assert_eq!(serials, [1, 2], "one after the other");
    for record in &records {
        // The kernel's clock is not the wall clock.
        if record.time.duration_since(meet).abs() > SignedDuration::from_micros(50) {
            let expected = if record.time < meet { 1 } else { 2 };
            assert_eq!(record.serial, expected, "{record:?}, and they meet at {meet}");
        }
    }
    let near = |serial: u64| {
        let times =
            records.iter().filter(|record| record.serial == serial).map(|record| record.time);
        times.map(|time| time.duration_since(meet).as_millis().abs()).min().expect("a record")
    };
    let pauses = records.windows(2).map(|pair| pair[0].time.duration_until(pair[1].time));
    let pause = pauses.map(|pause| pause.as_millis()).max().expect("records") + 1;
    assert!(near(1) <= pause && near(2) <= pause, "within {pause} ms of {meet}");
}

#[test]
fn a_halt_takes_less_than_a_second_and_lasts() {
    let wire = Wire::new();
    let folder = Folder::with_order(&in_force("one"));
    let mut daemon = folder.start(&wire, &[]);
    let stream = Stream::start(&wire);
    more_records(&daemon);

    // While a large order is verified and compiled.
    let [large, basis] = folder.write_order(&large_order());
    let mut installing = daemon.begin(&["order", "install", &large, &basis]);
    let asked = Instant::now();
    let said = daemon.ask(&["halt", "--operator", "op", "--reason", "a test"]).good();
    let (took, halted) = (asked.elapsed(), Timestamp::now());
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(said.starts_with("the kernel selects nothing: far (read back)\n"), "{said}");
    assert!(said.contains("\nall selection is halted, by uid "), "{said}");
    assert!(installing.wait().expect("our own child").success());
    assert_eq!(daemon.status().states(), ["halted", "halted"]);
    let goal = daemon.status().packets() + 200;
    status(&daemon, "packets", |books| books.packets() >= goal);

    // Not even a restart ends it.
    let first = daemon.finish();
    fs::remove_file(folder.path("records.ndjson")).expect("files can be removed");
    let mut daemon = folder.start(&wire, &[]);
    let goal = daemon.status().packets() + 200;
    status(&daemon, "packets", |books| books.packets() >= goal);
    let table = daemon.ask(&["order", "list"]).good();
    assert!(table.starts_with("ALL SELECTION IS HALTED since "), "{table}");
    let resuming = Timestamp::now();
    assert_eq!(daemon.ask(&["resume"]).status, Some(2), "somebody must say so");
    daemon.ask(&["resume", "--operator", "op", "--reason", "over"]).good();
    more_records(&daemon);

    let sent = stream.stop();
    let records = daemon.finish();
    assert_eq!(first.iter().filter(|record| record.time > halted).count(), 0);
    let recorded = packets(&records);
    assert_none(&recorded, &between(&sent, halted, after(resuming, -NEAR)), "in the halt");
    let state = fs::read_to_string(folder.path("state/state.json")).expect("the state");
    let state: Value = serde_json::from_str(&state).expect("the state");
    let matched = state["orders"][0]["matched"].as_object().expect("a rule or more");
    assert!(matched.values().any(Value::is_string), "a rule has selected: {matched:?}");
    let events = fs::read_to_string(folder.path("state/events.ndjson")).expect("the audit file");
    for event in ["created", "installed", "in-force", "halted", "resumed"] {
        assert!(events.contains(&format!("\"event\":\"{event}\"")), "{event}: {events}");
    }
}

/// An order over a hundred thousand addresses.
fn large_order() -> Value {
    let mut plan = in_force("large");
    let many = (0..100_000_u32).map(|n| std::net::Ipv4Addr::from(0x0b00_0000 + n).to_string());
    plan["address_sets"]["many"] = many.collect();
    plan["rules"][0]["source"] = json!("many");
    plan
}

#[test]
fn a_halt_without_a_daemon_is_found_at_the_start() {
    let wire = Wire::new();
    let folder = Folder::with_order(&in_force("one"));
    folder.start(&wire, &[]).finish();
    folder.command(&["halt"]).good();
    let mut daemon = folder.start(&wire, &[]);
    let stream = Stream::start(&wire);
    status(&daemon, "packets", |books| books.packets() > 200);
    let books = daemon.status();
    assert_eq!((books.states(), books.count(Recorded)), (vec!["halted"], 0));
    let held = folder.command(&["resume", "--operator", "op", "--reason", "over"]);
    assert_eq!(held.status, Some(1));
    assert!(held.errors.contains("a running sekisho has this state"), "{held:?}");
    stream.stop();
    // Those before the halt had no packet.
    assert_eq!(daemon.finish().len(), 0);
}

#[test]
fn orders_survive_a_kill_and_an_old_copy_does_not() {
    let wire = Wire::new();
    let folder = Folder::new(&[]);
    let mut daemon = folder.start(&wire, &[]);
    install(&folder, &daemon, &in_force("one"));
    let state = folder.path("state/state.json");
    let old = fs::read(&state).expect("a state");
    let path = folder.write("r.dsse", &revocation("two", 1));
    daemon.ask(&["order", "revoke", text(&path)]).good();
    daemon.signal(Signal::KILL);
    daemon.wait();

    let mut daemon = folder.start(&wire, &[]);
    assert_eq!(daemon.status().state(), "in force");
    let stream = Stream::start(&wire);
    more_records(&daemon);
    stream.stop();
    let [two, basis] = folder.write_order(&in_force("two"));
    let refused = daemon.ask(&["order", "install", &two, &basis]);
    assert!(refused.errors.contains("is revoked up to serial 1"), "{refused:?}");
    daemon.finish();

    let new = fs::read(&state).expect("a state");
    fs::write(&state, old).expect("files can be written");
    let (code, words) = folder.refusal(&wire);
    assert_eq!(code, Some(3), "{words}");
    assert!(words.contains("an older copy was put in its place [L-EXTEND]"), "{words}");
    assert!(!wire.has_program());
    fs::write(&state, new).expect("files can be written");
    folder.start(&wire, &[]).finish();
}

#[test]
fn a_configuration_is_read_again_whole_or_not_at_all() {
    let wire = Wire::new();
    let mut folder = Folder::with_order(&in_force("one"));
    let mut daemon = folder.start(&wire, &[]);
    let stream = Stream::start(&wire);
    more_records(&daemon);

    // The sender's country joins the others: nothing is foreign to foreign any more. But the
    // sensor's name is not what can change.
    folder.write("domestic.txt", "203.0.113.0/24\n198.51.100.0/24\n");
    folder.write("foreign.txt", "192.0.2.0/24\n");
    folder = folder.set("sensor", json!("another-name")).set("ring_bytes", json!(1 << 16));
    folder.configure();
    let refused = daemon.ask(&["reload"]);
    assert_eq!(refused.status, Some(3));
    for key in ["sensor", "ring_bytes"] {
        let words = format!("sekisho.toml: {key}: has changed, which takes a restart");
        assert!(refused.errors.contains(&words), "{refused:?}");
    }
    assert_eq!(refused.errors.lines().count(), 2, "{refused:?}");
    more_records(&daemon);

    let order = folder.write_order(&in_force("two"));
    folder = folder.set("sensor", json!("test-gw-a")).set("ring_bytes", json!(1 << 20));
    folder = folder.set("orders", json!(order));
    folder.configure();
    let said = daemon.ask(&["reload"]).good();
    assert!(said.contains("order two, serial 1, is installed"), "{said}");
    until("the new direction", || {
        let before = daemon.status();
        let goal = before.packets() + 50;
        let later = status(&daemon, "packets", |books| books.packets() >= goal);
        (later.records() == before.records()).then_some(())
    });
    assert_eq!(daemon.status().states().len(), 2);

    // And back, by a signal.
    folder.write("domestic.txt", "203.0.113.0/24\n");
    folder.write("foreign.txt", "198.51.100.0/24\n192.0.2.0/24\n");
    daemon.signal(Signal::HUP);
    more_records(&daemon);
    stream.stop();
    daemon.finish();
}

/// What an insider could do without any signature: lists by which much of the world is foreign.
#[test]
fn a_large_change_of_direction_has_to_be_asked_for() {
    let wire = Wire::new();
    let folder = Folder::with_order(&in_force("one"));
    let mut daemon = folder.start(&wire, &[]);
    assert!(daemon.log().contains("; nothing to compare it with"), "{}", daemon.log());
    let stream = Stream::start(&wire);
    more_records(&daemon);
    let direction = |daemon: &Daemon| daemon.status().direction();
    let before = direction(&daemon);
    assert_eq!(before["default"], "unclassified");
    assert_eq!(before["prefixes"]["ipv4"]["foreign"], 2);

    let foreign = "198.51.100.0/24\n192.0.2.0/24\n20.0.0.0/8\n";
    folder.write("foreign.txt", foreign);
    let refused = daemon.ask(&["reload"]);
    let words = "direction: moves 16777216 IPv4 addresses from unclassified to foreign (0.3906 %), \
                 more than a thousandth of the address space; if that is meant, say --accept-change \
                 [L-DIR]";
    assert_eq!((refused.status, refused.errors.lines().count()), (Some(3), 1), "{refused:?}");
    assert!(refused.errors.contains(words), "{refused:?}");
    assert_eq!(direction(&daemon), before);
    // A signal says nothing of what is meant.
    daemon.signal(Signal::HUP);
    until("the signal's refusal", || {
        let refusals = daemon.log().matches("not reloaded: ").count();
        (refusals == 2).then_some(())
    });
    more_records(&daemon);

    let said = daemon.ask(&["reload", "--accept-change"]).good();
    let moved =
        "16777216 IPv4 addresses from unclassified to foreign (0.3906 %), which was accepted";
    assert!(said.contains(moved), "{said}");
    let after = until("the new direction", || {
        let after = direction(&daemon);
        (after != before).then_some(after)
    });
    assert_eq!(after["change"]["compared"]["accepted"], true);
    stream.stop();
    daemon.finish();

    // The same at a start, against what was last in force.
    let mut daemon = folder.start(&wire, &[]);
    assert!(daemon.log().contains("; moved between classes: no address\n"), "{}", daemon.log());
    assert_eq!(direction(&daemon)["sha256"], after["sha256"]);
    daemon.finish();
    folder.write("foreign.txt", "198.51.100.0/24\n192.0.2.0/24\n");
    let (status, log) = folder.refusal(&wire);
    assert_eq!((status, log.lines().count()), (Some(3), 1), "{log}");
    assert!(log.contains("16777216 IPv4 addresses from foreign to unclassified"), "{log}");
    let mut daemon = folder.start(&wire, &["--accept-change"]);
    assert_eq!(direction(&daemon)["change"]["compared"]["accepted"], true);
    daemon.finish();
    let events = folder.command(&["audit", "list"]).good();
    assert_eq!(events.matches("\"accepted\":true").count(), 2, "{events}");
}
