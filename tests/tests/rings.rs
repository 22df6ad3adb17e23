//! The rings: one for each CPU, none in the way of another, with every record and every loss in the
//! books; and who is woken when.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};
use std::sync::Barrier;

use controller::compile::{Slotted, compile};
use controller::kernel::{KernelTables, Mode, Program, Records, Ring};
use rustix::event::{Timespec, epoll};
use rustix::thread::{CpuSet, sched_setaffinity};
use sekisho_tests::authority::{approved, payload};
use sekisho_tests::frames::{fixtures, layers};
use sekisho_tests::privilege::require_kernel;
use sensor_common::boot_time::BootTime;
use sensor_common::counters::Counters;
use sensor_common::record::Record;
use sensor_common::tables::{Slot, Term};
use serde_json::json;

/// What a record takes of a ring.
const IN_RING: u32 = 72;

const PAGE: u32 = 4_096;

/// A program with an open gate, and a frame of which each run gives a record.
fn program(ring_bytes: u32) -> (Program, Records, Vec<u8>) {
    require_kernel();
    let sets = json!({"c2": ["198.51.100.7"]});
    let rules = json!([{"id": "r", "source": "c2", "protocol": "tcp"}]);
    let mut order = payload("one", "foreign-to-foreign", &sets, &rules);
    // More than any processor sends: it is the rings that are to overflow, not the share.
    order["facility"]["capacity_bps"] = json!(4_000_000_000_000_u64);
    let order = approved(&order);
    let generation = compile(1, &[&layers()], &Slotted::in_turn([&order]), None).unwrap();
    let (mut program, records) = Program::load(Mode::Tap, ring_bytes).unwrap();
    program.publish(&KernelTables::create(&generation.lines).unwrap()).unwrap();
    program.set_term(Slot::new(0), Term::ALWAYS).unwrap();
    program.set_lease(BootTime::MAX).unwrap();
    let frame = fixtures().into_iter().find(|fixture| fixture.name == "外外").unwrap().frame;
    (program, records, frame)
}

/// Keeps this thread on one CPU.
fn pin(cpu: u32) {
    let mut set = CpuSet::new();
    set.set(cpu as usize);
    sched_setaffinity(None, &set).unwrap();
}

/// Runs the program on one CPU.
fn run_on(cpu: u32, program: &Program, frame: &[u8], packets: u32) {
    let run = || {
        pin(cpu);
        program.test_run(frame, packets).unwrap();
    };
    std::thread::scope(|scope| scope.spawn(run).join()).unwrap();
}

fn take_all(ring: &mut Ring) -> Vec<Record> {
    let records: Vec<Record> = std::iter::from_fn(|| ring.next_record()).collect();
    ring.room().release(ring.position());
    records
}

/// The counters of one CPU.
fn books(program: &Program, cpu: u32) -> Counters {
    program.counters().unwrap()[cpu as usize]
}

#[test]
fn a_record_comes_out_of_the_ring_of_its_cpu() {
    let (program, records, frame) = program(PAGE);
    let mut rings = records.into_rings();
    for position in 0..rings.len() {
        let cpu = rings[position].0;
        run_on(cpu, &program, &frame, 3);
        for (other, ring) in &mut rings {
            let expected = if *other == cpu { 3 } else { 0 };
            assert_eq!(take_all(ring).len(), expected, "run on {cpu}, ring of {other}");
        }
    }
}

#[test]
fn a_full_ring_loses_the_records_of_its_cpu_only() {
    let (program, records, frame) = program(PAGE);
    let mut rings = records.into_rings();
    let full = rings[0].0;
    run_on(full, &program, &frame, 100);
    let fits = u64::from(PAGE / IN_RING);
    let lossy = books(&program, full);
    assert_eq!((lossy.records(), lossy.lost()), (fits, 100 - fits));
    for (cpu, ring) in &mut rings[1..] {
        run_on(*cpu, &program, &frame, 10);
        assert_eq!((take_all(ring).len(), books(&program, *cpu).lost()), (10, 0), "CPU {cpu}");
    }
    // Records that were read stay where they are until their room is given back.
    let (_, ring) = &mut rings[0];
    assert_eq!(std::iter::from_fn(|| ring.next_record()).count() as u64, fits);
    run_on(full, &program, &frame, 1);
    assert_eq!(books(&program, full).records(), fits);
    ring.room().release(ring.position());
    run_on(full, &program, &frame, 1);
    assert_eq!(books(&program, full).records(), fits + 1);
    assert_eq!(take_all(ring).len(), 1);
}

