//! Judging envelopes together, of any kind and in any order: each by its signatures and its form, each order
//! under its basis, and each document against the one that it follows. An order may also rest on a basis that is
//! already installed.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::basis::Basis;
use super::envelope::Envelope;
use super::kind::DocumentKind;
use super::mandate::Mandate;
use super::name::{BasisKey, BasisKind, DocumentKey};
use super::revocation::Revocation;
use super::succession;
use super::trust::Trust;
use super::verified::{self, SignedOrder, Verified};
use crate::rejection::{FollowingFault, Rejection, Rejections, SelectionFault};

/// A file to be judged.
#[derive(Clone, Debug)]
pub struct Given {
    /// Its name, for messages.
    pub file: String,
    /// Its contents.
    pub bytes: Bytes,
}

/// Documents that were judged together, each with the position of its file among those given.
#[derive(Clone, Debug, Default)]
pub struct Together {
    /// Approvals and agreements. None comes before one that it extends or amends.
    pub bases: Vec<(usize, Arc<Verified<Basis>>)>,
    /// Orders under what they rest on, sorted by id and serial.
    pub orders: Vec<(usize, Mandate)>,
    /// Revocations.
    pub revocations: Vec<(usize, Verified<Revocation>)>,
    /// Trust files that may replace the one that judged.
    pub trust: Vec<(usize, Verified<Trust>)>,
}

/// Judges files together. `known`: the approvals and agreements that are already installed.
///
/// # Errors
/// Everything that is wrong with any of them; then none is accepted.
pub fn judge(
    given: &[Given],
    trust: &Trust,
    known: &[Arc<Verified<Basis>>],
) -> Result<Together, Rejections> {
    let (together, found) = examine(given, trust, known);
    Rejections::none(found)?;
    Ok(together)
}

/// The same, but returns what was accepted beside what was refused. An order under a refused basis is in
/// neither.
pub fn examine(
    given: &[Given],
    trust: &Trust,
    known: &[Arc<Verified<Basis>>],
) -> (Together, Vec<Rejection>) {
    let mut found = Vec::new();
    let sorted = sort(given, trust, &mut found);
    let together = sorted.join(given, known, &mut found);
    (together, found)
}

/// Documents by kind, and orders whose basis has not been looked for yet.
#[derive(Default)]
struct Sorted {
    together: Together,
    candidates: Vec<(usize, SignedOrder)>,
    /// Whether an approval or agreement was refused. Then a missing basis of an order is not reported.
    spoilt: bool,
}

fn sort(given: &[Given], trust: &Trust, found: &mut Vec<Rejection>) -> Sorted {
    let mut sorted = Sorted::default();
    for (index, Given { file, bytes }) in given.iter().enumerate() {
        let envelope = match verified::open(file, bytes) {
            Ok(envelope) => envelope,
            Err(rejection) => {
                sorted.spoilt = true;
                found.push(rejection);
                continue;
            }
        };
        if let Err(rejections) = sorted.add(index, file, &envelope, trust) {
            sorted.spoilt |=
                matches!(envelope.kind(), DocumentKind::Approval | DocumentKind::Agreement);
            found.extend(rejections);
        }
    }
    sorted
}

impl Sorted {
    fn add(
        &mut self,
        index: usize,
        file: &str,
        envelope: &Envelope,
        trust: &Trust,
    ) -> Result<(), Rejections> {
        let together = &mut self.together;
        let basis = |kind| verified::basis(kind, file, envelope, trust).map(Arc::new);
        match envelope.kind() {
            DocumentKind::Approval => together.bases.push((index, basis(BasisKind::Approval)?)),
            DocumentKind::Agreement => together.bases.push((index, basis(BasisKind::Agreement)?)),
            DocumentKind::Order => {
                self.candidates.push((index, verified::candidate(file, envelope, trust)?));
            }
            DocumentKind::Revocation => {
                together.revocations.push((index, verified::revocation(file, envelope, trust)?));
            }
            DocumentKind::Trust => {
                together.trust.push((index, verified::rotation(file, envelope, trust)?));
            }
        }
        Ok(())
    }

    fn join(
        self,
        given: &[Given],
        known: &[Arc<Verified<Basis>>],
        found: &mut Vec<Rejection>,
    ) -> Together {
        let Self { mut together, candidates, spoilt } = self;
        let name = |index: usize| given.get(index).map_or("", |given| given.file.as_str());
        once(
            together.bases.iter().map(|(index, basis)| (*index, basis.key.clone().into())),
            name,
            found,
        );
        let bases: Vec<Arc<Verified<Basis>>> =
            together.bases.iter().map(|(_, basis)| basis).chain(known).cloned().collect();
        for (index, basis) in &together.bases {
            for earlier in before(basis, &bases) {
                if let Err(rejections) = succession::check(name(*index), basis, earlier) {
                    found.extend(rejections);
                }
            }
        }
        for (index, candidate) in candidates {
            let file = name(index);
            match under(file, candidate, &bases, spoilt) {
                Ok(Some(mandate)) => together.orders.push((index, mandate)),
                Ok(None) => {}
                Err(rejections) => found.extend(rejections),
            }
        }
        together.orders.sort_by_key(|(_, order)| order.key());
        once(
            together.orders.iter().map(|(index, order)| (*index, order.key().into())),
            name,
            found,
        );
        for pair in together.orders.windows(2) {
            if let [(_, old), (index, new)] = pair
                && old.order_id == new.order_id
                && old.serial < new.serial
                && let Err(rejections) =
                    succession::order(name(*index), (new, new.basis()), old, &bases)
            {
                found.extend(rejections);
            }
        }
        together.bases = in_sequence(together.bases);
        together
    }
}

