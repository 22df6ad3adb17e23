//! Orders that are read, and those that are refused for their form, with the field.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::super::samples::{order, refusal, set};
use super::*;

fn read(order: &Value) -> Order {
    Order::read("o.json", order.to_string().as_bytes()).unwrap()
}

#[test]
fn a_good_order_is_read_in_full() {
    let order = read(&order());
    assert_eq!(order.order_id, "2027-17-0003");
    assert_eq!(order.basis.key.to_string(), "approval 2027-17-0003, serial 1");
    assert_eq!(order.not_before.to_string(), "2027-10-31T15:00:00Z");
    assert_eq!(order.address_sets["c2"].addresses.len(), 2);
    assert_eq!(order.address_sets["c2"].ground, "a test");
    assert_eq!(order.rules[0].destination_ports[1].high(), 8099);
    assert_eq!(order.unused_sets(), ["payload_prefixes.hello"]);
    assert_eq!((order.address_count(), order.payload_count()), (2, 1));
}

#[test]
fn what_may_be_absent() {
    let full = order();
    for field in full.as_object().unwrap().keys() {
        let mut order = full.clone();
        order.as_object_mut().unwrap().remove(field);
        if field == "payload_prefixes" {
            read(&order);
            order[field] = Value::Null;
            read(&order);
        } else {
            let refusal = refusal(&order);
            assert!(refusal.starts_with(&format!("o.json: {field}: is missing")), "{refusal}");
        }
    }
}

#[test]
fn form_is_strict() {
    for (pointer, value, expected) in [
        (
            "/schema",
            json!("sekisho.order/v3"),
            "schema: is `sekisho.order/v3`, but only `sekisho.order/v2` is known",
        ),
        (
            "/schema",
            json!({"sekisho.order/v2": null}),
            "schema: expected a string, found an object",
        ),
        ("/serial", json!("1"), "serial: expected a whole number, found string \"1\""),
        ("/serial", json!(1.0), "serial: expected a whole number, found floating point `1.0`"),
        ("/serial", json!(-1), "serial: expected a whole number, found integer `-1`"),
        (
            "/not_before",
            json!("2027-11-01"),
            "not_before: `2027-11-01` is not an RFC 3339 timestamp:",
        ),
        ("/not_after", json!(1_700_000_000), "not_after: expected a timestamp, found integer"),
        ("/basis", json!(["a", 1]), "basis: expected an object, found a list"),
        (
            "/basis/agreement_id",
            json!("a"),
            "basis: needs exactly one of approval_id and agreement_id",
        ),
        ("/basis/sha256", json!("AB"), "basis.sha256: is not 64 lower-case hexadecimal digits"),
        (
            "/basis/note",
            json!(""),
            "basis.note: is no field that is known here; there are approval_id",
        ),
        (
            "/comment",
            json!(""),
            "comment: is no field that is known here; there are schema, order_id",
        ),
        (
            "/address_sets/c2/addresses/1",
            json!("2001:db8:5::1/48"),
            "address_sets.c2.addresses[1]: `2001:db8:5::1/48` has host bits set",
        ),
        (
            "/address_sets/c2",
            json!(["198.51.100.7"]),
            "address_sets.c2: expected an object, found a list",
        ),
        ("/address_sets/c2/ground", json!(""), "address_sets.c2.ground: is empty"),
        ("/address_sets", json!([]), "address_sets: expected an object, found a list"),
        (
            "/payload_prefixes/hello/hex",
            json!(["XY"]),
            "payload_prefixes.hello.hex[0]: hexadecimal digits",
        ),
        ("/payload_prefixes/hello/hex", json!([]), "payload_prefixes.hello.hex: is an empty list"),
        ("/rules/0", json!(["r1"]), "rules[0]: expected an object, found a list"),
        ("/rules/0/either", json!(null), "rules[0].either: expected a string, found null"),
        ("/rules/0/sources", json!("c2"), "rules[0].sources: is no field that is known here"),
        (
            "/rules/0/protocol",
            json!(256),
            "rules[0].protocol: expected tcp, udp, icmp, icmpv6 or a number from 0 to 255",
        ),
        (
            "/rules/0/destination_ports",
            json!([443]),
            "rules[0].destination_ports[0]: expected a port in quotes",
        ),
        (
            "/rules/0/destination_ports",
            json!(["65536"]),
            "rules[0].destination_ports[0]: `65536` is no port or range",
        ),
        (
            "/rules/0/destination_ports",
            json!(["2-1"]),
            "rules[0].destination_ports[0]: `2-1` ends below its start",
        ),
        ("/rules/0/destination_ports", json!([]), "rules[0].destination_ports: is an empty list"),
    ] {
        let refusal = refusal(&set(order(), &[(pointer, value)]));
        assert!(refusal.starts_with(&format!("o.json: {expected}")), "{refusal}\n{expected}");
        assert!(!refusal.contains('\n'));
    }
}

