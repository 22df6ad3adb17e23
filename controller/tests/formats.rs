//! Every example in `docs/formats.md` is what it says that it is: the product's own parsers read it. The
//! one of a record is compared with a real one in `refusals`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/examples.rs"]
mod examples;

use std::path::Path;

use controller::control::Request;
use controller::daemon::config::Config;
use controller::order::together::{Given, judge};
use controller::order::{
    BasisKind, DocumentKind, Envelope, Role, Trust, verify_basis, verify_revocation,
};
use controller::registry::event::Event;
use examples::examples;
use sekisho_kit::{sealed, signers, trust_file};
use serde_json::Value;

fn trust() -> Trust {
    Trust::parse("trust", trust_file().as_bytes()).unwrap()
}

fn envelope(kind: DocumentKind, payload: &str) -> String {
    sealed(kind, payload.as_bytes(), signers(kind))
}

/// The order is one under the approval.
#[test]
fn an_order_and_what_it_rests_on() {
    let given = |kind: DocumentKind, payload: &str| Given {
        file: kind.noun().to_owned(),
        bytes: envelope(kind, payload).into(),
    };
    let [approval] = examples("approval")[..] else { panic!("one approval") };
    for order in examples("order") {
        let files = [given(DocumentKind::Order, order), given(DocumentKind::Approval, approval)];
        let together = judge(&files, &trust(), &[]).unwrap();
        assert_eq!(together.orders.len(), 1);
    }
    for agreement in examples("agreement") {
        let bytes = envelope(DocumentKind::Agreement, agreement);
        verify_basis(BasisKind::Agreement, "agreement", bytes.as_bytes(), &trust()).unwrap();
    }
}

/// The envelope is that of the revocation, signed by a key of the trust file.
#[test]
fn a_revocation_a_trust_file_and_an_envelope() {
    let [revocation] = examples("revocation")[..] else { panic!("one revocation") };
    let [trust] = examples("trust")[..] else { panic!("one trust file") };
    let trust = Trust::parse("trust", trust.as_bytes()).unwrap();
    assert_eq!(trust.threshold(&Role::Commission), Some(1));
    for envelope in examples("envelope") {
        verify_revocation("envelope", envelope.as_bytes(), &trust).unwrap();
        let envelope = Envelope::parse("envelope", envelope.as_bytes()).unwrap();
        let within: Value = serde_json::from_slice(envelope.payload()).unwrap();
        assert_eq!(within, serde_json::from_str::<Value>(revocation).unwrap());
    }
}

#[test]
fn configurations() {
    for configuration in examples("configuration") {
        Config::parse(Path::new("sekisho.toml"), configuration.as_bytes()).unwrap();
    }
}

#[test]
fn requests() {
    let lines = examples("request").into_iter().flat_map(str::lines);
    let read = lines.map(|line| serde_json::from_str::<Request>(line).unwrap());
    assert_eq!(read.count(), 8);
}

#[test]
fn events() {
    for line in examples("event").into_iter().flat_map(str::lines) {
        let mut event: Value = serde_json::from_str(line).unwrap();
        let previous = event.as_object_mut().unwrap().remove("previous").unwrap();
        assert_eq!(previous.as_str().unwrap().len(), 64);
        serde_json::from_value::<Event>(event).unwrap();
    }
}
