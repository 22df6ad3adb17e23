//! From a configuration file to everything a daemon needs, checked before anything is attached: one
//! wrong order and the daemon does not start (L-APPROVE). The same is done for a reload.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ipnetwork::IpNetwork;
use sensor_common::direction::AddressClass;

use crate::compile::Layer;
use crate::daemon::config::Config;
use crate::direction::{DirectionError, DirectionTable};
use crate::durable::disk::RealDisk;
use crate::durable::lock::{self, Lock};
use crate::order::{Trust, files, load};
use crate::preview::{ClassRanges, check_party};
use crate::registry::install::Installed;
use crate::registry::loading::{self, Contents};
use crate::registry::memory::HaltMemory;
use crate::registry::names;
use crate::registry::runs::{self, Basis, FileRead};
use crate::registry::{Change, Place, Reading, Registry, Store, StoreError};
use crate::rejection::Rejection;
use crate::shown::shown;

/// Painting layers of direction, from the bottom up.
pub type Layers = Vec<Vec<(IpNetwork, AddressClass)>>;

/// Why nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// What is wrong: the first thing, but every order that is refused.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Rejected(Vec<Rejection>),
    /// The system refuses, or another process has the state.
    #[error("{0}")]
    Failed(String),
}

impl From<Rejection> for PrepareError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(vec![rejection])
    }
}

impl From<StoreError> for PrepareError {
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

/// A configuration with all that it refers to.
#[derive(Debug)]
pub struct Prepared {
    /// The configuration.
    pub config: Config,
    /// Where it was read from.
    pub file: PathBuf,
    /// The orders, with those that the configuration names.
    pub registry: Registry,
    /// The state directory.
    pub held: Held,
    /// What is domestic and what is foreign.
    pub layers: Arc<Layers>,
    /// The same, to look addresses up.
    pub classes: Arc<ClassRanges>,
    /// The files that it was made of.
    pub basis: Basis,
}

/// What a configuration file names, read and checked by itself.
#[derive(Debug)]
pub struct Inputs {
    /// The configuration.
    pub config: Config,
    /// What is domestic and what is foreign.
    pub layers: Arc<Layers>,
    /// The same, to look addresses up.
    pub classes: Arc<ClassRanges>,
    /// The files that all this was made of.
    pub basis: Basis,
    file: String,
    trust: Trust,
}

impl Inputs {
    /// Reads the configuration and the files that it names, but for the orders.
    ///
    /// # Errors
    /// [`PrepareError::Rejected`].
    pub fn read(path: &Path) -> Result<Self, PrepareError> {
        let bytes = files::read_at_most(path, files::SMALL)
            .map_err(|error| unreadable(shown(path), &error))?;
        let config = Config::parse(path, &bytes)?;
        if let Some(group) = &config.control_group {
            group
                .number()
                .map_err(|reason| Rejection::new(shown(path), reason).at("control_group"))?;
        }
        let trust = load::trust(&config.trust)?;
        let table = DirectionTable::load(&config.direction).map_err(|error| match error {
            DirectionError::Rejected(rejection) => rejection,
            DirectionError::Unreadable { file, source } => unreadable(file, &source),
        })?;
        let classes = Arc::new(ClassRanges::of(&table));
        let layers = Arc::new(table.layers().into());
        let configuration = FileRead { file: shown(path), sha256: crate::registry::digest(&bytes) };
        let direction = runs::files(&table);
        let basis = Basis { configuration, direction };
        Ok(Self { config, layers, classes, basis, file: shown(path), trust })
    }

    /// The change that brings a registry to where this configuration wants it: its orders installed.
    ///
    /// # Errors
    /// Every order that is refused.
    pub fn install(&self, registry: &Registry, reading: Reading) -> Result<Change, PrepareError> {
        let Self { config, layers, classes, file, trust, .. } = self;
        registry.is_for(&shown(&config.state.directory), &config.facility)?;
        registry.agrees_with(&shown(&config.trust), trust)?;
        // What was lawful over other direction tables need not be over these.
        for entry in registry.entries().iter().filter(|entry| entry.ended().is_none()) {
            let order = entry.head();
            let name = format!("order {}, serial {}", order.order_id, order.serial);
            check_party(&name, order, classes)?;
        }
        let mut change = registry.unchanged();
        let mut rejections = Vec::new();
        for path in &config.orders {
            let name = shown(path);
            let installed = files::read(path)
                .map_err(|error| unreadable(name.clone(), &error))
                .and_then(|bytes| change.registry.install(&name, bytes, reading))
                .and_then(|installed| lawful_here(&name, installed, classes));
            match installed {
                Ok(Installed::Known(_)) => {}
                Ok(Installed::New(next, _)) => change = change.then(*next),
                Err(rejection) => rejections.push(rejection),
            }
        }
        if !rejections.is_empty() {
            return Err(PrepareError::Rejected(rejections));
        }
        let layers: Vec<Layer<'_>> = layers.iter().map(Vec::as_slice).collect();
        change.registry.fits(file, None, &layers)?;
        Ok(change)
    }

