//! The list of orders that `sekisho order list` shows, from a daemon or from a state directory.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::act::Act;
use super::entry::BasisEntry;
use super::event::EndReason;
use super::standing::OrderState;
use super::state::Registry;
use crate::order::time::tokyo;
use crate::order::{DocumentKey, OrderKey};

/// A rule is reported after this many days without a record, unless the configuration says otherwise (L-MIN).
pub const IDLE_DAYS: u16 = 30;

/// The numbers of days that can be configured; no term is longer.
pub const IDLE_RANGE: RangeInclusive<i64> = 1..=366;

/// A number of days of 24 hours.
pub fn idle_after(days: u16) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(days))
}

/// All orders, and what holds for all of them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct OrderList {
    /// The facility.
    pub facility: String,
    /// The version of the trust file in force.
    pub trust_version: u64,
    /// Who halted all selection, if it is halted.
    pub halted: Option<Act>,
    /// Every approval and agreement that was ever accepted.
    pub bases: Vec<BasisView>,
    /// Every order that was ever accepted.
    pub orders: Vec<OrderView>,
}

/// One approval or agreement.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct BasisView {
    /// Its name.
    #[serde(flatten)]
    pub key: DocumentKey,
    /// Its measure.
    pub measure: String,
    /// See [`OrderState::name`].
    pub state: String,
    /// Why it ended, if it has.
    pub reason: Option<EndReason>,
    /// The first moment of its term, in Japan Standard Time.
    pub not_before: String,
    /// The first moment after its term, as far as is known.
    pub not_after: String,
    /// The share of each sensor, in percent. A sensor that is not named selects nothing.
    pub sensors: BTreeMap<String, u8>,
    /// The SHA-256 of what was signed.
    pub digest: String,
}

/// One order.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct OrderView {
    /// Its name.
    #[serde(flatten)]
    pub key: OrderKey,
    /// Its measure.
    pub measure: String,
    /// What it rests on.
    pub basis: DocumentKey,
    /// See [`OrderState::name`].
    pub state: String,
    /// Why it ended, if it has.
    pub reason: Option<EndReason>,
    /// The first moment of its term, in Japan Standard Time.
    pub not_before: String,
    /// The first moment after its term, as far as is known. Its term, a revocation, its basis or its
    /// successor ends it.
    pub not_after: String,
    /// Seconds until then; 0 once it has ended.
    pub remaining_seconds: u64,
    /// How many records were taken under it.
    pub records: u64,
    /// The rules of an order in force that have selected nothing for as long as is configured (L-MIN).
    pub idle_rules: Vec<String>,
    /// The SHA-256 of what was signed.
    pub digest: String,
}

impl Registry {
    /// Lists every order as of `now`. `is_live`: whether the tables of the order at a position are in the kernel;
    /// until they are, the order is shown as waiting. Rules that have selected nothing for `idle_after` are idle.
    pub fn register(
        &self,
        now: Timestamp,
        idle_after: SignedDuration,
        is_live: impl Fn(usize) -> bool,
    ) -> OrderList {
        let listed = |(position, entry): (usize, &super::entry::OrderEntry)| {
            let shown = match self.shown(entry, now) {
                OrderState::InForce if !is_live(position) => OrderState::Waiting,
                shown => shown,
            };
            let (end, _) = self.end(entry);
            let end = entry.ended().map_or(end, |ended| ended.at);
            let left = end.duration_since(now).as_secs();
            let left = if entry.ended().is_some() { 0 } else { left };
            let head = entry.head();
            OrderView {
                key: head.key(),
                measure: entry.basis().measure().name().to_owned(),
                basis: entry.basis().key.clone().into(),
                state: shown.name().to_owned(),
                reason: entry.ended().map(|ended| ended.reason),
                not_before: tokyo(head.not_before),
                not_after: tokyo(end),
                remaining_seconds: u64::try_from(left).unwrap_or_default(),
                records: entry.records(),
                idle_rules: match shown {
                    OrderState::InForce => entry.idle_rules(now, idle_after),
                    _ => Vec::new(),
                },
                digest: entry.digest().to_owned(),
            }
        };
        let bases = self.bases().iter().map(|entry| self.basis_view(entry, now)).collect();
        OrderList {
            bases,
            facility: self.facility().to_owned(),
            trust_version: self.trust().version(),
            halted: self.halted().cloned(),
            orders: self.entries().iter().enumerate().map(listed).collect(),
        }
    }

    fn basis_view(&self, entry: &BasisEntry, now: Timestamp) -> BasisView {
        let basis = entry.basis();
        let (end, _) = self.basis_end(entry);
        let state = match entry.ended() {
            Some(ended) => OrderState::Ended(ended.reason),
            None if basis.not_before > now => OrderState::Waiting,
            None => OrderState::InForce,
        };
        BasisView {
            key: basis.key.clone().into(),
            measure: basis.measure().name().to_owned(),
            state: state.name().to_owned(),
            reason: entry.ended().map(|ended| ended.reason),
            not_before: tokyo(basis.not_before),
            not_after: tokyo(end),
            sensors: basis.facility.sensors.clone(),
            digest: basis.digest().to_owned(),
        }
    }
}
