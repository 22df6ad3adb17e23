//! The life of orders in the kernel, under clocks that behave, and under clocks that do not.

use proptest::prelude::*;
use sensor_common::tables::MOST_ORDERS;

use super::*;
use crate::registry::clock::Clock;

const SECOND: i64 = 1_000_000_000;

/// A wall clock reading: nanoseconds after an arbitrary moment.
fn wall(nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanosecond(1_900_000_000_000_000_000 + i128::from(nanoseconds)).unwrap()
}

fn reading(boot: i64, wall_clock: i64) -> Reading {
    Reading { boot: BootTime::from_nanos(u64::try_from(boot).unwrap()), wall: wall(wall_clock) }
}

fn at(seconds: i64) -> Reading {
    reading((100 + seconds) * SECOND, seconds * SECOND)
}

fn boot(seconds: i64) -> BootTime {
    at(seconds).boot
}

/// A term in seconds.
fn term(begin: i64, end: i64) -> Term {
    Term { begin: boot(begin), end: boot(end) }
}

/// Terms with a clock, and standings that only time changes unless a test does. Orders are put into
/// the tables when they begin, not before, unless a test says so.
struct Desk {
    terms: Terms,
    clock: Clock,
    standings: Vec<Standing>,
}

impl Desk {
    fn new(terms: &[(i64, i64)]) -> Self {
        let standing = |(from, until): &(i64, i64)| Standing {
            order: None,
            not_before: wall(from * SECOND),
            end: wall(until * SECOND),
            fate: Fate::Going,
            succeeds: Vec::new(),
        };
        let standings = terms.iter().map(standing).collect();
        Self { terms: Terms::new(0), clock: Clock::new(Timestamp::UNIX_EPOCH), standings }
    }

    fn advance(&mut self, now: Reading) -> Step {
        self.clock.observe(now);
        self.terms.advance(now, self.clock.latest(now), &self.standings)
    }

    fn ahead(mut self, seconds: i64) -> Self {
        self.terms.set_ahead(u64::try_from(seconds * SECOND).unwrap());
        self
    }

    /// The orders of the next generation, with their slots.
    fn selected(&self) -> Vec<(usize, u32)> {
        self.terms.selected().map(|(position, slot, _)| (position, slot.number())).collect()
    }

    /// Publishes what a compilation would come to; whether there was something to publish.
    fn publish(&mut self) -> bool {
        let stale = self.terms.take_stale();
        if stale {
            self.published(&self.selected());
        }
        stale
    }

    fn published(&mut self, selected: &[(usize, u32)]) {
        let slot = |(position, slot): &(usize, u32)| (*position, Slot::new(*slot));
        self.terms.published(&selected.iter().map(slot).collect::<Vec<_>>());
    }

    fn pass(&mut self, now: Reading) -> Step {
        let step = self.advance(now);
        self.publish();
        step
    }

    fn terms(&self) -> Vec<(u32, Term)> {
        self.terms.terms().map(|(slot, term)| (slot.number(), term)).collect()
    }
}

fn closed(slots: &[u32]) -> Step {
    Step { close: slots.iter().copied().map(Slot::new).collect(), ..Step::default() }
}

fn narrowed(slot: u32, term: Term) -> Step {
    Step { narrow: vec![(Slot::new(slot), term)], ..Step::default() }
}

#[test]
fn an_order_waits_is_in_force_and_ends() {
    let mut desk = Desk::new(&[(10, 20)]);
    assert_eq!(desk.advance(at(0)), Step::default());
    assert!(desk.publish() && !desk.publish(), "even the empty generation is published, once");
    assert_eq!(desk.terms.next_boundary(at(0)), Some(boot(10)));
    assert_eq!(desk.advance(at(10)), Step::default());
    assert_eq!(desk.selected(), [(0, 0)]);
    assert_eq!(desk.terms(), [(0, term(10, 20))]);
    assert!(!desk.terms.is_live(0) && desk.publish() && desk.terms.is_live(0));
    assert_eq!(desk.terms(), [(0, term(10, 20))]);
    assert_eq!(desk.terms.next_boundary(at(10)), Some(boot(20)));

    assert_eq!(desk.advance(at(20)), closed(&[0]));
    assert!(desk.publish() && desk.terms().is_empty());
    assert_eq!(desk.terms.next_boundary(at(20)), None);
    assert_eq!(desk.advance(at(15)), Step::default(), "what ended stays ended");
    assert!(!desk.publish());
}

