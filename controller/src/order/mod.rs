//! Orders: what the sensor may select, and the proof that it was approved.
//!
//! Documents enter through [`together::judge`], or one by one through [`verify_any`]. Each is checked in this
//! sequence: envelope, signatures by role, form, and for an order its basis. Checked signatures make a
//! [`Verified`] document. An order under its approval or agreement is a [`Mandate`], and only that may be carried
//! out. Revocations and new trust files enter in the same way. Nothing here compiles an order into tables, knows
//! the current time or touches the kernel.
//!
//! | file | job |
//! |---|---|
//! | `json` | strict JSON: every refusal names a field, and all of them are found |
//! | `time` | RFC 3339 in, calendar months in Asia/Tokyo |
//! | `address`, `payload`, `traffic` | the values inside an order: prefixes, payload prefixes, protocols and ports |
//! | `space` | sets of prefixes as ranges of addresses: which contains which |
//! | `kind`, `role` | the lists of signed documents and of those who sign them |
//! | `key`, `name` | what documents are called |
//! | `measure` | what the Act binds each measure to |
//! | `basis` | approvals and agreements: form, criteria, and what the Act allows |
//! | `document`, `selection`, `condition` | what an order says, its sets and rules, and what a rule asks of a packet |
//! | `revocation` | what a revocation says |
//! | `consistency`, `vacuous` | whether an order makes sense, and its conditions exclude anything |
//! | `statute`, `mandate` | whether it is within what was approved, and lawful under it |
//! | `succession` | what may follow what |
//! | `trust`, `keys`, `envelope`, `verified` | who may sign, with what, in which form, and the check of it |
//! | `together` | documents judged together |
//! | `explain`, `notice` | documents in plain words, English and Japanese |
//! | `load` | trust files and documents from disk |

pub mod basis;
pub mod condition;
pub mod document;
pub mod envelope;
pub mod explain;
pub mod key;
pub mod keys;
pub mod kind;
pub mod load;
pub mod measure;
pub mod name;
pub mod notice;
pub mod payload;
pub mod revocation;
pub mod role;
pub mod selection;
pub mod succession;
pub mod time;
pub mod together;
pub mod traffic;
pub mod trust;

mod address;
mod consistency;
mod json;
mod mandate;
#[cfg(test)]
pub(crate) mod samples;
pub(crate) mod space;
mod statute;
mod vacuous;
mod verified;

pub use address::{AddressFault, parse_network};
pub use basis::Basis;
pub use document::Order;
pub use envelope::Envelope;
pub use key::OrderKey;
pub use kind::DocumentKind;
pub use mandate::{Mandate, check_draft};
pub use measure::Measure;
pub use name::{BasisKey, BasisKind, DocumentKey};
pub use revocation::{Revocation, verify_revocation};
pub use role::Role;
pub use trust::Trust;
pub use verified::{
    Signer, Verified, VerifiedDocument, verify_any, verify_basis, verify_order, verify_rotation,
};

use crate::rejection::Rejections;

/// A document of any kind. Everything is checked but its signatures and its basis.
#[derive(Clone, Debug)]
pub enum Document {
    /// An approval or an agreement.
    Basis(Box<Basis>),
    /// An order.
    Order(Box<Order>),
    /// A revocation.
    Revocation(Revocation),
    /// A trust file.
    Trust(Trust),
}

/// Reads the payload of a document of this kind and makes every check but those of signatures and basis.
///
/// # Errors
///
/// All that is wrong, with the fields that are wrong.
pub fn read_document(
    file: &str,
    kind: DocumentKind,
    payload: &[u8],
) -> Result<Document, Rejections> {
    let basis =
        |kind| Basis::read(kind, file, payload).map(|basis| Document::Basis(Box::new(basis)));
    match kind {
        DocumentKind::Approval => basis(BasisKind::Approval),
        DocumentKind::Agreement => basis(BasisKind::Agreement),
        DocumentKind::Order => {
            Order::read(file, payload).map(|order| Document::Order(Box::new(order)))
        }
        DocumentKind::Revocation => Revocation::read(file, payload).map(Document::Revocation),
        DocumentKind::Trust => Trust::parse(file, payload).map(Document::Trust),
    }
}
