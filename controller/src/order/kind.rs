//! The one list of signed documents: what each is called, its `schema`, and the DSSE `payloadType` it travels
//! under. `basis`, `document`, `revocation` and `trust` read what they say.

use serde::Deserializer;

use super::json::{self, quote};
use crate::rejection::{FormFault, Rejection};

/// A kind of signed document.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum DocumentKind {
    /// The commission's approval of a measure: [`Basis`](super::Basis).
    Approval,
    /// An agreement, in place of an approval: [`Basis`](super::Basis).
    Agreement,
    /// What is selected: [`Order`](super::Order).
    Order,
    /// The early end of one of these: [`Revocation`](super::Revocation).
    Revocation,
    /// Who may sign from now on: [`Trust`](super::Trust).
    Trust,
}

impl DocumentKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Approval, Self::Agreement, Self::Order, Self::Revocation, Self::Trust];

    /// The `schema` that the document names.
    pub const fn schema(self) -> &'static str {
        match self {
            Self::Approval => "sekisho.approval/v1",
            Self::Agreement => "sekisho.agreement/v1",
            Self::Order => "sekisho.order/v2",
            Self::Revocation => "sekisho.revocation/v2",
            Self::Trust => "sekisho.trust/v2",
        }
    }

    /// The `payloadType` of the envelope around it.
    pub const fn payload_type(self) -> &'static str {
        match self {
            Self::Approval => "application/vnd.sekisho.approval+json",
            Self::Agreement => "application/vnd.sekisho.agreement+json",
            Self::Order => "application/vnd.sekisho.order+json",
            Self::Revocation => "application/vnd.sekisho.revocation+json",
            Self::Trust => "application/vnd.sekisho.trust+json",
        }
    }

    /// What people call it.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::Agreement => "agreement",
            Self::Order => "order",
            Self::Revocation => "revocation",
            Self::Trust => "trust file",
        }
    }

    /// The noun with its article, for messages.
    pub const fn with_article(self) -> &'static str {
        match self {
            Self::Approval => "an approval",
            Self::Agreement => "an agreement",
            Self::Order => "an order",
            Self::Revocation => "a revocation",
            Self::Trust => "a trust file",
        }
    }

    /// The kind that a document without an envelope claims to be, by its `schema`. A document without a
    /// `schema` counts as an order: the reader of orders reports what it lacks.
    ///
    /// # Errors
    ///
    /// A [`Rejection`] of an unknown schema.
    pub fn of_document(file: &str, bytes: &[u8]) -> Result<Self, Rejection> {
        let Some(schema) = json::string_field(bytes, "schema") else { return Ok(Self::Order) };
        if let Some(instead) = outdated(&schema) {
            let fault = FormFault::Outdated { found: quote(&schema), instead };
            return Err(Rejection::new(file, fault).at("schema"));
        }
        Self::named(&schema, Self::schema).map_err(|fault| Rejection::new(file, fault).at("schema"))
    }

    /// `deserialize_with` for a `payloadType`.
    pub(super) fn of_payload_type<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Self, D::Error> {
        json::text(deserializer, "a string", |text| Self::named(text, Self::payload_type))
    }

    fn named(text: &str, name: fn(Self) -> &'static str) -> Result<Self, FormFault> {
        Self::ALL.into_iter().find(|kind| name(*kind) == text).ok_or_else(|| {
            let known: Vec<String> =
                Self::ALL.iter().map(|kind| format!("`{}`", name(*kind))).collect();
            let known = match known.split_last() {
                Some((last, others)) => format!("{} and {last}", others.join(", ")),
                None => String::new(),
            };
            FormFault::Unlisted { found: quote(text), known }
        })
    }
}

/// What to do instead, if a document is of version 1.
pub(super) fn outdated(schema: &str) -> Option<&'static str> {
    match schema {
        "sekisho.order/v1" => Some(
            "write an approval or agreement and an order under it (`sekisho order template order`)",
        ),
        "sekisho.revocation/v1" => {
            Some("name what ends in `ends` (`sekisho order template revocation`)")
        }
        "sekisho.trust/v1" => {
            Some("give every key a role in a `sekisho.trust/v2` (`sekisho order trust`)")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_kinds_can_be_taken_for_each_other() {
        for name in [DocumentKind::schema, DocumentKind::payload_type, DocumentKind::noun] {
            let names: BTreeSet<&str> = DocumentKind::ALL.into_iter().map(name).collect();
            assert_eq!(names.len(), DocumentKind::ALL.len());
        }
        for kind in DocumentKind::ALL {
            let document = format!("{{\"schema\":\"{}\"}}", kind.schema());
            assert_eq!(DocumentKind::of_document("f", document.as_bytes()).unwrap(), kind);
            assert!(outdated(kind.schema()).is_none());
        }
    }

    #[test]
    fn a_document_of_version_1_is_told_what_to_do() {
        for schema in ["sekisho.order/v1", "sekisho.revocation/v1", "sekisho.trust/v1"] {
            let document = format!("{{\"schema\":\"{schema}\"}}");
            let refusal =
                DocumentKind::of_document("f", document.as_bytes()).unwrap_err().to_string();
            let words = format!("f: schema: is `{schema}`, which is not read any more: ");
            assert!(
                refusal.starts_with(&words) && refusal.contains("sekisho order t"),
                "{refusal}"
            );
        }
    }
}
