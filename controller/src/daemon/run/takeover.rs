//! The part of the start that is about records and about what another daemon left: opens the output, loads
//! the programs over what is pinned, and continues where the other daemon was.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use sensor_common::boot_time::BootTime;

use super::RunError;
use crate::daemon::config::Config;
use crate::daemon::orders::inherited::Inherited;
use crate::daemon::orders::name_book::NameBook;
use crate::daemon::records::aside::AsideFile;
use crate::daemon::records::books::Books;
use crate::daemon::records::output::OpenOutput;
use crate::daemon::records::progress::{Checkpoint, FILE, Presence};
use crate::daemon::records::writer::Places;
use crate::daemon::sensor::{Enforce as _, Sensor};
use crate::daemon::takeover::predecessor::{self, Predecessor, Resumed, TakeoverError};
use crate::kernel::Records;
use crate::registry::{Reading, Registry};

/// What is opened before the programs are loaded.
pub(super) struct Opened {
    predecessor: Predecessor,
    open_output: Option<OpenOutput>,
    found: Presence,
}

/// Everything is loaded, and nothing attached.
pub(super) struct TakenOver {
    pub(super) sensor: Sensor,
    pub(super) rings: Vec<(String, Records)>,
    pub(super) names: Arc<NameBook>,
    pub(super) inherited: Inherited,
    pub(super) places: Places,
    pub(super) books: Arc<Books>,
    /// `event.sequence` of the last record that was written.
    pub(super) sequence: u64,
    /// There are books of a previous daemon.
    pub(super) goes_on: bool,
    /// News for the operator.
    pub(super) said: Vec<String>,
}

/// Opens the output, and what the previous daemon left.
pub(super) fn open(config: &Config, registry: &Registry) -> Result<Opened, RunError> {
    let predecessor = Predecessor::open(config, registry, Reading::now())?;
    let last = predecessor.checkpoint.as_ref().and_then(|checkpoint| checkpoint.file);
    let (open_output, found) = match OpenOutput::open(&config.output, last, true) {
        Ok((open_output, found)) => (Some(open_output), found),
        // Its reader may come later. The writer reports that it waits.
        Err(error) if error.kind() == io::ErrorKind::NotConnected => (None, Presence::Unknown),
        Err(error) => return Err(RunError::Output(error)),
    };
    Ok(Opened { predecessor, open_output, found })
}

/// Loads the programs over what is pinned, and continues from there.
pub(super) fn take_over(config: &Config, opened: Opened) -> Result<TakenOver, RunError> {
    let Opened { predecessor, mut open_output, found } = opened;
    let Predecessor { root, names, mut inherited, terms, windows, progress, checkpoint, doubts } =
        predecessor;
    let (mut sensor, mut rings) = Sensor::load(config, root)?;
    let aside = AsideFile::of(&config.state.directory);
    let goes_on = checkpoint.is_some();
    let resumed = match checkpoint {
        Some(checkpoint) => {
            predecessor::resume(checkpoint, found, &aside, &mut rings).map_err(|reason| {
                let file = config.state.directory.join("generations").join(FILE);
                TakeoverError::Older { file, reason }
            })?
        }
        None => Resumed { rings: predecessor::positions(&mut rings), ..Resumed::default() },
    };
    if let (true, Presence::CutBackTo(length), Some(open_output)) =
        (resumed.comes_again, found, open_output.as_mut())
    {
        open_output.cut_back(length).map_err(super::failed("the output"))?;
    }
    inherited.generation = inherited.generation.max(resumed.generation);
    let known = if doubts.is_empty() { terms } else { BTreeMap::new() };
    let now = Reading::now().boot;
    let wrong = sensor.adopt(&known, resumed.totals.lease, now)?;
    sensor.vouched().inherit(windows);
    if !doubts.is_empty() {
        // It is unknown for which orders the tables in the kernel select.
        sensor.set_lease(BootTime::ZERO)?;
    }
    let Resumed { sequence, totals, rings: positions, number, generation, .. } = resumed;
    let rooms = rings.iter().flat_map(|(_, records)| records.rooms().cloned()).collect();
    let books = Arc::new(Books::new(totals.clone(), rooms));
    books.tampered(wrong.len() as u64);
    let said = doubts.into_iter().chain(wrong).collect();
    let checkpoint = Checkpoint {
        number,
        before: sequence,
        after: sequence,
        rings: positions,
        totals,
        generation,
        ..Checkpoint::default()
    };
    let places = Places { output: config.output.clone(), open_output, aside, progress, checkpoint };
    Ok(TakenOver { sensor, rings, names, inherited, places, books, sequence, goes_on, said })
}

/// Compares what previous daemons have written with what the kernel had submitted by then. Returns news for
/// the operator. To be called once this daemon's tables are published.
pub(super) fn audit(sensor: &mut Sensor, books: &Books) -> Result<Vec<String>, RunError> {
    let before = books.waiting();
    // Any program that has put a record into a ring has counted it by then.
    sensor.settle()?;
    let (missing, behind) = books.audit_at_start(before, sensor.submitted()?);
    let mut said = Vec::new();
    if missing > 0 {
        said.push(format!(
            "{missing} records are missing: they were in rings whose pins somebody removed"
        ));
    }
    if behind > 0 {
        said.push(format!(
            "the kernel's counters know nothing of {behind} records: somebody removed them or set \
             them back"
        ));
    }
    Ok(said)
}
