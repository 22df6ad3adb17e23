//! The gate: terms, lease and halt. Nothing is selected unless all of them allow it (L-TERM).

use sensor_common::boot_time::BootTime;
use sensor_common::tables::{Slot, Term, lease};

use super::Program;
use crate::kernel::KernelError;

impl Program {
    /// Sets when the order in `slot` may select; [`Term::NEVER`] ends it at once. While the term is being
    /// written, the order never selects at a time that is in neither the old term nor the new one.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn set_term(&mut self, slot: Slot, term: Term) -> Result<(), KernelError> {
        // The kernel copies a term word by word: a packet may see one of them old and one new.
        self.narrow_term(slot, term)?;
        // Written even if nothing changes, so that a map that cannot be written is noticed.
        Ok(self.terms.set(slot.number(), term.words(), 0)?)
    }

    /// Narrows the term of the order in `slot` to `limit`.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn narrow_term(&mut self, slot: Slot, limit: Term) -> Result<(), KernelError> {
        let before = self.term(slot)?;
        let both = before.and(limit);
        if both != before {
            self.terms.set(slot.number(), both.words(), 0)?;
        }
        Ok(())
    }

    /// When the order in `slot` may select.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn term(&self, slot: Slot) -> Result<Term, KernelError> {
        Ok(self.terms.get(&slot.number(), 0)?.into())
    }

    /// Sets until when the controller vouches for the tables, exclusive.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn set_lease(&mut self, until: BootTime) -> Result<(), KernelError> {
        Ok(self.lease.set(lease::UNTIL, until.as_nanos(), 0)?)
    }

    /// Until when the controller vouches for the tables.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn lease(&self) -> Result<BootTime, KernelError> {
        Ok(BootTime::from_nanos(self.lease.get(&lease::UNTIL, 0)?))
    }

    /// The kernel's id of the map with lease and halt, for [`crate::kernel::LeaseWord::find`].
    pub const fn lease_number(&self) -> u32 {
        self.lease_number
    }

    /// Halts all selection, whatever the lease says, or ends the halt.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn set_halted(&mut self, halted: bool) -> Result<(), KernelError> {
        Ok(self.lease.set(lease::HALTED, u64::from(halted), 0)?)
    }

    /// Whether selection is halted.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn is_halted(&self) -> Result<bool, KernelError> {
        Ok(self.lease.get(&lease::HALTED, 0)? != 0)
    }
}
