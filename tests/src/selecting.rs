//! Whether a daemon whose wire has a stream on it selects.

use std::time::Duration;

use sensor_common::outcome::Outcome::{Lapsed, Recorded, Unmatched};

use crate::daemon::Daemon;
use crate::machine::since_boot;
use crate::wait::until;

/// More than a tick of the daemon's, in which anything that it may do is done.
const TWO_TICKS: Duration = Duration::from_secs(2);

/// Some packets of a stream.
const SOME: u64 = 100;

/// How many packets were recorded.
pub fn recorded(daemon: &Daemon) -> u64 {
    daemon.status().count(Recorded)
}

fn others(daemon: &Daemon) -> u64 {
    let books = daemon.status();
    books.count(Lapsed) + books.count(Unmatched)
}

/// Waits for more records.
///
/// # Panics
/// Where none come.
pub fn selects(daemon: &Daemon) {
    let goal = recorded(daemon) + SOME;
    until("more records", || (recorded(daemon) >= goal).then_some(()));
}

/// Waits for more packets, over more than a tick, of which none is recorded.
///
/// # Panics
/// Where one is.
pub fn selects_nothing(daemon: &Daemon) {
    let before = recorded(daemon);
    let (goal, start) = (others(daemon) + SOME, since_boot());
    until("packets that are not selected", || {
        (others(daemon) >= goal && since_boot() >= start + TWO_TICKS).then_some(())
    });
    assert_eq!(recorded(daemon), before, "it selects");
}

/// Waits until its one order is in a state.
///
/// # Panics
/// Where it does not get there.
pub fn state(daemon: &Daemon, state: &str) {
    until(state, || (daemon.status().state() == state).then_some(()));
}
