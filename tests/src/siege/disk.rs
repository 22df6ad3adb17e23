//! A disk that is small, so that it can be full: a file system in memory at a folder of the test's own.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is written at a time to fill it.
const PIECE: [u8; 4_096] = [0; 4_096];

/// A mounted file system. Dropping it unmounts it.
#[derive(Debug)]
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// A disk of so many KiB at a folder, which is made.
    ///
    /// # Panics
    /// Where it cannot be mounted.
    pub fn mount(folder: &Path, kibibytes: u32) -> Self {
        fs::create_dir_all(folder).expect("a folder");
        let size = format!("size={kibibytes}k,mode=0700");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "sekisho-test"]).arg(folder);
        assert!(mount.status().expect("`mount` is here").success(), "a disk can be mounted");
        Self(folder.to_owned())
    }

    /// Leaves no room on it.
    ///
    /// # Panics
    /// Where it never is full.
    pub fn fill(&self) {
        let mut file = File::create(self.filler()).expect("a name takes no room");
        // A disk of the test's own has fewer pieces than this.
        let full = (0..1 << 16).any(|_| file.write_all(&PIECE).is_err());
        assert!(full, "the disk takes whatever it is given");
    }

    /// Gives the room back.
    pub fn free(&self) {
        // It may never have been filled.
        let _ = fs::remove_file(self.filler());
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Not a reason to panic within a panic. Lazily: a daemon that is being killed may have files open.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
