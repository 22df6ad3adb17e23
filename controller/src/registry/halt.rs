//! Halting all selection without any signature, and resuming it. Both are acts of a person, and are recorded
//! (L-MIN, L-INSPECT). The daemon tells the kernel.

use super::act::Act;
use super::clock::Reading;
use super::event::What;
use super::state::{Change, Registry};

impl Registry {
    /// Halts all selection. `None`: it is halted already, and the first act stands.
    pub fn halt(&self, act: Act, reading: Reading) -> Option<Change> {
        if self.halted.is_some() {
            return None;
        }
        let mut change = Change::of(self.clone());
        change.registry.halted = Some(act.clone());
        change.note(reading.wall, What::Halted(act));
        Some(change)
    }

    /// Resumes selection. `None`: it is not halted.
    pub fn resume(&self, act: Act, reading: Reading) -> Option<Change> {
        self.halted.as_ref()?;
        let mut change = Change::of(self.clone());
        change.registry.halted = None;
        change.note(reading.wall, What::Resumed(act));
        Some(change)
    }
}
