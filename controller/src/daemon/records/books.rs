//! What became of every record that the kernel submitted (L-INSPECT): it was written or set aside, it
//! waits, or it is missing. The sums run over all daemons of a sensor and are kept in `progress`; here
//! they are shared by the tasks that add to them and those that show them.
//!
//! Records that a full ring had no room for were never submitted; the kernel counts them itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use sensor_common::boot_time::BootTime;
use serde::{Deserialize, Serialize};

use crate::daemon::lock::lock;
use crate::daemon::records::set_aside_reason::SetAsideReason;
use crate::kernel::Room;

/// Why a record that was submitted is missing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// It went to an output that was removed, or into a pipe whose reader ended before it read it.
    Output,
    /// It was in a ring whose pin was removed while no daemon held it.
    Ring,
    /// It was to be set aside, and could not be written there either.
    SetAside,
}

impl Missing {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Output, Self::Ring, Self::SetAside];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Output => "output",
            Self::Ring => "ring",
            Self::SetAside => "set-aside",
        }
    }
}

/// Sums over all daemons of a sensor.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Records that the output took and has not lost since.
    pub written: u64,
    /// Records that were set aside, by reason.
    pub set_aside: BTreeMap<SetAsideReason, u64>,
    /// Missing records, by reason.
    pub missing: BTreeMap<Missing, u64>,
    /// Records submitted by interface, as last seen.
    pub submitted: BTreeMap<String, u64>,
    /// Records submitted under counters that no longer exist.
    pub carried: u64,
    /// Until when the lease ran.
    pub lease: BootTime,
}

impl Totals {
    /// Records that the kernel submitted.
    pub fn submitted(&self) -> u64 {
        self.submitted.values().fold(self.carried, |sum, count| sum.saturating_add(*count))
    }

    /// Records that were set aside.
    pub fn set_aside(&self) -> u64 {
        self.set_aside.values().sum()
    }

    /// Missing records.
    pub fn missing(&self) -> u64 {
        self.missing.values().sum()
    }

    /// Adds records that were set aside.
    pub fn add_aside(&mut self, counts: &BTreeMap<SetAsideReason, u64>) {
        for (reason, count) in counts {
            let sum = self.set_aside.entry(*reason).or_default();
            *sum = sum.saturating_add(*count);
        }
    }

    /// Adds missing records.
    pub fn miss(&mut self, reason: Missing, count: u64) {
        if count > 0 {
            let sum = self.missing.entry(reason).or_default();
            *sum = sum.saturating_add(count);
        }
    }

    /// Records whose whereabouts are known.
    fn accounted(&self) -> u64 {
        self.written.saturating_add(self.set_aside()).saturating_add(self.missing())
    }

    /// Takes over the kernel's counters. The last value of a counter that disappeared, or began again, is
    /// carried.
    fn count(&mut self, submitted: BTreeMap<String, u64>) {
        for (interface, before) in std::mem::take(&mut self.submitted) {
            if submitted.get(&interface).is_none_or(|now| *now < before) {
                self.carried = self.carried.saturating_add(before);
            }
        }
        self.submitted = submitted;
    }
}

/// The sums as they stand, and the records on their way.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Account {
    /// The sums.
    pub totals: Totals,
    /// Records that wait: in a ring, or in an output that has not been looked at since they were written.
    pub waiting: u64,
    /// The part of them that the output has taken.
    pub unconfirmed: u64,
    /// How often another process wrote into the kernel's maps, or removed pins.
    pub tampered: u64,
}

#[derive(Debug, Default)]
struct BookState {
    totals: Totals,
    unconfirmed: u64,
    tampered: u64,
    /// Rises whenever records move, which shows whether the output takes any.
    moves: u64,
}

/// The books of a running daemon.
#[derive(Debug, Default)]
pub struct Books {
    state: Mutex<BookState>,
    rooms: Vec<Arc<Room>>,
}

impl Books {
    /// Books that continue these sums, over these rings.
    pub const fn new(totals: Totals, rooms: Vec<Arc<Room>>) -> Self {
        let state = BookState { totals, unconfirmed: 0, tampered: 0, moves: 0 };
        Self { state: Mutex::new(state), rooms }
    }

    /// The output has taken `records`; others were set aside, and `missing` could not even be. To be called
    /// before their room is given back.
    pub fn took(&self, records: u64, set_aside: &BTreeMap<SetAsideReason, u64>, missing: u64) {
        let mut state = lock(&self.state);
        state.unconfirmed = state.unconfirmed.saturating_add(records);
        state.totals.add_aside(set_aside);
        state.totals.miss(Missing::SetAside, missing);
        state.moves = state.moves.wrapping_add(1);
    }

    /// Confirms that all records that the output took, except for the last `but`, are there. Returns how
    /// many were confirmed.
    pub fn confirm_but(&self, but: u64) -> u64 {
        let mut state = lock(&self.state);
        let confirmed = state.unconfirmed.saturating_sub(but);
        state.unconfirmed = state.unconfirmed.saturating_sub(confirmed);
        state.totals.written = state.totals.written.saturating_add(confirmed);
        confirmed
    }

    /// Counts as lost everything that the output took since the last confirmation. Returns how many.
    pub fn lose_output(&self) -> u64 {
        let mut state = lock(&self.state);
        let lost = std::mem::take(&mut state.unconfirmed);
        state.totals.miss(Missing::Output, lost);
        lost
    }

