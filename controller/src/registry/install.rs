//! Accepting approvals, agreements and orders. Beyond signatures, form and law, they must agree with what the
//! registry remembers (L-APPROVE, L-EXTEND), and orders must fit beside the others.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::clock::Reading;
use super::entry::{BasisEntry, OrderEntry, head};
use super::event::{EndReason, What};
use super::state::{Change, Registry};
use crate::classes::ClassRanges;
use crate::compile::{self, Layer, Slotted};
use crate::order::together::{Given, Together, judge};
use crate::order::{Basis, DocumentKey, Envelope, Mandate, Verified, succession};
use crate::preview::check_party;
use crate::rejection::{FollowingFault, Rejection, Rejections, SigningFault};

/// A document that was accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Accepted {
    /// What it is, and its position in the registry.
    pub what: Position,
    /// Whether the same payload was accepted before, byte for byte. Then nothing changes.
    pub is_known: bool,
}

/// A position in one of the lists of the registry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Position {
    /// The position of an approval or agreement.
    Basis(usize),
    /// The position of an order.
    Order(usize),
}

impl Registry {
    /// Verifies documents under the trust file in force, and accepts all of them if each agrees with what the
    /// registry remembers. Returns the change, and what became of each document. [`Registry::fits`] of the changed
    /// registry says whether the orders fit into one generation.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn accept(
        &self,
        given: &[Given],
        classes: Option<&ClassRanges>,
        reading: Reading,
    ) -> Result<(Change, Vec<Accepted>), Rejections> {
        let mut accepted: Vec<Option<Accepted>> =
            given.iter().map(|given| self.known(given)).collect();
        let new: Vec<usize> = (0..given.len())
            .filter(|index| accepted.get(*index).is_some_and(Option::is_none))
            .collect();
        let files: Vec<Given> = new.iter().filter_map(|index| given.get(*index)).cloned().collect();
        let known: Vec<Arc<Verified<Basis>>> =
            self.bases.iter().map(|entry| Arc::clone(&entry.basis)).collect();
        let together = judge(&files, self.trust(), &known)?;
        let mut adding =
            Adding { change: self.unchanged(), files: &files, found: Vec::new(), reading };
        for (index, what) in adding.all(together, classes) {
            let slot = new.get(index).and_then(|index| accepted.get_mut(*index));
            if let Some(slot) = slot {
                *slot = Some(Accepted { what, is_known: false });
            }
        }
        Rejections::none(adding.found)?;
        Ok((adding.change, accepted.into_iter().flatten().collect()))
    }

    /// The position of a document whose payload was accepted before, byte for byte, under whatever signatures.
    fn known(&self, given: &Given) -> Option<Accepted> {
        let envelope = Envelope::parse(&given.file, &given.bytes).ok()?;
        let digest = super::digest(envelope.payload());
        let order = self.entries.iter().position(|entry| entry.digest == digest);
        let basis = self.bases.iter().position(|entry| entry.basis.digest() == digest);
        let what = order.map(Position::Order).or(basis.map(Position::Basis))?;
        Some(Accepted { what, is_known: true })
    }

    /// Checks an approval or agreement against what the registry remembers.
    fn admissible_basis(&self, file: &str, basis: &Basis) -> Result<(), Rejections> {
        let refuse = |field: &str, fault: FollowingFault| {
            Err(Rejections::from(Rejection::new(file, fault).at(field)))
        };
        let key = &basis.key;
        if basis.facility.id != self.facility {
            let (theirs, ours) = (basis.facility.id.clone(), self.facility.clone());
            return refuse("facility.id", FollowingFault::Facility { theirs, ours });
        }
        let of_id = |known: &&BasisEntry| {
            let known = &known.basis.key;
            known.kind == key.kind && known.id == key.id
        };
        let seen = self.bases.iter().filter(of_id).map(|known| known.basis.key.serial).max();
        if let Some(seen) = seen.filter(|seen| key.serial <= *seen) {
            let what = format!("{} {}", key.kind.kind().noun(), key.id);
            return refuse("serial", FollowingFault::Seen { serial: key.serial, seen, what });
        }
        let subject: DocumentKey = key.clone().into();
        if let Some(revocation) = self.revocation(&subject, Some(basis)) {
            let why = format!(" up to serial {}: {}", revocation.ends.serial(), revocation.reason);
            return refuse("serial", FollowingFault::Revoked(key.to_string(), why));
        }
        self.may_extend(file, basis)
    }

    /// Checks that the basis that this one extends is known, not revoked and not extended by another (L-EXTEND).
    fn may_extend(&self, file: &str, basis: &Basis) -> Result<(), Rejections> {
        let Some(named) = &basis.extends else { return Ok(()) };
        let refuse = |fault| Err(Rejections::from(Rejection::new(file, fault).at("extends")));
        let Some(earlier) = self.bases.iter().find(|known| known.basis.key == *named) else {
            return refuse(FollowingFault::Unknown(named.to_string()));
        };
        let is_revoked = |entry: &BasisEntry| {
            entry.ended.is_some_and(|ended| ended.reason == EndReason::Revoked)
                || self.revocation(&entry.basis.key.clone().into(), Some(&entry.basis)).is_some()
        };
        if is_revoked(earlier) {
            return refuse(FollowingFault::Revoked(named.to_string(), String::new()));
        }
        // Two extensions of one basis would select the same packets under two approvals.
        let extends = |other: &&BasisEntry| other.basis.extends.as_ref() == Some(named);
        let other = self.bases.iter().find(|other| extends(other) && !is_revoked(other));
        if let Some(other) = other {
            let (earlier, other) = (named.to_string(), other.basis.key.to_string());
            return refuse(FollowingFault::Followed { earlier, other });
        }
        Ok(())
    }

    /// Checks an order against what the registry remembers.
    fn admissible(&self, file: &str, order: &Mandate) -> Result<(), Rejections> {
        let refuse = |field: &str, fault: FollowingFault| {
            Err(Rejections::from(Rejection::new(file, fault).at(field)))
        };
        let under = self.bases.iter().find(|under| under.basis.key == order.basis.key);
        if let Some(ended) = under.and_then(|under| under.ended) {
            let fault = FollowingFault::Ended(order.basis.key.to_string(), ended.reason.name());
            return refuse("basis", fault);
        }
        let seen = self.entries.iter().filter(|entry| entry.head.order_id == order.order_id);
        if let Some(last) = seen.max_by_key(|entry| entry.head.serial) {
            let known: Vec<Arc<Verified<Basis>>> =
                self.bases.iter().map(|entry| Arc::clone(&entry.basis)).collect();
            succession::order(file, (order, order.basis()), &last.head, &known)?;
        }
        if let Some(revocation) = self.revocation(&order.key().into(), None) {
            let why = format!(" up to serial {}: {}", revocation.ends.serial(), revocation.reason);
            return refuse("serial", FollowingFault::Revoked(order.key().to_string(), why));
        }
        Ok(())
    }

    /// Checks that all orders that are not over fit into one generation over these direction tables, at every
    /// moment at which an order begins. So a limit is found now, and not first while the sensor runs. `newest`:
    /// the position of the only new order; then only moments at which it is in force are checked. Orders that were
    /// not read in full do not count.
    ///
    /// # Errors
    /// A [`Rejection`] that names the limit.
    pub fn fits(
        &self,
        file: &str,
        newest: Option<usize>,
        layers: &[Layer<'_>],
    ) -> Result<(), Rejection> {
        let together = self.together();
        for (index, (moment, set)) in together.iter().enumerate() {
            let old = newest.is_some_and(|newest| !set.contains(&newest));
            // A subset of orders that fit also fits.
            let covered = |(other, (_, larger)): (usize, &(Timestamp, BTreeSet<usize>))| {
                set.is_subset(larger) && (set.len() < larger.len() || other < index)
            };
            if old || together.iter().enumerate().any(covered) {
                continue;
            }
            let bodies =
                set.iter().filter_map(|position| self.entries.get(*position)?.body.as_deref());
            compile::compile(0, layers, &Slotted::in_turn(bodies), None)
                .map_err(|error| Rejection::new(file, format!("at {moment}: {error}")))?;
        }
        Ok(())
    }

    /// For each moment at which an order begins, the positions of all orders that are in force then.
    fn together(&self) -> Vec<(Timestamp, BTreeSet<usize>)> {
        let until = |entry: &OrderEntry| {
            let later = self.entries.iter().filter(|later| later.succeeds(entry));
            let succeeded = later.map(|later| later.head.not_before).min();
            self.end(entry).0.min(succeeded.unwrap_or(Timestamp::MAX))
        };
        let terms: Vec<(usize, Timestamp, Timestamp)> = (self.entries.iter().enumerate())
            .filter(|(_, entry)| entry.ended.is_none())
            .map(|(position, entry)| (position, entry.head.not_before, until(entry)))
            .collect();
        let moments: BTreeSet<Timestamp> = terms.iter().map(|(_, from, _)| *from).collect();
        let at = |moment: Timestamp| {
            let now = terms.iter().filter(|(_, from, until)| *from <= moment && moment < *until);
            (moment, now.map(|(position, _, _)| *position).collect())
        };
        moments.into_iter().map(at).collect()
    }
}

