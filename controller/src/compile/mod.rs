//! Compiles direction tables and verified orders to one generation of kernel tables.
//!
//! | file | job |
//! |---|---|
//! | `ranges` | nested prefixes to disjoint ranges |
//! | `membership` | numbers for combinations of address sets |
//! | `addresses` | the address tables of both IP versions: ranges and their index |
//! | `front`, `trie` | what most IPv4 and IPv6 addresses need no ranges for |
//! | `filter`, `cuckoo` | the filter and the hash table behind both |
//! | `payload` | payload prefixes in groups, with filter and hashes |
//! | `bits`, `ports`, `rows` | the rows of each dimension |
//! | `share` | the capacity share |
//! | `image` | everything laid out in memory |
//!
//! Only a [`Mandate`] can be compiled: an order together with its approval or agreement (L-APPROVE). The
//! caller decides which are in force; the compiler knows no time.

mod addresses;
mod bits;
mod cuckoo;
mod filter;
mod front;
mod image;
mod membership;
mod payload;
mod ports;
mod ranges;
mod rows;
mod share;
mod trie;

pub(crate) use ranges::overlay;

use std::sync::Arc;

use ipnetwork::IpNetwork;
use sensor_common::direction::AddressClass;
use sensor_common::layout::{AddressValue, MOST_RULES};
use sensor_common::payload::{MOST_GROUPS, MOST_PREFIXES};
use sensor_common::tables::{Line, MOST_ORDERS, Slot};

use crate::order::{Mandate, Measure, OrderKey};

/// A layer of direction: prefixes with the class of their addresses. The longest prefix wins, and a later
/// layer hides those before it wherever it names anything.
pub type Layer<'a> = &'a [(IpNetwork, AddressClass)];

/// An order to be compiled, and its slot in the table of terms.
#[derive(Clone, Copy, Debug)]
pub struct Slotted<'a> {
    /// Below [`MOST_ORDERS`]. No two orders of a generation share a slot.
    pub slot: Slot,
    /// The order, with what it rests on.
    pub order: &'a Mandate,
}

impl<'a> Slotted<'a> {
    /// Gives these orders one slot each, from the first slot on.
    pub fn in_turn(orders: impl IntoIterator<Item = &'a Mandate>) -> Vec<Self> {
        (0..).map(Slot::new).zip(orders).map(|(slot, order)| Self { slot, order }).collect()
    }
}

/// One generation of tables, and the names that its records need.
#[derive(Debug)]
pub struct Generation {
    /// The tables.
    pub lines: Vec<Line>,
    /// Bytes per second of 外外 traffic that may be inspected, if there is an Art. 17 order (L-CAP).
    pub share: Option<u64>,
    /// What its rule numbers stand for.
    pub names: Arc<Names>,
}

/// What the rule numbers in a generation's records stand for.
#[derive(Debug)]
pub struct Names {
    /// The generation's number.
    pub generation: u32,
    rules: Vec<RuleName>,
}

/// The order and the rule behind a rule number.
#[derive(Clone, Debug)]
pub struct RuleName {
    /// The order.
    pub order: Arc<OrderName>,
    /// The rule's id in it.
    pub rule: String,
}

/// What a record says about its order.
#[derive(Debug)]
pub struct OrderName {
    /// Its slot in the table of terms.
    pub slot: Slot,
    /// The order's id.
    pub order_id: String,
    /// Its serial number.
    pub serial: u64,
    /// Its measure.
    pub measure: Measure,
    /// The SHA-256 of what was signed.
    pub digest: String,
}

impl OrderName {
    /// Its id and serial.
    pub fn key(&self) -> OrderKey {
        OrderKey::new(self.order_id.as_str(), self.serial)
    }
}

impl Names {
    /// The names of a generation: its rules in the order of their numbers.
    pub const fn new(generation: u32, rules: Vec<RuleName>) -> Self {
        Self { generation, rules }
    }

    /// The rules in the order of their numbers.
    pub fn rules(&self) -> &[RuleName] {
        &self.rules
    }

