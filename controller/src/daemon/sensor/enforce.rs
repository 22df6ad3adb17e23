//! The operations on the kernel side of a sensor, on all of its interfaces. An operation that closes goes on
//! to every interface even if it fails on one; an operation that opens stops at the first failure.

use sensor_common::boot_time::BootTime;
use sensor_common::tables::{Line, Slot, Term};

use super::{Port, Sensor, SensorError};
use crate::kernel::KernelTables;
use crate::kernel::clock::boot_time;

/// The operations on the kernel side of a sensor.
pub trait Enforce {
    /// A generation, as this kernel takes it.
    type Tables;

    /// Makes a generation ready to be published. This takes time, and is done in the background.
    ///
    /// # Errors
    /// [`SensorError`].
    fn tables(lines: &[Line]) -> Result<Self::Tables, SensorError>;

    /// Publishes a generation on every interface; afterwards no packet is judged by an earlier one.
    ///
    /// # Errors
    /// [`SensorError`].
    fn publish(&mut self, tables: Self::Tables) -> Result<(), SensorError>;

    /// Sets when the order in `slot` may select; [`Term::NEVER`] ends it at once.
    ///
    /// # Errors
    /// [`SensorError`].
    fn set_term(&mut self, slot: Slot, term: Term) -> Result<(), SensorError>;

    /// Ends what the order in `slot` may select outside of `limit`.
    ///
    /// # Errors
    /// [`SensorError`].
    fn narrow_term(&mut self, slot: Slot, limit: Term) -> Result<(), SensorError>;

    /// Sets until when anything may be selected, exclusive; [`BootTime::ZERO`] ends all selection
    /// at once.
    ///
    /// # Errors
    /// [`SensorError`].
    fn set_lease(&mut self, until: BootTime) -> Result<(), SensorError>;

    /// Halts all selection whatever the lease says, or ends the halt.
    ///
    /// # Errors
    /// [`SensorError`].
    fn set_halted(&mut self, halted: bool) -> Result<(), SensorError>;

    /// Whether selection is halted on any interface, by any process.
    ///
    /// # Errors
    /// [`SensorError`].
    fn is_halted(&self) -> Result<bool, SensorError>;
}

impl Enforce for Sensor {
    // One copy in memory serves all interfaces.
    type Tables = KernelTables;

    fn tables(lines: &[Line]) -> Result<KernelTables, SensorError> {
        KernelTables::create(lines)
            .map_err(|error| SensorError { interface: "all interfaces".to_owned(), error })
    }

    fn publish(&mut self, tables: KernelTables) -> Result<(), SensorError> {
        self.each(|program, _| program.publish(&tables))?;
        self.tables = Some(tables);
        Ok(())
    }

    fn set_term(&mut self, slot: Slot, term: Term) -> Result<(), SensorError> {
        self.vouched.about_to_set(slot, term);
        if term == Term::NEVER {
            self.all(|program| program.set_term(slot, term))?;
        } else {
            self.each(|program, _| program.set_term(slot, term))?;
        }
        self.vouched.set_term(slot, term, boot_time());
        Ok(())
    }

    fn narrow_term(&mut self, slot: Slot, limit: Term) -> Result<(), SensorError> {
        self.all(|program| program.narrow_term(slot, limit))?;
        self.vouched.narrow_term(slot, limit, boot_time());
        Ok(())
    }

    fn set_lease(&mut self, until: BootTime) -> Result<(), SensorError> {
        let longer = until > self.vouched.windows().lease();
        if longer {
            // A record may come before the write has returned.
            self.vouched.set_lease(until, boot_time());
        }
        if until == BootTime::ZERO {
            self.all(|program| program.set_lease(until))?;
        } else {
            self.each(|program, _| program.set_lease(until))?;
        }
        if !longer {
            self.vouched.set_lease(until, boot_time());
        }
        Ok(())
    }

    fn set_halted(&mut self, halted: bool) -> Result<(), SensorError> {
        if halted {
            self.all(|program| program.set_halted(true))
        } else {
            self.each(|program, _| program.set_halted(false))
        }
    }

    fn is_halted(&self) -> Result<bool, SensorError> {
        let mut halted = false;
        for Port { interface, program, .. } in &self.ports {
            halted |= program
                .is_halted()
                .map_err(|error| SensorError { interface: interface.clone(), error })?;
        }
        Ok(halted)
    }
}
