//! The life of orders in the kernel, as a pure function of clock readings: which slot an order has, from when
//! until when it may select, and when its tables can be removed (L-TERM). It reads no clock and touches no
//! kernel; `reconciler` carries out what it says. `registry` decides whether an order is in force by law, and
//! explains the clocks.
//!
//! An order is put into the tables some time ahead of its term, and the kernel itself begins it. So an order
//! replaces its predecessor between two packets: one number is both the end of the one and the beginning of
//! the other (L-EXTEND).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sensor_common::boot_time::BootTime;
use sensor_common::tables::{Slot, Term};

use crate::registry::clock::Reading;
use crate::registry::standing::{Fate, Standing};

mod entry;

pub(in crate::daemon) use entry::boot_time_of;
use entry::{Entry, Phase};

/// What has to be done after a reading, in this order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Step {
    /// Slots that must be closed, before anything else happens.
    pub close: Vec<Slot>,
    /// Slots in which nothing may select outside of this term, whatever the term was before.
    pub narrow: Vec<(Slot, Term)>,
    /// Orders whose term has begun but for which no slot was free. Ended orders free theirs once
    /// the generation without them is published.
    pub starved: usize,
}

/// The terms of all orders, by position.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    entries: Vec<Entry>,
    /// The orders in slots differ from those in the generation that was last compiled.
    stale: bool,
    /// How long before its term an order is put into the tables, in nanoseconds.
    ahead: u64,
    /// Slots whose orders are gone, but to which tables in the kernel, or about to be published, may still
    /// lead.
    retired: BTreeSet<Slot>,
    /// Slots whose orders are gone and to which no tables lead, but which are still open.
    open: BTreeSet<Slot>,
    /// Slots to which another daemon's tables lead, until ours are published. Each has the position of our
    /// order to which it belongs.
    adopted: BTreeMap<Slot, Option<usize>>,
}

impl Terms {
    /// Terms without orders and without a generation. Orders will be put into the tables `ahead` nanoseconds
    /// before their terms.
    pub const fn new(ahead: u64) -> Self {
        Self {
            entries: Vec::new(),
            stale: true,
            ahead,
            retired: BTreeSet::new(),
            open: BTreeSet::new(),
            adopted: BTreeMap::new(),
        }
    }

    /// Sets another time ahead, from now on.
    pub const fn set_ahead(&mut self, ahead: u64) {
        self.ahead = ahead;
    }

    /// Takes over the slots of the tables that another daemon left in the kernel. Until our tables are
    /// published, an order keeps the slot that it has there and goes on selecting, no other order gets that
    /// slot, and the slots of orders that do not continue are closed.
    pub fn adopt(&mut self, slots: BTreeMap<Slot, Option<usize>>) {
        self.adopted = slots;
    }

    /// Takes a reading into account, and the standing of each order at it. `latest` is the time by which ends
    /// are judged.
    pub fn advance(&mut self, reading: Reading, latest: Timestamp, standings: &[Standing]) -> Step {
        let mut step = Step::default();
        step.close.extend(std::mem::take(&mut self.open));
        self.entries.resize_with(self.entries.len().max(standings.len()), Entry::new);
        for (entry, standing) in self.entries.iter_mut().zip(standings) {
            entry.observe(reading, latest, standing);
        }
        self.meet(reading, standings);
        for (entry, standing) in self.entries.iter_mut().zip(standings) {
            if let Some(slot) = entry.end(reading, standing.fate) {
                step.close.push(slot);
                self.retired.insert(slot);
                self.stale = true;
            }
            self.stale |= entry.is_late();
        }
        self.place(reading, standings, &mut step);
        self.yielding(standings, &mut step);
        self.hand_over(standings);
        self.close_what_was_not_taken_over(&mut step);
        step
    }

    /// Makes an order begin at exactly the moment at which its predecessor ends.
    fn meet(&mut self, reading: Reading, standings: &[Standing]) {
        let ends: Vec<BootTime> = self.entries.iter().map(|entry| entry.deadline).collect();
        for (entry, standing) in self.entries.iter_mut().zip(standings) {
            let earlier = standing.succeeds.iter();
            entry.begin_at(reading, earlier.filter_map(|position| ends.get(*position).copied()));
        }
    }

