//! Documents: the payloads of envelopes, read as each kind.

use std::collections::BTreeSet;

use controller::order::explain::{Explanation, Language};
use controller::order::trust::TrustedKey;
use controller::order::{
    Document, Kind, Order, OrderKey, Revocation, Trust, notice, read_document, succession,
};
use controller::preview;
use serde_json::Value;

use crate::authority::approved;
use crate::words::{check_line, check_text};

/// Judges an input.
///
/// # Panics
/// Where something does not hold.
pub fn run(input: &[u8]) {
    let mut accepted = 0;
    for kind in Kind::ALL {
        match read_document("doc", kind, input) {
            Err(rejection) => check_line(rejection, "doc"),
            Ok(document) => {
                accepted += 1;
                let value: Value = serde_json::from_slice(input).expect("what is accepted is JSON");
                assert_eq!(value["schema"], kind.schema());
                assert_eq!(Kind::of_document("doc", input), Ok(kind));
                match document {
                    Document::Order(order) => check_order(&order, &value, input),
                    Document::Revocation(revocation) => check_revocation(&revocation, &value),
                    Document::Trust(trust) => check_trust(&trust, &value, input),
                }
            }
        }
    }
    assert!(accepted <= 1, "of two kinds at once");
    if let Err(rejection) = Kind::of_document("doc", input) {
        check_line(rejection, "doc");
        assert_eq!(accepted, 0);
    }
}

fn texts<'a>(value: &'a Value, field: &str) -> Vec<&'a str> {
    value[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The Act's limits, read off the document itself; `docs/law.md` has them.
fn check_order(order: &Order, value: &Value, input: &[u8]) {
    let measure = value["measure"].as_str().expect("a measure");
    assert!(order.approved_at <= order.not_before && order.not_before < order.not_after);
    // L-TERM: six or three calendar months, of which the longest have 184 and 92 days.
    let days = if matches!(measure, "agreement" | "foreign-to-foreign") { 184 } else { 92 };
    assert!(order.not_after.duration_since(order.not_before).as_secs() <= days * 86_400);
    // L-CAP.
    let most = if measure == "foreign-to-foreign" { 30 } else { 100 };
    let share = value["facility"]["max_share_percent"].as_u64().expect("a number");
    assert!((1..=most).contains(&share) && value["facility"]["capacity_bps"].as_u64() > Some(0));
    // L-MEASURE.
    let party = texts(&value["party"], "prefixes");
    assert_eq!(measure == "agreement", !party.is_empty());
    let sets = value["address_sets"].as_object().expect("an object");
    let everything = |list: &[&str]| list.iter().any(|text| text.ends_with("/0"));
    assert!(!everything(&party));
    for name in sets.keys() {
        assert!(!everything(&texts(&value["address_sets"], name)), "{name}");
    }
    let rules = value["rules"].as_array().expect("a list");
    assert!((1..=1024).contains(&rules.len()) && rules.len() == order.rules.len());
    let ids: BTreeSet<&str> = rules.iter().filter_map(|rule| rule["id"].as_str()).collect();
    assert_eq!(ids.len(), rules.len());
    for rule in rules {
        check_rule(rule, measure, value);
    }
    check_words(order, value);
    // It can be approved, and is what was signed.
    let approved = approved(input).expect("an order that is read is an order that can be signed");
    assert_eq!(approved.get(), order);
    // No order follows itself.
    check_line(
        succession::check("doc", order, order).expect_err("an order is no other one"),
        "doc",
    );
}

/// L-SELECT: arts. 22(2) and 35(2).
fn check_rule(rule: &Value, measure: &str, order: &Value) {
    let names = |field: &str| rule.get(field).is_some();
    let addresses = ["source", "destination", "either"];
    for field in addresses.into_iter().filter(|field| names(field)) {
        let set = rule[field].as_str().expect("a name");
        assert!(!texts(&order["address_sets"], set).is_empty(), "{field}: {set}");
    }
    if names("payload") {
        let set = rule["payload"].as_str().expect("a name");
        assert!(order["payload_prefixes"][set].is_object());
    }
    assert!(!names("either") || !names("source") && !names("destination"));
    let traffic = ["protocol", "source_ports", "destination_ports"].into_iter().any(names);
    match measure {
        "foreign-to-domestic" => assert!(names("source") || names("payload")),
        "domestic-to-foreign" => assert!(names("destination") || names("payload")),
        "foreign-to-foreign" => {
            let address = addresses.into_iter().any(names);
            let telling = usize::from(address) + usize::from(names("payload"));
            assert!(telling >= 1 && telling + usize::from(traffic) >= 2);
        }
        _ => {
            // The party's own addresses are no condition.
            let address = names("source") || names("either");
            let telling = usize::from(address) + usize::from(names("payload"));
            assert!(telling >= 1 && telling + usize::from(traffic) >= 2);
        }
    }
    let without_ports = match &rule["protocol"] {
        Value::String(name) => !["tcp", "udp"].contains(&name.as_str()),
        Value::Number(number) => ![Some(6), Some(17)].contains(&number.as_u64()),
        _ => false,
    };
    let ports = names("source_ports") || names("destination_ports");
    assert!(!without_ports || !ports && !names("payload"), "can never match: {rule}");
}

/// What people are told about it.
fn check_words(order: &Order, value: &Value) {
    for language in Language::ALL {
        let text = Explanation::new(order, None, language).to_string();
        check_lines(&text);
        assert!(text.contains(&order.order_id), "{text}");
        for rule in &order.rules {
            assert!(text.contains(&rule.id), "{}: {text}", rule.id);
        }
    }
    for warning in preview::warnings("doc", order, None) {
        check_line(warning, "doc");
    }
    for set in order.unused_sets() {
        let (field, name) = set.split_once('.').expect("field and name");
        assert!(value[field].get(name).is_some(), "{set}");
    }
}

/// Every line but the empty ones.
fn check_lines(text: &str) {
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let visible = |c: char| {
            !c.is_control()
                && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{feff}')
        };
        assert!(line.chars().all(visible), "{line:?}");
    }
}

