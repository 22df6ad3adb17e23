//! The clock and the power of a machine that is the test's own. On any other machine this refuses to do
//! anything.

use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime, clock_settime};
use sekisho_guest::PARAMETER;

/// The wall clock of this machine, held by one test at a time. Dropping it takes back the steps that were
/// made.
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
        Self { stepped: 0, _alone: test_machine("steps the clock of the machine") }
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

/// Takes a virtual machine that was booted for tests.
fn test_machine(why: &str) -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let parameters = fs::read_to_string("/proc/cmdline").expect("procfs is mounted");
    assert!(
        parameters.split_whitespace().any(|parameter| parameter == PARAMETER),
        "this test {why}: run `cargo xtask vm-test`"
    );
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The alarm of the first real-time clock, which wakes the machine.
const ALARM: &str = "/sys/class/rtc/rtc0/wakealarm";

/// The power of this machine, held by one test at a time.
#[derive(Debug)]
pub struct Power {
    _alone: MutexGuard<'static, ()>,
}

impl Power {
    /// Takes the power of a virtual machine that was booted for tests.
    ///
    /// # Panics
    /// On any other machine: it is other people's, too.
    pub fn of_a_test_machine() -> Self {
        Self { _alone: test_machine("suspends the machine") }
    }

    /// Suspends the machine to memory for about so many seconds, and returns for how long it was
    /// suspended by the kernel's own clocks.
    ///
    /// # Panics
    /// Where the kernel refuses.
    pub fn suspend(&mut self, seconds: u64) -> Duration {
        let before = suspended();
        // An alarm that was set before has to go first.
        for alarm in ["0".to_owned(), format!("+{seconds}")] {
            fs::write(ALARM, alarm).expect("a real-time clock that wakes the machine");
        }
        fs::write("/sys/power/state", "mem").expect("a machine that can be suspended");
        suspended().saturating_sub(before)
    }
}

/// For how long the machine was suspended since it was booted: what one of two clocks left out.
fn suspended() -> Duration {
    let awake = Duration::from_nanos(controller::kernel::clock::monotonic_time());
    since_boot().saturating_sub(awake)
}

/// Time since the machine was booted, by a clock that is never stepped.
pub fn since_boot() -> Duration {
    Duration::from_nanos(controller::kernel::clock::boot_time().as_nanos())
}
