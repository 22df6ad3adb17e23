//! The gate in the kernel: terms, lease and a full ring, with every record and loss counted.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use controller::compile::{Slotted, compile};
use controller::kernel::clock::boot_time;
use controller::kernel::{KernelTables, LifeLog, Mode, Program, Records};
use rustix::thread::{CpuSet, sched_getcpu, sched_setaffinity};
use sekisho_tests::authority::{approved, payload};
use sekisho_tests::frames::{fixtures, layers};
use sekisho_tests::privilege::require_kernel;
use sensor_common::boot_time::BootTime;
use sensor_common::counters::Counters;
use sensor_common::direction::Direction::ForeignToForeign;
use sensor_common::outcome::Outcome;
use sensor_common::tables::{Slot, Term};
use serde_json::json;

const PAGE: u32 = 4_096;
const FOREVER: u64 = u64::MAX;

/// A program under two orders that both hold for the fixture 外外, and that frame.
fn program(mode: Mode) -> (Program, Records, Vec<u8>) {
    require_kernel();
    let (mut program, records) = Program::load(mode, PAGE).unwrap();
    program.publish(&tables(1)).unwrap();
    let frame = fixtures().into_iter().find(|fixture| fixture.name == "外外").unwrap().frame;
    (program, records, frame)
}

/// The tables of those two orders.
fn tables(number: u32) -> KernelTables {
    let sets = json!({"c2": ["198.51.100.7"]});
    let rules = json!([{"id": "r", "source": "c2", "protocol": "tcp"}]);
    let orders =
        ["one", "two"].map(|id| approved(&payload(id, "foreign-to-foreign", &sets, &rules)));
    let slotted = Slotted::in_turn(&orders);
    let generation = compile(number, &[&layers()], &slotted, None).unwrap();
    KernelTables::create(&generation.lines).unwrap()
}

/// Each CPU has its own ring and its own word on things.
fn stay_on_this_cpu() {
    let mut this_cpu = CpuSet::new();
    this_cpu.set(sched_getcpu());
    sched_setaffinity(None, &this_cpu).unwrap();
}

fn sum(program: &Program) -> Counters {
    let mut sum = Counters::default();
    for cpu in program.counters().unwrap() {
        sum.merge(&cpu);
    }
    sum
}

#[test]
fn a_record_needs_term_and_lease() {
    type Terms = [(u64, u64); 2];
    let (mut program, mut records, frame) = program(Mode::Tap);
    let past = boot_time().as_nanos();
    let hour = past + 3_600_000_000_000;
    let [over, now, later] = [(1, past), (past, FOREVER), (hour, FOREVER)];
    // (terms, lease) and the rules that must have a record.
    let cases: [(Terms, u64, &[u32]); 12] = [
        ([(0, 0), (0, 0)], 0, &[]),
        ([now, now], 0, &[]),
        ([now, now], past, &[]),
        ([(0, 0), (0, 0)], FOREVER, &[]),
        ([over, now], FOREVER, &[1]),
        ([now, over], FOREVER, &[0]),
        ([later, now], FOREVER, &[1]),
        ([now, later], FOREVER, &[0]),
        // An end without a beginning, and a beginning without an end.
        ([(0, FOREVER), now], FOREVER, &[1]),
        ([now, (past, 0)], FOREVER, &[0]),
        ([later, over], FOREVER, &[]),
        ([now, now], FOREVER, &[0, 1]),
    ];
    let mut expected = (0, 0);
    for (terms, lease, rules) in cases {
        for (slot, (begin, end)) in (0..).map(Slot::new).zip(terms) {
            let term = Term::from([begin, end]);
            program.set_term(slot, term).unwrap();
            assert_eq!(program.term(slot).unwrap(), term);
        }
        program.set_lease(BootTime::from_nanos(lease)).unwrap();
        program.test_run(&frame, 1).unwrap();
        let now = boot_time().as_nanos();
        let mut seen = Vec::new();
        while let Some(record) = records.next_record() {
            let time = record.time.as_nanos();
            assert!(time >= past && time <= now, "the kernel's clock is ours");
            seen.push(record.rule);
        }
        assert_eq!(seen, rules, "terms {terms:?}, lease {lease}");
        let outcome = if rules.is_empty() { &mut expected.0 } else { &mut expected.1 };
        *outcome += 1;
        let counters = sum(&program);
        assert_eq!(
            [Outcome::Lapsed, Outcome::Recorded]
                .map(|outcome| counters.packets(outcome, Some(ForeignToForeign))),
            [expected.0, expected.1]
        );
    }
}

