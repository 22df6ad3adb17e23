//! Whether an order makes sense in itself: names, references, limits, conditions that can match.
//! Whether it is lawful is `statute`'s question.

use std::collections::HashSet;

use ipnetwork::IpNetwork;
use sensor_common::payload::MOST_PREFIXES;

use super::condition::Condition;
use super::document::{Order, Rule};
use super::json::quote;
use super::payload::PayloadPrefixes;
use super::traffic::Protocol;
use crate::rejection::{Rejection, Requirement};
use crate::text;

/// The most rules that one order may have.
pub(super) const MOST_RULES: usize = 1024;
/// The most addresses and prefixes that one order may name.
pub(super) const MOST_ADDRESSES: usize = 10_000_000;

pub(super) fn check(file: &str, order: &Order) -> Result<(), Rejection> {
    let refuse = |(field, reason): (String, String)| Rejection::new(file, reason).at(field);
    identity(order).map_err(refuse)?;
    texts(order).map_err(refuse)?;
    sizes(order).map_err(refuse)?;
    set_names(order).map_err(refuse)?;
    prefixes(file, order)?;
    let mut ids = HashSet::new();
    for (index, rule) in order.rules.iter().enumerate() {
        let within = |(field, reason): (&str, String)| {
            let dot = if field.is_empty() { "" } else { "." };
            Rejection::new(file, reason).at(format!("rules[{index}]{dot}{field}"))
        };
        name(&rule.id).map_err(|reason| within(("id", reason)))?;
        if !ids.insert(rule.id.as_str()) {
            return Err(within(("id", format!("{} names two rules", quote(&rule.id)))));
        }
        conditions(rule).map_err(within)?;
        references(order, rule).map_err(within)?;
    }
    Ok(())
}

/// `[A-Za-z0-9._-]{1,64}`, the form of every identifier in an order.
pub(super) fn name(text: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
        return Ok(());
    }
    Err(format!("{} is not 1 to 64 characters of A-Z a-z 0-9 . _ -", quote(text)))
}

/// Serials count from 1.
pub(super) fn serial(serial: u64) -> Result<(), String> {
    if serial == 0 { Err("serials count from 1".to_owned()) } else { Ok(()) }
}

fn identity(order: &Order) -> Result<(), (String, String)> {
    name(&order.order_id).map_err(|reason| ("order_id".to_owned(), reason))?;
    serial(order.serial).map_err(|reason| ("serial".to_owned(), reason))?;
    let Some(extends) = &order.extends else { return Ok(()) };
    name(&extends.order_id).map_err(|reason| ("extends.order_id".to_owned(), reason))?;
    serial(extends.serial).map_err(|reason| ("extends.serial".to_owned(), reason))?;
    if extends.order_id == order.order_id && extends.serial >= order.serial {
        return Err((
            "extends.serial".to_owned(),
            format!(
                "an order extends an earlier one, and {} is not earlier than its own serial {}",
                extends.serial, order.serial
            ),
        ));
    }
    Ok(())
}

/// Free text reaches terminals and reports, so it is one line without control characters.
fn texts(order: &Order) -> Result<(), (String, String)> {
    let party = order.party.as_ref().map(|party| ("party.name", &party.name));
    for (field, text) in [("facility.id", &order.facility.id)].into_iter().chain(party) {
        text::check(text).map_err(|reason| (field.to_owned(), reason))?;
    }
    Ok(())
}

fn sizes(order: &Order) -> Result<(), (String, String)> {
    let rules = order.rules.len();
    if rules == 0 {
        return Err(("rules".to_owned(), "there is no rule, so nothing to select".to_owned()));
    }
    if rules > MOST_RULES {
        return Err(("rules".to_owned(), format!("{rules} rules, but {MOST_RULES} is the limit")));
    }
    let addresses = order.address_count();
    if addresses > MOST_ADDRESSES {
        return Err((
            "address_sets".to_owned(),
            format!("{addresses} addresses, but {MOST_ADDRESSES} is the limit"),
        ));
    }
    let prefixes: usize = order.payload_prefixes.values().map(PayloadPrefixes::count).sum();
    if prefixes > MOST_PREFIXES as usize {
        return Err((
            "payload_prefixes".to_owned(),
            format!("{prefixes} payload prefixes, but {MOST_PREFIXES} is the limit"),
        ));
    }
    Ok(())
}

fn set_names(order: &Order) -> Result<(), (String, String)> {
    for set in order.address_sets.keys() {
        name(set).map_err(|reason| ("address_sets".to_owned(), reason))?;
    }
    for set in order.payload_prefixes.keys() {
        name(set).map_err(|reason| ("payload_prefixes".to_owned(), reason))?;
    }
    Ok(())
}

