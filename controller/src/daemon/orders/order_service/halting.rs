//! Halt and resume. Registry, memory and kernel each remember a halt, and are kept in step here. If any of
//! them says that selection is halted, it is, until a person resumes (L-MIN).

use sensor_common::boot_time::BootTime;

use super::asked::Taken;
use super::{OrderService, OrderServiceError, ReconcilerError};
use crate::control::Reply;
use crate::daemon::orders::ask::ReplyTo;
use crate::daemon::orders::shared_sensor::OVERTAKEN;
use crate::daemon::sensor::Enforce;
use crate::registry::Reading;
use crate::registry::act::Act;
use crate::registry::command::{Command, Decision, Effect};
use crate::registry::memory::Remembered;
use crate::registry::wording;

/// The reason given for a halt that only the kernel shows.
const UNKNOWN: &str = "halted by somebody outside of the daemon";

impl<E> OrderService<E>
where
    E: Enforce + Send + 'static,
    E::Tables: Send + 'static,
{
    /// Takes over a halt that another process made, and brings the registry's halt to memory and kernel.
    pub(super) fn follow_halt(&mut self, reading: Reading) -> Result<(), OrderServiceError> {
        let remembered = self.held.memory.read();
        let is_remembered = matches!(remembered, Remembered::Halted(_));
        let in_kernel = self.gate.is_halted().map_err(ReconcilerError::Sensor)?;
        let registered = self.registry.halted().cloned();
        let seen = in_kernel.then(|| Act::of_sekisho(UNKNOWN, reading.wall));
        let act = registered.or_else(|| remembered.act(reading.wall)).or(seen);
        let Some(act) = act else { return Ok(()) };
        if !in_kernel {
            self.gate.halt().map_err(ReconcilerError::Sensor)?;
        }
        if !is_remembered {
            // The registry remembers it too, and the next tick tries again.
            let _ = self.held.memory.halt(&act);
        }
        match self.registry.halt(act, reading) {
            Some(change) => self.close(change, reading).map(drop),
            None => Ok(()),
        }
    }

    /// Writes down a halt that is in the kernel already, unless a resumption came in between.
    pub(super) fn halt(
        &mut self,
        command: &Command,
        waits_until: Option<BootTime>,
        reply: ReplyTo,
        reading: Reading,
    ) -> Result<(), OrderServiceError> {
        if self.gate.has_overtaken(waits_until) {
            // The client has gone.
            let _ = reply.send(Reply::Error(OVERTAKEN.to_owned()));
            return Ok(());
        }
        let remembered = match command {
            Command::Halt(act) => self.held.memory.halt(act),
            _ => Ok(()),
        };
        let outcome = match self.registry.decide(command, None, reading) {
            Err(rejections) => Reply::from(rejections.as_ref()),
            Ok(Decision { effect, answer }) => {
                let taken = self.take(effect, reading)?;
                let mut lines = self.words(&answer, reading.wall);
                match (taken, remembered) {
                    (Taken::Written, _) => Reply::Done(lines),
                    (Taken::Unwritten(reason) | Taken::Refused(reason), Ok(())) => {
                        lines.push(format!("remembered, but {}", wording::unregistered(&reason)));
                        Reply::Done(lines)
                    }
                    (Taken::Unwritten(reason) | Taken::Refused(reason), Err(error)) => {
                        Reply::Error(format!(
                            "all selection is halted, but a start may begin it, as nothing of it \
                             could be written: {reason}; the memory of a halt: {error}"
                        ))
                    }
                }
            }
        };
        // The client may have gone.
        let _ = reply.send(outcome);
        Ok(())
    }

    /// Resumes: the registry first and the kernel last, so that a crash in between leaves selection
    /// halted.
    pub(super) fn resume(
        &mut self,
        command: &Command,
        reply: ReplyTo,
        reading: Reading,
    ) -> Result<(), OrderServiceError> {
        // A halt that was not noticed yet ends too, and must not be missing from the audit file.
        self.follow_halt(reading)?;
        let outcome = match self.registry.decide(command, None, reading) {
            Err(rejections) => Reply::from(rejections.as_ref()),
            Ok(Decision { effect: Effect::Nothing, answer }) => {
                Reply::Done(self.words(&answer, reading.wall))
            }
            Ok(Decision { effect, answer }) => {
                let opened = match self.take(effect, reading)? {
                    Taken::Written => {
                        let cleared = self.held.memory.clear();
                        cleared.map_err(|error| format!("the memory of the halt: {error}"))
                    }
                    Taken::Unwritten(reason) | Taken::Refused(reason) => Err(reason),
                };
                match opened {
                    Ok(()) => {
                        self.gate.release(reading.boot).map_err(ReconcilerError::Sensor)?;
                        Reply::Done(self.words(&answer, reading.wall))
                    }
                    Err(reason) => Reply::Error(format!("{reason}; selection stays halted")),
                }
            }
        };
        // The client may have gone.
        let _ = reply.send(outcome);
        // Somebody may have halted in between, in memory and kernel.
        self.follow_halt(reading)
    }
}