/// Documents on their way into a registry.
struct Adding<'a> {
    change: Change,
    files: &'a [Given],
    found: Vec<Rejection>,
    reading: Reading,
}

impl Adding<'_> {
    /// Adds documents that were judged, each after its basis and after those that it follows. Returns the position
    /// of each file's document.
    fn all(&mut self, together: Together, classes: Option<&ClassRanges>) -> Vec<(usize, Position)> {
        let mut added = Vec::new();
        let Together { bases, orders, revocations, trust } = together;
        let strangers = revocations.iter().map(|(index, _)| (*index, "a revocation"));
        for (index, found) in
            strangers.chain(trust.iter().map(|(index, _)| (*index, "a trust file")))
        {
            let expected = "an approval, an agreement or an order";
            let fault = SigningFault::Kind { found, expected };
            self.found.push(Rejection::new(self.name(index), fault).at("payloadType"));
        }
        for (index, basis) in bases {
            let file = self.name(index);
            let mut checked = self.change.registry.admissible_basis(&file, &basis);
            if let (Ok(()), Some(classes)) = (&checked, classes) {
                checked = check_party(&file, &basis, classes).map_err(Rejections::from);
            }
            match checked {
                Ok(()) => added.push((index, self.basis(index, basis))),
                Err(rejections) => self.found.extend(rejections),
            }
        }
        for (index, order) in orders {
            match self.change.registry.admissible(&self.name(index), &order) {
                Ok(()) => added.push((index, self.order(index, order))),
                Err(rejections) => self.found.extend(rejections),
            }
        }
        added
    }

    fn name(&self, index: usize) -> String {
        self.files.get(index).map(|given| given.file.clone()).unwrap_or_default()
    }

    fn bytes(&self, index: usize) -> Bytes {
        self.files.get(index).map(|given| given.bytes.clone()).unwrap_or_default()
    }

    fn basis(&mut self, index: usize, basis: Arc<Verified<Basis>>) -> Position {
        let bytes = self.bytes(index);
        let registry = &mut self.change.registry;
        let entry = BasisEntry {
            basis,
            file: super::digest(&bytes),
            trust: registry.trust().version(),
            installed_at: self.reading.wall,
            ended: None,
        };
        let position = registry.bases.len();
        let (name, named) = (super::names::basis(&entry.file), entry.named());
        registry.bases.push(entry);
        self.change.files.push((name, bytes));
        self.change.note(self.reading.wall, What::BasisInstalled(named));
        Position::Basis(position)
    }

    fn order(&mut self, index: usize, order: Mandate) -> Position {
        let bytes = self.bytes(index);
        let registry = &mut self.change.registry;
        let entry = OrderEntry {
            head: Arc::new(head(&order)),
            basis: Arc::clone(order.basis()),
            signers: order.signers().to_vec(),
            digest: order.digest().to_owned(),
            file: super::digest(&bytes),
            trust: registry.trust().version(),
            installed_at: self.reading.wall,
            begun: None,
            ended: None,
            records: 0,
            matched: order.rules.iter().map(|rule| (rule.id.clone(), None)).collect(),
            body: Some(Arc::new(order)),
        };
        let position = registry.entries.len();
        let (name, named) = (super::names::order(&entry.file), entry.named());
        registry.entries.push(entry);
        self.change.files.push((name, bytes));
        self.change.note(self.reading.wall, What::Installed(named));
        Position::Order(position)
    }
}
