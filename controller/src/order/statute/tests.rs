//! Orders under approvals and agreements: what is outside of them is refused, with the field, the reason and
//! the requirement.

use serde_json::{Value, json};

use crate::order::samples::{judged, set, with};

fn accepted(changes: &[(&str, Value)]) {
    let plan = with(changes);
    judged(&plan).unwrap_or_else(|rejections| panic!("{rejections}: {plan}"));
}

fn refused(changes: &[(&str, Value)], expected: &str) {
    let refusal = judged(&with(changes)).expect_err(expected).to_string();
    assert_eq!(refusal, format!("o.json: {expected}"));
}

/// Changes that make the plan one under another measure, three months long.
fn measure(name: &str) -> Vec<(&'static str, Value)> {
    let mut changes =
        vec![("/measure", json!(name)), ("/not_after", json!("2028-02-01T00:00:00+09:00"))];
    if name == "agreement" {
        changes.push(("/party", json!({"name": "電力", "prefixes": ["203.0.113.0/24"]})));
    }
    changes
}

/// Criteria that allow everything but for one field.
fn criteria(field: &str, value: Value) -> (&'static str, Value) {
    let mut under = json!({"criteria": crate::order::samples::kit::everything()});
    under["criteria"][field] = value;
    ("/under", under)
}

const WHOSE: &str = "the criteria of approval 2027-17-0003, serial 1";

#[test]
fn an_order_is_within_the_term_of_what_it_rests_on() {
    let under = json!({"not_before": "2027-11-01T00:00:00+09:00", "not_after": "2028-05-01T00:00:00+09:00"});
    let under = ("/under", under);
    accepted(std::slice::from_ref(&under));
    accepted(&[
        under.clone(),
        ("/not_before", json!("2027-12-01T00:00:00+09:00")),
        ("/not_after", json!("2027-12-02T00:00:00+09:00")),
    ]);
    refused(
        &[under.clone(), ("/not_before", json!("2027-10-31T23:59:59+09:00"))],
        "not_before: the term starts at 2027-10-31T23:59:59+09:00, before that of approval \
         2027-17-0003, serial 1 at 2027-11-01T00:00:00+09:00 [L-TERM]",
    );
    refused(
        &[under, ("/not_after", json!("2028-05-01T00:00:00.000000001+09:00"))],
        "not_after: the term ends at 2028-05-01T00:00:00.000000001+09:00, after that of approval \
         2027-17-0003, serial 1 at 2028-05-01T00:00:00+09:00 [L-TERM]",
    );
}

#[test]
fn an_order_is_within_the_criteria() {
    let ports = json!({"id": "r", "either": "c2", "destination_ports": ["443"]});
    let payload = json!({"id": "r", "either": "c2", "payload": "hello"});
    for (limit, change, expected) in [
        (
            criteria("conditions", json!(["address", "protocol-ports"])),
            ("/rules/0", payload.clone()),
            format!(
                "rules[0].payload: is a condition of kind payload, and {WHOSE} allow address, \
                 protocol-ports [L-APPROVE]"
            ),
        ),
        (
            criteria("conditions", json!(["address", "payload"])),
            ("/rules/0", ports.clone()),
            format!(
                "rules[0].destination_ports: is a condition of kind protocol-ports, and {WHOSE} allow \
                 address, payload [L-APPROVE]"
            ),
        ),
        (
            criteria("max_selectors", json!(2)),
            ("/serial", json!(1)),
            format!(
                "address_sets: 3 addresses and payload prefixes, but {WHOSE} allow 2 [L-APPROVE]"
            ),
        ),
        (
            criteria("max_rules", json!(1)),
            (
                "/rules",
                json!([{"id": "a", "either": "c2", "protocol": 6}, {"id": "b", "either": "c2", "protocol": 17}]),
            ),
            format!("rules: 2 rules, but {WHOSE} allow 1 [L-APPROVE]"),
        ),
        (
            criteria("min_prefix_length", json!({"ipv4": 24, "ipv6": 49})),
            ("/serial", json!(1)),
            format!(
                "address_sets.c2.addresses[1]: 2001:db8:5::/48 is wider than /49, the widest that \
                 {WHOSE} allow [L-APPROVE]"
            ),
        ),
        (
            criteria("min_payload_length", json!(6)),
            ("/serial", json!(1)),
            format!(
                "payload_prefixes.hello.hex[0]: compares 5 bytes, but {WHOSE} ask for 6 [L-APPROVE]"
            ),
        ),
        (
            criteria("protocols", json!(["udp", "icmp"])),
            ("/serial", json!(1)),
            format!("rules[0].protocol: names tcp, but {WHOSE} allow only udp, icmp [L-APPROVE]"),
        ),
        (
            criteria("protocols", json!(["tcp"])),
            ("/rules/0", ports),
            format!("rules[0].protocol: names no protocol, but {WHOSE} allow only tcp [L-APPROVE]"),
        ),
    ] {
        refused(&[limit, change], &expected);
    }
    accepted(&[criteria("max_selectors", json!(3))]);
    accepted(&[criteria("min_prefix_length", json!({"ipv4": 32, "ipv6": 48}))]);
    accepted(&[criteria("min_payload_length", json!(5))]);
    accepted(&[criteria("protocols", json!(["tcp"]))]);
}

