//! The boot-time clock, by which deadlines and lease are measured, in the kernel and here.

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use sensor_common::boot_time::BootTime;

/// The boot-time clock now.
pub fn boot_time() -> BootTime {
    BootTime::from_nanos(read(ClockId::Boottime))
}

/// Nanoseconds of `CLOCK_MONOTONIC`, which stands still during suspend: the clock of systemd.
pub fn monotonic_time() -> u64 {
    read(ClockId::Monotonic)
}

fn read(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    // Neither part is ever negative, and 64 bits of nanoseconds last for 584 years.
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or_default();
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}

/// Both clocks at one moment: the boot-time clock, then the wall clock.
///
/// A process can be stopped between two readings, and everything dated by the pair would be off by that
/// time. So the boot-time clock is read again after the wall clock, and the closest of a few attempts
/// counts.
pub fn boot_and_wall() -> (BootTime, Timestamp) {
    closest(boot_time, Timestamp::now)
}

/// The most attempts; one is enough unless the process is interrupted during it.
const ATTEMPTS: usize = 8;

/// Two clocks that were read within this many nanoseconds count as read at one moment. Ends and beginnings
/// of terms, and the times of records, are off by no more.
const CLOSE: u64 = 1_000;

fn closest<W>(mut boot: impl FnMut() -> BootTime, mut wall: impl FnMut() -> W) -> (BootTime, W) {
    let mut attempt = || {
        let before = boot();
        let reading = wall();
        (boot().since(before), before, reading)
    };
    let mut best = attempt();
    for _ in 1..ATTEMPTS {
        if best.0 <= CLOSE {
            break;
        }
        let next = attempt();
        if next.0 < best.0 {
            best = next;
        }
    }
    (best.1, best.2)
}

/// The kernel's id for this start of the machine; empty if the system does not tell.
pub fn boot_id() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Readings of the boot clock, two for each attempt; the wall clock counts the attempts.
    fn paired(readings: &[u64]) -> (u64, usize) {
        let (mut boots, mut attempts) = (readings.iter().copied(), 0);
        let boot = || BootTime::from_nanos(boots.next().expect("no more attempts than readings"));
        let (boot, attempts) = closest(boot, || {
            attempts += 1;
            attempts
        });
        (boot.as_nanos(), attempts)
    }

    #[test]
    fn readings_that_were_interrupted_do_not_count() {
        assert_eq!(paired(&[100, 110]), (100, 1));
        let (second, long) = (1_000_000_000, 2_000_000_000);
        assert_eq!(paired(&[0, second, long, long + 10]), (long, 2));
        // If all are interrupted, the shortest interruption is the best.
        let mut all = Vec::new();
        for attempt in 0..ATTEMPTS as u64 {
            let gap = if attempt == 4 { 60_000 } else { second };
            all.extend([attempt * long, attempt * long + gap]);
        }
        assert_eq!(paired(&all), (4 * long, 5));
    }
}
