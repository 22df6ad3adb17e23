//! The names of the generations whose records may still be in a ring.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::compile::Names;

/// Shared by the loop, which adds a generation before it is published, and the drain, which forgets
/// those of which no record can come any more.
#[derive(Debug, Default)]
pub struct NameBook(RwLock<BTreeMap<u32, Arc<Names>>>);

impl NameBook {
    /// Adds a generation.
    pub fn add(&self, names: Arc<Names>) {
        let mut book = self.0.write().unwrap_or_else(PoisonError::into_inner);
        book.insert(names.generation, names);
    }

    /// The names of a generation.
    pub fn get(&self, generation: u32) -> Option<Arc<Names>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&generation).cloned()
    }

    /// Forgets the generations before `generation`.
    pub fn forget_before(&self, generation: u32) {
        let mut book = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *book = book.split_off(&generation);
    }
}
