//! The registry on the disk. At every moment, even after a power cut, the directory holds either the state before
//! a change or the state after it.
//!
//! ```text
//! state/          mode 0700
//!   lock          held by the one writer
//!   state.json    the registry: a counter, the digest of the state before, names of files
//!   bases/        <sha256>.dsse   approvals and agreements
//!   orders/       <sha256>.dsse   each envelope as it was given, never changed
//!   revocations/  <sha256>.dsse
//!   trust/        1.json, then <version>.dsse
//!   direction/    <sha256>.classes, what is domestic and what is foreign: the one in force
//!   events.ndjson what happened, one line each, chained; see `audit`
//! state.anchor    outside: counter and digest of the last state
//! ```
//!
//! A change is written in this order, each step brought to the disk before the next:
//!
//! 1. the files that the new state names;
//! 2. `state.json.new`, renamed to `state.json`: from here on the new state counts;
//! 3. the lines of the audit file, which the new state repeats, so that opening it can add them;
//! 4. the anchor. A state that is one ahead of its anchor, and names the anchor's state as the one before, was
//!    written right before a crash. A state that is behind its anchor is an old copy and is refused, so that
//!    restoring a directory sets back neither orders nor clock (L-EXTEND, L-TERM).
//!
//! The store survives a step that fails, for example on a full disk. If the rename has not happened, the change is
//! refused and has no effect. If it has, the new state counts, and the missing steps are taken before the next
//! change. If nobody can tell whether it has, nothing more is written until a restart.

use std::io;
use std::path::Path;

use bytes::Bytes;

use super::audit::{self, Expected};
use super::loading::{self, OrderBodies};
use super::names;
use super::paths::StatePaths;
use super::state::{Change, Registry};
use super::store_error::StoreError;
use super::written::{Anchor, WrittenState};
use crate::durable::disk::{Disk, folder_of};
use crate::durable::replace;

/// An open state directory; its owner holds the lock.
#[derive(Debug)]
pub struct StateStore<D> {
    disk: D,
    paths: StatePaths,
    /// The counter of the state on the disk; 0 before the first.
    counter: u64,
    /// The SHA-256 of the state on the disk.
    digest: Option<String>,
    /// The SHA-256 of the last line of the audit file.
    last_line: String,
    /// What the last change could not write after the rename, if anything.
    lacking: Option<Lacking>,
    broken: bool,
}

/// The last change of a state whose audit lines or anchor could not be written.
#[derive(Clone, Debug)]
struct Lacking {
    expected: Expected,
    reason: String,
}

