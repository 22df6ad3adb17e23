//! Requests to an order service: the registry decides, and the decision is carried out. A decision that takes
//! time is made in the background, on a copy of the registry, and again if something happened meanwhile.

use std::sync::Arc;

use super::{Aside, OrderService, OrderServiceError, Reloaded};
use crate::compile::Layer;
use crate::control::Reply;
use crate::daemon::orders::ask::{Ask, ReplyTo};
use crate::daemon::prepare::Inputs;
use crate::daemon::reload;
use crate::daemon::sensor::Enforce;
use crate::registry::Reading;
use crate::registry::command::{Command, Decision, Effect, KnownDirection};
use crate::registry::wording;
use crate::rejection::{Failure, Rejections};

/// What became of a change.
#[derive(Debug)]
pub(super) enum Taken {
    /// It is in force and written.
    Written,
    /// It is in force, and will be written as soon as possible. One line says why it is not written.
    Unwritten(String),
    /// It would open something and could not be written, so nothing has changed. One line says why.
    Refused(String),
}

impl<E> OrderService<E>
where
    E: Enforce + Send + 'static,
    E::Tables: Send + 'static,
{
    /// Does what was asked, or begins to. A tick must follow.
    ///
    /// # Errors
    /// [`OrderServiceError`].
    pub fn ask(&mut self, ask: Ask, reading: Reading) -> Result<(), OrderServiceError> {
        // The decision is based on all that the person who asked can have seen.
        self.registry.observe(reading);
        match ask {
            Ask::List(reply) => {
                self.count();
                // The client may have gone.
                let _ = reply.send(self.register(reading.wall));
                Ok(())
            }
            Ask::Reload { accept_change, reply } => {
                self.reload(Some(reply), accept_change, reading);
                Ok(())
            }
            Ask::Command { command, waits_until, reply } => match command {
                Command::Install(_) => {
                    self.examine(command, reply, reading);
                    Ok(())
                }
                Command::Revoke(_) | Command::Rotate(_) => {
                    self.close_orders(&command, reply, reading)
                }
                Command::Halt(_) => self.halt(&command, waits_until, reply, reading),
                Command::Resume(_) => self.resume(&command, reply, reading),
            },
        }
    }

    /// Reads the configuration again, in the background. `accept_change`: direction may change by any amount.
    pub fn reload(&mut self, reply: Option<ReplyTo>, accept_change: bool, reading: Reading) {
        let (file, config, registry) =
            (self.file.clone(), self.config.clone(), self.registry.clone());
        let classes = Arc::clone(&self.classes);
        self.aside.spawn_blocking(move || {
            let result =
                reload::prepare(&file, &config, &registry, &classes, accept_change, reading);
            Aside::Reload { result: result.map(Box::new), accept_change, reply }
        });
    }

    /// Decides on orders in the background, because verifying and compiling take time.
    fn examine(&mut self, command: Command, reply: ReplyTo, reading: Reading) {
        let (registry, layers) = (self.registry.clone(), Arc::clone(self.reconciler.layers()));
        let classes = Arc::clone(&self.classes);
        self.aside.spawn_blocking(move || {
            let layers: Vec<Layer<'_>> = layers.iter().map(Vec::as_slice).collect();
            let direction = KnownDirection { layers: &layers, classes: &classes };
            let decided = registry.decide(&command, Some(direction), reading);
            Aside::Install { command, decided, reply }
        });
    }

    /// Carries out a decision that was made in the background, if nothing has happened since.
    pub(super) fn install(
        &mut self,
        command: Command,
        decided: Result<Decision, Rejections>,
        reply: ReplyTo,
        reading: Reading,
    ) -> Result<(), OrderServiceError> {
        let Decision { effect, answer } = match decided {
            Ok(decision) => decision,
            Err(rejections) => {
                let _ = reply.send(Reply::from(rejections.as_ref()));
                return Ok(());
            }
        };
        let effect = match effect {
            Effect::Open(change) => {
                let Ok(change) = self.registry.take_up(change) else {
                    self.examine(command, reply, reading);
                    return Ok(());
                };
                Effect::Open(Box::new(change))
            }
            effect => effect,
        };
        match self.take(effect, reading)? {
            Taken::Refused(reason) => {
                let _ = reply.send(Reply::Error(reason));
            }
            Taken::Written | Taken::Unwritten(_) => self.waiting.push((answer, reply)),
        }
        Ok(())
    }

    /// Takes a step. What opens is written first; what closes goes to the kernel first.
    pub(super) fn take(
        &mut self,
        effect: Effect,
        reading: Reading,
    ) -> Result<Taken, OrderServiceError> {
        Ok(match effect {
            Effect::Nothing => Taken::Written,
            Effect::Open(change) => self.open(*change, reading),
            Effect::Close(change) => self.close(*change, reading)?,
        })
    }

    /// Carries out a revocation or a rotation.
    fn close_orders(
        &mut self,
        command: &Command,
        reply: ReplyTo,
        reading: Reading,
    ) -> Result<(), OrderServiceError> {
        let outcome = match self.registry.decide(command, None, reading) {
            Err(rejections) => Reply::from(rejections.as_ref()),
            Ok(Decision { effect, answer }) => match self.take(effect, reading)? {
                Taken::Written => Reply::Done(self.words(&answer, reading.wall)),
                Taken::Unwritten(reason) => {
                    let lines = self.words(&answer, reading.wall);
                    Reply::Error(wording::not_written(&lines, &reason))
                }
                Taken::Refused(reason) => Reply::Error(reason),
            },
        };
        // The client may have gone.
        let _ = reply.send(outcome);
        Ok(())
    }

    pub(super) fn reloaded(
        &mut self,
        result: Reloaded,
        accept_change: bool,
        reply: Option<ReplyTo>,
        reading: Reading,
    ) {
        let outcome = match result {
            Ok(prepared) => {
                let (inputs, change) = *prepared;
                let Ok(change) = self.registry.take_up(Box::new(change)) else {
                    self.reload(reply, accept_change, reading);
                    return;
                };
                let basis = inputs.basis(&change.registry);
                let Inputs { config, layers, classes, .. } = inputs;
                let noted = change.registry.reloaded(basis.clone(), &classes, reading);
                let change = change.then(noted);
                let lines = wording::events(&change);
                if let Taken::Refused(reason) = self.open(change, reading) {
                    Reply::Error(reason)
                } else {
                    self.classes = classes;
                    self.basis = basis;
                    self.reconciler.reconfigure(layers, config.lease);
                    self.config = config;
                    Reply::Done(lines)
                }
            }
            Err(Failure::Rejected(rejections)) => Reply::from(rejections.as_slice()),
            Err(Failure::Failed(reason)) => Reply::Error(reason),
        };
        self.ticked.reloaded = true;
        if let Reply::Refused(lines) = &outcome {
            let lines = lines.iter().map(|line| format!("not reloaded: {line}"));
            self.ticked.said.extend(lines);
        }
        if let Reply::Error(reason) = &outcome {
            self.ticked.said.push(format!("not reloaded: {reason}"));
        }
        let refused = match &outcome {
            Reply::Refused(lines) => lines.as_slice(),
            Reply::Error(reason) => std::slice::from_ref(reason),
            Reply::Done(_) => &[],
        };
        if !refused.is_empty() {
            // If the state cannot be written, that is reported and tried again.
            let _ = self.keep(self.registry.not_reloaded(refused, reading), reading);
        }
        if let Some(reply) = reply {
            let _ = reply.send(outcome);
        }
    }
}
