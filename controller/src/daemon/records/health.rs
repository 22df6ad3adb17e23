//! Whether records are kept. The loop asks before it renews the lease, so that nothing is selected that
//! cannot be kept (L-INSPECT).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock};

use sensor_common::boot_time::BootTime;
use tokio::sync::Notify;

/// A write that takes longer than this, in nanoseconds, counts as a failure until it is done.
const STALLED: u64 = 1_000_000_000;

/// The state of draining and writing, and of the last tick.
#[derive(Debug, Default)]
pub struct Health {
    /// A failure for good, with which the daemon ends. Trouble that may pass is in `output`.
    failure: OnceLock<String>,
    failed: Notify,
    /// Boot-time nanoseconds at which the write in progress began; 0 if there is none.
    writing_since: AtomicU64,
    /// Why the output does not take records, or may have lost some, for the time being.
    output: RwLock<Option<String>>,
    /// Why the last tick did not renew the lease.
    withheld: RwLock<Option<String>>,
}

impl Health {
    /// Draining or writing failed; only the first failure counts.
    pub fn fail(&self, reason: String) {
        // A second failure is usually a consequence of the first.
        let _ = self.failure.set(reason);
        self.failed.notify_one();
    }

    /// Waits for a failure. To be awaited in one place.
    pub async fn failed(&self) -> &str {
        loop {
            if let Some(reason) = self.failure.get() {
                return reason;
            }
            self.failed.notified().await;
        }
    }

    /// A write begins at `now`.
    pub fn writing(&self, now: BootTime) {
        self.writing_since.store(now.as_nanos().max(1), Ordering::Relaxed);
    }

    /// The write is done.
    pub fn written(&self) {
        self.writing_since.store(0, Ordering::Relaxed);
    }

    /// Notes that the output has trouble, or none any more. Nothing is selected in the meantime, but the
    /// daemon goes on: an operator who makes room need not start the sensor again.
    pub fn output(&self, trouble: Option<String>) {
        *self.output.write().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// What trouble the output has.
    pub fn output_trouble(&self) -> Option<String> {
        self.output.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why the lease must not be renewed at `now`, if there is a reason.
    pub fn objection(&self, now: BootTime) -> Option<String> {
        if let Some(reason) = self.failure.get() {
            return Some(reason.clone());
        }
        if let Some(trouble) = self.output_trouble() {
            return Some(trouble);
        }
        let since = self.writing_since.load(Ordering::Relaxed);
        let stalled = since != 0 && now.since(BootTime::from_nanos(since)) > STALLED;
        stalled.then(|| "the output has not taken records for more than a second".to_owned())
    }

    /// Notes whether the last tick renewed the lease, for status and metrics.
    pub fn note(&self, withheld: Option<String>) {
        *self.withheld.write().unwrap_or_else(PoisonError::into_inner) = withheld;
    }

    /// Why the last tick did not renew the lease.
    pub fn withheld(&self) -> Option<String> {
        self.withheld.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_hangs_is_an_objection_until_it_is_done() {
        let (health, begun) = (Health::default(), BootTime::from_nanos(10));
        health.writing(begun);
        assert_eq!(health.objection(begun.plus(STALLED)), None);
        assert!(health.objection(begun.plus(STALLED + 1)).is_some());
        health.written();
        assert_eq!(health.objection(begun.plus(STALLED + 1)), None);
    }

    #[test]
    fn trouble_of_the_output_is_an_objection_that_passes_and_no_failure() {
        let health = Health::default();
        health.output(Some("records.ndjson: no space".into()));
        assert_eq!(health.objection(BootTime::ZERO), Some("records.ndjson: no space".into()));
        assert!(health.failure.get().is_none());
        health.output(None);
        assert_eq!(health.objection(BootTime::ZERO), None);
    }

    #[test]
    fn the_first_failure_stays() {
        let health = Health::default();
        health.fail("disk full".into());
        health.fail("channel closed".into());
        assert_eq!(health.objection(BootTime::ZERO), Some("disk full".into()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert_eq!(runtime.block_on(health.failed()), "disk full");
    }
}
