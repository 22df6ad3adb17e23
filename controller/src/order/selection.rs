//! What an order selects by: sets and rules. Reading proves their form.

use std::collections::BTreeMap;

use ipnetwork::IpNetwork;
use serde_json::value::RawValue;

use super::condition::{Condition, ConditionKind};
use super::json::{Faults, Fields, JsonPath};
use super::payload::{self, PayloadPrefixes};
use super::traffic::{self, PortRange, Protocol};
use super::{address, name};
use crate::rejection::FormFault;
use crate::text;

/// What an order selects by.
pub(super) struct Selection {
    pub(super) address_sets: BTreeMap<String, AddressSet>,
    pub(super) payload_prefixes: BTreeMap<String, PayloadSet>,
    pub(super) rules: Vec<Rule>,
}

impl Selection {
    pub(super) fn read(fields: &mut Fields<'_>, faults: &mut Faults) -> Option<Self> {
        let addresses = fields.object("address_sets", faults);
        let address_sets = addresses.and_then(|sets| named(sets, AddressSet::read, faults));
        let place = fields.at("payload_prefixes");
        let payload_prefixes = match fields.raw("payload_prefixes") {
            Some(value) if value.get() != "null" => Fields::of_value(place, value, faults)
                .and_then(|sets| named(sets, PayloadSet::read, faults)),
            _ => Some(BTreeMap::new()),
        };
        let rules = fields.list("rules", faults).map(|rules| {
            let read = rules.into_iter().map(|(here, value)| Rule::read(here, value, faults));
            read.collect::<Vec<Option<Rule>>>()
        });
        let rules: Option<Vec<Rule>> = rules?.into_iter().collect();
        Some(Self {
            address_sets: address_sets?,
            payload_prefixes: payload_prefixes?,
            rules: rules?,
        })
    }
}

/// A set of addresses and prefixes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AddressSet {
    /// Why these (L-SELECT): free text on one line.
    pub ground: String,
    /// Its members.
    pub addresses: Vec<IpNetwork>,
}

/// A set of payload prefixes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PayloadSet {
    /// Why these (L-SELECT): free text on one line.
    pub ground: String,
    /// Its members.
    pub prefixes: PayloadPrefixes,
}

/// A selection rule: all conditions that it names must hold (L-SELECT).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rule {
    /// The rule's name, unique in its order.
    pub id: String,
    /// The address set that the source must be in.
    pub source: Option<String>,
    /// The address set that the destination must be in.
    pub destination: Option<String>,
    /// The address set that source or destination must be in.
    pub either: Option<String>,
    /// The payload prefix set of which one member must match.
    pub payload: Option<String>,
    /// The IP protocol.
    pub protocol: Option<Protocol>,
    /// The ranges that the source port may be in; empty for any port.
    pub source_ports: Vec<PortRange>,
    /// The ranges that the destination port may be in; empty for any port.
    pub destination_ports: Vec<PortRange>,
}

impl Rule {
    /// All of its conditions, in the order in which they are explained to people.
    pub fn conditions(&self) -> impl Iterator<Item = Condition<'_>> {
        // Without `..`: a new field does not compile until it is handled here.
        let Self {
            id: _,
            source,
            destination,
            either,
            payload,
            protocol,
            source_ports,
            destination_ports,
        } = self;
        let ports = |ranges: &[PortRange]| !ranges.is_empty();
        [
            source.as_deref().map(Condition::Source),
            destination.as_deref().map(Condition::Destination),
            either.as_deref().map(Condition::Either),
            payload.as_deref().map(Condition::Payload),
            protocol.map(Condition::Protocol),
            ports(source_ports).then_some(Condition::SourcePorts(source_ports)),
            ports(destination_ports).then_some(Condition::DestinationPorts(destination_ports)),
        ]
        .into_iter()
        .flatten()
    }

    /// Whether one of its conditions is of this kind.
    pub fn names(&self, kind: ConditionKind) -> bool {
        self.conditions().any(|condition| condition.kind() == kind)
    }
}

/// Reads an object of sets by name. `None`: a set is wrong.
fn named<'a, S>(
    sets: Fields<'a>,
    read: fn(Fields<'a>, &mut Faults) -> Option<S>,
    faults: &mut Faults,
) -> Option<BTreeMap<String, S>> {
    let mut all = Some(BTreeMap::new());
    for (set, here, value) in sets.names() {
        if let Err(fault) = name::check(&set) {
            faults.add(&here, fault);
        }
        match Fields::of_value(here, value, faults).and_then(|fields| read(fields, faults)) {
            Some(read) => {
                if let Some(all) = &mut all {
                    all.insert(set, read);
                }
            }
            None => all = None,
        }
    }
    all
}

fn ground(fields: &mut Fields<'_>, faults: &mut Faults) -> Option<String> {
    let ground: String = fields.take("ground", faults)?;
    if let Err(reason) = text::check(&ground) {
        faults.add(&fields.at("ground"), FormFault::Text(reason));
    }
    Some(ground)
}

impl AddressSet {
    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Option<Self> {
        let ground = ground(&mut fields, faults);
        let addresses = address::take(&mut fields, "addresses", faults);
        fields.end(faults);
        Some(Self { ground: ground?, addresses: addresses? })
    }
}

impl PayloadSet {
    pub(super) fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Option<Self> {
        let ground = ground(&mut fields, faults);
        let prefixes = payload::take(&mut fields, faults);
        fields.end(faults);
        Some(Self { ground: ground?, prefixes: prefixes? })
    }
}

impl Rule {
    fn read(here: JsonPath, value: &RawValue, faults: &mut Faults) -> Option<Self> {
        let mut fields = Fields::of_value(here, value, faults)?;
        let id = name::id(&mut fields, "id", faults);
        // `null` is refused: nobody could tell whether it is a condition.
        let source = fields.may("source", faults);
        let destination = fields.may("destination", faults);
        let either = fields.may("either", faults);
        let payload = fields.may("payload", faults);
        let protocol = fields.may("protocol", faults);
        let source_ports = traffic::ports(&mut fields, "source_ports", faults);
        let destination_ports = traffic::ports(&mut fields, "destination_ports", faults);
        fields.end(faults);
        Some(Self {
            id: id?,
            source: source?,
            destination: destination?,
            either: either?,
            payload: payload?,
            protocol: protocol?,
            source_ports: source_ports?,
            destination_ports: destination_ports?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::order;
    use super::*;

    #[test]
    fn a_rule_has_the_conditions_that_are_written_in_it() {
        let order = super::super::Order::read("o.json", order().to_string().as_bytes()).unwrap();
        let rule = &order.rules[0];
        let written = order_fields();
        let named: Vec<&str> = rule.conditions().map(Condition::field).collect();
        assert_eq!(named, written);
        assert!(rule.names(ConditionKind::Address) && rule.names(ConditionKind::Traffic));
    }

    /// The fields of the sample's first rule, in the order of conditions.
    fn order_fields() -> Vec<&'static str> {
        let rule = order()["rules"][0].clone();
        let fields = [
            "source",
            "destination",
            "either",
            "payload",
            "protocol",
            "source_ports",
            "destination_ports",
        ];
        fields.into_iter().filter(|field| rule.get(field).is_some()).collect()
    }
}
