//! No order compiles to rules that select what its criteria exclude (L-APPROVE, L-SELECT): random orders under
//! random criteria, against a naive reading of both documents. What the reading calls excluded is refused; of
//! what is accepted, every record is of a packet that the criteria allow to be selected.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{IpAddr, Ipv4Addr};

use controller::compile::{Generation, Slotted, compile};
use controller::engine::{Engine as _, HostEngine};
use controller::order::together::{Given, judge};
use controller::order::{Mandate, Trust};
use etherparse::PacketBuilder;
use ipnetwork::IpNetwork;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use sekisho_kit::{signed, trust_file};
use sensor_common::boot_time::BootTime;
use sensor_common::direction::AddressClass;
use sensor_common::tables::Term;
use serde_json::{Value, json};

/// An order and criteria, before they are documents.
#[derive(Clone, Debug)]
struct Case {
    conditions: Vec<&'static str>,
    most_selectors: usize,
    most_rules: usize,
    shortest: u8,
    least: usize,
    allowed: Option<Vec<&'static str>>,
    addresses: Vec<(Ipv4Addr, u8)>,
    payloads: Vec<Vec<u8>>,
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    address: bool,
    payload: bool,
    protocol: Option<&'static str>,
    ports: Vec<(u16, u16)>,
}

#[derive(Clone, Debug)]
struct Packet {
    source: Ipv4Addr,
    is_tcp: bool,
    port: u16,
    payload: Vec<u8>,
}

/// From few places, so that sets are met.
fn address() -> impl Strategy<Value = Ipv4Addr> {
    (select(vec![10_u8, 11, 198]), select(vec![0_u8, 1, 128]), 0..3_u8, 0..4_u8)
        .prop_map(|(a, b, c, d)| Ipv4Addr::new(a, b, c, d))
}

fn payload(shortest: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(0..2_u8, shortest..9)
}

/// One of `most`, now and then one of `few`, so that many orders are lawful and each fault is met.
fn mostly<T: Clone + std::fmt::Debug + 'static>(
    most: Vec<T>,
    few: Vec<T>,
) -> impl Strategy<Value = T> {
    prop_oneof![19 => select(most), 1 => select(few)]
}

fn rule() -> impl Strategy<Value = Rule> {
    let range = (mostly(vec![1_u16, 443, 32_768], vec![0]), select(vec![443_u16, 32_767, 65_535]));
    let range = range.prop_map(|(one, other)| (one.min(other), one.max(other)));
    let protocol = option::of(select(vec!["tcp", "udp"]));
    (prop::bool::weighted(0.8), any::<bool>(), protocol, vec(range, 0..3))
        .prop_map(|(address, payload, protocol, ports)| Rule { address, payload, protocol, ports })
}

fn case() -> impl Strategy<Value = Case> {
    let all = vec!["address", "payload", "protocol-ports"];
    let kinds = prop_oneof![2 => Just(all.clone()), 1 => subsequence(all, 1..=3)];
    let protocols = option::weighted(0.2, subsequence(vec!["tcp", "udp"], 1..=2));
    let prefix = (address(), mostly(vec![16_u8, 24, 32], vec![7, 9, 12]));
    let shortest = mostly(vec![8_u8, 12, 16], vec![24]);
    let bytes = prop_oneof![19 => payload(5), 1 => payload(3)];
    (
        (
            kinds,
            mostly(vec![6_usize, 7], vec![1, 3, 5]),
            1..4_usize,
            shortest,
            4..6_usize,
            protocols,
        ),
        (vec(prefix, 1..5), vec(bytes, 1..3), vec(rule(), 1..3)),
    )
        .prop_map(|(criteria, (addresses, payloads, rules))| {
            let (conditions, most_selectors, most_rules, shortest, least, allowed) = criteria;
            Case {
                conditions,
                most_selectors,
                most_rules,
                shortest,
                least,
                allowed,
                addresses,
                payloads,
                rules,
            }
        })
}

fn packet() -> impl Strategy<Value = Packet> {
    (address(), any::<bool>(), select(vec![0_u16, 1, 443, 40_000]), payload(0))
        .prop_map(|(source, is_tcp, port, payload)| Packet { source, is_tcp, port, payload })
}

impl Case {
    fn plan(&self) -> Value {
        let addresses = self.addresses.iter().map(|(at, length)| {
            let network = IpNetwork::new(IpAddr::V4(*at), *length).unwrap();
            format!("{}/{length}", network.network())
        });
        let rules = self.rules.iter().enumerate().map(|(number, rule)| {
            let mut text = json!({"id": format!("r{number}")});
            if rule.address {
                text["source"] = "a".into();
            }
            if rule.payload {
                text["payload"] = "p".into();
            }
            if let Some(protocol) = rule.protocol {
                text["protocol"] = protocol.into();
            }
            if !rule.ports.is_empty() {
                let texts = rule.ports.iter().map(|(low, high)| format!("{low}-{high}"));
                text["destination_ports"] = texts.collect();
            }
            text
        });
        let mut criteria = json!({
            "conditions": self.conditions, "max_selectors": self.most_selectors,
            "max_rules": self.most_rules, "min_payload_length": self.least,
            "min_prefix_length": {"ipv4": self.shortest, "ipv6": 32},
        });
        if let Some(allowed) = &self.allowed {
            criteria["protocols"] = json!(allowed);
        }
        json!({
            "order_id": "o", "serial": 1, "measure": "foreign-to-domestic",
            "not_before": "2027-01-01T00:00:00Z", "not_after": "2027-03-01T00:00:00Z",
            "facility": {"id": "f", "capacity_bps": 1_000_000, "max_share_percent": 30},
            "under": {"criteria": criteria},
            "address_sets": {"a": addresses.collect::<Vec<_>>()},
            "payload_prefixes": {"p": {"hex": self.payloads.iter().map(hex::encode).collect::<Vec<_>>()}},
            "rules": rules.collect::<Vec<_>>(),
        })
    }

