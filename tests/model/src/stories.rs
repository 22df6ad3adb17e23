//! Sequences of steps with what the kernel must select for after each. A model under which nothing was
//! ever in force would prove nothing.

use super::law::Step;

/// A step, and the orders, by id and serial, for which packets are selected after it.
pub type Told = (Step, Vec<(usize, u64)>);

const fn install(id: usize, from: i64, length: i64) -> Step {
    Step::Install { id, serial: 1, from, length, slack: 0, extends: false, signers: 2 }
}

const FIRST: (usize, u64) = (0, 1);
const SECOND: (usize, u64) = (0, 2);
const THIRD: (usize, u64) = (0, 3);

/// An order and the one that follows it under an extension, through everything that may happen to them.
pub fn a_long_life() -> Vec<Told> {
    vec![
        (install(0, -1, 50), vec![]),
        (Step::Compiled, vec![]),
        (Step::Compiled, vec![FIRST]),
        // From second 10 on.
        (Step::Extend { last: 0, before: 39, length: 60 }, vec![FIRST]),
        (Step::Pass(10), vec![FIRST]),
        (Step::Compiled, vec![SECOND]),
        (Step::Rotate, vec![SECOND]),
        (Step::Halt, vec![]),
        (Step::Pass(1), vec![]),
        (Step::Restart, vec![]),
        (Step::Compiled, vec![]),
        (Step::Resume, vec![]),
        (Step::Pass(1), vec![SECOND]),
        (Step::Hang(9), vec![SECOND]),
        (Step::Hang(1), vec![]),
        (Step::Pass(0), vec![SECOND]),
        (Step::Set(-40), vec![]),
        (Step::Set(40), vec![SECOND]),
        (Step::Set(60), vec![]),
        (Step::Set(-60), vec![]),
    ]
}

/// Higher serials that take over while the daemon hangs, in the kernel itself, also across extensions.
pub fn handed_over() -> Vec<Told> {
    vec![
        (Step::Compiled, vec![]),
        (install(0, -1, 50), vec![]),
        (Step::Compiled, vec![FIRST]),
        // From second 29 on.
        (Step::Extend { last: 0, before: 20, length: 60 }, vec![FIRST]),
        (Step::Pass(20), vec![FIRST]),
        (Step::Compiled, vec![FIRST]),
        (Step::Hang(8), vec![FIRST]),
        (Step::Hang(1), vec![SECOND]),
        (Step::Pass(0), vec![SECOND]),
        (Step::Compiled, vec![SECOND]),
        // From second 89 on, which is when the other one ends.
        (Step::Extend { last: 0, before: 0, length: 30 }, vec![SECOND]),
        (Step::Pass(51), vec![SECOND]),
        // The next daemon finds it in the tables.
        (Step::Compiled, vec![SECOND]),
        (Step::Crash, vec![SECOND]),
        (Step::Pass(4), vec![SECOND]),
        (Step::Compiled, vec![SECOND]),
        (Step::Hang(4), vec![SECOND]),
        (Step::Hang(1), vec![THIRD]),
        (Step::Set(-5), vec![]),
        (Step::Pass(4), vec![]),
        (Step::Pass(1), vec![THIRD]),
    ]
}

/// A revoked approval takes its orders along, at once and at its moment, also while the daemon hangs.
pub fn revoked() -> Vec<Told> {
    vec![
        (Step::Compiled, vec![]),
        (install(0, -1, 90), vec![]),
        (Step::Compiled, vec![FIRST]),
        (install(1, -1, 90), vec![FIRST]),
        (Step::Compiled, vec![FIRST, (1, 1)]),
        // Of the first one, in five seconds.
        (Step::RevokeApproval { last: 1, effective: 5 }, vec![FIRST, (1, 1)]),
        (Step::Hang(4), vec![FIRST, (1, 1)]),
        (Step::Hang(1), vec![(1, 1)]),
        (Step::Pass(0), vec![(1, 1)]),
        (Step::Compiled, vec![(1, 1)]),
        // At once.
        (Step::RevokeApproval { last: 0, effective: 0 }, vec![]),
        (Step::Restart, vec![]),
        (Step::Compiled, vec![]),
        (Step::Pass(1), vec![]),
    ]
}
