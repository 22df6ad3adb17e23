//! The life of orders in the kernel, as a pure function of clock readings: which slot an order has,
//! until when it may select, and when its tables can go (L-TERM). It reads no clock and touches no
//! kernel; `keeper` carries out what it says. Whether an order is in force by law is `registry`'s
//! question, and what the clocks count for is explained there.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sensor_common::tables::MOST_ORDERS;

use crate::registry::clock::Reading;
use crate::registry::state::{Fate, Standing};

/// What a reading asks for, to be carried out in this order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Step {
    /// Slots whose deadline must be 0, before anything else happens.
    pub close: Vec<u32>,
    /// Slots whose deadline comes earlier: boot-clock nanoseconds.
    pub shorten: Vec<(u32, u64)>,
    /// Orders whose term has begun but for which no slot was free. Ended orders free theirs once
    /// the generation without them is published.
    pub starved: usize,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Waiting,
    /// In a slot. `published`: a generation with it is in the kernel. `early`: the wall clock
    /// went back before the term's beginning.
    InForce {
        slot: u32,
        published: bool,
        early: bool,
    },
    /// Its successor has its slot and is in force as soon as its tables are in the kernel. Until then
    /// the tables in the kernel lead to this order, and its deadline stands.
    Yielding {
        slot: u32,
    },
    /// The slot stays taken until the generation without the order is published: the tables still
    /// lead to it.
    Ended {
        slot: Option<u32>,
    },
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    phase: Phase,
    not_before: Timestamp,
    /// The earliest end computed so far, boot-clock nanoseconds. It never moves later.
    deadline: u64,
}

/// The terms of all orders, by position.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    entries: Vec<Entry>,
    /// The orders in force are others than in the generation that was last compiled.
    stale: bool,
    /// Slots to which the tables lead that another daemon left in the kernel, with the position of
    /// the order of ours that each belongs to, until tables of ours are published.
    adopted: BTreeMap<u32, Option<usize>>,
}

impl Terms {
    /// No orders, and no generation yet.
    pub const fn new() -> Self {
        Self { entries: Vec::new(), stale: true, adopted: BTreeMap::new() }
    }

    /// Takes over the slots of the tables that another daemon left in the kernel: an order keeps the
    /// slot that it has there, so that it goes on selecting; no other order gets that slot, and the
    /// slots of orders that do not go on are closed, until tables of ours are published.
    pub fn adopt(&mut self, slots: BTreeMap<u32, Option<usize>>) {
        self.adopted = slots;
    }

    /// Takes a reading into account, and where the orders stand by it. `latest` is the time by which
    /// ends are judged.
    pub fn advance(&mut self, reading: Reading, latest: Timestamp, standings: &[Standing]) -> Step {
        let mut step = Step::default();
        for standing in standings.iter().skip(self.entries.len()) {
            let not_before = standing.not_before;
            self.entries.push(Entry { phase: Phase::Waiting, not_before, deadline: u64::MAX });
        }
        for (entry, standing) in self.entries.iter_mut().zip(standings) {
            self.stale |= entry.end(reading, latest, standing, &mut step);
        }
        self.begin(reading, standings, &mut step);
        self.close_what_yields_to_none(&mut step);
        self.close_what_was_not_taken_over(&mut step);
        step
    }

    fn begin(&mut self, reading: Reading, standings: &[Standing], step: &mut Step) {
        let mut free = self.free_slots();
        for position in 0..self.entries.len() {
            let (Some(entry), Some(standing)) =
                (self.entries.get(position), standings.get(position))
            else {
                continue;
            };
            let begun = reading.wall >= entry.not_before;
            if !matches!(entry.phase, Phase::Waiting) || !begun || standing.fate != Fate::Going {
                continue;
            }
            let until = entry.deadline;
            let slot = self.own(position, until, step);
            let slot = slot.or_else(|| self.inherit(&standing.succeeds, until, step));
            let Some(slot) = slot.or_else(|| free.pop()) else {
                step.starved = step.starved.saturating_add(1);
                continue;
            };
            self.stale = true;
            if let Some(entry) = self.entries.get_mut(position) {
                entry.phase = Phase::InForce { slot, published: false, early: false };
            }
        }
    }

