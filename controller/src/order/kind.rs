//! The one list of the documents that signers sign: what each is called, by which `schema` it is
//! known and in which DSSE `payloadType` it travels. What they say is in `document`, `revocation`
//! and `trust`.

use serde::{Deserialize, Deserializer};

use super::json::{self, quote};
use crate::rejection::Rejection;

/// A kind of signed document.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Kind {
    /// What may be selected: [`Order`](super::Order).
    Order,
    /// The early end of an order: [`Revocation`](super::Revocation).
    Revocation,
    /// Who may sign from now on: [`Trust`](super::Trust).
    Trust,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Order, Self::Revocation, Self::Trust];

    /// The `schema` that the document names.
    pub const fn schema(self) -> &'static str {
        match self {
            Self::Order => "sekisho.order/v1",
            Self::Revocation => "sekisho.revocation/v1",
            Self::Trust => "sekisho.trust/v1",
        }
    }

    /// The `payloadType` of the envelope around it.
    pub const fn payload_type(self) -> &'static str {
        match self {
            Self::Order => "application/vnd.sekisho.order+json",
            Self::Revocation => "application/vnd.sekisho.revocation+json",
            Self::Trust => "application/vnd.sekisho.trust+json",
        }
    }

    /// What people call it.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Revocation => "revocation",
            Self::Trust => "trust file",
        }
    }

    /// The noun with its article, for messages.
    pub const fn with_article(self) -> &'static str {
        match self {
            Self::Order => "an order",
            Self::Revocation => "a revocation",
            Self::Trust => "a trust file",
        }
    }

    /// Which kind a document without an envelope claims to be, by its `schema`. One without a
    /// `schema` counts as an order, whose reader says what it lacks.
    ///
    /// # Errors
    ///
    /// A [`Rejection`] of a schema that is not known.
    pub fn of_document(file: &str, bytes: &[u8]) -> Result<Self, Rejection> {
        let Some(schema) = json::string_field(bytes, "schema") else { return Ok(Self::Order) };
        Self::named(&schema, Self::schema)
            .map_err(|reason| Rejection::new(file, reason).at("schema"))
    }

    /// `deserialize_with` for a `payloadType`.
    pub(super) fn of_payload_type<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Self, D::Error> {
        json::text(deserializer, "a string", |text| Self::named(text, Self::payload_type))
    }

    fn named(text: &str, name: fn(Self) -> &'static str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| name(*kind) == text).ok_or_else(|| {
            let [order, revocation, trust] = Self::ALL.map(name);
            format!(
                "is {}, but only `{order}`, `{revocation}` and `{trust}` are known",
                quote(text)
            )
        })
    }
}

/// Proof that a document named the schema of an order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OrderSchema(());

impl<'de> Deserialize<'de> for OrderSchema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        json::exactly(deserializer, Kind::Order.schema()).map(Self)
    }
}

/// Proof that a document named the schema of a revocation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RevocationSchema(());

impl<'de> Deserialize<'de> for RevocationSchema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        json::exactly(deserializer, Kind::Revocation.schema()).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_known_by_its_schema() {
        for (json, kind) in [
            (r#"{"schema":"sekisho.order/v1"}"#, Kind::Order),
            (r#"{"reason":["x",{}],"schema":"sekisho.revocation/v1"}"#, Kind::Revocation),
            (r#"{"schema":"sekisho.trust/v1","#, Kind::Trust),
            // Its reader will say that the schema is missing, or that it is no JSON.
            (r#"{"serial":1}"#, Kind::Order),
            (r#"{"schema":1}"#, Kind::Order),
            ("", Kind::Order),
        ] {
            assert_eq!(Kind::of_document("f", json.as_bytes()), Ok(kind), "{json}");
        }
        assert_eq!(
            Kind::of_document("f", br#"{"schema":"sekisho.order/v2"}"#).unwrap_err().to_string(),
            "f: schema: is `sekisho.order/v2`, but only `sekisho.order/v1`, \
             `sekisho.revocation/v1` and `sekisho.trust/v1` are known"
        );
    }
}
