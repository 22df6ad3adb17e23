//! Parity: every frame goes through the host engine and, with `BPF_PROG_TEST_RUN`, through the
//! loaded program. Outcome, direction, records and counters must agree, and be what the fixture
//! says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use controller::compile::{Generation, Slotted, compile};
use controller::engine::{Engine as _, HostEngine, KernelEngine};
use sekisho_stack::{Piece, wrapped};
use sekisho_tests::authority::{approved, payload};
use sekisho_tests::both::{Judged, alike, timeless};
use sekisho_tests::frames::{fixtures, layers, orders};
use sekisho_tests::privilege::require_kernel;
use sensor_common::counters::column_name;
use sensor_common::parse::tunnel::Entered;
use serde_json::{Value, json};

fn generation() -> Generation {
    let orders = orders();
    let slotted = Slotted::in_turn(&orders);
    compile(3, &[&layers()], &slotted, None).unwrap()
}

#[test]
fn every_fixture_ends_alike_in_both_engines() {
    require_kernel();
    let generation = generation();
    let mut host = HostEngine::new(generation.lines.clone());
    let mut kernel = KernelEngine::new(&generation.lines).unwrap();
    for fixture in fixtures() {
        let name = fixture.name;
        let judged = alike(&mut host, &mut kernel, &fixture.frame, &|| name.to_owned()).unwrap();
        let Judged { records, added, .. } = judged;
        let column = column_name(fixture.direction);
        let length = fixture.frame.len() as u64;
        assert_eq!(added, [(fixture.outcome, column, 1, length)], "{name}");
        let rules: Vec<String> = records
            .iter()
            .map(|record| {
                let name = generation.names.rule(record.rule).unwrap();
                format!("{}/{}", name.order.order_id, name.rule)
            })
            .collect();
        assert_eq!(rules, fixture.records, "{name}");
    }
    assert_eq!(host.counters().unwrap(), kernel.counters().unwrap());
}

/// A small generator (xorshift64*): the same frames in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap() % limit
    }
}

#[test]
fn mutated_frames_end_alike_in_both_engines() {
    require_kernel();
    let generation = generation();
    let mut host = HostEngine::new(generation.lines.clone());
    let mut kernel = KernelEngine::new(&generation.lines).unwrap();
    let mut random = Random(0x5e15_5e15_5e15_5e15);
    let fixtures = fixtures();
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..40_000 {
        let mut frame = fixtures[random.below(fixtures.len())].frame.clone();
        for _ in 0..random.below(4) {
            if frame.is_empty() {
                continue;
            }
            // Most of what a parser decides on is in the first bytes.
            let at = random.below(frame.len().min(80));
            match random.below(4) {
                0 => frame.truncate(at),
                1 => frame[at] ^= 1 << random.below(8),
                _ => frame[at] = u8::try_from(random.below(256)).unwrap(),
            }
        }
        let expected = timeless(host.judge(&frame).unwrap());
        let actual = timeless(kernel.judge(&frame).unwrap());
        assert_eq!(actual, expected, "round {round}: {frame:02x?}");
        seen.insert(expected.len());
        if round % 1_000 == 999 {
            assert_eq!(host.counters().unwrap(), kernel.counters().unwrap(), "round {round}");
        }
    }
    assert!(seen.contains(&0) && seen.contains(&1) && seen.contains(&2), "{seen:?}");
}

/// Stacks of layers around a packet that is selected, then damaged; now and then not all are entered.
#[test]
fn damaged_stacks_end_alike_in_both_engines() {
    require_kernel();
    let generation = generation();
    let mut random = Random(0x7a11_7a11_7a11_7a11);
    let packets: Vec<Vec<u8>> = fixtures()
        .into_iter()
        .filter(|fixture| ["外外", "IPv6 外内", "内内"].contains(&fixture.name))
        .map(|fixture| fixture.frame[14..].to_vec())
        .collect();
    let mut seen = std::collections::BTreeSet::new();
    for setting in 0..8_u32 {
        let bits =
            if setting < 2 { u32::MAX } else { u32::try_from(random.below(1 << 12)).unwrap() };
        let entered = Entered::from_bits(bits);
        let mut host = HostEngine::new(generation.lines.clone());
        *host.entered() = entered;
        let mut kernel = KernelEngine::entering(&generation.lines, entered).unwrap();
        for round in 0..6_000 {
            let mut piece = Piece::packet(packets[random.below(packets.len())].clone());
            for _ in 0..random.below(11) {
                let mut choose =
                    |below: u32| u32::try_from(random.below(below.try_into().unwrap())).unwrap();
                piece = wrapped(piece, &mut choose);
            }
            let mut frame = piece.on_the_wire().bytes;
            for _ in 0..random.below(4).saturating_sub(1) {
                let at = random.below(frame.len().max(1));
                match (random.below(8), frame.get_mut(at)) {
                    (0, _) => frame.truncate(at),
                    (1..=4, Some(byte)) => *byte ^= 1 << random.below(8),
                    (_, Some(byte)) => *byte = u8::try_from(random.below(256)).unwrap(),
                    (_, None) => {}
                }
            }
            let expected = timeless(host.judge(&frame).unwrap());
            let actual = timeless(kernel.judge(&frame).unwrap());
            assert_eq!(actual, expected, "round {round} of {bits:#x}: {frame:02x?}");
            seen.extend(expected.iter().map(|record| record.encapsulation().layers().count()));
            if round % 500 == 499 {
                assert_eq!(host.counters().unwrap(), kernel.counters().unwrap(), "round {round}");
            }
        }
    }
    assert!(seen.iter().copied().eq(0..=8), "{seen:?}");
}

/// As many orders and rules as there can be, all of which hold for one packet: the longest walk.
#[test]
fn the_most_orders_and_rules_end_alike_in_both_engines() {
    require_kernel();
    let sets = json!({"c2": ["198.51.100.7"]});
    // Only the last rule of an order holds for TCP.
    let rules: Vec<Value> = (0..16)
        .map(|n| {
            let protocol = if n == 15 { "tcp" } else { "udp" };
            json!({"id": format!("r{n}"), "source": "c2", "protocol": protocol})
        })
        .collect();
    let orders: Vec<_> = (0..64)
        .map(|n| payload(&format!("o{n}"), "foreign-to-foreign", &sets, &json!(rules)))
        .map(|payload| approved(&payload))
        .collect();
    let slotted = Slotted::in_turn(&orders);
    let generation = compile(9, &[&layers()], &slotted, None).unwrap();
    let mut host = HostEngine::new(generation.lines.clone());
    let mut kernel = KernelEngine::new(&generation.lines).unwrap();
    let frame = fixtures().into_iter().find(|fixture| fixture.name == "外外").unwrap().frame;
    let records = timeless(host.judge(&frame).unwrap());
    assert_eq!(timeless(kernel.judge(&frame).unwrap()), records);
    let rules: Vec<u32> = records.iter().map(|record| record.rule).collect();
    assert_eq!(rules, (0..64).map(|order| order * 16 + 15).collect::<Vec<_>>());
    assert_eq!(host.counters().unwrap(), kernel.counters().unwrap());
}
