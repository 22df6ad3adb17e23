//! Documents for `show`: verified, or as somebody wrote them.

use std::path::Path;

use super::OrderError;
use super::text::{name, read, without_comments};
use crate::order::explain::{Explained, Explanation, Language, Signed};
use crate::order::{
    Basis, Document, DocumentKind, Envelope, Order, Signer, Trust, VerifiedDocument, check_draft,
    notice, read_document, verify_any,
};
use crate::rejection::{Rejection, SigningFault};

/// A document and, if that was verified, who signed it.
pub(super) struct Paper {
    file: String,
    document: Document,
    signers: Option<Vec<Signer>>,
    /// The SHA-256 of its payload.
    digest: String,
}

impl Paper {
    /// Reads a document, signed or not, without checking signatures.
    pub(super) fn read(path: &Path) -> Result<Self, OrderError> {
        let (file, bytes) = (name(path), read(path)?);
        let (kind, payload) = if Envelope::is_likely(&bytes) {
            let envelope = Envelope::parse(&file, &bytes)?;
            (envelope.kind(), envelope.payload().to_vec())
        } else {
            let bytes = without_comments(bytes);
            (DocumentKind::of_document(&file, &bytes)?, bytes)
        };
        let document = read_document(&file, kind, &payload)?;
        Ok(Self { file, document, signers: None, digest: crate::digest::sha256(&payload) })
    }

    /// Reads a document and verifies its signatures.
    pub(super) fn verified(path: &Path, trust: &Trust) -> Result<Self, OrderError> {
        let (file, bytes) = (name(path), read(path)?);
        let (document, signers, digest) = match verify_any(&file, &bytes, trust)? {
            VerifiedDocument::Basis(one) => {
                let basis = Document::Basis(Box::new(one.get().clone()));
                (basis, one.signers().to_vec(), one.digest().to_owned())
            }
            VerifiedDocument::Order(one) => {
                let order = Document::Order(Box::new(one.get().clone()));
                (order, one.signers().to_vec(), one.digest().to_owned())
            }
            VerifiedDocument::Revocation(one) => {
                let revocation = Document::Revocation(one.get().clone());
                (revocation, one.signers().to_vec(), one.digest().to_owned())
            }
            VerifiedDocument::Trust(one) => {
                let trust = Document::Trust(one.get().clone());
                (trust, one.signers().to_vec(), one.digest().to_owned())
            }
        };
        Ok(Self { file, document, signers: Some(signers), digest })
    }

    /// The approval or agreement with its digest, if the document is one.
    pub(super) fn basis(&self) -> Result<(&Basis, &str), Rejection> {
        match &self.document {
            Document::Basis(basis) => Ok((basis, &self.digest)),
            other => {
                let found = match other {
                    Document::Order(_) => DocumentKind::Order,
                    Document::Revocation(_) => DocumentKind::Revocation,
                    _ => DocumentKind::Trust,
                };
                let (found, expected) = (found.with_article(), "an approval or an agreement");
                Err(Rejection::new(&self.file, SigningFault::Kind { found, expected }))
            }
        }
    }

    /// The explanation. What an order rests on is looked for among the others.
    pub(super) fn explained(
        &self,
        others: &[Self],
        language: Language,
    ) -> Result<String, OrderError> {
        let signers = self.signers.as_deref();
        Ok(match &self.document {
            Document::Basis(basis) => {
                let signed = Signed { document: &**basis, signers };
                Explanation::new(Explained::Basis(signed), language).to_string()
            }
            Document::Order(order) => {
                let under = self.under(order, others)?;
                let signed = Signed { document: &**order, signers };
                Explanation::new(Explained::Order(signed, under), language).to_string()
            }
            Document::Revocation(revocation) => {
                notice::revocation(revocation, signers).in_language(language)
            }
            Document::Trust(trust) => notice::trust(trust, signers).in_language(language),
        })
    }

    /// What an order rests on, if it is there. The order must then be within it.
    fn under<'a>(
        &self,
        order: &Order,
        others: &'a [Self],
    ) -> Result<Option<Signed<'a, Basis>>, OrderError> {
        for other in others {
            if let Document::Basis(basis) = &other.document
                && basis.key == order.basis.key
            {
                check_draft(&self.file, order, basis, &other.digest)?;
                return Ok(Some(Signed { document: basis, signers: other.signers.as_deref() }));
            }
        }
        Ok(None)
    }
}
