//! The one gate of approval (L-APPROVE): only here is a [`Verified`] made. `signatures` counts and
//! checks signatures; `rotation` is the gate of new trust files.

use std::ops::Deref;

use sha2::{Digest, Sha256};

use super::document::Order;
use super::envelope::Envelope;
use super::kind::Kind;
use super::read_order;
use super::revocation::Revocation;
use super::trust::Trust;
use crate::rejection::Rejection;

mod rotation;
mod signatures;

pub use rotation::verify_rotation;

/// Something that enough trusted keys have signed. The only ways to one are [`verify_order`],
/// [`verify_revocation`] and [`verify_rotation`], so whatever asks for a `Verified<Order>` cannot be
/// given an unapproved order.
#[derive(Clone, Debug)]
pub struct Verified<T> {
    value: T,
    signers: Vec<Signer>,
    digest: String,
}

/// One of those who signed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signer {
    /// The name of the key.
    pub keyid: String,
    /// Who holds it, by the trust file.
    pub holder: String,
}

impl<T> Verified<T> {
    /// What was signed.
    pub const fn get(&self) -> &T {
        &self.value
    }

    /// Who signed, in the envelope's order; at least as many as the trust file asks for.
    pub fn signers(&self) -> &[Signer] {
        &self.signers
    }

    /// The SHA-256 of the payload bytes, in lower-case hexadecimal digits: names exactly what was
    /// signed, in logs and inspections (L-INSPECT).
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A document of any kind that was verified.
#[derive(Clone, Debug)]
pub enum VerifiedDocument {
    /// An order.
    Order(Box<Verified<Order>>),
    /// A revocation.
    Revocation(Verified<Revocation>),
    /// A trust file that may take the place of the one it was verified with.
    Trust(Verified<Trust>),
}

/// Verifies and reads an order: envelope, then signatures, and only then the payload, which is
/// checked by [`read_order`].
///
/// Our reading of L-APPROVE, stricter than DSSE, which skips signatures that do not verify:
/// *every* signature in the envelope must be by a distinct trusted key and must verify, and there
/// must be at least `threshold` of them. An envelope with one signature that is unknown, revoked,
/// doubled or wrong is refused whole: it is not what its signers sent, and someone should ask why.
///
/// # Errors
///
/// The first [`Rejection`]; those about signatures carry
/// [`Requirement::Approve`](crate::rejection::Requirement::Approve).
pub fn verify_order(file: &str, bytes: &[u8], trust: &Trust) -> Result<Verified<Order>, Rejection> {
    order(file, &Envelope::parse(file, bytes)?, trust)
}

/// Verifies and reads a revocation, in the same way and by the same threshold as an order.
///
/// # Errors
///
/// The first [`Rejection`].
pub fn verify_revocation(
    file: &str,
    bytes: &[u8],
    trust: &Trust,
) -> Result<Verified<Revocation>, Rejection> {
    revocation(file, &Envelope::parse(file, bytes)?, trust)
}

/// Verifies and reads an envelope of whatever kind it says it is.
///
/// # Errors
///
/// The first [`Rejection`].
pub fn verify_any(file: &str, bytes: &[u8], trust: &Trust) -> Result<VerifiedDocument, Rejection> {
    let envelope = Envelope::parse(file, bytes)?;
    match envelope.kind() {
        Kind::Order => {
            order(file, &envelope, trust).map(|order| VerifiedDocument::Order(Box::new(order)))
        }
        Kind::Revocation => revocation(file, &envelope, trust).map(VerifiedDocument::Revocation),
        Kind::Trust => rotation::rotation(file, &envelope, trust).map(VerifiedDocument::Trust),
    }
}

fn order(file: &str, envelope: &Envelope, trust: &Trust) -> Result<Verified<Order>, Rejection> {
    envelope.expect(file, Kind::Order)?;
    signed(file, envelope, trust, read_order)
}

fn revocation(
    file: &str,
    envelope: &Envelope,
    trust: &Trust,
) -> Result<Verified<Revocation>, Rejection> {
    envelope.expect(file, Kind::Revocation)?;
    signed(file, envelope, trust, Revocation::read)
}

/// Signatures first: nothing of a payload is read before enough have signed it.
fn signed<T>(
    file: &str,
    envelope: &Envelope,
    trust: &Trust,
    read: impl FnOnce(&str, &[u8]) -> Result<T, Rejection>,
) -> Result<Verified<T>, Rejection> {
    let signers = signatures::all_trusted(file, envelope, trust)?;
    let value = read(file, envelope.payload())?;
    Ok(Verified { value, signers, digest: digest(envelope) })
}

fn digest(envelope: &Envelope) -> String {
    hex::encode(Sha256::digest(envelope.payload()))
}

#[cfg(test)]
mod tests;
