//! Named frames, each with the outcome it must have under [`orders`] and [`layers`].

use controller::order::{Mandate, parse_network};
use ipnetwork::IpNetwork;
use sensor_common::direction::{AddressClass, Direction};
use sensor_common::outcome::Outcome;
use serde_json::{Value, json};

use crate::authority::{approved, payload};

pub(crate) mod build;
mod cases;
mod tunnels;

/// Every fixture.
pub fn fixtures() -> Vec<Fixture> {
    [cases::fixtures(), tunnels::fixtures()].concat()
}

/// A frame and what must become of it.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// What it shows.
    pub name: &'static str,
    /// The frame, from the Ethernet header on.
    pub frame: Vec<u8>,
    /// Its one outcome.
    pub outcome: Outcome,
    /// Its direction, if it has one.
    pub direction: Option<Direction>,
    /// `order_id/rule` of each record, in order.
    pub records: &'static [&'static str],
}

/// Domestic: 203.0.113.0/24 and `2001:db8:81::/48`. Foreign: the other documentation prefixes.
///
/// # Panics
/// Never: the prefixes are sound.
pub fn layers() -> Vec<(IpNetwork, AddressClass)> {
    [
        ("203.0.113.0/24", AddressClass::Domestic),
        ("2001:db8:81::/48", AddressClass::Domestic),
        ("198.51.100.0/24", AddressClass::Foreign),
        ("192.0.2.0/24", AddressClass::Foreign),
        ("192.0.2.128/25", AddressClass::Unclassified),
        ("2001:db8::/32", AddressClass::Foreign),
    ]
    .map(|(text, class)| (parse_network(text).expect("sound"), class))
    .into()
}

/// The orders of [`plans`].
pub fn orders() -> Vec<Mandate> {
    plans().iter().map(approved).collect()
}

/// The plans of one order for each measure, and of a second one under Art. 17.
pub fn plans() -> Vec<Value> {
    let sets = json!({
        "c2": ["198.51.100.7", "198.51.100.64/26", "2001:db8:5::/48", "2001:db8:6::1"],
        "home": ["203.0.113.9", "2001:db8:81::/64"],
    });
    let ff = payload(
        "ff",
        "foreign-to-foreign",
        &sets,
        &json!([
            {"id": "web", "either": "c2", "protocol": "tcp", "destination_ports": ["443", "8000-8099"]},
            {"id": "any-tcp", "source": "c2", "protocol": "tcp"},
            {"id": "esp", "source": "c2", "protocol": 50},
            {"id": "low-udp", "destination": "c2", "protocol": "udp", "source_ports": ["0-1023"]},
        ]),
    );
    let ff2 = payload(
        "ff2",
        "foreign-to-foreign",
        &sets,
        &json!([
            {"id": "pair", "source": "c2", "destination": "c2", "destination_ports": ["443"]},
        ]),
    );
    let fd = payload("fd", "foreign-to-domestic", &sets, &json!([{"id": "in", "source": "c2"}]));
    let df =
        payload("df", "domestic-to-foreign", &sets, &json!([{"id": "out", "destination": "c2"}]));
    let mut agreement = payload(
        "ag",
        "agreement",
        &sets,
        &json!([
            {"id": "icmp", "source": "c2", "protocol": "icmp"},
            {"id": "icmpv6", "source": "c2", "protocol": "icmpv6"},
        ]),
    );
    agreement["party"] =
        json!({"name": "operator", "prefixes": ["203.0.113.0/28", "2001:db8:81::/64"]});
    vec![ff, ff2, fd, df, agreement]
}
