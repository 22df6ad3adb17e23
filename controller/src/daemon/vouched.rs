//! What the daemon has let the kernel select, and when: the term of every slot and the lease, as they are now
//! and as they were. Records that another process made possible by writing into the kernel's maps do not fit
//! it, and the maps are corrected by it (L-TERM, L-INSPECT). Pure: times are passed in, and `sensor` reads
//! the maps.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use sensor_common::boot_time::BootTime;
use sensor_common::tables::{Slot, Term};

/// The program reads the clock before the lease and the term. A record may therefore be dated a little
/// earlier than the write that allowed it, by the time that the machine takes between the two. In
/// nanoseconds.
const SLACK: u64 = 10_000_000;

/// How many spells of a slot, or of the lease, are remembered. They are needed as long as records of that time
/// may wait in a ring: minutes at most.
const MOST_SPELLS: usize = 64;

/// A time from its first moment to before its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Spell {
    begin: BootTime,
    end: BootTime,
}

impl Spell {
    const fn of(term: Term) -> Self {
        // A term that begins at 0 never begins.
        let never = term.begin.as_nanos() == 0;
        let end = if never { BootTime::ZERO } else { term.end };
        Self { begin: term.begin, end }
    }

    const fn holds(self, time: BootTime) -> bool {
        !time.is_before(self.begin) && time.is_before(self.end)
    }
}

/// Spells that are over, or can no longer grow.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Past(Vec<Spell>);

impl Past {
    fn add(&mut self, spell: Spell) {
        if spell.begin >= spell.end {
            return;
        }
        // A term that is set again and again, a little different each time, stays one spell.
        match self.0.iter_mut().find(|old| spell.begin <= old.end && old.begin <= spell.end) {
            Some(old) => {
                old.begin = old.begin.min(spell.begin);
                old.end = old.end.max(spell.end);
            }
            None => self.0.push(spell),
        }
        if self.0.len() > MOST_SPELLS {
            self.0.remove(0);
        }
    }

    fn holds(&self, time: BootTime) -> bool {
        self.0.iter().any(|spell| spell.holds(time))
    }
}

/// The terms of one slot.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct SlotTerms {
    now: Term,
    /// The term that is being set: its first record may come before the write has returned.
    next: Option<Term>,
    past: Past,
}

impl SlotTerms {
    fn holds(&self, time: BootTime) -> bool {
        let mut terms = std::iter::once(self.now).chain(self.next);
        terms.any(|term| Spell::of(term).holds(time)) || self.past.holds(time)
    }
}

/// All terms and the lease, at one moment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Windows {
    slots: BTreeMap<Slot, SlotTerms>,
    lease: BootTime,
    leased: Past,
}

impl Windows {
    /// Whether the daemon had let the order in `slot` select at `time`, whatever the lease.
    pub fn in_term(&self, slot: Slot, time: BootTime) -> bool {
        self.slots.get(&slot).is_some_and(|slot| slot.holds(time))
    }

    /// Whether there was a lease at `time`.
    pub fn in_lease(&self, time: BootTime) -> bool {
        self.leased.holds(time)
    }

    /// The term that a slot must have.
    pub fn term(&self, slot: Slot) -> Term {
        self.slots.get(&slot).map_or(Term::NEVER, |slot| slot.now)
    }

    /// Until when the lease runs.
    pub const fn lease(&self) -> BootTime {
        self.lease
    }

    fn set(&mut self, slot: Slot, term: Term, done: BootTime) {
        let slot = self.slots.entry(slot).or_default();
        let before = Spell::of(slot.now);
        // Records from before `done` stay valid.
        slot.past.add(Spell { end: before.end.min(done), ..before });
        (slot.now, slot.next) = (term, None);
    }
}

/// The windows, shared: code that writes into the kernel's maps notes it here, and the drain looks it up.
#[derive(Debug, Default)]
pub struct Vouched(RwLock<Arc<Windows>>);

impl Vouched {
    /// The windows as they are.
    pub fn windows(&self) -> Arc<Windows> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A slot is about to be given this term.
    pub fn about_to_set(&self, slot: Slot, term: Term) {
        if self.windows().term(slot) != term {
            self.change(|windows| windows.slots.entry(slot).or_default().next = Some(term));
        }
    }

    /// A slot has this term since `done`.
    pub fn set_term(&self, slot: Slot, term: Term, done: BootTime) {
        if self.windows().term(slot) != term {
            self.change(|windows| windows.set(slot, term, done));
        }
    }

    /// A slot's term is narrowed to `limit`, since `done`.
    pub fn narrow_term(&self, slot: Slot, limit: Term, done: BootTime) {
        let before = self.windows().term(slot);
        self.set_term(slot, before.and(limit), done);
    }

    /// The lease runs until `until`, exclusive, as of `now`. To be noted before the write if it is longer than
    /// the lease before, and after the write if it is shorter.
    pub fn set_lease(&self, until: BootTime, now: BootTime) {
        self.change(|windows| {
            let Windows { leased, lease, .. } = windows;
            // Every earlier lease ends now at the latest; the new one begins now.
            for spell in &mut leased.0 {
                spell.end = spell.end.min(now);
            }
            leased.add(Spell { begin: now.minus(SLACK), end: until });
            *lease = until;
        });
    }

    /// Orders may have selected in these terms, in the slots that another daemon left.
    pub fn inherit(&self, terms: impl IntoIterator<Item = (Slot, Term)>) {
        self.change(|windows| {
            for (slot, term) in terms {
                windows.slots.entry(slot).or_default().past.add(Spell::of(term));
            }
        });
    }