#[test]
fn an_order_is_in_the_tables_before_it_begins() {
    let mut desk = Desk::new(&[(10, 20)]).ahead(4);
    desk.pass(at(0));
    assert_eq!((desk.terms.next_boundary(at(0)), desk.selected()), (Some(boot(6)), vec![]));
    assert_eq!(desk.pass(at(6)), Step::default());
    assert_eq!((desk.selected(), desk.terms()), (vec![(0, 0)], vec![(0, term(10, 20))]));
    assert!(!desk.terms.is_live(0), "it does not select yet");
    assert_eq!(desk.terms.next_boundary(at(6)), Some(boot(10)));
    assert_eq!(desk.advance(at(10)), Step::default());
    assert!(desk.terms.is_live(0) && !desk.publish(), "nothing is to be done at its beginning");
    assert_eq!(desk.terms.next_boundary(at(10)), Some(boot(20)));
}

#[test]
fn what_is_revoked_before_it_begins_never_does() {
    let mut desk = Desk::new(&[(10, 20)]).ahead(4);
    desk.pass(at(7));
    desk.standings[0].fate = Fate::Over;
    assert_eq!(desk.pass(at(8)), closed(&[0]));
    assert_eq!((desk.terms(), desk.selected()), (vec![], vec![]));
}

#[test]
fn a_generation_may_leave_out_what_has_not_begun() {
    let mut desk = Desk::new(&[(0, 30), (10, 20)]).ahead(4);
    desk.pass(at(0));
    desk.advance(at(6));
    assert!(desk.terms.take_stale());
    let chosen: Vec<_> = desk.terms.selected().collect();
    assert_eq!(chosen, [(0, Slot::new(0), true), (1, Slot::new(1), false)]);
    desk.published(&[(0, 0)]);
    desk.advance(at(9));
    assert!(!desk.publish(), "not again before it begins");
    desk.advance(at(10));
    assert!(!desk.terms.is_live(1) && desk.publish() && desk.terms.is_live(1));
}

#[test]
fn one_that_is_over_from_the_start_is_never_in_the_kernel() {
    let mut desk = Desk::new(&[(-20, -10), (-20, 0), (-20, 50)]);
    desk.standings[2].fate = Fate::Over;
    assert_eq!(desk.pass(at(0)), Step::default());
    assert_eq!(desk.selected(), []);
}

#[test]
fn a_wall_clock_that_went_back_prolongs_nothing() {
    let mut desk = Desk::new(&[(0, 20)]);
    desk.pass(at(5));
    let end = |desk: &Desk| desk.terms()[0].1.end;
    assert_eq!(end(&desk), boot(20));
    desk.pass(reading(110 * SECOND, SECOND));
    assert_eq!(end(&desk), boot(20));
    assert_eq!(desk.pass(reading(120 * SECOND, 11 * SECOND)), closed(&[0]));
}

#[test]
fn a_wall_clock_that_went_ahead_ends_earlier_and_stays_so() {
    let mut desk = Desk::new(&[(0, 20)]);
    desk.pass(at(5));
    desk.pass(reading(106 * SECOND, 16 * SECOND));
    assert_eq!(desk.terms(), [(0, term(-10, 10))]);
    desk.pass(reading(107 * SECOND, 7 * SECOND));
    assert_eq!(desk.terms(), [(0, term(0, 10))]);
}