    /// Gives slots to the orders that begin soon, and first to those that have begun.
    fn place(&mut self, reading: Reading, standings: &[Standing], step: &mut Step) {
        let soon = reading.boot.plus(self.ahead);
        for begun in [true, false] {
            for (position, standing) in standings.iter().enumerate() {
                let waits = self.entries.get(position).is_some_and(|entry| {
                    matches!(entry.phase, Phase::Waiting)
                        && entry.begun == begun
                        && entry.begin <= soon
                });
                if !waits || standing.fate != Fate::Going {
                    continue;
                }
                if let Some(phase) = self.slot_for(position, standing, begun, step)
                    && let Some(entry) = self.entries.get_mut(position)
                {
                    entry.phase = phase;
                    self.stale = true;
                }
            }
        }
    }

    fn slot_for(
        &mut self,
        position: usize,
        standing: &Standing,
        begun: bool,
        step: &mut Step,
    ) -> Option<Phase> {
        let held = |slot| Phase::Held { slot, published: false, inherited: false };
        let own = self.adopted.iter().find(|(_, owner)| **owner == Some(position));
        if let Some(slot) = own.map(|(slot, _)| *slot).or_else(|| self.free_slot()) {
            return Some(held(slot));
        }
        if !begun {
            return None;
        }
        if let Some(slot) = self.inherit(&standing.succeeds) {
            return Some(Phase::Held { slot, published: false, inherited: true });
        }
        step.starved = step.starved.saturating_add(1);
        self.make_room(step);
        None
    }

    /// The slot of the order that is replaced. The generation with the successor in that slot exchanges the
    /// two in one step, so each packet is judged by one of them.
    fn inherit(&self, succeeds: &[usize]) -> Option<Slot> {
        let yields = |position: &usize| match self.entries.get(*position)?.phase {
            Phase::Yielding { slot } => Some(slot),
            _ => None,
        };
        succeeds.iter().filter_map(yields).find(|slot| !self.is_held(*slot))
    }

    /// Takes the slot of an order that has not begun, for one that has. The slot is free once no tables lead
    /// to it.
    fn make_room(&mut self, step: &mut Step) {
        let early = self.entries.iter_mut().find_map(|entry| match entry.phase {
            Phase::Held { slot, .. } if !entry.begun => Some((entry, slot)),
            _ => None,
        });
        if let Some((entry, slot)) = early {
            entry.phase = Phase::Waiting;
            step.close.push(slot);
            self.retired.insert(slot);
            self.stale = true;
        }
    }

    /// An order that yields continues until its successor's tables are published, but no longer than the
    /// successor may. Without a successor it is closed.
    fn yielding(&mut self, standings: &[Standing], step: &mut Step) {
        for position in 0..self.entries.len() {
            let Some(Phase::Yielding { slot }) =
                self.entries.get(position).map(|entry| entry.phase)
            else {
                continue;
            };
            let until = self.successors(position, standings).find_map(|entry| match entry.phase {
                Phase::Held { published: false, .. } => Some(entry.deadline),
                _ => None,
            });
            let inherited = self.is_held(slot);
            let Some(entry) = self.entries.get_mut(position) else { continue };
            if let Some(until) = until {
                entry.deadline = entry.deadline.min(until);
                step.narrow.push((slot, Term { begin: entry.begin, end: entry.deadline }));
            } else {
                entry.phase = Phase::Ended;
                if !inherited {
                    step.close.push(slot);
                    self.retired.insert(slot);
                    self.stale = true;
                }
            }
        }
    }

    /// If the successor of an order is in the tables too, the kernel itself ends the order where the
    /// successor begins.
    fn hand_over(&mut self, standings: &[Standing]) {
        self.entries.iter_mut().for_each(|entry| entry.handed_over = BootTime::MAX);
        for (position, standing) in standings.iter().enumerate() {
            let Some(Entry { phase: Phase::Held { slot, published, .. }, begin, .. }) =
                self.entries.get(position).copied()
            else {
                continue;
            };
            // This also holds in tables that another daemon left.
            if !published && self.adopted.get(&slot) != Some(&Some(position)) {
                continue;
            }
            for earlier in &standing.succeeds {
                if let Some(entry) = self.entries.get_mut(*earlier) {
                    entry.handed_over = entry.handed_over.min(begin);
                }
            }
        }
    }

