//! Where every order stands, and why: by its term, its basis, its successor, and the signatures that are still
//! good (L-TERM, L-EXTEND, L-APPROVE).

use std::sync::Arc;

use jiff::Timestamp;

use super::clock::Reading;
use super::entry::{BasisEntry, Ended, OrderEntry};
use super::event::EndReason;
use super::state::Registry;
use crate::order::{Mandate, Role, Signer, Trust};

/// Whether and how an order leaves the kernel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// It stays: it is not over.
    Going,
    /// Its successor is in force, and it is still approved itself. It may select until the tables with the
    /// successor are in the kernel, so that no packet is lost between the two.
    Yielding,
    /// It must not select one more packet.
    Over,
}

/// What the kernel has to know about an order.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The order, unless it is over.
    pub order: Option<Arc<Mandate>>,
    /// The first moment of its term.
    pub not_before: Timestamp,
    /// The first moment after its term, as far as is known. It never moves later.
    pub end: Timestamp,
    /// Whether it is over.
    pub fate: Fate,
    /// The positions of the orders whose place it takes.
    pub succeeds: Vec<usize>,
}

/// Where an order stands, for people.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OrderState {
    /// Its term has not begun.
    Waiting,
    /// It may select.
    InForce,
    /// It is in force, but all selection is halted.
    Halted,
    /// It is over.
    Ended(EndReason),
}

impl OrderState {
    /// Every state, in the order of an order's life.
    pub const ALL: [Self; 4] =
        [Self::Waiting, Self::InForce, Self::Halted, Self::Ended(EndReason::Expired)];

    /// The stable name in lists, status and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::InForce => "in force",
            Self::Halted => "halted",
            Self::Ended(_) => "ended",
        }
    }
}

impl Registry {
    /// What the kernel has to know about every order, by position.
    pub fn standings(&self, reading: Reading) -> Vec<Standing> {
        let latest = self.clock.latest(reading);
        let standing = |entry: &OrderEntry| Standing {
            order: entry.body.clone(),
            not_before: entry.head.not_before,
            end: entry.ended.map_or_else(|| self.end(entry).0, |ended| ended.at),
            fate: self.fate(entry, latest),
            // An order that is over takes nobody's place.
            succeeds: (self.entries.iter().enumerate())
                .filter(|(_, earlier)| entry.ended.is_none() && entry.succeeds(earlier))
                .map(|(position, _)| position)
                .collect(),
        };
        self.entries.iter().map(standing).collect()
    }

    /// Where an order stands at `wall`. Ends count once they are noted.
    pub fn shown(&self, entry: &OrderEntry, wall: Timestamp) -> OrderState {
        match entry.ended {
            Some(ended) => OrderState::Ended(ended.reason),
            None if entry.head.not_before > wall => OrderState::Waiting,
            None if self.halted.is_some() => OrderState::Halted,
            None => OrderState::InForce,
        }
    }

    /// When an order ends at the latest, and why, as far as is known: by its term, by a revocation, or with its
    /// basis. A higher serial does not count here: the lower one may select until the tables with the higher one
    /// are in the kernel.
    pub fn end(&self, entry: &OrderEntry) -> (Timestamp, EndReason) {
        let head = &entry.head;
        let revoked = self
            .revocation(&head.key().into(), None)
            .map(|revocation| (revocation.effective_at, EndReason::Revoked));
        let key = &entry.basis.key;
        let under = self.bases.iter().find(|under| under.basis.key == *key);
        let under = under.map(|under| self.basis_end(under));
        let term = (head.not_after, EndReason::Expired);
        [revoked, under, Some(term)].into_iter().flatten().min_by_key(|(at, _)| *at).unwrap_or(term)
    }

    /// When an approval or agreement ends at the latest, and why, as far as is known: by its term, by a
    /// revocation, or because a narrower serial of it begins.
    pub fn basis_end(&self, entry: &BasisEntry) -> (Timestamp, EndReason) {
        let basis = &entry.basis;
        let term = (basis.not_after, EndReason::Expired);
        let revoked = self
            .revocation(&basis.key.clone().into(), Some(basis))
            .map(|revocation| (revocation.effective_at, EndReason::Revoked));
        let amended = (self.bases.iter())
            .filter(|later| later.basis.amends(basis))
            .map(|later| (later.basis.not_before, EndReason::Superseded))
            .min_by_key(|(at, _)| *at);
        let ended = entry.ended.map(|ended| (ended.at, ended.reason));
        [ended, revoked, amended, Some(term)]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at)
            .unwrap_or(term)
    }

    fn fate(&self, entry: &OrderEntry, latest: Timestamp) -> Fate {
        match entry.ended {
            _ if self.end(entry).0 <= latest => Fate::Over,
            None => Fate::Going,
            Some(Ended { reason: EndReason::Superseded, .. })
                if self.is_carried(entry, self.trust()) =>
            {
                Fate::Yielding
            }
            Some(_) => Fate::Over,
        }
    }

    /// Whether an order and its basis still have enough signatures by keys that `trust` does not revoke. A key
    /// that `trust` merely no longer names was retired: what it signed while it was trusted stays approved. A role
    /// that `trust` no longer has approves nothing.
    pub(super) fn is_carried(&self, entry: &OrderEntry, trust: &Trust) -> bool {
        let under = self.bases.iter().find(|under| under.basis.key == entry.basis.key);
        self.are_carried(&entry.signers, &[Role::CabinetOffice], entry.trust, trust)
            && under.is_some_and(|under| self.is_basis_carried(under, trust))
    }

    /// The same of an approval or agreement.
    pub(super) fn is_basis_carried(&self, entry: &BasisEntry, trust: &Trust) -> bool {
        self.are_carried(entry.basis.signers(), &entry.basis.roles(), entry.trust, trust)
    }

    fn are_carried(&self, signers: &[Signer], roles: &[Role], under: u64, trust: &Trust) -> bool {
        let Some(under) = self.trusts.iter().find(|known| known.trust.version() == under) else {
            return false;
        };
        roles.iter().all(|role| {
            let standing = signers
                .iter()
                .filter(|signer| signer.role == *role && !trust.is_revoked(&signer.keyid));
            trust.threshold(role).is_some()
                && under.trust.threshold(role).is_some_and(|needed| standing.count() >= needed)
        })
    }
}
