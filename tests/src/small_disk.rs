//! A small file system of its own for one test, to be filled: a tmpfs, unmounted after it.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The file system. Dropping it unmounts it.
#[derive(Debug)]
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one of so many KiB at a folder, which is made.
    ///
    /// # Panics
    /// Where it cannot be mounted.
    pub fn mount(path: PathBuf, kibibytes: u32) -> Self {
        fs::create_dir(&path).expect("a folder can be made");
        let mut mount = Command::new("mount");
        let options = format!("size={kibibytes}k,mode=0700");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&path);
        assert!(mount.status().expect("mount is here").success());
        Self(path)
    }

    /// Takes all the room that is left.
    ///
    /// # Panics
    /// Where there is still some.
    pub fn fill(&self) {
        let mut filler = File::create(self.filler()).expect("files can be made");
        while filler.write_all(&[1; 4_096]).is_ok() {}
        let more = fs::write(self.0.join("more"), [1; 4_096]);
        assert!(more.is_err(), "there is room");
    }

    /// Gives it back.
    pub fn make_room(&self) {
        // It may never have been taken.
        let _ = fs::remove_file(self.filler());
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Whatever still has a file open there does not matter. Not a reason to panic within a panic.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
