//! The registry: which orders there are, whose signatures count, what time it is at least, and
//! whether selection is halted. Pure: operations take the time and return a new registry with what
//! has to be written; the disk is the business of `store`.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::act::Act;
use super::clock::{Clock, Reading};
use super::entry::{BasisEntry, Ended, Entry};
use super::event::{Event, Reason, What};
use super::runs::Running;
use crate::order::revocation::Revocation;
use crate::order::together::is_theirs;
use crate::order::{Basis, Mandate, OrderKey, Role, Signer, Subject, Trust, Verified};
use crate::rejection::{Rejection, Rejections, Requirement, TrustFault};

/// All that is remembered.
#[derive(Clone, Debug)]
pub struct Registry {
    pub(super) facility: String,
    pub(super) clock: Clock,
    /// Every version of the trust file, the one in force last; never empty.
    pub(super) trusts: Vec<TrustVersion>,
    /// Every approval and agreement that was ever accepted; positions never change.
    pub(super) bases: Vec<BasisEntry>,
    /// Every order that was ever accepted; positions never change.
    pub(super) entries: Vec<Entry>,
    pub(super) revocations: Vec<Revoked>,
    pub(super) halted: Option<Act>,
    /// The daemon that has begun and not said that it ended.
    pub(super) running: Option<Running>,
    /// The SHA-256 of the classes of addresses that were last in force.
    pub(super) classes: Option<String>,
    /// The sequence number of the last event; 0 before the first.
    pub(super) last_event: u64,
}

/// A trust file, and where it came from.
#[derive(Clone, Debug)]
pub(super) struct TrustVersion {
    pub(super) trust: Arc<Trust>,
    /// The SHA-256 of the file that was given: the trust file itself for the first one, the envelope
    /// around it for the others.
    pub(super) file: String,
}

/// A revocation, also of orders that are not there.
#[derive(Clone, Debug)]
pub(super) struct Revoked {
    pub(super) revocation: Arc<Verified<Revocation>>,
    /// The SHA-256 of its envelope.
    pub(super) file: String,
    /// The version of the trust file under which it was accepted.
    pub(super) trust: u64,
}

/// A new state of the registry, and what has to be on the disk for it.
#[derive(Clone, Debug)]
pub struct Change {
    /// The registry as it is to be.
    pub registry: Registry,
    /// What happened.
    pub events: Vec<Event>,
    /// Files that the new state refers to and that are not there yet: name and contents.
    pub files: Vec<(String, Bytes)>,
}

impl Change {
    /// A change that so far changes nothing.
    pub(super) const fn of(registry: Registry) -> Self {
        Self { registry, events: Vec::new(), files: Vec::new() }
    }

    /// This change and then another one, which was made of its registry.
    #[must_use]
    pub fn then(mut self, next: Self) -> Self {
        self.events.extend(next.events);
        self.files.extend(next.files);
        self.registry = next.registry;
        self
    }

    /// Whether it changes anything.
    pub const fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Notes an event.
    pub(super) fn note(&mut self, at: Timestamp, what: What) {
        self.registry.last_event = self.registry.last_event.saturating_add(1);
        self.events.push(Event { sequence: self.registry.last_event, at, what });
    }
}

/// How an order that is not in force (any more) leaves the kernel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// It is not over.
    Going,
    /// Its successor is in force, and its own approval still stands: it may select until the tables
    /// with the successor are in the kernel, so that no packet is lost between the two.
    Yielding,
    /// It must not select for one packet more.
    Over,
}

/// What the kernel has to know of an order's life.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The order, unless it is over.
    pub order: Option<Arc<Mandate>>,
    /// The first moment of its term.
    pub not_before: Timestamp,
    /// The first moment after it, as far as is known. It never moves later.
    pub end: Timestamp,
    /// Whether it is over.
    pub fate: Fate,
    /// Positions of the orders whose place it takes.
    pub succeeds: Vec<usize>,
}

/// Where an order stands, in words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OrderState {
    /// Its term has not begun.
    Waiting,
    /// It may select.
    InForce,
    /// It is in force, but all selection is halted.
    Halted,
    /// It is over.
    Ended(Reason),
}

