//! The rows: for each dimension and each value in it, the rules that hold there.

use std::collections::{BTreeMap, HashMap};

use ipnetwork::IpNetwork;
use sensor_common::direction::Direction;
use sensor_common::layout::RuleWord;
use sensor_common::payload::{GroupMasks, MOST_GROUPS};
use sensor_common::tables::Slot;

use super::addresses::{self, Sources};
use super::bits::Bits;
use super::image::Tables;
use super::membership::{Memberships, Set};
use super::ports::PortClasses;
use super::{CompileError, Layer, MOST_COMBINATIONS};
use super::{payload, ports};
use crate::order::condition::Condition;
use crate::order::payload::PayloadPrefixes;
use crate::order::selection::Rule;
use crate::order::traffic::{PortRange, Protocol};
use crate::order::{Mandate, Measure};

/// A rule's conditions, with its sets numbered over all orders. `None` and an empty list of ports mean any.
struct NumberedRule<'a> {
    measure: Measure,
    source: Option<Set>,
    destination: Option<Set>,
    either: Option<Set>,
    payload: Option<Set>,
    protocol: Option<Protocol>,
    source_ports: &'a [PortRange],
    destination_ports: &'a [PortRange],
    /// The agreement party's own prefixes, which its packets must go to (L-MEASURE).
    party: Option<Set>,
}

impl NumberedRule<'_> {
    /// Whether the rule is for this direction and this protocol.
    fn carries(&self, direction: Direction, protocol: u8) -> bool {
        self.measure.direction() == direction
            && self.protocol.is_none_or(|named| named.0 == protocol)
    }

    /// Whether a packet whose addresses are in no set can match it.
    const fn names_no_address(&self) -> bool {
        let Self { source, destination, either, party, .. } = self;
        source.is_none() && destination.is_none() && either.is_none() && party.is_none()
    }
}

/// Compiles all tables.
pub(super) fn tables(
    number: u32,
    layers: &[Layer<'_>],
    orders: &[(Slot, &Mandate)],
    share: Option<u64>,
) -> Result<Tables, CompileError> {
    let mut sets = Sets::default();
    let mut rules = Vec::new();
    let mut rule_words = Vec::new();
    for (slot, order) in orders {
        rules.extend(sets.number(order));
        let order_end = u32::try_from(rules.len()).map_err(|_| CompileError::Rules(rules.len()))?;
        rule_words.resize(rules.len(), RuleWord::new(*slot, order_end));
    }
    let rules = Rules(rules);

    let mut memberships = Memberships::new();
    let sources = Sources { layers, sets: &sets.prefixes };
    let addresses = addresses::compile(&sources, &mut memberships)?;
    let combinations = memberships.all();
    if combinations.len() > MOST_COMBINATIONS {
        return Err(CompileError::Combinations(combinations.len()));
    }

    let mut payload_memberships = Memberships::new();
    let payload = payload::compile(&sets.payload, &mut payload_memberships)?;

    Ok(Tables {
        number,
        share,
        addresses,
        // A rule with `either` is entered on both sides, as if it named the set on each.
        source_rows: rules.side(combinations, |rule| rule.either.or(rule.source)),
        destination_rows: rules
            .side(combinations, |rule| rule.either.or(rule.destination))
            .into_iter()
            .zip(rules.side(combinations, |rule| rule.party))
            .collect(),
        traffic_rows: rules.traffic(),
        either: rules.row(|rule| rule.either.is_some()),
        source_ports: rules.ports(|rule| rule.source_ports)?,
        destination_ports: rules.ports(|rule| rule.destination_ports)?,
        payload_rows: rules.payload(payload_memberships.all()),
        payload_only: rules.groups(&payload.of_set, NumberedRule::names_no_address),
        payload_any: rules.groups(&payload.of_set, |_| true),
        payload: payload.tables,
        rules: rule_words,
    })
}

/// The rules of all orders, by their numbers.
struct Rules<'a>(Vec<NumberedRule<'a>>);

