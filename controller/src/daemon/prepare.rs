//! Reads a configuration file and everything that it names, and checks it before anything is attached: if one
//! order is wrong, the daemon does not start (L-APPROVE). A reload does the same.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ipnetwork::IpNetwork;
use sensor_common::direction::AddressClass;

use crate::classes::{self, ClassRanges, Moved};
use crate::compile::Layer;
use crate::daemon::config::Config;
use crate::direction::{DirectionError, DirectionTable};
use crate::durable::disk::RealDisk;
use crate::files;
use crate::order::{Trust, load};
use crate::preview::check_party;
use crate::registry::held::{self, Held};
use crate::registry::inputs::{
    self as daemon_inputs, ClassChange, Classes, DaemonInputs, FileRead,
};
use crate::registry::loading;
use crate::registry::{Change, Reading, Registry, StateStore};
use crate::rejection::{Failure, Rejection, Rejections, Requirement};
use crate::shown::shown;

/// Layers of direction, from the bottom up.
pub type Layers = Vec<Vec<(IpNetwork, AddressClass)>>;

/// A configuration with all that it refers to.
#[derive(Debug)]
pub struct Prepared {
    /// The configuration.
    pub config: Config,
    /// Where it was read from.
    pub file: PathBuf,
    /// The registry, with the orders that the configuration names.
    pub registry: Registry,
    /// The state directory.
    pub held: Held,
    /// What is domestic and what is foreign.
    pub layers: Arc<Layers>,
    /// The same, for looking up addresses.
    pub classes: Arc<ClassRanges>,
    /// The files that all this was made from.
    pub basis: DaemonInputs,
}

/// What a configuration file names, read and checked without a registry.
#[derive(Debug)]
pub struct Inputs {
    /// The configuration.
    pub config: Config,
    /// What is domestic and what is foreign.
    pub layers: Arc<Layers>,
    /// The same, to look addresses up.
    pub classes: Arc<ClassRanges>,
    /// The same in numbers.
    pub summary: Classes,
    configuration: FileRead,
    direction: Vec<FileRead>,
    trust: Trust,
}