impl OrderState {
    /// Every state, in the order of an order's life.
    pub const ALL: [Self; 4] =
        [Self::Waiting, Self::InForce, Self::Halted, Self::Ended(Reason::Expired)];

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
    /// A registry without orders, at its very beginning.
    ///
    /// # Errors
    /// All that is wrong with the trust file.
    pub fn begin(
        facility: &str,
        file: &str,
        trust: &[u8],
        wall: Timestamp,
    ) -> Result<Change, Rejections> {
        let parsed = Trust::parse(file, trust)?;
        let digest = super::digest(trust);
        let version = parsed.version();
        let trusts = vec![TrustVersion { trust: Arc::new(parsed), file: digest.clone() }];
        let mut change = Change::of(Self {
            facility: facility.to_owned(),
            clock: Clock::new(wall),
            trusts,
            bases: Vec::new(),
            entries: Vec::new(),
            revocations: Vec::new(),
            halted: None,
            running: None,
            classes: None,
            last_event: 0,
        });
        change.files.push((super::names::trust(version, false), Bytes::copy_from_slice(trust)));
        change.note(wall, What::Created { facility: facility.to_owned(), version, digest });
        Ok(change)
    }

    /// The facility whose orders these are.
    pub fn facility(&self) -> &str {
        &self.facility
    }

    /// The latest time that there is evidence for.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The trust file in force.
    ///
    /// # Panics
    /// Never: a registry begins with one.
    pub fn trust(&self) -> &Arc<Trust> {
        let Some(last) = self.trusts.last() else {
            unreachable!("a registry begins with a trust file")
        };
        &last.trust
    }

    /// Every approval and agreement that was ever accepted, in the order of acceptance.
    pub fn bases(&self) -> &[BasisEntry] {
        &self.bases
    }

    /// Every order that was ever accepted, in the order of acceptance.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Who halted all selection, if it is halted.
    pub const fn halted(&self) -> Option<&Act> {
        self.halted.as_ref()
    }

    /// A change that changes nothing, to be followed by others.
    pub fn unchanged(&self) -> Change {
        Change::of(self.clone())
    }

    /// A change that was prepared aside, brought up to date.
    ///
    /// # Errors
    /// The change as it was, if something happened since.
    pub fn take_up(&self, mut change: Box<Change>) -> Result<Change, Box<Change>> {
        let begun = change.registry.last_event.saturating_sub(change.events.len() as u64);
        if begun != self.last_event {
            return Err(change);
        }
        change.registry.clock = self.clock;
        for (theirs, ours) in change.registry.entries.iter_mut().zip(&self.entries) {
            theirs.records = ours.records;
        }
        Ok(*change)
    }

    /// Takes a reading of the clocks into account.
    pub fn observe(&mut self, reading: Reading) {
        self.clock.observe(reading);
    }

