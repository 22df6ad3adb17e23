//! Revocations, schema `sekisho.revocation/v1`: the early end of an order, signed by as many as an
//! order takes. Reading alone proves form and sense; signatures are checked in `verified`, and what
//! a revocation does to an order that is installed is the business of whoever keeps the orders.

use jiff::Timestamp;
use serde::Deserialize;

use super::key::OrderKey;
use super::kind::RevocationSchema;
use super::{consistency, json, time};
use crate::rejection::Rejection;
use crate::text;

pub use super::verified::verify_revocation;

/// The end of an order before its term is over.
///
/// Our reading, which selects less: it ends the order of that name at that serial *and at every
/// lower one*, also where the order is not installed yet or never will be. It says nothing about
/// higher serials, nor about orders of other names that extend this one: those are approvals of
/// their own, and each is revoked by name.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// The revocation's schema.
    pub schema: RevocationSchema,
    /// The name of the order that ends.
    pub order_id: String,
    /// Its highest serial that ends.
    pub serial: u64,
    /// The first moment at which the order is not in force any more. One that has passed means at
    /// once; what was selected before it was known is not undone by it.
    #[serde(deserialize_with = "time::timestamp")]
    pub effective_at: Timestamp,
    /// Why: free text on one line.
    pub reason: String,
}

impl Revocation {
    /// Reads a revocation's payload and makes every check but the signatures.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, with the field that is wrong.
    pub fn read(file: &str, payload: &[u8]) -> Result<Self, Rejection> {
        let revocation: Self = json::parse(file, payload)?;
        let refuse = |field, reason| Rejection::new(file, reason).at(field);
        consistency::name(&revocation.order_id).map_err(|reason| refuse("order_id", reason))?;
        consistency::serial(revocation.serial).map_err(|reason| refuse("serial", reason))?;
        text::check(&revocation.reason).map_err(|reason| refuse("reason", reason))?;
        Ok(revocation)
    }

    /// Whether it ends the order of this name.
    pub fn ends(&self, order: &OrderKey) -> bool {
        self.order_id == order.order_id && order.serial <= self.serial
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::samples::revocation;
    use super::*;

    #[test]
    fn a_revocation_ends_its_serial_and_every_lower_one() {
        let revocation = Revocation::read("r", revocation().to_string().as_bytes()).unwrap();
        assert_eq!(revocation.effective_at.to_string(), "2027-12-01T00:00:00Z");
        for (order_id, serial, ends) in [
            ("2027-17-0003", 1, true),
            ("2027-17-0003", 2, true),
            ("2027-17-0003", 3, false),
            ("2027-17-0004", 1, false),
        ] {
            let order = OrderKey::new(order_id, serial);
            assert_eq!(revocation.ends(&order), ends, "{order}");
        }
    }

    #[test]
    fn what_is_not_one_is_refused() {
        for (field, value, expected) in [
            ("order_id", json!("a b"), "order_id: `a b` is not 1 to 64 characters of"),
            ("serial", json!(0), "serial: serials count from 1"),
            ("effective_at", json!("now"), "effective_at: `now` is not an RFC 3339 timestamp"),
            ("effective_at", json!(null), "effective_at: expected a timestamp, found null"),
            ("reason", json!(" "), "reason: is empty"),
            ("reason", json!("a\nb"), "reason: holds control characters"),
            ("schema", json!("sekisho.order/v1"), "schema: is `sekisho.order/v1`, but only"),
            ("until", json!(""), "until: unknown field `until`"),
        ] {
            let mut document = revocation();
            document[field] = value;
            let refusal = Revocation::read("r", document.to_string().as_bytes()).unwrap_err();
            assert!(refusal.to_string().starts_with(&format!("r: {expected}")), "{refusal}");
        }
    }
}
