//! Approvals, orders, revocations and trust files of the kit's authority. Each order selects the packets from an
//! address of its own.

use std::net::Ipv4Addr;

use controller::order::DocumentKind;
use controller::order::together::Given;
use jiff::Timestamp;
use sekisho_kit::{Papers, papers, sealed, trust_version};
use serde_json::{Value, json};

use super::law::{Approval, IDS, MOST_SERIAL, Order, REVOKED, Revoked};

/// Where the orders hold.
pub const FACILITY: &str = "test-gw";

/// The sensor that they are compiled for.
pub const SENSOR: &str = sekisho_kit::SENSORS[0];

/// The address whose packets are selected for an order.
pub fn source(id: usize, serial: u64) -> Ipv4Addr {
    let number = id as u64 * MOST_SERIAL + serial;
    Ipv4Addr::new(198, 51, 100, u8::try_from(number).unwrap())
}

/// A moment, in seconds from the beginning.
pub fn wall(second: i64) -> Timestamp {
    Timestamp::from_second(1_830_000_000 + second).unwrap()
}

/// The first trust file.
pub fn trust_file() -> String {
    trust_version(1, &[])
}

/// The second trust file, without the keys of [`REVOKED`], signed by enough.
pub fn rotation() -> Vec<u8> {
    sealed(DocumentKind::Trust, trust_version(2, &REVOKED).as_bytes(), &[1, 2, 4, 11, 13])
        .into_bytes()
}

/// The id of an approval.
fn approval_id(number: usize) -> String {
    format!("p{number}")
}

fn documents(order: &Order, approval: &Approval) -> Papers {
    papers(&json!({
        "order_id": IDS[order.id],
        "serial": order.serial,
        "measure": "foreign-to-domestic",
        "not_before": wall(order.from).to_string(),
        "not_after": wall(order.until).to_string(),
        "facility": {"id": FACILITY, "capacity_bps": 1_000_000_000, "max_share_percent": 30},
        "address_sets": {"c2": [source(order.id, order.serial).to_string()]},
        "rules": [{"id": "r", "source": "c2"}],
        "under": {
            "id": approval_id(approval.number),
            "serial": approval.serial,
            "not_before": wall(approval.from).to_string(),
            "not_after": wall(approval.until).to_string(),
            "extends": match approval.extends {
                Some((number, serial)) => json!({"id": approval_id(number), "serial": serial}),
                None => Value::Null,
            },
        },
    }))
}

/// The envelopes of an order and of the approval that it rests on.
pub fn envelopes(order: &Order, approval: &Approval) -> Vec<Given> {
    let Papers { basis, order: document, .. } = documents(order, approval);
    let given = |kind, document: &Value, signers: &[u8]| Given {
        file: "o".to_owned(),
        bytes: sealed(kind, document.to_string().as_bytes(), signers).into(),
    };
    vec![
        given(DocumentKind::Order, &document, order.signers),
        given(DocumentKind::Approval, &basis, approval.signers),
    ]
}

/// The envelope of a revocation.
pub fn revocation(what: Revoked, effective: i64) -> Vec<u8> {
    let (ends, signers): (Value, &[u8]) = match what {
        Revoked::Order(id, serial) => (json!({"order_id": IDS[id], "serial": serial}), &[11, 12]),
        Revoked::Approval(number, serial) => {
            (json!({"approval_id": approval_id(number), "serial": serial}), &[1, 2, 3])
        }
    };
    let revocation = sekisho_kit::revocation(&ends, &wall(effective).to_string());
    sealed(DocumentKind::Revocation, revocation.to_string().as_bytes(), signers).into_bytes()
}
