//! The names of documents: ids and serials. The name of an order is [`OrderKey`].

use std::fmt;

use serde::{Deserialize, Serialize};

use super::json::{Faults, Fields, quote};
use super::key::OrderKey;
use super::kind::DocumentKind;
use crate::rejection::FormFault;

/// Checks the form of an identifier: `[A-Za-z0-9._-]{1,64}`.
///
/// # Errors
/// [`FormFault::Id`].
pub(super) fn check(text: &str) -> Result<(), FormFault> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
        return Ok(());
    }
    Err(FormFault::Id(quote(text)))
}

/// Takes an id from a required field.
pub(super) fn id(
    fields: &mut Fields<'_>,
    field: &'static str,
    faults: &mut Faults,
) -> Option<String> {
    let text: String = fields.take(field, faults)?;
    if let Err(fault) = check(&text) {
        faults.add(&fields.at(field), fault);
    }
    Some(text)
}

/// Takes a number that counts from 1 from a required field.
pub(super) fn count(
    fields: &mut Fields<'_>,
    field: &'static str,
    faults: &mut Faults,
) -> Option<u64> {
    let number: u64 = fields.take(field, faults)?;
    if number == 0 {
        faults.add(&fields.at(field), FormFault::Zero);
    }
    Some(number)
}

/// The two kinds of documents that orders rest on.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum BasisKind {
    /// The commission's approval.
    Approval,
    /// An agreement.
    Agreement,
}

impl BasisKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Approval, Self::Agreement];

    /// The kind of document.
    pub const fn kind(self) -> DocumentKind {
        match self {
            Self::Approval => DocumentKind::Approval,
            Self::Agreement => DocumentKind::Agreement,
        }
    }

    /// The field that names one.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Approval => "approval_id",
            Self::Agreement => "agreement_id",
        }
    }
}

/// The name of an approval or an agreement.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct BasisKey {
    /// Which of the two.
    pub kind: BasisKind,
    /// Its id.
    pub id: String,
    /// Its serial number.
    pub serial: u64,
}

impl fmt::Display for BasisKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}, serial {}", self.kind.kind().noun(), self.id, self.serial)
    }
}

/// The name of a document that a revocation can end.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "DocumentKeyFields", into = "DocumentKeyFields")]
pub enum DocumentKey {
    /// An approval or an agreement.
    Basis(BasisKey),
    /// An order.
    Order(OrderKey),
}

impl DocumentKey {
    /// The kind of document.
    pub const fn kind(&self) -> DocumentKind {
        match self {
            Self::Basis(basis) => basis.kind.kind(),
            Self::Order(_) => DocumentKind::Order,
        }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        match self {
            Self::Basis(basis) => &basis.id,
            Self::Order(order) => &order.order_id,
        }
    }

    /// Its serial number.
    pub const fn serial(&self) -> u64 {
        match self {
            Self::Basis(basis) => basis.serial,
            Self::Order(order) => order.serial,
        }
    }

    /// Whether it is the same document, at the same serial or a lower one.
    pub fn covers(&self, other: &Self) -> bool {
        self.kind() == other.kind() && self.id() == other.id() && other.serial() <= self.serial()
    }

    /// Reads `serial` and one of `approval_id`, `agreement_id` and, if `order` allows it, `order_id`.
    pub(super) fn read(fields: &mut Fields<'_>, order: bool, faults: &mut Faults) -> Option<Self> {
        let mut ids = Vec::new();
        for field in ["approval_id", "agreement_id"].into_iter().chain(order.then_some("order_id"))
        {
            let here = fields.at(field);
            // `null` is refused here: it is not a string.
            if let Some(text) = fields.may::<String>(field, faults)? {
                if let Err(fault) = check(&text) {
                    faults.add(&here, fault);
                }
                ids.push((field, text));
            }
        }
        let serial = count(fields, "serial", faults);
        let [(field, id)] = ids.as_slice() else {
            let all = "approval_id, agreement_id and order_id";
            let one = FormFault::OneOf(if order { all } else { "approval_id and agreement_id" });
            faults.add(&fields.place(), one);
            return None;
        };
        let written = DocumentKeyFields::of(field, id.clone(), serial?);
        Self::try_from(written).ok()
    }

