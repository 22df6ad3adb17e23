//! From a configuration file to everything a daemon needs, checked before anything is attached: one
//! wrong order and the daemon does not start (L-APPROVE). The same is done for a reload.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ipnetwork::IpNetwork;
use sensor_common::direction::AddressClass;

use crate::classes::ClassRanges;
use crate::compile::Layer;
use crate::daemon::config::Config;
use crate::direction::{DirectionError, DirectionTable};
use crate::durable::disk::RealDisk;
use crate::files;
use crate::order::{Trust, load};
use crate::preview::check_party;
use crate::registry::command::Document;
use crate::registry::held::{self, Held};
use crate::registry::loading;
use crate::registry::runs::{self, Basis, FileRead};
use crate::registry::{Change, Reading, Registry, Store};
use crate::rejection::{Fault, Rejection};
use crate::shown::shown;

/// Painting layers of direction, from the bottom up.
pub type Layers = Vec<Vec<(IpNetwork, AddressClass)>>;

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
    /// [`Fault::Rejected`].
    pub fn read(path: &Path) -> Result<Self, Fault> {
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
        let configuration = FileRead { file: shown(path), sha256: crate::digest::sha256(&bytes) };
        let direction = runs::files(&table);
        let basis = Basis { configuration, direction };
        Ok(Self { config, layers, classes, basis, file: shown(path), trust })
    }

    /// The change that brings a registry to where this configuration wants it: its orders installed.
    ///
    /// # Errors
    /// Every order that is refused.
    pub fn install(&self, registry: &Registry, reading: Reading) -> Result<Change, Fault> {
        let Self { config, layers, classes, file, trust, .. } = self;
        registry.is_for(&shown(&config.state.directory), &config.facility)?;
        registry.agrees_with(&shown(&config.trust), trust)?;
        // What was lawful over other direction tables need not be over these.
        for entry in registry.entries().iter().filter(|entry| entry.ended().is_none()) {
            let order = entry.head();
            let name = order.key().to_string();
            check_party(&name, order, classes)?;
        }
        let (mut documents, mut rejections) = (Vec::new(), Vec::new());
        for path in &config.orders {
            match Document::read(path) {
                Ok(document) => documents.push(document),
                Err(rejection) => rejections.push(rejection),
            }
        }
        let (change, _) = match registry.accept(&documents, Some(classes), reading) {
            Ok(accepted) if rejections.is_empty() => accepted,
            refused => {
                rejections.extend(refused.err().unwrap_or_default());
                return Err(Fault::Rejected(rejections));
            }
        };
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
/// [`Fault`].
pub fn prepare(path: &Path, reading: Reading) -> Result<Prepared, Fault> {
    let inputs = Inputs::read(path)?;
    let place = inputs.config.state.clone();
    let (held, registry) = held::take_with(&place, |opened| {
        let Some((mut store, registry)) = opened else {
            let first = inputs.begin(reading)?;
            let change = inputs.install(&first.registry, reading)?;
            return Ok(Store::create(RealDisk, place.clone(), first.then(change))?);
        };
        let change = inputs.install(&registry, reading)?;
        let registry = if change.is_empty() { registry } else { store.commit(change)? };
        store.finish()?;
        Ok((store, registry))
    })?;
    let Inputs { config, layers, classes, basis, .. } = inputs;
    Ok(Prepared { config, file: path.to_owned(), registry, held, layers, classes, basis })
}

/// The same without taking or writing anything.
///
/// # Errors
/// [`Fault`].
pub fn check(path: &Path, reading: Reading) -> Result<(Inputs, Registry), Fault> {
    let inputs = Inputs::read(path)?;
    let registry = match loading::read(&mut RealDisk, &inputs.config.state)? {
        Some(registry) => registry,
        None => inputs.begin(reading)?.registry,
    };
    let registry = inputs.install(&registry, reading)?.registry;
    Ok((inputs, registry))
}

fn unreadable(file: String, error: &io::Error) -> Rejection {
    Rejection::new(file, format!("cannot be read: {error}"))
}

#[cfg(test)]
#[path = "prepare_tests.rs"]
mod tests;
