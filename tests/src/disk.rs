//! A small disk of a test's own, in memory, which can be full. It is gone after the test.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

const BALLAST: &str = "ballast";

/// A file system in memory. Dropping it unmounts it, whoever still has a file open on it.
#[derive(Debug)]
pub struct SmallDisk(TempDir);

impl SmallDisk {
    /// One with room for so many bytes.
    ///
    /// # Panics
    /// Where it cannot be mounted.
    pub fn new(bytes: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"]).arg(folder.path());
        assert!(mount.status().expect("mount is here").success(), "a tmpfs can be mounted");
        Self(folder)
    }

    /// Where a file of this name is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Leaves no room, not for one byte in a new page; what is in a file's last page goes on.
    ///
    /// # Panics
    /// Where it cannot be filled.
    pub fn fill(&self) {
        let mut file = File::options()
            .append(true)
            .create(true)
            .open(self.path(BALLAST))
            .expect("files can be made");
        loop {
            match file.write(&[0; 4_096]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Makes room again.
    ///
    /// # Panics
    /// Where that fails.
    pub fn free(&self) {
        fs::remove_file(self.path(BALLAST)).expect("it was filled");
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Not a reason to panic within a panic.
        let _ = Command::new("umount").arg("-l").arg(self.folder()).status();
    }
}
