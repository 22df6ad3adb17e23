//! What an order says: schema `sekisho.order/v2`. Reading proves its form. `consistency` checks whether it
//! makes sense, and `vacuous` whether its conditions exclude anything. Whether it is within what was approved is
//! checked when it becomes a [`Mandate`](super::Mandate).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::condition::Condition;
use super::json::{self, Faults, Fields, JsonPath};
use super::key::OrderKey;
use super::kind::DocumentKind;
use super::name::{self, BasisKey, DocumentKey};
use super::selection::{AddressSet, PayloadSet, Rule, Selection};
use super::{consistency, time, vacuous};
use crate::rejection::{FormFault, Rejections, SelectionFault};

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

    /// Whether this is its name.
    pub fn is_named(&self, key: &OrderKey) -> bool {
        self.order_id == key.order_id && self.serial == key.serial
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

#[cfg(test)]
mod tests;