    /// At the start the kernel has these terms, by slot, and this lease; previous daemons may have selected up
    /// to `leased`.
    pub fn found(
        &self,
        terms: impl IntoIterator<Item = (Slot, Term)>,
        lease: BootTime,
        leased: BootTime,
    ) {
        self.change(|windows| {
            for (slot, term) in terms {
                windows.slots.entry(slot).or_default().now = term;
            }
            windows.lease = lease;
            windows.leased.add(Spell { begin: BootTime::FIRST, end: leased });
        });
    }

    fn change(&self, act: impl FnOnce(&mut Windows)) {
        let mut shared = self.0.write().unwrap_or_else(PoisonError::into_inner);
        act(Arc::make_mut(&mut *shared));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    const A: Slot = Slot::new(0);
    const B: Slot = Slot::new(1);

    /// The moment at this second.
    const fn at(second: u64) -> BootTime {
        BootTime::from_nanos(second * SECOND)
    }

    const fn term(begin: u64, end: u64) -> Term {
        Term { begin: at(begin), end: at(end) }
    }

    fn in_term(vouched: &Vouched, slot: Slot, seconds: &[u64]) -> Vec<bool> {
        let windows = vouched.windows();
        seconds.iter().map(|second| windows.in_term(slot, at(*second))).collect()
    }

    #[test]
    fn a_slot_selects_within_its_term_and_no_other_does() {
        let vouched = Vouched::default();
        vouched.set_term(B, term(10, 20), at(5));
        assert_eq!(in_term(&vouched, B, &[9, 10, 19, 20]), [false, true, true, false]);
        assert_eq!(in_term(&vouched, A, &[15]), [false]);
        assert_eq!(vouched.windows().term(B), term(10, 20));
        assert_eq!(vouched.windows().term(A), Term::NEVER);
    }

    #[test]
    fn a_record_may_come_before_the_write_that_allowed_it_has_returned() {
        let vouched = Vouched::default();
        vouched.set_term(A, term(10, 20), at(1));
        vouched.about_to_set(A, term(10, 30));
        assert_eq!(in_term(&vouched, A, &[25, 30]), [true, false]);
        assert_eq!(vouched.windows().term(A), term(10, 20));
        vouched.set_term(A, term(10, 30), at(15));
        assert_eq!(vouched.windows().term(A), term(10, 30));
    }

    #[test]
    fn what_was_allowed_before_it_was_closed_stays_allowed() {
        let vouched = Vouched::default();
        vouched.set_term(A, term(10, 100), at(1));
        vouched.narrow_term(A, term(1, 30), at(40));
        assert_eq!(vouched.windows().term(A), term(10, 30));
        assert_eq!(in_term(&vouched, A, &[29, 39, 40]), [true, true, false]);
        vouched.set_term(A, Term::NEVER, at(50));
        assert_eq!(in_term(&vouched, A, &[9, 29, 39, 40, 60]), [false, true, true, false, false]);
        // The next order in the slot.
        vouched.set_term(A, term(70, 80), at(60));
        assert_eq!(in_term(&vouched, A, &[39, 69, 70, 80]), [true, false, true, false]);
    }

    #[test]
    fn a_term_that_moves_a_little_at_every_tick_is_one_spell() {
        let vouched = Vouched::default();
        for tick in 1..500 {
            let begin = at(10).plus(tick % 7);
            let moved = Term { begin, end: at(1_000).minus(tick) };
            vouched.set_term(A, moved, at(10 + tick));
        }
        assert_eq!(vouched.windows().slots[&A].past.0.len(), 1);
    }

    #[test]
    fn a_lease_that_is_renewed_in_time_has_no_gap_and_one_that_is_not_has() {
        let vouched = Vouched::default();
        let lease = |until, now| vouched.set_lease(at(until), at(now));
        for now in 10..20 {
            lease(now + 10, now);
        }
        let holds = |second| vouched.windows().in_lease(at(second));
        assert!(!holds(9) && holds(10) && holds(28) && !holds(29));
        // Nobody renewed it for a while.
        lease(50, 40);
        assert!(holds(28) && !holds(29) && !holds(39) && holds(40) && !holds(50));
        // A halt.
        lease(0, 45);
        assert!(holds(44) && !holds(45) && !holds(49));
        assert_eq!(vouched.windows().lease(), BootTime::ZERO);
        // Records from before the halt may still be in a ring when it is over.
        lease(60, 50);
        assert!(holds(28) && holds(44) && !holds(45) && !holds(49) && holds(50) && !holds(60));
    }

    #[test]
    fn what_another_daemon_left_was_allowed_in_the_terms_of_its_orders() {
        let vouched = Vouched::default();
        vouched.found([(A, Term::ALWAYS), (B, term(5, 9))], at(30), at(30));
        vouched.inherit([(B, term(2, 9))]);
        assert_eq!(in_term(&vouched, B, &[1, 3, 8, 9]), [false, true, true, false]);
        assert!(vouched.windows().in_lease(at(29)) && !vouched.windows().in_lease(at(30)));
    }

    #[test]
    fn what_waits_in_a_ring_was_allowed_although_its_daemon_ended_the_lease() {
        let vouched = Vouched::default();
        vouched.found([(A, Term::ALWAYS)], BootTime::ZERO, at(30));
        vouched.set_lease(at(50), at(40));
        let holds = |second| vouched.windows().in_lease(at(second));
        assert!(holds(29) && !holds(30) && !holds(39) && holds(40));
    }
}
