//! What a daemon finds of the previous one and keeps for the next: pins in the kernel, names of
//! generations, and how far records were written. Without `pin` in the configuration there is nothing.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use sensor_common::tables::{Slot, Term};

use crate::compile::Names;
use crate::daemon::config::Config;
use crate::daemon::orders::generation_files::GenerationFiles;
use crate::daemon::orders::inherited::Inherited;
use crate::daemon::orders::name_book::NameBook;
use crate::daemon::records::aside::AsideFile;
use crate::daemon::records::books::{Missing, Totals};
use crate::daemon::records::drain::ring_name;
use crate::daemon::records::progress::{self, Checkpoint, Presence, Progress, Recovered};
use crate::daemon::takeover::believed;
use crate::durable::disk::RealDisk;
use crate::kernel::{KernelError, PinRoot, Records, Ring, RingPosition};
use crate::registry::{Reading, Registry, StatePaths};
use crate::shown::shown;

/// Why a daemon does not continue from what the previous one left.
#[derive(Debug, thiserror::Error)]
pub enum TakeoverError {
    /// Something in the state directory cannot be opened or written.
    #[error("{}: {source}", shown(.directory))]
    State {
        /// The state directory.
        directory: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The pins cannot be read.
    #[error(transparent)]
    Pins(#[from] KernelError),
    /// There are pins, but how far their records were written cannot be read.
    #[error(
        "{}: {what}, and without it records would get numbers that were given before; restore it, or \
         remove the pins and with them {unread} records that were not written",
        shown(.file)
    )]
    NoProgress {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: &'static str,
        /// Records in the pinned rings.
        unread: u64,
    },
    /// How far records were written is known for an earlier time only.
    #[error("{}: {reason}; restore it, or remove the pins and with them these records", shown(.file))]
    Older {
        /// The file.
        file: PathBuf,
        /// How much older it is.
        reason: OlderThanRings,
    },
}

/// The rings were read further than the last checkpoint knows of.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("is older than the rings, of which {unread} records were not read")]
pub struct OlderThanRings {
    /// Records in the rings.
    pub unread: u64,
}

/// The state that outlives daemons.
#[derive(Debug, Default)]
pub struct Predecessor {
    /// The pins, locked by this daemon.
    pub root: Option<PinRoot>,
    /// The names of generations, including those of the previous daemon that are believed.
    pub names: Arc<NameBook>,
    /// The generations in the kernel, as far as they are believed.
    pub inherited: Inherited,
    /// The terms of the slots whose orders may continue.
    pub terms: BTreeMap<Slot, Term>,
    /// The terms, each with its slot, in which records in the rings may have been made.
    pub windows: Vec<(Slot, Term)>,
    /// Where the writer notes how far it is.
    pub progress: Option<Progress>,
    /// The last checkpoint of the previous daemon, if its rings are there.
    pub checkpoint: Option<Checkpoint>,
    /// The generations that are not believed, or are lost, with the reason. It is then unknown for which
    /// orders the kernel selects, so it must not select before this daemon's tables are published.
    pub doubts: Vec<String>,
}

