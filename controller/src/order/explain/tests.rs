//! Whole explanations, in both languages.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::order::samples::{assumed, verified, with};

/// Compares an explanation with the file of its name. With `EXPLANATIONS=write` the files are written anew,
/// to be read before they are committed.
fn agrees(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/order/explain/samples").join(name);
    if std::env::var_os("EXPLANATIONS").is_some_and(|value| value == "write") {
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{}", path.display());
}

fn both(name: &str, subject: Explained<'_>) {
    for language in Language::ALL {
        let text = Explanation::new(subject, language).to_string();
        agrees(&format!("{name}.{}.txt", language.code()), &text);
    }
}

/// An agreement with everything that documents can have.
fn agreement() -> Value {
    let many: Vec<String> = (1..=7).map(|n| format!("192.0.2.{n}")).collect();
    let beacon = json!({
        "length": 16, "key": "00".repeat(16),
        "siphash24": ["0123456789abcdef", "fedcba9876543210"],
    });
    with(&[
        ("/measure", json!("agreement")),
        ("/party", json!({"name": "電力", "prefixes": ["203.0.113.0/24"]})),
        ("/under", json!({"id": "2027-11-acme", "extends": {"id": "2027-11-first", "serial": 1}})),
        ("/address_sets/c2", json!(many)),
        ("/payload_prefixes/beacon", beacon),
        ("/facility/capacity_bps", json!(1_500_000_000)),
        ("/rules/0", json!({"id": "r", "source": "c2", "destination": "c2", "protocol": 132})),
    ])
}

#[test]
fn an_approval_and_an_order_under_it() {
    let mut criteria = crate::order::samples::kit::everything();
    criteria["protocols"] = json!(["tcp", "udp"]);
    let mandate = verified(&with(&[("/under", json!({"criteria": criteria}))]));
    let basis = Signed::from(&**mandate.basis());
    both("approval", Explained::Basis(basis));
    both("order", Explained::Order(mandate.order().into(), Some(basis)));
}

#[test]
fn an_agreement_and_an_order_under_it() {
    let mandate = verified(&agreement());
    let basis = Signed::from(&**mandate.basis());
    both("agreement", Explained::Basis(basis));
    both("agreement-order", Explained::Order(mandate.order().into(), Some(basis)));
}

#[test]
fn an_order_that_nobody_verified_and_that_rests_on_what_is_not_at_hand() {
    let mandate = assumed(&with(&[]));
    both("alone", Explained::Order(Signed::unverified(mandate.order().get()), None));
}

#[test]
fn the_other_measures_in_both_languages() {
    for (measure, rule) in [
        ("foreign-to-domestic", json!({"id": "a", "source": "c2"})),
        (
            "domestic-to-foreign",
            json!({"id": "a", "destination": "c2", "protocol": "udp", "source_ports": ["53"]}),
        ),
    ] {
        let mandate = assumed(&with(&[
            ("/measure", json!(measure)),
            ("/not_after", json!("2027-12-01T12:30:00+09:00")),
            ("/rules/0", rule),
        ]));
        let basis = Signed::unverified(mandate.basis().get());
        both(measure, Explained::Order(Signed::unverified(mandate.order().get()), Some(basis)));
    }
}

/// Whatever can be said is said in both languages, line by line.
#[test]
fn both_languages_say_as_much() {
    let mandate = verified(&agreement());
    let basis = Signed::from(&**mandate.basis());
    let subject = Explained::Order(mandate.order().into(), Some(basis));
    let lines = |language| Explanation::new(subject, language).to_string().lines().count();
    assert_eq!(lines(Language::English), lines(Language::Japanese));
}

#[test]
fn conditions_join_in_japanese() {
    use super::facts::Fact;
    use crate::order::condition::Condition;
    let rule = |conditions| Fact::Rule { id: "r", conditions };
    let alone = vec![Condition::Payload("hello")];
    assert_eq!(english::line(&rule(alone.clone())), "  r: its payload begins with one of hello");
    assert_eq!(
        japanese::line(&rule(alone)),
        "  r：ペイロードの先頭部が集合 hello のいずれかと一致すること"
    );
    let two = vec![Condition::Payload("hello"), Condition::SourcePorts(&[])];
    assert!(japanese::line(&rule(two)).starts_with(
        "  r：ペイロードの先頭部が集合 hello のいずれかと一致し、かつ、送信元ポートが"
    ));
}
