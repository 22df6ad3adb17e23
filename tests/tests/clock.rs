//! L-TERM under a wall clock that is stepped while a daemon runs. The tests set the clock of the
//! machine, so they are left out everywhere but in the virtual machine of `cargo xtask vm-test`, and
//! refuse to run on any other. What is measured is measured by the boot-time clock.

use std::time::Duration;

use controller::kernel::steps::ClockSteps;
use jiff::Timestamp;
use sekisho_tests::daemon::{Daemon, Folder, order};
use sekisho_tests::machine::{WallClock, since_boot};
use sekisho_tests::network::Wire;
use sekisho_tests::selecting::{recorded, selects, selects_nothing, state};
use sekisho_tests::stream::Stream;
use sekisho_tests::wait::{LIMIT, after, until};
use sensor_common::outcome::Outcome::Lapsed;
use serde_json::json;

const SECOND: Duration = Duration::from_secs(1);

/// In seconds.
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

/// A daemon under an order whose term begins and ends so many seconds from now, and its traffic.
fn start(wire: &Wire, begin: i64, end: i64) -> (Daemon, Stream) {
    start_with_lease(wire, begin, end, 10)
}

/// The same with another lease, and so with tables that are made longer ahead.
fn start_with_lease(wire: &Wire, begin: i64, end: i64, lease: i64) -> (Daemon, Stream) {
    let now = Timestamp::now();
    let order = order("one", after(now, begin * 1_000), after(now, end * 1_000));
    let folder = Folder::with_order(&order).set("lease_seconds", json!(lease));
    let daemon = folder.start(wire, &[]);
    (daemon, Stream::start(wire))
}

#[test]
#[ignore = "steps the clock of the machine: runs in `cargo xtask vm-test`"]
fn steps_are_told_at_once_and_each_of_them() {
    let mut clock = WallClock::of_a_test_machine();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let steps = ClockSteps::watch().unwrap();
        for seconds in [1, -1, HOUR, -HOUR] {
            clock.step(seconds);
            tokio::time::timeout(LIMIT, steps.stepped()).await.unwrap().unwrap();
            let quiet = tokio::time::timeout(SECOND / 10, steps.stepped()).await;
            assert!(quiet.is_err(), "one step is told once");
        }
    });
}

#[test]
#[ignore = "steps the clock of the machine: runs in `cargo xtask vm-test`"]
fn a_step_forward_ends_an_order_for_good() {
    let mut clock = WallClock::of_a_test_machine();
    let wire = Wire::new();
    let (mut daemon, stream) = start(&wire, -HOUR, HOUR);
    selects(&daemon);

    clock.step(2 * HOUR);
    let stepped = since_boot();
    state(&daemon, "ended");
    let took = since_boot().saturating_sub(stepped);
    // A tick, and as much again for asking in an emulated machine.
    assert!(took < 2 * SECOND, "{took:?}");
    selects_nothing(&daemon);

    clock.step(-2 * HOUR);
    selects_nothing(&daemon);
    assert_eq!(daemon.status().state(), "ended", "a clock that went back revives nothing");
    stream.stop();
    daemon.finish();
}

#[test]
#[ignore = "steps the clock of the machine: runs in `cargo xtask vm-test`"]
fn a_step_back_prolongs_nothing() {
    let mut clock = WallClock::of_a_test_machine();
    let wire = Wire::new();
    // Long enough for a daemon to start in an emulated machine.
    let (before, length) = (since_boot(), 15);
    let (mut daemon, stream) = start(&wire, -2 * HOUR, length);
    let end = before + Duration::from_secs(length.unsigned_abs());
    selects(&daemon);

    clock.step(-HOUR);
    // Of its term by the wall clock an hour is left now.
    selects(&daemon);
    assert!(since_boot() < end, "the machine is too slow for this test");
    until("the end by the boot-time clock", || (since_boot() >= end + SECOND).then_some(()));
    assert_eq!(daemon.status().state(), "ended");
    selects_nothing(&daemon);

    clock.step(HOUR);
    selects_nothing(&daemon);
    stream.stop();
    daemon.finish();
}

#[test]
#[ignore = "steps the clock of the machine: runs in `cargo xtask vm-test`"]
fn before_its_beginning_an_order_selects_nothing_even_if_it_had_begun() {
    let mut clock = WallClock::of_a_test_machine();
    let wire = Wire::new();
    let (mut daemon, stream) = start(&wire, -MINUTE, HOUR);
    selects(&daemon);

    clock.step(-10 * MINUTE);
    state(&daemon, "waiting");
    selects_nothing(&daemon);
    clock.step(10 * MINUTE);
    state(&daemon, "in force");
    selects(&daemon);
    stream.stop();
    daemon.finish();
}

#[test]
#[ignore = "steps the clock of the machine: runs in `cargo xtask vm-test`"]
fn an_order_that_is_in_the_tables_begins_by_the_clock_as_it_reads_then() {
    let mut clock = WallClock::of_a_test_machine();
    let wire = Wire::new();
    let (before, begin) = (since_boot(), 20);
    let (mut daemon, stream) = start_with_lease(&wire, begin, HOUR, MINUTE);
    // A packet that a rule holds for, outside of its order's term: the tables are there.
    until("the tables", || (daemon.status().count(Lapsed) > 0).then_some(()));

    clock.step(-MINUTE);
    let moment = before + Duration::from_secs(begin.unsigned_abs());
    assert!(since_boot() < moment, "the machine is too slow for this test");
    until("the beginning by the boot-time clock", || (since_boot() >= moment).then_some(()));
    assert_eq!(daemon.status().state(), "waiting");
    selects_nothing(&daemon);
    assert_eq!(recorded(&daemon), 0, "it began by a clock that was set back");

    clock.step(MINUTE);
    state(&daemon, "in force");
    selects(&daemon);
    stream.stop();
    let records = daemon.finish();
    let first = records.first().expect("records");
    assert!(first.packet > 0, "the first packets came before its term");
}
