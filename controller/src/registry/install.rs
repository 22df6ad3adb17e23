//! Accepting an order: what a registry asks of one beyond its signatures and its form (L-APPROVE,
//! L-EXTEND), and that it fits beside the others.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::clock::Reading;
use super::entry::{Entry, extends, head, keyids};
use super::event::{Reason, What};
use super::state::{Change, Registry};
use crate::compile::{self, Layer, Slotted};
use crate::order::{Envelope, Order, succession, verify_order};
use crate::rejection::{Rejection, Requirement};

/// What came of an order.
#[derive(Debug)]
pub enum Installed {
    /// It was accepted before, byte for byte: nothing changes, nothing is lengthened. Its position.
    Known(usize),
    /// It is installed once the change is on the disk: its position. Whether it fits beside the
    /// others is for [`Registry::fits`] to say, of the changed registry.
    New(Box<Change>, usize),
}

impl Registry {
    /// Verifies an order under the trust file in force, and accepts it if nothing that the registry
    /// remembers speaks against it. An order that was accepted before is only recognised.
    ///
    /// # Errors
    /// The first [`Rejection`].
    pub fn install(
        &self,
        file: &str,
        bytes: impl Into<Bytes>,
        reading: Reading,
    ) -> Result<Installed, Rejection> {
        let bytes = bytes.into();
        let payload = super::digest(Envelope::parse(file, &bytes)?.payload());
        if let Some(position) = self.entries.iter().position(|entry| entry.digest == payload) {
            return Ok(Installed::Known(position));
        }
        let order = verify_order(file, &bytes, self.trust())?;
        self.admissible(file, &order)?;
        let entry = Entry {
            head: Arc::new(head(&order)),
            signers: keyids(order.signers()),
            digest: order.digest().to_owned(),
            file: super::digest(&bytes),
            trust: self.trust().version(),
            installed_at: reading.wall,
            begun: None,
            ended: None,
            records: 0,
            body: Some(Arc::new(order)),
        };
        let mut change = Change::of(self.clone());
        change.files.push((super::names::order(&entry.file), bytes));
        change.note(reading.wall, What::Installed(entry.named()));
        change.registry.entries.push(entry);
        Ok(Installed::New(Box::new(change), self.entries.len()))
    }

    /// What the registry's memory speaks against.
    fn admissible(&self, file: &str, order: &Order) -> Result<(), Rejection> {
        let refuse = |field: &str, reason: String, requirement| {
            Err(Rejection::new(file, reason).at(field).under(requirement))
        };
        let Order { order_id, serial, .. } = order;
        if order.facility.id != self.facility {
            let reason = format!(
                "the order is for facility {}, but this sensor stands in {}",
                order.facility.id, self.facility
            );
            return refuse("facility.id", reason, Requirement::Approve);
        }
        let seen = self.entries.iter().filter(|entry| entry.head.order_id == *order_id);
        if let Some(last) = seen.max_by_key(|entry| entry.head.serial) {
            if *serial <= last.head.serial {
                let reason = format!(
                    "is {serial}, but serial {} of order {order_id} has been seen",
                    last.head.serial
                );
                return refuse("serial", reason, Requirement::Extend);
            }
            if !extends(order, &last.head) {
                succession::check(file, order, &last.head)?;
            }
        }
        if let Some(revocation) = self.revocation(&order.key()) {
            let reason = format!(
                "order {order_id} is revoked up to serial {}: {}",
                revocation.serial, revocation.reason
            );
            return refuse("serial", reason, Requirement::Approve);
        }
        self.may_extend(file, order)
    }

    /// Only what is known, was not revoked and has no other successor can be extended (L-EXTEND).
    fn may_extend(&self, file: &str, order: &Order) -> Result<(), Rejection> {
        let Some(named) = &order.extends else { return Ok(()) };
        let refuse = |reason: String| {
            Err(Rejection::new(file, reason).at("extends").under(Requirement::Extend))
        };
        let Some(earlier) = self.entries.iter().find(|entry| extends(order, &entry.head)) else {
            return refuse(format!("{named}, was never installed here"));
        };
        let revoked =
            |entry: &Entry| entry.ended.is_some_and(|ended| ended.reason == Reason::Revoked);
        if revoked(earlier) || self.revocation(named).is_some() {
            return refuse(format!("{named}, is revoked"));
        }
        // Two orders in the place of one would select the same packets under two approvals.
        let other = self.entries.iter().find(|entry| entry.succeeds(earlier) && !revoked(entry));
        if let Some(other) = other {
            return refuse(format!("{named}, is followed by {}, already", other.key()));
        }
        succession::check(file, order, &earlier.head)
    }

    /// Whether all orders that are not over fit into one generation over these direction tables at
    /// every moment at which one begins, so that no limit is met for the first time while the sensor
    /// runs. If only the order at a position is new, only moments at which it is in force count.
    /// Orders whose contents were not read do not count.
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
            // What fits with more fits with less.
            let covered = |(other, (_, larger)): (usize, &(Timestamp, BTreeSet<usize>))| {
                set.is_subset(larger) && (set.len() < larger.len() || other < index)
            };
            if old || together.iter().enumerate().any(covered) {
                continue;
            }
            let bodies =
                set.iter().filter_map(|position| self.entries.get(*position)?.body.as_deref());
            compile::compile(0, layers, &Slotted::in_turn(bodies))
                .map_err(|error| Rejection::new(file, format!("at {moment}: {error}")))?;
        }
        Ok(())
    }

    /// The orders that are in force together at each moment at which one begins, by position.
    fn together(&self) -> Vec<(Timestamp, BTreeSet<usize>)> {
        let until = |entry: &Entry| {
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
