//! The life of orders, as a pure function of clock readings: waiting, in force, ended (L-TERM).
//! It reads no clock and touches no kernel; `keeper` carries out what it says.
//!
//! Two clocks count. The wall clock says when a term begins and ends, but it steps; the boot clock
//! never steps, and the kernel compares deadlines with it. Where they disagree, the reading that
//! selects less is taken:
//!
//! - **The end** is judged by the *latest* time that any reading was evidence for: the highest wall
//!   reading plus the boot time since. A wall clock that went back prolongs nothing.
//! - **The beginning** is judged by the wall clock as it reads *now*. One that runs ahead begins
//!   nothing twice: what ended stays ended.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sensor_common::tables::MOST_ORDERS;

/// Both clocks, read together: the boot clock first, so that what passes between the two brings a
/// deadline forward.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reading {
    /// The boot clock, nanoseconds.
    pub boot: u64,
    /// The wall clock.
    pub wall: Timestamp,
}

/// When an order may select.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Term {
    /// The first moment.
    pub not_before: Timestamp,
    /// The first moment after.
    pub not_after: Timestamp,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum State {
    /// Its term has not begun, by the wall clock as it reads now.
    Waiting,
    /// It may select.
    InForce,
    /// Its term is over, for good.
    Ended,
}

impl State {
    /// Every state, in the order of an order's life.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::InForce, Self::Ended];

    /// The stable name in status and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::InForce => "in force",
            Self::Ended => "ended",
        }
    }
}

/// What a reading asks for, to be carried out in this order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Step {
    /// Slots whose deadline must be 0, before anything else happens.
    pub close: Vec<u32>,
    /// Whether a generation of [`Terms::selected`] must be published; then tell
    /// [`Terms::published`].
    pub publish: bool,
    /// Orders whose term has begun but for which no slot was free. Ended orders free theirs once
    /// the generation without them is published.
    pub starved: usize,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Waiting,
    /// In a slot. `published`: the generation with it is in the kernel. `early`: the wall clock
    /// went back before the term's beginning.
    InForce {
        slot: u32,
        published: bool,
        early: bool,
    },
    /// The slot stays taken until the generation without the order is published: the tables still
    /// lead to it.
    Ended {
        slot: Option<u32>,
    },
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    term: Term,
    phase: Phase,
    /// The earliest end computed so far, boot-clock nanoseconds. It never moves later.
    deadline: u64,
}

/// The terms of all orders, by position.
#[derive(Clone, Debug)]
pub struct Terms {
    entries: Vec<Entry>,
    /// The latest time there is evidence for, as wall nanoseconds, and the boot time of it.
    latest: Option<(i128, u64)>,
    /// Nothing was ever published.
    blank: bool,
    /// Slots to which the tables lead that another daemon left in the kernel, with the position of
    /// the order of ours that each belongs to, until tables of ours are published.
    inherited: BTreeMap<u32, Option<usize>>,
}

impl Terms {
    /// Orders that wait, however old they are: the first reading decides.
    pub fn new(terms: impl IntoIterator<Item = Term>) -> Self {
        let entry = |term| Entry { term, phase: Phase::Waiting, deadline: u64::MAX };
        Self {
            entries: terms.into_iter().map(entry).collect(),
            latest: None,
            blank: true,
            inherited: BTreeMap::new(),
        }
    }

    /// Takes over the slots of the tables that another daemon left in the kernel: an order keeps the
    /// slot that it has there, so that it goes on selecting; no other order gets that slot, and the
    /// slots of orders that do not go on are closed, until tables of ours are published.
    pub fn inherit(&mut self, slots: BTreeMap<u32, Option<usize>>) {
        self.inherited = slots;
    }