/// A prefix of length 0 holds for every packet, so it is no condition at all (L-SELECT, L-MIN).
fn prefixes(file: &str, order: &Order) -> Result<(), Rejection> {
    let everything = |list: &[IpNetwork]| list.iter().position(|prefix| prefix.prefix() == 0);
    let refuse = |field: String, requirement| {
        Err(Rejection::new(file, "a prefix of length 0 covers every address")
            .at(field)
            .under(requirement))
    };
    for (name, set) in &order.address_sets {
        if let Some(index) = everything(set) {
            return refuse(format!("address_sets.{name}[{index}]"), Requirement::Select);
        }
    }
    if let Some(index) = order.party.as_ref().and_then(|party| everything(&party.prefixes)) {
        return refuse(format!("party.prefixes[{index}]"), Requirement::Measure);
    }
    Ok(())
}

fn conditions(rule: &Rule) -> Result<(), (&'static str, String)> {
    if rule.conditions().next().is_none() {
        return Err(("", "names no condition".to_owned()));
    }
    let (mut end, mut either, mut protocol) = (false, false, None);
    for condition in rule.conditions() {
        match condition {
            Condition::Source(_) | Condition::Destination(_) => end = true,
            Condition::Either(_) => either = true,
            Condition::Protocol(named) => protocol = Some(named),
            // Of these, `matchable` knows whether they go with the protocol.
            Condition::Payload(_) | Condition::SourcePorts(_) | Condition::DestinationPorts(_) => {}
        }
    }
    if either && end {
        return Err(("either", "excludes source and destination".to_owned()));
    }
    match protocol.filter(|protocol| !protocol.has_ports()) {
        Some(protocol) => rule.conditions().try_for_each(|condition| {
            matchable(condition, protocol).map_err(|reason| (condition.field(), reason))
        }),
        None => Ok(()),
    }
}

/// Whether a packet of a protocol without ports can meet a condition.
fn matchable(condition: Condition<'_>, protocol: Protocol) -> Result<(), String> {
    match condition {
        Condition::SourcePorts(_) | Condition::DestinationPorts(_) => {
            Err(format!("can never match: {protocol} has no ports, only tcp and udp have"))
        }
        Condition::Payload(_) => {
            Err(format!("can never match: only tcp and udp payloads are compared, not {protocol}"))
        }
        Condition::Source(_)
        | Condition::Destination(_)
        | Condition::Either(_)
        | Condition::Protocol(_) => Ok(()),
    }
}