/// The known bases that a basis must be checked against: the one that it extends, or else the highest lower
/// serial of its id.
pub(crate) fn before<'a>(
    basis: &Basis,
    known: &'a [Arc<Verified<Basis>>],
) -> Vec<&'a Arc<Verified<Basis>>> {
    let extended = known.iter().find(|one| basis.extends.as_ref() == Some(&one.key));
    let amended = known.iter().filter(|one| basis.amends(one)).max_by_key(|one| one.key.serial);
    // An extension is checked against the basis that it extends only.
    extended.into_iter().chain(amended.filter(|_| basis.extends.is_none())).collect()
}

/// Sorts bases so that none comes before one that it follows.
fn in_sequence(
    mut bases: Vec<(usize, Arc<Verified<Basis>>)>,
) -> Vec<(usize, Arc<Verified<Basis>>)> {
    let mut sorted: Vec<(usize, Arc<Verified<Basis>>)> = Vec::new();
    while !bases.is_empty() {
        let free = |one: &Basis| !bases.iter().any(|(_, other)| one.follows(other));
        // Two that extend each other cannot be sorted; whoever checks the first refuses it.
        let next = bases.iter().position(|(_, one)| free(one)).unwrap_or_default();
        sorted.push(bases.remove(next));
    }
    sorted
}

/// Finds the basis of an order. `None`: the basis may be the one that was refused, which is reported already.
fn under(
    file: &str,
    candidate: SignedOrder,
    bases: &[Arc<Verified<Basis>>],
    spoilt: bool,
) -> Result<Option<Mandate>, Rejections> {
    let Some(key) = candidate.order.as_ref().map(|order| order.basis.key.clone()) else {
        return candidate.accept().map(|_| None);
    };
    match bases.iter().find(|one| one.key == key) {
        Some(found) => Mandate::of(candidate, found).map(Some),
        None if spoilt => candidate.accept().map(|_| None),
        None => {
            candidate.accept()?;
            let fault = SelectionFault::NoBasis(key.to_string());
            Err(Rejection::new(file, fault).at("basis").into())
        }
    }
}

/// Reports names that were given twice.
fn once<'a>(
    named: impl Iterator<Item = (usize, DocumentKey)>,
    file: impl Fn(usize) -> &'a str,
    found: &mut Vec<Rejection>,
) {
    let mut seen = BTreeSet::new();
    for (index, subject) in named {
        let name = subject.to_string();
        if !seen.insert(subject) {
            found.push(Rejection::new(file(index), FollowingFault::Together(name)).at("serial"));
        }
    }
}

/// Whether a revocation is by a role that signed the basis: an agreement is not revoked by another party.
pub(crate) fn is_theirs(revocation: &Verified<Revocation>, basis: &Basis) -> bool {
    let roles = basis.roles();
    revocation.signers().iter().any(|signer| roles.contains(&signer.role))
}

impl Together {
    /// The moment from which these documents revoke a document. `basis`: as for [`is_theirs`], if it is one.
    fn revoked(&self, subject: &DocumentKey, basis: Option<&Basis>) -> Option<Timestamp> {
        let ends = |revocation: &&Verified<Revocation>| {
            revocation.ends(subject) && basis.is_none_or(|basis| is_theirs(revocation, basis))
        };
        let revocations = self.revocations.iter().map(|(_, revocation)| revocation);
        revocations.filter(ends).map(|revocation| revocation.effective_at).min()
    }

    /// The orders that are in force at a moment: of each id the highest serial whose term has begun, if neither
    /// the order nor its basis is over.
    pub fn in_force(&self, at: Timestamp) -> Vec<&Mandate> {
        let begun: Vec<&Mandate> = self.orders.iter().map(|(_, order)| order).collect();
        let begun = begun.into_iter().filter(|order| order.not_before <= at);
        let begun: Vec<&Mandate> = begun.collect();
        let superseded = |order: &Mandate| {
            begun
                .iter()
                .any(|later| later.order_id == order.order_id && later.serial > order.serial)
        };
        let is_over =
            |order: &Mandate| at >= order.not_after || self.basis_end(order.basis()) <= at;
        let is_revoked =
            |order: &Mandate| self.revoked(&order.key().into(), None).is_some_and(|end| end <= at);
        begun
            .iter()
            .filter(|order| !superseded(order) && !is_over(order) && !is_revoked(order))
            .copied()
            .collect()
    }

    /// When a basis ends, by these documents.
    fn basis_end(&self, basis: &Basis) -> Timestamp {
        let key: DocumentKey = basis.key.clone().into();
        let later = self.bases.iter().filter(|(_, later)| later.amends(basis));
        let amended = later.map(|(_, later)| later.not_before).min();
        let revoked = self.revoked(&key, Some(basis));
        [Some(basis.not_after), amended, revoked]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(basis.not_after)
    }

    /// The basis of this name.
    pub fn basis(&self, key: &BasisKey) -> Option<&Arc<Verified<Basis>>> {
        self.bases.iter().map(|(_, basis)| basis).find(|basis| basis.key == *key)
    }
}
