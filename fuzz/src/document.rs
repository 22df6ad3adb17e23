//! Documents: the payloads of envelopes, read as each kind.

use std::collections::BTreeSet;
use std::fmt::Display;

use controller::order::explain::{Explained, Explanation, Language, Signed};
use controller::order::trust::TrustedKey;
use controller::order::{
    Basis, Document, DocumentKind, Measure, Order, Revocation, Trust, notice, read_document,
};
use controller::rejection::Rejections;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::words::{check_line, check_text};

/// Judges an input.
///
/// # Panics
/// Where something does not hold.
pub fn run(input: &[u8]) {
    let mut accepted = 0;
    for kind in DocumentKind::ALL {
        match read_document("doc", kind, input) {
            Err(rejections) => check_refusal(&rejections, "doc"),
            Ok(document) => {
                accepted += 1;
                let value: Value = serde_json::from_slice(input).expect("what is accepted is JSON");
                assert_eq!(value["schema"], kind.schema());
                assert_eq!(DocumentKind::of_document("doc", input), Ok(kind));
                match document {
                    Document::Basis(basis) => check_basis(&basis, &value),
                    Document::Order(order) => check_order(&order, &value),
                    Document::Revocation(revocation) => check_revocation(&revocation, &value),
                    Document::Trust(trust) => check_trust(&trust, &value, input),
                }
            }
        }
    }
    assert!(accepted <= 1, "of two kinds at once");
    if let Err(rejection) = DocumentKind::of_document("doc", input) {
        check_line(rejection, "doc");
        assert_eq!(accepted, 0);
    }
}

/// One line for every fault, and no line twice.
pub(crate) fn check_refusal(rejections: &Rejections, file: &str) {
    let mut lines = BTreeSet::new();
    for rejection in rejections {
        check_line(rejection, file);
        assert!(lines.insert(rejection.to_string()), "twice: {rejection}");
    }
    assert!(!lines.is_empty(), "refused without a reason");
}

fn texts<'a>(value: &'a Value, field: &str) -> Vec<&'a str> {
    value[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn check_id(value: &Value) {
    let id = value.as_str().expect("an id");
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    assert!((1..=64).contains(&id.len()) && id.bytes().all(plain), "{id:?}");
}

/// Prefixes as short as nobody may name.
fn is_everything(text: &str) -> bool {
    let (address, length) = text.split_once('/').unwrap_or((text, "128"));
    let shortest = if address.contains(':') { 16 } else { 8 };
    length.parse::<u8>().expect("a length") < shortest
}

/// Whether there are at most so many days from one moment to the other.
fn within(days: i64, from: Timestamp, to: Timestamp) -> bool {
    to.duration_since(from) <= SignedDuration::from_hours(24 * days)
}

/// The Act's limits, read off the document itself; `docs/law.md` has them.
fn check_basis(basis: &Basis, value: &Value) {
    let measure = basis.measure();
    let (from, to) = (basis.not_before, basis.not_after);
    // L-TERM: six or three calendar months, of which the longest have 184 and 92 days; 30 days.
    let longest = match measure {
        Measure::Agreement | Measure::ForeignToForeign => 184,
        Measure::ForeignToDomestic | Measure::DomesticToForeign => 92,
    };
    assert!(basis.given_at <= from && from < to && within(longest, from, to));
    if measure != Measure::Agreement {
        assert!(within(30, basis.given_at, from));
    }
    // L-CAP.
    let facility = &value["facility"];
    let share = facility["max_share_percent"].as_u64().expect("a number");
    let most = if measure == Measure::ForeignToForeign { 30 } else { 100 };
    assert!((1..=most).contains(&share) && facility["capacity_bps"].as_u64() > Some(0));
    let sensors = facility["sensors"].as_object().expect("an object");
    let shares: u64 = sensors.values().filter_map(Value::as_u64).sum();
    assert!(!sensors.is_empty() && sensors.values().all(|share| share.as_u64() > Some(0)));
    assert!(measure != Measure::ForeignToForeign || shares <= share);
    // L-SELECT.
    let criteria = &value["criteria"];
    assert!(!texts(criteria, "conditions").is_empty());
    assert!(criteria["max_selectors"].as_u64() > Some(0));
    assert!((1..=1024).contains(&criteria["max_rules"].as_u64().expect("a number")));
    let party = texts(&value["party"], "prefixes");
    assert_eq!(measure == Measure::Agreement, !party.is_empty());
    assert!(!party.iter().any(|text| is_everything(text)));
    for language in Language::ALL {
        let subject = Explained::Basis(Signed::unverified(basis));
        let text = explained(subject, language);
        assert!(text.contains(&basis.key.id), "{text}");
    }
}

fn check_order(order: &Order, value: &Value) {
    check_id(&value["order_id"]);
    assert!(order.serial > 0 && order.not_before < order.not_after);
    assert_eq!(value["basis"]["sha256"].as_str().map(str::len), Some(64));
    let sets = value["address_sets"].as_object().into_iter().flatten();
    for (name, set) in sets {
        assert!(!texts(set, "addresses").iter().any(|text| is_everything(text)), "{name}");
        check_text(set["ground"].as_str().expect("a ground"));
    }
    let sets = value["payload_prefixes"].as_object().into_iter().flatten();
    for (name, set) in sets {
        check_text(set["ground"].as_str().expect("a ground"));
        // L-SELECT: shorter ones are no condition.
        assert!(texts(set, "hex").iter().all(|hex| hex.len() >= 8), "{name}");
        assert!(set.get("length").is_none_or(|length| length.as_u64() >= Some(4)), "{name}");
    }
    let rules = value["rules"].as_array().expect("a list");
    assert!((1..=1024).contains(&rules.len()) && rules.len() == order.rules.len());
    let ids: BTreeSet<&str> = rules.iter().filter_map(|rule| rule["id"].as_str()).collect();
    assert_eq!(ids.len(), rules.len());
    for rule in rules {
        check_rule(rule, value);
    }
    for language in Language::ALL {
        let subject = Explained::Order(Signed::unverified(order), None);
        let text = explained(subject, language);
        assert!(text.contains(&order.order_id), "{text}");
        for rule in &order.rules {
            assert!(text.contains(&rule.id), "{}: {text}", rule.id);
        }
    }
    for set in order.unused_sets() {
        let (field, name) = set.split_once('.').expect("field and name");
        assert!(value[field].get(name).is_some(), "{set}");
    }
}

/// What needs no approval to be judged: that a rule names what is there, and can match.
fn check_rule(rule: &Value, order: &Value) {
    let names = |field: &str| rule.get(field).is_some();
    assert!(rule.as_object().is_some_and(|fields| fields.len() > 1), "no condition: {rule}");
    for field in ["source", "destination", "either"].into_iter().filter(|field| names(field)) {
        let set = rule[field].as_str().expect("a name");
        assert!(!texts(&order["address_sets"][set], "addresses").is_empty(), "{field}: {set}");
    }
    if names("payload") {
        let set = rule["payload"].as_str().expect("a name");
        assert!(order["payload_prefixes"][set].is_object());
    }
    assert!(!names("either") || !names("source") && !names("destination"));
    let without_ports = match &rule["protocol"] {
        Value::String(name) => !["tcp", "udp"].contains(&name.as_str()),
        Value::Number(number) => ![Some(6), Some(17)].contains(&number.as_u64()),
        _ => false,
    };
    let ports = names("source_ports") || names("destination_ports");
    assert!(!without_ports || !ports && !names("payload"), "can never match: {rule}");
}

/// What people are told.
fn explained(subject: Explained<'_>, language: Language) -> String {
    let text = Explanation::new(subject, language).to_string();
    check_lines(&text);
    text
}

/// Every line but the empty ones.
fn check_lines(text: impl Display) {
    let text = text.to_string();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let visible = |c: char| {
            !c.is_control()
                && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{feff}')
        };
        assert!(line.chars().all(visible), "{line:?}");
    }
}

