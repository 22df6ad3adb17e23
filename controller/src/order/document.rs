//! What an order says: schema `sekisho.order/v2`. Reading proves its form. `consistency` checks whether it
//! makes sense, and `vacuous` whether its conditions exclude anything. Whether it is within what was approved is
//! checked when it becomes a [`Mandate`](super::Mandate).

use std::collections::{BTreeMap, BTreeSet};

use ipnetwork::IpNetwork;
use jiff::Timestamp;
use serde_json::value::RawValue;

use super::condition::Condition;
use super::json::{self, Faults, Fields, JsonPath};
use super::key::OrderKey;
use super::kind::DocumentKind;
use super::name::{self, BasisKey, DocumentKey};
use super::payload::{self, PayloadPrefixes};
use super::traffic::{PortRange, Protocol};
use super::{address, consistency, time, traffic, vacuous};
use crate::rejection::{FormFault, Rejections, SelectionFault};
use crate::text;

/// An order: the conditions of selection that the Cabinet Office has set under an approval or agreement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Order {
    /// The order's name, 1 to 64 characters of `A-Z a-z 0-9 . _ -`.
    pub order_id: String,
    /// Counts the versions of this order from 1. A lower serial never replaces a higher one (L-EXTEND).
    pub serial: u64,
    /// What it rests on.
    pub basis: BasisReference,
    /// The first moment of the term.
    pub not_before: Timestamp,
    /// The first moment after the term.
    pub not_after: Timestamp,
    /// Named sets of addresses and prefixes.
    pub address_sets: BTreeMap<String, AddressSet>,
    /// Named sets of payload prefixes.
    pub payload_prefixes: BTreeMap<String, PayloadSet>,
    /// The selection rules; the first that matches names the record.
    pub rules: Vec<Rule>,
}

/// What an order rests on, by name and digest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BasisReference {
    /// The approval or agreement.
    pub key: BasisKey,
    /// The SHA-256 of its payload, in lower-case hexadecimal digits.
    pub sha256: String,
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

impl Order {
    /// Reads an order's payload and makes every check that needs neither signatures nor the order's basis.
    ///
    /// # Errors
    ///
    /// All that is wrong, with the fields that are wrong.
    pub fn read(file: &str, payload: &[u8]) -> Result<Self, Rejections> {
        let mut faults = Faults::new(file);
        let order = Self::examine(payload, &mut faults);
        faults.or(order)
    }

    /// Reads an order's payload in the same way, but also returns an order that has faults, if every field could
    /// be read: its basis can then be checked too, and all faults are reported at once.
    pub(super) fn examine(payload: &[u8], faults: &mut Faults) -> Option<Self> {
        let mut fields = Fields::of_document(payload, faults)?;
        if !json::schema(&mut fields, DocumentKind::Order.schema(), faults) {
            return None;
        }
        let order_id = name::id(&mut fields, "order_id", faults);
        let serial = name::count(&mut fields, "serial", faults);
        let basis = fields.object("basis", faults).and_then(|fields| basis(fields, faults));
        let not_before = time::take(&mut fields, "not_before", faults);
        let not_after = time::take(&mut fields, "not_after", faults);
        let selection = Selection::read(&mut fields, faults);
        fields.end(faults);
        if let Some(selection) = &selection {
            consistency::check(selection, faults);
            vacuous::check(selection, faults);
        }
        if let (Some(not_before), Some(not_after)) = (not_before, not_after)
            && not_after <= not_before
        {
            let (end, start) = (time::tokyo(not_after), time::tokyo(not_before));
            faults
                .add(&JsonPath::top().field("not_after"), SelectionFault::Backwards { end, start });
        }
        let Selection { address_sets, payload_prefixes, rules } = selection?;
        Some(Self {
            order_id: order_id?,
            serial: serial?,
            basis: basis?,
            not_before: not_before?,
            not_after: not_after?,
            address_sets,
            payload_prefixes,
            rules,
        })
    }

    /// Its name.
    pub fn key(&self) -> OrderKey {
        OrderKey::new(self.order_id.as_str(), self.serial)
    }

    /// The conditions of all rules.
    pub fn conditions(&self) -> impl Iterator<Item = Condition<'_>> {
        self.rules.iter().flat_map(Rule::conditions)
    }

    /// How many addresses and prefixes all sets hold together.
    pub fn address_count(&self) -> usize {
        self.address_sets.values().map(|set| set.addresses.len()).sum()
    }

    /// How many payload prefixes all sets hold together.
    pub fn payload_count(&self) -> usize {
        self.payload_prefixes.values().map(|set| set.prefixes.count()).sum()
    }

    /// The sets that no rule names, as JSON paths (`address_sets.old`). They are worth a warning: whoever wrote
    /// the order may have forgotten a rule.
    pub fn unused_sets(&self) -> Vec<String> {
        let addresses: BTreeSet<&str> =
            self.conditions().filter_map(Condition::address_set).collect();
        let payloads: BTreeSet<&str> =
            self.conditions().filter_map(Condition::payload_set).collect();
        let unused = |kind: &str, name: &String, used: &BTreeSet<&str>| {
            (!used.contains(name.as_str())).then(|| format!("{kind}.{name}"))
        };
        let sets = self.address_sets.keys();
        let prefixes = self.payload_prefixes.keys();
        sets.filter_map(|name| unused("address_sets", name, &addresses))
            .chain(prefixes.filter_map(|name| unused("payload_prefixes", name, &payloads)))
            .collect()
    }
}

/// What an order selects by.
pub(super) struct Selection {
    pub(super) address_sets: BTreeMap<String, AddressSet>,
    pub(super) payload_prefixes: BTreeMap<String, PayloadSet>,
    pub(super) rules: Vec<Rule>,
}

impl Selection {
    fn read(fields: &mut Fields<'_>, faults: &mut Faults) -> Option<Self> {
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

fn basis(mut fields: Fields<'_>, faults: &mut Faults) -> Option<BasisReference> {
    let key = DocumentKey::read(&mut fields, false, faults).and_then(DocumentKey::basis);
    let sha256: Option<String> = fields.take("sha256", faults);
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if let Some(text) = &sha256
        && (text.len() != 64 || !text.bytes().all(digit))
    {
        faults.add(&fields.at("sha256"), FormFault::Sha256);
    }
    fields.end(faults);
    Some(BasisReference { key: key?, sha256: sha256? })
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
mod tests;
