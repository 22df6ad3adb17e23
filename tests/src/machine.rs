//! The clock of a machine that is the test's own. On any other machine this refuses to do anything.

use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime, clock_settime};
use sekisho_guest::PARAMETER;

/// The wall clock of this machine. While one test has it no other has; dropping it takes back the
/// steps that were made.
#[derive(Debug)]
pub struct WallClock {
    /// Seconds, over all steps.
    stepped: i64,
    _alone: MutexGuard<'static, ()>,
}

impl WallClock {
    /// Takes the wall clock of a virtual machine that was booted for tests.
    ///
    /// # Panics
    /// On any other machine: its clock is other people's, too.
    pub fn of_a_test_machine() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let parameters = fs::read_to_string("/proc/cmdline").expect("procfs is mounted");
        assert!(
            parameters.split_whitespace().any(|parameter| parameter == PARAMETER),
            "this test steps the clock of the machine: run `cargo xtask vm-test`"
        );
        Self { stepped: 0, _alone: ALONE.lock().unwrap_or_else(PoisonError::into_inner) }
    }

    /// Steps the clock forward, or back if `seconds` are negative.
    ///
    /// # Panics
    /// Where the kernel refuses.
    pub fn step(&mut self, seconds: i64) {
        set(seconds).expect("root may set the clock");
        self.stepped += seconds;
    }
}

impl Drop for WallClock {
    fn drop(&mut self) {
        // Not a reason to panic within a panic.
        let _ = set(-self.stepped);
    }
}

fn set(seconds: i64) -> rustix::io::Result<()> {
    let now = clock_gettime(ClockId::Realtime);
    clock_settime(ClockId::Realtime, Timespec { tv_sec: now.tv_sec + seconds, ..now })
}

/// Time by a clock that nobody steps, since the machine was booted.
pub fn since_boot() -> Duration {
    Duration::from_nanos(controller::kernel::clock::boot_time())
}
