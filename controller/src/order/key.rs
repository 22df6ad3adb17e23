//! The name of an order: its id and its serial.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::document::Order;

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

    /// Whether it is the name of this order.
    pub fn names(&self, order: &Order) -> bool {
        self.order_id == order.order_id && self.serial == order.serial
    }
}

impl fmt::Display for OrderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "order {}, serial {}", self.order_id, self.serial)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::order;
    use super::*;

    #[test]
    fn a_name_is_of_one_version_of_one_order() {
        let order = Order::read("o", order().to_string().as_bytes()).unwrap();
        assert_eq!(order.key().to_string(), "order 2027-17-0003, serial 1");
        assert!(order.key().names(&order));
        assert!(!OrderKey::new("2027-17-0003", 2).names(&order));
        assert!(!OrderKey::new("2027-17-0004", 1).names(&order));
    }
}