impl<D: Disk> StateStore<D> {
    /// Makes a state directory with a first state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn create(
        disk: D,
        paths: StatePaths,
        first: Change,
    ) -> Result<(Self, Registry), StoreError> {
        let last_line = audit::NOTHING.to_owned();
        let mut store =
            Self { disk, paths, counter: 0, digest: None, last_line, lacking: None, broken: false };
        let directory = store.paths.directory.clone();
        store.step(&directory, D::create_directory)?;
        for folder in names::FOLDERS {
            store.step(&directory.join(folder), D::create_directory)?;
        }
        store.sync_names(&directory)?;
        store.sync_names(folder_of(&directory))?;
        let registry = store.commit(first)?;
        // A first state must be complete: there is none before it to fall back to.
        store.finish()?;
        Ok((store, registry))
    }

    /// Opens a state directory and finishes what a crash interrupted; `None` if no state was ever written.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(
        mut disk: D,
        paths: StatePaths,
        bodies: OrderBodies,
    ) -> Result<Option<(Self, Registry)>, StoreError> {
        let Some(loaded) = loading::load(&mut disk, &paths, bodies)? else { return Ok(None) };
        let mut store = Self {
            disk,
            paths,
            counter: loaded.counter,
            digest: Some(loaded.digest),
            last_line: loaded.audit.digest.clone(),
            lacking: None,
            broken: false,
        };
        store.repair_events(&loaded.audit)?;
        if !loaded.anchored {
            store.write_anchor()?;
        }
        Ok(Some((store, loaded.registry)))
    }

    /// Writes a change and returns the registry as it is from now on. The new state may lack something, see
    /// [`Self::lacks`].
    ///
    /// # Errors
    /// [`StoreError`]; nothing has changed, unless it is [`StoreError::Broken`].
    pub fn commit(&mut self, change: Change) -> Result<Registry, StoreError> {
        if self.broken {
            return Err(StoreError::Broken(self.paths.directory.clone()));
        }
        self.finish()?;
        let Change { registry, events, files } = change;
        let counter = self.counter.saturating_add(1);
        let lines = audit::lines(&self.last_line, &events)
            .map_err(|source| self.failed(names::EVENTS, source))?;
        let last_line = lines.last().map(|line| super::digest(line.as_bytes()));
        let last_line = last_line.unwrap_or_else(|| self.last_line.clone());
        let expected = Expected { last: registry.last_event, digest: last_line.clone(), lines };
        let state = WrittenState::of(&registry, counter, self.digest.clone(), expected.clone());
        let bytes = json(&state).map_err(|source| self.failed(names::STATE, source))?;
        let digest = super::digest(&bytes);
        if let Err(error) = self.write_state(&files, &bytes) {
            match self.state_on_disk() {
                Ok(found) if found == self.digest => {
                    self.clear_away(&files);
                    return Err(error);
                }
                Ok(found) if found.as_ref() == Some(&digest) => {}
                _ => {
                    self.broken = true;
                    return Err(StoreError::Broken(self.paths.directory.clone()));
                }
            }
        }
        (self.counter, self.digest) = (counter, Some(digest));
        self.last_line = last_line;
        match self.complete(&audit::text(&expected.lines)) {
            Ok(()) => self.tidy(&files, &registry),
            Err(error) => {
                self.lacking = Some(Lacking { expected, reason: error.to_string() });
            }
        }
        Ok(registry)
    }

    /// Removes the classes that were in force before, once no power cut can bring their state back. Files that
    /// cannot be removed now are removed after a later change.
    fn tidy(&mut self, files: &[(String, Bytes)], registry: &Registry) {
        let Some(current) = registry.classes().map(names::classes) else { return };
        if !files.iter().any(|(name, _)| *name == current) {
            return;
        }
        let folder = self.paths.directory.join(names::CLASSES);
        for name in self.disk.names(&folder).unwrap_or_default() {
            let path = folder.join(name);
            if path != self.paths.directory.join(&current) {
                // Nothing depends on this.
                let _ = self.disk.remove(&path);
            }
        }
    }

    /// Takes the steps after the rename.
    fn complete(&mut self, lines: &[u8]) -> Result<(), StoreError> {
        self.sync_names(&self.paths.directory.clone())?;
        self.append_events(lines)?;
        self.write_anchor()
    }

    /// Finishes what the last change lacks, if it lacks anything.
    ///
    /// # Errors
    /// [`StoreError`]; the state still lacks it.
    pub fn finish(&mut self) -> Result<(), StoreError> {
        let Some(Lacking { expected, .. }) = self.lacking.clone() else { return Ok(()) };
        self.sync_names(&self.paths.directory.clone())?;
        self.repair_events(&expected)?;
        self.write_anchor()?;
        self.lacking = None;
        Ok(())
    }

    /// Why the state lacks its audit lines or its anchor, if it does. Until it has them, a power cut may bring back
    /// the state before it.
    pub fn lacks(&self) -> Option<&str> {
        self.lacking.as_ref().map(|lacking| lacking.reason.as_str())
    }

    /// Takes the steps up to the rename.
    fn write_state(&mut self, files: &[(String, Bytes)], state: &[u8]) -> Result<(), StoreError> {
        for (name, bytes) in files {
            let path = self.paths.directory.join(name);
            // Somebody may have removed the folder.
            self.step(folder_of(&path), D::create_directory)?;
            replace::create(&mut self.disk, &path, bytes)?;
        }
        let new = self.paths.directory.join(names::NEW_STATE);
        let path = self.paths.directory.join(names::STATE);
        Ok(replace::swap(&mut self.disk, &new, &path, state)?)
    }

    /// The SHA-256 of the state that is there.
    fn state_on_disk(&mut self) -> Result<Option<String>, StoreError> {
        let path = self.paths.directory.join(names::STATE);
        Ok(self.step(&path, D::read)?.map(|bytes| super::digest(&bytes)))
    }

    /// Gives back the space of files that no state names.
    fn clear_away(&mut self, files: &[(String, Bytes)]) {
        let names = files.iter().map(|(name, _)| name.as_str()).chain([names::NEW_STATE]);
        for name in names {
            // The file may not exist, and nothing depends on this.
            let _ = self.disk.truncate(&self.paths.directory.join(name), 0);
        }
    }

    /// Writes the registry as it is, with its clock and its counts.
    ///
    /// # Errors
    /// [`StoreError`], as [`Self::commit`].
    pub fn touch(&mut self, registry: &Registry) -> Result<(), StoreError> {
        self.commit(Change::of(registry.clone())).map(drop)
    }

    /// The state directory.
    pub fn directory(&self) -> &Path {
        &self.paths.directory
    }

    fn append_events(&mut self, lines: &[u8]) -> Result<(), StoreError> {
        if lines.is_empty() {
            return Ok(());
        }
        let path = self.paths.directory.join(names::EVENTS);
        self.step(&path, |disk, path| disk.append(path, lines))?;
        self.step(&path, D::sync)?;
        self.sync_names(folder_of(&path))
    }

    /// Verifies the audit file, cuts off a torn last line and adds the lines that a crash kept out of it.
    fn repair_events(&mut self, expected: &Expected) -> Result<(), StoreError> {
        let path = self.paths.directory.join(names::EVENTS);
        let chain = audit::check(&mut self.disk, &path, expected)?;
        let Some(repair) = chain.repair else { return Ok(()) };
        if repair.torn {
            self.step(&path, |disk, path| disk.truncate(path, repair.whole))?;
            self.step(&path, D::sync)?;
        }
        self.append_events(&repair.missing)
    }

    fn write_anchor(&mut self) -> Result<(), StoreError> {
        let anchor = Anchor::of(self.counter, self.digest.as_deref().unwrap_or_default());
        let path = self.paths.anchor.clone();
        let bytes =
            json(&anchor).map_err(|source| StoreError::Io { path: path.clone(), source })?;
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        Ok(replace::replace(&mut self.disk, Path::new(&name), &path, &bytes)?)
    }

    fn sync_names(&mut self, directory: &Path) -> Result<(), StoreError> {
        Ok(replace::sync_folder(&mut self.disk, directory)?)
    }

    fn step<T>(
        &mut self,
        path: &Path,
        act: impl FnOnce(&mut D, &Path) -> io::Result<T>,
    ) -> Result<T, StoreError> {
        act(&mut self.disk, path).map_err(|source| StoreError::Io { path: path.to_owned(), source })
    }

    fn failed(&self, name: &str, source: io::Error) -> StoreError {
        StoreError::Io { path: self.paths.directory.join(name), source }
    }
}

fn json(value: &impl serde::Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}
