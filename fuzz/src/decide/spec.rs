//! Orders and directions as an input spells them: the plain truth that the oracle reads, and the
//! documents that the real parser and compiler get.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use arbitrary::{Result, Unstructured};
use ipnetwork::IpNetwork;
use sensor_common::direction::AddressClass;
use serde_json::{Value, json};

/// Names of the address sets of every order.
const SETS: [&str; 3] = ["a", "b", "c"];
/// Names of its payload prefix sets.
const PREFIXES: [&str; 2] = ["p", "q"];

/// Directions and orders.
#[derive(Debug)]
pub(super) struct Spec {
    /// What a later layer names hides what an earlier one says.
    pub(super) layers: [Vec<(IpNetwork, AddressClass)>; 2],
    pub(super) orders: Vec<OrderSpec>,
    /// The slot of the first order; the others follow it.
    pub(super) first_slot: u32,
}

/// One order.
#[derive(Debug)]
pub(super) struct OrderSpec {
    pub(super) measure: Measure,
    /// Bits per second.
    pub(super) capacity: u64,
    pub(super) percent: u8,
    pub(super) party: Vec<IpNetwork>,
    pub(super) sets: [Vec<IpNetwork>; 3],
    pub(super) prefixes: [Prefixes; 2],
    pub(super) rules: Vec<RuleSpec>,
}

/// A measure, and with it a direction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Measure {
    Agreement,
    ForeignToForeign,
    ForeignToDomestic,
    DomesticToForeign,
}

/// A set of payload prefixes.
#[derive(Debug)]
pub(super) enum Prefixes {
    Raw(Vec<Vec<u8>>),
    /// The first `length` bytes of each sample are hashed under `key`.
    Hashed {
        key: [u8; 16],
        length: usize,
        samples: Vec<Vec<u8>>,
    },
}

/// One rule; sets by their position.
#[derive(Clone, Debug, Default)]
pub(super) struct RuleSpec {
    pub(super) source: Option<usize>,
    pub(super) destination: Option<usize>,
    pub(super) either: Option<usize>,
    pub(super) payload: Option<usize>,
    pub(super) protocol: Option<u8>,
    pub(super) source_ports: Vec<(u16, u16)>,
    pub(super) destination_ports: Vec<(u16, u16)>,
}

impl Spec {
    pub(super) const fn empty() -> Self {
        Self { layers: [Vec::new(), Vec::new()], orders: Vec::new(), first_slot: 0 }
    }

    pub(super) fn read(u: &mut Unstructured<'_>) -> Result<Self> {
        let layers = [layer(u)?, layer(u)?];
        let mut orders = Vec::new();
        for _ in 0..u.int_in_range(0..=4)? {
            orders.push(OrderSpec::read(u)?);
        }
        Ok(Self { layers, orders, first_slot: u.int_in_range(0..=63)? })
    }
}

impl OrderSpec {
    fn read(u: &mut Unstructured<'_>) -> Result<Self> {
        let measure = *u.choose(&[
            Measure::ForeignToForeign,
            Measure::ForeignToDomestic,
            Measure::DomesticToForeign,
            Measure::Agreement,
        ])?;
        let capacity = *u.choose(&[1_000_000, 1, 799, u64::MAX])?;
        let percent = u.int_in_range(1..=30)?;
        let sets = [networks(u)?, networks(u)?, networks(u)?];
        let prefixes = [Prefixes::read(u)?, Prefixes::read(u)?];
        let party = if measure == Measure::Agreement { networks(u)? } else { Vec::new() };
        let mut rules: Vec<RuleSpec> = Vec::new();
        for _ in 0..u.int_in_range(1..=6)? {
            let mut rule = RuleSpec::read(u, measure)?;
            // A rule that holds wherever the one before it does: only the first has a record.
            if u.ratio(1, 4)?
                && let Some(before) = rules.last()
            {
                rule = RuleSpec { source_ports: Vec::new(), ..before.clone() };
                // Ports were its second condition.
                if rule.protocol.is_none() && rule.destination_ports.is_empty() {
                    rule.destination_ports = vec![(1, u16::MAX)];
                }
            }
            rules.push(rule);
        }
        // Words of 64 rules: what is in the second must be found behind a first that does not hold.
        let copies: usize = *u.choose(&[0, 0, 0, 60, 130])?;
        let last = rules.pop();
        for _ in 0..copies {
            // Ports of no other rule, so that it holds for nearly nothing.
            rules.push(RuleSpec {
                source: Some(0),
                destination: Some(0),
                protocol: Some(17),
                source_ports: vec![(64_999, 64_999)],
                ..RuleSpec::default()
            });
        }
        rules.extend(last);
        Ok(Self { measure, capacity, percent, party, sets, prefixes, rules })
    }

