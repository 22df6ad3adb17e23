//! The memory of a halt beside the registry: a file that takes no space to write and no lock, so that
//! a halt is remembered when the disk is full and when a daemon that does not answer has the state.
//!
//! In doubt it says "halted": missing, torn or damaged, a start begins halted (L-MIN). The registry is
//! what counts once it knows; the daemon takes over what it finds here.

use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::act::Act;
use super::names;
use crate::durable::reserved::Reserved;

/// Twice what the longest act takes.
const SIZE: usize = 8_192;

const SCHEMA: &str = "sekisho.halt/v1";

/// The file.
#[derive(Debug)]
pub struct HaltMemory(Reserved);

/// What it says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Remembered {
    /// Selection is not halted.
    Nothing,
    /// Somebody has halted it.
    Halted(Act),
    /// Nobody can tell, and so it is halted, for this reason.
    Doubt(String),
}

impl Remembered {
    /// The halt that it stands for, if it is one.
    pub fn act(self, now: Timestamp) -> Option<Act> {
        match self {
            Self::Nothing => None,
            Self::Halted(act) => Some(act),
            Self::Doubt(reason) => Some(Act::of_sekisho(&reason, now)),
        }
    }
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Content {
    schema: String,
    halted: Option<Act>,
}

impl HaltMemory {
    /// Opens the memory of a state directory that is there; for a halt, which makes nothing.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn open(directory: &Path) -> io::Result<Self> {
        Reserved::open(directory, names::HALT, SIZE).map(Self)
    }

    /// Opens the memory, or makes it. If the directory had a state without one, it is in doubt.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn open_or_make(directory: &Path, has_state: bool) -> io::Result<Self> {
        let memory = match Self::open(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Self(Reserved::make(directory, names::HALT, SIZE)?)
            }
            opened => opened?,
        };
        // Without a state nothing was ever halted; whoever began to make this one did not finish.
        if !has_state && matches!(memory.read(), Remembered::Doubt(_)) {
            memory.clear()?;
        }
        Ok(memory)
    }

    /// What it says.
    pub fn read(&self) -> Remembered {
        match self.0.read::<Content>() {
            Ok(Some(Content { schema, halted })) if schema == SCHEMA => {
                halted.map_or(Remembered::Nothing, Remembered::Halted)
            }
            Ok(_) => Remembered::Doubt("the memory of a halt was missing or is damaged".to_owned()),
            Err(error) => {
                Remembered::Doubt(format!("the memory of a halt cannot be read: {error}"))
            }
        }
    }

    /// Remembers a halt; the first one stays.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn halt(&self, act: &Act) -> io::Result<()> {
        if matches!(self.read(), Remembered::Halted(_)) {
            return Ok(());
        }
        self.write(Some(act.clone()))
    }

    /// Remembers that selection is not halted.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn clear(&self) -> io::Result<()> {
        self.write(None)
    }

    fn write(&self, halted: Option<Act>) -> io::Result<()> {
        self.0.write(&Content { schema: SCHEMA.to_owned(), halted })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::act::{Caller, Said};
    use super::super::tests::at;
    use super::*;
    use crate::text::Text;

    #[test]
    fn a_halt_is_remembered_until_it_is_cleared_and_doubt_is_a_halt() {
        let folder = tempfile::tempdir().unwrap();
        assert!(HaltMemory::open(folder.path()).is_err(), "a halt makes no file");
        let memory = HaltMemory::open_or_make(folder.path(), false).unwrap();
        assert_eq!(memory.read(), Remembered::Nothing);
        // As long as any.
        let longest: Text = "\u{1f6d1}".repeat(200).parse().unwrap();
        let said = Said { operator: Some(longest.clone()), why: Some(longest) };
        let act = |said| Act::new(said, Caller { uid: Some(0), login_uid: Some(0) }, at(0).wall);
        let first = act(said);
        memory.halt(&first).unwrap();
        memory.halt(&act(Said::default())).unwrap();
        let again = HaltMemory::open_or_make(folder.path(), true).unwrap();
        assert_eq!(again.read(), Remembered::Halted(first));
        again.clear().unwrap();
        assert_eq!(memory.read(), Remembered::Nothing);

        let path = folder.path().join(names::HALT);
        fs::remove_file(&path).unwrap();
        let made = HaltMemory::open_or_make(folder.path(), true).unwrap();
        assert!(matches!(made.read(), Remembered::Doubt(_)), "it was there once");
        made.halt(&act(Said::default())).unwrap();
        assert!(matches!(made.read(), Remembered::Halted(_)));
        fs::write(&path, "").unwrap();
        assert!(matches!(made.read(), Remembered::Doubt(_)));
    }
}
