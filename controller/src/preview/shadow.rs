//! Finds rules that an earlier rule of the same order hides. A record names the first rule that matches. So
//! if an earlier rule matches every packet of a rule, no record names that rule, which is hardly what its
//! authors meant.
//!
//! Rules are compared condition by condition, and only within the order. A rule that several others hide
//! together is not found.

use std::collections::{BTreeMap, HashSet};

use super::{Spaces, Warning};
use crate::order::Order;
use crate::order::condition::Condition;
use crate::order::payload::PayloadPrefixes;
use crate::order::selection::Rule;
use crate::order::space::Space;
use crate::order::traffic::{PortRange, Protocol};

pub(super) fn warn(file: &str, order: &Order, spaces: &Spaces<'_>, warnings: &mut Vec<Warning>) {
    let payloads = payloads(order);
    let rules: Vec<Conditions<'_>> =
        order.rules.iter().map(|rule| Conditions::of(rule, spaces, &payloads)).collect();
    for (index, later) in rules.iter().enumerate() {
        let mut before = rules.iter().take(index);
        if let Some(earlier) = before.find(|earlier| earlier.follow_from(later)) {
            let text = format!(
                "rule {} never names a record: rule {} before it matches every packet that it \
                 matches",
                later.id, earlier.id
            );
            warnings.push(Warning::new(file, format!("rules[{index}]"), text));
        }
    }
}

/// The conditions of a rule in a form that is cheap to compare. `None`: no such condition.
struct Conditions<'a> {
    id: &'a str,
    protocol: Option<Protocol>,
    source_ports: Ports,
    destination_ports: Ports,
    payload: Option<&'a Payloads<'a>>,
    source: Option<&'a Space>,
    destination: Option<&'a Space>,
    either: Option<&'a Space>,
    /// Every packet that an agreement selects goes to its party.
    party: Option<&'a Space>,
}

impl<'a> Conditions<'a> {
    fn of(
        rule: &'a Rule,
        spaces: &'a Spaces<'a>,
        payloads: &'a BTreeMap<&'a str, Payloads<'a>>,
    ) -> Self {
        let mut conditions = Self {
            id: &rule.id,
            protocol: None,
            source_ports: Ports::default(),
            destination_ports: Ports::default(),
            payload: None,
            source: None,
            destination: None,
            either: None,
            party: spaces.party.as_ref(),
        };
        for condition in rule.conditions() {
            match condition {
                Condition::Source(set) => conditions.source = spaces.sets.get(set),
                Condition::Destination(set) => conditions.destination = spaces.sets.get(set),
                Condition::Either(set) => conditions.either = spaces.sets.get(set),
                Condition::Payload(set) => conditions.payload = payloads.get(set),
                Condition::Protocol(protocol) => conditions.protocol = Some(protocol),
                Condition::SourcePorts(ranges) => conditions.source_ports = Ports::of(ranges),
                Condition::DestinationPorts(ranges) => {
                    conditions.destination_ports = Ports::of(ranges);
                }
            }
        }
        conditions
    }

    /// Whether a packet that meets all conditions of `other` meets all of these. The cheapest comparisons
    /// come first.
    fn follow_from(&self, other: &Self) -> bool {
        self.protocol.is_none_or(|protocol| other.protocol == Some(protocol))
            && self.source_ports.hold(&other.source_ports)
            && self.destination_ports.hold(&other.destination_ports)
            && self.payload.is_none_or(|wide| other.payload.is_some_and(|set| wide.include(set)))
            && self.addresses_follow_from(other)
    }

    fn addresses_follow_from(&self, other: &Self) -> bool {
        let follows = |set: Option<&Space>, known: &[Option<&Space>]| {
            set.is_none_or(|wide| known.iter().flatten().any(|narrow| wide.holds(narrow)))
        };
        let Self { source, destination, either, .. } = other;
        follows(self.source, &[*source])
            && follows(self.destination, &[*destination, other.party])
            && follows(self.either, &[*source, *destination, *either, other.party])
    }
}

/// The ports allowed on one side, as ascending ranges that do not touch; none if any packet will do, also one
/// without ports.
#[derive(Default)]
struct Ports(Vec<(u16, u16)>);

impl Ports {
    fn of(ranges: &[PortRange]) -> Self {
        let mut sorted: Vec<(u16, u16)> = ranges.iter().map(|r| (r.low(), r.high())).collect();
        sorted.sort_unstable();
        let mut merged: Vec<(u16, u16)> = Vec::with_capacity(sorted.len());
        for (low, high) in sorted {
            match merged.last_mut() {
                Some((_, end)) if end.saturating_add(1) >= low => *end = high.max(*end),
                _ => merged.push((low, high)),
            }
        }
        Self(merged)
    }

    /// Whether every packet that meets `other` meets these.
    fn hold(&self, other: &Self) -> bool {
        let within = |(low, high): &(u16, u16)| {
            let next = self.0.partition_point(|(_, end)| end < low);
            self.0.get(next).is_some_and(|(from, until)| from <= low && high <= until)
        };
        self.0.is_empty() || (!other.0.is_empty() && other.0.iter().all(within))
    }
}

/// A payload prefix set, prepared for look-ups.
enum Payloads<'a> {
    Raw(HashSet<&'a [u8]>),
    Hashed { length: u8, key: &'a [u8; 16], hashes: HashSet<u64> },
}

impl<'a> From<&'a PayloadPrefixes> for Payloads<'a> {
    fn from(prefixes: &'a PayloadPrefixes) -> Self {
        match prefixes {
            PayloadPrefixes::Raw(raw) => Self::Raw(raw.iter().map(Vec::as_slice).collect()),
            PayloadPrefixes::Hashed { length, key, hashes } => {
                Self::Hashed { length: *length, key, hashes: hashes.iter().copied().collect() }
            }
        }
    }
}

impl Payloads<'_> {
    /// Whether every payload that begins with one of `narrow` also begins with one of these. Hashes cannot be
    /// compared with plain prefixes, nor with hashes under other keys.
    fn include(&self, narrow: &Self) -> bool {
        match (self, narrow) {
            (Self::Raw(wide), Self::Raw(narrow)) => narrow.iter().all(|longer| {
                (1..=longer.len()).any(|end| longer.get(..end).is_some_and(|p| wide.contains(p)))
            }),
            (
                Self::Hashed { length, key, hashes },
                Self::Hashed { length: other_length, key: other_key, hashes: narrow },
            ) => (length, key) == (other_length, other_key) && narrow.is_subset(hashes),
            _ => false,
        }
    }
}

/// The payload sets that rules name.
fn payloads(order: &Order) -> BTreeMap<&str, Payloads<'_>> {
    let named = order.conditions().filter_map(Condition::payload_set);
    let set = |name| Some((name, Payloads::from(&order.payload_prefixes.get(name)?.prefixes)));
    named.filter_map(set).collect()
}
