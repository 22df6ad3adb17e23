//! The authorities of the tests' kit, and orders in their names.

use controller::order::together::{Given, judge};
use controller::order::{DocumentKind, Mandate, Trust};
use serde_json::{Value, json};

pub use sekisho_kit::{Signed, papers, sealed, signed, trust_file};

/// The envelope around a revocation of this order and every lower serial, at once.
///
/// # Panics
/// Never: the keys are sound.
pub fn revocation(order_id: &str, serial: u64) -> String {
    revoked(&json!({"order_id": order_id, "serial": serial}), &[11, 12])
}

/// The envelope around a revocation of this approval, which takes its orders along, at once.
///
/// # Panics
/// Never: the keys are sound.
pub fn approval_revocation(approval_id: &str, serial: u64) -> String {
    revoked(&json!({"approval_id": approval_id, "serial": serial}), &[1, 2, 3])
}

fn revoked(ends: &Value, signers: &[u8]) -> String {
    let payload = sekisho_kit::revocation(ends, "2020-01-01T00:00:00Z");
    sealed(DocumentKind::Revocation, payload.to_string().as_bytes(), signers)
}

/// Orders with what they rest on, judged as a carrier judges them.
///
/// # Panics
/// Where they are not valid.
pub fn mandates(all: &[Signed]) -> Vec<Mandate> {
    let trust = Trust::parse("trust.json", trust_file().as_bytes()).expect("a sound trust file");
    let given =
        |file: &str, text: &str| Given { file: file.to_owned(), bytes: text.to_owned().into() };
    let given: Vec<Given> = all
        .iter()
        .flat_map(|Signed { basis, order }| {
            [given("basis.json", basis), given("order.json", order)]
        })
        .collect();
    let together = judge(&given, &trust, &[]).unwrap_or_else(|rejections| panic!("{rejections}"));
    together.orders.into_iter().map(|(_, order)| order).collect()
}

/// A plan as the authorities approved and ordered it.
///
/// # Panics
/// Where it is not valid.
pub fn approved(plan: &Value) -> Mandate {
    mandates(&[signed(plan)]).remove(0)
}

/// A plan with a term from 2027-01-01 to 2027-03-01 UTC.
pub fn payload(order_id: &str, measure: &str, sets: &Value, rules: &Value) -> Value {
    json!({
        "order_id": order_id,
        "serial": 1,
        "measure": measure,
        "not_before": "2027-01-01T00:00:00Z",
        "not_after": "2027-03-01T00:00:00Z",
        "facility": {"id": "test-gw", "capacity_bps": 1_000_000_000, "max_share_percent": 30},
        "address_sets": sets,
        "rules": rules,
    })
}
