//! Every example in `docs/formats.md` is what it says that it is: the product's own parsers read it. The
//! one of a record is compared with a real one in `refusals`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "the other tests use more of it")]
mod common;
#[path = "common/examples.rs"]
mod examples;

use std::path::Path;

use common::{Bases, sealed};
use controller::control::Request;
use controller::daemon::config::Config;
use controller::order::revocation::verify_revocation;
use controller::order::{Envelope, Kind, Trust, verify_order};
use controller::registry::event::Event;
use examples::examples;
use serde_json::Value;

#[test]
fn documents() {
    let trust = Bases::new().trust;
    for order in examples("order") {
        verify_order("order", &sealed(Kind::Order, order, &[1, 2, 3]), &trust).unwrap();
    }
    for revocation in examples("revocation") {
        let bytes = sealed(Kind::Revocation, revocation, &[1, 2, 3]);
        verify_revocation("revocation", &bytes, &trust).unwrap();
    }
    for trust in examples("trust") {
        let trust = Trust::parse("trust", trust.as_bytes()).unwrap();
        for envelope in examples("envelope") {
            let envelope = Envelope::parse("envelope", envelope.as_bytes()).unwrap();
            assert_eq!(envelope.kind(), Kind::Revocation);
            let revocation: Value = serde_json::from_slice(envelope.payload()).unwrap();
            let shown: Value = serde_json::from_str(examples("revocation")[0]).unwrap();
            assert_eq!(revocation, shown);
        }
        assert_eq!(trust.threshold(), 2);
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
