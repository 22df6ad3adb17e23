//! A sensor under attack: random acts of somebody who wants to stop it, blind it or keep it from being
//! halted, with the kernel's counters as the judge.
//!
//! | file | job |
//! |---|---|
//! | `attack` | what can be done |
//! | `judge` | what the kernel counted, whatever the daemon says |
//! | `crowd` | connections that are only in the way |
//! | `world` | the sensor, its traffic, and carrying out an attack |
//!
//! What must hold after every attack:
//!
//! - a daemon ends only when it is killed or handed over;
//! - a halt returns within a second, with success, and from then on nothing is selected until somebody
//!   resumes, whatever is killed, stopped, restarted or out of space meanwhile;
//! - at the end, every record that the kernel submitted is in an output, once.

pub mod attack;
pub mod crowd;
pub mod judge;
mod world;

use std::fmt;
use std::time::{Duration, Instant};

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, TestRunner};

use self::world::World;
use crate::seed::random;

/// What came of a siege.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// Attacks carried out.
    pub attacks: u64,
    /// Halts among them, each within [`world::HALT_LIMIT`].
    pub halts: u64,
    /// The slowest halt, from the command's start to its end.
    pub slowest: Duration,
    /// Records that the kernel submitted, all of which were found.
    pub records: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attacks, halts, slowest, records } = self;
        write!(
            f,
            "{attacks} attacks; {halts} of {halts} halts within a second, the slowest in {} ms; all of \
             {records} records accounted for",
            slowest.as_millis()
        )
    }
}

/// Attacks a sensor for some time. The same seed gives the same attacks, though not at the same
/// moments.
///
/// # Panics
/// Where something does not hold; the attacks before are on standard error.
pub fn lay(time: Duration, seed: u64) -> Report {
    let mut runner = TestRunner::new_with_rng(Config::default(), random(seed));
    let attacks = attack::any();
    let mut world = World::new();
    let start = Instant::now();
    while start.elapsed() < time {
        let attack = attacks.new_tree(&mut runner).expect("nothing is rejected").current();
        eprintln!("{:>8.3} s  {attack:?}", start.elapsed().as_secs_f64());
        world.suffer(attack);
    }
    world.lift()
}
