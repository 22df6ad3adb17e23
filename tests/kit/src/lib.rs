//! What tests share: documents (keys in their roles, and whole sets of approval or agreement and order), and in
//! [`kernel`] a kernel in memory.
//!
//! A test describes what it wants in a *plan*: an order that also has fields of its approval or agreement.
//! One function, [`papers`], makes both documents from it. A plan has these fields:
//!
//! - of the order: `order_id`, `serial`, `not_before`, `not_after`, `address_sets` (a list, or a set with its
//!   ground), `payload_prefixes` (with or without ground) and `rules`;
//! - of what it rests on: `measure`, `facility` (without `sensors`, those of [`SENSORS`] have its share) and, for
//!   an agreement, `party`;
//! - `under`, which may be absent: `id` and `serial` (the order's id, and 1), `not_before` and `not_after` (the
//!   order's), `extends` (nothing), `criteria` (everything that criteria can allow).
//!
//! Only for crates of this workspace, and never shipped.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::allow_attributes,
    reason = "a test fails by panicking; the controller, into whose tests this is compiled, forbids `expect`"
)]

pub mod kernel;

use std::convert::Infallible;

use controller::order::trust::{KeyEntry, RoleDraft};
use controller::order::{DocumentKind, Envelope, Role, Trust, keys};
use ed25519_dalek::SigningKey;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// The keys of the commission, three of which must sign.
pub const COMMISSION: [u8; 5] = [1, 2, 3, 4, 5];
/// The keys of the Cabinet Office, two of which must sign.
pub const CABINET_OFFICE: [u8; 3] = [11, 12, 13];
/// The key of the carrier.
pub const CARRIER: u8 = 21;
/// The key of the party `acme`.
pub const PARTY: u8 = 31;

/// Sensors that each have a plan's whole share, for tests with one sensor at a time.
pub const SENSORS: [&str; 1] = ["test-gw-a"];

/// A key that depends only on the number.
pub fn key(number: u8) -> SigningKey {
    keys::generate(|bytes| {
        bytes.fill(number);
        Ok::<(), Infallible>(())
    })
    .unwrap()
}

/// The name of that key.
pub fn keyid(number: u8) -> String {
    keys::keyid(&key(number).verifying_key())
}

/// A role with these keys, of which `threshold` must sign.
pub fn role(role: Role, threshold: u64, numbers: &[u8]) -> RoleDraft {
    let entry =
        |number: &u8| KeyEntry::new(&key(*number).verifying_key(), format!("holder {number}"));
    RoleDraft { role, threshold, keys: numbers.iter().map(entry).collect() }
}

/// The roles of the trust file.
pub fn roles() -> Vec<RoleDraft> {
    vec![
        role(Role::Commission, 3, &COMMISSION),
        role(Role::CabinetOffice, 2, &CABINET_OFFICE),
        role(Role::Carrier, 1, &[CARRIER]),
        role(Role::Party("acme".to_owned()), 1, &[PARTY]),
    ]
}

/// The trust file.
pub fn trust_file() -> String {
    Trust::draft(1, &roles(), &[]).unwrap()
}

/// A version of the trust file in which these keys are revoked.
pub fn trust_version(version: u64, revoked: &[u8]) -> String {
    let revoked: Vec<String> = revoked.iter().map(|number| keyid(*number)).collect();
    Trust::draft(version, &roles(), &revoked).unwrap()
}

/// The keys that must sign a document of this kind.
pub const fn signers(kind: DocumentKind) -> &'static [u8] {
    match kind {
        DocumentKind::Approval => &[1, 2, 3],
        DocumentKind::Agreement => &[11, 12, PARTY, CARRIER],
        DocumentKind::Order | DocumentKind::Revocation => &[11, 12],
        DocumentKind::Trust => &[1, 2, 3, 11, 12],
    }
}

/// Signs a payload as a document of some kind, with the keys of these numbers.
pub fn sealed(kind: DocumentKind, payload: &[u8], signers: &[u8]) -> String {
    let mut envelope = Envelope::unsigned(kind, payload.to_vec());
    for signer in signers {
        envelope.sign(&key(*signer)).unwrap();
    }
    envelope.to_json().unwrap()
}

/// The two documents of a plan.
#[derive(Clone, Debug)]
pub struct Papers {
    /// The kind of the first one.
    pub kind: DocumentKind,
    /// The approval or agreement.
    pub basis: Value,
    /// The order under it.
    pub order: Value,
}

/// The same as envelopes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signed {
    /// The approval or agreement.
    pub basis: String,
    /// The order under it.
    pub order: String,
}

