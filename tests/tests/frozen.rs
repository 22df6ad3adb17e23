//! Deadline and lease in the kernel, with nobody who could still change them: the maps are frozen.
//! Records stop at the one that comes first, by the very nanosecond, and not before (L-TERM).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use controller::compile::{Slotted, compile};
use controller::kernel::clock::boot_time;
use controller::kernel::{KernelTables, Mode, PinRoot, Program, Setup, XdpAttach};
use sekisho_tests::authority::approved;
use sekisho_tests::daemon::order;
use sekisho_tests::frames::layers;
use sekisho_tests::network::{FAR, Wire};
use sekisho_tests::pins::PinFolder;
use sekisho_tests::privilege::require_kernel;
use sekisho_tests::stream::Stream;
use sekisho_tests::wait::{after, until};
use sensor_common::boot_time::BootTime;
use sensor_common::tables::{Slot, Term};

/// From the start to the end of selection: nanoseconds.
const TERM: u64 = 1_500_000_000;

/// How near to the end records go on: nanoseconds.
const NEAR: u64 = 10_000_000;

/// A program whose deadline and lease end this long after now, and then never change.
fn ends_at(deadline_in: u64, lease_in: u64) {
    require_kernel();
    let (wire, pins) = (Wire::new(), PinFolder::new());
    let now = jiff::Timestamp::now();
    let order = approved(&order("one", after(now, -3_600_000), after(now, 3_600_000)));
    let generation = compile(1, &[&layers()], &Slotted::in_turn([&order]), None).unwrap();
    let root = PinRoot::open(pins.path()).unwrap();
    let setup = Setup {
        mode: Mode::Tap,
        ring_bytes: 1 << 20,
        pins: Some(root.of(FAR)),
        ..Setup::default()
    };
    let (mut program, mut records) = Program::set_up(setup).unwrap();
    program.publish(&KernelTables::create(&generation.lines).unwrap()).unwrap();
    let start = boot_time();
    let (deadline, lease) = (start.plus(deadline_in), start.plus(lease_in));
    program.set_term(Slot::new(0), Term { begin: start, end: deadline }).unwrap();
    program.set_lease(lease).unwrap();
    pins.freeze(FAR, "TERMS");
    pins.freeze(FAR, "LEASE");
    assert!(program.set_term(Slot::new(0), Term::ALWAYS).is_err(), "nobody can prolong it");
    assert!(program.set_lease(BootTime::MAX).is_err(), "nobody can prolong it");
    wire.receiver.inside(|| program.attach(FAR, XdpAttach::Native)).unwrap();

    let end = deadline.min(lease);
    let stream = Stream::start(&wire);
    until("some time after the end", || (boot_time() > end.plus(10 * NEAR)).then_some(()));
    let sent = stream.stop().len();
    let mut times = Vec::new();
    while let Some(record) = records.next_record() {
        times.push(record.time);
    }
    times.sort_unstable();
    assert!(times.len() < sent, "packets came after the end too");
    let last = *times.last().expect("records before the end");
    assert!(last < end, "a record {} ns after the end", last.since(end));
    // A machine with other things to do sends nothing for a while.
    let pause = times.windows(2).map(|pair| pair[1].since(pair[0])).max().unwrap_or(0);
    let left = end.since(last);
    assert!(left <= NEAR.max(pause), "the last record {left} ns before the end");
    program.detach().unwrap();
}

#[test]
fn a_deadline_that_nobody_can_change() {
    ends_at(TERM, 10 * TERM);
}

#[test]
fn a_lease_that_nobody_can_change() {
    ends_at(10 * TERM, TERM);
}