    /// The orders that replace this one.
    fn successors<'a>(
        &'a self,
        position: usize,
        standings: &'a [Standing],
    ) -> impl Iterator<Item = &'a Entry> {
        let succeeds = move |(_, standing): &(_, &Standing)| standing.succeeds.contains(&position);
        self.entries.iter().zip(standings).filter(succeeds).map(|(entry, _)| entry)
    }

    /// Closes the slots of another daemon's orders that do not continue.
    fn close_what_was_not_taken_over(&self, step: &mut Step) {
        step.close.extend(self.adopted.keys().copied().filter(|slot| !self.is_held(*slot)));
    }

    fn is_held(&self, wanted: Slot) -> bool {
        let holds =
            |entry: &Entry| matches!(entry.phase, Phase::Held { slot, .. } if slot == wanted);
        self.entries.iter().any(holds)
    }

    /// The lowest slot that no order has and to which no tables lead.
    fn free_slot(&self) -> Option<Slot> {
        let taken = |slot: Slot| {
            let has = |entry: &Entry| entry.phase.slot() == Some(slot);
            self.retired.contains(&slot)
                || self.open.contains(&slot)
                || self.adopted.contains_key(&slot)
                || self.entries.iter().any(has)
        };
        Slot::all().find(|slot| !taken(*slot))
    }

    /// Whether a generation of [`Self::selected`] must be compiled. The question resets the answer.
    pub fn take_stale(&mut self) -> bool {
        std::mem::take(&mut self.stale)
    }

    /// Demands a new generation even if no order changes, because something else in it has changed.
    pub const fn outdate(&mut self) {
        self.stale = true;
    }

    /// The orders of the next generation: position, slot, and whether the term has begun. It may leave out
    /// those whose term has not.
    pub fn selected(&self) -> impl Iterator<Item = (usize, Slot, bool)> {
        self.entries.iter().enumerate().filter_map(|(position, entry)| match entry.phase {
            Phase::Held { slot, .. } => Some((position, slot, entry.begun)),
            _ => None,
        })
    }

    /// Notes that a generation of these orders (position and slot) is in the kernel, and that no packet is
    /// judged by the one before. Slots that it does not lead to can be used again.
    pub fn published(&mut self, selected: &[(usize, Slot)]) {
        self.adopted.clear();
        self.retired.retain(|slot| selected.iter().any(|(_, other)| other == slot));
        for position in 0..self.entries.len() {
            let held = selected.iter().any(|(other, _)| *other == position);
            let Some(entry) = self.entries.get_mut(position) else { continue };
            match &mut entry.phase {
                Phase::Held { published, .. } => *published |= held,
                Phase::Yielding { slot } if !held => {
                    let slot = *slot;
                    entry.phase = Phase::Ended;
                    if !self.is_held(slot) {
                        self.open.insert(slot);
                    }
                }
                _ => {}
            }
        }
    }

    /// When the orders in slots may select. These terms may be set any number of times.
    pub fn terms(&self) -> impl Iterator<Item = (Slot, Term)> {
        self.entries.iter().filter_map(|entry| match entry.phase {
            // In the kernel's tables, a slot that was taken over still stands for another order.
            Phase::Held { slot, published, inherited } if published || !inherited => {
                let end = entry.deadline.min(entry.handed_over);
                Some((slot, Term { begin: entry.begin, end }))
            }
            _ => None,
        })
    }

    /// Whether the order at a position is in the kernel and may select.
    pub fn is_live(&self, position: usize) -> bool {
        let live = |entry: &Entry| {
            matches!(entry.phase, Phase::Held { published: true, .. }) && entry.begun
        };
        self.entries.get(position).is_some_and(live)
    }

    /// The next moment at which something begins, ends or must be prepared, if no clock steps.
    pub fn next_boundary(&self, reading: Reading) -> Option<BootTime> {
        let next = |entry: &Entry| {
            let begin = match entry.phase {
                Phase::Ended | Phase::Yielding { .. } => return None,
                Phase::Held { .. } if entry.begun => return Some(entry.deadline),
                Phase::Held { .. } => entry.begin,
                Phase::Waiting => {
                    let ready = entry.begin.minus(self.ahead);
                    // An order that found no slot ahead of time waits for its beginning. If it has begun
                    // without a slot, `Step::starved` tells the caller.
                    if ready > reading.boot { ready } else { entry.begin.max(reading.boot) }
                }
            };
            Some(begin.min(entry.deadline))
        };
        self.entries.iter().filter_map(next).min()
    }
}

#[cfg(test)]
#[path = "term_tests.rs"]
mod tests;
