//! What must come of a frame, by a naive reading of the orders, and whether it did.

use std::net::IpAddr;

use controller::engine::{Engine as _, HostEngine};
use controller::record::ndjson;
use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};
use ipnetwork::IpNetwork;
use jiff::Timestamp;
use sensor_common::boot_time::BootTime;
use sensor_common::counters::{Counters, columns};
use sensor_common::direction::{AddressClass, Direction};
use sensor_common::outcome::Outcome;
use sensor_common::parse::flag;
use sensor_common::record::Record;

use super::Gate;
use super::naive::{self, FURTHEST, Packet, Reading};
use super::scenario::{GENERATION, Scenario};
use super::spec::{Measure, OrderSpec, Prefixes, RuleSpec, siphash};

/// What must come of a frame.
#[derive(Debug)]
struct Expected {
    outcome: Outcome,
    direction: Option<Direction>,
    /// The numbers of the rules that have a record.
    rules: Vec<u32>,
}

/// Judges a frame, and checks all that comes of it.
pub(super) fn judge(scenario: &Scenario, gate: &Gate, engine: &mut HostEngine, frame: &[u8]) {
    let reading = naive::read(frame, *engine.entered());
    let before = engine.counters().expect("the host's");
    let records = engine.judge(frame).expect("the host's");
    let after = engine.counters().expect("the host's");
    let counted = books(&before, &after, frame, &records);
    for record in &records {
        let Reading::Packet(packet) = &reading else { panic!("a record of {reading:?}") };
        check_record(scenario, gate, packet, frame, record);
        if packet.around.iter().all(|name| *name == "vlan") {
            another_opinion(frame, record);
        }
    }
    // Behind the furthest byte that it looks at, the sensor may only select less.
    if let Reading::Packet(packet) = &reading
        && packet.upper + 200 > FURTHEST
    {
        return;
    }
    let expected = expected(scenario, gate, &reading);
    let rules: Vec<u32> = records.iter().map(|record| record.rule).collect();
    assert_eq!(
        (counted, rules),
        ((expected.outcome, expected.direction), expected.rules),
        "{reading:?} of {frame:02x?}\nunder {gate:?}\nand {:#?}",
        scenario.spec
    );
    let again = engine.judge(frame).expect("the host's");
    assert_eq!(again, records, "the same frame is judged otherwise the second time: {frame:02x?}");
}

/// The books add up: one frame in one place, with all its bytes and records. Which place.
fn books(
    before: &Counters,
    after: &Counters,
    frame: &[u8],
    records: &[Record],
) -> (Outcome, Option<Direction>) {
    let mut found = None;
    for outcome in Outcome::ALL {
        for direction in columns() {
            let packets = after.packets(*outcome, direction) - before.packets(*outcome, direction);
            let bytes = after.bytes(*outcome, direction) - before.bytes(*outcome, direction);
            if (packets, bytes) != (0, 0) {
                assert_eq!((packets, bytes), (1, frame.len() as u64), "{outcome:?} {direction:?}");
                assert_eq!(found.replace((*outcome, direction)), None, "counted twice");
            }
        }
    }
    assert_eq!(after.records() - before.records(), records.len() as u64);
    assert_eq!(after.lost(), before.lost(), "the host loses no record");
    let found = found.expect("a frame that is not counted");
    assert_eq!(found.0 == Outcome::Recorded, !records.is_empty(), "{found:?}");
    found
}