#[test]
fn a_beginning_moves_with_the_wall_clock() {
    let mut desk = Desk::new(&[(10, 60)]).ahead(4);
    desk.pass(at(8));
    desk.pass(reading(109 * SECOND, 4 * SECOND));
    assert_eq!(desk.terms(), [(0, term(15, 60))], "back: later, and the end stays");
    desk.pass(reading(110 * SECOND, 11 * SECOND));
    assert_eq!(desk.terms(), [(0, term(9, 59))], "forward: it has begun, and ends earlier");
    assert!(desk.terms.is_live(0));
    assert_eq!(desk.pass(reading(112 * SECOND, 9 * SECOND)), Step::default());
    assert_eq!(desk.terms(), [(0, term(13, 59))], "back before it: it selects nothing");
    assert!(!desk.terms.is_live(0));
    desk.pass(reading(113 * SECOND, 10 * SECOND));
    assert!(desk.terms.is_live(0));
}

#[test]
fn readings_that_took_a_while_do_not_begin_an_order_earlier() {
    let mut desk = Desk::new(&[(10, 60)]).ahead(4);
    let begin = |desk: &Desk| desk.terms()[0].1.begin;
    let late = 40_000;
    desk.pass(reading(107 * SECOND, 7 * SECOND + late));
    assert_eq!(begin(&desk), boot(10).minus(40_000), "nothing better is known");
    desk.pass(at(8));
    assert_eq!(begin(&desk), boot(10));
    desk.pass(reading(109 * SECOND, 9 * SECOND + late));
    assert_eq!(begin(&desk), boot(10));
    desk.pass(reading(109 * SECOND, 9 * SECOND + 60_000));
    assert_eq!(begin(&desk), boot(10).minus(60_000), "a clock that was set");
}

#[test]
fn a_slot_is_free_once_the_generation_without_its_order_is_published() {
    let mut all = vec![(0, 10); 64];
    all.push((10, 20));
    let mut desk = Desk::new(&all);
    desk.pass(at(0));
    assert_eq!(desk.terms().len(), 64);
    let step = desk.pass(at(10));
    assert_eq!((step.close.len(), step.starved), (64, 1));
    assert_eq!(desk.pass(at(10)), Step::default());
    assert_eq!(desk.terms().len(), 1);
}

#[test]
fn one_that_has_begun_goes_before_one_that_has_not() {
    let mut all = vec![(0, 10); 63];
    all.push((10, 20));
    let mut desk = Desk::new(&all).ahead(8);
    desk.pass(at(2));
    assert_eq!(desk.terms().len(), 64);
    let mut another = desk.standings[63].clone();
    another.not_before = wall(3 * SECOND);
    desk.standings.push(another);
    let step = desk.advance(at(3));
    assert_eq!(step, Step { starved: 1, ..closed(&[63]) }, "its slot is asked back");
    let under_way = desk.selected();
    assert!(desk.publish());
    assert_eq!(under_way.len(), 63);
    assert_eq!(desk.pass(at(3)), Step::default());
    assert_eq!(desk.terms().last(), Some(&(63, term(3, 20))));
    assert!(desk.terms.is_live(64) && !desk.terms.is_live(63));
    let step = desk.pass(at(10));
    assert_eq!((step.close.len(), step.starved), (63, 1));
    desk.pass(at(10));
    assert!(desk.terms.is_live(63), "and it has one when it begins");
}

#[test]
fn a_generation_that_was_overtaken_frees_nothing() {
    let mut desk = Desk::new(&[(0, 60), (5, 60)]);
    desk.pass(at(0));
    desk.advance(at(5));
    assert!(desk.terms.take_stale());
    let under_way = desk.selected();
    // One of them ends while the generation with both is compiled.
    desk.standings[0].fate = Fate::Over;
    assert_eq!(desk.advance(at(6)), closed(&[0]));
    desk.published(&under_way);
    assert_eq!(desk.terms(), [(1, term(5, 60))]);
    desk.standings.push(desk.standings[1].clone());
    desk.pass(at(7));
    assert_eq!(desk.selected(), [(1, 1), (2, 2)], "0 is not free yet");
}

