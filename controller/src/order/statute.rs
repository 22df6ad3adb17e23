//! Whether an order is within what was approved or agreed (L-APPROVE, L-TERM), and whether its rules combine
//! what the Act asks for (L-SELECT). What the Act allows an approval to say is checked in
//! `basis`; directions are enforced in the kernel, packet by packet (L-DIR).

use super::basis::{Basis, Criteria};
use super::condition::ConditionKind;
use super::document::Order;
use super::json::{Faults, JsonPath};
use super::selection::Rule;
use super::space::Space;
use super::{time, vacuous};
use crate::rejection::SelectionFault;

mod selection;

/// The most members of one set that are reported.
const MOST_TOLD: usize = 5;

pub(super) fn check(order: &Order, basis: &Basis, faults: &mut Faults) {
    term(order, basis, faults);
    let within = Within { basis: basis.key.to_string(), criteria: &basis.criteria };
    within.numbers(order, faults);
    within.sets(order, faults);
    let party = basis.party().map(|party| Space::of(&party.prefixes));
    for (index, rule) in order.rules.iter().enumerate() {
        let here = JsonPath::top().field("rules").member(index);
        within.rule(rule, &here, faults);
        if let Err(fault) = selection::check(order, basis.measure(), party.as_ref(), rule) {
            faults.add(&here, fault);
        }
    }
}

/// L-TERM: nothing is selected outside of the term that was approved.
fn term(order: &Order, basis: &Basis, faults: &mut Faults) {
    let name = || basis.key.to_string();
    if order.not_before < basis.not_before {
        let (start, at) = (time::tokyo(order.not_before), time::tokyo(basis.not_before));
        let fault = SelectionFault::BeforeBasis { start, basis: name(), at };
        faults.add(&JsonPath::top().field("not_before"), fault);
    }
    if order.not_after > basis.not_after {
        let (end, at) = (time::tokyo(order.not_after), time::tokyo(basis.not_after));
        let fault = SelectionFault::AfterBasis { end, basis: name(), at };
        faults.add(&JsonPath::top().field("not_after"), fault);
    }
}

/// The criteria that an order must be within, and the name of the basis that sets them.
struct Within<'a> {
    basis: String,
    criteria: &'a Criteria,
}

impl Within<'_> {
    fn basis(&self) -> String {
        self.basis.clone()
    }

    fn numbers(&self, order: &Order, faults: &mut Faults) {
        let selectors = order.address_count() + order.payload_count();
        for (field, count, what, most) in [
            (
                "address_sets",
                selectors,
                "addresses and payload prefixes",
                self.criteria.max_selectors,
            ),
            ("rules", order.rules.len(), "rules", self.criteria.max_rules),
        ] {
            if count as u64 > most {
                let fault =
                    SelectionFault::BeyondCriteria { count, what, basis: self.basis(), most };
                faults.add(&JsonPath::top().field(field), fault);
            }
        }
    }

    /// Checks every set, even those that no rule names: what was not approved must not stand in an order.
    fn sets(&self, order: &Order, faults: &mut Faults) {
        let shortest = self.criteria.min_prefix_length;
        for (name, set) in &order.address_sets {
            let here = JsonPath::top().field("address_sets").field(name).field("addresses");
            let wide = set.addresses.iter().enumerate();
            let wide = wide.filter(|(_, prefix)| prefix.prefix() < shortest.of(prefix));
            for (index, prefix) in wide.take(MOST_TOLD) {
                let (least, prefix) = (shortest.of(prefix), prefix.to_string());
                let fault =
                    SelectionFault::WiderThanCriteria { prefix, least, basis: self.basis() };
                faults.add(&here.member(index), fault);
            }
        }
        let least = self.criteria.min_payload_length;
        for (name, set) in &order.payload_prefixes {
            let here = JsonPath::top().field("payload_prefixes").field(name);
            for (here, length) in vacuous::shorter(&here, &set.prefixes, least) {
                let fault =
                    SelectionFault::ShorterThanCriteria { length, least, basis: self.basis() };
                faults.add(&here, fault);
            }
        }
    }

    fn rule(&self, rule: &Rule, here: &JsonPath, faults: &mut Faults) {
        let allowed = &self.criteria.conditions;
        for condition in rule.conditions().filter(|one| !allowed.contains(&one.kind())) {
            let names: Vec<&str> = allowed.iter().map(|kind| ConditionKind::name(*kind)).collect();
            let fault = SelectionFault::Kind {
                kind: condition.kind().name(),
                basis: self.basis(),
                allowed: names.join(", "),
            };
            faults.add(&here.field(condition.field()), fault);
        }
        let Some(protocols) = &self.criteria.protocols else { return };
        if rule.protocol.is_some_and(|protocol| protocols.contains(&protocol)) {
            return;
        }
        let protocol = match rule.protocol {
            Some(protocol) => format!("names {protocol}"),
            None => "names no protocol".to_owned(),
        };
        let names: Vec<String> = protocols.iter().map(ToString::to_string).collect();
        let (basis, allowed) = (self.basis(), names.join(", "));
        let fault = SelectionFault::Protocol { protocol, basis, allowed };
        faults.add(&here.field("protocol"), fault);
    }
}

#[cfg(test)]
mod tests;
