//! Warnings and the refusal, each with its exact words.

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;
use crate::direction::{DirectionInputs, DirectionTable, Unnamed};
use crate::order::samples::{assumed, with};

/// The class of a few prefixes; all of them would be special-purpose space otherwise.
fn classes() -> ClassRanges {
    let folder = tempfile::tempdir().unwrap();
    let (domestic, foreign) = (folder.path().join("jp.txt"), folder.path().join("abroad.txt"));
    fs::write(&domestic, "203.0.113.0/24\n2001:db8:1::/48\n").unwrap();
    fs::write(&foreign, "198.51.100.0/24\n192.0.2.0/24\n2001:db8:5::/48\n").unwrap();
    let inputs = DirectionInputs {
        domestic: vec![domestic],
        foreign: vec![foreign],
        default: Unnamed::Foreign,
        ..DirectionInputs::default()
    };
    ClassRanges::of(&DirectionTable::load(&inputs).unwrap())
}

/// Form only: what the law refuses at the door is not this module's question.
fn read(plan: &Value) -> Mandate {
    assumed(plan)
}

/// An order with these sets and rules and nothing else to warn of.
fn order(measure: &str, sets: &Value, rules: &Value) -> Value {
    let mut changes = vec![
        ("/measure", json!(measure)),
        ("/not_after", json!("2027-12-01T00:00:00+09:00")),
        ("/payload_prefixes", Value::Null),
        ("/address_sets", sets.clone()),
        ("/rules", rules.clone()),
    ];
    if measure == "agreement" {
        changes.push(("/party", json!({"name": "電力", "prefixes": ["203.0.113.0/25"]})));
    }
    with(&changes)
}

fn warned(order: &Value, classes: Option<&ClassRanges>) -> Vec<String> {
    warnings("o", &read(order), classes).iter().map(ToString::to_string).collect()
}

#[test]
fn sets_that_can_never_match_by_the_direction_of_the_measure() {
    let classes = classes();
    let sets = json!({
        "abroad": ["198.51.100.7", "2001:db8:5::/48"],
        "home": ["203.0.113.7", "2001:db8:1::/48"],
        "both": ["203.0.113.7", "198.51.100.7", "203.0.113.9", "10.0.0.1"],
        "wide": ["192.0.0.0/8"],
        "private": ["10.0.0.0/8", "192.168.0.1"],
    });
    // Every set is in use, so that nothing else is warned of.
    let uses = |measure: &str, field: &str, set: &str| {
        let rules = json!([{"id": "r", field: set, "protocol": "tcp"}]);
        let mut order = order(measure, &sets, &rules);
        order["address_sets"] = json!({set: sets[set]});
        order
    };
    let foreign = "but the measure is foreign-to-domestic and its sources are foreign [L-MEASURE]";
    for (measure, field, set, expected) in [
        ("foreign-to-domestic", "source", "abroad", None),
        // Some of it is foreign.
        ("foreign-to-domestic", "source", "wide", None),
        (
            "foreign-to-domestic",
            "source",
            "home",
            Some(format!("all 2 members of home can never match: 203.0.113.7/32 is domestic, {foreign}")),
        ),
        (
            "foreign-to-domestic",
            "source",
            "both",
            Some(format!(
                "3 of the 4 members of both can never match: 203.0.113.7/32 is domestic, {foreign}"
            )),
        ),
        (
            "foreign-to-domestic",
            "source",
            "private",
            Some(format!(
                "all 2 members of private can never match: 10.0.0.0/8 is unclassified, {foreign}"
            )),
        ),
        ("foreign-to-domestic", "destination", "home", None),
        (
            "foreign-to-domestic",
            "destination",
            "abroad",
            Some(
                "all 2 members of abroad can never match: 198.51.100.7/32 is foreign, but the \
                 measure is foreign-to-domestic and its destinations are domestic [L-MEASURE]"
                    .to_owned(),
            ),
        ),
        ("foreign-to-domestic", "either", "home", None),
        (
            "foreign-to-domestic",
            "either",
            "both",
            Some(
                "1 of the 4 members of both can never match: 10.0.0.1/32 is unclassified, but the \
                 measure is foreign-to-domestic and its sources are foreign and its destinations \
                 domestic [L-MEASURE]"
                    .to_owned(),
            ),
        ),
        ("domestic-to-foreign", "source", "home", None),
        ("domestic-to-foreign", "destination", "abroad", None),
        (
            "domestic-to-foreign",
            "destination",
            "home",
            Some(
                "all 2 members of home can never match: 203.0.113.7/32 is domestic, but the measure \
                 is domestic-to-foreign and its destinations are foreign [L-MEASURE]"
                    .to_owned(),
            ),
        ),
        ("foreign-to-foreign", "either", "abroad", None),
        (
            "foreign-to-foreign",
            "either",
            "home",
            Some(
                "all 2 members of home can never match: 203.0.113.7/32 is domestic, but the measure \
                 is foreign-to-foreign and both of its ends are foreign [L-MEASURE]"
                    .to_owned(),
            ),
        ),
    ] {
        let order = uses(measure, field, set);
        let expected: Vec<String> =
            expected.into_iter().map(|text| format!("o: rules[0].{field}: {text}")).collect();
        assert_eq!(warned(&order, Some(&classes)), expected, "{measure} {field} {set}");
        assert!(warned(&order, None).is_empty());
    }
}

