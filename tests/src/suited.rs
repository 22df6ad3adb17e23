//! Orders and directions made for given frames: out of their own addresses, ports and payloads, so that many of
//! them are selected, and many just not.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use controller::compile::{Generation, Slotted, compile};
use controller::engine::HostEngine;
use controller::order::Mandate;
use ipnetwork::IpNetwork;
use sensor_common::direction::AddressClass;
use sensor_common::parse::{Address, Flow, Version, payload};
use sensor_common::siphash;
use serde_json::{Value, json};

use crate::authority::{approved, payload as plan};

/// Lengths of the prefixes that payloads are compared by, and how many there are of each at most.
const LENGTHS: [usize; 3] = [4, 9, 16];
const MOST_PREFIXES: usize = 100;

/// What is known of the frames.
#[derive(Default)]
struct Known {
    addresses: BTreeSet<IpAddr>,
    ports: BTreeSet<u16>,
    payloads: BTreeSet<Vec<u8>>,
}

/// Tables for these frames: one order for each measure, and a second one under Art. 17.
///
/// # Panics
/// Where the orders are refused.
pub fn generation(frames: &[Vec<u8>]) -> Generation {
    let known = Known::of(frames);
    let orders = known.orders();
    compile(5, &[&known.layer()], &Slotted::in_turn(&orders), None).expect("tables of few orders")
}

impl Known {
    fn of(frames: &[Vec<u8>]) -> Self {
        let (engine, mut known) = (HostEngine::new(Vec::new()), Self::default());
        for frame in frames {
            let frame = frame.as_slice();
            let Ok(flow) = engine.read(&frame) else { continue };
            known.addresses.extend([flow.source, flow.destination].map(|end| address(&flow, end)));
            known.ports.extend(flow.ports().map(|ports| ports.destination));
            let found = payload::find(&frame, &flow).map(|found| found.start as usize);
            known
                .payloads
                .extend(found.and_then(|start| frame.get(start..start + 16)).map(Vec::from));
        }
        // Such an address in IPv6 is IPv4's, written otherwise: lists refuse it.
        known.addresses.retain(|address| address.to_canonical() == *address);
        known
    }

    /// Of seven addresses four are foreign, two domestic, and one is in no list.
    fn layer(&self) -> Vec<(IpNetwork, AddressClass)> {
        use AddressClass::{Domestic, Foreign, Unclassified};
        let classes = [Foreign, Foreign, Domestic, Foreign, Domestic, Unclassified, Foreign];
        let ends = self.addresses.iter().map(|address| IpNetwork::from(*address));
        ends.zip(classes.into_iter().cycle()).collect()
    }

    fn orders(&self) -> Vec<Mandate> {
        let mut some: Vec<String> =
            self.addresses.iter().step_by(2).map(IpAddr::to_string).collect();
        some.push("198.51.100.7".to_owned());
        let sets = json!({"some": some});
        let ports: Vec<String> = self
            .ports
            .iter()
            .step_by(2)
            .take(16)
            .map(u16::to_string)
            .chain(["443".to_owned()])
            .collect();
        let plans = [
            (
                "foreign-to-foreign",
                json!([
                    {"id": "beginning", "protocol": "tcp", "payload": "raw"},
                    {"id": "ports", "either": "some", "protocol": "tcp", "destination_ports": ports},
                    {"id": "udp", "source": "some", "protocol": "udp"},
                ]),
            ),
            (
                "foreign-to-foreign",
                json!([
                    {"id": "both", "source": "some", "payload": "hashed"},
                    {"id": "low", "destination": "some", "source_ports": ["0-1023"]},
                ]),
            ),
            (
                "foreign-to-domestic",
                json!([
                    {"id": "beginning", "protocol": "tcp", "payload": "hashed"}, {"id": "in", "source": "some"},
                ]),
            ),
            (
                "domestic-to-foreign",
                json!([
                    {"id": "ports", "destination": "some", "source_ports": ports}, {"id": "out", "destination": "some"},
                ]),
            ),
        ];
        let plans = plans.iter().enumerate().map(|(number, (measure, rules))| {
            let mut plan = plan(&format!("o{number}"), measure, &sets, rules);
            plan["payload_prefixes"] = json!({"raw": self.raw(), "hashed": self.hashed()});
            plan
        });
        plans.map(|plan| approved(&plan)).collect()
    }

    /// How some payloads begin.
    fn raw(&self) -> Value {
        let mut prefixes = vec!["6e6f626f6479".to_owned()];
        for length in LENGTHS {
            let some = self.payloads.iter().step_by(3).take(MOST_PREFIXES);
            prefixes.extend(some.map(|payload| hex(&payload[..length])));
        }
        prefixes.sort();
        prefixes.dedup();
        json!({"hex": prefixes})
    }

    /// How others do.
    fn hashed(&self) -> Value {
        let hash = |payload: &Vec<u8>| format!("{:016x}", siphash::hash([0, 0], &payload[..8]));
        let some = self.payloads.iter().skip(1).step_by(3).take(MOST_PREFIXES);
        let mut hashes: Vec<String> =
            some.map(hash).chain(["0123456789abcdef".to_owned()]).collect();
        hashes.sort();
        hashes.dedup();
        json!({"length": 8, "key": "00".repeat(16), "siphash24": hashes})
    }
}

fn address(flow: &Flow, Address { high, low }: Address) -> IpAddr {
    match flow.version() {
        Version::V4 => Ipv4Addr::from_bits((Address { high, low }).v4()).into(),
        Version::V6 => Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low)).into(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
