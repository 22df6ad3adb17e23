//! The registry as it is written: `state.json`, schema `sekisho.state/v2`, and its anchor, schema
//! `sekisho.anchor/v1`. The state only names documents: loading reads and verifies them again from their
//! envelopes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::act::Act;
use super::audit::Expected;
use super::entry::{BasisEntry, Ended, OrderEntry};
use super::runs::Running;
use super::state::Registry;
use crate::order::document::BasisReference;
use crate::order::{DocumentKey, Order};
use crate::rejection::StateFault;

/// The schema name of the state.
const STATE: &str = "sekisho.state/v2";
/// The schema name of the anchor.
const ANCHOR: &str = "sekisho.anchor/v1";

/// `state.json`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenState {
    schema: String,
    /// Counts the states from 1.
    pub(super) counter: u64,
    /// The SHA-256 of the state before; `None` for the first.
    pub(super) previous: Option<String>,
    pub(super) facility: String,
    /// The latest time that there was evidence of.
    pub(super) highest_clock: Timestamp,
    pub(super) trust: Vec<WrittenTrust>,
    pub(super) bases: Vec<WrittenBasis>,
    pub(super) orders: Vec<WrittenEntry>,
    pub(super) revocations: Vec<WrittenRevocation>,
    pub(super) halted: Option<Act>,
    /// The daemon that has begun and not said that it ended.
    pub(super) running: Option<Running>,
    /// The SHA-256 of the classes of addresses that were last in force: the name of their file.
    pub(super) classes: Option<String>,
    /// The sequence number of the last event.
    last_event: u64,
    /// The SHA-256 of its line in the audit file.
    last_line: String,
    /// The lines of the change that led to this state, so that the audit file can be completed after a crash.
    lines: Vec<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenTrust {
    pub(super) version: u64,
    pub(super) file: String,
}

/// An approval or agreement.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenBasis {
    pub(super) file: String,
    pub(super) trust: u64,
    pub(super) installed_at: Timestamp,
    pub(super) ended: Option<Ended>,
}

/// What an order says, without its sets and rules.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WrittenHead {
    order_id: String,
    serial: u64,
    basis: DocumentKey,
    basis_sha256: String,
    not_before: Timestamp,
    not_after: Timestamp,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenEntry {
    /// The order without its sets and rules.
    head: WrittenHead,
    pub(super) digest: String,
    pub(super) file: String,
    pub(super) trust: u64,
    pub(super) installed_at: Timestamp,
    pub(super) begun: Option<Timestamp>,
    pub(super) ended: Option<Ended>,
    pub(super) records: u64,
    pub(super) matched: BTreeMap<String, Option<Timestamp>>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenRevocation {
    pub(super) file: String,
    pub(super) trust: u64,
}

/// The anchor, which the state must not fall behind.
#[derive(Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Anchor {
    schema: String,
    /// The counter of the state.
    pub(super) counter: u64,
    /// The SHA-256 of its file.
    pub(super) state: String,
}

impl WrittenState {
    /// A registry as it is to be written.
    pub(super) fn of(
        registry: &Registry,
        counter: u64,
        previous: Option<String>,
        audit: Expected,
    ) -> Self {
        let trust = |known: &super::state::TrustVersion| WrittenTrust {
            version: known.trust.version(),
            file: known.file.clone(),
        };
        let revocation = |known: &super::state::Revoked| WrittenRevocation {
            file: known.file.clone(),
            trust: known.trust,
        };
        Self {
            schema: STATE.to_owned(),
            counter,
            previous,
            facility: registry.facility.clone(),
            highest_clock: registry.clock.highest(),
            trust: registry.trusts.iter().map(trust).collect(),
            bases: registry.bases.iter().map(WrittenBasis::of).collect(),
            orders: registry.entries.iter().map(WrittenEntry::of).collect(),
            revocations: registry.revocations.iter().map(revocation).collect(),
            halted: registry.halted.clone(),
            running: registry.running.clone(),
            classes: registry.classes.clone(),
            last_event: audit.last,
            last_line: audit.digest,
            lines: audit.lines,
        }
    }

    /// What it says about the audit file.
    pub(super) fn audit(&self) -> Expected {
        Expected {
            last: self.last_event,
            digest: self.last_line.clone(),
            lines: self.lines.clone(),
        }
    }

    /// Reads a state.
    ///
    /// # Errors
    /// [`StateFault`].
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, StateFault> {
        let state: Self = read(bytes)?;
        check_schema(&state.schema, STATE)?;
        Ok(state)
    }
}

impl Anchor {
    pub(super) fn of(counter: u64, state: &str) -> Self {
        Self { schema: ANCHOR.to_owned(), counter, state: state.to_owned() }
    }

    /// Reads an anchor.
    ///
    /// # Errors
    /// [`StateFault`].
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, StateFault> {
        let anchor: Self = read(bytes)?;
        check_schema(&anchor.schema, ANCHOR)?;
        Ok(anchor)
    }
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, StateFault> {
    serde_json::from_slice(bytes).map_err(|error| StateFault::Json(error.to_string()))
}

fn check_schema(found: &str, known: &'static str) -> Result<(), StateFault> {
    if found == known {
        return Ok(());
    }
    Err(StateFault::Schema { found: found.to_owned(), known })
}

impl WrittenBasis {
    fn of(entry: &BasisEntry) -> Self {
        Self {
            file: entry.file.clone(),
            trust: entry.trust,
            installed_at: entry.installed_at,
            ended: entry.ended,
        }
    }
}

impl WrittenEntry {
    fn of(entry: &OrderEntry) -> Self {
        let order = &entry.head;
        let head = WrittenHead {
            order_id: order.order_id.clone(),
            serial: order.serial,
            basis: order.basis.key.clone().into(),
            basis_sha256: order.basis.sha256.clone(),
            not_before: order.not_before,
            not_after: order.not_after,
        };
        Self {
            head,
            digest: entry.digest.clone(),
            file: entry.file.clone(),
            trust: entry.trust,
            installed_at: entry.installed_at,
            begun: entry.begun,
            ended: entry.ended,
            records: entry.records,
            matched: entry.matched.clone(),
        }
    }

    /// What the order says, without its sets and rules.
    ///
    /// # Errors
    /// [`StateFault::NamesNoBasis`].
    pub(super) fn head(&self) -> Result<Order, StateFault> {
        let head = &self.head;
        let key = head.basis.clone().basis().ok_or(StateFault::NamesNoBasis)?;
        Ok(Order {
            order_id: head.order_id.clone(),
            serial: head.serial,
            basis: BasisReference { key, sha256: head.basis_sha256.clone() },
            not_before: head.not_before,
            not_after: head.not_after,
            address_sets: BTreeMap::new(),
            payload_prefixes: BTreeMap::new(),
            rules: Vec::new(),
        })
    }
}
