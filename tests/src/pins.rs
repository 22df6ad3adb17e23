//! A folder on the BPF file system for one test, gone after it with everything that is pinned in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder that is not there yet. Dropping it removes what is there.
#[derive(Debug)]
pub struct PinFolder(PathBuf);

impl PinFolder {
    /// A name of its own on `/sys/fs/bpf`.
    #[expect(
        clippy::new_without_default,
        reason = "it stands for something outside of this program"
    )]
    pub fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        Self(PathBuf::from(format!("/sys/fs/bpf/sekisho-test-{}-{number}", std::process::id())))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What is pinned for an interface, by this version.
    ///
    /// # Panics
    /// Where nothing is.
    pub fn of(&self, interface: &str) -> PathBuf {
        let versions = fs::read_dir(&self.0).expect("pins");
        let found = versions.map(|version| version.expect("a folder").path().join(interface));
        found.filter(|path| path.is_dir()).max().expect("pins of the interface")
    }

    /// Freezes a pinned map: nobody but programs can change it from then on.
    ///
    /// # Panics
    /// Where `bpftool` cannot.
    pub fn freeze(&self, interface: &str, map: &str) {
        let path = self.of(interface).join(map);
        let mut bpftool = Command::new("bpftool");
        bpftool.args(["map", "freeze", "pinned"]).arg(&path);
        let output = bpftool.output().expect("bpftool is here");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {}", path.display(), errors.trim());
    }
}

impl Drop for PinFolder {
    fn drop(&mut self) {
        // Not a reason to panic within a panic; it may be gone already.
        let _ = fs::remove_dir_all(&self.0);
    }
}
