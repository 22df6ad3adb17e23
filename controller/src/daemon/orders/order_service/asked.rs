//! What is asked of an order service, and what comes of it. What takes time is done aside, on a copy of the
//! registry, and once more if something happened meanwhile.

use std::sync::Arc;

use super::{Aside, OrderService, OrderServiceError, ReplyTo};
use crate::compile::Layer;
use crate::control::Reply;
use crate::daemon::orders::ask::{Ask, Command, Document};
use crate::daemon::prepare::{Inputs, lawful_here};
use crate::daemon::reload;
use crate::daemon::sensor::Enforce;
use crate::registry::install::Installed;
use crate::registry::wording;
use crate::registry::{Change, Reading};
use crate::rejection::Fault;
use crate::rejection::Rejection;
use crate::text::Text;

impl<E> OrderService<E>
where
    E: Enforce + Send + 'static,
    E::Tables: Send + 'static,
{
    /// Does what was asked, or begins it. A tick has to follow.
    ///
    /// # Errors
    /// [`OrderServiceError`].
    pub fn ask(&mut self, ask: Ask, reading: Reading) -> Result<(), OrderServiceError> {
        // What is written has seen what the person saw who asked.
        self.registry.observe(reading);
        let (act, reply) = match ask {
            Ask::List(reply) => {
                self.count();
                // Whoever asked may have gone.
                let _ = reply.send(self.register(reading.wall));
                return Ok(());
            }
            Ask::Command(act, reply) => (act, reply),
        };
        match act {
            Command::Install(document) => {
                self.examine(document, reply, reading);
                Ok(())
            }
            Command::Reload => {
                self.reload(Some(reply), reading);
                Ok(())
            }
            Command::Revoke(Document { name, bytes }) => {
                let change = self.registry.revoke(name.as_str(), bytes, reading);
                self.decide(change, wording::REVOKED_BEFORE, reply, reading)
            }
            Command::Rotate(Document { name, bytes }) => {
                let change = self.registry.rotate(name.as_str(), bytes, reading).map(Some);
                self.decide(change, "", reply, reading)
            }
            Command::Halt(asked, caller) => self.halt(asked, caller, reply, reading),
            Command::Resume(said, caller) => self.resume(said, caller, reply, reading),
        }
    }

    /// Reads the configuration again, aside.
    pub fn reload(&mut self, reply: Option<ReplyTo>, reading: Reading) {
        let (file, config, registry) =
            (self.file.clone(), self.config.clone(), self.registry.clone());
        self.aside.spawn_blocking(move || {
            let result = reload::prepare(&file, &config, &registry, reading).map(Box::new);
            Aside::Reload { result, reply }
        });
    }

    fn examine(&mut self, document: Document, reply: ReplyTo, reading: Reading) {
        let (registry, layers) = (self.registry.clone(), Arc::clone(self.reconciler.layers()));
        let classes = Arc::clone(&self.classes);
        let Document { name, bytes } = document;
        self.aside.spawn_blocking(move || {
            let layers: Vec<Layer<'_>> = layers.iter().map(Vec::as_slice).collect();
            let installed = registry.install(name.as_str(), bytes, reading);
            let lawful =
                installed.and_then(|installed| lawful_here(name.as_str(), installed, &classes));
            let result = lawful.and_then(|installed| {
                if let Installed::New(change, position) = &installed {
                    change.registry.fits(name.as_str(), Some(*position), &layers)?;
                }
                Ok(installed)
            });
            Aside::Install { name, result, reply }
        });
    }

    pub(super) fn install(
        &mut self,
        name: Text,
        result: Result<Installed, Rejection>,
        reply: ReplyTo,
        reading: Reading,
    ) {
        match result {
            Err(rejection) => {
                let _ = reply.send(rejection.into());
            }
            Ok(Installed::Known(position)) => {
                let live = self.reconciler.is_live(position);
                let text = wording::installed_before(&self.registry, position, reading.wall, live);
                let _ = reply.send(Reply::Done(vec![text]));
            }
            Ok(Installed::New(change, position)) => match self.registry.take_up(change) {
                Ok(change) => match self.open(change, reading) {
                    Ok(()) => self.waiting.push((position, reply)),
                    Err(reason) => {
                        let _ = reply.send(Reply::Error(reason));
                    }
                },
                Err(mut change) => {
                    let bytes = change.files.pop().map(|(_, bytes)| bytes).unwrap_or_default();
                    self.examine(Document { name, bytes }, reply, reading);
                }
            },
        }
    }

    pub(super) fn reloaded(
        &mut self,
        result: Result<Box<(Inputs, Change)>, Fault>,
        reply: Option<ReplyTo>,
        reading: Reading,
    ) {
        let outcome = match result {
            Ok(prepared) => {
                let (inputs, change) = *prepared;
                let Ok(change) = self.registry.take_up(Box::new(change)) else {
                    self.reload(reply, reading);
                    return;
                };
                let Inputs { config, layers, classes, basis, .. } = inputs;
                let mut lines = vec!["the configuration was read again".to_owned()];
                lines.extend(wording::events(&change));
                let noted = change.registry.reloaded(basis.clone(), reading);
                if let Err(reason) = self.open(change.then(noted), reading) {
                    Reply::Error(reason)
                } else {
                    self.classes = classes;
                    self.basis = basis;
                    self.reconciler.reconfigure(layers, config.lease);
                    self.config = config;
                    Reply::Done(lines)
                }
            }
            Err(Fault::Rejected(rejections)) => Reply::from(rejections.as_slice()),
            Err(Fault::Failed(reason)) => Reply::Error(reason),
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
            // A state that cannot be written is said, and tried again.
            let _ = self.keep(self.registry.not_reloaded(refused, reading), reading);
        }
        if let Some(reply) = reply {
            let _ = reply.send(outcome);
        }
    }

    /// Carries out a change that closes something, and says so.
    pub(super) fn decide(
        &mut self,
        change: Result<Option<Change>, Rejection>,
        nothing: &str,
        reply: ReplyTo,
        reading: Reading,
    ) -> Result<(), OrderServiceError> {
        let outcome = match change {
            Err(rejection) => rejection.into(),
            Ok(None) => Reply::Done(vec![nothing.to_owned()]),
            Ok(Some(change)) => {
                let lines = wording::events(&change);
                match self.close(change, reading)? {
                    Ok(()) => Reply::Done(lines),
                    Err(reason) => Reply::Error(format!(
                        "{}; it is in force, but not written yet, and is tried again: {reason}",
                        lines.join("; ")
                    )),
                }
            }
        };
        // Whoever asked may have gone.
        let _ = reply.send(outcome);
        Ok(())
    }
}
