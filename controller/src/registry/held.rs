//! A state directory in the hands of one process: its lock, its store and its memory of a halt.

use std::path::Path;

use super::loading::{self, OrderBodies};
use super::memory::HaltMemory;
use super::{Change, Registry, StatePaths, StateStore, StoreError, names};
use crate::durable::disk::RealDisk;
use crate::durable::lock::{self, Lock};
use crate::rejection::{Failure, Rejection};
use crate::shown::shown;

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Rejected(rejection) => rejection.into(),
            other => Self::Failed(other.to_string()),
        }
    }
}

/// A state directory that this process holds.
#[derive(Debug)]
pub struct Held {
    /// Where changes are written.
    pub store: StateStore<RealDisk>,
    /// Whether selection is halted, also where the store cannot be written.
    pub memory: HaltMemory,
    _lock: Lock,
}

/// Takes the lock of a state directory.
///
/// # Errors
/// [`Failure::Failed`] if another process has it; [`Failure::Rejected`] if others than its owner could write
/// there.
fn take(paths: &StatePaths) -> Result<Lock, Failure> {
    let directory = shown(&paths.directory);
    lock::is_closed(&paths.directory)
        .map_err(|error| Rejection::new(&directory, error.to_string()))?;
    let anchorage = paths.anchor.parent().unwrap_or(Path::new("."));
    lock::is_anchorage(anchorage)
        .map_err(|error| Rejection::new(shown(anchorage), error.to_string()))?;
    match Lock::take(&paths.directory) {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(Failure::Failed(format!(
            "{directory}: a running sekisho has this state; ask it over its control socket"
        ))),
        Err(error) => Err(Failure::Failed(format!("{directory}: {error}"))),
    }
}

/// Takes a state directory for a daemon. `store` goes on with the state that is there, or makes the first one.
///
/// # Errors
/// [`Failure`], also that of `store`.
pub fn take_with(
    paths: &StatePaths,
    store: impl FnOnce(
        Option<(StateStore<RealDisk>, Registry)>,
    ) -> Result<(StateStore<RealDisk>, Registry), Failure>,
) -> Result<(Held, Registry), Failure> {
    let lock = take(paths)?;
    let opened = StateStore::open(RealDisk, paths.clone(), OrderBodies::Read)?;
    let memory = memory(paths, opened.is_some())?;
    let (store, registry) = store(opened)?;
    Ok((Held { store, memory, _lock: lock }, registry))
}

/// Opens a state directory that is there, for a command without a daemon.
///
/// # Errors
/// [`Failure`].
pub fn open(paths: &StatePaths, bodies: OrderBodies) -> Result<(Held, Registry), Failure> {
    let missing = || {
        let reason = "is no state directory; `sekisho run` or `sekisho trust init` makes one";
        Failure::Failed(format!("{}: {reason}", shown(&paths.directory)))
    };
    // Taking the lock would make the directory.
    if !paths.directory.is_dir() {
        return Err(missing());
    }
    let lock = take(paths)?;
    let opened = StateStore::open(RealDisk, paths.clone(), bodies)?;
    let (store, registry) = opened.ok_or_else(missing)?;
    let memory = memory(paths, true)?;
    Ok((Held { store, memory, _lock: lock }, registry))
}

/// Makes a state directory, for a command without a daemon.
///
/// # Errors
/// [`Failure`].
pub fn create(paths: &StatePaths, first: Change) -> Result<Registry, Failure> {
    let _lock = take(paths)?;
    if loading::read(&mut RealDisk, paths)?.is_some() {
        let reason = "holds a state already";
        return Err(Failure::Failed(format!("{}: {reason}", shown(&paths.directory))));
    }
    memory(paths, false)?;
    Ok(StateStore::create(RealDisk, paths.clone(), first)?.1)
}

/// Opens or makes the memory of a halt. It is made before the first state.
fn memory(paths: &StatePaths, has_state: bool) -> Result<HaltMemory, Failure> {
    HaltMemory::open_or_make(&paths.directory, has_state).map_err(|error| {
        let path = paths.directory.join(names::HALT);
        Failure::Failed(format!("{}: {error}", shown(&path)))
    })
}
