//! Halting all selection without any signature, and resuming it: both are a person's acts and are
//! recorded (L-MIN, L-INSPECT). What the kernel is told is the daemon's business.

use super::clock::Reading;
use super::event::{Act, What};
use super::state::{Change, Registry};

/// Longest name or reason that is recorded, in characters.
const LONGEST: usize = 200;

impl Registry {
    /// Halts all selection. `None`: it is halted already, and stays what the first one said.
    pub fn halt(&self, by: &str, why: &str, reading: Reading) -> Option<Change> {
        if self.halted.is_some() {
            return None;
        }
        let act = act(by, why, reading);
        let mut change = Change::of(self.clone());
        change.registry.halted = Some(act.clone());
        change.note(reading.wall, What::Halted(act));
        Some(change)
    }

    /// Resumes selection. `None`: it is not halted.
    pub fn resume(&self, by: &str, why: &str, reading: Reading) -> Option<Change> {
        self.halted.as_ref()?;
        let mut change = Change::of(self.clone());
        change.registry.halted = None;
        change.note(reading.wall, What::Resumed(act(by, why, reading)));
        Some(change)
    }
}

/// What a person did, bounded.
pub fn act(by: &str, why: &str, reading: Reading) -> Act {
    let bounded = |text: &str| text.chars().take(LONGEST).collect();
    Act { since: reading.wall, by: bounded(by), why: bounded(why) }
}