/// Two orders, of which the second takes the first one's place at second 40.
fn succession(until: i64) -> Desk {
    let mut desk = Desk::new(&[(0, 60), (40, until)]);
    desk.standings[1].succeeds = vec![0];
    desk.pass(at(0));
    desk
}

/// The same, and the second one has begun.
fn succeeded(until: i64) -> Desk {
    let mut desk = succession(until);
    desk.standings[0].fate = Fate::Yielding;
    desk
}

#[test]
fn a_successor_takes_over_in_the_kernel() {
    for first_ends in [40, 60] {
        let mut desk = succession(90).ahead(5);
        desk.standings[0].end = wall(first_ends * SECOND);
        desk.advance(at(35));
        let first = (0, term(0, first_ends));
        assert_eq!(desk.terms(), [first, (1, term(40, 90))], "its tables are not there yet");
        desk.publish();
        desk.pass(at(36));
        let both = [(0, term(0, 40)), (1, term(40, 90))];
        assert_eq!(desk.terms(), both, "one number for both");
        assert_eq!(desk.terms.next_boundary(at(36)), Some(boot(40)));

        // The clock goes back, then forward: both move, but no order beyond its end.
        desk.pass(reading(137 * SECOND, 34 * SECOND));
        let end = first_ends.min(43);
        assert_eq!(desk.terms(), [(0, Term { begin: boot(3), end: boot(end) }), (1, term(43, 90))]);
        desk.pass(at(38));
        assert_eq!(desk.terms(), both);

        // Its successor is over before it begins: it goes on, as long as it may itself.
        desk.standings[1].fate = Fate::Over;
        assert_eq!(desk.pass(at(39)), closed(&[1]));
        assert_eq!(desk.terms(), [first]);
    }
}

#[test]
fn what_the_readings_differ_by_leaves_no_gap() {
    let mut desk = succession(90).ahead(5);
    desk.standings[0].end = wall(40 * SECOND);
    desk.pass(reading(110 * SECOND, 10 * SECOND + 45_000));
    desk.pass(at(36));
    desk.pass(at(37));
    let met = boot(40).minus(45_000);
    let terms = desk.terms();
    assert_eq!((terms[0].1.end, terms[1].1.begin), (met, met));
    // More than that is a clock that was ahead once: the order has ended by what there is evidence
    // for, and the other has not begun.
    desk.pass(reading(138 * SECOND, 38 * SECOND + 200_000));
    desk.pass(at(39));
    let terms = desk.terms();
    assert_eq!((terms[0].1.end, terms[1].1.begin), (boot(40).minus(200_000), boot(40)));
}

#[test]
fn a_successor_whose_tables_come_late_leaves_no_gap_either() {
    let mut desk = succeeded(90);
    assert_eq!(desk.advance(at(40)), narrowed(0, term(0, 60)), "the first one's term stands");
    assert_eq!(desk.terms(), [(1, term(40, 90))], "no tables lead to it");
    assert_eq!(desk.selected(), [(1, 1)]);
    assert!(desk.publish());
    assert_eq!(desk.advance(at(41)), closed(&[0]));
    assert!(!desk.publish());
}

/// The same where every slot is taken.
#[test]
fn a_successor_takes_the_slot_if_it_must() {
    let mut all = vec![(0, 100); 64];
    all[0] = (0, 60);
    all.push((40, 90));
    let mut desk = Desk::new(&all).ahead(5);
    desk.standings[64].succeeds = vec![0];
    desk.pass(at(0));
    assert_eq!(desk.pass(at(39)), Step::default(), "there is none for it ahead of its term");
    desk.standings[0].fate = Fate::Yielding;
    let step = desk.advance(at(40));
    assert_eq!(step, narrowed(0, term(0, 60)));
    assert!(desk.terms().iter().all(|(slot, _)| *slot != 0), "the tables lead to the first one");
    assert_eq!(desk.selected().last(), Some(&(64, 0)));
    assert!(desk.publish());
    assert_eq!(desk.terms().last(), Some(&(0, term(40, 90))));
    assert_eq!(desk.advance(at(41)), Step::default());
    assert!(!desk.publish());
}

