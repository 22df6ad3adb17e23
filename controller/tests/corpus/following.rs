//! Documents that are right by themselves and do not go with each other.

use controller::order::DocumentKind;
use sekisho_kit::{papers, sealed, signers};
use serde_json::{Value, json};

use crate::Case;
use crate::documents::{judged, plan, put};

/// A plan's basis and order as they are signed, after changes to both documents.
fn signed(plan: &Value, basis: &[(&str, Value)], order: &[(&str, Value)]) -> [String; 2] {
    let mut papers = papers(plan);
    for (pointer, value) in basis {
        put(&mut papers.basis, pointer, value.clone());
    }
    papers.order["basis"]["sha256"] = json!(sekisho_kit::digest(&papers.basis));
    for (pointer, value) in order {
        put(&mut papers.order, pointer, value.clone());
    }
    let seal = |kind: DocumentKind, document: &Value| {
        sealed(kind, document.to_string().as_bytes(), signers(kind))
    };
    [seal(papers.kind, &papers.basis), seal(DocumentKind::Order, &papers.order)]
}

/// The plan under an approval of its own, without anything before it.
fn first() -> Value {
    let mut plan = plan();
    plan["serial"] = json!(1);
    plan["under"] = json!({"id": "p", "criteria": plan["under"]["criteria"]});
    plan
}

/// What extends it, from May to November.
fn second(extends: bool) -> Value {
    let mut plan = first();
    plan["serial"] = json!(2);
    plan["not_before"] = json!("2028-05-01T00:00:00+09:00");
    plan["not_after"] = json!("2028-11-01T00:00:00+09:00");
    plan["under"]["id"] = json!("q");
    if extends {
        plan["under"]["extends"] = json!({"id": "p", "serial": 1});
    }
    plan
}

pub(crate) fn cases() -> Vec<Case> {
    let [basis, order] = signed(&first(), &[], &[]);
    let mut cases = Vec::new();
    let mut add = |name: &str, field: &str, reason: &'static str, files: &[&str]| {
        let (name, field) = (format!("together: {name}"), Some(field.to_owned()));
        cases.push(Case { name, field, reason, outcome: judged(files) });
    };
    let [longer, next] = signed(&second(true), &[], &[]);
    judged(&[&next, &order, &basis, &longer]).unwrap();

    add("an approval twice", "serial", "Following.Together", &[&basis, &basis]);
    add("an order twice", "serial", "Following.Together", &[&basis, &order, &order]);
    add("an order without its approval", "basis", "Selection.NoBasis", &[&order]);
    let [strange, follows] = signed(&second(false), &[], &[]);
    add(
        "an order that goes over to a stranger",
        "basis",
        "Following.OtherBasis",
        &[&basis, &order, &strange, &follows],
    );
    for (name, pointer, value, field, reason) in [
        ("another act", "/act/id", json!("other"), "act.id", "Following.Differs"),
        ("another facility", "/facility/id", json!("osa"), "facility.id", "Following.Differs"),
        ("a gap", "/not_before", json!("2028-05-01T00:00:01+09:00"), "not_before", "Following.Gap"),
    ] {
        let mut changes = vec![(pointer, value.clone())];
        if pointer == "/not_before" {
            changes.push(("/approved_at", value));
        }
        let [spoilt, _] = signed(&second(true), &changes, &[]);
        add(name, field, reason, &[&basis, &spoilt]);
    }
    let early = json!("2027-10-31T00:00:00+09:00");
    let [spoilt, _] = signed(
        &second(true),
        &[
            ("/approved_at", early.clone()),
            ("/not_before", early),
            ("/not_after", json!("2028-01-01T00:00:00+09:00")),
        ],
        &[],
    );
    add("given before", "approved_at", "Following.GivenBefore", &[&basis, &spoilt]);
    add("starts before", "not_before", "Following.StartsBefore", &[&basis, &spoilt]);
    let mut narrower = first();
    narrower["under"]["serial"] = json!(2);
    narrower["not_before"] = json!("2027-12-01T00:00:00+09:00");
    narrower["not_after"] = json!("2028-05-02T00:00:00+09:00");
    let [spoilt, _] = signed(&narrower, &[], &[]);
    add("an amendment that prolongs", "not_after", "Following.Prolongs", &[&basis, &spoilt]);

    let late = json!("9999-12-01T00:00:00Z");
    let [spoilt, _] = signed(
        &first(),
        &[
            ("/approved_at", late.clone()),
            ("/not_before", late),
            ("/not_after", json!("9999-12-02T00:00:00Z")),
        ],
        &[],
    );
    add("beyond the calendar", "not_after", "Basis.Calendar", &[&spoilt]);

    measures(&mut add);
    cases
}

/// What the Act asks of rules under each measure, and criteria that allow less.
fn measures(add: &mut impl FnMut(&str, &str, &'static str, &[&str])) {
    for (measure, rule, reason) in [
        (
            "foreign-to-domestic",
            json!({"destination": "c2", "protocol": "tcp"}),
            "Selection.NotSpecific",
        ),
        ("foreign-to-domestic", json!({"either": "c2", "protocol": "tcp"}), "Selection.NotEither"),
        (
            "domestic-to-foreign",
            json!({"source": "c2", "protocol": "tcp"}),
            "Selection.NotSpecific",
        ),
        ("domestic-to-foreign", json!({"either": "c2", "protocol": "tcp"}), "Selection.NotEither"),
        ("agreement", json!({"destination": "c2", "protocol": "tcp"}), "Selection.NothingTelling"),
        ("agreement", json!({"payload": "hello"}), "Selection.OneCondition"),
    ] {
        let mut plan = first();
        plan["measure"] = json!(measure);
        plan["not_after"] = json!("2028-01-01T00:00:00+09:00");
        plan["party"] = json!({"name": "p", "prefixes": ["203.0.113.0/24"]});
        let mut rule = rule;
        rule["id"] = json!("r1");
        plan["under"]["criteria"].as_object_mut().unwrap().remove("protocols");
        plan["rules"] = json!([rule]);
        let [basis, order] = signed(&plan, &[], &[]);
        let name = format!("{measure}: {rule}");
        add(&name, "rules[0]", reason, &[&basis, &order]);
    }
    for (field, value, at, reason) in [
        ("conditions", json!(["payload", "protocol-ports"]), "rules[0].either", "Selection.Kind"),
        ("conditions", json!(["address", "protocol-ports"]), "rules[1].payload", "Selection.Kind"),
        ("conditions", json!(["address", "payload"]), "rules[0].protocol", "Selection.Kind"),
        ("max_selectors", json!(3), "address_sets", "Selection.BeyondCriteria"),
        ("max_rules", json!(1), "rules", "Selection.BeyondCriteria"),
        (
            "min_prefix_length",
            json!({"ipv4": 32, "ipv6": 49}),
            "address_sets.c2.addresses[1]",
            "Selection.WiderThanCriteria",
        ),
        (
            "min_payload_length",
            json!(6),
            "payload_prefixes.hello.hex[0]",
            "Selection.ShorterThanCriteria",
        ),
        (
            "min_payload_length",
            json!(17),
            "payload_prefixes.beacon.length",
            "Selection.ShorterThanCriteria",
        ),
        ("protocols", json!(["udp"]), "rules[0].protocol", "Selection.Protocol"),
    ] {
        let mut plan = first();
        plan["under"]["criteria"][field] = value.clone();
        let [basis, order] = signed(&plan, &[], &[]);
        add(&format!("criteria: {field} = {value}"), at, reason, &[&order, &basis]);
    }
}