impl<'a> Rules<'a> {
    /// The rules for which `holds` is true.
    fn row(&self, holds: impl Fn(&NumberedRule<'a>) -> bool) -> Bits {
        Bits::of(self.0.len(), |number| holds(&self.0[number]))
    }

    /// For each combination of sets: the rules that an address in these sets may match on one side, where
    /// they name the set `named`.
    fn side(
        &self,
        combinations: &[Vec<Set>],
        named: impl Fn(&NumberedRule<'a>) -> Option<Set>,
    ) -> Vec<Bits> {
        let admits = |rule: &NumberedRule<'a>, sets: &[Set]| {
            named(rule).is_none_or(|set| sets.binary_search(&set).is_ok())
        };
        combinations.iter().map(|sets| self.row(|rule| admits(rule, sets))).collect()
    }

    /// For each direction and protocol: the rules that are for it. 内内 is no measure's direction: its rows are
    /// empty, whatever an order says (L-DIR).
    fn traffic(&self) -> Vec<Bits> {
        Direction::ALL
            .into_iter()
            .flat_map(|direction| (0..=u8::MAX).map(move |protocol| (direction, protocol)))
            .map(|(direction, protocol)| self.row(|rule| rule.carries(direction, protocol)))
            .collect()
    }

    /// The ports that the rules name on one side.
    fn ports(
        &self,
        side: fn(&NumberedRule<'a>) -> &'a [PortRange],
    ) -> Result<PortClasses, CompileError> {
        let ranges: Vec<&[PortRange]> = self.0.iter().map(side).collect();
        ports::classify(&ranges)
    }

    /// For each combination of payload sets: the rules that hold for a payload in them.
    fn payload(&self, combinations: &[Vec<Set>]) -> Vec<Bits> {
        let row = |sets: &Vec<Set>| match sets.as_slice() {
            // The rules that match whatever the payload is.
            [] => self.row(|rule| rule.payload.is_none()),
            sets => self.row(|rule| rule.payload.is_some_and(|set| sets.contains(&set))),
        };
        combinations.iter().map(row).collect()
    }

    /// The groups of payload prefixes that the chosen rules need, by direction and protocol.
    fn groups(
        &self,
        of_set: &HashMap<Set, u32>,
        chosen: impl Fn(&NumberedRule<'a>) -> bool,
    ) -> GroupMasks {
        let mut masks = GroupMasks::default();
        for rule in self.0.iter().filter(|rule| chosen(rule)) {
            let groups = rule.payload.and_then(|set| of_set.get(&set));
            for group in
                (0..MOST_GROUPS).filter(|group| groups.is_some_and(|of| of >> group & 1 == 1))
            {
                for protocol in [Protocol::TCP, Protocol::UDP] {
                    if rule.protocol.is_none_or(|named| named == protocol) {
                        masks.add(rule.measure.direction(), protocol.0, group);
                    }
                }
            }
        }
        masks
    }
}

/// Numbers for the sets of all orders.
#[derive(Default)]
struct Sets<'a> {
    count: Set,
    prefixes: Vec<(Set, IpNetwork)>,
    payload: Vec<(Set, &'a PayloadPrefixes)>,
}

impl<'a> Sets<'a> {
    /// Numbers the sets that an order's rules name. Sets that no rule names are not in the tables (L-MIN).
    fn number(&mut self, order: &'a Mandate) -> Vec<NumberedRule<'a>> {
        let party = order.party().map(|party| self.add(&party.prefixes));
        let mut numbers = BTreeMap::new();
        for name in order.conditions().filter_map(Condition::address_set) {
            if !numbers.contains_key(name)
                && let Some(prefixes) = order.address_sets.get(name)
            {
                numbers.insert(name, self.add(&prefixes.addresses));
            }
        }
        let mut payload = BTreeMap::new();
        for name in order.conditions().filter_map(Condition::payload_set) {
            if !payload.contains_key(name)
                && let Some(prefixes) = order.payload_prefixes.get(name)
            {
                payload.insert(name, self.next());
                self.payload.push((self.count - 1, &prefixes.prefixes));
            }
        }
        // A rule whose set does not exist is refused long before. The number here is that of no set, so such
        // a rule would never match.
        let number = |numbers: &BTreeMap<&str, Set>, name| {
            Some(numbers.get(name).copied().unwrap_or(Set::MAX))
        };
        let rule = |rule: &'a Rule| {
            let mut numbered = NumberedRule {
                measure: order.measure(),
                source: None,
                destination: None,
                either: None,
                payload: None,
                protocol: None,
                source_ports: &[],
                destination_ports: &[],
                party,
            };
            for condition in rule.conditions() {
                match condition {
                    Condition::Source(set) => numbered.source = number(&numbers, set),
                    Condition::Destination(set) => numbered.destination = number(&numbers, set),
                    Condition::Either(set) => numbered.either = number(&numbers, set),
                    Condition::Payload(set) => numbered.payload = number(&payload, set),
                    Condition::Protocol(protocol) => numbered.protocol = Some(protocol),
                    Condition::SourcePorts(ranges) => numbered.source_ports = ranges,
                    Condition::DestinationPorts(ranges) => numbered.destination_ports = ranges,
                }
            }
            numbered
        };
        order.rules.iter().map(rule).collect()
    }

    fn next(&mut self) -> Set {
        self.count += 1;
        self.count - 1
    }

    fn add(&mut self, prefixes: &[IpNetwork]) -> Set {
        let number = self.next();
        self.prefixes.extend(prefixes.iter().map(|prefix| (number, *prefix)));
        number
    }
}
