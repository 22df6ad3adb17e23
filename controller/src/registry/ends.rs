//! How orders begin and end: by time, by a revocation, by a successor, and when keys that signed them are revoked
//! (L-TERM, L-EXTEND, L-APPROVE).

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::clock::Reading;
use super::entry::{BasisEntry, Ended};
use super::event::{EndReason, What};
use super::state::{Change, Registry, Revoked, TrustVersion};
use crate::order::revocation::{Revocation, verify_revocation};
use crate::order::together::is_theirs;
use crate::order::{Verified, verify_rotation};
use crate::rejection::{Rejection, Rejections, SigningFault};

impl Registry {
    /// Notes which orders have begun and ended at a reading; `None` if none has.
    pub fn settle(&self, reading: Reading) -> Option<Change> {
        let mut change = Change::of(self.clone());
        change.settle(reading);
        (!change.events.is_empty()).then_some(change)
    }

    /// Accepts a revocation, which takes effect at its moment, or at once if that has passed. `None`: it was
    /// accepted before.
    ///
    /// # Errors
    /// All that is wrong with the revocation.
    pub fn revoke(
        &self,
        file: &str,
        bytes: impl Into<Bytes>,
        reading: Reading,
    ) -> Result<Option<Change>, Rejections> {
        let bytes = bytes.into();
        let revocation = verify_revocation(file, &bytes, self.trust())?;
        let known = |known: &Revoked| known.revocation.digest() == revocation.digest();
        if self.revocations.iter().any(known) {
            return Ok(None);
        }
        self.is_theirs(file, &revocation)?;
        let name = super::digest(&bytes);
        let mut change = Change::of(self.clone());
        change.note(
            reading.wall,
            What::Revoked {
                ends: revocation.ends.clone(),
                effective_at: revocation.effective_at,
                why: revocation.reason.clone(),
                digest: revocation.digest().to_owned(),
            },
        );
        change.files.push((super::names::revocation(&name), bytes));
        change.registry.revocations.push(Revoked {
            revocation: Arc::new(revocation),
            file: name,
            trust: self.trust().version(),
        });
        change.settle(reading);
        Ok(Some(change))
    }

    /// Puts a new trust file in force. Documents that lack signatures without the keys that it revokes end.
    ///
    /// # Errors
    /// All that is wrong with the trust file.
    pub fn rotate(
        &self,
        file: &str,
        bytes: impl Into<Bytes>,
        reading: Reading,
    ) -> Result<Change, Rejections> {
        let bytes = bytes.into();
        let trust = verify_rotation(file, &bytes, self.trust())?;
        let (version, digest) = (trust.version(), trust.digest().to_owned());
        let name = super::digest(&bytes);
        let mut change = Change::of(self.clone());
        change.note(reading.wall, What::Rotated { version, digest });
        change.files.push((super::names::trust(version, true), bytes));
        let trust = Arc::new(trust.get().clone());
        let latest = self.clock.latest(reading);
        for (position, entry) in self.bases.iter().enumerate() {
            if entry.ended.is_none() && !self.is_basis_carried(entry, &trust) {
                change.end_basis(
                    position,
                    Ended { at: latest, reason: EndReason::Revoked },
                    reading,
                );
            }
        }
        for (position, entry) in self.entries.iter().enumerate() {
            if entry.ended.is_none() && !self.is_carried(entry, &trust) {
                change.end(position, Ended { at: latest, reason: EndReason::Revoked }, reading);
            }
        }
        change.registry.trusts.push(TrustVersion { trust, file: name });
        change.settle(reading);
        Ok(change)
    }
}

impl Registry {
    /// Checks that a revocation of an installed agreement is by a role that signed it.
    fn is_theirs(&self, file: &str, revocation: &Verified<Revocation>) -> Result<(), Rejections> {
        let ends = |entry: &&BasisEntry| revocation.ends(&entry.basis.key.clone().into());
        let stranger =
            self.bases.iter().filter(ends).find(|entry| !is_theirs(revocation, &entry.basis));
        let Some(entry) = stranger else { return Ok(()) };
        let role =
            revocation.signers().first().map_or_else(String::new, |one| one.role.to_string());
        let fault = SigningFault::NotTheirs { role, ends: entry.basis.key.to_string() };
        Err(Rejection::new(file, fault).at("signatures").into())
    }
}

impl Change {
    fn end_basis(&mut self, position: usize, ended: Ended, reading: Reading) {
        let Some(entry) = self.registry.bases.get_mut(position) else { return };
        if entry.ended.is_some() {
            return;
        }
        entry.ended = Some(ended);
        let basis = entry.named();
        self.note(reading.wall, What::BasisEnded { basis, reason: ended.reason });
    }

    fn end(&mut self, position: usize, ended: Ended, reading: Reading) {
        let Some(entry) = self.registry.entries.get_mut(position) else { return };
        if entry.ended.is_some() {
            return;
        }
        entry.ended = Some(ended);
        // Only its head is needed from now on.
        entry.body = None;
        entry.matched.clear();
        let order = entry.named();
        self.note(reading.wall, What::Ended { order, reason: ended.reason });
    }

    fn settle(&mut self, reading: Reading) {
        let latest = self.registry.clock.latest(reading);
        for position in 0..self.registry.bases.len() {
            let Some(entry) = self.registry.bases.get(position) else { continue };
            let (at, reason) = self.registry.basis_end(entry);
            if at <= latest {
                self.end_basis(position, Ended { at, reason }, reading);
            }
        }
        for position in 0..self.registry.entries.len() {
            let Some(entry) = self.registry.entries.get(position) else { continue };
            let (at, reason) = self.registry.end(entry);
            if entry.ended.is_none() && at <= latest {
                self.end(position, Ended { at, reason }, reading);
            }
        }
        for position in 0..self.registry.entries.len() {
            if let Some(ended) = self.registry.superseded(position, reading.wall, latest) {
                self.end(position, ended, reading);
            }
        }
        self.begin(reading);
    }

    fn begin(&mut self, reading: Reading) {
        let mut begun = Vec::new();
        for entry in &mut self.registry.entries {
            let is = entry.ended.is_none() && entry.head.not_before <= reading.wall;
            if is && entry.begun.is_none() {
                entry.begun = Some(reading.wall);
                begun.push(entry.named());
            }
        }
        for order in begun {
            self.note(reading.wall, What::InForce(order));
        }
    }
}

impl Registry {
    /// The end of an order, if a higher serial is in force or has been since the last reading.
    fn superseded(&self, position: usize, wall: Timestamp, latest: Timestamp) -> Option<Ended> {
        let entry = self.entries.get(position).filter(|entry| entry.ended.is_none())?;
        let successor = self.entries.iter().find(|later| {
            later.succeeds(entry) && later.head.not_before <= latest && later.had_begun(wall)
        })?;
        Some(Ended { at: successor.head.not_before, reason: EndReason::Superseded })
    }
}
