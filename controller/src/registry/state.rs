//! The registry: which orders there are, whose signatures count, what time it is at least, and whether selection
//! is halted. It is pure: operations take the time, and return a new registry with what has to be written.
//! `store` writes it.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::act::Act;
use super::clock::{Clock, Reading};
use super::entry::{BasisEntry, OrderEntry};
use super::event::{Event, What};
use super::inputs::TrustRead;
use super::runs::Running;
use crate::order::revocation::Revocation;
use crate::order::together::is_theirs;
use crate::order::{Basis, DocumentKey, OrderKey, Trust, Verified};
use crate::rejection::{Rejection, Rejections, StateFault, TrustFault};

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
    pub(super) entries: Vec<OrderEntry>,
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
    /// The SHA-256 of the file that was given: of the trust file itself for the first version, of its envelope for
    /// the others.
    pub(super) file: String,
}

/// An accepted revocation. What it ends need not be installed.
#[derive(Clone, Debug)]
pub(super) struct Revoked {
    pub(super) revocation: Arc<Verified<Revocation>>,
    /// The SHA-256 of its envelope.
    pub(super) file: String,
    /// The version of the trust file under which it was accepted.
    pub(super) trust: u64,
}

/// A new state of the registry, and what must be written for it.
#[derive(Clone, Debug)]
pub struct Change {
    /// The registry as it is to be.
    pub registry: Registry,
    /// What happened.
    pub events: Vec<Event>,
    /// The files that the new state names and that are not there yet: name and contents.
    pub files: Vec<(String, Bytes)>,
}

impl Change {
    /// A change that changes nothing yet.
    pub(super) const fn of(registry: Registry) -> Self {
        Self { registry, events: Vec::new(), files: Vec::new() }
    }

    /// This change, followed by another one that was made from its registry.
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

impl Registry {
    /// The trust file in force, by version and digest.
    pub fn trust_read(&self) -> TrustRead {
        let trust = self.trust();
        TrustRead { version: trust.version(), sha256: super::digest(trust.bytes()) }
    }

    /// The SHA-256 of the classes that were last in force, if any were.
    pub fn classes(&self) -> Option<&str> {
        self.classes.as_deref()
    }

    /// The first registry, without orders.
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

    /// The latest time that there is evidence of.
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
    pub fn entries(&self) -> &[OrderEntry] {
        &self.entries
    }

    /// Who halted all selection, if it is halted.
    pub const fn halted(&self) -> Option<&Act> {
        self.halted.as_ref()
    }

    /// A change that changes nothing yet.
    pub fn unchanged(&self) -> Change {
        Change::of(self.clone())
    }

    /// Brings a change up to date that was prepared from an earlier copy of this registry.
    ///
    /// # Errors
    /// The change as it was, if an event has happened since then.
    pub fn take_up(&self, mut change: Box<Change>) -> Result<Change, Box<Change>> {
        let begun = change.registry.last_event.saturating_sub(change.events.len() as u64);
        if begun != self.last_event {
            return Err(change);
        }
        change.registry.clock = self.clock;
        for (theirs, ours) in change.registry.entries.iter_mut().zip(&self.entries) {
            theirs.records = ours.records;
            // An order that the change ends remembers no rules.
            if theirs.ended.is_none() {
                theirs.matched.clone_from(&ours.matched);
            }
        }
        Ok(*change)
    }

    /// Takes a reading of the clocks into account.
    pub fn observe(&mut self, reading: Reading) {
        self.clock.observe(reading);
    }

    /// Counts records that a rule of an order has just selected.
    pub fn count(&mut self, order: &OrderKey, rule: &str, records: u64) {
        let now = self.clock.highest();
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.head.is_named(order)) {
            entry.records = entry.records.saturating_add(records);
            if let Some(matched) = entry.matched.get_mut(rule) {
                *matched = Some(now);
            }
        }
    }

    /// How many revocations were accepted.
    pub const fn revocation_count(&self) -> usize {
        self.revocations.len()
    }

    /// The revocation of a document, the earliest if there are several. `basis`: the approval or agreement, if it
    /// is one; it is revoked only by a role that signed it.
    pub(super) fn revocation(
        &self,
        subject: &DocumentKey,
        basis: Option<&Basis>,
    ) -> Option<&Revocation> {
        (self.revocations.iter())
            .map(|revoked| &*revoked.revocation)
            .filter(|revocation| revocation.ends(subject))
            .filter(|revocation| basis.is_none_or(|basis| is_theirs(revocation, basis)))
            .map(Verified::get)
            .min_by_key(|revocation| revocation.effective_at)
    }

    /// Checks that a trust file that a configuration names agrees with the one in force. An older version is
    /// accepted, and is not used.
    ///
    /// # Errors
    /// A [`Rejection`] that says what to do.
    pub fn agrees_with(&self, file: &str, trust: &Trust) -> Result<(), Rejection> {
        let (ours, theirs) = (self.trust().version(), trust.version());
        let refuse = |fault: TrustFault| Err(Rejection::new(file, fault).at("version"));
        if theirs > ours {
            return refuse(TrustFault::NotRotated { theirs, ours });
        }
        let known = self.trusts.iter().find(|known| known.trust.version() == theirs);
        if known.is_some_and(|known| *known.trust != *trust) {
            return refuse(TrustFault::OtherContents(theirs));
        }
        Ok(())
    }

    /// Checks that a sensor of this facility may use this registry.
    ///
    /// # Errors
    /// A [`Rejection`] of `file`.
    pub fn is_for(&self, file: &str, facility: &str) -> Result<(), Rejection> {
        if self.facility == facility {
            return Ok(());
        }
        let (theirs, ours) = (self.facility.clone(), facility.to_owned());
        Err(Rejection::new(file, StateFault::Facility { theirs, ours }).at("facility"))
    }
}
