//! Carries out commands on a state directory that no daemon holds. They are decided in the same place as for
//! a daemon, [`crate::registry::command`].

use std::io;

use crate::gates::{Gates, Reached};
use crate::registry::command::{Command, Decision, Effect};
use crate::registry::held::{self, Held};
use crate::registry::loading::OrderBodies;
use crate::registry::runs::ReplayRun;
use crate::registry::{Change, Reading, Registry, StatePaths, StoreError, names, wording};
use crate::rejection::Failure;
use crate::shown::shown;

/// Why a command was not carried out, or not in full.
#[derive(Debug)]
pub enum OfflineError {
    /// Nothing has changed.
    Failure(Failure),
    /// A part was done, and a part was not.
    Incomplete {
        /// What was done.
        lines: Vec<String>,
        /// What was not done, and what to do about it.
        faults: Vec<String>,
    },
}

impl<E: Into<Failure>> From<E> for OfflineError {
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

/// A state directory that a command holds, read at one moment.
#[derive(Debug)]
pub struct Offline {
    held: Held,
    registry: Registry,
    reading: Reading,
}

/// Carries out a command on a state directory, and returns what was done.
///
/// # Errors
/// [`OfflineError`].
pub fn carry_out(place: &StatePaths, command: &Command) -> Result<Vec<String>, OfflineError> {
    Offline::open(place, command.bodies())?.carry_out(command)
}

impl Offline {
    /// Takes a state directory.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn open(place: &StatePaths, bodies: OrderBodies) -> Result<Self, Failure> {
        let (held, mut registry) = held::open(place, bodies)?;
        let reading = Reading::now();
        registry.observe(reading);
        Ok(Self { held, registry, reading })
    }

    /// Carries out a command. The direction tables are not known here; the daemon that starts on this directory
    /// refuses orders that do not fit them.
    ///
    /// # Errors
    /// [`OfflineError`].
    pub fn carry_out(mut self, command: &Command) -> Result<Vec<String>, OfflineError> {
        let Self { held, registry, reading } = &self;
        match command {
            // Errors do not matter here: the registry remembers the halt too.
            Command::Halt(act) => drop(held.memory.halt(act)),
            // A halt that no daemon has written down must not be missing from the audit file.
            Command::Resume(_) => {
                let act = held.memory.read().act(reading.wall);
                if let Some(change) = act.and_then(|act| registry.halt(act, *reading)) {
                    self.commit(change)?;
                }
            }
            _ => {}
        }
        let decided = self.registry.decide(command, None, self.reading);
        let Decision { effect, answer } = decided.map_err(Failure::from)?;
        if let Effect::Open(change) | Effect::Close(change) = effect {
            self.commit(*change)?;
        }
        let lines = answer.words(&self.registry, self.reading.wall, |_| false);
        match command {
            Command::Resume(_) => self.release(lines),
            _ => Ok(lines),
        }
    }

    /// Enters a replay in the audit file.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn enter(mut self, replayed: ReplayRun) -> Result<(), StoreError> {
        let change = self.registry.replayed(replayed, self.reading);
        self.held.store.commit(change).map(drop)
    }

    fn commit(&mut self, change: Change) -> Result<(), OfflineError> {
        let lines = wording::events(&change);
        let committed = self.held.store.commit(change).map_err(|error| match error {
            StoreError::Io { .. } => Failure::Failed(wording::not_done(&error.to_string())),
            other => other.into(),
        });
        self.registry = committed?;
        match self.held.store.lacks() {
            None => Ok(()),
            Some(reason) => Err(OfflineError::Incomplete {
                lines,
                faults: vec![format!(
                    "it is done, but not all of it could be written: {reason}; the next command or \
                     start finishes it"
                )],
            }),
        }
    }

    /// Ends a resumption. The registry has it already; the memory comes next and the kernel last, so that a crash
    /// in between leaves selection halted.
    fn release(&self, mut lines: Vec<String>) -> Result<Vec<String>, OfflineError> {
        let directory = self.held.store.directory();
        let failed = |name: &str, error: io::Error| {
            Failure::Failed(format!("{}: {error}", shown(&directory.join(name))))
        };
        self.held.memory.clear().map_err(|error| failed(names::HALT, error))?;
        let gates = Gates::read(directory).map_err(|error| failed(names::GATE, error))?;
        let Reached { done, failed } =
            gates.map(|gates| gates.set_halted(false)).unwrap_or_default();
        if !failed.is_empty() {
            let reason =
                "the kernel stays halted; run it as root, or `sekisho resume` with a daemon";
            let faults = failed.into_iter().chain([reason.to_owned()]).collect();
            return Err(OfflineError::Incomplete { lines, faults });
        }
        if !done.is_empty() {
            lines.push(format!("the kernel is not halted any more: {}", done.join(", ")));
        }
        Ok(lines)
    }
}