fn check_revocation(revocation: &Revocation, value: &Value) {
    assert_eq!(value["order_id"], revocation.order_id.as_str());
    assert_eq!(value["serial"].as_u64(), Some(revocation.serial));
    check_text(&revocation.reason);
    for language in Language::ALL {
        let text = notice::revocation(revocation, None).in_language(language);
        check_lines(&text);
        assert!(text.contains(&revocation.order_id) && text.contains(&revocation.reason), "{text}");
    }
    let serial = revocation.serial;
    let named = |serial| OrderKey::new(&revocation.order_id, serial);
    assert!(revocation.ends(&named(serial)) && serial > 0);
    assert!(!serial.checked_add(1).is_some_and(|next| revocation.ends(&named(next))));
}

fn check_trust(trust: &Trust, value: &Value, input: &[u8]) {
    assert_eq!(trust.bytes(), input);
    let keys = value["keys"].as_array().expect("a list");
    let usable: Vec<_> = trust.keys().iter().filter(|key| !key.is_revoked()).collect();
    assert_eq!(trust.keys().len(), keys.len());
    assert!((1..=usable.len()).contains(&trust.threshold()) && trust.version() > 0);
    let ids: BTreeSet<&str> = trust.keys().iter().map(TrustedKey::keyid).collect();
    assert_eq!(ids.len(), keys.len());
    // One holder, one key that counts.
    let holders: BTreeSet<String> =
        usable.iter().map(|key| key.holder().to_ascii_lowercase()).collect();
    assert_eq!(holders.len(), usable.len());
    for language in Language::ALL {
        let text = notice::trust(trust, None).in_language(language);
        check_lines(&text);
        assert!(trust.keys().iter().all(|key| text.contains(key.holder())), "{text}");
    }
}