#[test]
fn destinations_that_are_domestic_but_not_the_party() {
    let sets = json!({"c2": ["198.51.100.7"], "home": ["203.0.113.1", "203.0.113.129"]});
    let rules = json!([{"id": "r", "source": "c2", "destination": "home", "protocol": "tcp"}]);
    assert_eq!(
        warned(&order("agreement", &sets, &rules), Some(&classes())),
        [
            "o: rules[0].destination: 1 of the 2 members of home can never match: 203.0.113.129/32 is \
          domestic, but the measure is agreement and its destinations are domestic and the party's \
          [L-MEASURE]"
        ]
    );
}

#[test]
fn one_warning_for_each_field_that_a_set_stands_in() {
    let sets = json!({"home": ["203.0.113.7"]});
    let rules = json!([
        {"id": "a", "source": "home", "protocol": "tcp"},
        {"id": "b", "source": "home", "protocol": "udp"},
        {"id": "c", "destination": "home", "protocol": "udp"},
    ]);
    let fields: Vec<String> = warned(&order("foreign-to-foreign", &sets, &rules), Some(&classes()))
        .iter()
        .map(|warning| warning.split(": ").nth(1).unwrap().to_owned())
        .collect();
    assert_eq!(fields, ["rules[0].source", "rules[2].destination"]);
}

/// Whether `later` is hidden by `earlier`, over sets of which `big` holds `small` and `hosts`.
fn hidden(measure: &str, earlier: &Value, later: &Value) -> bool {
    let sets = json!({
        "big": ["198.51.100.0/24", "192.0.2.0/24"],
        "small": ["198.51.100.7"],
        "hosts": ["198.51.100.0/25", "198.51.100.128/25"],
        "other": ["203.0.113.7"],
        "home": ["203.0.113.0/24"],
    });
    let (mut first, mut second) = (earlier.clone(), later.clone());
    first["id"] = json!("first");
    second["id"] = json!("second");
    let mut order = order(measure, &sets, &json!([first, second]));
    order["payload_prefixes"] = json!({
        "get": {"hex": ["474554"]},
        "get-slash": {"hex": ["4745542f", "474554202f"]},
        "post": {"hex": ["474554", "504f5354"]},
        "one": {"length": 4, "key": "00".repeat(16), "siphash24": ["0000000000000001"]},
        "two": {"length": 4, "key": "00".repeat(16), "siphash24": ["0000000000000001", "0000000000000002"]},
        "keyed": {"length": 4, "key": "11".repeat(16), "siphash24": ["0000000000000001"]},
    });
    let all = warned(&order, None);
    let about: Vec<&String> = all.iter().filter(|line| line.starts_with("o: rules[")).collect();
    if let [warning] = about.as_slice() {
        assert_eq!(
            *warning,
            "o: rules[1]: rule second never names a record: rule first before it matches every \
             packet that it matches"
        );
    }
    about.len() == 1
}

#[test]
fn rules_that_earlier_ones_hide() {
    for (earlier, later) in [
        (
            json!({"source": "big", "protocol": "tcp"}),
            json!({"source": "small", "protocol": "tcp"}),
        ),
        (json!({"source": "big"}), json!({"source": "hosts", "protocol": "udp"})),
        (json!({"source": "big"}), json!({"source": "big"})),
        (json!({"either": "big"}), json!({"source": "small", "destination": "other"})),
        (json!({"either": "big"}), json!({"source": "other", "destination": "small"})),
        (json!({"either": "big"}), json!({"either": "hosts"})),
        (json!({"source": "hosts"}), json!({"source": "small"})),
        (
            json!({"source": "big", "destination_ports": ["80-90", "91-443"]}),
            json!({"source": "big", "destination_ports": ["85-100", "443"], "protocol": "tcp"}),
        ),
        (json!({"payload": "get"}), json!({"payload": "get-slash", "source": "small"})),
        (json!({"payload": "post"}), json!({"payload": "get"})),
        (json!({"payload": "two"}), json!({"payload": "one"})),
    ] {
        assert!(hidden("foreign-to-foreign", &earlier, &later), "{earlier} {later}");
    }
}