    /// Whether the criteria or the Act exclude the order, one question after the other.
    fn is_excluded(&self) -> bool {
        let kind = |name| self.conditions.contains(&name);
        let mut networks: Vec<(u32, u8)> = Vec::new();
        for (at, length) in &self.addresses {
            let network = (at.to_bits() >> (32 - length) << (32 - length), *length);
            if *length < self.shortest {
                return true;
            }
            networks.push(network);
        }
        // Members that are within another add nothing.
        let outer = networks.iter().enumerate().filter(|(number, (at, length))| {
            !networks.iter().enumerate().any(|(other, (around, wide))| {
                let within = at >> (32 - wide) == around >> (32 - wide);
                within && (wide < length || wide == length && other < *number)
            })
        });
        let covered: u64 = outer.map(|(_, (_, length))| 1_u64 << (32 - length)).sum();
        let selectors = self.addresses.len() + self.payloads.len();
        covered > (1 << 32) / 1_000
            || self.payloads.iter().any(|bytes| bytes.len() < self.least)
            || selectors > self.most_selectors
            || self.rules.len() > self.most_rules
            || self.rules.iter().any(|rule| {
                let mut ports = vec![false; 1 << 16];
                for (low, high) in &rule.ports {
                    ports[usize::from(*low)..=usize::from(*high)].fill(true);
                }
                let traffic = rule.protocol.is_some() || !rule.ports.is_empty();
                ports.iter().all(|is_in| *is_in)
                    || !rule.address && !rule.payload
                    || rule.address && !kind("address")
                    || rule.payload && !kind("payload")
                    || traffic && !kind("protocol-ports")
                    || self.allowed.as_ref().is_some_and(|allowed| {
                        rule.protocol.is_none_or(|protocol| !allowed.contains(&protocol))
                    })
            })
    }

    /// Whether some condition that the criteria know, and nothing wider, holds for a packet.
    fn may_select(&self, packet: &Packet) -> bool {
        let protocol = if packet.is_tcp { "tcp" } else { "udp" };
        let bits = packet.source.to_bits();
        let address = self.conditions.contains(&"address")
            && self.addresses.iter().any(|(at, length)| {
                *length >= self.shortest && bits >> (32 - length) == at.to_bits() >> (32 - length)
            });
        let payload = self.conditions.contains(&"payload")
            && self
                .payloads
                .iter()
                .any(|prefix| prefix.len() >= self.least && packet.payload.starts_with(prefix));
        let protocols = self.allowed.as_ref().is_none_or(|list| list.contains(&protocol));
        (address || payload) && protocols
    }
}

fn accepted(case: &Case) -> Option<Mandate> {
    thread_local! {
        static TRUST: Trust = Trust::parse("trust", trust_file().as_bytes()).unwrap();
    }
    let documents = signed(&case.plan());
    let given = |text: String| Given { file: "file".to_owned(), bytes: text.into() };
    let files = [given(documents.basis), given(documents.order)];
    let together = TRUST.with(|trust| judge(&files, trust, &[])).ok()?;
    together.orders.into_iter().next().map(|(_, order)| order)
}

fn frame(packet: &Packet) -> Vec<u8> {
    let ip =
        PacketBuilder::ethernet2([1; 6], [2; 6]).ipv4(packet.source.octets(), [203, 0, 113, 9], 64);
    let mut frame = Vec::new();
    if packet.is_tcp {
        ip.tcp(40_000, packet.port, 1, 1).write(&mut frame, &packet.payload).unwrap();
    } else {
        ip.udp(40_000, packet.port).write(&mut frame, &packet.payload).unwrap();
    }
    frame
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_selected_that_the_criteria_exclude(
        case in case(),
        packets in vec(packet(), 1..24),
    ) {
        let order = accepted(&case);
        prop_assert_eq!(order.is_none(), case.is_excluded(), "{}", case.plan());
        let Some(order) = order else { return Ok(()) };
        let class = |text: &str, class: AddressClass| (text.parse::<IpNetwork>().unwrap(), class);
        let layer = [
            class("0.0.0.0/0", AddressClass::Foreign),
            class("203.0.113.0/24", AddressClass::Domestic),
        ];
        let Generation { lines, .. } = compile(7, &[&layer], &Slotted::in_turn([&order]), None).unwrap();
        let mut engine = HostEngine::new(lines);
        let gate = engine.gate();
        gate.terms.fill(Term::from([1, u64::MAX]));
        gate.halted = false;
        [gate.lease, gate.now] = [u64::MAX, 1].map(BootTime::from_nanos);
        for packet in &packets {
            let records = engine.judge(&frame(packet)).unwrap();
            prop_assert!(records.is_empty() || case.may_select(packet), "{packet:?} of {case:?}");
        }
    }
}
