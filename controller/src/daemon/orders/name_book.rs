//! The names of the generations of which some record may not be written yet.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use crate::compile::Names;
use crate::daemon::orders::generation_files::GenerationFiles;
use crate::durable::disk::RealDisk;

/// The loop adds a generation before it is published, the drain looks names up, and the writer forgets
/// generations whose records it has all written.
#[derive(Debug, Default)]
pub struct NameBook {
    generations: RwLock<BTreeMap<u32, Arc<Names>>>,
    /// Where they are kept for the next daemon, if there are pins.
    ledger: Option<GenerationFiles>,
}

impl NameBook {
    /// A book whose generations outlive this process, with those of the previous daemon.
    pub fn kept(ledger: GenerationFiles, before: &[Arc<Names>]) -> Self {
        let generations =
            before.iter().map(|names| (names.generation, Arc::clone(names))).collect();
        Self { generations: RwLock::new(generations), ledger: Some(ledger) }
    }

    /// Adds a generation.
    ///
    /// # Errors
    /// The system's error. The generation must then not be published.
    pub fn add(&self, names: Arc<Names>) -> io::Result<()> {
        if let Some(ledger) = &self.ledger {
            ledger.write(&mut RealDisk, &names)?;
        }
        let mut book = self.generations.write().unwrap_or_else(PoisonError::into_inner);
        book.insert(names.generation, names);
        Ok(())
    }

    /// The names of a generation.
    pub fn get(&self, generation: u32) -> Option<Arc<Names>> {
        self.generations.read().unwrap_or_else(PoisonError::into_inner).get(&generation).cloned()
    }

    /// The highest number of a generation that is known; 0 if none is.
    pub fn newest(&self) -> u32 {
        let book = self.generations.read().unwrap_or_else(PoisonError::into_inner);
        book.last_key_value().map_or(0, |(number, _)| *number)
    }

    /// Forgets the generations before `generation`.
    ///
    /// # Errors
    /// The system's error. Their files then stay.
    pub fn forget_before(&self, generation: u32) -> io::Result<()> {
        let mut book = self.generations.write().unwrap_or_else(PoisonError::into_inner);
        *book = book.split_off(&generation);
        self.ledger
            .as_ref()
            .map_or(Ok(()), |ledger| ledger.forget_before(&mut RealDisk, generation))
    }
}
