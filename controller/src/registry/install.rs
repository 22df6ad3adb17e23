//! Accepting an order: what a registry asks of one beyond its signatures and its form (L-APPROVE,
//! L-EXTEND), and that it fits beside the others.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::clock::Reading;
use super::entry::{Entry, extends, head};
use super::event::{Reason, What};
use super::state::{Change, Registry};
use crate::compile::{self, Layer, Slotted};
use crate::order::{Envelope, Order, Verified, succession, verify_order};
use crate::rejection::{Rejection, Requirement};

/// An order that was verified and fits beside the others. That took time, so it may have been done
/// aside: [`Registry::install`] finds out whether the registry has changed meanwhile.
#[derive(Debug)]
pub struct Candidate {
    order: Verified<Order>,
    bytes: Vec<u8>,
    trust: u64,
    /// How many orders there were.
    beside: usize,
}

/// What came of offering an order.
#[derive(Debug)]
pub enum Offered {
    /// It was accepted before, byte for byte: nothing changes, nothing is lengthened.
    Known(usize),
    /// It may be installed.
    New(Box<Candidate>),
}

/// What came of installing one.
#[derive(Debug)]
pub enum Installed {
    /// It is installed once the change is on the disk: its position.
    New(Box<Change>, usize),
    /// It was accepted before: its position.
    Known(usize),
    /// The registry has changed since the candidate was examined: its bytes are to be offered again.
    Stale(Vec<u8>),
}