impl Predecessor {
    /// Opens what the configuration names. What the previous daemon left counts only if its pins are there,
    /// and its names only if they agree with verified orders.
    ///
    /// # Errors
    /// [`TakeoverError`].
    pub fn open(
        config: &Config,
        registry: &Registry,
        reading: Reading,
    ) -> Result<Self, TakeoverError> {
        let Some(pin) = &config.pin else { return Ok(Self::default()) };
        let state = &config.state.directory;
        let failed = |source| TakeoverError::State { directory: state.clone(), source };
        let root = PinRoot::open(pin)?;
        let ledger = GenerationFiles::open(&mut RealDisk, state).map_err(failed)?;
        let (mut progress, left) = Progress::open(ledger.folder()).map_err(failed)?;
        if !root.has_pins()? {
            progress.begin().map_err(failed)?;
            ledger.clear(&mut RealDisk).map_err(failed)?;
            let (names, root) = (Arc::new(NameBook::kept(ledger, &[])), Some(root));
            return Ok(Self { names, root, progress: Some(progress), ..Self::default() });
        }
        let checkpoint = match left {
            Recovered::Last(checkpoint) | Recovered::OneOfTwo(checkpoint) => checkpoint,
            Recovered::Nothing => return Err(no_progress(&root, &ledger, "is missing")),
            Recovered::Damaged => return Err(no_progress(&root, &ledger, "is damaged")),
        };
        let Generations { believed, mut doubts, newest } =
            Generations::read(&ledger, registry, &config.state).map_err(failed)?;
        if believed.is_empty() && doubts.is_empty() {
            doubts.push(format!("{}: has no generation", shown(ledger.folder())));
        }
        let mut inherited = Inherited::new(&believed);
        inherited.generation = inherited.generation.max(newest).max(checkpoint.generation);
        if !doubts.is_empty() {
            // It is unknown whose slots they are, too; none is taken over.
            inherited.slots.clear();
        }
        Ok(Self {
            windows: believed::windows(&believed, registry, reading),
            terms: believed::terms(&inherited, registry, reading),
            names: Arc::new(NameBook::kept(ledger, &believed)),
            inherited,
            root: Some(root),
            progress: Some(progress),
            checkpoint: Some(checkpoint),
            doubts,
        })
    }
}

/// The generations that another daemon wrote down.
#[derive(Default)]
struct Generations {
    /// Those that agree with verified orders.
    believed: Vec<Arc<Names>>,
    /// The others, each in one line with the reason.
    doubts: Vec<String>,
    /// The highest number among all of them.
    newest: u32,
}

impl Generations {
    fn read(ledger: &GenerationFiles, registry: &Registry, place: &StatePaths) -> io::Result<Self> {
        let mut generations = Self::default();
        for (number, names) in ledger.read(&mut RealDisk)? {
            generations.newest = generations.newest.max(number);
            let checked = names.map_err(|unreadable| unreadable.to_string()).and_then(|names| {
                let check = believed::check(&names, registry, &mut RealDisk, place);
                let file = ledger.path(number);
                check.map(|()| names).map_err(|reason| format!("{}: {reason}", shown(&file)))
            });
            match checked {
                Ok(names) => generations.believed.push(names),
                Err(reason) => generations.doubts.push(format!("{reason}; it is not used")),
            }
        }
        Ok(generations)
    }
}

/// Without a progress file nothing is started: record numbers would be given a second time.
fn no_progress(root: &PinRoot, ledger: &GenerationFiles, what: &'static str) -> TakeoverError {
    let left = root.stale(&[]).unwrap_or_default();
    let readable = left.iter().filter(|left| left.readable);
    let unread = readable.map(|left| Records::unread(&left.pins).unwrap_or(0)).sum();
    TakeoverError::NoProgress { file: ledger.folder().join(progress::FILE), what, unread }
}

/// Where a daemon continues.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Resumed {
    /// The last batch is still in the rings, and any part of it has to be removed from the output.
    pub comes_again: bool,
    /// The number of the last record that was written.
    pub sequence: u64,
    /// The books as of then.
    pub totals: Totals,
    /// Up to where the room of each ring was given back.
    pub rings: BTreeMap<String, RingPosition>,
    /// The number of the last checkpoint.
    pub number: u64,
    /// The highest number of a generation so far, including those of records in the rings.
    pub generation: u32,
}

