//! Orders: what an approval allows the sensor to select, and the proof that it was approved.
//!
//! The way in is [`verify_order`]: envelope, signatures, document, law, in this order, and the
//! only thing that comes out is a [`Verified<Order>`](Verified). Revocations and new trust files come
//! in the same way. Nothing here compiles an order into tables, knows the current time or touches
//! the kernel.
//!
//! | file | job |
//! |---|---|
//! | `json` | strict JSON: every refusal names a field |
//! | `time` | RFC 3339 in, calendar months in Asia/Tokyo |
//! | `address`, `payload`, `traffic` | the values inside an order: prefixes, payload prefixes, protocols and ports |
//! | `space` | sets of prefixes as ranges of addresses: what holds what |
//! | `kind` | the one list of signed documents: schema and payload type of each |
//! | `measure`, `document` | what an order says |
//! | `key` | what an order is called |
//! | `condition` | what a rule asks of a packet |
//! | `revocation` | what a revocation says |
//! | `consistency`, `statute` | whether it makes sense, and is lawful |
//! | `succession` | whether one order may follow another |
//! | `trust`, `keys`, `envelope`, `verified` | who may sign, with what, in which form, and the check of it |
//! | `explain` | an order in plain words, English and Japanese |
//! | `notice` | revocations and trust files in plain words, English and Japanese |
//! | `load` | trust files and orders from disk |

pub mod condition;
pub mod document;
pub mod envelope;
pub mod explain;
pub mod key;
pub mod keys;
pub mod kind;
pub mod load;
pub mod measure;
pub mod notice;
pub mod payload;
pub mod revocation;
pub mod succession;
pub mod time;
pub mod traffic;
pub mod trust;

mod address;
mod consistency;
mod json;
#[cfg(test)]
pub(crate) mod samples;
pub(crate) mod space;
mod statute;
mod verified;

pub use address::parse_network;
pub use document::Order;
pub use envelope::Envelope;
pub use key::OrderKey;
pub use kind::Kind;
pub use measure::Measure;
pub use revocation::{Revocation, verify_revocation};
pub use trust::Trust;
pub use verified::{Signer, Verified, VerifiedDocument, verify_any, verify_order, verify_rotation};

use crate::rejection::Rejection;

/// A document of any kind, read and checked in full but for its signatures.
#[derive(Clone, Debug)]
pub enum Document {
    /// An order.
    Order(Box<Order>),
    /// A revocation.
    Revocation(Revocation),
    /// A trust file.
    Trust(Trust),
}

/// Reads the payload of a document of some kind and makes every check but the signatures.
///
/// # Errors
///
/// The first thing that is wrong, with the field that is wrong.
pub fn read_document(file: &str, kind: Kind, payload: &[u8]) -> Result<Document, Rejection> {
    match kind {
        Kind::Order => read_order(file, payload).map(|order| Document::Order(Box::new(order))),
        Kind::Revocation => Revocation::read(file, payload).map(Document::Revocation),
        Kind::Trust => Trust::parse(file, payload).map(Document::Trust),
    }
}

/// Reads an order's payload and makes every check but the signatures: form, consistency and law.
///
/// # Errors
///
/// The first thing that is wrong, with the field that is wrong.
pub fn read_order(file: &str, payload: &[u8]) -> Result<Order, Rejection> {
    let order: Order = json::parse(file, payload)?;
    consistency::check(file, &order)?;
    statute::check(file, &order)?;
    Ok(order)
}