    /// The slot that an order has in the tables of another daemon. Its deadline there must not outlast
    /// the order.
    fn own(&self, position: usize, until: u64, step: &mut Step) -> Option<u32> {
        let mut adopted = self.adopted.iter();
        let (slot, _) = adopted.find(|(_, owner)| **owner == Some(position))?;
        step.shorten.push((*slot, until));
        Some(*slot)
    }

    /// Nothing may be selected for an order of another daemon's that does not go on.
    fn close_what_was_not_taken_over(&self, step: &mut Step) {
        let goes_on = |wanted: u32| {
            let phases = self.entries.iter().map(|entry| entry.phase);
            phases.into_iter().any(
                |phase| matches!(phase, Phase::InForce { slot, early: false, .. } if slot == wanted),
            )
        };
        step.close.extend(self.adopted.keys().copied().filter(|slot| !goes_on(*slot)));
    }

    /// The slot of an order whose place is taken: from the generation that holds the successor there,
    /// not one packet is judged by neither. What is in the slot must not outlast the successor.
    fn inherit(&mut self, succeeds: &[usize], until: u64, step: &mut Step) -> Option<u32> {
        for position in succeeds {
            let Some(Phase::Yielding { slot }) =
                self.entries.get(*position).map(|entry| entry.phase)
            else {
                continue;
            };
            if self.holder(slot).is_some() {
                continue;
            }
            let entry = self.entries.get_mut(*position)?;
            if until < entry.deadline {
                entry.deadline = until;
                step.shorten.push((slot, until));
            }
            return Some(slot);
        }
        None
    }

    /// The order that is in force in a slot.
    fn holder(&self, slot: u32) -> Option<usize> {
        self.entries.iter().position(
            |entry| matches!(entry.phase, Phase::InForce { slot: taken, .. } if taken == slot),
        )
    }

    fn close_what_yields_to_none(&mut self, step: &mut Step) {
        for position in 0..self.entries.len() {
            let Some(Phase::Yielding { slot }) =
                self.entries.get(position).map(|entry| entry.phase)
            else {
                continue;
            };
            if self.holder(slot).is_none()
                && let Some(entry) = self.entries.get_mut(position)
            {
                step.close.push(slot);
                entry.phase = Phase::Ended { slot: Some(slot) };
                self.stale = true;
            }
        }
    }

    /// Whether a generation of [`Self::selected`] must be compiled; asked once, it is taken as done.
    pub fn take_stale(&mut self) -> bool {
        std::mem::take(&mut self.stale)
    }

    /// The next generation must be compiled whatever the orders: it is made of other things too.
    pub const fn outdate(&mut self) {
        self.stale = true;
    }

    /// The orders that the next generation holds: position and slot.
    pub fn selected(&self) -> impl Iterator<Item = (usize, u32)> {
        self.entries.iter().enumerate().filter_map(|(position, entry)| match entry.phase {
            Phase::InForce { slot, .. } => Some((position, slot)),
            _ => None,
        })
    }

    /// A generation of these orders is in the kernel and no packet is judged by the one before: slots
    /// of ended orders that it does not hold can be used again.
    pub fn published(&mut self, selected: &[(usize, u32)]) {
        self.adopted.clear();
        for (position, entry) in self.entries.iter_mut().enumerate() {
            let held = selected.iter().any(|(other, _)| *other == position);
            match &mut entry.phase {
                Phase::InForce { published, .. } => *published |= held,
                Phase::Yielding { .. } if !held => entry.phase = Phase::Ended { slot: None },
                Phase::Ended { slot } if !held => *slot = None,
                _ => {}
            }
        }
    }