    /// A registry without a past.
    fn begin(&self, reading: Reading) -> Result<Change, Rejection> {
        let (config, file) = (&self.config, shown(&self.config.trust));
        Registry::begin(&config.facility, &file, self.trust.bytes(), reading.wall)
    }
}

/// Reads and checks the configuration and all files that it names, takes the state directory, and
/// installs the orders that the configuration names.
///
/// # Errors
/// [`PrepareError`].
pub fn prepare(path: &Path, reading: Reading) -> Result<Prepared, PrepareError> {
    let inputs = Inputs::read(path)?;
    let place = inputs.config.state.clone();
    let lock = take(&place)?;
    let opened = Store::open(RealDisk, place.clone(), Contents::Read)?;
    let memory = memory(&place, opened.is_some())?;
    let (store, registry) = if let Some((mut store, registry)) = opened {
        let change = inputs.install(&registry, reading)?;
        let registry = if change.is_empty() { registry } else { store.commit(change)? };
        store.finish()?;
        (store, registry)
    } else {
        let first = inputs.begin(reading)?;
        let change = inputs.install(&first.registry, reading)?;
        Store::create(RealDisk, place, first.then(change))?
    };
    let Inputs { config, layers, classes, basis, .. } = inputs;
    let held = Held { store, memory, _lock: lock };
    Ok(Prepared { config, file: path.to_owned(), registry, held, layers, classes, basis })
}

/// The same without taking or writing anything.
///
/// # Errors
/// [`PrepareError`].
pub fn check(path: &Path, reading: Reading) -> Result<(Inputs, Registry), PrepareError> {
    let inputs = Inputs::read(path)?;
    let registry = match loading::read(&mut RealDisk, &inputs.config.state)? {
        Some(registry) => registry,
        None => inputs.begin(reading)?.registry,
    };
    let registry = inputs.install(&registry, reading)?.registry;
    Ok((inputs, registry))
}

/// Takes the lock of a state directory.
///
/// # Errors
/// [`PrepareError::Failed`] where another process has it; [`PrepareError::Rejected`] where others could
/// write there.
pub fn take(place: &Place) -> Result<Lock, PrepareError> {
    let directory = shown(&place.directory);
    lock::is_closed(&place.directory).map_err(|reason| Rejection::new(&directory, reason))?;
    let anchorage = place.anchor.parent().unwrap_or(Path::new("."));
    lock::is_anchorage(anchorage).map_err(|reason| Rejection::new(shown(anchorage), reason))?;
    match Lock::take(&place.directory) {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(PrepareError::Failed(format!(
            "{directory}: a running sekisho has this state; ask it over its control socket"
        ))),
        Err(error) => Err(PrepareError::Failed(format!("{directory}: {error}"))),
    }
}

/// Opens a state directory that is there, for a command without a daemon.
///
/// # Errors
/// [`PrepareError`].
pub fn open(place: &Place, contents: Contents) -> Result<(Held, Registry), PrepareError> {
    let missing = || {
        let reason = "is no state directory; `sekisho run` or `sekisho trust init` makes one";
        PrepareError::Failed(format!("{}: {reason}", shown(&place.directory)))
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
/// [`PrepareError`].
pub fn create(place: &Place, first: Change) -> Result<Registry, PrepareError> {
    let _lock = take(place)?;
    if loading::read(&mut RealDisk, place)?.is_some() {
        let reason = "holds a state already";
        return Err(PrepareError::Failed(format!("{}: {reason}", shown(&place.directory))));
    }
    memory(place, false)?;
    Ok(Store::create(RealDisk, place.clone(), first)?.1)
}

/// The memory of a halt, which is there before there is a state.
fn memory(place: &Place, has_state: bool) -> Result<HaltMemory, PrepareError> {
    HaltMemory::open_or_make(&place.directory, has_state).map_err(|error| {
        let path = place.directory.join(names::HALT);
        PrepareError::Failed(format!("{}: {error}", shown(&path)))
    })
}

/// Whether an order that was just installed may be carried out over these direction tables.
///
/// # Errors
/// A [`Rejection`] of an agreement whose party is not domestic (L-MEASURE).
pub fn lawful_here(
    file: &str,
    installed: Installed,
    classes: &ClassRanges,
) -> Result<Installed, Rejection> {
    if let Installed::New(change, position) = &installed
        && let Some(entry) = change.registry.entries().get(*position)
    {
        check_party(file, entry.head(), classes)?;
    }
    Ok(installed)
}

fn unreadable(file: String, error: &io::Error) -> Rejection {
    Rejection::new(file, format!("cannot be read: {error}"))
}

#[cfg(test)]
#[path = "prepare_tests.rs"]
mod tests;
