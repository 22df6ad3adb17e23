//! What is left of a packet in the kernel's memory once it is judged (L-ERASE).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::process::Command;

use controller::compile::{Slotted, compile};
use controller::engine::{Engine as _, KernelEngine};
use sekisho_stack::{Outer, Piece};
use sekisho_tests::authority::{approved, payload};
use sekisho_tests::frames::{fixtures, layers};
use sekisho_tests::privilege::require_kernel;
use sensor_common::direction::Direction::ForeignToForeign;
use sensor_common::outcome::Outcome;
use sensor_common::parse::parse;
use sensor_common::parse::tunnel::Entered;
use sensor_common::repeat::Loop;
use serde_json::{Value, json};

/// The maps in which a packet is kept while it is judged.
const KEEPERS: [&str; 2] = ["WALK", "CANDIDATE"];

/// All such maps, by their numbers.
fn keepers() -> BTreeSet<u32> {
    let maps = aya::maps::loaded_maps().map(Result::unwrap);
    let kept = maps.filter(|map| map.name_as_str().is_some_and(|name| KEEPERS.contains(&name)));
    kept.map(|map| map.id()).collect()
}

/// All that is in a map, CPU after CPU.
fn dump(id: u32) -> Vec<u8> {
    let mut bpftool = Command::new("bpftool");
    let output = bpftool.args(["-j", "map", "dump", "id", &id.to_string()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let dump: Value = serde_json::from_slice(&output.stdout).unwrap();
    let values = dump[0]["values"].as_array().unwrap().iter();
    let bytes = values.flat_map(|cpu| cpu["value"].as_array().unwrap());
    bytes.map(|byte| u8::from_str_radix(&byte.as_str().unwrap()[2..], 16).unwrap()).collect()
}

#[test]
fn nothing_is_left_of_a_packet_that_no_rule_selects() {
    require_kernel();
    // The source is in a set, but the rule is for another protocol: judged to the end, and unmatched.
    let sets = json!({"c2": ["198.51.100.7"]});
    let rules = json!([{"id": "r", "either": "c2", "protocol": "udp"}]);
    let order = approved(&payload("o", "foreign-to-foreign", &sets, &rules));
    let slotted = Slotted::in_turn([&order]);
    let generation = compile(1, &[&layers()], &slotted, None).unwrap();
    let before = keepers();
    let mut kernel = KernelEngine::new(&generation.lines).unwrap();
    let ours: Vec<u32> = keepers().difference(&before).copied().collect();
    assert_eq!(ours.len(), KEEPERS.len(), "{ours:?}");
    let plain = fixtures().into_iter().find(|fixture| fixture.name == "外外").unwrap().frame;
    let packet = Piece::packet(plain[14..].to_vec());
    let tunnel = packet.frame(&[]).vxlan(Outer::V4, 4_789).ip_in_ip(Outer::V6).on_the_wire().bytes;
    for (judged, frame) in (1..).zip([plain, tunnel]) {
        assert!(kernel.judge(&frame).unwrap().is_empty());
        let counters = kernel.counters().unwrap();
        assert_eq!(counters.packets(Outcome::Unmatched, Some(ForeignToForeign)), judged);

        let left: Vec<Vec<u8>> = ours.iter().map(|map| dump(*map)).collect();
        let holds = |bytes: &[u8]| {
            left.iter().any(|map| map.windows(bytes.len()).any(|window| window == bytes))
        };
        let flow = parse(&frame.as_slice(), Entered::ALL, &Loop, &mut None).unwrap();
        let outer = [[192, 0, 2, 33], [192, 0, 2, 44]].map(u32::from_be_bytes);
        for address in [flow.source.v4(), flow.destination.v4()].into_iter().chain(outer) {
            for bytes in [address.to_le_bytes(), address.to_be_bytes()] {
                assert!(!holds(&bytes), "{bytes:?} in {left:?}");
            }
        }
        let ports = flow.ports().unwrap();
        for port in [ports.source, ports.destination] {
            assert!(!holds(&port.to_ne_bytes()), "{port} in {left:?}");
        }
    }
}
