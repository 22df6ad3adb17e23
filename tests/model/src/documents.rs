//! Orders, revocations and trust files of an authority with seven keys, three of which must sign. Each
//! order selects the packets from an address of its own.

use std::convert::Infallible;
use std::net::Ipv4Addr;

use controller::order::trust::KeyEntry;
use controller::order::{Envelope, Kind, Trust, keys};
use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::law::{Approval, IDS, MOST_SERIAL};

/// Where the orders hold.
pub const FACILITY: &str = "test-gw";

/// The address whose packets are selected for an order.
pub fn source(id: usize, serial: u64) -> Ipv4Addr {
    let number = id as u64 * MOST_SERIAL + serial;
    Ipv4Addr::new(198, 51, 100, u8::try_from(number).unwrap())
}

/// A moment, in seconds from the beginning.
pub fn wall(second: i64) -> Timestamp {
    Timestamp::from_second(1_830_000_000 + second).unwrap()
}

fn key(number: u8) -> SigningKey {
    let fill = |bytes: &mut [u8]| {
        bytes.fill(number);
        Ok::<(), Infallible>(())
    };
    keys::generate(fill).unwrap()
}

fn signed(kind: Kind, payload: &str, signers: &[u8]) -> Vec<u8> {
    let mut envelope = Envelope::unsigned(kind, payload.as_bytes().to_vec());
    for signer in signers {
        envelope.sign(&key(*signer)).unwrap();
    }
    envelope.to_json().unwrap().into_bytes()
}

/// The trust file of some version, in which these keys are revoked.
pub fn trust_file(version: u64, revoked: &[u8]) -> String {
    let entry = |number: u8| {
        let mut entry = KeyEntry::new(&key(number).verifying_key(), format!("holder {number}"));
        entry.revoked = revoked.contains(&number);
        entry
    };
    Trust::draft(version, 3, (1..=7).map(entry).collect()).unwrap()
}

/// The second trust file, without key 3, signed by enough.
pub fn rotation() -> Vec<u8> {
    signed(Kind::Trust, &trust_file(2, &[3]), &[1, 2, 4])
}

/// The envelope of an order.
pub fn order(one: &Approval) -> Vec<u8> {
    let mut order = json!({
        "schema": Kind::Order.schema(),
        "order_id": IDS[one.id],
        "serial": one.serial,
        "measure": "foreign-to-domestic",
        "approved_at": "2027-01-01T00:00:00Z",
        "not_before": wall(one.from).to_string(),
        "not_after": wall(one.until).to_string(),
        "facility": {"id": FACILITY, "capacity_bps": 1_000_000_000, "max_share_percent": 30},
        "address_sets": {"c2": [source(one.id, one.serial).to_string()]},
        "rules": [{"id": "r", "source": "c2"}],
    });
    if let Some((id, serial)) = one.extends {
        order["extends"] = json!({"order_id": IDS[id], "serial": serial});
    }
    signed(Kind::Order, &order.to_string(), one.signers)
}

/// The envelope of a revocation, signed by keys 1 to 3.
pub fn revocation(id: usize, serial: u64, effective: i64) -> Vec<u8> {
    let revocation: Value = json!({
        "schema": Kind::Revocation.schema(),
        "order_id": IDS[id],
        "serial": serial,
        "effective_at": wall(effective).to_string(),
        "reason": "a test",
    });
    signed(Kind::Revocation, &revocation.to_string(), &[1, 2, 3])
}
