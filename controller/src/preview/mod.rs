//! What an order would do with these direction tables, looked at before it is in force: what must be refused,
//! and what its authors should be warned of.
//!
//! | file | job |
//! |---|---|
//! | `party` | an agreement's party must be domestic: a refusal |
//! | `reach` | address sets that can never match |
//! | `shadow` | rules that earlier ones hide |
//!
//! A warning is not a refusal: the order is lawful, but hardly what its authors want to sign.

mod party;
mod reach;
mod shadow;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use crate::classes::ClassRanges;
use crate::order::Mandate;
use crate::order::condition::Condition;
use crate::order::space::Space;
use crate::rejection::{Rejection, Requirement};

pub use party::check_party;

/// Something about an order that its authors should know before anyone installs it. Displays as
/// one line: file, field, what, and the requirement behind it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Warning(Rejection);

impl Warning {
    fn new(file: &str, field: impl Into<String>, text: impl Into<String>) -> Self {
        Self(Rejection::new(file, text.into()).at(field))
    }

    fn under(self, requirement: Requirement) -> Self {
        Self(self.0.under(requirement))
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a warning is as good as a refusal.
impl From<Warning> for Rejection {
    fn from(Warning(rejection): Warning) -> Self {
        rejection
    }
}

/// All warnings about an order. Without direction tables those that need none.
pub fn warnings(file: &str, order: &Mandate, classes: Option<&ClassRanges>) -> Vec<Warning> {
    // Sets that no rule names do not come into the tables; to say so is enough.
    let unused = order.unused_sets().into_iter();
    let mut warnings: Vec<Warning> =
        unused.map(|set| Warning::new(file, set, "no rule uses it")).collect();
    let spaces = Spaces::of(order);
    if let Some(classes) = classes {
        reach::warn(file, order, &spaces, classes, &mut warnings);
    }
    shadow::warn(file, order, &spaces, &mut warnings);
    warnings
}

/// The addresses of every set that a rule names, and those of the party.
struct Spaces<'a> {
    sets: BTreeMap<&'a str, Space>,
    party: Option<Space>,
}

impl<'a> Spaces<'a> {
    fn of(order: &'a Mandate) -> Self {
        let mut sets = BTreeMap::new();
        for name in order.conditions().filter_map(Condition::address_set) {
            if let Some(networks) = order.address_sets.get(name) {
                sets.entry(name).or_insert_with(|| Space::of(&networks.addresses));
            }
        }
        Self { sets, party: order.party().map(|party| Space::of(&party.prefixes)) }
    }
}
