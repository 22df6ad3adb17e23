use serde_json::{Value, json};

use super::super::document::Order;
use super::super::samples::{order, refusal, set};

fn with(changes: &[(&str, Value)]) -> Value {
    set(order(), changes)
}

#[test]
fn what_makes_no_sense_is_refused() {
    let long = "x".repeat(65);
    let rule = |rule: Value| ("/rules/0", rule);
    for (change, expected) in [
        (("/order_id", json!("")), "order_id: `` is not 1 to 64 characters of A-Z a-z 0-9 . _ -"),
        (("/order_id", json!("a/b")), "order_id: `a/b` is not 1 to 64 characters"),
        (("/order_id", json!("令和")), "order_id: `令和` is not 1 to 64 characters"),
        (("/order_id", json!(long)), "order_id: `xxx"),
        (("/serial", json!(0)), "serial: counts from 1"),
        (("/rules", json!([])), "rules: there is no rule, so nothing to select"),
        (
            ("/address_sets/a b", json!({"ground": "g", "addresses": []})),
            "address_sets.a b: `a b` is not 1 to 64 characters",
        ),
        (
            ("/payload_prefixes/", json!({"ground": "g", "hex": ["00000000"]})),
            "payload_prefixes.: `` is not 1 to 64",
        ),
        (
            rule(json!({"id": "r/1", "either": "c2", "protocol": "tcp"})),
            "rules[0].id: `r/1` is not",
        ),
        (rule(json!({"id": "r1"})), "rules[0]: names no condition"),
        (
            rule(json!({"id": "r1", "either": "c2", "source": "c2", "protocol": "tcp"})),
            "rules[0].either: excludes source and destination",
        ),
        (
            rule(json!({"id": "r1", "source": "c3", "protocol": "tcp"})),
            "rules[0].source: there is no address set `c3`",
        ),
        (
            rule(json!({"id": "r1", "destination": "hello", "protocol": "tcp"})),
            "rules[0].destination: there is no address set `hello`",
        ),
        (
            rule(json!({"id": "r1", "either": "c2", "payload": "c2"})),
            "rules[0].payload: there is no payload prefix set `c2`",
        ),
        (
            rule(json!({"id": "r1", "either": "c2", "protocol": "icmp", "source_ports": ["1"]})),
            "rules[0].source_ports: can never match: icmp has no ports, only tcp and udp have",
        ),
        (
            rule(json!({"id": "r1", "either": "c2", "protocol": 132, "destination_ports": ["1"]})),
            "rules[0].destination_ports: can never match: protocol 132 has no ports",
        ),
        (
            rule(json!({"id": "r1", "either": "c2", "protocol": "icmpv6", "payload": "hello"})),
            "rules[0].payload: can never match: only tcp and udp payloads are compared, not icmpv6",
        ),
        (
            (
                "/rules",
                json!([{"id": "r", "either": "c2", "protocol": 6}, {"id": "r", "either": "c2", "protocol": 17}]),
            ),
            "rules[1].id: `r` names two rules",
        ),
        (
            ("/address_sets/c2/addresses", json!([])),
            "rules[0].either: the address set `c2` is empty",
        ),
    ] {
        let refusal = refusal(&with(&[change]));
        assert!(refusal.starts_with(&format!("o.json: {expected}")), "{refusal}\n{expected}");
    }
}

#[test]
fn the_number_of_rules_is_limited() {
    let rules = |count: usize| -> Value {
        (0..count)
            .map(|n| json!({"id": format!("r{n}"), "either": "c2", "protocol": "tcp"}))
            .collect()
    };
    let read =
        |count| Order::read("o.json", with(&[("/rules", rules(count))]).to_string().as_bytes());
    assert!(read(super::MOST_RULES).is_ok());
    assert_eq!(
        read(super::MOST_RULES + 1).unwrap_err().to_string(),
        "o.json: rules: 1025 rules, but 1024 is the limit"
    );
}

#[test]
fn the_numbers_of_selectors_are_limited() {
    use super::*;
    use crate::order::payload::PayloadPrefixes;
    use crate::order::selection::{AddressSet, PayloadSet};
    let order = Order::read("o.json", order().to_string().as_bytes()).unwrap();
    let Order { address_sets, payload_prefixes, rules, .. } = order;
    let mut selection = Selection { address_sets, payload_prefixes, rules };
    let refusals = |selection: &Selection| {
        let mut faults = Faults::new("o.json");
        check(selection, &mut faults);
        faults.end().map_err(|rejections| rejections.to_string())
    };
    let one = selection.address_sets["c2"].addresses[0];
    let many = |count| AddressSet { ground: "g".into(), addresses: vec![one; count] };
    selection.address_sets.insert("many".to_owned(), many(MOST_ADDRESSES - 2));
    refusals(&selection).unwrap();
    selection.address_sets.insert("one".to_owned(), many(1));
    assert_eq!(
        refusals(&selection).unwrap_err(),
        "o.json: address_sets: 10000001 addresses, but 10000000 is the limit"
    );
    selection.address_sets.remove("many");
    let most = MOST_PREFIXES as usize - 1;
    let many = |count| PayloadSet {
        ground: "g".into(),
        prefixes: PayloadPrefixes::Raw(vec![vec![1; 4]; count]),
    };
    selection.payload_prefixes.insert("many".to_owned(), many(most));
    refusals(&selection).unwrap();
    selection.payload_prefixes.insert("many".to_owned(), many(most + 1));
    assert_eq!(
        refusals(&selection).unwrap_err(),
        "o.json: payload_prefixes: 1000001 payload prefixes, but 1000000 is the limit"
    );
}

#[test]
fn what_is_odd_but_allowed() {
    for changes in [
        vec![("/address_sets/unused", json!({"ground": "g", "addresses": []}))],
        vec![(
            "/rules/0",
            json!({"id": "r", "source": "c2", "destination": "c2", "source_ports": ["0"]}),
        )],
        vec![(
            "/rules/0",
            json!({"id": "r", "source": "c2", "protocol": 17, "source_ports": ["53"]}),
        )],
        // The longest that names and texts may be.
        vec![
            ("/address_sets/c2/ground", json!("東".repeat(200))),
            ("/order_id", json!("x".repeat(64))),
        ],
    ] {
        Order::read("o.json", with(&changes).to_string().as_bytes()).unwrap();
    }
}
