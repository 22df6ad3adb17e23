//! What is asked of a registrar, and what comes of it. What takes time is done aside, on a copy of the
//! registry, and once more if something happened meanwhile.

use std::sync::Arc;

use super::{Aside, Registrar, RegistrarError, Reply};
use crate::compile::Layer;
use crate::daemon::prepare::{Inputs, PrepareError, lawful_here};
use crate::daemon::reload;
use crate::daemon::request::{Act, Ask, Document, Outcome};
use crate::daemon::sensor::Enforce;
use crate::daemon::words;
use crate::registry::install::Installed;
use crate::registry::{Change, Reading};
use crate::rejection::Rejection;
use crate::text::Text;

impl<E> Registrar<E>
where
    E: Enforce + Send + 'static,
    E::Tables: Send + 'static,
{
    /// Does what was asked, or begins it. A tick has to follow.
    ///
    /// # Errors
    /// [`RegistrarError`].
    pub fn ask(&mut self, ask: Ask, reading: Reading) -> Result<(), RegistrarError> {
        // What is written has seen what the person saw who asked.
        self.registry.observe(reading);
        let (act, reply) = match ask {
            Ask::List(reply) => {
                self.count();
                // Whoever asked may have gone.
                let _ = reply.send(self.register(reading.wall));
                return Ok(());
            }
            Ask::Act(act, reply) => (act, reply),
        };
        match act {
            Act::Install(document) => {
                self.examine(document, reply, reading);
                Ok(())
            }
            Act::Reload => {
                self.reload(Some(reply), reading);
                Ok(())
            }
            Act::Revoke(Document { name, bytes }) => {
                let known = "this revocation was accepted before";
                let change = self.registry.revoke(name.as_str(), bytes, reading);
                self.decide(change, known, reply, reading)
            }
            Act::Rotate(Document { name, bytes }) => {
                let change = self.registry.rotate(name.as_str(), bytes, reading).map(Some);
                self.decide(change, "", reply, reading)
            }
            Act::Halt(said, caller) => self.halt(said, caller, reply, reading),
            Act::Resume(said, caller) => self.resume(said, caller, reply, reading),
        }
    }

    /// Reads the configuration again, aside.
    pub fn reload(&mut self, reply: Option<Reply>, reading: Reading) {
        let (file, config, registry) =
            (self.file.clone(), self.config.clone(), self.registry.clone());
        self.aside.spawn_blocking(move || {
            let result = reload::prepare(&file, &config, &registry, reading).map(Box::new);
            Aside::Reload { result, reply }
        });
    }

    fn examine(&mut self, document: Document, reply: Reply, reading: Reading) {
        let (registry, layers) = (self.registry.clone(), Arc::clone(self.keeper.layers()));
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
        reply: Reply,
        reading: Reading,
    ) {
        match result {
            Err(rejection) => {
                let _ = reply.send(rejection.into());
            }
            Ok(Installed::Known(position)) => {
                let live = self.keeper.is_live(position);
                let words = words::installed(&self.registry, position, reading.wall, live);
                let text = format!("{words}; it was installed before, and nothing has changed");
                let _ = reply.send(Outcome::Done(vec![text]));
            }
            Ok(Installed::New(change, position)) => match self.registry.take_up(change) {
                Ok(change) => match self.open(change, reading) {
                    Ok(()) => self.waiting.push((position, reply)),
                    Err(reason) => {
                        let _ = reply.send(Outcome::Error(reason));
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
        result: Result<Box<(Inputs, Change)>, PrepareError>,
        reply: Option<Reply>,
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
                lines.extend(words::events(&change));
                let noted = change.registry.reloaded(basis.clone(), reading);
                if let Err(reason) = self.open(change.then(noted), reading) {
                    Outcome::Error(reason)
                } else {
                    self.classes = classes;
                    self.basis = basis;
                    self.keeper.reconfigure(layers, config.lease);
                    self.config = config;
                    Outcome::Done(lines)
                }
            }
            Err(PrepareError::Rejected(rejections)) => Outcome::from(rejections.as_slice()),
            Err(PrepareError::Failed(reason)) => Outcome::Error(reason),
        };
        self.ticked.reloaded = true;
        if let Outcome::Refused(lines) = &outcome {
            let lines = lines.iter().map(|line| format!("not reloaded: {line}"));
            self.ticked.said.extend(lines);
        }
        if let Outcome::Error(reason) = &outcome {
            self.ticked.said.push(format!("not reloaded: {reason}"));
        }
        let refused = match &outcome {
            Outcome::Refused(lines) => lines.as_slice(),
            Outcome::Error(reason) => std::slice::from_ref(reason),
            Outcome::Done(_) => &[],
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
        reply: Reply,
        reading: Reading,
    ) -> Result<(), RegistrarError> {
        let outcome = match change {
            Err(rejection) => rejection.into(),
            Ok(None) => Outcome::Done(vec![nothing.to_owned()]),
            Ok(Some(change)) => {
                let lines = words::events(&change);
                match self.close(change, reading)? {
                    Ok(()) => Outcome::Done(lines),
                    Err(reason) => Outcome::Error(format!(
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