impl Inputs {
    /// Reads the configuration and the files that it names, except the orders.
    ///
    /// # Errors
    /// [`Failure::Rejected`].
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = files::read_at_most(path, files::SMALL)
            .map_err(|error| unreadable(shown(path), &error))?;
        let config = Config::parse(path, &bytes)?;
        if let Some(group) = &config.control_group {
            group.number().map_err(|fault| {
                Rejection::new(shown(path), fault.to_string()).at("control_group")
            })?;
        }
        let trust = load::trust(&config.trust)?;
        let table = DirectionTable::load(&config.direction).map_err(|error| match error {
            DirectionError::Rejected(rejection) => rejection,
            DirectionError::Unreadable { file, source } => unreadable(file, &source),
        })?;
        let classes = ClassRanges::of(&table);
        let text = classes.written();
        if text.len() > classes::LARGEST {
            // Ranges that cannot be kept could change unnoticed from one start to the next.
            let reason =
                "falls into more ranges than can be kept for the next start to compare with";
            return Err(Rejection::new(shown(path), reason)
                .at("direction")
                .under(Requirement::Dir)
                .into());
        }
        let sha256 = crate::digest::sha256(text.as_bytes());
        Ok(Self {
            summary: Classes::of(&config.direction, &table, sha256),
            classes: Arc::new(classes),
            layers: Arc::new(table.layers().into()),
            configuration: FileRead { file: shown(path), sha256: crate::digest::sha256(&bytes) },
            direction: daemon_inputs::files(&table),
            config,
            trust,
        })
    }

    /// Compares what is domestic and what is foreign with what was in force before.
    ///
    /// # Errors
    /// A [`Rejection`] if more has changed than may change without `accept_change` (L-DIR).
    pub fn compare(
        &mut self,
        before: Result<Option<&ClassRanges>, String>,
        accept_change: bool,
    ) -> Result<(), Rejection> {
        self.summary.change = match before {
            Ok(None) => ClassChange::First,
            Err(reason) => ClassChange::Lost(reason),
            Ok(Some(before)) => {
                let moved = Moved::between(before, &self.classes);
                let accepted = moved.is_much();
                if accepted && !accept_change {
                    let reason = format!(
                        "moves {moved}, more than a thousandth of the address space; if that is \
                         meant, say --accept-change"
                    );
                    return Err(Rejection::new(&self.configuration.file, reason)
                        .at("direction")
                        .under(Requirement::Dir));
                }
                ClassChange::Compared { moved, accepted }
            }
        };
        Ok(())
    }

    /// What a daemon with this registry works by.
    pub fn basis(&self, registry: &Registry) -> DaemonInputs {
        DaemonInputs {
            configuration: self.configuration.clone(),
            trust: registry.trust_read(),
            direction: self.direction.clone(),
            classes: self.summary.clone(),
        }
    }

    /// The change that installs this configuration's orders in a registry.
    ///
    /// # Errors
    /// Every order that is refused.
    pub fn install(&self, registry: &Registry, reading: Reading) -> Result<Change, Failure> {
        let Self { config, layers, classes, configuration, trust, .. } = self;
        registry.is_for(&shown(&config.state.directory), &config.facility)?;
        registry.agrees_with(&shown(&config.trust), trust)?;
        // An agreement that was lawful with other direction tables need not be with these.
        for entry in registry.bases().iter().filter(|entry| entry.ended().is_none()) {
            let basis = entry.basis();
            check_party(&basis.key.to_string(), basis, classes)?;
        }
        let given = load::given(config.orders.iter().map(PathBuf::as_path))?;
        let (change, _) = registry.accept(&given, Some(classes), reading)?;
        let layers: Vec<Layer<'_>> = layers.iter().map(Vec::as_slice).collect();
        change.registry.fits(&configuration.file, None, &layers)?;
        Ok(change)
    }

    /// A registry without a past.
    fn begin(&self, reading: Reading) -> Result<Change, Rejections> {
        let (config, file) = (&self.config, shown(&self.config.trust));
        Registry::begin(&config.facility, &file, self.trust.bytes(), reading.wall)
    }
}

/// Reads and checks the configuration and all files that it names, takes the state directory, and
/// installs the orders that the configuration names. `accept_change`: direction may have changed by any
/// amount since the last start.
///
/// # Errors
/// [`Failure`].
pub fn prepare(path: &Path, accept_change: bool, reading: Reading) -> Result<Prepared, Failure> {
    let mut inputs = Inputs::read(path)?;
    let place = inputs.config.state.clone();
    let (held, registry) = held::take_with(&place, |opened| {
        let Some((mut store, registry)) = opened else {
            let first = inputs.begin(reading)?;
            let change = inputs.install(&first.registry, reading)?;
            return Ok(StateStore::create(RealDisk, place.clone(), first.then(change))?);
        };
        let before = loading::classes(&place, &registry);
        inputs.compare(before.as_ref().map(Option::as_ref).map_err(Clone::clone), accept_change)?;
        let change = inputs.install(&registry, reading)?;
        let registry = if change.is_empty() { registry } else { store.commit(change)? };
        store.finish()?;
        Ok((store, registry))
    })?;
    let basis = inputs.basis(&registry);
    let Inputs { config, layers, classes, .. } = inputs;
    Ok(Prepared { config, file: path.to_owned(), registry, held, layers, classes, basis })
}

/// Checks the same without taking the state directory or writing anything.
///
/// # Errors
/// [`Failure`].
pub fn check(
    path: &Path,
    accept_change: bool,
    reading: Reading,
) -> Result<(Inputs, Registry), Failure> {
    let mut inputs = Inputs::read(path)?;
    let registry = match loading::read(&mut RealDisk, &inputs.config.state)? {
        Some(registry) => {
            let before = loading::classes(&inputs.config.state, &registry);
            inputs.compare(
                before.as_ref().map(Option::as_ref).map_err(Clone::clone),
                accept_change,
            )?;
            registry
        }
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
