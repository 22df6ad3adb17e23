//! Counting and checking the signatures of an envelope (L-APPROVE, L-AGREE). Callers decide which roles must
//! sign.

use std::collections::{BTreeMap, HashSet};

use super::Signer;
use crate::order::envelope::{Envelope, EnvelopeSignature};
use crate::order::json::{Faults, JsonPath};
use crate::order::role::{Role, listed};
use crate::order::trust::{Trust, TrustedKey};
use crate::rejection::SigningFault;

/// A signature that claims to be by a trusted key; it is not verified yet.
#[derive(Clone, Copy)]
struct Claim<'a> {
    index: usize,
    signature: &'a EnvelopeSignature,
    key: &'a TrustedKey,
    role: &'a Role,
}

fn at(index: usize, field: &str) -> JsonPath {
    JsonPath::top().field("signatures").member(index).field(field)
}

/// Demands that every signature is by a key of one of these roles, and that each role signed in full.
pub(super) fn by_roles(
    envelope: &Envelope,
    trust: &Trust,
    roles: &[Role],
    faults: &mut Faults,
) -> Vec<Signer> {
    let claims = Claims::of(envelope, trust, faults);
    claims.no_strangers(faults);
    claims.only(envelope, roles, faults);
    for role in roles {
        claims.enough(envelope, trust, role, "", faults);
    }
    verify(envelope, &claims.trusted, faults);
    signers(&claims.trusted)
}

/// The same for an agreement, which the Cabinet Office, the carrier and one party sign. The payload, which is not
/// read yet, says which party; [`all_of`] checks it.
pub(super) fn by_three(envelope: &Envelope, trust: &Trust, faults: &mut Faults) -> Vec<Signer> {
    let signed = Claims::of(envelope, trust, &mut Faults::new(""));
    let is_party = |claim: &&Claim<'_>| matches!(claim.role, Role::Party(_));
    let party = signed.trusted.iter().find(is_party).map(|claim| claim.role.clone());
    if party.is_none() {
        let (role, version) = ("party:<id>".to_owned(), String::new());
        let fault = SigningFault::Short { count: 0, threshold: 1, role, version };
        faults.add(&JsonPath::top().field("signatures"), fault);
    }
    let roles: Vec<Role> =
        [Some(Role::CabinetOffice), party, Some(Role::Carrier)].into_iter().flatten().collect();
    by_roles(envelope, trust, &roles, faults)
}

/// Demands that every signature is by a trusted key, and that one role signed in full. Which role may sign depends
/// on the payload, which is not read yet.
pub(super) fn by_any(envelope: &Envelope, trust: &Trust, faults: &mut Faults) -> Vec<Signer> {
    let claims = Claims::of(envelope, trust, faults);
    claims.no_strangers(faults);
    let mut counts: BTreeMap<&Role, usize> = BTreeMap::new();
    for claim in &claims.trusted {
        *counts.entry(claim.role).or_default() += 1;
    }
    let is_whole = |(role, count): (&&Role, &usize)| {
        trust.threshold(role).is_some_and(|threshold| *count >= threshold)
    };
    if !counts.iter().any(is_whole) {
        let roles: Vec<Role> = trust.thresholds().keys().cloned().collect();
        let of = |(role, count): (&&Role, &usize)| {
            let threshold = trust.threshold(role).unwrap_or_default();
            format!("{count} of {threshold} of {role}")
        };
        let found: Vec<String> = counts.iter().map(of).collect();
        let found = if found.is_empty() { "nobody".to_owned() } else { found.join(", ") };
        let fault = SigningFault::NoRoleWhole { roles: listed(&roles), found };
        faults.add(&JsonPath::top().field("signatures"), fault);
    }
    verify(envelope, &claims.trusted, faults);
    signers(&claims.trusted)
}

/// Demands that every signer has one of these roles.
pub(super) fn all_of(envelope: &Envelope, signers: &[Signer], roles: &[Role], faults: &mut Faults) {
    for (index, signer) in signers.iter().enumerate() {
        if !roles.contains(&signer.role) {
            let (holder, role) = (&signer.holder, &signer.role);
            faults.add(&at(index, "keyid"), wrong_role(envelope, holder, role, roles));
        }
    }
}

/// A role of a trust file that must sign when one trust file replaces another.
pub(super) struct Asked<'a> {
    pub(super) trust: &'a Trust,
    pub(super) role: &'a Role,
}

/// Demands that each of these roles signed in full, and that the signatures by keys of this trust file hold.
/// [`of_both`] judges the others.
pub(super) fn of_one(envelope: &Envelope, trust: &Trust, roles: &[Role], faults: &mut Faults) {
    let claims = Claims::of(envelope, trust, faults);
    for role in roles {
        claims.enough(envelope, trust, role, &by_version(trust), faults);
    }
    verify(envelope, &claims.trusted, faults);
}