    /// Counts records that were taken under an order.
    pub fn count(&mut self, order: &OrderKey, records: u64) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| order.names(&entry.head)) {
            entry.records = entry.records.saturating_add(records);
        }
    }

    /// What the kernel has to know of every order, by position.
    pub fn standings(&self, reading: Reading) -> Vec<Standing> {
        let latest = self.clock.latest(reading);
        let standing = |entry: &Entry| Standing {
            order: entry.body.clone(),
            not_before: entry.head.not_before,
            end: entry.ended.map_or_else(|| self.end(entry).0, |ended| ended.at),
            fate: self.fate(entry, latest),
            // What is over takes nobody's place any more.
            succeeds: (self.entries.iter().enumerate())
                .filter(|(_, earlier)| entry.ended.is_none() && entry.succeeds(earlier))
                .map(|(position, _)| position)
                .collect(),
        };
        self.entries.iter().map(standing).collect()
    }

    /// Where an order stands, as far as has been noted.
    pub fn shown(&self, entry: &Entry, wall: Timestamp) -> OrderState {
        match entry.ended {
            Some(ended) => OrderState::Ended(ended.reason),
            None if entry.head.not_before > wall => OrderState::Waiting,
            None if self.halted.is_some() => OrderState::Halted,
            None => OrderState::InForce,
        }
    }

    /// When an order ends at the latest, and why, as far as is known: by its term, by a revocation, or
    /// with what it rests on. A higher serial is not among these: the lower one may select until the
    /// tables with the higher one are in the kernel.
    pub fn end(&self, entry: &Entry) -> (Timestamp, Reason) {
        let head = &entry.head;
        let revoked = self
            .revocation(&head.key().into(), None)
            .map(|revocation| (revocation.effective_at, Reason::Revoked));
        let key = &entry.basis.key;
        let under = self.bases.iter().find(|under| under.basis.key == *key);
        let under = under.map(|under| self.basis_end(under));
        let term = (head.not_after, Reason::Expired);
        [revoked, under, Some(term)].into_iter().flatten().min_by_key(|(at, _)| *at).unwrap_or(term)
    }

    /// When an approval or agreement ends at the latest, and why, as far as is known: by its term, by a
    /// revocation, or because a narrower serial of it begins.
    pub fn basis_end(&self, entry: &BasisEntry) -> (Timestamp, Reason) {
        let basis = &entry.basis;
        let term = (basis.not_after, Reason::Expired);
        let revoked = self
            .revocation(&basis.key.clone().into(), Some(basis))
            .map(|revocation| (revocation.effective_at, Reason::Revoked));
        let amended = (self.bases.iter())
            .filter(|later| later.basis.amends(basis))
            .map(|later| (later.basis.not_before, Reason::Superseded))
            .min_by_key(|(at, _)| *at);
        let ended = entry.ended.map(|ended| (ended.at, ended.reason));
        [ended, revoked, amended, Some(term)]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at)
            .unwrap_or(term)
    }

    fn fate(&self, entry: &Entry, latest: Timestamp) -> Fate {
        match entry.ended {
            _ if self.end(entry).0 <= latest => Fate::Over,
            None => Fate::Going,
            Some(Ended { reason: Reason::Superseded, .. })
                if self.is_carried(entry, self.trust()) =>
            {
                Fate::Yielding
            }
            Some(_) => Fate::Over,
        }
    }

    /// Whether enough of those who signed an order, and what it rests on, hold keys that `trust` does not
    /// revoke. A key that it merely does not name any more was retired: what it signed while it was
    /// trusted stays approved. A role that is not there any more approves nothing.
    pub(super) fn is_carried(&self, entry: &Entry, trust: &Trust) -> bool {
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

    /// How many revocations were accepted.
    pub const fn revocation_count(&self) -> usize {
        self.revocations.len()
    }

    /// The revocation of the document of this name, the earliest to take effect. An agreement is revoked
    /// only by who signed it.
    pub(super) fn revocation(
        &self,
        subject: &Subject,
        basis: Option<&Basis>,
    ) -> Option<&Revocation> {
        (self.revocations.iter())
            .map(|revoked| &*revoked.revocation)
            .filter(|revocation| revocation.ends(subject))
            .filter(|revocation| basis.is_none_or(|basis| is_theirs(revocation, basis)))
            .map(Verified::get)
            .min_by_key(|revocation| revocation.effective_at)
    }

    /// Whether a trust file that a configuration names agrees with what is in force. An older
    /// version is where this registry came from: it is not used any more, and says nothing.
    ///
    /// # Errors
    /// A [`Rejection`] that says what to do.
    pub fn agrees_with(&self, file: &str, trust: &Trust) -> Result<(), Rejection> {
        let (ours, theirs) = (self.trust().version(), trust.version());
        let refuse = |reason: String| {
            Err(Rejection::new(file, TrustFault::NotInForce(reason)).at("version"))
        };
        if theirs > ours {
            return refuse(format!(
                "is {theirs}, but version {ours} is in force; a new trust file comes into force \
                 with `sekisho trust rotate`, in an envelope that old and new keys have signed"
            ));
        }
        let known = self.trusts.iter().find(|known| known.trust.version() == theirs);
        if known.is_some_and(|known| *known.trust != *trust) {
            return refuse(format!(
                "is {theirs}, but another file of that version was accepted before"
            ));
        }
        Ok(())
    }

    /// Whether a sensor of this facility may use this registry.
    ///
    /// # Errors
    /// A [`Rejection`] of `file`.
    pub fn is_for(&self, file: &str, facility: &str) -> Result<(), Rejection> {
        if self.facility == facility {
            return Ok(());
        }
        let reason = format!(
            "holds orders for facility {}, but this sensor stands in {facility}",
            self.facility
        );
        Err(Rejection::new(file, reason).at("facility").under(Requirement::Approve))
    }
}
