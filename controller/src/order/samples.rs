//! What tests of this room, and of others that need orders, share: keys in their roles, and good documents, of
//! which tests spoil one field at a time. The documents come from the tests' kit.

use serde_json::{Value, json};

/// The kit is compiled in: as a dependency it would use the types of another build of this crate.
#[path = "../../../tests/kit/src/lib.rs"]
#[expect(unreachable_pub, dead_code, reason = "it is a crate of its own elsewhere")]
pub(crate) mod kit;

pub(crate) use kit::{Signed, key, papers, sealed, signed, trust_file};

use super::json::Faults;
use super::together::{Given, judge};
use super::{Basis, BasisKind, DocumentKind, Mandate, Order, Trust, Verified};
use crate::rejection::Rejections;

/// The trust file of the kit.
pub(crate) fn trust() -> Trust {
    Trust::parse("trust.json", trust_file().as_bytes()).unwrap()
}

/// The plan of an order under art. 17 whose term and share are at their limits.
pub(crate) fn plan() -> Value {
    json!({
        "order_id": "2027-17-0003",
        "serial": 1,
        "measure": "foreign-to-foreign",
        "not_before": "2027-11-01T00:00:00+09:00",
        "not_after": "2028-05-01T00:00:00+09:00",
        "facility": {
            "id": "tyo-gw-1", "capacity_bps": 100_000_000_000_u64, "max_share_percent": 30,
            "sensors": {"tyo-gw-1-a": 20, "tyo-gw-1-b": 10},
        },
        "address_sets": {"c2": ["198.51.100.7", "2001:db8:5::/48"]},
        "payload_prefixes": {"hello": {"hex": ["474554202f"]}},
        "rules": [{"id": "r1", "either": "c2", "protocol": "tcp", "destination_ports": ["443", "8000-8099"]}],
    })
}

/// Sets fields of a document, each named by a JSON pointer; new fields are added.
pub(crate) fn set(mut document: Value, changes: &[(&str, Value)]) -> Value {
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match document.pointer_mut(parent).unwrap() {
            Value::Array(list) => list[name.parse::<usize>().unwrap()] = value.clone(),
            parent => parent[name] = value.clone(),
        }
    }
    document
}

/// The plan with some of its fields set.
pub(crate) fn with(changes: &[(&str, Value)]) -> Value {
    set(plan(), changes)
}

/// The order of the plan.
pub(crate) fn order() -> Value {
    papers(&plan()).order
}

/// The approval of the plan.
pub(crate) fn approval() -> Value {
    papers(&plan()).basis
}

/// An agreement.
pub(crate) fn agreement() -> Value {
    papers(&with(&[
        ("/measure", json!("agreement")),
        ("/party", json!({"name": "電力", "prefixes": ["203.0.113.0/24"]})),
    ]))
    .basis
}

/// Why an order is refused by itself, without signatures and basis.
pub(crate) fn refusal(order: &Value) -> String {
    match Order::read("o.json", order.to_string().as_bytes()) {
        Ok(_) => panic!("must be refused: {order}"),
        Err(rejections) => rejections.to_string(),
    }
}

/// A revocation of the plan's approval.
pub(crate) fn revocation() -> Value {
    json!({
        "schema": DocumentKind::Revocation.schema(), "ends": {"approval_id": "2027-17-0003", "serial": 1},
        "effective_at": "2027-12-01T09:00:00+09:00", "reason": "the commission withdrew its approval",
    })
}

/// The documents of a plan judged together.
pub(crate) fn judged(plan: &Value) -> Result<Mandate, Rejections> {
    let Signed { basis, order } = signed(plan);
    let file = |file: &str, text: String| Given { file: file.to_owned(), bytes: text.into() };
    let given = [file("b.json", basis), file("o.json", order)];
    let together = judge(&given, &trust(), &[])?;
    let [(_, order)] = together.orders.as_slice() else { panic!("one order") };
    Ok(order.clone())
}

/// The mandate of a plan whose documents enough keys have signed.
pub(crate) fn verified(plan: &Value) -> Mandate {
    judged(plan).unwrap_or_else(|rejections| panic!("{rejections}"))
}

/// The mandate of a plan, of which only the form is checked: for tests of code that uses mandates, also those
/// that the law refuses.
pub(crate) fn assumed(plan: &Value) -> Mandate {
    let papers = papers(plan);
    let kind = BasisKind::ALL.into_iter().find(|kind| kind.kind() == papers.kind).unwrap();
    let (basis, order) = (papers.basis.to_string(), papers.order.to_string());
    let read = Basis::read(kind, "b", basis.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    let mut faults = Faults::new("o");
    let Some(form) = Order::examine(order.as_bytes(), &mut faults) else {
        panic!("{:?}: {order}", faults.end())
    };
    let order = Verified::assumed(form, order.as_bytes());
    Mandate::assumed(order, Verified::assumed(read, basis.as_bytes()))
}