#[test]
fn an_order_is_bound_to_what_was_approved_by_its_digest() {
    use crate::order::DocumentKind;
    use crate::order::samples::{papers, plan, sealed, trust};
    use crate::order::together::{Given, judge};

    let papers = papers(&plan());
    let judged = |order: &Value| {
        let sign = |kind, payload: &Value| {
            let text = sealed(
                kind,
                payload.to_string().as_bytes(),
                crate::order::samples::kit::signers(kind),
            );
            Given { file: format!("{}.json", kind.noun()), bytes: text.into() }
        };
        let given = [sign(DocumentKind::Order, order), sign(DocumentKind::Approval, &papers.basis)];
        judge(&given, &trust(), &[]).map(drop).map_err(|rejections| rejections.to_string())
    };
    judged(&papers.order).unwrap();
    let other = set(papers.order.clone(), &[("/basis/sha256", json!("0".repeat(64)))]);
    let digest = crate::order::samples::kit::digest(&papers.basis);
    assert_eq!(
        judged(&other).unwrap_err(),
        format!(
            "order.json: basis.sha256: is not the SHA-256 of approval 2027-17-0003, serial 1, which is \
             {digest} [L-APPROVE]"
        )
    );
    for (pointer, value, name) in [
        ("/basis/approval_id", json!("x"), "approval x, serial 1"),
        ("/basis/serial", json!(2), "approval 2027-17-0003, serial 2"),
    ] {
        let refusal = judged(&set(papers.order.clone(), &[(pointer, value)])).unwrap_err();
        let words = format!(
            "order.json: basis: {name} is not there: give it with the order, or install it before \
             [L-APPROVE]"
        );
        assert_eq!(refusal, words);
    }
}

#[test]
fn a_document_with_four_faults_gets_four_lines() {
    let refusal = judged(&with(&[
        ("/order_id", json!("a b")),
        ("/under", json!({"id": "a", "not_after": "2028-04-01T00:00:00+09:00"})),
        ("/rules/0", json!({"id": "r", "either": "c2", "destination_ports": ["0-65535"]})),
        ("/payload_prefixes/hello", json!({"hex": ["47"]})),
    ]));
    let refusal = refusal.unwrap_err().to_string();
    let fields: Vec<&str> = refusal.lines().map(|line| line.split(": ").nth(1).unwrap()).collect();
    for field in
        ["order_id", "not_after", "rules[0].destination_ports", "payload_prefixes.hello.hex[0]"]
    {
        assert!(fields.contains(&field), "{field}: {refusal}");
    }
}