/// Demands that each role that is asked signed in full, and that every signature is by a key of one of two trust
/// files.
pub(super) fn of_both(
    envelope: &Envelope,
    [old, new]: [&Trust; 2],
    asked: &[Asked<'_>],
    faults: &mut Faults,
) -> Vec<Signer> {
    // `of_one` has reported what the old file says against these signatures.
    let by_old = Claims::of(envelope, old, &mut Faults::new(""));
    let by_new = Claims::of(envelope, new, faults);
    for (index, keyid) in &by_new.strangers {
        if !by_old.trusted.iter().any(|claim| claim.index == *index) {
            stranger(*index, *keyid, faults);
        }
    }
    for Asked { trust, role } in asked {
        let claims = if std::ptr::eq(*trust, old) { &by_old } else { &by_new };
        claims.enough(envelope, trust, role, &by_version(trust), faults);
    }
    // `of_one` has verified the signatures by keys of the old file.
    let mut claims: Vec<Claim<'_>> =
        by_new.trusted.into_iter().filter(|claim| old.key(claim.key.keyid()).is_none()).collect();
    verify(envelope, &claims, faults);
    claims.extend(by_old.trusted);
    claims.sort_by_key(|claim| claim.index);
    signers(&claims)
}

fn by_version(trust: &Trust) -> String {
    format!(" by version {} of the trust file", trust.version())
}

fn signers(claims: &[Claim<'_>]) -> Vec<Signer> {
    let signer = |claim: &Claim<'_>| Signer {
        keyid: claim.key.keyid().to_owned(),
        holder: claim.key.holder().to_owned(),
        role: claim.role.clone(),
    };
    claims.iter().map(signer).collect()
}

fn stranger(index: usize, keyid: Option<&str>, faults: &mut Faults) {
    match keyid {
        Some(keyid) => {
            faults.add(&at(index, "keyid"), SigningFault::Untrusted(keyid.to_owned()));
        }
        None => {
            faults.add(&JsonPath::top().field("signatures").member(index), SigningFault::Nobody);
        }
    }
}

fn wrong_role(envelope: &Envelope, holder: &str, role: &Role, roles: &[Role]) -> SigningFault {
    SigningFault::Role {
        holder: holder.to_owned(),
        role: role.to_string(),
        document: envelope.kind().with_article(),
        roles: listed(roles),
    }
}

/// The signatures of an envelope, sorted by whether a trust file knows their keys.
struct Claims<'a> {
    trusted: Vec<Claim<'a>>,
    /// Signatures by unknown keys: the position in the envelope, and the key that is named.
    strangers: Vec<(usize, Option<&'a str>)>,
}

impl<'a> Claims<'a> {
    /// Sorts signatures by the keys that they name, before any is verified: it is cheap, and it bounds the work of
    /// verifying. A key that stands there twice, or is revoked, is a fault. A signature that names no key counts
    /// for the key that made it.
    fn of(envelope: &'a Envelope, trust: &'a Trust, faults: &mut Faults) -> Self {
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
            if !seen.insert(keyid) {
                let who =
                    key.map_or_else(|| format!("the key {keyid}"), |key| key.holder().to_owned());
                faults.add(&at(index, "keyid"), SigningFault::Twice(who));
                continue;
            }
            if trust.is_revoked(keyid) {
                let holder = key.map_or(keyid, TrustedKey::holder).to_owned();
                let fault = SigningFault::Revoked { holder, version: trust.version() };
                faults.add(&at(index, "keyid"), fault);
                continue;
            }
            match key.and_then(|key| Some((key, key.role()?))) {
                Some((key, role)) => claims.trusted.push(Claim { index, signature, key, role }),
                None => claims.strangers.push((index, Some(keyid))),
            }
        }
        claims
    }

    fn no_strangers(&self, faults: &mut Faults) {
        for (index, keyid) in &self.strangers {
            stranger(*index, *keyid, faults);
        }
    }

    fn only(&self, envelope: &Envelope, roles: &[Role], faults: &mut Faults) {
        for claim in self.trusted.iter().filter(|claim| !roles.contains(claim.role)) {
            let fault = wrong_role(envelope, claim.key.holder(), claim.role, roles);
            faults.add(&at(claim.index, "keyid"), fault);
        }
    }

    fn enough(
        &self,
        envelope: &Envelope,
        trust: &Trust,
        role: &Role,
        version: &str,
        faults: &mut Faults,
    ) {
        let here = JsonPath::top().field("signatures");
        let Some(threshold) = trust.threshold(role) else {
            let document = envelope.kind().with_article();
            faults.add(&here, SigningFault::NobodyHas { document, role: role.to_string() });
            return;
        };
        let count = self.trusted.iter().filter(|claim| claim.role == role).count();
        if count < threshold {
            let (role, version) = (role.to_string(), version.to_owned());
            faults.add(&here, SigningFault::Short { count, threshold, role, version });
        }
    }
}

fn verify(envelope: &Envelope, claims: &[Claim<'_>], faults: &mut Faults) {
    // An envelope that is refused anyway is not worth the work.
    if !faults.is_empty() {
        return;
    }
    let message = envelope.message();
    for Claim { index, signature, key, .. } in claims {
        // Strict: keys and points that could make one signature hold for several messages fail.
        if key.key().verify_strict(&message, signature.signature()).is_err() {
            let (document, holder) = (envelope.kind().noun(), key.holder().to_owned());
            faults.add(&at(*index, "sig"), SigningFault::Bad { document, holder });
        }
    }
}
