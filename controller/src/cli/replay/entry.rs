//! The entry that a replay leaves in an audit file: its inputs and its outputs (L-INSPECT). A replay of
//! carriers' traffic uses what was not selected (Art. 23(1)).

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use sha2::{Digest as _, Sha256};

use super::super::CliError;
use crate::offline::Offline;
use crate::registry::StatePaths;
use crate::registry::inputs::FileRead;
use crate::registry::loading::OrderBodies;
use crate::registry::runs::ReplayRun;
use crate::shown::shown;

/// Where the replay is entered.
#[derive(Args, Clone, Debug)]
pub(super) struct EntryArgs {
    /// Enter the replay in the audit file of this state directory, which no daemon may hold
    ///
    /// Captures must then be ordinary files, because they are read twice, the first time for their SHA-256.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The state directory's anchor [default: <DIR>.anchor]
    #[arg(long, value_name = "FILE", requires = "state")]
    anchor: Option<PathBuf>,
}

/// An audit file, held until the replay is entered.
pub(super) struct Entry(Offline);

impl EntryArgs {
    /// Whether there is to be an entry.
    pub(super) const fn is_asked(&self) -> bool {
        self.state.is_some()
    }

    /// Takes the state directory, if there is to be an entry.
    pub(super) fn open(&self) -> Result<Option<Entry>, CliError> {
        let Some(directory) = &self.state else { return Ok(None) };
        let place = StatePaths::new(directory, self.anchor.as_deref());
        Ok(Some(Entry(Offline::open(&place, OrderBodies::Skip)?)))
    }
}

impl Entry {
    pub(super) fn write(self, replayed: ReplayRun) -> Result<(), CliError> {
        Ok(self.0.enter(replayed)?)
    }
}

/// A file by its SHA-256, whatever its size.
pub(super) fn digest_of(path: &Path) -> io::Result<FileRead> {
    let mut file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no ordinary file, and with --state it is read twice"));
    }
    let mut hash = Sha256::new();
    io::copy(&mut file, &mut hash)?;
    Ok(FileRead { file: shown(path), sha256: hex::encode(hash.finalize()) })
}

/// Passes on what is written, and computes its digest.
pub(super) struct Digesting<'a> {
    writer: &'a mut dyn Write,
    hash: Sha256,
}

impl<'a> Digesting<'a> {
    pub(super) fn new(writer: &'a mut dyn Write) -> Self {
        Self { writer, hash: Sha256::new() }
    }

    /// The SHA-256 of all that was written.
    pub(super) fn digest(self) -> String {
        hex::encode(self.hash.finalize())
    }
}

impl Write for Digesting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.writer.write(bytes)?;
        self.hash.update(bytes.get(..length).unwrap_or_default());
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
