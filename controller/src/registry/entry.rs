//! One order as the registry knows it, from the moment that it was accepted and for ever.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::event::{Named, Reason};
use crate::order::{Order, OrderKey, Signer, Verified};

/// An accepted order.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What the order says, without its sets and rules.
    pub(super) head: Arc<Order>,
    /// All of it; not kept once it has ended, nor where only its state is asked for.
    pub(super) body: Option<Arc<Verified<Order>>>,
    /// The names of the keys that signed it; none where it was not read.
    pub(super) signers: Vec<String>,
    /// The SHA-256 of the payload: names exactly what was signed.
    pub(super) digest: String,
    /// The SHA-256 of the envelope, which names its file.
    pub(super) file: String,
    /// The version of the trust file under which it was accepted.
    pub(super) trust: u64,
    /// When it was accepted, by the wall clock.
    pub(super) installed_at: Timestamp,
    /// When its term began, as first noticed, by the wall clock.
    pub(super) begun: Option<Timestamp>,
    /// Its end, once it is over. Never taken back.
    pub(super) ended: Option<Ended>,
    /// Records that were taken under it; after a crash the last minute's may be missing.
    pub(super) records: u64,
}

/// The end of an order.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// The first moment at which it was not in force any more.
    pub at: Timestamp,
    /// Why.
    pub reason: Reason,
}

impl Entry {
    /// What the order says, without its sets and rules.
    pub fn head(&self) -> &Order {
        &self.head
    }

    /// All of it, where it may still be needed.
    pub const fn body(&self) -> Option<&Arc<Verified<Order>>> {
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

    /// Records that were taken under it.
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// What it is called.
    pub fn key(&self) -> OrderKey {
        self.head.key()
    }

    /// Its name in events.
    pub fn named(&self) -> Named {
        Named { key: self.key(), digest: self.digest.clone() }
    }

    /// Whether it takes `earlier`'s place when it comes into force: as its extension, or as a later
    /// version of the same order (L-EXTEND).
    pub(super) fn succeeds(&self, earlier: &Self) -> bool {
        self.extends(&earlier.head) || self.amends(&earlier.head)
    }

    /// Whether it extends `earlier`.
    pub(super) fn extends(&self, earlier: &Order) -> bool {
        extends(&self.head, earlier)
    }

    /// Whether it is a later version of `earlier` that does not extend it: it narrows.
    pub(super) fn amends(&self, earlier: &Order) -> bool {
        self.head.order_id == earlier.order_id
            && self.head.serial > earlier.serial
            && !self.extends(earlier)
    }

    /// Whether its term had begun at `wall` or, if it is over, before its end.
    pub(super) fn had_begun(&self, wall: Timestamp) -> bool {
        let not_before = self.head.not_before;
        match self.ended {
            None => not_before <= wall,
            Some(ended) => not_before <= ended.at,
        }
    }
}

/// Whether `order` names `earlier` as the order that it extends.
pub(super) fn extends(order: &Order, earlier: &Order) -> bool {
    order.extends.as_ref().is_some_and(|extends| extends.names(earlier))
}

/// The names of the keys of some signers.
pub(super) fn keyids(signers: &[Signer]) -> Vec<String> {
    signers.iter().map(|signer| signer.keyid.clone()).collect()
}

/// An order without its sets and rules: everything that counts once it is over.
pub(super) fn head(order: &Order) -> Order {
    Order {
        schema: order.schema,
        order_id: order.order_id.clone(),
        serial: order.serial,
        measure: order.measure,
        approved_at: order.approved_at,
        not_before: order.not_before,
        not_after: order.not_after,
        extends: order.extends.clone(),
        facility: order.facility.clone(),
        party: order.party.clone(),
        address_sets: BTreeMap::new(),
        payload_prefixes: BTreeMap::new(),
        rules: Vec::new(),
    }
}