fn references(order: &Order, rule: &Rule) -> Result<(), (&'static str, String)> {
    rule.conditions().try_for_each(|condition| {
        let refuse = |reason| Err((condition.field(), reason));
        if let Some(set) = condition.address_set() {
            match order.address_sets.get(set) {
                None => return refuse(format!("there is no address set {}", quote(set))),
                Some(list) if list.is_empty() => {
                    return refuse(format!("the address set {} is empty", quote(set)));
                }
                Some(_) => {}
            }
        }
        match condition.payload_set() {
            Some(set) if !order.payload_prefixes.contains_key(set) => {
                refuse(format!("there is no payload prefix set {}", quote(set)))
            }
            _ => Ok(()),
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::read_order;
    use super::super::samples::{order, refusal, with};

    #[test]
    fn what_makes_no_sense_is_refused() {
        let long = "x".repeat(65);
        let rule = |rule: Value| ("/rules/0", rule);
        for (change, expected) in [
            (
                ("/order_id", json!("")),
                "order_id: `` is not 1 to 64 characters of A-Z a-z 0-9 . _ -",
            ),
            (("/order_id", json!("a/b")), "order_id: `a/b` is not 1 to 64 characters"),
            (("/order_id", json!("令和")), "order_id: `令和` is not 1 to 64 characters"),
            (("/order_id", json!(long)), "order_id: `xxx"),
            (("/serial", json!(0)), "serial: serials count from 1"),
            (("/extends", json!({"order_id": "", "serial": 1})), "extends.order_id: `` is not"),
            (
                ("/extends", json!({"order_id": "a", "serial": 0})),
                "extends.serial: serials count from 1",
            ),
            (
                ("/extends", json!({"order_id": "2027-17-0003", "serial": 2})),
                "extends.serial: an order extends an earlier one, and 2 is not earlier than its own serial 2",
            ),
            (("/facility/id", json!("")), "facility.id: is empty"),
            (("/facility/id", json!("a\nb")), "facility.id: holds control characters"),
            (
                ("/facility/id", json!("x".repeat(201))),
                "facility.id: is longer than 200 characters",
            ),
            (("/rules", json!([])), "rules: there is no rule, so nothing to select"),
            (("/address_sets/a b", json!([])), "address_sets: `a b` is not 1 to 64 characters"),
            (("/payload_prefixes/", json!({"hex": ["00"]})), "payload_prefixes: `` is not 1 to 64"),
            (
                ("/address_sets/all", json!(["0.0.0.0/0"])),
                "address_sets.all[0]: a prefix of length 0 covers every address [L-SELECT]",
            ),
            (
                ("/address_sets/c2/1", json!("::/0")),
                "address_sets.c2[1]: a prefix of length 0 covers every address [L-SELECT]",
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
                rule(
                    json!({"id": "r1", "either": "c2", "protocol": "icmp", "source_ports": ["1"]}),
                ),
                "rules[0].source_ports: can never match: icmp has no ports, only tcp and udp have",
            ),
            (
                rule(
                    json!({"id": "r1", "either": "c2", "protocol": 132, "destination_ports": ["1"]}),
                ),
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
        ] {
            let refusal = refusal(&with(&[change]));
            assert!(refusal.starts_with(&format!("o.json: {expected}")), "{refusal}\n{expected}");
        }
        assert!(
            refusal(&with(&[("/address_sets/c2", json!([]))]))
                .starts_with("o.json: rules[0].either: the address set `c2` is empty")
        );
    }

    #[test]
    fn the_number_of_rules_is_limited() {
        let rules = |count: usize| -> Value {
            (0..count)
                .map(|n| json!({"id": format!("r{n}"), "either": "c2", "protocol": "tcp"}))
                .collect()
        };
        let read = |count| {
            let order = with(&[("/rules", rules(count))]);
            read_order("o.json", order.to_string().as_bytes())
        };
        assert!(read(super::MOST_RULES).is_ok());
        assert_eq!(
            read(super::MOST_RULES + 1).unwrap_err().to_string(),
            "o.json: rules: 1025 rules, but 1024 is the limit"
        );
    }

    #[test]
    fn the_number_of_addresses_is_limited() {
        let text = order().to_string();
        let mut order = read_order("o.json", text.as_bytes()).unwrap();
        let one = order.address_sets["c2"][0];
        order.address_sets.insert("many".to_owned(), vec![one; super::MOST_ADDRESSES - 2]);
        assert!(super::check("o.json", &order).is_ok());
        order.address_sets.insert("one".to_owned(), vec![one]);
        assert_eq!(
            super::check("o.json", &order).unwrap_err().to_string(),
            "o.json: address_sets: 10000001 addresses, but 10000000 is the limit"
        );
    }

    #[test]
    fn the_number_of_payload_prefixes_is_limited() {
        use crate::order::payload::PayloadPrefixes;
        let mut order = read_order("o.json", order().to_string().as_bytes()).unwrap();
        let others = order.payload_prefixes.values().map(PayloadPrefixes::count).sum::<usize>();
        let most = super::MOST_PREFIXES as usize - others;
        let many = |count| PayloadPrefixes::Raw(vec![vec![1]; count]);
        order.payload_prefixes.insert("many".to_owned(), many(most));
        assert!(super::check("o.json", &order).is_ok());
        order.payload_prefixes.insert("many".to_owned(), many(most + 1));
        assert_eq!(
            super::check("o.json", &order).unwrap_err().to_string(),
            "o.json: payload_prefixes: 1000001 payload prefixes, but 1000000 is the limit"
        );
    }

    #[test]
    fn what_is_odd_but_allowed() {
        for changes in [
            vec![("/address_sets/unused", json!([]))],
            vec![("/extends", json!({"order_id": "2027-17-0003", "serial": 1}))],
            vec![("/extends", json!({"order_id": "2026-17-0001", "serial": 9}))],
            vec![(
                "/rules/0",
                json!({"id": "r", "source": "c2", "destination": "c2", "source_ports": ["0"]}),
            )],
            vec![(
                "/rules/0",
                json!({"id": "r", "source": "c2", "protocol": 17, "source_ports": ["53"]}),
            )],
            vec![("/facility/id", json!("東京第一"))],
            // The longest that names and texts may be.
            vec![("/facility/id", json!("東".repeat(200))), ("/order_id", json!("x".repeat(64)))],
        ] {
            let order = with(&changes);
            read_order("o.json", order.to_string().as_bytes()).unwrap();
        }
    }
}
