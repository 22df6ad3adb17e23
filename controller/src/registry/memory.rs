//! The memory of a halt, a file beside the registry. Writing it takes neither space nor lock, so that a halt is
//! remembered even if the disk is full, or if a daemon that does not answer holds the state.
//!
//! In doubt the answer is "halted": if the file is missing, torn or damaged, a daemon starts halted (L-MIN). A
//! daemon takes a halt that it finds here into the registry, which counts from then on.

use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::act::Act;
use super::names;
use crate::durable::reserved::Reserved;

/// The size of the file in bytes: twice what the longest act takes.
const SIZE: usize = 8_192;

const SCHEMA: &str = "sekisho.halt/v1";

/// The memory of a halt.
#[derive(Debug)]
pub struct HaltMemory(Reserved);

/// What it says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Remembered {
    /// Selection is not halted.
    Nothing,
    /// Somebody has halted it.
    Halted(Act),
    /// Nobody can tell, for this reason; selection counts as halted.
    Doubt(String),
}

impl Remembered {
    /// The halt that it means, if it means one.
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
    /// Opens the memory of a state directory. It does not make one: a halt makes nothing.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn open(directory: &Path) -> io::Result<Self> {
        Reserved::open(directory, names::HALT, SIZE).map(Self)
    }

    /// Opens the memory, or makes it. A memory that is missing beside a state is in doubt.
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
        // Without a state nothing was ever halted: somebody began to make the directory and did not finish.
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

    /// Remembers a halt, unless one is remembered already.
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
