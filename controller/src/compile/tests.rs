//! Compiled tables against the plain meaning of orders: random direction layers, orders and
//! packets through the host engine, and the same question answered by searching lists.

use std::collections::BTreeSet;
use std::net::IpAddr;

use etherparse::PacketBuilder;
use ipnetwork::IpNetwork;
use proptest::prelude::*;
use sensor_common::boot_time::BootTime;
use sensor_common::counters::Counters;
use sensor_common::direction::{AddressClass, Direction};
use sensor_common::outcome::Outcome;
use sensor_common::tables::Term;
use serde_json::{Value, json};

use super::*;
use crate::engine::{Engine as _, HostEngine};
use crate::order::samples::assumed;
use crate::order::selection::Rule;
use crate::order::{Mandate, parse_network};

type Prefixes = Vec<(IpNetwork, AddressClass)>;

/// Tables mean what orders say, also orders that the law refuses.
fn order(plan: &Value) -> Mandate {
    assumed(plan)
}

fn payload(measure: &str, sets: &Value, rules: &Value) -> Value {
    with_prefixes(measure, sets, &json!({}), rules)
}

fn with_prefixes(measure: &str, sets: &Value, prefixes: &Value, rules: &Value) -> Value {
    json!({
        "order_id": "o", "serial": 1, "measure": measure, "not_before": "2027-01-01T00:00:00Z",
        "not_after": "2027-03-01T00:00:00Z",
        "facility": {"id": "f", "capacity_bps": 1_000_000, "max_share_percent": 30},
        "party": (measure == "agreement").then(|| json!({"name": "p", "prefixes": ["10.1.0.0/18"]})),
        "address_sets": sets, "payload_prefixes": prefixes, "rules": rules,
    })
}

