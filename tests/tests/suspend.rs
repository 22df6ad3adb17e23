//! L-TERM over a machine that is suspended and resumed: time that passes meanwhile counts. The tests
//! suspend the machine, so they are left out everywhere but in the virtual machine of
//! `cargo xtask vm-test`, and refuse to run on any other.

use std::time::Duration;

use jiff::Timestamp;
use sekisho_tests::daemon::{Daemon, Folder, order};
use sekisho_tests::machine::{Power, since_boot};
use sekisho_tests::network::Wire;
use sekisho_tests::selecting::{selects, selects_nothing, state};
use sekisho_tests::stream::Stream;
use sekisho_tests::wait::{after, until};

const SECOND: Duration = Duration::from_secs(1);

/// In milliseconds.
const HOUR: i64 = 3_600_000;

/// How long the machine sleeps, in seconds.
const SLEEP: u64 = 30;

/// A sleep counts in the seconds of the machine's real-time clock.
const SLEPT: Duration = Duration::from_secs(SLEEP - 3);

/// From the start of a daemon to the end of its order, where it ends in the machine's sleep: long
/// enough to start in an emulated machine. In milliseconds.
const LENGTH: i64 = 20_000;

/// Shorter than the sleep by far.
const LEASE: Duration = Duration::from_secs(10);

/// A daemon under an order that ends so many milliseconds from now, and its traffic; and the end.
fn start(wire: &Wire, end: i64) -> (Daemon, Stream, Timestamp) {
    let now = Timestamp::now();
    let end = after(now, end);
    let daemon = Folder::with_order(&order("one", after(now, -HOUR), end)).start(wire, &[]);
    (daemon, Stream::start(wire), end)
}

#[test]
#[ignore = "suspends the machine: runs in `cargo xtask vm-test`"]
fn a_term_ends_while_the_machine_is_suspended() {
    let mut power = Power::of_a_test_machine();
    let wire = Wire::new();
    let (mut daemon, stream, end) = start(&wire, LENGTH);
    selects(&daemon);

    // Whatever is selected after the sleep is selected by the kernel alone.
    daemon.freeze();
    assert!(Timestamp::now() < end, "the machine is too slow for this test");
    let slept = power.suspend(SLEEP);
    assert!(slept >= SLEPT, "it slept for {slept:?}");
    assert!(Timestamp::now() >= end, "it woke too early");
    daemon.thaw();
    state(&daemon, "ended");
    selects_nothing(&daemon);

    stream.stop();
    let records = daemon.finish();
    let late = records.iter().find(|record| record.time >= end);
    assert!(late.is_none(), "{late:?} after {end}");
}

#[test]
#[ignore = "suspends the machine: runs in `cargo xtask vm-test`"]
fn a_lease_ends_while_the_machine_is_suspended_and_is_renewed_after_it() {
    let mut power = Power::of_a_test_machine();
    let wire = Wire::new();
    let (mut daemon, stream, _) = start(&wire, HOUR);
    selects(&daemon);

    daemon.freeze();
    let frozen = since_boot();
    let slept = power.suspend(SLEEP);
    let resumed = Timestamp::now();
    assert!(slept >= SLEPT, "it slept for {slept:?}");
    let awake = since_boot().saturating_sub(frozen + slept);
    assert!(awake + 2 * SECOND < LEASE, "by the time that it was awake the lease would have ended");
    // Nobody can have renewed it, and the kernel goes by the time that has passed.
    let enough = since_boot() + SECOND;
    until("a second of packets", || (since_boot() >= enough).then_some(()));
    let thawed = Timestamp::now();
    daemon.thaw();
    selects(&daemon);
    state(&daemon, "in force");

    stream.stop();
    let records = daemon.finish();
    let without = records.iter().find(|record| record.time >= resumed && record.time < thawed);
    assert!(without.is_none(), "{without:?} without a lease");
}
