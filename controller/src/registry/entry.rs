//! An order, and an approval or agreement, as the registry knows it from its acceptance on. Neither is ever
//! forgotten.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::event::EndReason;
use super::named::{NamedBasis, NamedOrder};
use crate::order::{Basis, Mandate, Order, OrderKey, Signer, Verified};

/// An accepted order.
#[derive(Clone, Debug)]
pub struct OrderEntry {
    /// What the order says, without its sets and rules.
    pub(super) head: Arc<Order>,
    /// What it rests on.
    pub(super) basis: Arc<Verified<Basis>>,
    /// The whole order; `None` once it has ended, and where it was not read.
    pub(super) body: Option<Arc<Mandate>>,
    /// Those who signed it; empty where it was not read.
    pub(super) signers: Vec<Signer>,
    /// The SHA-256 of the payload, which names exactly what was signed.
    pub(super) digest: String,
    /// The SHA-256 of the envelope, which names its file.
    pub(super) file: String,
    /// The version of the trust file under which it was accepted.
    pub(super) trust: u64,
    /// When it was accepted, by the wall clock.
    pub(super) installed_at: Timestamp,
    /// When its beginning was first noticed, by the wall clock.
    pub(super) begun: Option<Timestamp>,
    /// Its end, once it is over. Never taken back.
    pub(super) ended: Option<Ended>,
    /// How many records were taken under it. A crash can lose the count of the last minute.
    pub(super) records: u64,
    /// When each of its rules last selected a record, if it has; empty once the order has ended.
    pub(super) matched: BTreeMap<String, Option<Timestamp>>,
}

/// The end of an order.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// The first moment at which it was no longer in force.
    pub at: Timestamp,
    /// Why.
    pub reason: EndReason,
}

impl OrderEntry {
    /// What the order says, without its sets and rules.
    pub fn head(&self) -> &Order {
        &self.head
    }

    /// The whole order; `None` once it has ended, and where it was not read.
    pub const fn body(&self) -> Option<&Arc<Mandate>> {
        self.body.as_ref()
    }

    /// The SHA-256 of what was signed.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Its end, once it is over.
    pub const fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// How many records were taken under it.
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// The rules that have selected nothing for `idle_after` while the order was in force (L-MIN).
    pub fn idle_rules(&self, now: Timestamp, idle_after: SignedDuration) -> Vec<String> {
        let begun = self.head.not_before.max(self.installed_at);
        let is_idle = |matched: &Option<Timestamp>| {
            now.duration_since(matched.unwrap_or(begun).max(begun)) >= idle_after
        };
        let idle = self.matched.iter().filter(|(_, matched)| is_idle(matched));
        idle.map(|(rule, _)| rule.clone()).collect()
    }

    /// Its name.
    pub fn key(&self) -> OrderKey {
        self.head.key()
    }

    /// Its name in events.
    pub fn named(&self) -> NamedOrder {
        NamedOrder { key: self.key(), digest: self.digest.clone() }
    }

    /// What it rests on.
    pub const fn basis(&self) -> &Arc<Verified<Basis>> {
        &self.basis
    }

    /// Whether it is a higher serial of `earlier`, whose place it takes when it comes into force (L-EXTEND).
    pub(super) fn succeeds(&self, earlier: &Self) -> bool {
        self.head.order_id == earlier.head.order_id && self.head.serial > earlier.head.serial
    }

    /// Whether its term had begun by `wall` or, if it is over, by its end.
    pub(super) fn had_begun(&self, wall: Timestamp) -> bool {
        let not_before = self.head.not_before;
        match self.ended {
            None => not_before <= wall,
            Some(ended) => not_before <= ended.at,
        }
    }
}

/// An order without its sets and rules, which no longer count once it is over.
pub(super) fn head(order: &Order) -> Order {
    Order {
        order_id: order.order_id.clone(),
        serial: order.serial,
        basis: order.basis.clone(),
        not_before: order.not_before,
        not_after: order.not_after,
        address_sets: BTreeMap::new(),
        payload_prefixes: BTreeMap::new(),
        rules: Vec::new(),
    }
}

/// An accepted approval or agreement.
#[derive(Clone, Debug)]
pub struct BasisEntry {
    /// What it says.
    pub(super) basis: Arc<Verified<Basis>>,
    /// The SHA-256 of its envelope, which names its file.
    pub(super) file: String,
    /// The version of the trust file under which it was accepted.
    pub(super) trust: u64,
    /// When it was accepted, by the wall clock.
    pub(super) installed_at: Timestamp,
    /// Its end, once it is over. Never taken back.
    pub(super) ended: Option<Ended>,
}

impl BasisEntry {
    /// What it says.
    pub const fn basis(&self) -> &Arc<Verified<Basis>> {
        &self.basis
    }

    /// Its end, once it is over.
    pub const fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// Its name in events.
    pub fn named(&self) -> NamedBasis {
        let digest = self.basis.digest().to_owned();
        NamedBasis { key: self.basis.key.clone().into(), digest }
    }
}
