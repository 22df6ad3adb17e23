//! What an order says: the payload of the envelope, schema `sekisho.order/v1`. Reading alone
//! proves its form; whether it makes sense and is lawful is checked in `consistency` and
//! `statute`, and whether it was approved in `verified`.

use std::collections::{BTreeMap, BTreeSet};

use ipnetwork::IpNetwork;
use jiff::Timestamp;
use serde::Deserialize;

use super::condition::Condition;
use super::key::OrderKey;
use super::kind::OrderSchema;
use super::measure::Measure;
use super::payload::PayloadPrefixes;
use super::traffic::{PortRange, Protocol};
use super::{address, json, payload, time, traffic};

/// An order: one measure, at one facility, for one term, with the rules that select.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The order's schema.
    pub schema: OrderSchema,
    /// The order's name, 1 to 64 characters of `A-Z a-z 0-9 . _ -`.
    pub order_id: String,
    /// Counts the versions of this order from 1; an older one never replaces a newer one
    /// (L-EXTEND).
    pub serial: u64,
    /// The measure, which fixes direction and longest term (L-MEASURE, L-TERM).
    pub measure: Measure,
    /// When the commission approved, or the parties concluded, the measure (L-APPROVE).
    #[serde(deserialize_with = "time::timestamp")]
    pub approved_at: Timestamp,
    /// The first moment of the term.
    #[serde(deserialize_with = "time::timestamp")]
    pub not_before: Timestamp,
    /// The first moment after the term (L-TERM).
    #[serde(deserialize_with = "time::timestamp")]
    pub not_after: Timestamp,
    /// The order that this one extends by a new approval (L-EXTEND).
    #[serde(default, deserialize_with = "json::object_or_null")]
    pub extends: Option<OrderKey>,
    /// Where the measure is carried out.
    #[serde(deserialize_with = "json::object")]
    pub facility: Facility,
    /// The party of an agreement; only packets to its addresses are selected (L-MEASURE).
    #[serde(default, deserialize_with = "json::object_or_null")]
    pub party: Option<Party>,
    /// Named sets of addresses and prefixes.
    #[serde(deserialize_with = "address::named_networks")]
    pub address_sets: BTreeMap<String, Vec<IpNetwork>>,
    /// Named sets of payload prefixes.
    #[serde(default, deserialize_with = "payload::named_prefixes")]
    pub payload_prefixes: BTreeMap<String, PayloadPrefixes>,
    /// The selection rules; the first that matches names the record.
    #[serde(deserialize_with = "json::objects")]
    pub rules: Vec<Rule>,
}

/// The carrier's foreign-related equipment (国外関係電気通信設備) that an order is for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Facility {
    /// The name that the sensor there carries in its configuration.
    pub id: String,
    /// Transmission capacity in bits per second; never 0.
    pub capacity_bps: u64,
    /// The share of it that may be inspected, in percent (L-CAP).
    pub max_share_percent: u8,
}

/// The party of an agreement (協定当事者).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Its name, free text on one line.
    pub name: String,
    /// Its own addresses; never empty.
    #[serde(deserialize_with = "address::networks")]
    pub prefixes: Vec<IpNetwork>,
}

/// A selection rule: all conditions that it names must hold (L-SELECT).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The rule's name, unique in its order.
    pub id: String,
    /// The address set that the source must be in.
    #[serde(default, deserialize_with = "json::present")]
    pub source: Option<String>,
    /// The address set that the destination must be in.
    #[serde(default, deserialize_with = "json::present")]
    pub destination: Option<String>,
    /// The address set that source or destination must be in.
    #[serde(default, deserialize_with = "json::present")]
    pub either: Option<String>,
    /// The payload prefix set of which one must match.
    #[serde(default, deserialize_with = "json::present")]
    pub payload: Option<String>,
    /// The IP protocol.
    #[serde(default, deserialize_with = "json::present")]
    pub protocol: Option<Protocol>,
    /// Ports of which the source port must be one; empty for any.
    #[serde(default, deserialize_with = "traffic::ports")]
    pub source_ports: Vec<PortRange>,
    /// Ports of which the destination port must be one; empty for any.
    #[serde(default, deserialize_with = "traffic::ports")]
    pub destination_ports: Vec<PortRange>,
}

impl Order {
    /// What it is called.
    pub fn key(&self) -> OrderKey {
        OrderKey::new(self.order_id.as_str(), self.serial)
    }

