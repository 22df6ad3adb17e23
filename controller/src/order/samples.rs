//! What the tests of this module, and of those that need orders, share: keys, a trust file, and good
//! documents to be spoilt one field at a time.

use std::convert::Infallible;

use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

use super::keys;
use super::trust::{KeyEntry, Trust};
use super::{Envelope, Kind, Order, Verified, read_order, verify_order};

/// The same key for the same number.
pub(crate) fn key(number: u8) -> SigningKey {
    keys::generate(|bytes| {
        bytes.fill(number);
        Ok::<(), Infallible>(())
    })
    .unwrap()
}

/// Five keys, three of which must sign.
pub(crate) fn trust() -> Trust {
    Trust::parse("trust.json", trust_file().as_bytes()).unwrap()
}

/// The same as a file.
pub(crate) fn trust_file() -> String {
    let entry = |n| KeyEntry::new(&key(n).verifying_key(), format!("holder {n}"));
    Trust::draft(1, 3, (1..=5).map(entry).collect()).unwrap()
}

/// An order under art. 17 that is just within every limit.
pub(crate) fn order() -> Value {
    json!({
        "schema": "sekisho.order/v1",
        "order_id": "2027-17-0003",
        "serial": 2,
        "measure": "foreign-to-foreign",
        "approved_at": "2027-10-20T15:00:00+09:00",
        "not_before": "2027-11-01T00:00:00+09:00",
        "not_after": "2028-05-01T00:00:00+09:00",
        "extends": null,
        "facility": {"id": "tyo-gw-1", "capacity_bps": 100_000_000_000_u64, "max_share_percent": 30},
        "party": null,
        "address_sets": {"c2": ["198.51.100.7", "2001:db8:5::/48"]},
        "payload_prefixes": {"hello": {"hex": ["474554202f"]}},
        "rules": [{"id": "r1", "either": "c2", "protocol": "tcp", "destination_ports": ["443", "8000-8099"]}],
    })
}

/// The order with some of its fields set, each named by a JSON pointer; new
/// fields are added.
pub(crate) fn with(changes: &[(&str, Value)]) -> Value {
    let mut order = order();
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match order.pointer_mut(parent).unwrap() {
            Value::Array(list) => list[name.parse::<usize>().unwrap()] = value.clone(),
            parent => parent[name] = value.clone(),
        }
    }
    order
}

/// The refusal of a payload.
pub(crate) fn refusal(order: &Value) -> String {
    match read_order("o.json", order.to_string().as_bytes()) {
        Ok(_) => panic!("must be refused: {order}"),
        Err(rejection) => rejection.to_string(),
    }
}

/// A revocation of that order.
pub(crate) fn revocation() -> Value {
    json!({
        "schema": "sekisho.revocation/v1", "order_id": "2027-17-0003", "serial": 2,
        "effective_at": "2027-12-01T09:00:00+09:00", "reason": "the commission withdrew its approval",
    })
}

/// Signs an order's payload with the keys of these numbers.
pub(crate) fn signed(payload: &Value, signers: &[u8]) -> String {
    signed_as(Kind::Order, &payload.to_string(), signers)
}

/// Signs a payload as a document of some kind, with the keys of these numbers.
pub(crate) fn signed_as(kind: Kind, payload: &str, signers: &[u8]) -> String {
    let mut envelope = Envelope::unsigned(kind, payload.as_bytes().to_vec());
    for signer in signers {
        envelope.sign(&key(*signer)).unwrap();
    }
    envelope.to_json().unwrap()
}

/// A payload as an order that enough have signed.
pub(crate) fn verified(payload: &Value) -> Verified<Order> {
    verify_order("e.json", signed(payload, &[1, 2, 3]).as_bytes(), &trust()).unwrap()
}
