//! What an explanation says, in the order in which it says it, without a word of any language.

use ipnetwork::IpNetwork;
use jiff::Timestamp;

use crate::order::condition::Condition;
use crate::order::document::Order;
use crate::order::key::OrderKey;
use crate::order::measure::Measure;
use crate::order::payload::PayloadPrefixes;
use crate::order::time::Length;
use crate::order::verified::Signer;

/// How many members of a set are listed; a set may hold millions.
const LISTED: usize = 5;

/// One line of an explanation.
#[derive(Debug)]
pub(super) enum Fact<'a> {
    Gap,
    Order {
        id: &'a str,
        serial: u64,
    },
    /// Nobody's signature was checked.
    NotVerified,
    /// So many distinct trusted keys signed; the signers follow.
    Verified(usize),
    Signer(&'a Signer),
    Measure(Measure),
    /// The one direction of the measure (L-MEASURE).
    Direction(Measure),
    Party {
        name: &'a str,
        prefixes: Listing,
    },
    /// When, and on what authority (L-APPROVE).
    Approved {
        measure: Measure,
        at: Timestamp,
    },
    From(Timestamp),
    /// Exclusive.
    Until(Timestamp),
    /// The length of the term and the most months that it may have (L-TERM).
    Length {
        length: Length,
        most_months: u8,
    },
    Extends(&'a OrderKey),
    Facility {
        id: &'a str,
        capacity: Capacity,
    },
    /// In percent (L-CAP).
    Share(u8),
    /// The rules follow; the measure names the article on conditions (L-SELECT).
    Rules(Measure),
    Rule {
        id: &'a str,
        conditions: Vec<Condition<'a>>,
    },
    AddressSets,
    AddressSet {
        name: &'a str,
        listing: Listing,
    },
    PayloadSets,
    /// Prefixes spelled out in hexadecimal digits.
    RawPayloads {
        name: &'a str,
        listing: Listing,
    },
    /// Prefixes known by their hash only: how many bytes are hashed, how many hashes there are.
    HashedPayloads {
        name: &'a str,
        length: u8,
        hashes: usize,
    },
    /// Sets that no rule names, as JSON paths.
    Unused(Vec<String>),
}

/// A set: how many members it has, and the first few of them.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) count: usize,
    pub(super) first: Vec<String>,
}

impl Listing {
    fn of<T>(set: &[T], show: impl Fn(&T) -> String) -> Self {
        Self { count: set.len(), first: set.iter().take(LISTED).map(show).collect() }
    }

    /// Whether there are members that are not listed.
    pub(super) const fn is_cut(&self) -> bool {
        self.count > self.first.len()
    }
}

/// A capacity with the largest unit that leaves a whole number.
#[derive(Debug)]
pub(super) struct Capacity {
    pub(super) number: u64,
    pub(super) unit: &'static str,
}

impl Capacity {
    fn of(bps: u64) -> Self {
        const UNITS: [(u64, &str); 3] =
            [(1_000_000_000_000, "Tbit/s"), (1_000_000_000, "Gbit/s"), (1_000_000, "Mbit/s")];
        let fits = |(size, _): &&(u64, &str)| bps >= *size && bps.is_multiple_of(*size);
        let (size, unit) = UNITS.iter().find(fits).copied().unwrap_or((1, "bit/s"));
        Self { number: bps / size, unit }
    }
}

/// Everything that is said of an order.
pub(super) fn of<'a>(order: &'a Order, signers: Option<&'a [Signer]>) -> Vec<Fact<'a>> {
    let measure = order.measure;
    let mut facts = vec![Fact::Order { id: &order.order_id, serial: order.serial }];
    match signers {
        None => facts.push(Fact::NotVerified),
        Some(signers) => {
            facts.push(Fact::Verified(signers.len()));
            facts.extend(signers.iter().map(Fact::Signer));
        }
    }
    facts.extend([Fact::Gap, Fact::Measure(measure), Fact::Direction(measure)]);
    facts.extend(order.party.as_ref().map(|party| Fact::Party {
        name: &party.name,
        prefixes: Listing::of(&party.prefixes, network),
    }));
    facts.extend([
        Fact::Approved { measure, at: order.approved_at },
        Fact::From(order.not_before),
        Fact::Until(order.not_after),
        Fact::Length {
            length: Length::between(order.not_before, order.not_after),
            most_months: measure.longest_term_months(),
        },
    ]);
    facts.extend(order.extends.as_ref().map(Fact::Extends));
    let facility = &order.facility;
    facts.extend([
        Fact::Facility { id: &facility.id, capacity: Capacity::of(facility.capacity_bps) },
        Fact::Share(facility.max_share_percent),
        Fact::Gap,
        Fact::Rules(measure),
    ]);
    facts.extend(
        order
            .rules
            .iter()
            .map(|rule| Fact::Rule { id: &rule.id, conditions: rule.conditions().collect() }),
    );
    if !order.address_sets.is_empty() {
        facts.extend([Fact::Gap, Fact::AddressSets]);
        facts.extend(
            order
                .address_sets
                .iter()
                .map(|(name, set)| Fact::AddressSet { name, listing: Listing::of(set, network) }),
        );
    }
    if !order.payload_prefixes.is_empty() {
        facts.extend([Fact::Gap, Fact::PayloadSets]);
        facts.extend(order.payload_prefixes.iter().map(|(name, set)| payloads(name, set)));
    }
    let unused = order.unused_sets();
    if !unused.is_empty() {
        facts.extend([Fact::Gap, Fact::Unused(unused)]);
    }
    facts
}

fn payloads<'a>(name: &'a str, set: &PayloadPrefixes) -> Fact<'a> {
    match set {
        PayloadPrefixes::Raw(prefixes) => {
            Fact::RawPayloads { name, listing: Listing::of(prefixes, |bytes| hex::encode(bytes)) }
        }
        PayloadPrefixes::Hashed { length, hashes, .. } => {
            Fact::HashedPayloads { name, length: *length, hashes: hashes.len() }
        }
    }
}

/// A prefix of full length is an address.
fn network(network: &IpNetwork) -> String {
    let full = if network.is_ipv4() { 32 } else { 128 };
    if network.prefix() == full { network.ip().to_string() } else { network.to_string() }
}
