//! A small file system of a test's own, in memory, which can be full.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use tempfile::TempDir;

/// The file system. Dropping it unmounts it, even if a file on it is still open.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
    /// The folder around it, if it has one of its own.
    around: Option<TempDir>,
}

impl SmallDisk {
    /// Mounts one of so many KiB in a folder of its own.
    ///
    /// # Panics
    /// Where it cannot be mounted.
    pub fn new(kibibytes: u32) -> Self {
        let around = tempfile::tempdir().expect("a folder can be made");
        let mut disk = Self::mount(around.path().join("disk"), kibibytes);
        disk.around = Some(around);
        disk
    }

    /// Mounts one of so many KiB at a folder, which is made.
    ///
    /// # Panics
    /// Where it cannot be mounted.
    pub fn mount(path: PathBuf, kibibytes: u32) -> Self {
        fs::create_dir(&path).expect("a folder can be made");
        let options = format!("size={kibibytes}k,mode=0700");
        let options = std::ffi::CString::new(options).expect("plain text");
        mount("tmpfs", &path, "tmpfs", MountFlags::empty(), options.as_c_str())
            .expect("a tmpfs can be mounted");
        Self { path, around: None }
    }

    /// Takes all the room that is left, to the last page. A file can still grow within its last page.
    ///
    /// # Panics
    /// Where it cannot be filled.
    pub fn fill(&self) {
        let options = File::options().append(true).create(true).open(self.filler());
        let mut filler = options.expect("files can be made");
        loop {
            match filler.write(&[1; 4_096]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Gives it back.
    pub fn make_room(&self) {
        // It may never have been taken.
        let _ = fs::remove_file(self.filler());
    }

    fn filler(&self) -> PathBuf {
        self.path.join("filler")
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Not a reason to panic within a panic.
        let _ = unmount(&self.path, UnmountFlags::DETACH);
    }
}
