//! Sequences of steps with what the kernel must select for after each. A model under which nothing was
//! ever in force would prove nothing.

use super::law::Step;

/// A step, and the ids of the orders for which packets are selected after it, all of serial 1.
pub type Told = (Step, Vec<usize>);

const fn install(id: usize, from: i64, length: i64, extends: Option<(usize, u64)>) -> Step {
    Step::Install { id, serial: 1, from, length, extends, signers: 2 }
}

/// An order and its extension, through everything that may happen to them.
pub fn a_long_life() -> Vec<Told> {
    vec![
        (install(0, -1, 50, None), vec![]),
        (Step::Compiled, vec![]),
        (Step::Compiled, vec![0]),
        (install(1, 10, 60, Some((0, 1))), vec![0]),
        (Step::Pass(10), vec![0]),
        (Step::Compiled, vec![1]),
        (Step::Rotate, vec![1]),
        (Step::Halt, vec![]),
        (Step::Pass(1), vec![]),
        (Step::Restart, vec![]),
        (Step::Compiled, vec![]),
        (Step::Resume, vec![]),
        (Step::Pass(1), vec![1]),
        (Step::Hang(9), vec![1]),
        (Step::Hang(1), vec![]),
        (Step::Pass(0), vec![1]),
        (Step::Set(-40), vec![]),
        (Step::Set(40), vec![1]),
        (Step::Set(60), vec![]),
        (Step::Set(-60), vec![]),
    ]
}

/// Extensions that take over while the daemon hangs, in the kernel itself.
pub fn handed_over() -> Vec<Told> {
    vec![
        (Step::Compiled, vec![]),
        (install(0, -1, 50, None), vec![]),
        (Step::Compiled, vec![0]),
        // From second 29 on.
        (Step::Extend { last: 0, by: 1, before: 20, length: 60 }, vec![0]),
        (Step::Pass(20), vec![0]),
        (Step::Compiled, vec![0]),
        (Step::Hang(8), vec![0]),
        (Step::Hang(1), vec![1]),
        (Step::Pass(0), vec![1]),
        (Step::Compiled, vec![1]),
        // From second 89 on, which is when the other one ends.
        (Step::Extend { last: 0, by: 2, before: 0, length: 30 }, vec![1]),
        (Step::Pass(51), vec![1]),
        // The next daemon finds it in the tables.
        (Step::Compiled, vec![1]),
        (Step::Crash, vec![1]),
        (Step::Pass(4), vec![1]),
        (Step::Compiled, vec![1]),
        (Step::Hang(4), vec![1]),
        (Step::Hang(1), vec![2]),
        (Step::Set(-5), vec![]),
        (Step::Pass(4), vec![]),
        (Step::Pass(1), vec![2]),
    ]
}
