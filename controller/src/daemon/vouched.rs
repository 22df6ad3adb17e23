//! What the daemon has let the kernel select, and when: the term of every slot and the lease, as they
//! are now and as they were. By it records are told from those that somebody made possible by writing
//! into the kernel's maps by hand, and the maps are held to it (L-TERM, L-INSPECT). Pure: times are
//! boot-clock nanoseconds and are passed in; who reads the maps is `sensor`.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use sensor_common::tables::Term;

/// The program reads the clock first, and the lease and the term after that. A record may therefore be
/// dated a little earlier than the write that allowed it, as much as the machine takes between the two.
const SLACK: u64 = 10_000_000;

/// How many spells of a slot, or of the lease, are remembered. They are needed for as long as records
/// of that time may wait in a ring, which are minutes at most.
const MOST_SPELLS: usize = 64;

/// A time from its first moment to before its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Spell {
    begin: u64,
    end: u64,
}

impl Spell {
    const fn of(term: Term) -> Self {
        // A beginning of 0 is one that never comes.
        let end = if term.begin == 0 { 0 } else { term.end };
        Self { begin: term.begin, end }
    }

    const fn holds(self, time: u64) -> bool {
        self.begin <= time && time < self.end
    }
}

/// Spells that are over, or cannot grow any more.
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

    fn holds(&self, time: u64) -> bool {
        self.0.iter().any(|spell| spell.holds(time))
    }
}

/// One slot.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Slot {
    now: Term,
    /// What it is about to become: the first record may be there before the write has returned.
    next: Option<Term>,
    past: Past,
}

impl Slot {
    fn holds(&self, time: u64) -> bool {
        let mut terms = std::iter::once(self.now).chain(self.next);
        terms.any(|term| Spell::of(term).holds(time)) || self.past.holds(time)
    }
}

/// Everything at one moment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Windows {
    slots: BTreeMap<u32, Slot>,
    lease: u64,
    leased: Past,
}

impl Windows {
    /// Whether the daemon had let the order in `slot` select at `time`, whatever the lease.
    pub fn in_term(&self, slot: u32, time: u64) -> bool {
        self.slots.get(&slot).is_some_and(|slot| slot.holds(time))
    }

    /// Whether there was a lease at `time`.
    pub fn in_lease(&self, time: u64) -> bool {
        self.leased.holds(time)
    }

    /// The term that a slot must have.
    pub fn term(&self, slot: u32) -> Term {
        self.slots.get(&slot).map_or(Term::NEVER, |slot| slot.now)
    }

    /// Until when the lease runs.
    pub const fn lease(&self) -> u64 {
        self.lease
    }

    fn set(&mut self, slot: u32, term: Term, done: u64) {
        let slot = self.slots.entry(slot).or_default();
        let before = Spell::of(slot.now);
        // What was allowed until just now stays allowed for the time until then.
        slot.past.add(Spell { end: before.end.min(done), ..before });
        (slot.now, slot.next) = (term, None);
    }
}

/// The windows, shared: whoever writes into the kernel's maps notes it here, and the drain looks.
#[derive(Debug, Default)]
pub struct Vouched(RwLock<Arc<Windows>>);

impl Vouched {
    /// The windows as they are.
    pub fn windows(&self) -> Arc<Windows> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A slot is about to be given this term.
    pub fn about_to_set(&self, slot: u32, term: Term) {
        if self.windows().term(slot) != term {
            self.change(|windows| windows.slots.entry(slot).or_default().next = Some(term));
        }
    }

    /// A slot has this term since `done`.
    pub fn set_term(&self, slot: u32, term: Term, done: u64) {
        if self.windows().term(slot) != term {
            self.change(|windows| windows.set(slot, term, done));
        }
    }

    /// A slot has of its term what is in `limit` too, since `done`.
    pub fn narrow_term(&self, slot: u32, limit: Term, done: u64) {
        let before = self.windows().term(slot);
        self.set_term(slot, before.and(limit), done);
    }

    /// The lease runs until `until`, exclusive, as of `now`. To be noted before it is written where it
    /// is longer than the one before, and after it where it is shorter.
    pub fn set_lease(&self, until: u64, now: u64) {
        self.change(|windows| {
            let Windows { leased, lease, .. } = windows;
            // What ran until now ran, and so did what was over before; what comes now begins now.
            for spell in &mut leased.0 {
                spell.end = spell.end.min(now);
            }
            leased.add(Spell { begin: now.saturating_sub(SLACK), end: until });
            *lease = until;
        });
    }

    /// In the slots that another daemon left, orders may have selected in these terms.
    pub fn inherit(&self, terms: impl IntoIterator<Item = (u32, Term)>) {
        self.change(|windows| {
            for (slot, term) in terms {
                windows.slots.entry(slot).or_default().past.add(Spell::of(term));
            }
        });
    }