#[test]
fn what_was_read_but_not_given_back_is_there_for_the_next_reader() {
    let (program, records, frame) = program(PAGE);
    let (cpu, mut first) = records.into_rings().remove(0);
    run_on(cpu, &program, &frame, 5);
    assert!(first.next_record().is_some() && first.next_record().is_some());
    first.room().release(first.position());
    let third = first.next_record();
    assert!(third.is_some());
    let map = first.map().fd().as_fd().try_clone_to_owned().unwrap();
    let mut second = Ring::open(aya::maps::MapData::from_fd(map).unwrap()).unwrap();
    assert_eq!(second.next_record(), third);
    assert_eq!(take_all(&mut second).len(), 2);
}

/// Records of each CPU in the stress; the ring holds a thirteenth of them.
const STRESS: u32 = 50_000;
const STRESS_RING: u32 = 1 << 18;

#[test]
fn all_cpus_at_once() {
    let (program, records, frame) = program(STRESS_RING);
    let mut rings = records.into_rings();
    let cpus: Vec<u32> = rings.iter().map(|(cpu, _)| *cpu).collect();
    let start = Barrier::new(cpus.len());
    let mut taken = vec![0_u64; cpus.len()];
    std::thread::scope(|scope| {
        let producers: Vec<_> = cpus
            .iter()
            .map(|cpu| {
                let (program, start, frame) = (&program, &start, &frame);
                scope.spawn(move || {
                    pin(*cpu);
                    start.wait();
                    program.test_run(frame, STRESS).unwrap();
                })
            })
            .collect();
        loop {
            let last = producers.iter().all(std::thread::ScopedJoinHandle::is_finished);
            for ((cpu, ring), taken) in rings.iter_mut().zip(&mut taken) {
                let mut before = BootTime::ZERO;
                for record in take_all(ring) {
                    assert!(record.time >= before, "CPU {cpu}: records out of order");
                    before = record.time;
                    *taken += 1;
                }
            }
            if last {
                break;
            }
        }
        for producer in producers {
            producer.join().unwrap();
        }
    });
    for (cpu, taken) in cpus.iter().zip(taken) {
        let books = books(&program, *cpu);
        assert_eq!(books.records(), taken, "CPU {cpu}: every record that was submitted comes out");
        assert_eq!(
            books.records() + books.lost(),
            u64::from(STRESS),
            "CPU {cpu}: none unaccounted"
        );
    }
}

#[test]
fn the_kernel_wakes_whoever_waits_before_a_ring_fills_to_more_than_a_quarter() {
    let (program, records, frame) = program(PAGE);
    let (cpu, ring) = records.into_rings().remove(0);
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    let descriptor = ring.map().fd().as_fd();
    assert_eq!(descriptor.as_raw_fd(), ring.as_raw_fd());
    let data = epoll::EventData::new_u64(0);
    // Edge-triggered: what counts is being woken, not that there is something to read.
    epoll::add(&poll, descriptor, data, epoll::EventFlags::IN | epoll::EventFlags::ET).unwrap();

    let quarter = PAGE / 4 / IN_RING;
    run_on(cpu, &program, &frame, quarter);
    assert!(!woken(poll.as_fd(), 50), "below a quarter");
    run_on(cpu, &program, &frame, 1);
    assert!(woken(poll.as_fd(), 10_000), "a quarter");
    run_on(cpu, &program, &frame, quarter);
    assert!(!woken(poll.as_fd(), 50), "for every record");
    run_on(cpu, &program, &frame, 1);
    assert!(woken(poll.as_fd(), 10_000), "another quarter, read or not");
}

/// Whether somebody was woken, or is within some milliseconds.
fn woken(poll: BorrowedFd<'_>, milliseconds: i64) -> bool {
    let mut events =
        [epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) }];
    let limit =
        Timespec { tv_sec: milliseconds / 1_000, tv_nsec: milliseconds % 1_000 * 1_000_000 };
    epoll::wait(poll, &mut events, Some(&limit)).unwrap() > 0
}
