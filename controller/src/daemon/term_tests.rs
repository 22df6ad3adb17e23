//! The life of orders under clocks that behave, and under clocks that do not.

use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000_000;

/// A wall clock reading: nanoseconds after an arbitrary moment.
fn wall(nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanosecond(1_900_000_000_000_000_000 + i128::from(nanoseconds)).unwrap()
}

fn reading(boot: i64, wall_clock: i64) -> Reading {
    Reading { boot: u64::try_from(boot).unwrap(), wall: wall(wall_clock) }
}

fn terms(terms: &[(i64, i64)]) -> Terms {
    let term = |(not_before, not_after): &(i64, i64)| Term {
        not_before: wall(not_before * SECOND),
        not_after: wall(not_after * SECOND),
    };
    Terms::new(terms.iter().map(term))
}

/// Advances as the keeper does.
fn advance(terms: &mut Terms, reading: Reading) -> Step {
    let step = terms.advance(reading);
    if step.publish {
        terms.published();
    }
    step
}

fn at(seconds: i64) -> Reading {
    reading((100 + seconds) * SECOND, seconds * SECOND)
}

#[test]
fn an_order_waits_is_in_force_and_ends() {
    let mut terms = terms(&[(10, 20)]);
    let nothing = Step { publish: true, ..Step::default() };
    assert_eq!(advance(&mut terms, at(0)), nothing, "even the empty generation is published");
    assert_eq!(terms.states().next(), Some(State::Waiting));
    assert_eq!(terms.next_boundary(at(0)), Some(110 * 1_000_000_000));
    assert_eq!(advance(&mut terms, at(5)), Step::default());

    assert!(terms.advance(at(10)).publish);
    assert_eq!(terms.selected().collect::<Vec<_>>(), [(0, 0)]);
    assert_eq!(terms.deadlines().count(), 0, "no deadline before the generation is in the kernel");
    terms.published();
    assert_eq!(terms.deadlines().collect::<Vec<_>>(), [(0, 120 * 1_000_000_000)]);
    assert_eq!(terms.next_boundary(at(10)), Some(120 * 1_000_000_000));

    let over = Step { close: vec![0], publish: true, starved: 0 };
    assert_eq!(advance(&mut terms, at(20)), over);
    assert_eq!(terms.states().next(), Some(State::Ended));
    assert_eq!(terms.deadlines().count(), 0);
    assert_eq!(terms.next_boundary(at(20)), None);
    assert_eq!(advance(&mut terms, at(15)), Step::default(), "what ended stays ended");
}

#[test]
fn one_that_is_over_from_the_start_is_never_installed() {
    let mut terms = terms(&[(-20, -10), (-20, 0)]);
    advance(&mut terms, at(0));
    assert!(terms.states().all(|state| state == State::Ended));
    assert_eq!(terms.selected().count(), 0);
}

#[test]
fn a_wall_clock_that_went_back_prolongs_nothing() {
    let mut terms = terms(&[(0, 20)]);
    advance(&mut terms, at(5));
    let before: Vec<_> = terms.deadlines().collect();
    advance(&mut terms, reading(110 * SECOND, SECOND));
    assert_eq!(terms.deadlines().collect::<Vec<_>>(), before);
    advance(&mut terms, reading(120 * SECOND, 11 * SECOND));
    assert_eq!(terms.states().next(), Some(State::Ended));
}

#[test]
fn a_wall_clock_that_went_ahead_ends_earlier_and_stays_so() {
    let mut terms = terms(&[(0, 20)]);
    advance(&mut terms, at(5));
    advance(&mut terms, reading(106 * SECOND, 16 * SECOND));
    assert_eq!(terms.deadlines().collect::<Vec<_>>(), [(0, 110 * 1_000_000_000)]);
    advance(&mut terms, reading(107 * SECOND, 7 * SECOND));
    assert_eq!(terms.deadlines().collect::<Vec<_>>(), [(0, 110 * 1_000_000_000)]);
}

