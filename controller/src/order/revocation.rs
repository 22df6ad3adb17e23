//! Revocations, schema `sekisho.revocation/v2`: the early end of an approval, an agreement or an order,
//! signed by any one role that signed what it ends. Reading proves its form; `verified` checks signatures, and
//! the registry carries it out.

use jiff::Timestamp;

use super::json::{self, Faults, Fields};
use super::kind::DocumentKind;
use super::name::{BasisKind, DocumentKey};
use super::role::Role;
use super::time;
use crate::rejection::{FormFault, Rejections};
use crate::text;

pub use super::verified::verify_revocation;

/// The end of a document before its term is over.
///
/// Our reading, which selects less: it ends the document of that name at that serial *and at every
/// lower one*, even if that is not installed yet or never will be. The orders under an approval or agreement end
/// with it. Higher serials and extensions are documents of their own: each must be revoked by name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Revocation {
    /// What ends, up to this serial.
    pub ends: DocumentKey,
    /// The first moment at which the document is no longer in force. A moment that has passed means at
    /// once; what was selected before the revocation came stays selected.
    pub effective_at: Timestamp,
    /// Why: free text on one line.
    pub reason: String,
}

impl Revocation {
    /// Reads a revocation's payload and makes every check but the signatures.
    ///
    /// # Errors
    ///
    /// All that is wrong, with the fields that are wrong.
    pub fn read(file: &str, payload: &[u8]) -> Result<Self, Rejections> {
        let mut faults = Faults::new(file);
        let revocation = Self::fields(payload, &mut faults);
        faults.or(revocation)
    }

    fn fields(payload: &[u8], faults: &mut Faults) -> Option<Self> {
        let mut fields = Fields::of_document(payload, faults)?;
        if !json::schema(&mut fields, DocumentKind::Revocation.schema(), faults) {
            return None;
        }
        let ends = fields.object("ends", faults).and_then(|mut ends| {
            let subject = DocumentKey::read(&mut ends, true, faults);
            ends.end(faults);
            subject
        });
        let effective_at = time::take(&mut fields, "effective_at", faults);
        let reason: Option<String> = fields.take("reason", faults);
        if let Some(Err(fault)) = reason.as_deref().map(text::check) {
            faults.add(&fields.at("reason"), FormFault::Text(fault));
        }
        fields.end(faults);
        Some(Self { ends: ends?, effective_at: effective_at?, reason: reason? })
    }

    /// Whether it ends the document of this name.
    pub fn ends(&self, document: &DocumentKey) -> bool {
        self.ends.covers(document)
    }

    /// Whether a role may have signed the document that it ends. Any party may have signed an agreement: which
    /// one did is not known here.
    pub fn may_be_by(&self, role: &Role) -> bool {
        match &self.ends {
            DocumentKey::Order(_) => *role == Role::CabinetOffice,
            DocumentKey::Basis(basis) => match basis.kind {
                BasisKind::Approval => *role == Role::Commission,
                BasisKind::Agreement => {
                    matches!(role, Role::CabinetOffice | Role::Carrier | Role::Party(_))
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::samples::revocation;
    use super::*;

    #[test]
    fn a_revocation_ends_its_serial_and_every_lower_one() {
        let revocation = Revocation::read("r", revocation().to_string().as_bytes()).unwrap();
        assert_eq!(revocation.effective_at.to_string(), "2027-12-01T00:00:00Z");
        for (ends, expected) in [
            (json!({"approval_id": "2027-17-0003", "serial": 1}), true),
            (json!({"approval_id": "2027-17-0003", "serial": 2}), false),
            (json!({"approval_id": "2027-17-0004", "serial": 1}), false),
            (json!({"order_id": "2027-17-0003", "serial": 1}), false),
        ] {
            let subject: DocumentKey = serde_json::from_value(ends).unwrap();
            assert_eq!(revocation.ends(&subject), expected, "{subject}");
        }
    }

    #[test]
    fn only_a_role_that_signed_it_ends_it() {
        let party = Role::Party("acme".into());
        for (id, roles) in [
            ("approval_id", &[Role::Commission][..]),
            ("agreement_id", &[Role::CabinetOffice, Role::Carrier, party.clone()]),
            ("order_id", &[Role::CabinetOffice]),
        ] {
            let mut document = revocation();
            document["ends"] = json!({id: "a", "serial": 1});
            let revocation = Revocation::read("r", document.to_string().as_bytes()).unwrap();
            for role in [Role::Commission, Role::CabinetOffice, Role::Carrier, party.clone()] {
                assert_eq!(revocation.may_be_by(&role), roles.contains(&role), "{id}, {role}");
            }
        }
    }

    #[test]
    fn what_is_not_one_is_refused() {
        for (field, value, expected) in [
            (
                "ends",
                json!({"order_id": "a b", "serial": 1}),
                "ends.order_id: `a b` is not 1 to 64",
            ),
            ("ends", json!({"order_id": "a", "serial": 0}), "ends.serial: counts from 1"),
            ("ends", json!({"serial": 1}), "ends: needs exactly one of approval_id, agreement_id"),
            ("effective_at", json!("now"), "effective_at: `now` is not an RFC 3339 timestamp"),
            ("effective_at", json!(null), "effective_at: expected a timestamp, found null"),
            ("reason", json!(" "), "reason: is empty"),
            ("reason", json!("a\nb"), "reason: holds control characters"),
            ("schema", json!("sekisho.order/v2"), "schema: is `sekisho.order/v2`, but only"),
            ("schema", json!("sekisho.revocation/v1"), "schema: is `sekisho.revocation/v1`, which"),
            ("until", json!(""), "until: is no field that is known here"),
        ] {
            let mut document = revocation();
            document[field] = value;
            let refusal = Revocation::read("r", document.to_string().as_bytes()).unwrap_err();
            assert!(refusal.to_string().starts_with(&format!("r: {expected}")), "{refusal}");
        }
    }
}
