//! The status of a daemon, as `sekisho status --json` prints it.

use std::collections::BTreeMap;

use controller::control::status::Privileges;
use controller::control::status::{OrderStatus, RecordsStatus, Status};
use sensor_common::outcome::Outcome;

use super::DIRECTION;

/// The status of a daemon.
#[derive(Debug)]
pub struct Books(Status);

impl Books {
    /// Reads what `sekisho status --json` printed.
    ///
    /// # Panics
    /// If it is not a status.
    pub fn read(text: &str) -> Self {
        Self(serde_json::from_str(text).expect("a status"))
    }

    /// Packets in the wire's direction with this outcome.
    pub fn count(&self, outcome: Outcome) -> u64 {
        let rows = self.0.interfaces.iter().filter_map(|one| one.outcomes.get(DIRECTION));
        rows.filter_map(|row| row.get(outcome.name())).sum()
    }

    /// Packets with any outcome, in any direction or none.
    pub fn packets(&self) -> u64 {
        let columns = self.0.interfaces.iter().flat_map(|one| one.outcomes.values());
        columns.flat_map(BTreeMap::values).sum()
    }

    /// Records submitted, and lost.
    pub fn records(&self) -> (u64, u64) {
        let interfaces = &self.0.interfaces;
        (
            interfaces.iter().map(|one| one.records).sum(),
            interfaces.iter().map(|one| one.lost).sum(),
        )
    }

    /// The default routes that its first interface carries, in words.
    pub fn default_route(&self) -> Option<String> {
        self.0.interfaces.first()?.default_route.clone()
    }

    /// What became of every record.
    pub const fn account(&self) -> &RecordsStatus {
        &self.0.records
    }

    /// The capacity share in bytes per second, while there is one.
    pub fn share(&self) -> Option<u64> {
        self.0.share.map(|share| share.bytes_per_second)
    }

    /// Milliseconds for which the kernel goes on selecting without a sign of life.
    pub const fn lease(&self) -> u64 {
        self.0.lease.remaining_ms
    }

    /// What the daemon may do to the machine.
    pub const fn privileges(&self) -> &Privileges {
        &self.0.privileges
    }

    /// The state of the only order.
    ///
    /// # Panics
    /// If there are none, or several.
    pub fn state(&self) -> &str {
        let [OrderStatus { state, .. }] = self.0.orders.as_slice() else { panic!("one order") };
        state
    }

    /// The state of every order, in the order of their installation.
    pub fn states(&self) -> Vec<&str> {
        self.0.orders.iter().map(|order| order.state.as_str()).collect()
    }

    /// The result of the direction files, in words.
    ///
    /// # Panics
    /// If the status has none.
    pub fn direction(&self) -> serde_json::Value {
        let basis = self.0.basis.as_ref().expect("a daemon works by something");
        serde_json::to_value(&basis.classes).expect("plain values")
    }
}
