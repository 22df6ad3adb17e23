//! A halt in every state of the daemon: dead, stopped, and started anew, judged by the kernel's own
//! counters (L-MIN).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use aya::maps::{Map, MapData, PerCpuArray};
use controller::kernel::clock::boot_time;
use jiff::Timestamp;
use rustix::process::Signal;
use sekisho_tests::daemon::{Answer, Daemon, Folder, order};
use sekisho_tests::network::{FAR, Wire};
use sekisho_tests::pins::PinFolder;
use sekisho_tests::stream::Stream;
use sekisho_tests::wait::{after, until};
use sensor_common::counters::{self, Counters};
use sensor_common::outcome::Outcome;
use serde_json::json;

/// Some packets of a stream.
const SOME: u64 = 200;

/// A sensor with pins, whose lease outlasts every test.
fn folder(pins: &PinFolder) -> Folder {
    let now = Timestamp::now();
    let order = order("one", after(now, -3_600_000), after(now, 3_600_000));
    Folder::with_order(&order).set("pin", json!(pins.path())).set("lease_seconds", json!(60))
}

/// What the kernel has counted, whoever steers it.
fn books(pins: &PinFolder) -> Counters {
    let map = MapData::from_pin(pins.of(FAR).join("COUNTERS")).unwrap();
    let map = PerCpuArray::<_, [u64; counters::WORDS]>::try_from(Map::PerCpuArray(map)).unwrap();
    let mut sum = Counters::default();
    map.get(&0, 0).unwrap().iter().for_each(|words| sum.merge(&Counters::new(*words)));
    sum
}

fn packets(books: &Counters) -> u64 {
    let cells = Outcome::ALL.iter().flat_map(|o| counters::columns().map(move |d| (*o, d)));
    cells.map(|(outcome, direction)| books.packets(outcome, direction)).sum()
}

fn some_more_records(pins: &PinFolder) {
    let goal = books(pins).records() + SOME;
    until("more records", || (books(pins).records() >= goal).then_some(()));
}

/// No packet from now on has a record, or would have had one if there were room.
fn assert_selects_nothing(pins: &PinFolder) {
    let before = books(pins);
    let goal = packets(&before) + SOME;
    let after = until("more packets", || Some(books(pins)).filter(|books| packets(books) >= goal));
    let selected = |books: &Counters| (books.records(), books.lost());
    assert_eq!(selected(&after), selected(&before));
}

fn within_a_second(halt: impl FnOnce() -> Answer) -> String {
    let asked = Instant::now();
    let answer = halt();
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}: {answer:?}");
    answer.good()
}

fn kill(daemon: &mut Daemon) {
    daemon.signal(Signal::KILL);
    daemon.wait();
}

const HALT: [&str; 5] = ["halt", "--operator", "op", "--reason", "a test"];
const RESUME: [&str; 5] = ["resume", "--operator", "op", "--reason", "over"];

#[test]
fn a_dead_daemons_sensor_is_halted_and_stays_so_until_it_is_resumed() {
    for by_socket in [false, true] {
        let (wire, pins) = (Wire::new(), PinFolder::new());
        let folder = folder(&pins);
        let mut daemon = folder.start(&wire, &[]);
        let stream = Stream::start(&wire);
        some_more_records(&pins);
        kill(&mut daemon);
        some_more_records(&pins);
        let said =
            within_a_second(|| if by_socket { daemon.ask(&HALT) } else { folder.command(&HALT) });
        assert_selects_nothing(&pins);
        assert!(said.starts_with("the kernel selects nothing: far (read back)\n"), "{said}");
        assert!(
            said.contains("\nremembered: a start begins halted\nno daemon answers\n"),
            "{said}"
        );

        let mut daemon = folder.start(&wire, &[]);
        assert_selects_nothing(&pins);
        assert_eq!(daemon.status().states(), ["halted"]);
        daemon.ask(&RESUME).good();
        some_more_records(&pins);

        // The same, resumed before a daemon comes.
        kill(&mut daemon);
        within_a_second(|| folder.command(&HALT));
        let said = folder.command(&RESUME).good();
        assert!(said.contains("the kernel is not halted any more: far"), "{said}");
        some_more_records(&pins);
        daemon = folder.start(&wire, &[]);
        some_more_records(&pins);
        stream.stop();
        daemon.finish();
    }
}