#[test]
fn every_fault_is_found_in_one_reading() {
    let order = set(
        order(),
        &[
            ("/serial", json!(0)),
            ("/basis/sha256", json!("")),
            ("/address_sets/c2/addresses", json!(["198.51.100.7", "x", "203.0.113.1/24", "::/0"])),
            ("/payload_prefixes/hello/hex", json!(["47"])),
            ("/rules/0/id", json!("r 1")),
            ("/rules/0/destination_ports", json!(["0-40000", "40001-65535"])),
            ("/note", json!(null)),
        ],
    );
    let refusal = refusal(&order);
    let fields: Vec<&str> = refusal.lines().map(|line| line.split(": ").nth(1).unwrap()).collect();
    for field in [
        "serial",
        "basis.sha256",
        "address_sets.c2.addresses[1]",
        "address_sets.c2.addresses[2]",
        "rules[0].id",
        "note",
    ] {
        assert!(fields.contains(&field), "{field}: {refusal}");
    }
    // What a set excludes can be said only of one that can be read.
    let order = set(order, &[("/address_sets/c2/addresses", json!(["198.51.100.7", "::/0"]))]);
    let refusal = super::super::samples::refusal(&order);
    for field in [
        "address_sets.c2.addresses[1]: ::/0 is wider than /16",
        "address_sets.c2.addresses: covers",
        "payload_prefixes.hello.hex[0]: compares 1 bytes",
        "rules[0].destination_ports: covers all 65,536 ports",
    ] {
        assert!(refusal.contains(field), "{field}: {refusal}");
    }
}

#[test]
fn duplicate_keys_are_refused_at_every_level() {
    let text = order().to_string();
    for (old, new, expected) in [
        ("\"order_id\":", "\"order_id\":\"a\",\"order_id\":", "order_id: stands twice"),
        ("\"id\":\"r1\"", "\"id\":\"r1\",\"id\":\"r2\"", "rules[0].id: stands twice"),
        ("\"sha256\":", "\"sha256\":\"\",\"sha256\":", "basis.sha256: stands twice"),
        ("{\"c2\":", "{\"c2\":[],\"c2\":", "address_sets.c2: stands twice"),
        ("{\"c2\":", "{\"c2\":[],\"\\u00632\":", "address_sets.c2: stands twice"),
        ("{\"hello\":", "{\"hello\":{},\"hello\":", "payload_prefixes.hello: stands twice"),
        ("\"hex\":", "\"hex\":[\"00\"],\"hex\":", "payload_prefixes.hello.hex: stands twice"),
    ] {
        let doubled = text.replacen(old, new, 1);
        assert_ne!(doubled, text, "{old}");
        let refusal = Order::read("o.json", doubled.as_bytes()).unwrap_err().to_string();
        let expected = format!("o.json: {expected}");
        assert!(refusal.lines().any(|line| line == expected), "{refusal}");
    }
}

#[test]
fn many_addresses_and_the_one_that_is_wrong() {
    let mut list = String::new();
    for number in 0..200_000_u32 {
        write!(list, "\"{}\",", std::net::Ipv4Addr::from(0x0b00_0000 + number)).unwrap();
    }
    let text = order().to_string();
    let many = text.replacen("\"198.51.100.7\"", &format!("{list}\"198.51.100.7\""), 1);
    let order = Order::read("o.json", many.as_bytes()).unwrap();
    assert_eq!(order.address_count(), 200_002);
    let wrong = text.replacen("\"198.51.100.7\"", &format!("{list}\"198.51.100.256\""), 1);
    let refusal = Order::read("o.json", wrong.as_bytes()).unwrap_err().to_string();
    let expected = "o.json: address_sets.c2.addresses[200000]: `198.51.100.256`";
    assert!(refusal.starts_with(expected), "{refusal}");
}

#[test]
fn a_document_of_version_1_gets_one_line() {
    let old = json!({"schema": "sekisho.order/v1", "measure": "agreement", "x": 1});
    let refusal = refusal(&old);
    assert!(refusal.starts_with("o.json: schema: is `sekisho.order/v1`, which is not read any"));
    assert!(!refusal.contains('\n') && refusal.contains("template order"), "{refusal}");
}

#[test]
fn what_stands_more_than_twice_gets_one_line() {
    let text = order().to_string();
    let often = text.replacen("{\"c2\":", "{\"c2\":[],\"c2\":[],\"c2\":[],\"c2\":", 1);
    let refusal = Order::read("o.json", often.as_bytes()).unwrap_err().to_string();
    assert_eq!(refusal.matches("address_sets.c2: stands twice").count(), 1, "{refusal}");
}

#[test]
fn long_names_that_begin_alike_get_one_line() {
    let long = |last: char| format!("\"{}{last}\":7,", "n".repeat(70));
    let text = order().to_string();
    let both = format!("{{\"address_sets\":{{{}{}", long('a'), long('b'));
    let text = text.replacen("{\"address_sets\":{", &both, 1);
    let refusal = Order::read("o.json", text.as_bytes()).unwrap_err().to_string();
    assert_eq!(refusal.matches("expected an object").count(), 1, "{refusal}");
}

#[test]
fn a_name_is_of_one_version_of_one_order() {
    let order = Order::read("o", order().to_string().as_bytes()).unwrap();
    assert_eq!(order.key().to_string(), "order 2027-17-0003, serial 1");
    assert!(order.is_named(&order.key()));
    assert!(!order.is_named(&OrderKey::new("2027-17-0003", 2)));
    assert!(!order.is_named(&OrderKey::new("2027-17-0004", 1)));
}
