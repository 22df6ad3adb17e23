//! What a daemon finds of the one before, and keeps for the one after: pins in the kernel, names of
//! generations, and how far records were written. Without `pin` in the configuration: nothing.

use std::path::Path;
use std::sync::Arc;

use super::config::Config;
use super::inherit::Inherited;
use super::ledger::Ledger;
use super::names::NameBook;
use super::progress::{Found, Progress, Step};
use crate::kernel::{KernelError, PinRoot, Pins, Records};

/// The state that outlives daemons.
#[derive(Debug, Default)]
pub struct Kept {
    /// The pins, ours alone from here on.
    pub root: Option<PinRoot>,
    /// The names of generations, with those of the daemon before.
    pub names: Arc<NameBook>,
    /// The generations that are in the kernel.
    pub inherited: Inherited,
    /// Where the writer says how far it is.
    pub progress: Option<Progress>,
    /// The last batch of the daemon before.
    pub step: Option<Step>,
}

impl Kept {
    /// Opens what the configuration names. What the daemon before left counts only as long as its
    /// rings are there.
    ///
    /// # Errors
    /// One line that names the file or folder.
    pub fn open(config: &Config) -> Result<Self, String> {
        let Some(pin) = &config.pin else { return Ok(Self::default()) };
        let state = &config.state.directory;
        let failed = |error: std::io::Error| format!("{}: {error}", state.display());
        let root = PinRoot::open(pin).map_err(|error| error.to_string())?;
        let ledger = Ledger::open(state).map_err(failed)?;
        let (progress, mut step) = Progress::open(ledger.folder()).map_err(failed)?;
        let mut before = Vec::new();
        let mut adopt = root.has_rings().map_err(|error| error.to_string())?;
        if adopt {
            before = ledger.read()?;
            if before.is_empty() {
                start_afresh(&root, ledger.folder())?;
                adopt = false;
            }
        }
        if !adopt {
            step = None;
            progress.clear().map_err(failed)?;
            ledger.clear().map_err(failed)?;
        }
        Ok(Self {
            inherited: Inherited::new(&before),
            names: Arc::new(NameBook::kept(ledger, &before)),
            root: Some(root),
            progress: Some(progress),
            step,
        })
    }
}

/// Ends a sensor of which there are pins but no names: nobody knows what its tables select for, nor
/// which order a slot belongs to, so it does not select any more.
fn start_afresh(root: &PinRoot, folder: &Path) -> Result<(), String> {
    let failed = |error: KernelError| error.to_string();
    let all = root.left(&[]).map_err(failed)?;
    let ours = || all.iter().filter(|left| left.readable).map(|left| &left.pins);
    ours().try_for_each(Pins::remove_links).map_err(failed)?;
    for pins in ours() {
        let unread = Records::unread(pins).map_err(failed)?;
        if unread > 0 {
            return Err(format!(
                "{}: has no generation, and without them {unread} records in {} have no names; \
                 restore it, or remove the pins and with them the records",
                folder.display(),
                pins.folder().display()
            ));
        }
    }
    ours().try_for_each(Pins::remove).map_err(failed)
}

/// Goes on behind the last batch of the daemon before, given what the output shows of it: rings are
/// taken to where they were written. Returns the number of the last record that was.
pub fn resume(step: &Step, found: Found, rings: &mut [(String, Records)]) -> u64 {
    let mut reached = Vec::new();
    for (interface, records) in rings {
        for (cpu, ring) in records.rings() {
            if let Some(position) = step.rings.get(&ring_name(interface, *cpu)) {
                reached.push((ring, *position));
            }
        }
    }
    let written = match found {
        Found::Whole => true,
        Found::CutBackTo(_) => false,
        // The rings are told after the batch is written.
        Found::Unknown => reached.iter().all(|(ring, position)| ring.position() >= *position),
    };
    if !written {
        return step.before;
    }
    for (ring, position) in reached {
        ring.skip_to(position);
    }
    step.after
}

/// A ring's name: its interface and CPU.
pub fn ring_name(interface: &str, cpu: u32) -> String {
    format!("{interface}/{cpu}")
}