#[test]
fn before_its_beginning_an_order_is_closed_again() {
    let mut terms = terms(&[(10, 60)]);
    advance(&mut terms, at(11));
    let step = advance(&mut terms, reading(112 * SECOND, 9 * SECOND));
    assert_eq!(step, Step { close: vec![0], publish: false, starved: 0 });
    assert_eq!(terms.states().next(), Some(State::Waiting));
    assert_eq!(terms.deadlines().count(), 0);
    let back = reading(113 * SECOND, 10 * SECOND);
    assert_eq!(advance(&mut terms, back), Step::default());
    assert_eq!(terms.deadlines().collect::<Vec<_>>(), [(0, 160 * 1_000_000_000)]);
}

#[test]
fn a_slot_is_free_once_the_generation_without_its_order_is_published() {
    let mut all = vec![(0, 10); 64];
    all.push((10, 20));
    let mut terms = terms(&all);
    advance(&mut terms, at(0));
    assert_eq!(terms.deadlines().count(), 64);
    let step = advance(&mut terms, at(10));
    assert_eq!((step.close.len(), step.starved), (64, 1));
    assert_eq!(advance(&mut terms, at(10)), Step { publish: true, ..Step::default() });
    assert_eq!(terms.deadlines().count(), 1);
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
        publish in prop::collection::vec(any::<bool>(), 40),
    ) {
        let orders: Vec<(i64, i64)> =
            orders.into_iter().map(|(from, length)| (from, from + length)).collect();
        let mut terms = terms(&orders);
        let mut readings: Vec<Reading> = Vec::new();
        let mut ended = vec![false; orders.len()];
        let (mut boot, mut drift) = (1_000 * SECOND, 0);
        for ((passed, step), publish) in steps.into_iter().zip(publish) {
            boot += passed;
            // Every other step leaves the wall clock alone.
            if step % 2 == 0 {
                drift = step;
            }
            let now = reading(boot, boot - 1_000 * SECOND + drift);
            readings.push(now);
            let before: Vec<(u32, u64)> = terms.deadlines().collect();
            let step = terms.advance(now);
            let taken: Vec<(usize, u32)> = terms.selected().collect();
            for (_, slot) in &taken {
                prop_assert!(*slot < MOST_ORDERS);
                prop_assert_eq!(taken.iter().filter(|(_, other)| other == slot).count(), 1);
                // A slot that was closed for good in this step is nobody else's yet.
                prop_assert!(!step.close.contains(slot)
                    || before.iter().any(|(other, _)| other == slot)
                    || terms.deadlines().all(|(other, _)| other != *slot));
            }
            if publish && step.publish {
                terms.published();
            }
            let open: Vec<(u32, u64)> = terms.deadlines().collect();
            for (position, slot) in terms.selected() {
                let Some((_, deadline)) = open.iter().find(|(other, _)| *other == slot) else {
                    continue;
                };
                let (from, until) = (wall(orders[position].0 * SECOND), orders[position].1);
                prop_assert!(now.wall >= from, "selected before its term");
                prop_assert!(*deadline > now.boot, "selected after its deadline");
                for earlier in &readings {
                    let left = wall(until * SECOND).as_nanosecond() - earlier.wall.as_nanosecond();
                    let end = i128::from(earlier.boot) + left;
                    prop_assert!(i128::from(*deadline) <= end, "prolonged");
                }
            }
            for ((state, ended), (_, until)) in terms.states().zip(&mut ended).zip(&orders) {
                prop_assert!(!*ended || state == State::Ended, "revived");
                *ended = state == State::Ended;
                prop_assert!(*ended || now.wall < wall(until * SECOND), "outlived its term");
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
        let mut terms = terms(&[(0, length)]);
        let (mut boot, mut ahead, mut furthest) = (1_000 * SECOND, first, i64::MIN);
        let true_end = boot + length * SECOND;
        'term: for rate in rates {
            for _ in 0..60 {
                furthest = furthest.max(ahead);
                let now = reading(boot, boot - 1_000 * SECOND + ahead);
                advance(&mut terms, now);
                let end = true_end - furthest;
                if terms.states().next() == Some(State::Ended) {
                    prop_assert!(boot >= end, "ended too early");
                    break 'term;
                }
                prop_assert!(boot < end, "goes on {} ns after its end", boot - end);
                prop_assert!(end <= true_end - first, "prolonged");
                for (_, deadline) in terms.deadlines() {
                    prop_assert_eq!(i64::try_from(deadline).unwrap(), end);
                }
                boot += SECOND;
                ahead += rate * 1_000;
            }
        }
    }
}
