//! Names in the kernel object: those of statics and functions in `sensor-ebpf`. A test loads it, so that a
//! mismatch cannot go unnoticed.

pub(super) const PROGRAM: &str = "sekisho";
pub(super) const SEGMENTS: &str = "SEGMENTS";
pub(super) const ACTIVE: &str = "ACTIVE";
pub(super) const TERMS: &str = "TERMS";
pub(super) const LEASE: &str = "LEASE";
pub(super) const STORE: &str = "STORE";
pub(super) const RECORDS: &str = "RECORDS";
pub(super) const COUNTERS: &str = "COUNTERS";
pub(super) const INLINE: &str = "INLINE";
pub(super) const ENTERED: &str = "ENTERED";
pub(super) const WAKE_EVERY: &str = "WAKE_EVERY";
pub(super) const LOG_LEVEL: &str = aya_log::LEVEL;