/// Continues after the previous daemon's last batch, given how much of it is in the output: skips what was
/// written in the rings.
///
/// # Errors
/// [`OlderThanRings`].
pub fn resume(
    checkpoint: Checkpoint,
    found: Presence,
    aside: &AsideFile,
    rings: &mut [(String, Records)],
) -> Result<Resumed, OlderThanRings> {
    let RingsReached { at_batch, mut positions, newest_generation } =
        RingsReached::read(&checkpoint, rings)?;
    let generation = checkpoint.generation.max(newest_generation);
    // Room in the rings is given back after all of the batch is written. If it was given back, the batch
    // does not come again, whatever happened to the output since.
    let in_rings = at_batch.iter().all(|(_, ring, position)| ring.position() >= *position);
    let there = checkpoint.aside.map(|span| aside.presence(&span));
    let written = in_rings || is_written(&checkpoint, found, there);
    let sequence = if written { checkpoint.after } else { checkpoint.before };
    let number = checkpoint.number;
    if let (false, Some(span)) = (written, &checkpoint.aside) {
        // It comes again. If it cannot be removed, it will be there twice.
        let _ = aside.cut_back(span);
    }
    let totals = if written { with_batch(checkpoint, there) } else { checkpoint.totals };
    for (name, ring, position) in at_batch {
        if written {
            ring.skip_to(position);
        }
        positions.insert(name, ring.position());
    }
    let comes_again = !written;
    Ok(Resumed { comes_again, sequence, totals, rings: positions, number, generation })
}

/// The rings, compared with the last checkpoint.
struct RingsReached<'a> {
    /// Those that reach as far as the batch does, with the position after it.
    at_batch: Vec<(String, &'a mut Ring, RingPosition)>,
    /// How far each of the others was read.
    positions: BTreeMap<String, RingPosition>,
    /// The highest generation of the records in them.
    newest_generation: u32,
}

impl<'a> RingsReached<'a> {
    fn read(
        checkpoint: &Checkpoint,
        rings: &'a mut [(String, Records)],
    ) -> Result<Self, OlderThanRings> {
        let (mut at_batch, mut positions) = (Vec::new(), BTreeMap::new());
        let (mut newest_generation, mut unread, mut is_ahead) = (0, 0_u64, false);
        for (interface, records) in rings {
            newest_generation = newest_generation.max(records.newest_generation().unwrap_or(0));
            for (cpu, ring) in records.rings() {
                let name = ring_name(interface, *cpu);
                let known = checkpoint.rings.get(&name).copied();
                is_ahead |= ring.position() > known.unwrap_or_default();
                unread = unread.saturating_add(ring.room().waiting());
                // A ring that was made anew has not come that far.
                if let Some(position) = known.filter(|position| ring.has_reached(*position)) {
                    at_batch.push((name, ring, position));
                } else {
                    positions.insert(name, ring.position());
                }
            }
        }
        if is_ahead {
            return Err(OlderThanRings { unread });
        }
        Ok(Self { at_batch, positions, newest_generation })
    }
}

/// Whether the batch of a checkpoint was written, given how much of it is in the output and in the file of
/// records that were set aside.
fn is_written(checkpoint: &Checkpoint, found: Presence, there: Option<Presence>) -> bool {
    match found {
        Presence::Whole => true,
        Presence::CutBackTo(_) => false,
        // If it had no line for the output, the records that were set aside show how far it came.
        Presence::Unknown => {
            checkpoint.before == checkpoint.after && there == Some(Presence::Whole)
        }
    }
}

/// The books with the batch of a checkpoint in them.
fn with_batch(checkpoint: Checkpoint, there: Option<Presence>) -> Totals {
    let mut totals = checkpoint.totals;
    totals.written =
        totals.written.saturating_add(checkpoint.after.saturating_sub(checkpoint.before));
    if matches!(there, Some(Presence::CutBackTo(_))) {
        totals.miss(Missing::SetAside, checkpoint.set_aside.values().sum());
    } else {
        totals.add_aside(&checkpoint.set_aside);
    }
    totals
}

/// Up to where the rings of a new sensor were given back.
pub fn positions(rings: &mut [(String, Records)]) -> BTreeMap<String, RingPosition> {
    let mut positions = BTreeMap::new();
    for (interface, records) in rings {
        for (cpu, ring) in records.rings() {
            positions.insert(ring_name(interface, *cpu), ring.position());
        }
    }
    positions
}