#[test]
fn what_yields_does_not_outlast_its_successor() {
    let mut desk = succeeded(50);
    let step = desk.advance(at(40));
    assert_eq!(step, narrowed(0, term(0, 50)));
}

#[test]
fn what_yields_is_closed_when_it_must_or_when_nobody_comes() {
    let mut desk = succeeded(90);
    desk.advance(at(40));
    desk.standings[0].fate = Fate::Over;
    assert_eq!(desk.advance(at(41)), closed(&[0]), "revoked while its successor is compiled");
    desk.publish();
    assert_eq!(desk.terms(), [(1, term(40, 90))]);

    let mut desk = succeeded(90);
    desk.advance(at(40));
    desk.standings[1].fate = Fate::Over;
    let step = desk.advance(at(41));
    assert_eq!(step.close, closed(&[1, 0]).close);
    desk.publish();
    assert_eq!((desk.terms(), desk.selected()), (vec![], vec![]));

    let mut desk = succeeded(90);
    desk.standings[1].fate = Fate::Over;
    assert_eq!(desk.advance(at(40)), closed(&[0]), "its successor is over before it began");
}

/// One thing that happens to the clocks: nanoseconds of boot time that pass, and where the wall
/// clock is afterwards, relative to where it should be.
fn steps() -> impl Strategy<Value = Vec<(i64, i64)>> {
    prop::collection::vec((0..10 * SECOND, -60 * SECOND..60 * SECOND), 1..40)
}

proptest! {
    #[test]
    fn no_order_selects_outside_its_term(
        orders in prop::collection::vec((-50i64..200, 1i64..100), 1..80),
        steps in steps(),
        ahead in 0i64..20,
        publish in prop::collection::vec(any::<bool>(), 40),
    ) {
        let orders: Vec<(i64, i64)> =
            orders.into_iter().map(|(from, length)| (from, from + length)).collect();
        let mut desk = Desk::new(&orders).ahead(ahead);
        let mut readings: Vec<Reading> = Vec::new();
        let (mut boot, mut drift) = (1_000 * SECOND, 0);
        for ((passed, step), publish) in steps.into_iter().zip(publish) {
            boot += passed;
            // Every other step leaves the wall clock alone.
            if step % 2 == 0 {
                drift = step;
            }
            let now = reading(boot, boot - 1_000 * SECOND + drift);
            readings.push(now);
            desk.advance(now);
            let taken = desk.selected();
            for (_, slot) in &taken {
                prop_assert!(*slot < MOST_ORDERS);
                prop_assert_eq!(taken.iter().filter(|(_, other)| other == slot).count(), 1);
            }
            if publish {
                desk.publish();
            }
            let open = desk.terms();
            for (position, slot) in desk.selected() {
                let Some((_, term)) = open.iter().find(|(other, _)| *other == slot) else {
                    continue;
                };
                let (from, until) = (wall(orders[position].0 * SECOND), orders[position].1);
                let deadline = term.end;
                prop_assert_eq!(now.wall >= from, term.begin <= now.boot, "not by its term");
                prop_assert!(deadline > now.boot, "selected after its deadline");
                for earlier in &readings {
                    let left = wall(until * SECOND).as_nanosecond() - earlier.wall.as_nanosecond();
                    let end = i128::from(earlier.boot.as_nanos()) + left;
                    prop_assert!(i128::from(deadline.as_nanos()) <= end, "prolonged");
                }
            }
        }
    }
}