    /// The deadlines of the orders that may select: slot, and boot-clock nanoseconds. They may be
    /// set as often as one likes.
    pub fn deadlines(&self) -> impl Iterator<Item = (u32, u64)> {
        self.entries.iter().filter_map(|entry| match entry.phase {
            Phase::InForce { slot, published: true, early: false } => Some((slot, entry.deadline)),
            _ => None,
        })
    }

    /// Whether the order at a position is in the kernel and may select.
    pub fn is_live(&self, position: usize) -> bool {
        let phase = self.entries.get(position).map(|entry| entry.phase);
        matches!(phase, Some(Phase::InForce { published: true, early: false, .. }))
    }

    /// The next moment at which something begins or ends if no clock steps: boot-clock nanoseconds.
    pub fn next_boundary(&self, reading: Reading) -> Option<u64> {
        let begins = |not_before: Timestamp| {
            let left = not_before.as_nanosecond() - reading.wall.as_nanosecond();
            let at = i128::from(reading.boot).saturating_add(left.max(0));
            u64::try_from(at).unwrap_or(u64::MAX)
        };
        self.entries
            .iter()
            .filter_map(|entry| match entry.phase {
                Phase::Ended { .. } | Phase::Yielding { .. } => None,
                Phase::InForce { early: false, .. } => Some(entry.deadline),
                // One that began but found no slot is for the caller to worry about.
                Phase::Waiting | Phase::InForce { .. } => {
                    Some(begins(entry.not_before).min(entry.deadline))
                }
            })
            .min()
    }

    /// Slots that no order has, the lowest last.
    fn free_slots(&self) -> Vec<u32> {
        let taken = |slot: u32| {
            self.entries.iter().any(|entry| match entry.phase {
                Phase::Waiting => false,
                Phase::InForce { slot: taken, .. } | Phase::Yielding { slot: taken } => {
                    taken == slot
                }
                Phase::Ended { slot: taken } => taken == Some(slot),
            })
        };
        let free = |slot: &u32| !taken(*slot) && !self.adopted.contains_key(slot);
        (0..MOST_ORDERS).rev().filter(free).collect()
    }
}

impl Entry {
    /// Ends it if its time has come. Whether the next generation must be without it.
    fn end(
        &mut self,
        reading: Reading,
        latest: Timestamp,
        standing: &Standing,
        step: &mut Step,
    ) -> bool {
        if standing.fate == Fate::Going {
            let left = standing.end.as_nanosecond().saturating_sub(latest.as_nanosecond());
            let end = i128::from(reading.boot).saturating_add(left.max(0));
            self.deadline = self.deadline.min(u64::try_from(end).unwrap_or(u64::MAX));
        }
        let over = self.deadline <= reading.boot || standing.fate != Fate::Going;
        match (self.phase, over) {
            (Phase::Waiting, true) => self.phase = Phase::Ended { slot: None },
            (Phase::InForce { slot, published: true, early: false }, true)
                if standing.fate == Fate::Yielding && self.deadline > reading.boot =>
            {
                self.phase = Phase::Yielding { slot };
            }
            (Phase::InForce { slot, .. }, true) => {
                step.close.push(slot);
                self.phase = Phase::Ended { slot: Some(slot) };
                return true;
            }
            (Phase::InForce { slot, published, .. }, false) => {
                let early = reading.wall < self.not_before;
                if early {
                    step.close.push(slot);
                }
                self.phase = Phase::InForce { slot, published, early };
            }
            (Phase::Yielding { slot }, true) if standing.fate == Fate::Over => {
                // Its successor keeps the slot and opens it when it is published.
                step.close.push(slot);
                self.phase = Phase::Ended { slot: None };
            }
            _ => {}
        }
        false
    }
}

#[cfg(test)]
#[path = "term_tests.rs"]
mod tests;
