//! The one gate for signed documents (L-APPROVE, L-AGREE): only this room makes a [`Verified`]. `signatures`
//! counts and checks signatures; `rotation` is the gate for new trust files. Whether an order is within its basis
//! is checked when it becomes a [`Mandate`](super::Mandate).

use std::ops::Deref;

use sha2::{Digest, Sha256};

use super::basis::Basis;
use super::document::Order;
use super::envelope::Envelope;
use super::json::{self, Faults, JsonPath, quote};
use super::kind::{self, DocumentKind};
use super::name::BasisKind;
use super::revocation::Revocation;
use super::role::Role;
use super::trust::Trust;
use crate::rejection::{FormFault, Rejection, Rejections, SigningFault};

mod rotation;
mod signatures;

pub(super) use rotation::rotation;
pub use rotation::verify_rotation;

/// A document that enough trusted keys have signed. Only this file and `rotation` make one, so code that asks for
/// a `Verified<Order>` cannot be given an order that nobody signed.
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
    /// Who holds the key, by the trust file.
    pub holder: String,
    /// In which role.
    pub role: Role,
}

#[cfg(test)]
impl<T> Verified<T> {
    /// A document that nobody signed, for tests of code that uses verified ones.
    pub(crate) fn assumed(value: T, payload: &[u8]) -> Self {
        Self { value, signers: Vec::new(), digest: crate::digest::sha256(payload) }
    }
}

impl<T> Verified<T> {
    /// What was signed.
    pub const fn get(&self) -> &T {
        &self.value
    }

    /// Who signed, in the envelope's order.
    pub fn signers(&self) -> &[Signer] {
        &self.signers
    }

    /// The SHA-256 of the payload bytes, in lower-case hexadecimal digits. It names exactly what was signed, in
    /// orders, logs and inspections (L-APPROVE, L-INSPECT).
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
    /// An approval or an agreement.
    Basis(Box<Verified<Basis>>),
    /// An order; whether it is within its basis is not checked yet.
    Order(Box<Verified<Order>>),
    /// A revocation.
    Revocation(Verified<Revocation>),
    /// A trust file that may replace the one it was verified with.
    Trust(Verified<Trust>),
}

/// Verifies and reads an order: envelope, then signatures, and only then the payload, which is
/// checked by [`Order::read`].
///
/// Our reading of L-APPROVE, stricter than DSSE, which skips signatures that do not verify:
/// *every* signature in the envelope must be by a distinct trusted key of a role that signs such a
/// document and must verify, and there must be at least the role's `threshold` of them. An envelope with
/// one signature that is unknown, revoked, repeated, wrong or of another role is refused whole: it is not what
/// its signers sent, and someone should ask why.
///
/// # Errors
///
/// All that is wrong with the signatures, else all that is wrong with the order.
pub fn verify_order(
    file: &str,
    bytes: &[u8],
    trust: &Trust,
) -> Result<Verified<Order>, Rejections> {
    order(file, &expect(file, bytes, DocumentKind::Order)?, trust)
}

/// Verifies and reads an approval or an agreement, in the same way.
///
/// # Errors
///
/// All that is wrong.
pub fn verify_basis(
    kind: BasisKind,
    file: &str,
    bytes: &[u8],
    trust: &Trust,
) -> Result<Verified<Basis>, Rejections> {
    basis(kind, file, &expect(file, bytes, kind.kind())?, trust)
}

/// Verifies and reads a revocation, in the same way.
///
/// # Errors
///
/// All that is wrong.
pub fn verify_revocation(
    file: &str,
    bytes: &[u8],
    trust: &Trust,
) -> Result<Verified<Revocation>, Rejections> {
    revocation(file, &expect(file, bytes, DocumentKind::Revocation)?, trust)
}

/// Verifies and reads an envelope of whatever kind it says it is.
///
/// # Errors
///
/// All that is wrong.
pub fn verify_any(file: &str, bytes: &[u8], trust: &Trust) -> Result<VerifiedDocument, Rejections> {
    let envelope = open(file, bytes)?;
    let of_kind = |kind| {
        basis(kind, file, &envelope, trust).map(|basis| VerifiedDocument::Basis(Box::new(basis)))
    };
    match envelope.kind() {
        DocumentKind::Approval => of_kind(BasisKind::Approval),
        DocumentKind::Agreement => of_kind(BasisKind::Agreement),
        DocumentKind::Order => {
            order(file, &envelope, trust).map(|order| VerifiedDocument::Order(Box::new(order)))
        }
        DocumentKind::Revocation => {
            revocation(file, &envelope, trust).map(VerifiedDocument::Revocation)
        }
        DocumentKind::Trust => rotation(file, &envelope, trust).map(VerifiedDocument::Trust),
    }
}

