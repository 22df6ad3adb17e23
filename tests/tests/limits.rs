//! As many orders and rules as there can be, in the kernel: every one of them selects.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use controller::compile::{Slotted, compile};
use controller::kernel::{KernelTables, Mode, Program, XdpAttach};
use etherparse::PacketBuilder;
use sekisho_tests::authority::{approved, payload};
use sekisho_tests::frames::layers;
use sekisho_tests::network::{FAR, Wire};
use sekisho_tests::privilege::require_kernel;
use sensor_common::boot_time::BootTime;
use sensor_common::layout::MOST_RULES;
use sensor_common::tables::{MOST_ORDERS, Slot, Term};
use serde_json::{Value, json};

const RULES_OF_AN_ORDER: u32 = MOST_RULES / MOST_ORDERS;

/// The port that rule number `rule` of all names: no two rules hold for one packet.
fn port(rule: u32) -> u16 {
    u16::try_from(20_000 + rule).unwrap()
}

/// A measure for each order, in turn, with the addresses of a packet that it can select.
const MEASURES: [(&str, [u8; 4], [u8; 4]); 3] = [
    ("foreign-to-foreign", [198, 51, 100, 7], [192, 0, 2, 1]),
    ("foreign-to-domestic", [198, 51, 100, 7], [203, 0, 113, 9]),
    ("domestic-to-foreign", [203, 0, 113, 9], [198, 51, 100, 7]),
];

fn measure(order: u32) -> (&'static str, [u8; 4], [u8; 4]) {
    MEASURES[order as usize % MEASURES.len()]
}

fn order(order: u32) -> Value {
    let (measure, ..) = measure(order);
    let side = if measure == "domestic-to-foreign" { "destination" } else { "source" };
    let rule = |number: u32| {
        let port = port(order * RULES_OF_AN_ORDER + number).to_string();
        json!({"id": format!("r{number}"), side: "c2", "protocol": "udp", "destination_ports": [port]})
    };
    let rules: Vec<Value> = (0..RULES_OF_AN_ORDER).map(rule).collect();
    payload(&format!("o{order}"), measure, &json!({"c2": ["198.51.100.7"]}), &json!(rules))
}

#[test]
fn each_of_as_many_rules_as_there_can_be_selects_its_packet() {
    require_kernel();
    let orders: Vec<_> = (0..MOST_ORDERS).map(|number| approved(&order(number))).collect();
    let slotted = Slotted::in_turn(&orders);
    let generation = compile(1, &[&layers()], &slotted, None).unwrap();
    let (mut program, mut records) = Program::load(Mode::Tap, 1 << 16).unwrap();
    program.publish(&KernelTables::create(&generation.lines).unwrap()).unwrap();
    for slot in Slot::all() {
        program.set_term(slot, Term::ALWAYS).unwrap();
    }
    program.set_lease(BootTime::MAX).unwrap();
    // A program that is attached somewhere is run at once; for any other the kernel waits for tens of
    // milliseconds each time.
    let wire = Wire::new();
    wire.receiver.inside(|| program.attach(FAR, XdpAttach::Native)).unwrap();
    for rule in 0..MOST_RULES {
        let (_, source, destination) = measure(rule / RULES_OF_AN_ORDER);
        let mut frame = Vec::new();
        PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
            .ipv4(source, destination, 64)
            .udp(40_000, port(rule))
            .write(&mut frame, b"payload")
            .unwrap();
        program.test_run(&frame, 1).unwrap();
        let seen: Vec<u32> =
            std::iter::from_fn(|| records.next_record()).map(|record| record.rule).collect();
        assert_eq!(seen, [rule]);
        let name = generation.names.rule(rule).unwrap();
        let expected = (rule / RULES_OF_AN_ORDER, rule % RULES_OF_AN_ORDER);
        let (order, id) = (format!("o{}", expected.0), format!("r{}", expected.1));
        assert_eq!((&name.order.order_id, &name.rule), (&order, &id));
    }
}