#[test]
fn no_lease_opens_what_is_halted() {
    let (mut program, mut records, frame) = program(Mode::Tap);
    program.set_term(Slot::new(0), Term::ALWAYS).unwrap();
    program.set_lease(BootTime::MAX).unwrap();
    for halted in [false, true, false] {
        program.set_halted(halted).unwrap();
        // As a controller does that was stopped before a halt and goes on after it.
        program.set_lease(BootTime::MAX).unwrap();
        program.test_run(&frame, 1).unwrap();
        assert_eq!(records.next_record().is_none(), halted);
        assert_eq!(program.is_halted().unwrap(), halted);
    }
}

#[test]
fn a_term_is_narrowed_and_never_widened_by_it() {
    let (mut program, _records, _) = program(Mode::Tap);
    let term = |begin, end| Term::from([begin, end]);
    let slot = Slot::new(63);
    for (before, limit, expected) in [
        (term(10, 20), term(15, 30), term(15, 20)),
        (term(10, 20), term(1, 12), term(10, 12)),
        (term(10, 20), Term::ALWAYS, term(10, 20)),
        (term(10, 20), Term::NEVER, Term::NEVER),
        (Term::NEVER, Term::ALWAYS, Term::NEVER),
    ] {
        program.set_term(slot, before).unwrap();
        program.narrow_term(slot, limit).unwrap();
        assert_eq!(program.term(slot).unwrap(), expected, "{before:?} {limit:?}");
    }
    assert!(program.set_term(Slot::new(64), Term::ALWAYS).is_err(), "there is no such slot");
}

#[test]
fn a_full_ring_loses_records_and_counts_them() {
    stay_on_this_cpu();
    let (mut program, mut records, frame) = program(Mode::Tap);
    program.set_term(Slot::new(0), Term::ALWAYS).unwrap();
    program.set_term(Slot::new(1), Term::ALWAYS).unwrap();
    program.set_lease(BootTime::MAX).unwrap();
    let packets = 100;
    program.test_run(&frame, packets).unwrap();
    let drained = std::iter::from_fn(|| records.next_record()).count() as u64;
    let counters = sum(&program);
    // 64 bytes of record and 8 of the ring's own header.
    assert!(drained > 0 && drained <= u64::from(PAGE) / 72, "{drained}");
    assert_eq!(counters.records(), drained);
    assert_eq!(counters.lost(), u64::from(packets) * 2 - drained);
    let by_outcome = |outcome| counters.packets(outcome, Some(ForeignToForeign));
    assert_eq!(by_outcome(Outcome::Recorded), drained.div_ceil(2));
    assert_eq!(by_outcome(Outcome::Recorded) + by_outcome(Outcome::RingFull), u64::from(packets));
}

#[test]
fn tap_drops_and_inline_passes_every_frame() {
    const XDP_DROP: u32 = 1;
    const XDP_PASS: u32 = 2;
    for (mode, action) in [(Mode::Tap, XDP_DROP), (Mode::Inline, XDP_PASS)] {
        let (mut program, _records, _) = program(mode);
        for lease in [BootTime::ZERO, BootTime::MAX] {
            program.set_lease(lease).unwrap();
            for fixture in fixtures().iter().filter(|fixture| fixture.frame.len() >= 14) {
                let (actual, _) = program.test_run(&fixture.frame, 1).unwrap();
                assert_eq!(actual, action, "{mode:?}: {}", fixture.name);
            }
        }
    }
}

#[test]
fn the_log_is_about_the_program_and_only_where_it_is_asked_for() {
    require_kernel();
    // Each CPU speaks for itself.
    stay_on_this_cpu();
    let (_, _, frame) = program(Mode::Tap);
    for (life_log, expected) in [
        (LifeLog::Off, &[][..]),
        (
            LifeLog::On,
            &[
                "generation 7 judges",
                "outside of a term, or the lease has passed: rules hold, nothing is recorded",
                "records are submitted again",
            ],
        ),
    ] {
        let (mut program, _records) = Program::load_with(Mode::Tap, PAGE, life_log).unwrap();
        program.publish(&tables(7)).unwrap();
        program.set_term(Slot::new(0), Term::ALWAYS).unwrap();
        let mut lines = Vec::new();
        for lease in [BootTime::ZERO, BootTime::MAX] {
            program.set_lease(lease).unwrap();
            program.test_run(&frame, 10).unwrap();
            lines.extend(program.life());
        }
        assert_eq!(lines, expected, "{life_log:?}");
    }
}
