//! Halt and resume: registry, memory and kernel, which hold a halt each for themselves, kept in step.
//! Whichever of them says that selection is halted is right, until a person resumes (L-MIN).

use super::{KeeperError, Registrar, RegistrarError, Reply};
use crate::daemon::sensor::Enforce;
use crate::registry::Reading;
use crate::registry::act::{Act, Caller, Said};
use crate::registry::memory::Remembered;

/// What is said of a halt that only the kernel shows.
const UNKNOWN: &str = "halted by somebody outside of the daemon";

impl<E> Registrar<E>
where
    E: Enforce + Send + 'static,
    E::Tables: Send + 'static,
{
    /// Takes over a halt that somebody else has done, and brings one that the registry has to memory
    /// and kernel.
    pub(super) fn follow_halt(&mut self, reading: Reading) -> Result<(), RegistrarError> {
        let remembered = self.held.memory.read();
        let in_kernel = self.gate.is_halted().map_err(KeeperError::Sensor)?;
        let act = match (self.registry.halted(), &remembered) {
            (Some(act), _) | (None, Remembered::Halted(act)) => act.clone(),
            (None, Remembered::Doubt(reason)) => Act::of_sekisho(reason, reading.wall),
            (None, Remembered::Nothing) if in_kernel => Act::of_sekisho(UNKNOWN, reading.wall),
            (None, Remembered::Nothing) => return Ok(()),
        };
        if !in_kernel {
            self.gate.halt().map_err(KeeperError::Sensor)?;
        }
        if !matches!(remembered, Remembered::Halted(_)) {
            self.remember(&act)?;
        }
        match self.registry.halt(act, reading) {
            Some(change) => self.apply(change, reading),
            None => Ok(()),
        }
    }

    /// Writes down what is in the kernel already.
    pub(super) fn halt(
        &mut self,
        said: Said,
        caller: Caller,
        reply: Reply,
        reading: Reading,
    ) -> Result<(), RegistrarError> {
        let act = Act::new(said, caller, reading.wall);
        self.remember(&act)?;
        let change = self.registry.halt(act, reading);
        self.decide(Ok(change), "selection was halted before", reply, reading)
    }

    /// Resumes: the registry first and the kernel last, so that a crash in between leaves selection
    /// halted.
    pub(super) fn resume(
        &mut self,
        said: Said,
        caller: Caller,
        reply: Reply,
        reading: Reading,
    ) -> Result<(), RegistrarError> {
        // One that nobody has noticed yet is ended too, and is not to be missing from the audit file.
        self.follow_halt(reading)?;
        let act = Act::new(said, caller, reading.wall);
        let change = self.registry.resume(act, reading);
        self.decide(Ok(change), "selection was not halted", reply, reading)?;
        self.held.memory.clear().map_err(RegistrarError::Memory)?;
        self.gate.release().map_err(KeeperError::Sensor)?;
        // Somebody may have halted in between, in memory and kernel.
        self.follow_halt(reading)
    }

    fn remember(&self, act: &Act) -> Result<(), RegistrarError> {
        self.held.memory.halt(act).map_err(RegistrarError::Memory)
    }
}
