//! One generation after the other under traffic: no packet is judged by a mix of two, and none is
//! missed between them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use controller::compile::{Slotted, compile};
use controller::kernel::{KernelTables, Mode, Program, XdpAttach};
use sekisho_tests::authority::{approved, payload};
use sekisho_tests::frames::layers;
use sekisho_tests::network::{FAR, RECEIVER, SENDER, Wire};
use sekisho_tests::privilege::require_kernel;
use sekisho_tests::wait::until;
use sensor_common::boot_time::BootTime;
use sensor_common::counters::Counters;
use sensor_common::direction::Direction::ForeignToForeign;
use sensor_common::outcome::Outcome;
use sensor_common::record::Record;
use sensor_common::tables::{Slot, Term};
use serde_json::json;

/// Publications; each takes milliseconds. A packet is being judged during a few of a hundred.
const SWAPS: u32 = 120;

/// A bound on the sender, should the publisher hang.
const LONGEST: Duration = Duration::from_secs(60);

/// Tables in which the one rule that holds for the traffic has the number `before`, because as many
/// rules that do not hold stand before it: a packet that read the rule's number in one generation
/// and its rows in another would give a record that fits neither.
fn tables(generation: u32, before: usize) -> KernelTables {
    let sets = json!({"c2": [SENDER], "other": ["198.51.100.200"]});
    let mut rules: Vec<_> = (0..before)
        .map(|n| json!({"id": format!("r{n}"), "source": "other", "protocol": "udp"}))
        .collect();
    rules.push(json!({"id": "it", "source": "c2", "protocol": "udp"}));
    let mut order = payload("one", "foreign-to-foreign", &sets, &json!(rules));
    // No machine sends faster than this order's share of it.
    order["facility"]["capacity_bps"] = json!(1_000_000_000_000_u64);
    let order = approved(&order);
    let tables = compile(generation, &[&layers()], &Slotted::in_turn([&order]), None).unwrap();
    KernelTables::create(&tables.lines).unwrap()
}

/// How many rules stand before the one that holds, by generation. With many the walk over the rows
/// is long, and much of it lies behind a change of generation that happens during it.
const BEFORE: [usize; 4] = [1_000, 900, 1_000, 0];

#[test]
fn every_packet_is_judged_by_one_generation() {
    require_kernel();
    let wire = Wire::new();
    let (mut program, mut records) = Program::load(Mode::Tap, 1 << 24).unwrap();
    let generations: Vec<KernelTables> =
        (0..).zip(BEFORE).map(|(number, before)| tables(number, before)).collect();
    program.publish(&generations[0]).unwrap();
    program.set_term(Slot::new(0), Term::ALWAYS).unwrap();
    program.set_lease(BootTime::MAX).unwrap();
    wire.receiver.inside(|| program.attach(FAR, XdpAttach::Native)).unwrap();

    let socket = wire.sender.inside(|| UdpSocket::bind((SENDER, 0)).unwrap());
    let stop = AtomicBool::new(false);
    let mut taken = [0_u64; BEFORE.len()];
    let mut check = |record: &Record| {
        let generation = record.generation as usize;
        let expected = u32::try_from(BEFORE[generation]).unwrap();
        assert_eq!(record.rule, expected, "a record of generation {generation} and another");
        taken[generation] += 1;
    };
    let sent = std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let (start, mut sent) = (Instant::now(), 0_u64);
            while !stop.load(Ordering::Relaxed) && start.elapsed() < LONGEST {
                socket.send_to(b"hello", (RECEIVER, 9)).unwrap();
                sent += 1;
            }
            sent
        });
        for swap in 1..=SWAPS {
            program.publish(&generations[swap as usize % generations.len()]).unwrap();
            while let Some(record) = records.next_record() {
                check(&record);
            }
        }
        stop.store(true, Ordering::Relaxed);
        sender.join().unwrap()
    });
    // A slow machine drops packets in front of the program; those that reached it are what counts.
    let (packets, counters) = until("the last packets to be judged", || {
        while let Some(record) = records.next_record() {
            check(&record);
        }
        let mut counters = Counters::default();
        program.counters().unwrap().iter().for_each(|cpu| counters.merge(cpu));
        let packets = wire.packets();
        let judged = |outcome: &Outcome| counters.packets(*outcome, Some(ForeignToForeign));
        (Outcome::ALL.iter().map(judged).sum::<u64>() == packets).then_some((packets, counters))
    });
    eprintln!("{packets} of {sent} packets, {SWAPS} publications, records: {taken:?}");
    assert!(taken.iter().all(|taken| *taken > 0), "{taken:?}");
    assert_eq!(counters.packets(Outcome::Recorded, Some(ForeignToForeign)), packets);
    assert_eq!((counters.records(), counters.lost()), (taken.iter().sum(), 0));
}