    /// Takes a reading into account.
    pub fn advance(&mut self, reading: Reading) -> Step {
        let latest = self.latest_time(reading);
        let mut free = self.free_slots();
        let mut step = Step { publish: self.blank, ..Step::default() };
        let inherited = &self.inherited;
        let own = |position: usize| {
            let mut slots = inherited.iter();
            slots.find(|(_, owner)| **owner == Some(position)).map(|(slot, _)| *slot)
        };
        for (position, entry) in self.entries.iter_mut().enumerate() {
            if matches!(entry.phase, Phase::Ended { .. }) {
                continue;
            }
            let left = entry.term.not_after.as_nanosecond().saturating_sub(latest);
            let end = i128::from(reading.boot).saturating_add(left.max(0));
            entry.deadline = entry.deadline.min(u64::try_from(end).unwrap_or(u64::MAX));
            let over = entry.deadline <= reading.boot;
            let begun = reading.wall >= entry.term.not_before;
            match (entry.phase, over) {
                (Phase::Waiting, true) => entry.phase = Phase::Ended { slot: None },
                (Phase::InForce { slot, .. }, true) => {
                    step.close.push(slot);
                    step.publish = true;
                    entry.phase = Phase::Ended { slot: Some(slot) };
                }
                (Phase::InForce { slot, published, .. }, false) => {
                    if !begun {
                        step.close.push(slot);
                    }
                    entry.phase = Phase::InForce { slot, published, early: !begun };
                }
                (Phase::Waiting, false) if begun => match own(position).or_else(|| free.pop()) {
                    Some(slot) => {
                        step.publish = true;
                        entry.phase = Phase::InForce { slot, published: false, early: false };
                    }
                    None => step.starved = step.starved.saturating_add(1),
                },
                (Phase::Ended { .. }, _) | (Phase::Waiting, false) => {}
            }
        }
        let goes_on = |wanted: u32| {
            let holds = |entry: &Entry| matches!(entry.phase, Phase::InForce { slot, early: false, .. } if slot == wanted);
            self.entries.iter().any(holds)
        };
        step.close.extend(inherited.keys().copied().filter(|slot| !goes_on(*slot)));
        step
    }

    /// The orders that the next generation holds: position and slot.
    pub fn selected(&self) -> impl Iterator<Item = (usize, u32)> {
        self.entries.iter().enumerate().filter_map(|(position, entry)| match entry.phase {
            Phase::InForce { slot, .. } => Some((position, slot)),
            _ => None,
        })
    }

    /// The generation of [`Self::selected`] is in the kernel and no packet is judged by the one
    /// before: slots of ended orders can be used again.
    pub fn published(&mut self) {
        self.blank = false;
        self.inherited.clear();
        for entry in &mut self.entries {
            match &mut entry.phase {
                Phase::InForce { published, .. } => *published = true,
                Phase::Ended { slot } => *slot = None,
                Phase::Waiting => {}
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

    /// Where each order stands, by position.
    pub fn states(&self) -> impl Iterator<Item = State> {
        self.entries.iter().map(|entry| match entry.phase {
            Phase::Waiting | Phase::InForce { early: true, .. } => State::Waiting,
            Phase::InForce { .. } => State::InForce,
            Phase::Ended { .. } => State::Ended,
        })
    }

    /// The next moment at which something begins or ends if no clock steps: boot-clock nanoseconds.
    pub fn next_boundary(&self, reading: Reading) -> Option<u64> {
        let begins = |term: &Term| {
            let left = term.not_before.as_nanosecond() - reading.wall.as_nanosecond();
            let at = i128::from(reading.boot).saturating_add(left.max(0));
            u64::try_from(at).unwrap_or(u64::MAX)
        };
        self.entries
            .iter()
            .filter_map(|entry| match entry.phase {
                Phase::Ended { .. } => None,
                Phase::InForce { early: false, .. } => Some(entry.deadline),
                // One that began but found no slot is for the caller to worry about.
                Phase::Waiting | Phase::InForce { .. } => {
                    Some(begins(&entry.term).min(entry.deadline))
                }
            })
            .min()
    }

    fn latest_time(&mut self, reading: Reading) -> i128 {
        let wall = reading.wall.as_nanosecond();
        let latest = self.latest.map_or(wall, |(latest, boot)| {
            wall.max(latest.saturating_add(reading.boot.saturating_sub(boot).into()))
        });
        self.latest = Some((latest, reading.boot));
        latest
    }

    /// Slots that no order has, the lowest last.
    fn free_slots(&self) -> Vec<u32> {
        let taken = |slot: u32| {
            self.entries.iter().any(|entry| match entry.phase {
                Phase::Waiting => false,
                Phase::InForce { slot: taken, .. } => taken == slot,
                Phase::Ended { slot: taken } => taken == Some(slot),
            })
        };
        let free = |slot: &u32| !taken(*slot) && !self.inherited.contains_key(slot);
        (0..MOST_ORDERS).rev().filter(free).collect()
    }
}

#[cfg(test)]
#[path = "term_tests.rs"]
mod tests;