/// A wall clock that runs up to 0.1 % fast or slow, as over a smeared leap second, but more and for
/// longer than any smear: the rate changes every minute or so. In parts per million.
fn rates() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(-1_000i64..=1_000, 1..60)
}

proptest! {
    /// The boot clock stands for true time here. The deadline is where the wall clock, at the reading
    /// at which it was furthest ahead, saw the end. So the order ends no later than the first reading
    /// was behind, however slow the clock runs afterwards, and no earlier than the clock ran ahead.
    #[test]
    fn a_smeared_clock_prolongs_nothing(
        rates in rates(),
        first in -SECOND..SECOND,
        length in 1i64..3_600,
    ) {
        let mut desk = Desk::new(&[(0, length)]);
        let (mut boot, mut ahead, mut furthest) = (1_000 * SECOND, first, i64::MIN);
        let true_end = boot + length * SECOND;
        'term: for rate in rates {
            for _ in 0..60 {
                furthest = furthest.max(ahead);
                let since = boot - 1_000 * SECOND + ahead;
                desk.pass(reading(boot, since));
                let end = true_end - furthest;
                let deadlines = desk.terms();
                if boot >= end {
                    prop_assert!(deadlines.is_empty(), "goes on {} ns after its end", boot - end);
                    break 'term;
                }
                prop_assert!(since < 0 || !deadlines.is_empty(), "ended too early");
                prop_assert!(end <= true_end - first, "prolonged");
                for (_, term) in deadlines {
                    prop_assert_eq!(i64::try_from(term.end.as_nanos()).unwrap(), end);
                }
                boot += SECOND;
                ahead += rate * 1_000;
            }
        }
    }
}

/// Slots 3 and 5 of the tables in the kernel belong to orders 1 and 0, slot 0 to none of ours.
fn adopting(all: &[(i64, i64)]) -> Desk {
    let mut desk = Desk::new(all);
    let slots = [(0, None), (3, Some(1)), (5, Some(0))];
    desk.terms.adopt(slots.map(|(slot, position)| (Slot::new(slot), position)).into());
    desk
}

#[test]
fn an_order_goes_on_in_the_slot_that_it_has() {
    let mut desk = adopting(&[(0, 20), (0, 15), (0, 20)]);
    let step = desk.advance(at(10));
    assert_eq!(step.close, closed(&[0]).close, "of an order that is not ours, at once");
    let ours = [(5, term(0, 20)), (3, term(0, 15)), (1, term(0, 20))];
    assert_eq!(desk.terms(), ours, "whatever the other daemon had set");
    // The third one gets a slot that nothing in the kernel leads to.
    assert_eq!(desk.selected(), [(0, 5), (1, 3), (2, 1)]);
    assert!(desk.publish());
    assert_eq!(desk.advance(at(11)), Step::default());
    assert_eq!(desk.terms(), ours);
}

#[test]
fn what_does_not_go_on_is_closed_and_its_slot_kept_from_others() {
    // Over, not begun by the clock as it reads now, and new.
    let mut desk = adopting(&[(0, 5), (15, 20), (0, 20)]);
    for _ in 0..2 {
        assert_eq!(
            desk.advance(at(10)).close,
            closed(&[0, 3, 5]).close,
            "as long as nothing is published"
        );
        assert_eq!(desk.selected(), [(2, 1)]);
    }
    assert!(desk.publish());
    assert!(desk.advance(at(11)).close.is_empty());
    // All slots are free again.
    desk.pass(at(15));
    assert_eq!(desk.selected(), [(1, 0), (2, 1)]);
}

#[test]
fn tables_that_another_daemon_left_hand_over_too() {
    let mut desk = adopting(&[(0, 60), (40, 90)]).ahead(5);
    desk.standings[1].succeeds = vec![0];
    desk.advance(at(36));
    assert_eq!(desk.terms(), [(5, term(0, 40)), (3, term(40, 90))]);
}