    /// The rule with this number.
    pub fn rule(&self, number: u32) -> Option<&RuleName> {
        self.rules.get(usize::try_from(number).ok()?)
    }
}

/// The limit that the orders exceed together. None is left out to meet it; nothing is installed at all.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CompileError {
    /// More orders than slots.
    #[error("{0} orders are in force at once; the limit is {MOST_ORDERS}")]
    Orders(usize),
    /// More rules than bits in a row.
    #[error("{0} rules are in force at once, over all orders; the limit is {MOST_RULES}")]
    Rules(usize),
    /// More combinations of address sets than rows.
    #[error(
        "the address sets of all orders overlap in {0} different combinations; the limit is {limit}",
        limit = MOST_COMBINATIONS
    )]
    Combinations(usize),
    /// More different port conditions than classes.
    #[error("the rules of all orders tell more than 65,535 classes of ports apart")]
    PortClasses,
    /// More groups of payload prefixes than there is room for.
    #[error(
        "the rules of all orders compare payloads by {0} different pairs of key and length; the limit \
         is {MOST_GROUPS}"
    )]
    PayloadGroups(usize),
    /// More payload prefixes than the search takes.
    #[error("the rules of all orders name {0} payload prefixes; the limit is {MOST_PREFIXES}")]
    PayloadPrefixes(usize),
    /// More words than the kernel has room for.
    #[error("the tables of all orders together are larger than 1 GiB")]
    TooLarge,
}

/// The most combinations of address sets, which keeps the rows below 400 MiB.
const MOST_COMBINATIONS: usize = 1 << 20;
const _: () = assert!(MOST_COMBINATIONS < AddressValue::MOST_ROWS as usize);

/// The classes that the layers give to all addresses of an IP version, as the ranges of a generation: where
/// each starts, as a number, and its class.
pub(crate) fn class_ranges(
    layers: &[Layer<'_>],
    belongs: fn(&IpNetwork) -> bool,
) -> Vec<(u128, AddressClass)> {
    addresses::classes(layers, belongs)
}

/// Compiles the orders in force over the direction tables, for the sensor of this name. If an order's basis
/// does not name the sensor, the order is left out of the tables (L-CAP, L-APPROVE). Without a name, the
/// sensor has the whole approved share.
///
/// # Errors
/// [`CompileError`] names the limit that the orders exceed together.
pub fn compile(
    number: u32,
    layers: &[Layer<'_>],
    orders: &[Slotted<'_>],
    sensor: Option<&str>,
) -> Result<Generation, CompileError> {
    check_count(orders.len())?;
    let orders: Vec<(Slot, &Mandate)> = (orders.iter())
        .filter(|slotted| slotted.order.facility().share(sensor).is_some())
        .map(|slotted| (slotted.slot, slotted.order))
        .collect();
    let rules = orders.iter().flat_map(|(slot, order)| names(*slot, order)).collect();
    check_rules(&orders)?;
    let tables = rows::tables(number, layers, &orders, share::of(&orders, sensor))?;
    let lines = image::write(&tables)?;
    Ok(Generation { lines, share: tables.share, names: Arc::new(Names::new(number, rules)) })
}

fn check_count(orders: usize) -> Result<(), CompileError> {
    if orders > MOST_ORDERS as usize { Err(CompileError::Orders(orders)) } else { Ok(()) }
}

fn check_rules(orders: &[(Slot, &Mandate)]) -> Result<(), CompileError> {
    let count = orders.iter().map(|(_, order)| order.rules.len()).sum();
    if count > MOST_RULES as usize {
        return Err(CompileError::Rules(count));
    }
    Ok(())
}

fn names(slot: Slot, order: &Mandate) -> impl Iterator<Item = RuleName> {
    let name = Arc::new(OrderName {
        slot,
        order_id: order.order_id.clone(),
        serial: order.serial,
        measure: order.measure(),
        digest: order.digest().to_owned(),
    });
    order.rules.iter().map(move |rule| RuleName { order: Arc::clone(&name), rule: rule.id.clone() })
}

#[cfg(test)]
mod payload_model;
#[cfg(test)]
mod tests;
