use ipnetwork::IpNetwork;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::samples::{order, refusal, set};
use super::super::{Order, parse_network};
use super::*;

fn addresses(list: &[&str]) -> Value {
    set(order(), &[("/address_sets/c2/addresses", json!(list))])
}

fn ports(list: &[&str]) -> Value {
    set(order(), &[("/rules/0/destination_ports", json!(list))])
}

fn accepted(order: &Value) {
    Order::read("o", order.to_string().as_bytes()).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_set_that_covers_too_much_is_no_condition() {
    // 2^32 / 1000 is 4,294,967.296: a /10 and a /15 are below it, with a /18 more they are not.
    accepted(&addresses(&["11.0.0.0/10"]));
    accepted(&addresses(&["11.0.0.0/10", "12.0.0.0/10", "11.0.0.0/10"][..1]));
    for list in [
        &["0.0.0.0/1", "128.0.0.0/1"][..],
        &["11.0.0.0/8"],
        &["11.0.0.0/10", "11.64.0.0/10"],
        &["11.0.0.0/10", "12.0.0.0/16", "13.0.0.0/16"],
    ] {
        let refusal = refusal(&addresses(list));
        let found = refusal.lines().any(|line| {
            line.starts_with("o.json: address_sets.c2.addresses: covers ")
                && line.contains("thousandths of the IPv4 address space")
                && line.ends_with("[L-SELECT]")
        });
        assert!(found, "{refusal}");
    }
    // Whatever is named twice counts once.
    accepted(&addresses(&["11.0.0.0/10", "11.0.0.0/12", "11.1.2.3", "11.0.0.0/10"]));
    // 2^125 / 1000 is more than eight prefixes of 16 bits, and less than nine.
    let v6: Vec<String> = (0..9).map(|n| format!("20{n:02x}::/16")).collect();
    let v6: Vec<&str> = v6.iter().map(String::as_str).collect();
    accepted(&addresses(&v6[..8]));
    assert!(refusal(&addresses(&v6)).contains("thousandths of the IPv6 address space"));
    for (prefix, least) in [("11.0.0.0/7", 8), ("2000::/15", 16), ("::/0", 16)] {
        let prefix = if prefix == "11.0.0.0/7" { "10.0.0.0/7" } else { prefix };
        let words = format!("{prefix} is wider than /{least}, the widest that any criteria allow");
        assert!(refusal(&addresses(&[prefix])).contains(&words));
    }
}

#[test]
fn every_port_is_no_condition() {
    for list in [
        &["0-65535"][..],
        &["0-32767", "32768-65535"],
        &["32768-65535", "0-40000"],
        &["0", "1-65534", "65535"],
    ] {
        let refusal = refusal(&ports(list));
        assert_eq!(
            refusal,
            "o.json: rules[0].destination_ports: covers all 65,536 ports, which excludes nothing \
             and is no condition [L-SELECT]"
        );
    }
    for list in [&["1-65535"][..], &["0-65534"], &["0-9", "11-65535"]] {
        accepted(&ports(list));
    }
}

#[test]
fn a_short_payload_prefix_is_no_condition() {
    let hex = |list: Value| {
        set(order(), &[("/payload_prefixes/hello", json!({"ground": "g", "hex": list}))])
    };
    accepted(&hex(json!(["00000000"])));
    let all: Vec<String> = (0..=255).map(|byte| format!("{byte:02x}")).collect();
    for list in [json!(["474554"]), json!(["00000000", "00"]), json!(all)] {
        let refusal = refusal(&hex(list));
        let line = refusal.lines().next().unwrap();
        assert!(line.contains("payload_prefixes.hello.hex["), "{line}");
        assert!(line.ends_with("exclude too little to be a condition [L-SELECT]"), "{line}");
    }
    let hashed = |length: u8| {
        let key = "00".repeat(16);
        json!({"ground": "g", "length": length, "key": key, "siphash24": ["0123456789abcdef"]})
    };
    let of = |length| set(order(), &[("/payload_prefixes/hello", hashed(length))]);
    accepted(&of(4));
    assert!(refusal(&of(3)).starts_with("o.json: payload_prefixes.hello.length: compares 3 bytes"));
}

proptest! {
    /// A set is refused exactly if counting its addresses says so.
    #[test]
    fn what_a_set_covers_is_what_it_counts(parts in prop::collection::vec((0u32..64, 10u8..=16), 1..12)) {
        let texts: Vec<String> = parts
            .iter()
            .map(|(high, length)| {
                let address = (0x1000_0000 + (high << 18)) & (u32::MAX << (32 - length));
                format!("{}/{length}", std::net::Ipv4Addr::from(address))
            })
            .collect();
        // Naively: which blocks of 2^16 addresses are in it.
        let mut blocks = std::collections::BTreeSet::new();
        for text in &texts {
            let IpNetwork::V4(network) = parse_network(text).unwrap() else { unreachable!() };
            let (first, last) = (u32::from(network.network()), u32::from(network.broadcast()));
            blocks.extend((first >> 16)..=(last >> 16));
        }
        let count = blocks.len() as u64 * 65_536;
        let networks: Vec<IpNetwork> = texts.iter().map(|text| parse_network(text).unwrap()).collect();
        let refused = excess(&Space::of(&networks), false, 1 << 32).is_some();
        prop_assert_eq!(refused, count * 1_000 > 1 << 32);
    }
}