#[test]
fn conditions_of_a_rule() {
    const TWO: &str = "rules[0]: needs two of: addresses, payload, protocol and ports (which \
                       together are one) [L-SELECT]";
    const TELLING: &str =
        "rules[0]: needs an address set or a payload prefix among its conditions [L-SELECT]";
    const SOURCE: &str =
        "rules[0]: art. 32 needs `source` or `payload` among the conditions [L-SELECT]";
    const NOT_EITHER: &str =
        "rules[0]: art. 32 selects by the source: write `source` instead of `either` [L-SELECT]";
    const DESTINATION: &str =
        "rules[0]: art. 33 needs `destination` or `payload` among the conditions [L-SELECT]";
    const NOT_EITHER_33: &str = "rules[0]: art. 33 selects by the destination: write `destination` instead of `either` [L-SELECT]";
    // The party's own addresses are 203.0.113.0/24, of which `own` is one.
    const PARTY: &str = "rules[0]: needs an address set or a payload prefix among its \
                         conditions; the party's own addresses are none of them [L-SELECT]";
    const PARTY_TWO: &str = "rules[0]: needs two of: addresses, payload, protocol and ports \
                             (which together are one); the party's own addresses are none of \
                             them [L-SELECT]";
    let two: &[(Value, Option<&str>)] = &[
        (json!({"either": "c2", "protocol": "tcp"}), None),
        (json!({"source": "c2", "destination_ports": ["443"]}), None),
        (json!({"either": "c2", "payload": "hello"}), None),
        (json!({"payload": "hello", "protocol": "udp"}), None),
        (json!({"either": "c2"}), Some(TWO)),
        (json!({"source": "c2", "destination": "c2"}), Some(TWO)),
        (json!({"payload": "hello"}), Some(TWO)),
        (json!({"protocol": "tcp", "source_ports": ["1"]}), Some(TELLING)),
        (json!({"protocol": "icmp"}), Some(TELLING)),
    ];
    let source: &[(Value, Option<&str>)] = &[
        (json!({"source": "c2"}), None),
        (json!({"source": "c2", "destination": "c2"}), None),
        (json!({"payload": "hello"}), None),
        (json!({"either": "c2", "payload": "hello"}), None),
        (json!({"destination": "c2", "protocol": "tcp"}), Some(SOURCE)),
        (json!({"protocol": "tcp", "source_ports": ["1"]}), Some(SOURCE)),
        (json!({"either": "c2", "protocol": "tcp"}), Some(NOT_EITHER)),
    ];
    let destination: &[(Value, Option<&str>)] = &[
        (json!({"destination": "c2"}), None),
        (json!({"payload": "hello"}), None),
        (json!({"source": "c2", "protocol": "tcp"}), Some(DESTINATION)),
        (json!({"either": "c2"}), Some(NOT_EITHER_33)),
    ];
    let party: &[(Value, Option<&str>)] = &[
        (json!({"destination": "own", "protocol": "tcp"}), Some(PARTY)),
        (json!({"destination": "c2", "protocol": "tcp"}), Some(PARTY)),
        (json!({"either": "own", "protocol": "tcp"}), Some(PARTY)),
        (json!({"destination": "own", "payload": "hello"}), Some(PARTY_TWO)),
        (json!({"source": "c2", "destination": "own", "protocol": "tcp"}), None),
        (json!({"destination": "own", "payload": "hello", "protocol": "tcp"}), None),
    ];
    for (name, table) in [
        ("foreign-to-foreign", two),
        ("agreement", two),
        ("agreement", party),
        ("foreign-to-domestic", source),
        ("domestic-to-foreign", destination),
    ] {
        for (conditions, expected) in table {
            let mut rule = conditions.clone();
            rule["id"] = json!("r1");
            let mut changes = measure(name);
            changes.push(("/rules/0", rule));
            changes.push(("/address_sets/own", json!(["203.0.113.7"])));
            match expected {
                None => accepted(&changes),
                Some(expected) => refused(&changes, expected),
            }
        }
    }
}