impl Papers {
    /// Signs both, each by those who must.
    pub fn sign(&self) -> Signed {
        self.sign_order(&self.order.to_string())
    }

    /// Like [`Self::sign`], with a text in the order replaced, for lists that are too large for a [`Value`].
    pub fn sign_with(&self, old: &str, new: &str) -> Signed {
        self.sign_order(&self.order.to_string().replacen(old, new, 1))
    }

    fn sign_order(&self, order: &str) -> Signed {
        let basis = sealed(self.kind, self.basis.to_string().as_bytes(), signers(self.kind));
        Signed {
            basis,
            order: sealed(DocumentKind::Order, order.as_bytes(), signers(DocumentKind::Order)),
        }
    }
}

/// The SHA-256 of a document, as an order names it.
pub fn digest(document: &Value) -> String {
    hex::encode(Sha256::digest(document.to_string()))
}

/// Makes the two documents of a plan.
pub fn papers(plan: &Value) -> Papers {
    let is_agreement = plan["measure"] == json!("agreement");
    let (kind, id_field) = if is_agreement {
        (DocumentKind::Agreement, "agreement_id")
    } else {
        (DocumentKind::Approval, "approval_id")
    };
    let under = &plan["under"];
    let or = |field: &str, otherwise: &Value| match &under[field] {
        Value::Null => otherwise.clone(),
        value => value.clone(),
    };
    let from = or("not_before", &plan["not_before"]);
    let mut basis = json!({
        "schema": kind.schema(),
        id_field: or("id", &plan["order_id"]),
        "serial": or("serial", &json!(1)),
        "not_before": from,
        "not_after": or("not_after", &plan["not_after"]),
        "extends": match &under["extends"] {
            Value::Null => Value::Null,
            earlier => json!({id_field: earlier["id"], "serial": earlier["serial"]}),
        },
        "facility": facility(&plan["facility"]),
        "criteria": or("criteria", &everything()),
        "handling": {},
    });
    if is_agreement {
        basis["article"] = json!(11);
        basis["concluded_at"] = from;
        basis["analysis"] = json!("what is sent to the party");
        let mut party = plan["party"].clone();
        if party["id"].is_null() {
            party["id"] = json!("acme");
        }
        basis["party"] = party;
    } else {
        basis["measure"] = plan["measure"].clone();
        basis["act"] = json!({"id": "2027-act-11", "title": "a test"});
        basis["approved_at"] = from;
    }
    let order = order(plan, id_field, &basis);
    Papers { kind, basis, order }
}

fn order(plan: &Value, id_field: &str, basis: &Value) -> Value {
    let sets = |field: &str, set: fn(&Value) -> Value| -> Value {
        let named = plan[field].as_object().into_iter().flatten();
        named.map(|(name, value)| (name.clone(), set(value))).collect::<Map<String, Value>>().into()
    };
    json!({
        "schema": DocumentKind::Order.schema(),
        "order_id": plan["order_id"],
        "serial": plan["serial"],
        "basis": {
            id_field: basis[id_field], "serial": basis["serial"], "sha256": digest(basis),
        },
        "not_before": plan["not_before"],
        "not_after": plan["not_after"],
        "address_sets": sets("address_sets", |value| match value {
            Value::Array(list) => json!({"ground": "a test", "addresses": list}),
            set => set.clone(),
        }),
        "payload_prefixes": sets("payload_prefixes", |value| {
            let mut set = value.clone();
            if set["ground"].is_null() {
                set["ground"] = json!("a test");
            }
            set
        }),
        "rules": plan["rules"],
    })
}

fn facility(plan: &Value) -> Value {
    let mut facility = plan.clone();
    if facility["sensors"].is_null() {
        let share = plan["max_share_percent"].clone();
        facility["sensors"] =
            SENSORS.iter().map(|name| ((*name).to_owned(), share.clone())).collect();
    }
    facility
}

/// Criteria that allow everything that criteria can allow.
pub fn everything() -> Value {
    json!({
        "conditions": ["address", "payload", "protocol-ports"],
        "max_selectors": 10_000_000,
        "max_rules": 1024,
        "min_prefix_length": {"ipv4": 8, "ipv6": 16},
        "min_payload_length": 4,
    })
}

/// A revocation of `ends` at this moment.
pub fn revocation(ends: &Value, effective_at: &str) -> Value {
    json!({
        "schema": DocumentKind::Revocation.schema(),
        "ends": ends,
        "effective_at": effective_at,
        "reason": "a test",
    })
}

/// A plan with its documents signed.
pub fn signed(plan: &Value) -> Signed {
    papers(plan).sign()
}