    /// The basis that it names, if it names one.
    pub fn basis(self) -> Option<BasisKey> {
        match self {
            Self::Basis(basis) => Some(basis),
            Self::Order(_) => None,
        }
    }
}

impl fmt::Display for DocumentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basis(basis) => basis.fmt(f),
            Self::Order(order) => order.fmt(f),
        }
    }
}

impl From<BasisKey> for DocumentKey {
    fn from(basis: BasisKey) -> Self {
        Self::Basis(basis)
    }
}

impl From<OrderKey> for DocumentKey {
    fn from(order: OrderKey) -> Self {
        Self::Order(order)
    }
}

/// The key as events and the state write it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct DocumentKeyFields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    approval_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agreement_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order_id: Option<String>,
    serial: u64,
}

impl DocumentKeyFields {
    fn of(field: &str, id: String, serial: u64) -> Self {
        let mut written = Self { serial, ..Self::default() };
        match field {
            "approval_id" => written.approval_id = Some(id),
            "agreement_id" => written.agreement_id = Some(id),
            _ => written.order_id = Some(id),
        }
        written
    }
}

impl TryFrom<DocumentKeyFields> for DocumentKey {
    type Error = &'static str;

    fn try_from(written: DocumentKeyFields) -> Result<Self, Self::Error> {
        let basis = |kind, id, serial| Self::Basis(BasisKey { kind, id, serial });
        match written {
            DocumentKeyFields {
                approval_id: Some(id),
                agreement_id: None,
                order_id: None,
                serial,
            } => Ok(basis(BasisKind::Approval, id, serial)),
            DocumentKeyFields {
                approval_id: None,
                agreement_id: Some(id),
                order_id: None,
                serial,
            } => Ok(basis(BasisKind::Agreement, id, serial)),
            DocumentKeyFields {
                approval_id: None,
                agreement_id: None,
                order_id: Some(id),
                serial,
            } => Ok(Self::Order(OrderKey::new(id, serial))),
            _ => Err("needs exactly one of approval_id, agreement_id and order_id"),
        }
    }
}

impl From<DocumentKey> for DocumentKeyFields {
    fn from(subject: DocumentKey) -> Self {
        let (id, serial) = (subject.id().to_owned(), subject.serial());
        match &subject {
            DocumentKey::Basis(basis) => Self::of(basis.kind.field(), id, serial),
            DocumentKey::Order(_) => Self::of("order_id", id, serial),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_as_it_is_read() {
        for json in [
            r#"{"approval_id":"a","serial":1}"#,
            r#"{"agreement_id":"a","serial":2}"#,
            r#"{"order_id":"a","serial":3}"#,
        ] {
            let subject: DocumentKey = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&subject).unwrap(), json);
        }
        for json in
            [r#"{"serial":1}"#, r#"{"approval_id":"a","order_id":"a","serial":1}"#, r#"{"id":"a"}"#]
        {
            assert!(serde_json::from_str::<DocumentKey>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_name_covers_lower_serials_of_the_same_document_only() {
        let subject = |kind: &str, id: &str, serial: u64| -> DocumentKey {
            serde_json::from_value(serde_json::json!({kind: id, "serial": serial})).unwrap()
        };
        let two = subject("approval_id", "a", 2);
        assert!(two.covers(&two) && two.covers(&subject("approval_id", "a", 1)));
        for other in [
            subject("approval_id", "a", 3),
            subject("approval_id", "b", 1),
            subject("agreement_id", "a", 1),
            subject("order_id", "a", 1),
        ] {
            assert!(!two.covers(&other), "{other}");
        }
    }
}
