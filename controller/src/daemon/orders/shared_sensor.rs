//! The sensor, shared. It is locked for one operation at a time only, and a halt goes before the one writer
//! of the lease. So a halt waits neither for a compilation nor for the disk (L-MIN).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use sensor_common::boot_time::BootTime;
use sensor_common::tables::{Line, Slot, Term};

use crate::daemon::lock::lock;
use crate::daemon::sensor::{Enforce, SensorError};
use crate::kernel::clock::boot_time;

/// The answer to a halt that a resumption has overtaken ([`SharedSensor::has_overtaken`]).
pub const OVERTAKEN: &str =
    "selection was resumed after the command that asked for this halt had stopped waiting";

/// The sensor, and whether its lease may be renewed.
#[derive(Debug)]
pub struct SharedSensor<E> {
    sensor: Arc<Mutex<E>>,
    /// Read and changed only while the sensor is locked, so that no renewal comes after a halt.
    halted: Mutex<bool>,
    /// When selection was last resumed, in boot-time nanoseconds; 0 if never.
    resumed: AtomicU64,
}

impl<E: Enforce> SharedSensor<E> {
    /// Shares a sensor without a lease.
    pub const fn new(sensor: Arc<Mutex<E>>, halted: bool) -> Self {
        Self { sensor, halted: Mutex::new(halted), resumed: AtomicU64::new(0) }
    }

    /// The sensor.
    pub const fn sensor(&self) -> &Arc<Mutex<E>> {
        &self.sensor
    }

    /// Ends all selection in the kernel, and lets no lease be renewed until [`Self::release`].
    ///
    /// # Errors
    /// [`SensorError`]; even then no lease is renewed.
    pub fn halt(&self) -> Result<(), SensorError> {
        self.halt_unless_overtaken(None).map(drop)
    }

    /// Halts for a command that waits until `waits_until`, unless a resumption has overtaken it. Returns
    /// whether it halted.
    ///
    /// # Errors
    /// [`SensorError`]; no lease is renewed all the same.
    pub fn halt_unless_overtaken(
        &self,
        waits_until: Option<BootTime>,
    ) -> Result<bool, SensorError> {
        let mut sensor = lock(&self.sensor);
        // The sensor stays locked, so a resumption comes either before this question or after the halt.
        if self.has_overtaken(waits_until) {
            return Ok(false);
        }
        *lock(&self.halted) = true;
        // Each of the two ends selection. Both are tried, even if one fails.
        let halted = sensor.set_halted(true);
        sensor.set_lease(BootTime::ZERO).and(halted).map(|()| true)
    }

    /// Whether selection is halted, here or by another process in the kernel.
    ///
    /// # Errors
    /// [`SensorError`].
    pub fn is_halted(&self) -> Result<bool, SensorError> {
        let sensor = lock(&self.sensor);
        Ok(*lock(&self.halted) || sensor.is_halted()?)
    }

    /// Lets the lease be renewed and the kernel select again, as was asked at this boot time.
    ///
    /// # Errors
    /// [`SensorError`]; selection stays halted.
    pub fn release(&self, now: BootTime) -> Result<(), SensorError> {
        let mut sensor = lock(&self.sensor);
        sensor.set_halted(false)?;
        self.resumed.store(now.as_nanos(), Ordering::Relaxed);
        *lock(&self.halted) = false;
        Ok(())
    }

    /// Whether selection was resumed after the halt command had stopped waiting. A daemon that was stopped
    /// reads such a halt too late: the command had halted the kernel itself, and the person who resumed knew
    /// of it. A halt without such a time is never overtaken.
    pub fn has_overtaken(&self, waits_until: Option<BootTime>) -> bool {
        let resumed = BootTime::from_nanos(self.resumed.load(Ordering::Relaxed));
        waits_until.is_some_and(|until| until < resumed)
    }

    /// Renews the lease, unless selection is halted. Returns whether it was renewed.
    ///
    /// # Errors
    /// [`SensorError`].
    pub fn renew(&self, until: BootTime) -> Result<bool, SensorError> {
        let mut sensor = lock(&self.sensor);
        if *lock(&self.halted) {
            return Ok(false);
        }
        sensor.set_lease(until)?;
        Ok(true)
    }
}

impl<E: Enforce> Enforce for &SharedSensor<E> {
    type Tables = E::Tables;

    fn tables(lines: &[Line]) -> Result<Self::Tables, SensorError> {
        E::tables(lines)
    }

    fn publish(&mut self, tables: Self::Tables) -> Result<(), SensorError> {
        lock(&self.sensor).publish(tables)
    }

    fn set_term(&mut self, slot: Slot, term: Term) -> Result<(), SensorError> {
        lock(&self.sensor).set_term(slot, term)
    }

    fn narrow_term(&mut self, slot: Slot, limit: Term) -> Result<(), SensorError> {
        lock(&self.sensor).narrow_term(slot, limit)
    }

    fn set_lease(&mut self, until: BootTime) -> Result<(), SensorError> {
        if until == BootTime::ZERO {
            lock(&self.sensor).set_lease(until)
        } else {
            self.renew(until).map(drop)
        }
    }

    fn set_halted(&mut self, halted: bool) -> Result<(), SensorError> {
        if halted { self.halt() } else { self.release(boot_time()) }
    }

    fn is_halted(&self) -> Result<bool, SensorError> {
        SharedSensor::is_halted(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::samples::kit::kernel::{MemoryKernel, Operation};

    #[test]
    fn no_renewal_comes_after_a_halt() {
        let gate = SharedSensor::new(Arc::new(Mutex::new(MemoryKernel::default())), false);
        let at = BootTime::from_nanos;
        assert!(gate.renew(at(5)).unwrap());
        gate.halt().unwrap();
        assert!(lock(gate.sensor()).halted, "the kernel knows that it is");
        assert!(!gate.renew(at(6)).unwrap());
        (&gate).set_lease(at(7)).unwrap();
        (&gate).set_lease(BootTime::ZERO).unwrap();
        gate.release(at(9)).unwrap();
        assert!(!gate.halt_unless_overtaken(Some(at(8))).unwrap());
        assert!(!lock(gate.sensor()).halted, "what was resumed stays so");
        assert!(gate.has_overtaken(Some(at(8))), "its command had gone");
        assert!(!gate.has_overtaken(Some(at(9))) && !gate.has_overtaken(None));
        assert!(gate.renew(at(8)).unwrap());
        let lease = |nanos| Operation::SetLease(at(nanos));
        let (halt, resume) = (Operation::SetHalted(true), Operation::SetHalted(false));
        let expected = [lease(5), halt, lease(0), lease(0), resume, lease(8)];
        assert_eq!(lock(gate.sensor()).operations, expected);
        assert!(!gate.is_halted().unwrap());
        lock(gate.sensor()).halted = true;
        assert!(gate.is_halted().unwrap(), "somebody else has halted it");
    }
}
