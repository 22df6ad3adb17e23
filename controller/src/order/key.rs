//! The name of an order: its id and its serial.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of an order. No two orders share one: a serial that was seen is never accepted again (L-EXTEND).
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OrderKey {
    /// The order's id.
    pub order_id: String,
    /// Its serial number.
    pub serial: u64,
}

impl OrderKey {
    /// The name of this version of an order.
    pub fn new(order_id: impl Into<String>, serial: u64) -> Self {
        Self { order_id: order_id.into(), serial }
    }
}

impl fmt::Display for OrderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "order {}, serial {}", self.order_id, self.serial)
    }
}
