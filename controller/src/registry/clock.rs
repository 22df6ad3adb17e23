//! The clocks that decide when orders begin and end, and the one place that weighs them against each other
//! (L-TERM). Only [`Reading::now`] reads a clock.
//!
//! There are two clocks. The wall clock says when a term begins and ends, but it can step. The boot clock never
//! steps, and the kernel compares deadlines with it. Where they disagree, the reading that selects less counts:
//!
//! - **The end** is judged by the *latest* time that any reading gives evidence of: the highest wall reading
//!   ever seen, even before a restart, plus the boot time since then. So a wall clock that goes back prolongs and
//!   revives nothing.
//! - **The beginning** is judged by the wall clock as it reads *now*. A wall clock that ran ahead does not begin
//!   an order twice: what has ended stays ended.

use jiff::{SignedDuration, Timestamp};
use sensor_common::boot_time::BootTime;

use crate::kernel::clock::boot_and_wall;

/// Both clocks, read together. The boot clock is read first, so that time that passes between the two makes a
/// deadline earlier, not later.
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

/// The latest time that readings so far give evidence of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Clock {
    highest: Timestamp,
    /// The boot time at which it was `highest`; `None` if `highest` is from before a restart.
    boot: Option<BootTime>,
}

impl Clock {
    /// A clock that has seen `highest` before a restart.
    pub const fn new(highest: Timestamp) -> Self {
        Self { highest, boot: None }
    }

    /// The latest time that there is evidence of, at this reading.
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

    /// The latest time as of the last reading, to be remembered over a restart.
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