fn engine(layers: &[Layer<'_>], orders: &[Mandate]) -> HostEngine {
    let slotted: Vec<(Slot, &Mandate)> = (0..).map(Slot::new).zip(orders).collect();
    HostEngine::new(image::write(&rows::tables(7, layers, &slotted, None).unwrap()).unwrap())
}

/// One packet, with or without ports.
#[derive(Clone, Debug)]
struct Packet {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    ports: (u16, u16),
    payload: Vec<u8>,
}

impl Packet {
    fn frame(&self) -> Vec<u8> {
        let ethernet = PacketBuilder::ethernet2([1; 6], [2; 6]);
        let ip = match (self.source, self.destination) {
            (IpAddr::V4(s), IpAddr::V4(d)) => ethernet.ipv4(s.octets(), d.octets(), 64),
            (IpAddr::V6(s), IpAddr::V6(d)) => ethernet.ipv6(s.octets(), d.octets(), 64),
            mixed => panic!("{mixed:?}"),
        };
        let mut frame = Vec::new();
        match self.protocol {
            6 => ip.tcp(self.ports.0, self.ports.1, 1, 1).write(&mut frame, &self.payload),
            17 => ip.udp(self.ports.0, self.ports.1).write(&mut frame, &self.payload),
            other => ip.write(&mut frame, other.into(), &[0; 8]),
        }
        .unwrap();
        frame
    }
}

/// The class of the longest prefix of the last layer that names the address.
fn class(layers: &[Layer<'_>], address: IpAddr) -> AddressClass {
    layers
        .iter()
        .rev()
        .find_map(|layer| {
            let naming = layer.iter().filter(|(network, _)| network.contains(address));
            naming.max_by_key(|(network, _)| network.prefix()).map(|(_, class)| *class)
        })
        .unwrap_or_default()
}

/// What an order says of a packet, read off its text.
fn first_match(order: &Mandate, packet: &Packet) -> Option<usize> {
    let within = |set: &String, address| {
        order.address_sets[set].addresses.iter().any(|network| network.contains(address))
    };
    let ports = |ranges: &[crate::order::traffic::PortRange], port| {
        ranges.is_empty()
            || matches!(packet.protocol, 6 | 17)
                && ranges.iter().any(|range| (range.low()..=range.high()).contains(&port))
    };
    let party = order.party().is_none_or(|party| {
        party.prefixes.iter().any(|network| network.contains(packet.destination))
    });
    order.rules.iter().position(|rule: &Rule| {
        party
            && rule.source.as_ref().is_none_or(|set| within(set, packet.source))
            && rule.destination.as_ref().is_none_or(|set| within(set, packet.destination))
            && rule
                .either
                .as_ref()
                .is_none_or(|set| within(set, packet.source) || within(set, packet.destination))
            && rule.protocol.is_none_or(|protocol| protocol.0 == packet.protocol)
            && rule.payload.as_ref().is_none_or(|set| {
                matches!(packet.protocol, 6 | 17)
                    && payload_model::begins(&order.payload_prefixes[set].prefixes, &packet.payload)
            })
            && ports(&rule.source_ports, packet.ports.0)
            && ports(&rule.destination_ports, packet.ports.1)
    })
}

/// Checks one packet: records, outcome and direction.
fn check(engine: &mut HostEngine, layers: &[Layer<'_>], orders: &[Mandate], packet: &Packet) {
    let direction =
        Direction::judge(class(layers, packet.source), class(layers, packet.destination));
    let mut expected = Vec::new();
    let mut offset = 0;
    for order in orders {
        if direction == Some(order.measure().direction())
            && let Some(rule) = first_match(order, packet)
        {
            expected.push(u32::try_from(offset + rule).unwrap());
        }
        offset += order.rules.len();
    }
    let outcome = match direction {
        None => Outcome::Unclassified,
        Some(Direction::DomesticToDomestic) => Outcome::Domestic,
        Some(_) if expected.is_empty() => Outcome::Unmatched,
        Some(_) => Outcome::Recorded,
    };
    let before = engine.counters().unwrap();
    let records = engine.judge(&packet.frame()).unwrap();
    let after = engine.counters().unwrap();
    let rules: Vec<u32> = records.iter().map(|record| record.rule).collect();
    assert_eq!(rules, expected, "{packet:?}");
    assert!(records.iter().all(|record| record.generation == 7));
    let packets = |counters: &Counters| counters.packets(outcome, direction);
    assert_eq!(packets(&after), packets(&before) + 1, "{packet:?}: {outcome:?} {direction:?}");
}

/// Addresses from few places, so that prefixes nest, overlap and are met.
fn address(v6: bool) -> impl Strategy<Value = IpAddr> {
    (0..4_u32, any::<u32>(), 0..32_u32).prop_map(move |(place, random, zeros)| {
        let low = random.checked_shl(zeros).unwrap_or(0) & 0x00ff_ffff;
        if v6 {
            let place = [0x2001_0db8, 0x2001_0db8, 0x2400_0000, 0xfe80_0000_u32][place as usize];
            let address =
                u128::from(place) << 96 | (u128::from(low) << 76) | u128::from(random & 7);
            IpAddr::V6(address.into())
        } else {
            IpAddr::V4(((10 + (place & 1)) << 24 | low).into())
        }
    })
}

fn network() -> impl Strategy<Value = IpNetwork> {
    let v4 = (address(false), 6..=32_u8);
    let v6 = (address(true), 10..=128_u8);
    prop_oneof![v4, v6].prop_map(|(address, length)| {
        let network = IpNetwork::new(address, length).unwrap();
        IpNetwork::new(network.network(), length).unwrap()
    })
}

fn layer() -> impl Strategy<Value = Prefixes> {
    let class = prop_oneof![
        2 => Just(AddressClass::Foreign), 2 => Just(AddressClass::Domestic),
        1 => Just(AddressClass::Unclassified)
    ];
    proptest::collection::vec((network(), class), 0..12).prop_map(|mut prefixes| {
        // The same prefix in two classes is refused before anything is compiled.
        let mut seen = BTreeSet::new();
        prefixes.retain(|(network, _)| seen.insert(*network));
        prefixes
    })
}

fn port_list() -> impl Strategy<Value = Vec<String>> {
    let range = (0..40_u16, 0..8_u16).prop_map(|(low, length)| match length {
        0 => low.to_string(),
        _ => format!("{low}-{}", low + length),
    });
    proptest::collection::vec(range, 0..3)
}

fn rule() -> impl Strategy<Value = Value> {
    let set = || prop_oneof![Just("a"), Just("b"), Just("c")];
    (0..4, set(), set(), prop_oneof![Just(6), Just(17), Just(1)], port_list(), port_list())
        .prop_map(|(sides, one, other, protocol, source_ports, destination_ports)| {
            let mut rule = json!({});
            match sides {
                0 => rule["source"] = json!(one),
                1 => rule["destination"] = json!(one),
                2 => rule["either"] = json!(one),
                _ => {
                    rule["source"] = json!(one);
                    rule["destination"] = json!(other);
                }
            }
            let mut ports = false;
            for (field, list) in
                [("source_ports", source_ports), ("destination_ports", destination_ports)]
            {
                if !list.is_empty() {
                    rule[field] = json!(list);
                    ports = true;
                }
            }
            if !ports || protocol != 1 {
                rule["protocol"] = json!(protocol);
            }
            rule
        })
}

/// Gives a rule a condition on the payload; some go by the payload and the protocol alone.
fn with_payload() -> impl Strategy<Value = Value> {
    (rule(), prop_oneof![Just("p"), Just("q")], any::<bool>()).prop_map(|(mut rule, set, only)| {
        rule["payload"] = json!(set);
        if rule.get("protocol").is_none_or(|protocol| *protocol == json!(1)) {
            rule["protocol"] = json!(6);
        }
        for field in ["source", "destination", "either"].iter().filter(|_| only) {
            rule.as_object_mut().unwrap().remove(*field);
        }
        rule
    })
}

fn any_order() -> impl Strategy<Value = Mandate> {
    let measure = prop_oneof![
        3 => Just("foreign-to-foreign"), 1 => Just("agreement"),
        1 => Just("foreign-to-domestic"), 1 => Just("domestic-to-foreign")
    ];
    let sets = proptest::collection::vec(proptest::collection::vec(network(), 1..8), 3);
    let rules = prop_oneof![
        2 => proptest::collection::vec(rule(), 1..6),
        2 => proptest::collection::vec(prop_oneof![rule(), with_payload()], 1..6),
        1 => proptest::collection::vec(prop_oneof![3 => rule(), 1 => with_payload()], 60..140),
    ];
    let prefixes = proptest::collection::vec(payload_model::set(), 2);
    (measure, sets, prefixes, rules).prop_map(|(measure, sets, prefixes, mut rules)| {
        let side = match measure {
            "foreign-to-domestic" | "agreement" => Some("source"),
            "domestic-to-foreign" => Some("destination"),
            _ => None,
        };
        for (number, rule) in rules.iter_mut().enumerate() {
            rule["id"] = json!(format!("r{number}"));
            if let Some(side) = side {
                // L-SELECT wants the foreign equipment on its own side, and under an agreement only the
                // other end's addresses count. A payload does without.
                rule.as_object_mut().unwrap().remove("either");
                if rule.get("payload").is_none() {
                    rule[side] = json!("a");
                }
            }
        }
        let text = |set: &Vec<IpNetwork>| set.iter().map(ToString::to_string).collect::<Vec<_>>();
        let sets = json!({"a": text(&sets[0]), "b": text(&sets[1]), "c": text(&sets[2])});
        let prefixes = json!({"p": prefixes[0], "q": prefixes[1]});
        order(&with_prefixes(measure, &sets, &prefixes, &json!(rules)))
    })
}

fn packet() -> impl Strategy<Value = Packet> {
    let protocol = || prop_oneof![3 => Just(6_u8), 3 => Just(17), 1 => Just(1), 1 => Just(58)];
    let of = move |v6| {
        (address(v6), address(v6), protocol(), (0..50_u16, 0..50_u16), payload_model::payload())
            .prop_map(|(source, destination, protocol, ports, payload)| Packet {
                source,
                destination,
                protocol,
                ports,
                payload,
            })
    };
    prop_oneof![of(false), of(true)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn tables_mean_what_orders_say(
        below in layer(),
        above in layer(),
        orders in proptest::collection::vec(any_order(), 0..4),
        packets in proptest::collection::vec(packet(), 200),
    ) {
        let layers = [below.as_slice(), above.as_slice()];
        let mut engine = engine(&layers, &orders);
        for packet in &packets {
            check(&mut engine, &layers, &orders, packet);
        }
        let counters = engine.counters().unwrap();
        let sum: u64 = Outcome::ALL
            .iter()
            .flat_map(|outcome| sensor_common::counters::columns().map(|d| counters.packets(*outcome, d)))
            .sum();
        prop_assert_eq!(sum, 200);
    }
}

fn networks(texts: &[&str], class: AddressClass) -> Prefixes {
    texts.iter().map(|text| (parse_network(text).unwrap(), class)).collect()
}

#[test]
fn without_tables_nothing_can_be_judged() {
    let packet = Packet {
        source: "10.0.0.1".parse().unwrap(),
        destination: "11.0.0.1".parse().unwrap(),
        protocol: 6,
        ports: (1, 2),
        payload: Vec::new(),
    };
    for lines in [Vec::new(), vec![[0; 8]; 4], vec![[u64::MAX; 8]; 4]] {
        let mut engine = HostEngine::new(lines);
        assert!(engine.judge(&packet.frame()).unwrap().is_empty());
        assert_eq!(engine.counters().unwrap().packets(Outcome::Unclassified, None), 1);
    }
}

#[test]
fn tables_of_another_layout_are_not_read() {
    let foreign = networks(&["10.0.0.0/7"], AddressClass::Foreign);
    let sets = json!({"a": ["10.0.0.1"]});
    let rules = json!([{"id": "r", "source": "a", "protocol": "tcp"}]);
    let order = order(&payload("foreign-to-foreign", &sets, &rules));
    let tables = rows::tables(1, &[&foreign], &[(Slot::new(0), &order)], None).unwrap();
    let mut lines = image::write(&tables).unwrap();
    let packet = Packet {
        source: "10.0.0.1".parse().unwrap(),
        destination: "11.0.0.1".parse().unwrap(),
        protocol: 6,
        ports: (1, 2),
        payload: Vec::new(),
    };
    assert_eq!(HostEngine::new(lines.clone()).judge(&packet.frame()).unwrap().len(), 1);
    lines[0][0] += 1 << 32;
    assert!(HostEngine::new(lines).judge(&packet.frame()).unwrap().is_empty());
}

/// Sixty-four orders with all rules there can be, every one of them holding for one packet.
#[test]
fn the_most_orders_and_rules() {
    let foreign = networks(&["0.0.0.0/0"], AddressClass::Foreign);
    let sets = json!({"a": ["10.0.0.1"]});
    let rules: Vec<Value> =
        (0..16).map(|n| json!({"id": format!("r{n}"), "source": "a", "protocol": "tcp"})).collect();
    let order = order(&payload("foreign-to-foreign", &sets, &json!(rules)));
    let orders: Vec<Mandate> = vec![order; 64];
    let mut engine = engine(&[&foreign], &orders);
    let packet = Packet {
        source: "10.0.0.1".parse().unwrap(),
        destination: "11.0.0.1".parse().unwrap(),
        protocol: 6,
        ports: (1, 2),
        payload: Vec::new(),
    };
    let records = engine.judge(&packet.frame()).unwrap();
    let rules: Vec<u32> = records.iter().map(|record| record.rule).collect();
    assert_eq!(rules, (0..64).map(|order| order * 16).collect::<Vec<_>>());
}

#[test]
fn the_gate() {
    type Terms = [(u64, u64); 2];
    let foreign = networks(&["0.0.0.0/0"], AddressClass::Foreign);
    let sets = json!({"a": ["10.0.0.1"]});
    let rules = json!([{"id": "r", "source": "a", "protocol": "tcp"}]);
    let orders = vec![order(&payload("foreign-to-foreign", &sets, &rules)); 2];
    let packet = Packet {
        source: "10.0.0.1".parse().unwrap(),
        destination: "11.0.0.1".parse().unwrap(),
        protocol: 6,
        ports: (1, 2),
        payload: Vec::new(),
    };
    // (terms, lease, now) and which orders must have a record.
    let cases: [(Terms, u64, u64, &[u32]); 12] = [
        ([(1, 100), (1, 200)], 300, 99, &[0, 1]),
        ([(1, 100), (1, 200)], 300, 100, &[1]),
        ([(1, 100), (1, 200)], 300, 199, &[1]),
        ([(1, 100), (1, 200)], 300, 200, &[]),
        ([(1, 100), (1, 200)], 50, 50, &[]),
        ([(1, 100), (1, 200)], 50, 49, &[0, 1]),
        // One after the other: no packet for both, none for neither.
        ([(1, 100), (100, 200)], 300, 99, &[0]),
        ([(1, 100), (100, 200)], 300, 100, &[1]),
        // An order with an end, but without a beginning.
        ([(0, 100), (0, 200)], 300, 99, &[]),
        ([(0, 100), (0, 200)], 300, 0, &[]),
        ([(1, 0), (1, 200)], 300, 99, &[1]),
        ([(0, 0), (0, 0)], 0, 0, &[]),
    ];
    for (terms, lease, now, expected) in cases {
        let mut engine = engine(&[&foreign], &orders);
        let term = |(begin, end)| Term::from([begin, end]);
        engine.gate().terms[..2].copy_from_slice(&terms.map(term));
        engine.gate().lease = BootTime::from_nanos(lease);
        engine.gate().now = BootTime::from_nanos(now);
        let records = engine.judge(&packet.frame()).unwrap();
        let rules: Vec<u32> = records.iter().map(|record| record.rule).collect();
        assert_eq!(rules, expected, "{terms:?} {lease} {now}");
        let outcome = if expected.is_empty() { Outcome::Lapsed } else { Outcome::Recorded };
        let counters = engine.counters().unwrap();
        assert_eq!(counters.packets(outcome, Some(Direction::ForeignToForeign)), 1);
        assert_eq!(counters.records(), expected.len() as u64);
    }
}

#[test]
fn limits_are_named() {
    let sets = json!({"a": ["10.0.0.1"]});
    let rules: Vec<Value> = (0..513)
        .map(|n| json!({"id": format!("r{n}"), "source": "a", "protocol": "tcp"}))
        .collect();
    let order = order(&payload("foreign-to-foreign", &sets, &json!(rules)));
    let text =
        check_rules(&[(Slot::new(0), &order), (Slot::new(1), &order)]).unwrap_err().to_string();
    assert_eq!(text, "1026 rules are in force at once, over all orders; the limit is 1024");
    let text = check_count(65).unwrap_err().to_string();
    assert_eq!(text, "65 orders are in force at once; the limit is 64");
}

/// Two sensors of one facility: each has its share and no more, and one that is not named has nothing.
#[test]
fn a_sensor_has_its_share_and_one_that_is_not_named_nothing() {
    let foreign = networks(&["10.0.0.0/7"], AddressClass::Foreign);
    let sets = json!({"a": ["10.0.0.1"]});
    let rules = json!([{"id": "r", "source": "a", "protocol": "tcp"}]);
    let mut plan = payload("foreign-to-foreign", &sets, &rules);
    plan["facility"] = json!({
        "id": "f", "capacity_bps": 8_000_000, "max_share_percent": 30, "sensors": {"a": 20, "b": 9},
    });
    let order = order(&plan);
    let compiled = |sensor| compile(1, &[&foreign], &Slotted::in_turn([&order]), sensor).unwrap();
    let share = |sensor| compiled(sensor).share;
    assert_eq!(
        [Some("a"), Some("b"), None].map(share),
        [Some(200_000), Some(90_000), Some(300_000)]
    );
    assert!(share(Some("a")).unwrap() + share(Some("b")).unwrap() <= share(None).unwrap());
    let packet = Packet {
        source: "10.0.0.1".parse().unwrap(),
        destination: "11.0.0.1".parse().unwrap(),
        protocol: 6,
        ports: (1, 2),
        payload: Vec::new(),
    };
    for (sensor, records, rules) in [(Some("a"), 1, 1), (Some("c"), 0, 0), (None, 1, 1)] {
        let generation = compiled(sensor);
        assert_eq!(generation.names.rules().len(), rules);
        let judged = HostEngine::new(generation.lines).judge(&packet.frame()).unwrap();
        assert_eq!(judged.len(), records, "{sensor:?}");
    }
    assert_eq!(compiled(Some("c")).share, None);
}
