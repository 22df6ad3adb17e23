//! Waiting for a condition, or for a moment of the wall clock, but never forever.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// Generous: everything that is waited for takes far less, even in an emulated machine.
pub const LIMIT: Duration = Duration::from_secs(60);

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(5);

/// Waits until `condition` yields something.
///
/// # Panics
/// After [`LIMIT`].
pub fn until<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    let value = in_time(condition);
    value.unwrap_or_else(|| panic!("waited {} s in vain for {what}", LIMIT.as_secs()))
}

/// What `condition` yields, if it does within [`LIMIT`].
pub fn in_time<T>(mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        let value = condition();
        if value.is_some() || start.elapsed() >= LIMIT {
            return value;
        }
        std::thread::sleep(POLL);
    }
}

/// Waits until the wall clock has reached a moment.
///
/// # Panics
/// After [`LIMIT`].
pub fn until_time(moment: Timestamp) {
    until("a moment", || (Timestamp::now() >= moment).then_some(()));
}

/// A moment, some milliseconds after another; before it, if they are negative.
pub fn after(moment: Timestamp, milliseconds: i64) -> Timestamp {
    moment + SignedDuration::from_millis(milliseconds)
}
