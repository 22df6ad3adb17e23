//! What a daemon finds of the one before, and keeps for the one after: pins in the kernel, names of
//! generations, and how far records were written. Without `pin` in the configuration: nothing.

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
use crate::registry::{Place, Reading, Registry};
use crate::shown::shown;

/// Why a daemon does not go on from what the one before left.
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
    /// There are pins, but nothing that can be read of how far their records were written.
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
    /// How far records were written is known as of an earlier time only.
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
    /// The pins, ours alone from here on.
    pub root: Option<PinRoot>,
    /// The names of generations, with those of the daemon before that are believed.
    pub names: Arc<NameBook>,
    /// The generations that are in the kernel, as far as they are believed.
    pub inherited: Inherited,
    /// The terms of the slots in which orders may go on.
    pub terms: BTreeMap<Slot, Term>,
    /// The terms in which records were made that may be in the rings, each with its slot.
    pub windows: Vec<(Slot, Term)>,
    /// Where the writer says how far it is.
    pub progress: Option<Progress>,
    /// The last batch of the daemon before, where there are its rings.
    pub checkpoint: Option<Checkpoint>,
    /// The generations that are not believed, or lost, with the reason: nobody knows for which orders
    /// the kernel selects, so it must not select before it has tables of ours.
    pub doubts: Vec<String>,
}

impl Predecessor {
    /// Opens what the configuration names. What the daemon before left counts only as long as its
    /// pins are there, and its names only as far as verified orders stand behind them.
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
            // It is not known whose slots they are either; none is taken over.
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
    /// Those that verified orders stand behind.
    believed: Vec<Arc<Names>>,
    /// The others, each in one line with the reason.
    doubts: Vec<String>,
    /// The highest number among all of them.
    newest: u32,
}

impl Generations {
    fn read(ledger: &GenerationFiles, registry: &Registry, place: &Place) -> io::Result<Self> {
        let mut generations = Self::default();
        for (number, names) in ledger.read(&mut RealDisk)? {
            generations.newest = generations.newest.max(number);
            let checked = names.and_then(|names| {
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

/// Why nothing is started without a progress file: the numbers of records would come a second time.
fn no_progress(root: &PinRoot, ledger: &GenerationFiles, what: &'static str) -> TakeoverError {
    let left = root.stale(&[]).unwrap_or_default();
    let readable = left.iter().filter(|left| left.readable);
    let unread = readable.map(|left| Records::unread(&left.pins).unwrap_or(0)).sum();
    TakeoverError::NoProgress { file: ledger.folder().join(progress::FILE), what, unread }
}

/// Where a daemon goes on.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Resumed {
    /// The last batch is still in the rings; what the output has of it is to be taken away.
    pub comes_again: bool,
    /// The number of the last record that was written.
    pub sequence: u64,
    /// The books as of then.
    pub totals: Totals,
    /// How far each ring was given back.
    pub rings: BTreeMap<String, RingPosition>,
    /// The number of the last checkpoint.
    pub number: u64,
    /// The highest number that a generation was given, by the records in the rings too.
    pub generation: u32,
}

/// Goes on behind the last batch of the daemon before, given what the output shows of it: rings are
/// taken to where they were written.
///
/// # Errors
/// [`OlderThanRings`].
pub fn resume(
    checkpoint: Checkpoint,
    found: Presence,
    aside: &AsideFile,
    rings: &mut [(String, Records)],
) -> Result<Resumed, OlderThanRings> {
    let Reached { at_batch, mut positions, newest_generation } = Reached::read(&checkpoint, rings)?;
    let generation = checkpoint.generation.max(newest_generation);
    // The rings are told after all of it is written. Where they were told, it does not come again,
    // whatever somebody has made of the output since.
    let in_rings = at_batch.iter().all(|(_, ring, position)| ring.position() >= *position);
    let there = checkpoint.aside.map(|span| aside.presence(&span));
    let written = in_rings || is_written(&checkpoint, found, there);
    let sequence = if written { checkpoint.after } else { checkpoint.before };
    let number = checkpoint.number;
    if let (false, Some(span)) = (written, &checkpoint.aside) {
        // It comes again. If it cannot be taken away, it will be there twice.
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
struct Reached<'a> {
    /// Those that reach as far as the batch does, with the position behind it.
    at_batch: Vec<(String, &'a mut Ring, RingPosition)>,
    /// How far each of the others was read.
    positions: BTreeMap<String, RingPosition>,
    /// The highest generation of the records in them.
    newest_generation: u32,
}

impl<'a> Reached<'a> {
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

/// Whether the batch of a checkpoint was written, by what the output and the file of records set aside show of it.
fn is_written(checkpoint: &Checkpoint, found: Presence, there: Option<Presence>) -> bool {
    match found {
        Presence::Whole => true,
        Presence::CutBackTo(_) => false,
        // If no line of it was for the output, what was set aside says how far it came.
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

/// How far the rings of a sensor that begins were given back: nowhere.
pub fn positions(rings: &mut [(String, Records)]) -> BTreeMap<String, RingPosition> {
    let mut positions = BTreeMap::new();
    for (interface, records) in rings {
        for (cpu, ring) in records.rings() {
            positions.insert(ring_name(interface, *cpu), ring.position());
        }
    }
    positions
}
