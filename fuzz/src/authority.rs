//! Keys that are the same in every run, and envelopes that they signed.

use std::convert::Infallible;

use controller::order::trust::KeyEntry;
use controller::order::{Envelope, Kind, Order, Trust, Verified, keys, verify_order};
use controller::rejection::Rejection;

/// A trust file over the keys `1..=keys`.
pub(crate) fn trust(threshold: u64, keys: u8) -> Trust {
    let text = trust_text(1, threshold, keys);
    Trust::parse("trust.json", text.as_bytes()).expect("a sound trust file")
}

/// The text of such a file.
pub(crate) fn trust_text(version: u64, threshold: u64, keys: u8) -> String {
    let entry = |number| {
        let key = keys::generate(|bytes| {
            bytes.fill(number);
            Ok::<(), Infallible>(())
        });
        KeyEntry::new(&key.expect("infallible").verifying_key(), format!("holder {number}"))
    };
    Trust::draft(version, threshold, (1..=keys).map(entry).collect()).expect("plain JSON")
}

/// The envelope around a payload, signed by the keys with these numbers.
pub(crate) fn sealed(kind: Kind, payload: &[u8], signers: &[u8]) -> Vec<u8> {
    let mut envelope = Envelope::unsigned(kind, payload.to_vec());
    for number in signers {
        let key = keys::generate(|bytes| {
            bytes.fill(*number);
            Ok::<(), Infallible>(())
        });
        envelope.sign(&key.expect("infallible")).expect("each key once");
    }
    envelope.to_json().expect("plain JSON").into_bytes()
}

/// An order as one key that is enough approved it.
pub(crate) fn approved(payload: &[u8]) -> Result<Verified<Order>, Rejection> {
    thread_local! {
        static TRUST: Trust = trust(1, 1);
    }
    let envelope = sealed(Kind::Order, payload, &[1]);
    TRUST.with(|trust| verify_order("order", &envelope, trust))
}
