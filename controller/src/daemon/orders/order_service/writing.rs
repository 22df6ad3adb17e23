//! Writes changes to the disk. A change that opens something is refused if it cannot be written. A change
//! that closes something is carried out all the same, and written as soon as possible (L-TERM). So a full
//! disk never prolongs a measure, and never ends one.

use super::asked::Taken;
use super::{OrderService, OrderServiceError, SAVE};
use crate::daemon::sensor::Enforce;
use crate::registry::wording;
use crate::registry::{Change, Reading, StoreError};

/// What is not on the disk yet.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    /// Changes that are in force, merged into one.
    change: Option<Change>,
    /// Why the last attempt to write failed, if it did.
    reason: Option<String>,
    /// Why the newest generation is not published: it could not be written down.
    generation: Option<String>,
}

impl<E> OrderService<E>
where
    E: Enforce + Send + 'static,
    E::Tables: Send + 'static,
{
    /// Why something that is in force is not on the disk, if so.
    pub fn unwritten(&self) -> Option<&str> {
        let Unwritten { reason, generation, .. } = &self.unwritten;
        reason.as_deref().or(generation.as_deref())
    }

    /// Carries out a change that opens something, once it is written. A tick must follow.
    pub(super) fn open(&mut self, change: Change, reading: Reading) -> Taken {
        let lines = wording::events(&change);
        match self.flush().and_then(|()| self.held.store.commit(change)) {
            Ok(registry) => self.registry = registry,
            Err(error) => {
                let reason = error.to_string();
                self.note(Some(reason.clone()));
                return Taken::Refused(wording::not_done(&reason));
            }
        }
        self.saved = reading.boot;
        self.ticked.said.extend(lines);
        self.note(self.held.store.lacks().map(str::to_owned));
        Taken::Written
    }

    /// Carries out a change that closes something: in the kernel first, and then on the disk.
    ///
    /// # Errors
    /// [`OrderServiceError`] if the kernel does not obey.
    pub(super) fn close(
        &mut self,
        change: Change,
        reading: Reading,
    ) -> Result<Taken, OrderServiceError> {
        let ticked = self.reconciler.tick(&mut &*self.gate, &change.registry, reading)?;
        self.wanted = self.wanted.take().or(ticked.job);
        self.ticked.said.extend(wording::events(&change));
        Ok(self.keep(change, reading))
    }

    /// Takes over a change that does not concern the kernel, or that it knows already, and writes it as soon
    /// as possible.
    pub(super) fn keep(&mut self, change: Change, reading: Reading) -> Taken {
        self.registry = change.registry.clone();
        let before = self.unwritten.change.take();
        self.unwritten.change = Some(match before {
            Some(before) => before.then(change),
            None => change,
        });
        let written = self.flush().map_err(|error| error.to_string());
        if written.is_ok() {
            self.saved = reading.boot;
        }
        let lacks = || self.held.store.lacks().map(str::to_owned);
        let reason = written.err().or_else(lacks);
        self.note(reason.clone());
        reason.map_or(Taken::Written, Taken::Unwritten)
    }

    /// Writes what is not written yet and, from time to time, clock and counts.
    pub(super) fn write_rest(&mut self, reading: Reading) {
        let mut written = self.flush();
        let due = reading.boot.since(self.saved) >= SAVE;
        // What could not be written is tried again at every tick.
        if written.is_ok() && (due || self.unwritten.reason.is_some()) {
            written = self.held.store.touch(&self.registry);
            if written.is_ok() {
                self.saved = reading.boot;
            }
        }
        let lacks = || self.held.store.lacks().map(str::to_owned);
        let reason = written.err().map(|error| error.to_string()).or_else(lacks);
        self.note(reason);
    }

    /// Writes what is in force and not written yet.
    ///
    /// # Errors
    /// [`StoreError`]; it stays in force, and unwritten.
    pub(super) fn flush(&mut self) -> Result<(), StoreError> {
        self.held.store.finish()?;
        if let Some(change) = &self.unwritten.change {
            self.held.store.commit(change.clone())?;
            self.unwritten.change = None;
        }
        Ok(())
    }

    /// Notes whether a generation waits to be written down. This is reported once.
    pub(super) fn not_published(&mut self, reason: Option<String>) {
        match (&self.unwritten.generation, &reason) {
            (None, Some(reason)) => self
                .ticked
                .said
                .push(format!("new tables wait, and those in force go on: {reason}")),
            (Some(_), None) => self.ticked.said.push("the new tables are written down".to_owned()),
            _ => {}
        }
        self.unwritten.generation = reason;
    }

    /// Notes whether something is unwritten. This is reported once.
    fn note(&mut self, reason: Option<String>) {
        match (&self.unwritten.reason, &reason) {
            (None, Some(reason)) => self.ticked.said.push(format!(
                "the state cannot be written, so nothing new is accepted; measures go on: {reason}"
            )),
            (Some(_), None) => self.ticked.said.push("the state can be written again".to_owned()),
            _ => {}
        }
        self.unwritten.reason = reason;
    }
}