impl Registry {
    /// Verifies an order under the trust file in force and looks whether it fits beside the others
    /// over these direction tables. An order that was accepted before is only recognised.
    ///
    /// # Errors
    /// The first [`Rejection`].
    pub fn offer(
        &self,
        file: &str,
        bytes: Vec<u8>,
        layers: &[Layer<'_>],
    ) -> Result<Offered, Rejection> {
        let payload = super::digest(Envelope::parse(file, &bytes)?.payload());
        if let Some(position) = self.known(&payload) {
            return Ok(Offered::Known(position));
        }
        let order = verify_order(file, &bytes, self.trust())?;
        // What is quick to find, before what is not.
        self.admissible(file, &order)?;
        self.fits(file, Some(&order), layers)?;
        let (trust, beside) = (self.trust().version(), self.entries.len());
        Ok(Offered::New(Box::new(Candidate { order, bytes, trust, beside })))
    }

    /// Installs an order.
    ///
    /// # Errors
    /// The first [`Rejection`].
    pub fn install(
        &self,
        file: &str,
        candidate: Candidate,
        reading: Reading,
    ) -> Result<Installed, Rejection> {
        let Candidate { order, bytes, trust, beside } = candidate;
        if let Some(position) = self.known(order.digest()) {
            return Ok(Installed::Known(position));
        }
        if trust != self.trust().version() || beside != self.entries.len() {
            return Ok(Installed::Stale(bytes));
        }
        self.admissible(file, &order)?;
        let entry = Entry {
            head: Arc::new(head(&order)),
            digest: order.digest().to_owned(),
            file: super::digest(&bytes),
            trust,
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

    fn known(&self, digest: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.digest == digest)
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
        let seen = (self.entries.iter()).filter(|entry| entry.head.order_id == *order_id);
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
        if let Some(revocation) = self.revocation(order_id, *serial) {
            let reason = format!(
                "order {order_id} is revoked up to serial {}: {}",
                revocation.serial, revocation.reason
            );
            return refuse("serial", reason, Requirement::Approve);
        }
        self.may_extend(file, order)
    }

    /// Only what is known, was not revoked and has no other extension can be extended (L-EXTEND).
    fn may_extend(&self, file: &str, order: &Order) -> Result<(), Rejection> {
        let Some(named) = &order.extends else { return Ok(()) };
        let refuse = |reason: String| {
            Err(Rejection::new(file, reason).at("extends").under(Requirement::Extend))
        };
        let (id, serial) = (&named.order_id, named.serial);
        let Some(earlier) = self.entries.iter().find(|entry| extends(order, &entry.head)) else {
            return refuse(format!("order {id}, serial {serial}, was never installed here"));
        };
        let revoked = earlier.ended.is_some_and(|ended| ended.reason == Reason::Revoked);
        if revoked || self.revocation(id, serial).is_some() {
            return refuse(format!("order {id}, serial {serial}, is revoked"));
        }
        // Two orders in the place of one would select the same packets under two approvals.
        let other = self.entries.iter().find(|entry| {
            let revoked = entry.ended.is_some_and(|ended| ended.reason == Reason::Revoked);
            entry.succeeds(earlier) && !revoked
        });
        if let Some(other) = other {
            return refuse(format!(
                "order {id}, serial {serial}, is followed by order {}, serial {}, already",
                other.head.order_id, other.head.serial
            ));
        }
        succession::check(file, order, &earlier.head)
    }

    /// Whether all orders that are not over, and one more, fit into one generation at every moment
    /// at which one begins, so that no limit is met for the first time while the sensor runs.
    ///
    /// # Errors
    /// A [`Rejection`] that names the limit. Orders whose contents were not read do not count.
    pub fn fits(
        &self,
        file: &str,
        more: Option<&Verified<Order>>,
        layers: &[Layer<'_>],
    ) -> Result<(), Rejection> {
        let mut orders: Vec<(Timestamp, Timestamp, &Verified<Order>)> = (self.entries.iter())
            .filter(|entry| entry.ended.is_none())
            .filter_map(|entry| {
                let until = self.end(entry).0.min(self.extension_begins(entry, more));
                Some((entry.head.not_before, until, &**entry.body.as_ref()?))
            })
            .collect();
        orders.extend(more.map(|order| (order.not_before, order.not_after, order)));
        let moments: BTreeSet<Timestamp> = orders.iter().map(|(from, _, _)| *from).collect();
        let now = |moment: Timestamp| {
            let all = orders.iter().enumerate();
            let now = all.filter(move |(_, (from, until, _))| *from <= moment && moment < *until);
            now.map(|(number, _)| number).collect::<BTreeSet<usize>>()
        };
        let together: Vec<(Timestamp, BTreeSet<usize>)> =
            moments.into_iter().map(|moment| (moment, now(moment))).collect();
        let newest = more.map(|_| orders.len().saturating_sub(1));
        for (index, (moment, set)) in together.iter().enumerate() {
            // Without the new one nothing is new, and what fits with more fits with less.
            let old = newest.is_some_and(|newest| !set.contains(&newest));
            let covered = |(other, larger): (usize, &(Timestamp, BTreeSet<usize>))| {
                set.is_subset(&larger.1) && (set.len() < larger.1.len() || other < index)
            };
            if old || together.iter().enumerate().any(covered) {
                continue;
            }
            let in_force: Vec<Slotted<'_>> = (0..)
                .zip(set.iter().filter_map(|number| orders.get(*number)))
                .map(|(slot, (_, _, order))| Slotted { slot, order })
                .collect();
            compile::compile(0, layers, &in_force)
                .map_err(|error| Rejection::new(file, format!("at {moment}: {error}")))?;
        }
        Ok(())
    }

    /// When an order's place is taken by its extension, if there is one.
    fn extension_begins(&self, entry: &Entry, more: Option<&Verified<Order>>) -> Timestamp {
        let known =
            self.entries.iter().filter(|later| later.ended.is_none()).map(|later| &*later.head);
        known
            .chain(more.map(Verified::get))
            .filter(|later| {
                extends(later, &entry.head)
                    || later.order_id == entry.head.order_id && later.serial > entry.head.serial
            })
            .map(|later| later.not_before)
            .min()
            .unwrap_or(Timestamp::MAX)
    }
}
