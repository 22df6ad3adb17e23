//! Replaces a file so that readers find all of the old one or all of the new one, even after a power cut: the
//! new file is written under another name, synced and renamed, and then the folder is synced. This order
//! stands here and nowhere else.

use std::io;
use std::path::{Path, PathBuf};

use super::disk::{Steps, folder_of};

/// A step that failed.
#[derive(Debug)]
pub struct Failed {
    /// The file or folder that it was about.
    pub path: PathBuf,
    /// The system's error.
    pub source: io::Error,
}

impl From<Failed> for io::Error {
    fn from(failed: Failed) -> Self {
        failed.source
    }
}

/// Replaces `path` by `bytes`, which are first written as `draft`, a name in the same folder.
///
/// # Errors
/// The step that failed. Unless it was the sync of the folder, `path` is as it was.
pub fn replace(
    disk: &mut impl Steps,
    draft: &Path,
    path: &Path,
    bytes: &[u8],
) -> Result<(), Failed> {
    swap(disk, draft, path, bytes)?;
    sync_folder(disk, folder_of(path))
}

/// Does the same up to the rename: without [`sync_folder`], a power cut may bring back the old file.
///
/// # Errors
/// The step that failed; `path` is as it was.
pub fn swap(disk: &mut impl Steps, draft: &Path, path: &Path, bytes: &[u8]) -> Result<(), Failed> {
    step(draft, disk.write(draft, bytes))?;
    rename_synced(disk, draft, path)
}

/// Does the same after the write, for a draft that was written piece by piece.
///
/// # Errors
/// As [`replace`].
pub fn publish(disk: &mut impl Steps, draft: &Path, path: &Path) -> Result<(), Failed> {
    rename_synced(disk, draft, path)?;
    sync_folder(disk, folder_of(path))
}

/// Writes a file whose name counts only once another file refers to it, so it needs no draft and no rename.
///
/// # Errors
/// The step that failed; there may be any part of the file.
pub fn create(disk: &mut impl Steps, path: &Path, bytes: &[u8]) -> Result<(), Failed> {
    step(path, disk.write(path, bytes))?;
    step(path, disk.sync(path))?;
    sync_folder(disk, folder_of(path))
}

/// Brings the names in a folder to the disk.
///
/// # Errors
/// The system's error about the folder.
pub fn sync_folder(disk: &mut impl Steps, folder: &Path) -> Result<(), Failed> {
    step(folder, disk.sync_directory(folder))
}

fn rename_synced(disk: &mut impl Steps, draft: &Path, path: &Path) -> Result<(), Failed> {
    step(draft, disk.sync(draft))?;
    step(draft, disk.rename(draft, path))
}

fn step<T>(path: &Path, done: io::Result<T>) -> Result<T, Failed> {
    done.map_err(|source| Failed { path: path.to_owned(), source })
}
