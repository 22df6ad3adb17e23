//! An authority for tests: five keys, three of which must sign, and orders in its name.

use std::convert::Infallible;

use controller::order::trust::KeyEntry;
use controller::order::{Envelope, Kind, Order, Trust, Verified, keys, verify_order};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

/// Key number `number` of the authority: the same one in every run.
///
/// # Panics
/// Never: the randomness cannot fail.
pub fn key(number: u8) -> SigningKey {
    keys::generate(|bytes| {
        bytes.fill(number);
        Ok::<(), Infallible>(())
    })
    .expect("cannot fail")
}

/// The text of the trust file over keys 1 to 5, with a threshold of three.
///
/// # Panics
/// Never: the keys are sound.
pub fn trust_file() -> String {
    let entry = |number| KeyEntry::new(&key(number).verifying_key(), format!("holder {number}"));
    Trust::draft(1, 3, (1..=5).map(entry).collect()).expect("sound keys")
}

/// The envelope around a payload, signed by the keys with these numbers.
///
/// # Panics
/// Where a key number is given twice.
pub fn signed(payload: &Value, signers: &[u8]) -> String {
    signed_bytes(payload.to_string().into_bytes(), signers)
}

/// The same around the payload's bytes, for payloads too large to be built as a [`Value`].
///
/// # Panics
/// Where a key number is given twice.
pub fn signed_bytes(payload: Vec<u8>, signers: &[u8]) -> String {
    let mut envelope = Envelope::unsigned(Kind::Order, payload);
    for signer in signers {
        envelope.sign(&key(*signer)).expect("each key once");
    }
    envelope.to_json().expect("plain JSON")
}

/// The envelope around a revocation of this order and every lower serial, at once.
///
/// # Panics
/// Never: the keys are sound.
pub fn revocation(order_id: &str, serial: u64) -> String {
    let payload = json!({
        "schema": Kind::Revocation.schema(),
        "order_id": order_id,
        "serial": serial,
        "effective_at": "2020-01-01T00:00:00Z",
        "reason": "a test",
    });
    let mut envelope = Envelope::unsigned(Kind::Revocation, payload.to_string().into_bytes());
    for signer in 1..=3 {
        envelope.sign(&key(signer)).expect("each key once");
    }
    envelope.to_json().expect("plain JSON")
}

/// A payload as the authority approved it.
///
/// # Panics
/// Where the order is not valid.
pub fn approved(payload: &Value) -> Verified<Order> {
    let trust = Trust::parse("trust.json", trust_file().as_bytes()).expect("a sound trust file");
    let envelope = signed(payload, &[1, 3, 5]);
    verify_order("order.json", envelope.as_bytes(), &trust)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A payload with a term from 2027-01-01 to 2027-03-01 UTC.
pub fn payload(order_id: &str, measure: &str, sets: &Value, rules: &Value) -> Value {
    json!({
        "schema": "sekisho.order/v1",
        "order_id": order_id,
        "serial": 1,
        "measure": measure,
        "approved_at": "2026-12-20T00:00:00Z",
        "not_before": "2027-01-01T00:00:00Z",
        "not_after": "2027-03-01T00:00:00Z",
        "facility": {"id": "test-gw", "capacity_bps": 1_000_000_000, "max_share_percent": 30},
        "address_sets": sets,
        "rules": rules,
    })
}
