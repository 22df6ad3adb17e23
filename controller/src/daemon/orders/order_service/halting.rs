//! Halt and resume: registry, memory and kernel, which hold a halt each for themselves, kept in step.
//! Whichever of them says that selection is halted is right, until a person resumes (L-MIN).

use super::{OrderService, OrderServiceError, ReconcilerError, ReplyTo};
use crate::control::Reply;
use crate::control::request::HaltRequest;
use crate::daemon::orders::shared_sensor::OVERTAKEN;
use crate::daemon::sensor::Enforce;
use crate::registry::Reading;
use crate::registry::act::{Act, Caller, Said};
use crate::registry::memory::Remembered;
use crate::registry::wording;

/// What is said of a halt that only the kernel shows.
const UNKNOWN: &str = "halted by somebody outside of the daemon";

impl<E> OrderService<E>
where
    E: Enforce + Send + 'static,
    E::Tables: Send + 'static,
{
    /// Takes over a halt that somebody else has done, and brings one that the registry has to memory
    /// and kernel.
    pub(super) fn follow_halt(&mut self, reading: Reading) -> Result<(), OrderServiceError> {
        let remembered = self.held.memory.read();
        let in_kernel = self.gate.is_halted().map_err(ReconcilerError::Sensor)?;
        let act = match (self.registry.halted(), &remembered) {
            (Some(act), _) | (None, Remembered::Halted(act)) => act.clone(),
            (None, Remembered::Doubt(reason)) => Act::of_sekisho(reason, reading.wall),
            (None, Remembered::Nothing) if in_kernel => Act::of_sekisho(UNKNOWN, reading.wall),
            (None, Remembered::Nothing) => return Ok(()),
        };
        if !in_kernel {
            self.gate.halt().map_err(ReconcilerError::Sensor)?;
        }
        if !matches!(remembered, Remembered::Halted(_)) {
            // The registry says it too; and it is tried again at the next tick.
            let _ = self.held.memory.halt(&act);
        }
        match self.registry.halt(act, reading) {
            Some(change) => self.close(change, reading).map(drop),
            None => Ok(()),
        }
    }

    /// Writes down what is in the kernel already, unless a resumption came in between.
    pub(super) fn halt(
        &mut self,
        asked: HaltRequest,
        caller: Caller,
        reply: ReplyTo,
        reading: Reading,
    ) -> Result<(), OrderServiceError> {
        if self.gate.has_overtaken(asked.waits_until) {
            // Whoever asked has gone.
            let _ = reply.send(Reply::Error(OVERTAKEN.to_owned()));
            return Ok(());
        }
        let act = Act::new(asked.said(), caller, reading.wall);
        let remembered = self.held.memory.halt(&act);
        let change = self.registry.halt(act, reading);
        let mut lines = change.as_ref().map_or_else(
            || self.registry.halted().map(wording::halted).into_iter().collect::<Vec<_>>(),
            wording::events,
        );
        let written = match change {
            Some(change) => self.close(change, reading)?,
            None => Ok(()),
        };
        let outcome = match (written, remembered) {
            (Ok(()), _) => Reply::Done(lines),
            (Err(reason), Ok(())) => {
                lines.push(format!("remembered, but not in the registry yet: {reason}"));
                Reply::Done(lines)
            }
            (Err(reason), Err(error)) => Reply::Error(format!(
                "all selection is halted, but a start may begin it, as nothing of it could be \
                 written: {reason}; the memory of a halt: {error}"
            )),
        };
        // Whoever asked may have gone.
        let _ = reply.send(outcome);
        Ok(())
    }

    /// Resumes: the registry first and the kernel last, so that a crash in between leaves selection
    /// halted.
    pub(super) fn resume(
        &mut self,
        said: Said,
        caller: Caller,
        reply: ReplyTo,
        reading: Reading,
    ) -> Result<(), OrderServiceError> {
        // One that nobody has noticed yet is ended too, and is not to be missing from the audit file.
        self.follow_halt(reading)?;
        let act = Act::new(said, caller, reading.wall);
        let outcome = match self.registry.resume(act, reading) {
            None => Reply::Done(vec![wording::NOT_HALTED.to_owned()]),
            Some(change) => {
                let lines = wording::events(&change);
                let opened = self.open(change, reading).and_then(|()| {
                    let cleared = self.held.memory.clear();
                    cleared.map_err(|error| format!("the memory of the halt: {error}"))
                });
                match opened {
                    Ok(()) => {
                        self.gate.release(reading.boot).map_err(ReconcilerError::Sensor)?;
                        Reply::Done(lines)
                    }
                    Err(reason) => Reply::Error(format!("{reason}; selection stays halted")),
                }
            }
        };
        // Whoever asked may have gone.
        let _ = reply.send(outcome);
        // Somebody may have halted in between, in memory and kernel.
        self.follow_halt(reading)
    }
}