/// No record without a rule that holds, of an order in force; and it says what the packet is.
fn check_record(
    scenario: &Scenario,
    gate: &Gate,
    packet: &Packet<'_>,
    frame: &[u8],
    record: &Record,
) {
    let mut number = record.rule as usize;
    let holder = scenario.spec.orders.iter().enumerate().find(|(_, order)| {
        let is_of = number < order.rules.len();
        if !is_of {
            number -= order.rules.len();
        }
        is_of
    });
    let Some((position, order)) = holder else { panic!("no rule {}", record.rule) };
    let direction = direction(scenario, packet).expect("a record has a direction");
    assert_eq!(order.direction(), direction, "{packet:?} under {order:?}");
    assert!(holds(order, &order.rules[number], packet), "rule {number} of {order:?}: {packet:?}");
    assert!(gate.is_open(position), "order {position} under {gate:?}");
    let bytes = |address| match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    };
    let (source_port, destination_port) = packet.ports.unwrap_or_default();
    let flags = [
        (packet.source.is_ipv6(), flag::V6),
        (packet.ports.is_some(), flag::PORTS),
        (packet.fragment, flag::FRAGMENT),
    ];
    let written = Record {
        time: BootTime::from_nanos(gate.now),
        source: bytes(packet.source),
        destination: bytes(packet.destination),
        length: u32::try_from(frame.len()).expect("a short frame"),
        generation: GENERATION,
        rule: record.rule,
        source_port,
        destination_port,
        protocol: packet.protocol,
        direction: direction as u8,
        flags: flags.iter().map(|(set, flag)| if *set { *flag } else { 0 }).sum(),
        reserved: 0,
        encapsulation: packet.around.iter().fold(0, |code, name| code << 4 | tunnel(name)),
    };
    assert_eq!(*record, written, "{packet:?}");
    let context = ndjson::Context {
        time: Some(Timestamp::UNIX_EPOCH),
        sequence: 1,
        sensor: "s",
        interface: "i",
    };
    let mut line = Vec::new();
    ndjson::write(&mut line, record, &scenario.names, &context).expect("our own names");
    let line: serde_json::Value = serde_json::from_slice(&line).expect("one JSON object");
    assert_eq!(line["sekisho"]["rule"], format!("r{number}"));
    assert_eq!(line["sekisho"]["order_id"], format!("o{position}"));
    let around = line["sekisho"].get("encapsulation").and_then(|names| names.as_array());
    assert!(around.is_none_or(|names| !names.is_empty()));
    assert_eq!(around.map_or(&[] as &[_], |names| names.as_slice()), packet.around);
}

/// The number of an encapsulation in a record.
fn tunnel(name: &str) -> u32 {
    let names = [
        "vlan", "mpls", "pppoe", "gre", "erspan", "ip-in-ip", "etherip", "vxlan", "geneve",
        "gtp-u", "teredo",
    ];
    let position = names.iter().position(|other| *other == name).expect("a name");
    u32::try_from(position).expect("few names") + 1
}

/// Another library's reading of a frame with a record: the same ends, and the same ports where it finds
/// any. It is a lax one, because it refuses more than the RFCs do. It knows no tunnels.
fn another_opinion(frame: &[u8], record: &Record) {
    let Ok(packet) = LaxSlicedPacket::from_ethernet(frame) else { panic!("{frame:02x?}") };
    let ends = match &packet.net {
        Some(LaxNetSlice::Ipv4(v4)) => (
            v4.header().source_addr().to_ipv6_mapped().octets(),
            v4.header().destination_addr().to_ipv6_mapped().octets(),
        ),
        Some(LaxNetSlice::Ipv6(v6)) => {
            (v6.header().source_addr().octets(), v6.header().destination_addr().octets())
        }
        other => panic!("a record of {other:?}: {frame:02x?}"),
    };
    assert_eq!(ends, (record.source, record.destination), "{frame:02x?}");
    let ports = match &packet.transport {
        Some(TransportSlice::Tcp(tcp)) => Some((tcp.source_port(), tcp.destination_port())),
        Some(TransportSlice::Udp(udp)) => Some((udp.source_port(), udp.destination_port())),
        _ => None,
    };
    if let Some(ports) = ports
        && record.flags & flag::PORTS != 0
    {
        assert_eq!(ports, (record.source_port, record.destination_port), "{frame:02x?}");
    }
}