    /// At the start the kernel holds these terms, by slot, and this lease; and daemons before may have
    /// selected up to `leased`.
    pub fn found(&self, terms: impl IntoIterator<Item = (u32, Term)>, lease: u64, leased: u64) {
        self.change(|windows| {
            for (slot, term) in terms {
                windows.slots.entry(slot).or_default().now = term;
            }
            windows.lease = lease;
            windows.leased.add(Spell { begin: 1, end: leased });
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

    const fn term(begin: u64, end: u64) -> Term {
        Term { begin: begin * SECOND, end: end * SECOND }
    }

    fn in_term(vouched: &Vouched, slot: u32, times: &[u64]) -> Vec<bool> {
        let windows = vouched.windows();
        times.iter().map(|time| windows.in_term(slot, time * SECOND)).collect()
    }

    #[test]
    fn a_slot_selects_within_its_term_and_no_other_does() {
        let vouched = Vouched::default();
        vouched.set_term(3, term(10, 20), 5 * SECOND);
        assert_eq!(in_term(&vouched, 3, &[9, 10, 19, 20]), [false, true, true, false]);
        assert_eq!(in_term(&vouched, 4, &[15]), [false]);
        assert_eq!(vouched.windows().term(3), term(10, 20));
        assert_eq!(vouched.windows().term(4), Term::NEVER);
    }

    #[test]
    fn a_record_may_come_before_the_write_that_allowed_it_has_returned() {
        let vouched = Vouched::default();
        vouched.set_term(0, term(10, 20), SECOND);
        vouched.about_to_set(0, term(10, 30));
        assert_eq!(in_term(&vouched, 0, &[25, 30]), [true, false]);
        assert_eq!(vouched.windows().term(0), term(10, 20));
        vouched.set_term(0, term(10, 30), 15 * SECOND);
        assert_eq!(vouched.windows().term(0), term(10, 30));
    }

    #[test]
    fn what_was_allowed_before_it_was_closed_stays_allowed() {
        let vouched = Vouched::default();
        vouched.set_term(0, term(10, 100), SECOND);
        vouched.narrow_term(0, term(1, 30), 40 * SECOND);
        assert_eq!(vouched.windows().term(0), term(10, 30));
        assert_eq!(in_term(&vouched, 0, &[29, 39, 40]), [true, true, false]);
        vouched.set_term(0, Term::NEVER, 50 * SECOND);
        assert_eq!(in_term(&vouched, 0, &[9, 29, 39, 40, 60]), [false, true, true, false, false]);
        // The next order in the slot.
        vouched.set_term(0, term(70, 80), 60 * SECOND);
        assert_eq!(in_term(&vouched, 0, &[39, 69, 70, 80]), [true, false, true, false]);
    }

    #[test]
    fn a_term_that_moves_a_little_at_every_tick_is_one_spell() {
        let vouched = Vouched::default();
        for tick in 1..500 {
            let begin = 10 * SECOND + tick % 7;
            let moved = Term { begin, end: 1_000 * SECOND - tick };
            vouched.set_term(0, moved, (10 + tick) * SECOND);
        }
        assert_eq!(vouched.windows().slots[&0].past.0.len(), 1);
    }

    #[test]
    fn a_lease_that_is_renewed_in_time_has_no_gap_and_one_that_is_not_has() {
        let vouched = Vouched::default();
        let lease = |until: u64, at: u64| {
            vouched.set_lease(until * SECOND, at * SECOND);
        };
        for at in 10..20 {
            lease(at + 10, at);
        }
        let holds = |time: u64| vouched.windows().in_lease(time * SECOND);
        assert!(!holds(9) && holds(10) && holds(28) && !holds(29));
        // Nobody renewed it for a while.
        lease(50, 40);
        assert!(holds(28) && !holds(29) && !holds(39) && holds(40) && !holds(50));
        // A halt.
        lease(0, 45);
        assert!(holds(44) && !holds(45) && !holds(49));
        assert_eq!(vouched.windows().lease(), 0);
        // Records from before the halt may still be in a ring when it is over.
        lease(60, 50);
        assert!(holds(28) && holds(44) && !holds(45) && !holds(49) && holds(50) && !holds(60));
    }

    #[test]
    fn what_another_daemon_left_was_allowed_in_the_terms_of_its_orders() {
        let vouched = Vouched::default();
        vouched.found([(0, Term::ALWAYS), (1, term(5, 9))], 30 * SECOND, 30 * SECOND);
        vouched.inherit([(1, term(2, 9))]);
        assert_eq!(in_term(&vouched, 1, &[1, 3, 8, 9]), [false, true, true, false]);
        assert!(
            vouched.windows().in_lease(29 * SECOND) && !vouched.windows().in_lease(30 * SECOND)
        );
    }

    #[test]
    fn what_waits_in_a_ring_was_allowed_although_its_daemon_ended_the_lease() {
        let vouched = Vouched::default();
        vouched.found([(0, Term::ALWAYS)], 0, 30 * SECOND);
        vouched.set_lease(50 * SECOND, 40 * SECOND);
        let holds = |time: u64| vouched.windows().in_lease(time * SECOND);
        assert!(holds(29) && !holds(30) && !holds(39) && holds(40));
    }
}
