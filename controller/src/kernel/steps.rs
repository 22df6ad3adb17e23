//! Steps of the wall clock, noticed at once.
//!
//! A timer of the wall clock is cancelled whenever that clock is set, by a person or by NTP
//! (`TFD_TIMER_CANCEL_ON_SET`, `timerfd_create(2)`). The kernel also cancels it after a suspend, during which
//! the wall clock and the boot-time clock ran and all others stood still (`timerfd_resume`, kernel commit
//! 66f7b0c8aadd; before that by setting the clock). A clock that is slewed, also over a leap second, does not
//! step; the ticks of the daemon's loop, at most a second apart, follow it.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Notices steps of the wall clock.
#[derive(Debug)]
pub struct ClockSteps(AsyncFd<OwnedFd>);

impl ClockSteps {
    /// Notices steps from now on. To be called inside a tokio runtime.
    ///
    /// # Errors
    /// The kernel's error.
    pub fn watch() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Realtime, flags)?;
        // It never expires; without a time it could not be cancelled.
        let never = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: Timespec { tv_sec: i64::MAX, tv_nsec: 0 },
        };
        let how = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
        timerfd_settime(&timer, how, &never)?;
        register(timer).map(Self)
    }

    /// Waits for the next step, or returns at once if there was one since the last call. Safe to cancel: no step
    /// is missed.
    ///
    /// # Errors
    /// The kernel's error.
    pub async fn stepped(&self) -> io::Result<()> {
        loop {
            let mut ready = self.0.readable().await?;
            let mut expirations = [0; 8];
            match rustix::io::read(self.0.get_ref(), &mut expirations) {
                // The timer was cancelled; this read has armed it again.
                Err(Errno::CANCELED) => {
                    ready.clear_ready();
                    return Ok(());
                }
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                // In the year 292 billion.
                Ok(_) => return Ok(()),
            }
        }
    }
}

#[expect(
    deprecated,
    reason = "its successor is unsafe; the timer keeps one descriptor while it lives"
)]
fn register(timer: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(timer, Interest::READABLE)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A test that steps the clock needs a machine of its own: see `tests/tests/clock.rs`.
    #[test]
    fn nothing_is_told_while_nothing_steps() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let steps = ClockSteps::watch().unwrap();
            let waited = tokio::time::timeout(Duration::from_millis(20), steps.stepped()).await;
            assert!(waited.is_err(), "{waited:?}");
        });
    }
}
