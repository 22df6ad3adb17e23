//! A state directory in the hands of one process: its lock, its store and its memory of a halt.

use std::path::Path;

use super::loading::{self, Contents};
use super::memory::HaltMemory;
use super::{Change, Place, Registry, Store, StoreError, names};
use crate::durable::disk::RealDisk;
use crate::durable::lock::{self, Lock};
use crate::rejection::{Fault, Rejection};
use crate::shown::shown;

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Rejected(rejection) => rejection.into(),
            other => Self::Failed(other.to_string()),
        }
    }
}

/// The state directory, held.
#[derive(Debug)]
pub struct Held {
    /// Where changes are written.
    pub store: Store<RealDisk>,
    /// Whether selection is halted, also where the store cannot be written.
    pub memory: HaltMemory,
    _lock: Lock,
}

/// Takes the lock of a state directory.
///
/// # Errors
/// [`Fault::Failed`] where another process has it; [`Fault::Rejected`] where others could
/// write there.
fn take(place: &Place) -> Result<Lock, Fault> {
    let directory = shown(&place.directory);
    lock::is_closed(&place.directory)
        .map_err(|error| Rejection::new(&directory, error.to_string()))?;
    let anchorage = place.anchor.parent().unwrap_or(Path::new("."));
    lock::is_anchorage(anchorage)
        .map_err(|error| Rejection::new(shown(anchorage), error.to_string()))?;
    match Lock::take(&place.directory) {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(Fault::Failed(format!(
            "{directory}: a running sekisho has this state; ask it over its control socket"
        ))),
        Err(error) => Err(Fault::Failed(format!("{directory}: {error}"))),
    }
}

/// Takes a state directory for a daemon. `store` opens what is there, or makes the first state.
///
/// # Errors
/// [`Fault`], of `store` too.
pub fn take_with(
    place: &Place,
    store: impl FnOnce(
        Option<(Store<RealDisk>, Registry)>,
    ) -> Result<(Store<RealDisk>, Registry), Fault>,
) -> Result<(Held, Registry), Fault> {
    let lock = take(place)?;
    let opened = Store::open(RealDisk, place.clone(), Contents::Read)?;
    let memory = memory(place, opened.is_some())?;
    let (store, registry) = store(opened)?;
    Ok((Held { store, memory, _lock: lock }, registry))
}

/// Opens a state directory that is there, for a command without a daemon.
///
/// # Errors
/// [`Fault`].
pub fn open(place: &Place, contents: Contents) -> Result<(Held, Registry), Fault> {
    let missing = || {
        let reason = "is no state directory; `sekisho run` or `sekisho trust init` makes one";
        Fault::Failed(format!("{}: {reason}", shown(&place.directory)))
    };
    // Taking the lock would make it.
    if !place.directory.is_dir() {
        return Err(missing());
    }
    let lock = take(place)?;
    let opened = Store::open(RealDisk, place.clone(), contents)?;
    let (store, registry) = opened.ok_or_else(missing)?;
    let memory = memory(place, true)?;
    Ok((Held { store, memory, _lock: lock }, registry))
}

/// Makes a state directory, for a command without a daemon.
///
/// # Errors
/// [`Fault`].
pub fn create(place: &Place, first: Change) -> Result<Registry, Fault> {
    let _lock = take(place)?;
    if loading::read(&mut RealDisk, place)?.is_some() {
        let reason = "holds a state already";
        return Err(Fault::Failed(format!("{}: {reason}", shown(&place.directory))));
    }
    memory(place, false)?;
    Ok(Store::create(RealDisk, place.clone(), first)?.1)
}

/// The memory of a halt, which is there before there is a state.
fn memory(place: &Place, has_state: bool) -> Result<HaltMemory, Fault> {
    HaltMemory::open_or_make(&place.directory, has_state).map_err(|error| {
        let path = place.directory.join(names::HALT);
        Fault::Failed(format!("{}: {error}", shown(&path)))
    })
}
