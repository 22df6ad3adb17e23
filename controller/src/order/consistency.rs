//! Whether an order makes sense by itself: its names, references and limits, and whether its conditions can
//! match. `vacuous` checks whether the conditions exclude anything, and `statute` whether they are lawful.

use std::collections::HashSet;

use sensor_common::payload::MOST_PREFIXES;

use super::condition::Condition;
use super::json::{Faults, JsonPath, quote};
use super::selection::{Rule, Selection};
use super::traffic::Protocol;
use crate::rejection::SelectionFault;

/// The most rules that one order may have.
pub(super) const MOST_RULES: usize = 1024;
/// The most addresses and prefixes that one order may name.
pub(super) const MOST_ADDRESSES: usize = 10_000_000;

pub(super) fn check(selection: &Selection, faults: &mut Faults) {
    sizes(selection, faults);
    let mut ids = HashSet::new();
    for (index, rule) in selection.rules.iter().enumerate() {
        let here = JsonPath::top().field("rules").member(index);
        if !ids.insert(rule.id.as_str()) {
            faults.add(&here.field("id"), SelectionFault::RuleTwice(quote(&rule.id)));
        }
        conditions(rule, &here, faults);
        references(selection, rule, &here, faults);
    }
}

fn sizes(selection: &Selection, faults: &mut Faults) {
    if selection.rules.is_empty() {
        faults.add(&JsonPath::top().field("rules"), SelectionFault::NoRule);
    }
    let addresses = selection.address_sets.values().map(|set| set.addresses.len()).sum();
    let prefixes = selection.payload_prefixes.values().map(|set| set.prefixes.count()).sum();
    for (field, count, what, limit) in [
        ("rules", selection.rules.len(), "rules", MOST_RULES),
        ("address_sets", addresses, "addresses", MOST_ADDRESSES),
        ("payload_prefixes", prefixes, "payload prefixes", MOST_PREFIXES as usize),
    ] {
        if count > limit {
            let fault = SelectionFault::Many { count, what, limit };
            faults.add(&JsonPath::top().field(field), fault);
        }
    }
}

fn conditions(rule: &Rule, here: &JsonPath, faults: &mut Faults) {
    if rule.conditions().next().is_none() {
        faults.add(here, SelectionFault::NoCondition);
    }
    let (mut end, mut either, mut protocol) = (false, false, None);
    for condition in rule.conditions() {
        match condition {
            Condition::Source(_) | Condition::Destination(_) => end = true,
            Condition::Either(_) => either = true,
            Condition::Protocol(named) => protocol = Some(named),
            // `matchable` checks these against the protocol.
            Condition::Payload(_) | Condition::SourcePorts(_) | Condition::DestinationPorts(_) => {}
        }
    }
    if either && end {
        faults.add(&here.field("either"), SelectionFault::Either);
    }
    if let Some(protocol) = protocol.filter(|protocol| !protocol.has_ports()) {
        for condition in rule.conditions() {
            if let Err(fault) = matchable(condition, protocol) {
                faults.add(&here.field(condition.field()), fault);
            }
        }
    }
}

/// Whether a packet of a protocol without ports can meet a condition.
fn matchable(condition: Condition<'_>, protocol: Protocol) -> Result<(), SelectionFault> {
    match condition {
        Condition::SourcePorts(_) | Condition::DestinationPorts(_) => {
            Err(SelectionFault::NoPorts(protocol.to_string()))
        }
        Condition::Payload(_) => Err(SelectionFault::NoPayload(protocol.to_string())),
        Condition::Source(_)
        | Condition::Destination(_)
        | Condition::Either(_)
        | Condition::Protocol(_) => Ok(()),
    }
}

fn references(selection: &Selection, rule: &Rule, here: &JsonPath, faults: &mut Faults) {
    for condition in rule.conditions() {
        let here = here.field(condition.field());
        if let Some(set) = condition.address_set() {
            match selection.address_sets.get(set) {
                None => faults.add(&here, SelectionFault::NoSet("address set", quote(set))),
                Some(list) if list.addresses.is_empty() => {
                    faults.add(&here, SelectionFault::EmptySet(quote(set)));
                }
                Some(_) => {}
            }
        }
        if let Some(set) = condition.payload_set()
            && !selection.payload_prefixes.contains_key(set)
        {
            faults.add(&here, SelectionFault::NoSet("payload prefix set", quote(set)));
        }
    }
}

#[cfg(test)]
mod tests;