    /// The plan of its documents.
    pub(super) fn plan(&self, number: usize) -> Value {
        let measure = match self.measure {
            Measure::Agreement => "agreement",
            Measure::ForeignToForeign => "foreign-to-foreign",
            Measure::ForeignToDomestic => "foreign-to-domestic",
            Measure::DomesticToForeign => "domestic-to-foreign",
        };
        let texts = |set: &[IpNetwork]| set.iter().map(IpNetwork::to_string).collect::<Vec<_>>();
        let sets: serde_json::Map<_, _> = SETS
            .iter()
            .zip(&self.sets)
            .map(|(name, set)| ((*name).into(), json!(texts(set))))
            .collect();
        let prefixes: serde_json::Map<_, _> = PREFIXES
            .iter()
            .zip(&self.prefixes)
            .map(|(name, set)| ((*name).into(), set.document()))
            .collect();
        let rules: Vec<Value> =
            self.rules.iter().enumerate().map(|(at, rule)| rule.document(at)).collect();
        let mut plan = json!({
            "order_id": format!("o{number}"), "serial": 1, "measure": measure,
            "not_before": "2027-01-01T00:00:00Z", "not_after": "2027-03-01T00:00:00Z",
            "facility": {"id": "f", "capacity_bps": self.capacity, "max_share_percent": self.percent},
            "address_sets": sets, "payload_prefixes": prefixes, "rules": rules,
        });
        if self.measure == Measure::Agreement {
            plan["party"] = json!({"name": "p", "prefixes": texts(&self.party)});
        }
        plan
    }
}

impl RuleSpec {
    /// A rule that the law allows under this measure, and that can match.
    fn read(u: &mut Unstructured<'_>, measure: Measure) -> Result<Self> {
        let mut rule = Self::default();
        let set = u.int_in_range(0..=2)?;
        match u.int_in_range(0..=4)? {
            0 => rule.source = Some(set),
            1 => rule.destination = Some(set),
            2 => rule.either = Some(set),
            3 => {
                rule.source = Some(set);
                rule.destination = Some(u.int_in_range(0..=2)?);
            }
            _ => {}
        }
        rule.protocol = *u.choose(&[Some(6), Some(17), Some(1), Some(58), Some(47), None])?;
        if u.ratio(1, 3)? {
            rule.source_ports = ports(u)?;
        }
        if u.ratio(1, 3)? {
            rule.destination_ports = ports(u)?;
        }
        let address = rule.source.or(rule.destination).or(rule.either).is_some();
        if !address || u.ratio(1, 3)? {
            rule.payload = Some(u.int_in_range(0..=1)?);
        }
        let has_ports = matches!(rule.protocol, None | Some(6 | 17));
        if !has_ports {
            rule.source_ports.clear();
            rule.destination_ports.clear();
            if rule.payload.is_some() {
                rule.protocol = None;
            }
        }
        if rule.payload.is_none() {
            match measure {
                Measure::ForeignToDomestic | Measure::Agreement => {
                    rule.either = None;
                    rule.source.get_or_insert(set);
                }
                Measure::DomesticToForeign => {
                    rule.either = None;
                    rule.destination.get_or_insert(set);
                }
                Measure::ForeignToForeign => {}
            }
        }
        // Two conditions of three (art. 22(2)); articles 32 and 33 need only the equipment.
        let traffic = rule.protocol.is_some()
            || !rule.source_ports.is_empty()
            || !rule.destination_ports.is_empty();
        if !traffic {
            rule.protocol = Some(17);
        }
        Ok(rule)
    }

    fn document(&self, number: usize) -> Value {
        let mut rule = json!({"id": format!("r{number}")});
        for (field, set) in
            [("source", self.source), ("destination", self.destination), ("either", self.either)]
        {
            if let Some(set) = set {
                rule[field] = json!(SETS[set]);
            }
        }
        if let Some(set) = self.payload {
            rule["payload"] = json!(PREFIXES[set]);
        }
        if let Some(protocol) = self.protocol {
            rule["protocol"] = json!(protocol);
        }
        for (field, list) in
            [("source_ports", &self.source_ports), ("destination_ports", &self.destination_ports)]
        {
            let text = |&(low, high): &(u16, u16)| {
                if low == high { low.to_string() } else { format!("{low}-{high}") }
            };
            if !list.is_empty() {
                rule[field] = list.iter().map(text).collect();
            }
        }
        rule
    }
}

impl Prefixes {
    fn read(u: &mut Unstructured<'_>) -> Result<Self> {
        let length = *u.choose(&[4_usize, 5, 8, 9, 17, 64])?;
        let mut samples = Vec::new();
        for _ in 0..u.int_in_range(1..=4)? {
            // Nearly all the same, so that prefixes and payloads meet.
            let mut sample = vec![u.int_in_range(0..=2_u8)?; length];
            if u.ratio(1, 4)? {
                let at = u.choose_index(length)?;
                sample[at] ^= 1;
            }
            samples.push(sample);
        }
        Ok(if u.ratio(1, 2)? {
            Self::Raw(samples)
        } else {
            Self::Hashed { key: [u.int_in_range(0..=1_u8)?; 16], length, samples }
        })
    }