#[test]
fn rules_that_are_not_hidden() {
    for (earlier, later) in [
        (json!({"source": "small"}), json!({"source": "big"})),
        (json!({"source": "big"}), json!({"destination": "small"})),
        (json!({"source": "big"}), json!({"either": "small"})),
        (json!({"source": "big", "destination": "small"}), json!({"source": "big"})),
        (json!({"source": "big", "protocol": "tcp"}), json!({"source": "big"})),
        (json!({"source": "big", "protocol": "tcp"}), json!({"source": "big", "protocol": "udp"})),
        // A packet without ports, such as a later fragment.
        (json!({"source": "big", "source_ports": ["0-65535"]}), json!({"source": "big"})),
        (
            json!({"source": "big", "source_ports": ["80", "82"]}),
            json!({"source": "big", "source_ports": ["80-82"]}),
        ),
        (
            json!({"source": "big", "source_ports": ["80"]}),
            json!({"source": "big", "destination_ports": ["80"]}),
        ),
        (json!({"payload": "get"}), json!({"payload": "post"})),
        (json!({"payload": "get", "source": "big"}), json!({"source": "small"})),
        (json!({"payload": "one"}), json!({"payload": "two"})),
        (json!({"payload": "two"}), json!({"payload": "keyed"})),
        (json!({"payload": "two"}), json!({"payload": "get"})),
    ] {
        assert!(!hidden("foreign-to-foreign", &earlier, &later), "{earlier} {later}");
    }
}

#[test]
fn every_packet_under_an_agreement_goes_to_its_party() {
    let source = json!({"source": "small", "protocol": "tcp"});
    let to_home = json!({"source": "small", "destination": "home", "protocol": "tcp"});
    assert!(hidden("agreement", &to_home, &source), "home holds the party's prefixes");
    assert!(!hidden("foreign-to-domestic", &to_home, &source));
}

#[test]
fn unused_sets_are_named_and_not_looked_into() {
    let sets = json!({"c2": ["198.51.100.7"], "old": ["8.0.0.0/5"]});
    let rules = json!([{"id": "r", "either": "c2", "protocol": "tcp"}]);
    assert_eq!(
        warned(&order("foreign-to-foreign", &sets, &rules), Some(&classes())),
        ["o: address_sets.old: no rule uses it"]
    );
}

#[test]
fn a_party_must_be_domestic_as_a_whole() {
    let classes = classes();
    let rules = json!([{"id": "r", "source": "c2", "protocol": "tcp"}]);
    let refusal = |prefixes: &Value| {
        let mut order = order("agreement", &json!({"c2": ["198.51.100.7"]}), &rules);
        order["party"]["prefixes"] = prefixes.clone();
        check_party("o", read(&order).basis(), &classes).map_err(|rejection| rejection.to_string())
    };
    assert_eq!(refusal(&json!(["203.0.113.0/24", "203.0.113.7", "2001:db8:1::/48"])), Ok(()));
    for (prefixes, expected) in [
        (
            json!(["203.0.113.0/24", "198.51.100.0/24"]),
            "party.prefixes[1]: 198.51.100.0/24 is not wholly domestic, but a party's own addresses \
             are: 198.51.100.0 is foreign",
        ),
        (
            json!(["203.0.112.0/23"]),
            "party.prefixes[0]: 203.0.112.0/23 is not wholly domestic, but a party's own addresses \
             are: 203.0.112.0 is foreign",
        ),
        (
            json!(["2001:db8::/47"]),
            "party.prefixes[0]: 2001:db8::/47 is not wholly domestic, but a party's own addresses \
             are: 2001:db8:: is unclassified",
        ),
        (
            json!(["10.1.2.3"]),
            "party.prefixes[0]: 10.1.2.3/32 is not wholly domestic, but a party's own addresses \
             are: 10.1.2.3 is unclassified",
        ),
    ] {
        assert_eq!(refusal(&prefixes), Err(format!("o: {expected} [L-MEASURE]")));
    }
}

/// A million addresses, and rules enough that anything quadratic in either would not end.
#[test]
fn a_million_addresses_in_many_rules() {
    let mut list = String::new();
    for number in 0..1_000_000_u32 {
        // Scattered, so that no two touch.
        let address = std::net::Ipv4Addr::from(0x0b00_0000 + number * 8);
        write!(list, "\"{address}\",").unwrap();
    }
    let rules: Vec<Value> = (0..400)
        .map(|n| json!({"id": format!("r{n}"), "either": "s", "protocol": "tcp", "source_ports": [n.to_string()]}))
        .collect();
    let order = order("foreign-to-foreign", &json!({"s": ["11.0.0.0"]}), &json!(rules));
    let text = order.to_string().replacen("\"11.0.0.0\"", list.trim_end_matches(','), 1);
    let order = assumed(&serde_json::from_str(&text).unwrap());
    assert_eq!(order.address_count(), 1_000_000);
    let classes = classes();
    let start = Instant::now();
    assert!(warnings("o", &order, Some(&classes)).is_empty());
    // Without optimisation it takes about a second.
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}
