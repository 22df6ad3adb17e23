//! What a daemon finds of the one before, and keeps for the one after: pins in the kernel, names of
//! generations, and how far records were written. Without `pin` in the configuration: nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use sensor_common::tables::{Slot, Term};

use crate::daemon::config::Config;
use crate::daemon::orders::generation_files::GenerationFiles;
use crate::daemon::orders::inherited::Inherited;
use crate::daemon::orders::name_book::NameBook;
use crate::daemon::records::aside::AsideFile;
use crate::daemon::records::books::{Missing, Totals};
use crate::daemon::records::drain::ring_name;
use crate::daemon::records::progress::{self, Found, Left, Progress, Step};
use crate::daemon::takeover::believed;
use crate::durable::disk::RealDisk;
use crate::kernel::{PinRoot, Records, RingPosition};
use crate::registry::{Reading, Registry};
use crate::shown::shown;

/// The state that outlives daemons.
#[derive(Debug, Default)]
pub struct Kept {
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
    pub step: Option<Step>,
    /// The generations that are not believed, or lost, with the reason: nobody knows for which orders
    /// the kernel selects, so it must not select before it has tables of ours.
    pub doubts: Vec<String>,
}

impl Kept {
    /// Opens what the configuration names. What the daemon before left counts only as long as its
    /// pins are there, and its names only as far as verified orders stand behind them.
    ///
    /// # Errors
    /// One line that names the file or folder.
    pub fn open(config: &Config, registry: &Registry, reading: Reading) -> Result<Self, String> {
        let Some(pin) = &config.pin else { return Ok(Self::default()) };
        let state = &config.state.directory;
        let failed = |error: std::io::Error| format!("{}: {error}", shown(state));
        let root = PinRoot::open(pin).map_err(|error| error.to_string())?;
        let ledger = GenerationFiles::open(&mut RealDisk, state).map_err(failed)?;
        let (mut progress, left) = Progress::open(ledger.folder()).map_err(failed)?;
        if !root.has_pins().map_err(|error| error.to_string())? {
            progress.begin().map_err(failed)?;
            ledger.clear(&mut RealDisk).map_err(failed)?;
            let (names, root) = (Arc::new(NameBook::kept(ledger, &[])), Some(root));
            return Ok(Self { names, root, progress: Some(progress), ..Self::default() });
        }
        let step = match left {
            Left::Last(step) | Left::OneOfTwo(step) => step,
            Left::Nothing => return Err(refusal(&root, &ledger, "is missing")),
            Left::Damaged => return Err(refusal(&root, &ledger, "is damaged")),
        };
        let (mut believed, mut doubts, mut generation) = (Vec::new(), Vec::new(), step.generation);
        for (number, names) in ledger.read(&mut RealDisk).map_err(failed)? {
            generation = generation.max(number);
            let checked = names.and_then(|names| {
                let check = believed::check(&names, registry, &mut RealDisk, &config.state);
                let file = ledger.path(number);
                check.map(|()| names).map_err(|reason| format!("{}: {reason}", shown(&file)))
            });
            match checked {
                Ok(names) => believed.push(names),
                Err(reason) => doubts.push(format!("{reason}; it is not used")),
            }
        }
        if believed.is_empty() && doubts.is_empty() {
            doubts.push(format!("{}: has no generation", shown(ledger.folder())));
        }
        let mut inherited = Inherited::new(&believed);
        inherited.generation = inherited.generation.max(generation);
        if !doubts.is_empty() {
            // Whose slots they are is not known either; none is taken over.
            inherited.slots.clear();
        }
        Ok(Self {
            windows: believed::windows(&believed, registry, reading),
            terms: believed::terms(&inherited, registry, reading),
            names: Arc::new(NameBook::kept(ledger, &believed)),
            inherited,
            root: Some(root),
            progress: Some(progress),
            step: Some(step),
            doubts,
        })
    }
}

/// Why nothing is started without a progress file: the numbers of records would come a second time.
fn refusal(root: &PinRoot, ledger: &GenerationFiles, what: &str) -> String {
    let left = root.left(&[]).unwrap_or_default();
    let readable = left.iter().filter(|left| left.readable);
    let unread = readable.map(|left| Records::unread(&left.pins).unwrap_or(0)).sum();
    refused(ledger, what, unread)
}

fn refused(ledger: &GenerationFiles, what: &str, unread: u64) -> String {
    format!(
        "{}: {what}, and without it records would get numbers that were given before; restore it, or \
         remove the pins and with them {unread} records that were not written",
        shown(&ledger.folder().join(progress::FILE))
    )
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
    /// The number of the last step.
    pub step: u64,
    /// The highest number that a generation was given, by the records in the rings too.
    pub generation: u32,
}

/// Goes on behind the last batch of the daemon before, given what the output shows of it: rings are
/// taken to where they were written.
///
/// # Errors
/// In words: the rings were read further than the step knows of. It is an older one.
pub fn resume(
    step: Step,
    found: Found,
    aside: &AsideFile,
    rings: &mut [(String, Records)],
) -> Result<Resumed, String> {
    let mut reached = Vec::new();
    let (mut positions, mut generation, mut unread) = (BTreeMap::new(), step.generation, 0_u64);
    let mut ahead = false;
    for (interface, records) in rings {
        generation = generation.max(records.newest_generation().unwrap_or(0));
        for (cpu, ring) in records.rings() {
            let name = ring_name(interface, *cpu);
            let known = step.rings.get(&name).copied();
            ahead |= ring.position() > known.unwrap_or_default();
            unread = unread.saturating_add(ring.room().waiting());
            // Another ring than the one that the step is about has not come that far.
            if let Some(position) = known.filter(|position| ring.has_reached(*position)) {
                reached.push((name, ring, position));
            } else {
                positions.insert(name, ring.position());
            }
        }
    }
    if ahead {
        return Err(format!("is older than the rings, of which {unread} records were not read"));
    }
    let in_rings = reached.iter().all(|(_, ring, position)| ring.position() >= *position);
    let there = step.aside.map(|place| aside.find(&place));
    // The rings are told after all of it is written. Where they were told, it does not come again,
    // whatever somebody has made of the output since.
    let written = in_rings
        || match found {
            Found::Whole => true,
            Found::CutBackTo(_) => false,
            // If no line of it was for the output, what was set aside says how far it came.
            Found::Unknown => step.before == step.after && there == Some(Found::Whole),
        };
    let mut totals = step.totals;
    if written {
        totals.written = totals.written.saturating_add(step.after.saturating_sub(step.before));
        if matches!(there, Some(Found::CutBackTo(_))) {
            totals.miss(Missing::SetAside, step.set_aside.values().sum());
        } else {
            totals.add_aside(&step.set_aside);
        }
    } else if let Some(place) = &step.aside {
        // It comes again. If it cannot be taken away, it will be there twice.
        let _ = aside.cut_back(place);
    }
    for (name, ring, position) in reached {
        if written {
            ring.skip_to(position);
        }
        positions.insert(name, ring.position());
    }
    Ok(Resumed {
        comes_again: !written,
        sequence: if written { step.after } else { step.before },
        totals,
        rings: positions,
        step: step.number,
        generation,
    })
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