fn check_revocation(revocation: &Revocation, value: &Value) {
    let ends = &revocation.ends;
    let id = ["order_id", "approval_id", "agreement_id"].map(|field| &value["ends"][field]);
    let named: Vec<&Value> = id.into_iter().filter(|id| !id.is_null()).collect();
    assert_eq!(named, [&Value::from(ends.id())]);
    assert_eq!(value["ends"]["serial"].as_u64(), Some(ends.serial()));
    check_text(&revocation.reason);
    for language in Language::ALL {
        let text = notice::revocation(revocation, None).in_language(language);
        check_lines(&text);
        assert!(text.contains(ends.id()) && text.contains(&revocation.reason), "{text}");
    }
    assert!(revocation.ends(ends) && ends.serial() > 0);
}

fn check_trust(trust: &Trust, value: &Value, input: &[u8]) {
    assert_eq!(trust.bytes(), input);
    let keys = value["keys"].as_object().expect("an object");
    assert_eq!(trust.keys().len(), keys.len());
    let ids: BTreeSet<&str> = trust.keys().iter().map(TrustedKey::keyid).collect();
    assert_eq!(ids.len(), keys.len());
    assert!(trust.version() > 0);
    // One holder, one key; one key, one role.
    let holders: BTreeSet<String> = trust
        .keys()
        .iter()
        .filter(|key| !key.is_revoked())
        .map(|key| key.holder().to_ascii_lowercase())
        .collect();
    let usable = trust.keys().iter().filter(|key| !key.is_revoked()).count();
    assert_eq!(holders.len(), usable);
    let roles = value["roles"].as_object().expect("an object");
    let mut seen = BTreeSet::new();
    for (name, role) in roles {
        let list = texts(role, "keyids");
        assert!(list.iter().all(|keyid| seen.insert(*keyid)), "{name}");
        let usable = list.iter().filter(|keyid| !trust.is_revoked(keyid)).count() as u64;
        let threshold = role["threshold"].as_u64().expect("a number");
        assert!((1..=usable).contains(&threshold), "{name}");
    }
    for language in Language::ALL {
        let text = notice::trust(trust, None).in_language(language);
        check_lines(&text);
        for key in trust.keys().iter().filter(|key| key.role().is_some()) {
            assert!(text.contains(key.holder()), "{text}");
        }
    }
}