    /// Counts how many times another process wrote into the kernel's maps, or removed a pin.
    pub fn tampered(&self, times: u64) {
        let mut state = lock(&self.state);
        state.tampered = state.tampered.saturating_add(times);
    }

    /// The lease runs until then.
    pub fn lease(&self, until: BootTime) {
        lock(&self.state).totals.lease = until;
    }

    /// A number that changes whenever records move.
    pub fn moves(&self) -> u64 {
        lock(&self.state).moves
    }

    /// The sums for the next daemon, which will find in the output what this one has put there.
    pub fn totals(&self) -> Totals {
        let state = lock(&self.state);
        let mut totals = state.totals.clone();
        totals.written = totals.written.saturating_add(state.unconfirmed);
        totals
    }

    /// The sums without the records that the output has taken and that are not confirmed.
    pub fn sums(&self) -> Totals {
        lock(&self.state).totals.clone()
    }

    /// Everything, given counters that were read just now.
    pub fn account(&self, submitted: BTreeMap<String, u64>) -> Account {
        let waiting = self.waiting();
        let mut state = lock(&self.state);
        state.totals.count(submitted);
        Account {
            totals: state.totals.clone(),
            waiting: waiting.saturating_add(state.unconfirmed),
            unconfirmed: state.unconfirmed,
            tampered: state.tampered,
        }
    }

    /// Records that wait in the rings.
    pub fn waiting(&self) -> u64 {
        self.rooms.iter().fold(0, |sum, room| sum.saturating_add(room.waiting()))
    }

    /// Compares what the kernel had submitted with what became of it, and counts the difference as missing
    /// from a ring. It never counts too many: `submitted` was read before, so a record that arrives in
    /// between is only among those that wait. Returns how many more are missing.
    pub fn audit(&self, submitted: BTreeMap<String, u64>) -> u64 {
        let waiting = self.waiting();
        let mut state = lock(&self.state);
        state.totals.count(submitted);
        let known = state.totals.accounted().saturating_add(state.unconfirmed);
        let missing = state.totals.submitted().saturating_sub(known).saturating_sub(waiting);
        state.totals.miss(Missing::Ring, missing);
        missing
    }

    /// The same at the start, where the counters themselves may be gone. `before` records waited in the
    /// rings before the counters were read, and each of them had been counted by then. Returns how many
    /// records are missing, and how many more there are than the counters know of.
    pub fn audit_at_start(&self, before: u64, submitted: BTreeMap<String, u64>) -> (u64, u64) {
        let behind = {
            let mut state = lock(&self.state);
            state.totals.count(submitted.clone());
            let known = state.totals.accounted().saturating_add(before);
            let behind = known.saturating_sub(state.totals.submitted());
            state.totals.carried = state.totals.carried.saturating_add(behind);
            behind
        };
        (self.audit(submitted), behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(count: u64) -> BTreeMap<String, u64> {
        BTreeMap::from([("eth1".to_owned(), count)])
    }

    #[test]
    fn every_record_is_in_one_place() {
        let books = Books::default();
        let aside = BTreeMap::from([(SetAsideReason::Term, 2), (SetAsideReason::Generation, 1)]);
        books.took(10, &aside, 1);
        assert_eq!(books.audit(counters(14)), 0);
        let Account { totals, waiting, unconfirmed, .. } = books.account(counters(14));
        assert_eq!((totals.written, waiting, unconfirmed), (0, 10, 10));
        assert_eq!((totals.set_aside(), totals.missing()), (3, 1));
        assert_eq!(books.confirm_but(4), 6);
        assert_eq!(books.lose_output(), 4);
        // Two more were submitted than were seen.
        assert_eq!((books.audit(counters(16)), books.audit(counters(16))), (2, 0));
        let Account { totals, waiting, .. } = books.account(counters(16));
        let missing =
            BTreeMap::from([(Missing::Output, 4), (Missing::Ring, 2), (Missing::SetAside, 1)]);
        assert_eq!((totals.written, waiting, &totals.missing), (6, 0, &missing));
        assert_eq!(totals.submitted(), totals.written + totals.set_aside() + totals.missing());
    }

    #[test]
    fn counters_that_are_gone_are_carried() {
        let before = Totals { written: 90, ..Totals::default() };
        let books = Books::new(before.clone(), Vec::new());
        assert_eq!(books.audit_at_start(0, counters(100)), (10, 0));
        // An interface that was let go.
        assert_eq!(books.audit(BTreeMap::from([("eth2".to_owned(), 5)])), 5);
        assert_eq!(books.totals().carried, 100);

        // Counters that were removed between two looks.
        let books = Books::new(before, Vec::new());
        assert_eq!(books.audit_at_start(0, counters(0)), (0, 90));
        assert_eq!(books.audit(counters(3)), 3, "and from there on they count");
        let totals = books.totals();
        assert_eq!(totals.submitted(), 93);
    }

    #[test]
    fn what_the_next_daemon_goes_on_from_includes_what_is_in_the_output() {
        let books = Books::default();
        books.took(10, &BTreeMap::new(), 0);
        assert_eq!(books.totals().written, 10);
        let json = serde_json::to_string(&books.totals()).unwrap();
        assert_eq!(serde_json::from_str::<Totals>(&json).unwrap(), books.totals());
    }
}
