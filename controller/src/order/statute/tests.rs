use serde_json::{Value, json};

use crate::order::read_order;
use crate::order::samples::{refusal, with};

fn accepted(changes: &[(&str, Value)]) {
    let order = with(changes);
    if let Err(rejection) = read_order("o.json", order.to_string().as_bytes()) {
        panic!("{rejection}: {order}");
    }
}

fn refused(changes: &[(&str, Value)], expected: &str) {
    assert_eq!(refusal(&with(changes)), format!("o.json: {expected}"));
}

/// Changes that make the sample an order under another measure, three months long.
fn measure(name: &str) -> Vec<(&'static str, Value)> {
    let mut changes =
        vec![("/measure", json!(name)), ("/not_after", json!("2028-02-01T00:00:00+09:00"))];
    if name == "agreement" {
        changes.push(("/party", json!({"name": "電力", "prefixes": ["203.0.113.0/24"]})));
    }
    changes
}

#[test]
fn an_agreement_has_a_party_and_no_other_measure_has_one() {
    accepted(&measure("agreement"));
    let party = json!({"name": "a", "prefixes": ["203.0.113.0/24"]});
    refused(&[("/party", party)], "party: only an agreement has a party [L-MEASURE]");
    let mut alone = measure("agreement");
    alone.push(("/party", Value::Null));
    refused(&alone, "party: an agreement needs its party and the party's prefixes [L-MEASURE]");
    let mut empty = measure("agreement");
    empty.push(("/party/prefixes", json!([])));
    refused(
        &empty,
        "party.prefixes: an agreement selects only packets to the party's addresses, and there are none [L-MEASURE]",
    );
    let mut everything = measure("agreement");
    everything.push(("/party/prefixes", json!(["0.0.0.0/0"])));
    refused(
        &everything,
        "party.prefixes[0]: a prefix of length 0 covers every address [L-MEASURE]",
    );
}

#[test]
fn nothing_starts_before_its_approval() {
    accepted(&[("/approved_at", json!("2027-10-31T15:00:00Z"))]);
    refused(
        &[("/approved_at", json!("2027-11-01T00:00:01+09:00"))],
        "not_before: the term starts at 2027-11-01T00:00:00+09:00, before the approval at \
         2027-11-01T00:00:01+09:00 [L-APPROVE]",
    );
}

#[test]
fn terms_end_to_the_second() {
    for (name, latest, late) in [
        ("foreign-to-foreign", "2028-05-01T00:00:00+09:00", "2028-05-01T00:00:01+09:00"),
        ("agreement", "2028-05-01T00:00:00+09:00", "2028-05-01T00:00:01+09:00"),
        ("foreign-to-domestic", "2028-02-01T00:00:00+09:00", "2028-02-01T00:00:01+09:00"),
        ("domestic-to-foreign", "2028-02-01T00:00:00+09:00", "2028-02-01T00:00:01+09:00"),
    ] {
        let mut changes = measure(name);
        let rule = json!({"id": "r", "source": "c2", "destination": "c2", "protocol": "tcp"});
        changes.push(("/rules/0", rule));
        changes.push(("/not_after", json!(latest)));
        accepted(&changes);
        changes.push(("/not_after", json!(late)));
        let months = if name.ends_with("domestic") || name.starts_with("domestic") { 3 } else { 6 };
        refused(
            &changes,
            &format!(
                "not_after: the term ends at {late}, but {months} calendar months end at \
                 {latest} [L-TERM]"
            ),
        );
    }
    // A fraction of a second is too long, too.
    assert!(
        refusal(&with(&[("/not_after", json!("2028-05-01T00:00:00.000000001+09:00"))]))
            .ends_with("[L-TERM]")
    );
}

#[test]
fn terms_begin_before_they_end() {
    for end in ["2027-11-01T00:00:00+09:00", "2027-10-31T23:59:59+09:00"] {
        refused(
            &[("/not_after", json!(end))],
            &format!(
                "not_after: the term ends at {end}, not after it begins at \
                 2027-11-01T00:00:00+09:00 [L-TERM]"
            ),
        );
    }
    refused(
        &[
            ("/not_before", json!("9999-12-01T00:00:00Z")),
            ("/not_after", json!("9999-12-02T00:00:00Z")),
        ],
        "not_after: the calendar ends before the longest term does [L-TERM]",
    );
}

#[test]
fn capacity_shares() {
    let share = "/facility/max_share_percent";
    for percent in [1, 30] {
        accepted(&[(share, json!(percent))]);
    }
    for percent in [0, 31, 100] {
        refused(
            &[(share, json!(percent))],
            &format!(
                "facility.max_share_percent: {percent} % is not within 1 to 30 % for \
                 foreign-to-foreign [L-CAP]"
            ),
        );
    }
    let mut whole = measure("agreement");
    whole.push((share, json!(100)));
    accepted(&whole);
    whole.push((share, json!(101)));
    refused(
        &whole,
        "facility.max_share_percent: 101 % is not within 1 to 100 % for agreement [L-CAP]",
    );
    refused(
        &[("/facility/capacity_bps", json!(0))],
        "facility.capacity_bps: must be above 0 [L-CAP]",
    );
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