#[test]
fn a_daemon_that_was_stopped_does_not_reopen_what_was_halted() {
    for by_socket in [false, true] {
        let (wire, pins) = (Wire::new(), PinFolder::new());
        let folder = folder(&pins);
        let mut daemon = folder.start(&wire, &[]);
        let stream = Stream::start(&wire);
        some_more_records(&pins);
        daemon.freeze();
        let said =
            within_a_second(|| if by_socket { daemon.ask(&HALT) } else { folder.command(&HALT) });
        assert!(said.contains("\nthe daemon does not answer (stopped, or hung)"), "{said}");
        assert_selects_nothing(&pins);
        daemon.thaw();
        assert_selects_nothing(&pins);
        until("the daemon to know", || (daemon.status().states() == ["halted"]).then_some(()));
        assert_selects_nothing(&pins);
        daemon.ask(&RESUME).good();
        some_more_records(&pins);
        stream.stop();
        daemon.finish();
        let events = std::fs::read_to_string(folder.path("state/events.ndjson")).unwrap();
        let halts = events.lines().filter(|line| line.contains("\"halted\"")).count();
        assert_eq!(halts, 1, "{events}");
        assert!(events.contains(r#""operator":"op","uid":0"#), "{events}");
    }
}

/// What a daemon says to a line over its control socket.
fn say(folder: &Folder, line: &str) -> String {
    let mut stream = UnixStream::connect(folder.path("control.sock")).unwrap();
    stream.write_all(line.as_bytes()).unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    answer
}

#[test]
fn a_halt_that_is_read_after_a_later_resumption_does_not_undo_it() {
    let (wire, pins) = (Wire::new(), PinFolder::new());
    let folder = folder(&pins);
    let mut daemon = folder.start(&wire, &[]);
    let stream = Stream::start(&wire);
    some_more_records(&pins);
    let gave_up = boot_time().as_nanos();
    daemon.ask(&HALT).good();
    daemon.ask(&RESUME).good();
    let late = format!("{{\"command\":\"halt\",\"waits_until\":{gave_up}}}\n");
    let answer = say(&folder, &late);
    assert!(answer.contains("selection was resumed after the command"), "{answer}");
    some_more_records(&pins);
    assert_eq!(daemon.status().states(), ["in force"]);

    // One that somebody still waits for counts, and so does one that does not say how long it waits.
    let waited_for = format!("{{\"command\":\"halt\",\"waits_until\":{}}}\n", u64::MAX);
    for line in [waited_for.as_str(), "{\"command\":\"halt\"}\n"] {
        let answer = say(&folder, line);
        assert!(answer.starts_with("{\"done\":"), "{answer}");
        assert_selects_nothing(&pins);
        daemon.ask(&RESUME).good();
        some_more_records(&pins);
    }
    stream.stop();
    daemon.finish();
}

#[test]
fn without_its_memory_a_start_begins_halted() {
    let (wire, pins) = (Wire::new(), PinFolder::new());
    let folder = folder(&pins);
    let mut daemon = folder.start(&wire, &[]);
    let stream = Stream::start(&wire);
    some_more_records(&pins);
    kill(&mut daemon);
    std::fs::remove_file(folder.path("state/halt")).unwrap();
    let mut daemon = folder.start(&wire, &[]);
    assert_selects_nothing(&pins);
    let log = daemon.log();
    assert!(log.contains("the memory of a halt was missing"), "{log}");
    daemon.ask(&RESUME).good();
    some_more_records(&pins);
    stream.stop();
    daemon.finish();
}

#[test]
fn what_is_not_loaded_is_not_said_to_be_halted() {
    let (wire, pins) = (Wire::new(), PinFolder::new());
    let folder = folder(&pins);
    let mut daemon = folder.start(&wire, &[]);
    daemon.finish();
    // The kernel lets go of what nobody holds any more in its own time; until then it is closed as well.
    let said = until("the kernel to let go of the maps", || {
        let said = within_a_second(|| folder.command(&HALT));
        said.starts_with("nothing is loaded: the kernel selects nothing\n").then_some(said)
    });
    assert!(said.contains("remembered: a start begins halted"), "{said}");
    let answer = daemon.ask(&HALT);
    assert_eq!(answer.status, Some(1), "nothing is known there: {answer:?}");
    assert!(answer.errors.contains("selection may go on"), "{answer:?}");
}