    /// Payloads that begin as it says.
    pub(super) fn samples(&self) -> &[Vec<u8>] {
        match self {
            Self::Raw(samples) | Self::Hashed { samples, .. } => samples,
        }
    }

    fn document(&self) -> Value {
        match self {
            Self::Raw(list) => {
                json!({"hex": list.iter().map(hex::encode).collect::<Vec<_>>()})
            }
            Self::Hashed { key, length, samples } => {
                let hash = |sample: &Vec<u8>| format!("{:016x}", siphash(*key, sample));
                let hashes: Vec<String> = samples.iter().map(hash).collect();
                json!({"length": length, "key": hex::encode(key), "siphash24": hashes})
            }
        }
    }
}

/// SipHash-2-4 of the standard library: not the one that packets are compared by.
#[expect(deprecated, reason = "it is deprecated as a hasher of maps, not as this algorithm")]
pub(super) fn siphash(key: [u8; 16], bytes: &[u8]) -> u64 {
    use std::hash::Hasher as _;
    let (first, second) = key.split_at(8);
    let word = |half: &[u8]| u64::from_le_bytes(half.try_into().expect("eight bytes"));
    let mut hasher = std::hash::SipHasher::new_with_keys(word(first), word(second));
    hasher.write(bytes);
    hasher.finish()
}

fn ports(u: &mut Unstructured<'_>) -> Result<Vec<(u16, u16)>> {
    let mut list = Vec::new();
    for _ in 0..u.int_in_range(1..=3)? {
        let low = *u.choose(&[0_u16, 7, 8, 9, 53, 443, 1_023, 1_024, 65_535])?;
        list.push((low, low.saturating_add(*u.choose(&[0, 0, 1, 5, 40])?)));
    }
    Ok(list)
}

/// An address from one of few places, so that prefixes nest, overlap and are met.
pub(super) fn address(u: &mut Unstructured<'_>, v6: bool) -> Result<IpAddr> {
    let low: u32 = u.arbitrary()?;
    let zeros = u.int_in_range(0..=31)?;
    let low = low << zeros;
    Ok(if v6 {
        let place =
            *u.choose(&[0x2001_0db8_u32, 0x2001_0db8, 0x2001_0db9, 0x2400_0000, 0xfe80_0000, 0])?;
        let tail = *u.choose(&[0_u128, 1, 2, 1 << 63, u128::from(u64::MAX)])?;
        Ipv6Addr::from_bits(u128::from(place) << 96 | u128::from(low) << 64 | tail).into()
    } else {
        let place = *u.choose(&[10_u32, 10, 11, 198, 203, 0, 255])?;
        Ipv4Addr::from_bits(place << 24 | low >> 8).into()
    })
}

fn network(u: &mut Unstructured<'_>, shortest: u8) -> Result<IpNetwork> {
    let v6 = u.arbitrary()?;
    let address = address(u, v6)?;
    let longest = if v6 { 128 } else { 32 };
    let length =
        *u.choose(&[shortest, 8, 15, 16, 17, 24, 31, 32, 33, 48, 56, 63, 64, 65, 127, 128])?;
    let length = length.min(longest);
    let network = IpNetwork::new(address, length).expect("a length that the version has");
    Ok(IpNetwork::new(network.network(), length).expect("the same"))
}

/// An IPv6 prefix that is written as IPv4 is refused by every reader.
fn is_mapped(network: &IpNetwork) -> bool {
    matches!(network, IpNetwork::V6(v6) if v6.prefix() >= 96 && v6.ip().to_ipv4_mapped().is_some())
}

/// A set that an order may name: five of them stay under a thousandth of the addresses.
fn networks(u: &mut Unstructured<'_>) -> Result<Vec<IpNetwork>> {
    let mut list = Vec::new();
    for _ in 0..u.int_in_range(1..=5)? {
        let network = network(u, 1)?;
        let shortest = if network.is_ipv4() { 14 } else { 22 };
        let length = network.prefix().max(shortest);
        let narrow = IpNetwork::new(network.ip(), length).expect("a length that the version has");
        list.push(narrow);
    }
    list.retain(|network| !is_mapped(network));
    if list.is_empty() {
        list.push(IpNetwork::from(IpAddr::from([10, 0, 0, 1])));
    }
    Ok(list)
}

fn layer(u: &mut Unstructured<'_>) -> Result<Vec<(IpNetwork, AddressClass)>> {
    let mut seen = BTreeSet::new();
    let mut layer = Vec::new();
    for _ in 0..u.int_in_range(0..=10)? {
        let class = *u.choose(&[
            AddressClass::Foreign,
            AddressClass::Domestic,
            AddressClass::Unclassified,
            AddressClass::Foreign,
        ])?;
        let network = network(u, 0)?;
        // The same prefix in two classes is refused before anything is compiled.
        if !is_mapped(&network) && seen.insert(network) {
            layer.push((network, class));
        }
    }
    Ok(layer)
}
