//! The clocks that the life of orders goes by, and the one place where they are weighed against each
//! other (L-TERM). Only [`Reading::now`] reads a clock.
//!
//! Two clocks count. The wall clock says when a term begins and ends, but it steps; the boot clock
//! never steps, and the kernel compares deadlines with it. Where they disagree, the reading that
//! selects less is taken:
//!
//! - **The end** is judged by the *latest* time that any reading was evidence for: the highest wall
//!   reading ever seen, also before a restart, plus the boot time since. A wall clock that went back
//!   prolongs and revives nothing.
//! - **The beginning** is judged by the wall clock as it reads *now*. One that runs ahead begins
//!   nothing twice: what ended stays ended.

use jiff::{SignedDuration, Timestamp};
use sensor_common::boot_time::BootTime;

use crate::kernel::clock::boot_and_wall;

/// Both clocks, read together: the boot clock first, so that what passes between the two brings a
/// deadline forward.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reading {
    /// The boot-time clock.
    pub boot: BootTime,
    /// The wall clock.
    pub wall: Timestamp,
}

impl Reading {
    /// Both clocks as they read at this moment.
    pub fn now() -> Self {
        let (boot, wall) = boot_and_wall();
        Self { boot, wall }
    }
}

/// The latest time that there is evidence for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Clock {
    highest: Timestamp,
    /// The boot time at which `highest` was the time; none for one that comes from before a restart.
    boot: Option<BootTime>,
}

impl Clock {
    /// A clock that was never behind `highest`.
    pub const fn new(highest: Timestamp) -> Self {
        Self { highest, boot: None }
    }

    /// The latest time that there is evidence for, at this reading.
    pub fn latest(&self, reading: Reading) -> Timestamp {
        let passed = self.boot.map_or(0, |boot| reading.boot.since(boot));
        let passed = SignedDuration::from_nanos(i64::try_from(passed).unwrap_or(i64::MAX));
        let floor = self.highest.checked_add(passed).unwrap_or(Timestamp::MAX);
        reading.wall.max(floor)
    }

    /// Takes a reading into account.
    pub fn observe(&mut self, reading: Reading) {
        self.highest = self.latest(reading);
        // A boot clock never goes back while the machine is up.
        self.boot = Some(self.boot.map_or(reading.boot, |boot| boot.max(reading.boot)));
    }

    /// The latest time as it was at the last reading: what has to be remembered over a restart.
    pub const fn highest(&self) -> Timestamp {
        self.highest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_900_000_000 + second).unwrap()
    }

    fn reading(boot: u64, wall: i64) -> Reading {
        Reading { boot: BootTime::from_nanos(boot * 1_000_000_000), wall: at(wall) }
    }

    #[test]
    fn the_latest_time_never_goes_back() {
        let mut clock = Clock::new(at(100));
        assert_eq!(clock.latest(reading(5, 50)), at(100), "remembered from before a restart");
        clock.observe(reading(5, 50));
        assert_eq!(clock.latest(reading(15, 60)), at(110), "and it goes on from there");
        clock.observe(reading(15, 200));
        assert_eq!(clock.latest(reading(16, 0)), at(201), "a step back is no evidence");
        assert_eq!(clock.latest(reading(16, 300)), at(300));
        assert_eq!(clock.highest(), at(200));
    }

    #[test]
    fn the_end_of_time_is_an_end() {
        let mut clock = Clock::new(Timestamp::MAX);
        clock.observe(reading(1, 0));
        assert_eq!(clock.latest(Reading { boot: BootTime::MAX, wall: at(0) }), Timestamp::MAX);
    }
}
