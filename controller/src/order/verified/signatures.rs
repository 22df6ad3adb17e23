//! Counting and checking the signatures of an envelope (L-APPROVE). Which trust files must agree
//! to a document is decided by the callers.

use std::collections::HashSet;

use super::Signer;
use crate::order::envelope::{Envelope, EnvelopeSignature};
use crate::order::trust::{Trust, TrustedKey};
use crate::rejection::{Rejection, Requirement};

/// A signature by a key that may sign, if the signature is its own.
#[derive(Clone, Copy)]
struct Claim<'a> {
    index: usize,
    signature: &'a EnvelopeSignature,
    key: &'a TrustedKey,
}

/// Demands that every signature is by a key of `trust` and that they are enough.
pub(super) fn all_trusted(
    file: &str,
    envelope: &Envelope,
    trust: &Trust,
) -> Result<Vec<Signer>, Rejection> {
    let claims = Claims::sort(file, envelope, trust)?;
    claims.no_strangers(file)?;
    claims.enough(file, trust, "")?;
    verify(file, envelope, &claims.trusted)?;
    Ok(claims.trusted.iter().map(signer).collect())
}

/// Demands that enough keys of `old` have signed. What others have signed is left for
/// [`also_by_new`], which needs the payload; this says that it may be read.
pub(super) fn enough_of_old(file: &str, envelope: &Envelope, old: &Trust) -> Result<(), Rejection> {
    let claims = Claims::sort(file, envelope, old)?;
    claims.enough(file, old, &by_version(old))?;
    verify(file, envelope, &claims.trusted)
}

/// Demands that enough keys of `new` have signed, and that nobody has whom neither knows.
pub(super) fn also_by_new(
    file: &str,
    envelope: &Envelope,
    old: &Trust,
    new: &Trust,
) -> Result<Vec<Signer>, Rejection> {
    let by_old = Claims::sort(file, envelope, old)?;
    let by_new = Claims::sort(file, envelope, new)?;
    let known = |index: usize| by_old.trusted.iter().any(|claim| claim.index == index);
    if let Some((index, keyid)) = by_new.strangers.iter().find(|(index, _)| !known(*index)) {
        return Err(not_trusted(file, *index, *keyid));
    }
    by_new.enough(file, new, &by_version(new))?;
    // The others were verified as keys of the old file.
    let mut claims: Vec<Claim> =
        by_new.trusted.into_iter().filter(|claim| old.key(claim.key.keyid()).is_none()).collect();
    verify(file, envelope, &claims)?;
    claims.extend(by_old.trusted);
    claims.sort_by_key(|claim| claim.index);
    Ok(claims.iter().map(signer).collect())
}

fn by_version(trust: &Trust) -> String {
    format!(" by keys of version {}", trust.version())
}

fn signer(claim: &Claim) -> Signer {
    Signer { keyid: claim.key.keyid().to_owned(), holder: claim.key.holder().to_owned() }
}

fn refuse(file: &str, field: String, reason: String) -> Rejection {
    Rejection::new(file, reason).at(field).under(Requirement::Approve)
}

fn not_trusted(file: &str, index: usize, keyid: Option<&str>) -> Rejection {
    match keyid {
        Some(keyid) => refuse(
            file,
            format!("signatures[{index}].keyid"),
            format!("the key {keyid} is not trusted"),
        ),
        None => refuse(
            file,
            format!("signatures[{index}]"),
            "names no key, and no trusted key made it".to_owned(),
        ),
    }
}

/// The signatures of an envelope, sorted by whether a trust file knows their keys.
struct Claims<'a> {
    trusted: Vec<Claim<'a>>,
    /// Each with its position in the envelope, and the key that it names.
    strangers: Vec<(usize, Option<&'a str>)>,
}

impl<'a> Claims<'a> {
    /// Who claims to have signed is sorted first: it is cheap, and it bounds the work of verifying.
    /// A key that stands twice, or that is revoked, spoils the envelope. A signature that names no key is
    /// that of the key that made it.
    fn sort(file: &str, envelope: &'a Envelope, trust: &'a Trust) -> Result<Self, Rejection> {
        let mut seen = HashSet::new();
        let mut claims = Self { trusted: Vec::new(), strangers: Vec::new() };
        for (index, signature) in envelope.signatures().iter().enumerate() {
            let key = match signature.keyid() {
                Some(keyid) => trust.key(keyid),
                None => envelope.maker(signature, trust.keys(), |key| key.key()),
            };
            let Some(keyid) = signature.keyid().or(key.map(TrustedKey::keyid)) else {
                claims.strangers.push((index, None));
                continue;
            };
            let spoilt = |reason| refuse(file, format!("signatures[{index}].keyid"), reason);
            if !seen.insert(keyid) {
                let who =
                    key.map_or_else(|| format!("the key {keyid}"), |key| key.holder().to_owned());
                return Err(spoilt(format!("{who} has signed twice")));
            }
            match key {
                Some(key) if key.is_revoked() => {
                    let (holder, version) = (key.holder(), trust.version());
                    return Err(spoilt(format!(
                        "the key of {holder} is revoked by version {version} of the trust file"
                    )));
                }
                Some(key) => claims.trusted.push(Claim { index, signature, key }),
                None => claims.strangers.push((index, Some(keyid))),
            }
        }
        Ok(claims)
    }

    fn no_strangers(&self, file: &str) -> Result<(), Rejection> {
        self.strangers
            .first()
            .map_or(Ok(()), |(index, keyid)| Err(not_trusted(file, *index, *keyid)))
    }

    fn enough(&self, file: &str, trust: &Trust, whose: &str) -> Result<(), Rejection> {
        let (count, threshold) = (self.trusted.len(), trust.threshold());
        if count >= threshold {
            return Ok(());
        }
        Err(refuse(
            file,
            "signatures".to_owned(),
            format!("{count} of the {threshold} signatures needed{whose}"),
        ))
    }
}

fn verify(file: &str, envelope: &Envelope, claims: &[Claim]) -> Result<(), Rejection> {
    let message = envelope.message();
    for Claim { index, signature, key } in claims {
        // Strict: keys and points that could make one signature hold for several messages fail.
        if key.key().verify_strict(&message, signature.signature()).is_err() {
            return Err(refuse(
                file,
                format!("signatures[{index}].sig"),
                format!(
                    "is not a signature of this {} by {}",
                    envelope.kind().noun(),
                    key.holder()
                ),
            ));
        }
    }
    Ok(())
}
