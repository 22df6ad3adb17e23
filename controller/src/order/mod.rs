//! Orders: what an approval allows the sensor to select, and the proof that it was approved.
//!
//! The way in is [`verify_order`]: envelope, signatures, document, law, in this order, and the
//! only thing that comes out is a [`Verified<Order>`](Verified). Nothing here compiles an order
//! into tables, knows the current time or touches the kernel.
//!
//! | file | job |
//! |---|---|
//! | `json` | strict JSON: every refusal names a field |
//! | `time` | RFC 3339 in, calendar months in Asia/Tokyo |
//! | `address`, `payload`, `traffic` | the values inside an order: prefixes, payload prefixes, protocols and ports |
//! | `measure`, `document` | what an order says |
//! | `consistency`, `statute` | whether it makes sense, and is lawful |
//! | `trust`, `keys`, `envelope`, `verified` | who may sign, with what, in which form, and the check of it |
//! | `explain` | an order in plain English |
//! | `load` | trust files and orders from disk |
//! | `files` | reading bounded files; writing whole files |

pub mod document;
pub mod envelope;
pub mod explain;
pub mod files;
pub mod keys;
pub mod load;
pub mod measure;
pub mod payload;
pub mod time;
pub mod traffic;
pub mod trust;

mod address;
mod consistency;
mod json;
#[cfg(test)]
pub(crate) mod samples;
mod statute;
mod verified;

pub use address::parse_network;
pub use document::Order;
pub use envelope::Envelope;
pub use measure::Measure;
pub use trust::Trust;
pub use verified::{Signer, Verified, verify_order};

use crate::rejection::Rejection;

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