fn expected(scenario: &Scenario, gate: &Gate, reading: &Reading<'_>) -> Expected {
    let none = |outcome, direction| Expected { outcome, direction, rules: Vec::new() };
    let packet = match reading {
        Reading::NonIp => return none(Outcome::NonIp, None),
        Reading::Malformed => return none(Outcome::Malformed, None),
        Reading::Packet(packet) => packet,
    };
    let direction = match direction(scenario, packet) {
        None => return none(Outcome::Unclassified, None),
        Some(Direction::DomesticToDomestic) => {
            return none(Outcome::Domestic, Some(Direction::DomesticToDomestic));
        }
        Some(direction) => direction,
    };
    let orders = &scenario.spec.orders;
    let share = |order: &OrderSpec| u128::from(order.capacity) * u128::from(order.percent) / 800;
    let art_17 = |order: &&OrderSpec| order.measure == Measure::ForeignToForeign;
    // L-CAP: not even a byte a second.
    if direction == Direction::ForeignToForeign
        && orders.iter().filter(art_17).any(|order| share(order) == 0)
    {
        return none(Outcome::OverCapacity, Some(direction));
    }
    let (mut first_rule, mut held, mut rules) = (0, false, Vec::new());
    for (position, order) in orders.iter().enumerate() {
        let rule = order.rules.iter().position(|rule| holds(order, rule, packet));
        if let Some(rule) = rule.filter(|_| order.direction() == direction) {
            held = true;
            if gate.is_open(position) {
                rules.push(u32::try_from(first_rule + rule).expect("few rules"));
            }
        }
        first_rule += order.rules.len();
    }
    let outcome = match (held, rules.is_empty()) {
        (false, _) => Outcome::Unmatched,
        (true, true) => Outcome::Lapsed,
        (true, false) => Outcome::Recorded,
    };
    Expected { outcome, direction: Some(direction), rules }
}

impl Gate {
    /// Whether the order at a position may select.
    fn is_open(&self, position: usize) -> bool {
        let (begin, end) = self.terms[position];
        let in_term = begin != 0 && begin <= self.now && self.now < end;
        in_term && !self.halted && self.now < self.lease
    }
}

impl OrderSpec {
    const fn direction(&self) -> Direction {
        match self.measure {
            Measure::Agreement | Measure::ForeignToDomestic => Direction::ForeignToDomestic,
            Measure::ForeignToForeign => Direction::ForeignToForeign,
            Measure::DomesticToForeign => Direction::DomesticToForeign,
        }
    }
}

fn direction(scenario: &Scenario, packet: &Packet<'_>) -> Option<Direction> {
    use AddressClass::{Domestic, Foreign};
    match (class(scenario, packet.source), class(scenario, packet.destination)) {
        (Foreign, Foreign) => Some(Direction::ForeignToForeign),
        (Foreign, Domestic) => Some(Direction::ForeignToDomestic),
        (Domestic, Foreign) => Some(Direction::DomesticToForeign),
        (Domestic, Domestic) => Some(Direction::DomesticToDomestic),
        _ => None,
    }
}

/// The class of the longest prefix in the last layer that names the address.
fn class(scenario: &Scenario, address: IpAddr) -> AddressClass {
    let longest = |layer: &Vec<(IpNetwork, AddressClass)>| {
        let naming = layer.iter().filter(|(network, _)| network.contains(address));
        naming.max_by_key(|(network, _)| network.prefix()).map(|(_, class)| *class)
    };
    scenario.spec.layers.iter().rev().find_map(longest).unwrap_or_default()
}

fn is_in(set: &[IpNetwork], address: IpAddr) -> bool {
    set.iter().any(|network| network.contains(address))
}

/// Whether all that a rule names holds for a packet, and what its order names besides.
fn holds(order: &OrderSpec, rule: &RuleSpec, packet: &Packet<'_>) -> bool {
    let set = |set: usize, address| is_in(&order.sets[set], address);
    let port = |ranges: &[(u16, u16)], pick: fn((u16, u16)) -> u16| {
        let within = |port| ranges.iter().any(|&(low, high)| low <= port && port <= high);
        ranges.is_empty() || packet.ports.map(pick).is_some_and(within)
    };
    (order.measure != Measure::Agreement || is_in(&order.party, packet.destination))
        && rule.source.is_none_or(|name| set(name, packet.source))
        && rule.destination.is_none_or(|name| set(name, packet.destination))
        && rule.either.is_none_or(|name| set(name, packet.source) || set(name, packet.destination))
        && rule.protocol.is_none_or(|protocol| protocol == packet.protocol)
        && port(&rule.source_ports, |ports| ports.0)
        && port(&rule.destination_ports, |ports| ports.1)
        && rule.payload.is_none_or(|name| {
            packet.payload.is_some_and(|payload| begins(&order.prefixes[name], payload))
        })
}

fn begins(prefixes: &Prefixes, payload: &[u8]) -> bool {
    match prefixes {
        Prefixes::Raw(list) => list.iter().any(|prefix| payload.starts_with(prefix)),
        Prefixes::Hashed { key, length, samples } => payload.get(..*length).is_some_and(|first| {
            let hash = siphash(*key, first);
            samples.iter().any(|sample| siphash(*key, sample) == hash)
        }),
    }
}