    /// The conditions of all rules.
    pub fn conditions(&self) -> impl Iterator<Item = Condition<'_>> {
        self.rules.iter().flat_map(Rule::conditions)
    }

    /// Addresses and prefixes in all sets, and the party's.
    pub fn address_count(&self) -> usize {
        let sets: usize = self.address_sets.values().map(Vec::len).sum();
        sets + self.party.as_ref().map_or(0, |party| party.prefixes.len())
    }

    /// The sets that no rule names, as JSON paths (`address_sets.old`): no error, but worth a
    /// warning, because whoever wrote the order may have meant otherwise.
    pub fn unused_sets(&self) -> Vec<String> {
        let addresses: BTreeSet<&str> =
            self.conditions().filter_map(Condition::address_set).collect();
        let payloads: BTreeSet<&str> =
            self.conditions().filter_map(Condition::payload_set).collect();
        let unused = |kind: &str, name: &String, used: &BTreeSet<&str>| {
            (!used.contains(name.as_str())).then(|| format!("{kind}.{name}"))
        };
        let sets = self.address_sets.keys();
        let prefixes = self.payload_prefixes.keys();
        sets.filter_map(|name| unused("address_sets", name, &addresses))
            .chain(prefixes.filter_map(|name| unused("payload_prefixes", name, &payloads)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde_json::{Value, json};

    use super::super::samples::{order, refusal, with};
    use super::*;

    fn read(order: &Value) -> Order {
        super::super::read_order("o.json", order.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_good_order_is_read_in_full() {
        let order = read(&order());
        assert_eq!(order.order_id, "2027-17-0003");
        assert_eq!(order.measure, Measure::ForeignToForeign);
        assert_eq!(order.not_before.to_string(), "2027-10-31T15:00:00Z");
        assert_eq!(order.address_sets["c2"].len(), 2);
        assert_eq!(order.rules[0].destination_ports[1].high(), 8099);
        assert_eq!(order.unused_sets(), ["payload_prefixes.hello"]);
        assert_eq!(order.address_count(), 2);
    }

    #[test]
    fn what_may_be_absent() {
        let full = order();
        let optional = ["extends", "party", "payload_prefixes"];
        for field in full.as_object().unwrap().keys() {
            let mut order = full.clone();
            order.as_object_mut().unwrap().remove(field);
            if optional.contains(&field.as_str()) {
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
                json!("sekisho.order/v2"),
                "schema: is `sekisho.order/v2`, but only `sekisho.order/v1` is known",
            ),
            (
                "/schema",
                json!({"sekisho.order/v1": null}),
                "schema: expected a string, found an object",
            ),
            ("/serial", json!("1"), "serial: expected a whole number, found string \"1\""),
            ("/serial", json!(1.0), "serial: expected a whole number, found floating point `1.0`"),
            ("/serial", json!(-1), "serial: expected a whole number, found integer `-1`"),
            (
                "/measure",
                json!("domestic"),
                "measure: `domestic` is no measure; there are agreement,",
            ),
            (
                "/measure",
                json!({"agreement": null}),
                "measure: expected the name of a measure, found an object",
            ),
            (
                "/not_before",
                json!("2027-11-01"),
                "not_before: `2027-11-01` is not an RFC 3339 timestamp:",
            ),
            ("/not_after", json!(1_700_000_000), "not_after: expected a timestamp, found integer"),
            ("/facility", json!(["tyo", 1, 30]), "facility: expected an object, found a list"),
            (
                "/facility/max_share_percent",
                json!(256),
                "facility.max_share_percent: expected a whole number from 0 to 255",
            ),
            ("/facility/note", json!(""), "facility.note: unknown field `note`"),
            ("/comment", json!(""), "comment: unknown field `comment`"),
            ("/extends", json!("2027-17-0002"), "extends: expected an object, found string"),
            (
                "/address_sets/c2/1",
                json!("2001:db8:5::1/48"),
                "address_sets.c2[1]: `2001:db8:5::1/48` has host bits set",
            ),
            (
                "/address_sets/c2",
                json!("198.51.100.7"),
                "address_sets.c2: expected a list of addresses and prefixes",
            ),
            ("/address_sets", json!([]), "address_sets: expected an object, found a list"),
            (
                "/payload_prefixes/hello",
                json!({"hex": ["XY"]}),
                "payload_prefixes.hello.hex[0]: hexadecimal digits",
            ),
            ("/payload_prefixes/hello", json!({"hex": []}), "payload_prefixes.hello: hex is empty"),
            ("/rules/0", json!(["r1"]), "rules[0]: expected an object, found a list"),
            ("/rules/0/either", json!(null), "rules[0].either: expected a string, found null"),
            ("/rules/0/sources", json!("c2"), "rules[0].sources: unknown field `sources`"),
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
            (
                "/rules/0/destination_ports",
                json!([]),
                "rules[0].destination_ports: is an empty list",
            ),
        ] {
            let refusal = refusal(&with(&[(pointer, value)]));
            assert!(refusal.starts_with(&format!("o.json: {expected}")), "{refusal}\n{expected}");
            assert!(!refusal.contains('\n'));
        }
    }

    #[test]
    fn duplicate_keys_are_refused_at_every_level() {
        let text = order().to_string();
        for (old, new, expected) in [
            ("\"serial\":2", "\"serial\":2,\"serial\":3", "serial: stands twice"),
            ("\"id\":\"r1\"", "\"id\":\"r1\",\"id\":\"r2\"", "rules[0].id: stands twice"),
            ("\"id\":\"tyo-gw-1\"", "\"id\":\"a\",\"id\":\"a\"", "facility.id: stands twice"),
            ("{\"c2\":", "{\"c2\":[],\"c2\":", "address_sets: the name `c2` stands twice"),
            ("{\"c2\":", "{\"c2\":[],\"\\u00632\":", "address_sets: the name `c2` stands twice"),
            (
                "{\"hello\":",
                "{\"hello\":{\"hex\":[\"00\"]},\"hello\":",
                "payload_prefixes: the name `hello` stands twice",
            ),
            ("{\"hex\":", "{\"hex\":[\"00\"],\"hex\":", "payload_prefixes.hello.hex: stands twice"),
        ] {
            let doubled = text.replacen(old, new, 1);
            assert_ne!(doubled, text, "{old}");
            let refusal = super::super::read_order("o.json", doubled.as_bytes()).unwrap_err();
            assert!(refusal.to_string().starts_with(&format!("o.json: {expected}")), "{refusal}");
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
        let order = super::super::read_order("o.json", many.as_bytes()).unwrap();
        assert_eq!(order.address_count(), 200_002);
        let wrong = text.replacen("\"198.51.100.7\"", &format!("{list}\"198.51.100.256\""), 1);
        let refusal = super::super::read_order("o.json", wrong.as_bytes()).unwrap_err().to_string();
        assert!(
            refusal.starts_with("o.json: address_sets.c2[200000]: `198.51.100.256`"),
            "{refusal}"
        );
    }
}