/// Opens an envelope. It recognises a document without an envelope and a document of version 1, and says so.
pub(super) fn open(file: &str, bytes: &[u8]) -> Result<Envelope, Rejection> {
    if !Envelope::is_likely(bytes) && json::string_field(bytes, "schema").is_some() {
        let kind = DocumentKind::of_document(file, bytes)?;
        return Err(Rejection::new(file, SigningFault::Unsigned(kind.with_article())));
    }
    let envelope = Envelope::parse(file, bytes)?;
    if let Some(schema) = json::string_field(envelope.payload(), "schema")
        && let Some(instead) = kind::outdated(&schema)
    {
        let fault = FormFault::Outdated { found: quote(&schema), instead };
        return Err(Rejection::new(file, fault).at("schema"));
    }
    Ok(envelope)
}

fn expect(file: &str, bytes: &[u8], kind: DocumentKind) -> Result<Envelope, Rejection> {
    let envelope = open(file, bytes)?;
    if envelope.kind() == kind {
        return Ok(envelope);
    }
    let (found, expected) = (envelope.kind().with_article(), kind.with_article());
    Err(Rejection::new(file, SigningFault::Kind { found, expected }).at("payloadType"))
}

/// An order that enough keys have signed, and the faults found in it so far.
pub(super) struct SignedOrder {
    pub(super) order: Option<Order>,
    pub(super) faults: Faults,
    signers: Vec<Signer>,
    digest: String,
}

impl SignedOrder {
    /// The order, if nothing is wrong with it.
    pub(super) fn accept(self) -> Result<Verified<Order>, Rejections> {
        let Self { order, faults, signers, digest } = self;
        Ok(Verified { value: faults.or(order)?, signers, digest })
    }
}

/// Checks signatures first: nothing of a payload is read before enough keys have signed it.
pub(super) fn candidate(
    file: &str,
    envelope: &Envelope,
    trust: &Trust,
) -> Result<SignedOrder, Rejections> {
    let mut faults = Faults::new(file);
    let signers = signatures::by_roles(envelope, trust, &[Role::CabinetOffice], &mut faults);
    faults.end()?;
    let mut faults = Faults::new(file);
    let order = Order::examine(envelope.payload(), &mut faults);
    Ok(SignedOrder { order, faults, signers, digest: digest(envelope) })
}

fn order(file: &str, envelope: &Envelope, trust: &Trust) -> Result<Verified<Order>, Rejections> {
    candidate(file, envelope, trust)?.accept()
}

pub(super) fn basis(
    kind: BasisKind,
    file: &str,
    envelope: &Envelope,
    trust: &Trust,
) -> Result<Verified<Basis>, Rejections> {
    let mut faults = Faults::new(file);
    let signers = match kind {
        BasisKind::Approval => {
            signatures::by_roles(envelope, trust, &[Role::Commission], &mut faults)
        }
        BasisKind::Agreement => signatures::by_three(envelope, trust, &mut faults),
    };
    faults.end()?;
    let value = Basis::read(kind, file, envelope.payload())?;
    let mut faults = Faults::new(file);
    signatures::all_of(envelope, &signers, &value.roles(), &mut faults);
    faults.end()?;
    Ok(Verified { value, signers, digest: digest(envelope) })
}

pub(super) fn revocation(
    file: &str,
    envelope: &Envelope,
    trust: &Trust,
) -> Result<Verified<Revocation>, Rejections> {
    let mut faults = Faults::new(file);
    let signers = signatures::by_any(envelope, trust, &mut faults);
    faults.end()?;
    let value = Revocation::read(file, envelope.payload())?;
    let mut faults = Faults::new(file);
    for (index, signer) in signers.iter().enumerate() {
        if !value.may_be_by(&signer.role) {
            let here = JsonPath::top().field("signatures").member(index).field("keyid");
            let (role, ends) = (signer.role.to_string(), value.ends.kind().with_article());
            let ends = ends.to_owned();
            faults.add(&here, SigningFault::NotTheirs { role, ends });
        }
    }
    faults.end()?;
    Ok(Verified { value, signers, digest: digest(envelope) })
}

fn digest(envelope: &Envelope) -> String {
    hex::encode(Sha256::digest(envelope.payload()))
}

#[cfg(test)]
mod tests;
