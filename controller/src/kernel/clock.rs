//! The boot-time clock: the clock of deadlines and lease, in the kernel and here.

/// Nanoseconds of `CLOCK_BOOTTIME`, which goes on during suspend and never steps: the clock that
/// the kernel program reads with `bpf_ktime_get_boot_ns`.
pub fn boot_time() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    // Neither part is ever negative, and 64 bits of nanoseconds last for 584 years.
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or_default();
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}
