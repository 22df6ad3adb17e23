//! The state of a running sensor: the answer to `status`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::order::OrderKey;
use crate::registry::OrderView;
use crate::registry::act::Act;
use crate::registry::event::EndReason;
use crate::registry::inputs::DaemonInputs;

/// The answer to `status`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Status {
    /// The sensor's name.
    pub sensor: String,
    /// `tap` or `inline`.
    pub mode: String,
    /// Every interface.
    pub interfaces: Vec<InterfaceStatus>,
    /// Every order.
    pub orders: Vec<OrderStatus>,
    /// Who halted all selection, if it is halted.
    #[serde(default)]
    pub halted: Option<Act>,
    /// Why the state cannot be written, if it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unwritten: Option<String>,
    /// The capacity share, while an Art. 17 order is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<ShareStatus>,
    /// What became of every record that the kernel submitted.
    #[serde(default)]
    pub records: RecordsStatus,
    /// The lease.
    pub lease: LeaseStatus,
    /// What the daemon works by: the files that decide what can be selected.
    #[serde(default)]
    pub basis: Option<DaemonInputs>,
    /// What the daemon may do to the machine.
    #[serde(default)]
    pub privileges: Privileges,
}

/// One interface.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct InterfaceStatus {
    /// Its name.
    pub name: String,
    /// `native` or `generic`.
    pub xdp: String,
    /// Its state in words: `is up and watched`.
    #[serde(default)]
    pub state: String,
    /// The default routes that it carries in mode `tap`, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_route: Option<String>,
    /// Packets by direction (or `none`), then by outcome.
    pub outcomes: BTreeMap<String, BTreeMap<String, u64>>,
    /// Records submitted.
    pub records: u64,
    /// Records lost because a ring was full.
    pub lost: u64,
    /// Its rings, one for each CPU.
    pub rings: RingSizes,
}

/// One order.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct OrderStatus {
    /// Its name and serial.
    #[serde(flatten)]
    pub key: OrderKey,
    /// Its measure.
    pub measure: String,
    /// See [`OrderState::name`](crate::registry::OrderState::name).
    pub state: String,
    /// Why it ended, if it has.
    #[serde(default)]
    pub reason: Option<EndReason>,
    /// The first moment of its term, in Japan Standard Time.
    pub not_before: String,
    /// The first moment after its term, as far as it is known.
    pub not_after: String,
}

impl From<&OrderView> for OrderStatus {
    fn from(listed: &OrderView) -> Self {
        Self {
            key: listed.key.clone(),
            measure: listed.measure.clone(),
            state: listed.state.clone(),
            reason: listed.reason,
            not_before: listed.not_before.clone(),
            not_after: listed.not_after.clone(),
        }
    }
}

/// The capacity share (L-CAP).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ShareStatus {
    /// Bytes per second of 外外 traffic that may be inspected, over all interfaces.
    pub bytes_per_second: u64,
}

/// What became of records: `submitted` is the sum of `written`, `set_aside`, `missing` and `waiting`,
/// once no packet comes.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct RecordsStatus {
    /// Records that the kernel submitted, over all daemons of this sensor.
    pub submitted: u64,
    /// Records that are in the output, found there since they were written.
    pub written: u64,
    /// Records on their way: in a ring, or written within the last second.
    pub waiting: u64,
    /// Records that were set aside, by reason.
    pub set_aside: BTreeMap<String, u64>,
    /// Missing records, by reason.
    pub missing: BTreeMap<String, u64>,
    /// The output's trouble, if it has any.
    pub trouble: Option<String>,
    /// How often another process wrote into the kernel's maps or removed a pin, since the start.
    pub tampered: u64,
}

/// The lease.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct LeaseStatus {
    /// Milliseconds for which the kernel goes on selecting without a sign of life.
    pub remaining_ms: u64,
}

/// The rings of an interface.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RingSizes {
    /// How many: one for each CPU that was online at the start.
    pub count: u64,
    /// The size of each in bytes.
    pub bytes: u64,
}

/// What a process may do, for `status`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Privileges {
    /// The effective capabilities, by name: `bpf`.
    pub capabilities: Vec<String>,
    /// Whether no program that it executes could have more.
    pub no_new_privs: bool,
}
