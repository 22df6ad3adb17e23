//! A folder on the BPF file system for one test, gone after it with everything that is pinned in it.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use tempfile::TempDir;

/// A BPF file system of a test's own, mounted and given to a user as `packaging/systemd` does it. Dropping it
/// unmounts it, which ends everything that is pinned in it.
#[derive(Debug)]
pub struct PinFileSystem(TempDir);

impl PinFileSystem {
    /// One for the user and the group with this number.
    ///
    /// # Panics
    /// Where it cannot be mounted.
    pub fn of(user: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        mount("bpf", folder.path(), "bpf", MountFlags::empty(), c"mode=0700")
            .expect("a BPF file system can be mounted");
        let mounted = Self(folder);
        chown(mounted.path(), Some(user), Some(user)).expect("root may give it away");
        mounted
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Whether anything is pinned in it.
    ///
    /// # Panics
    /// Where it cannot be read.
    pub fn is_empty(&self) -> bool {
        let entries = fs::read_dir(self.path()).expect("a BPF file system");
        // The kernel's own files are not folders.
        !entries.map(|entry| entry.expect("an entry").path()).any(|path| path.is_dir())
    }
}

impl Drop for PinFileSystem {
    fn drop(&mut self) {
        // Not a reason to panic within a panic.
        let _ = unmount(self.path(), UnmountFlags::DETACH);
    }
}

/// A folder that is not there yet. Dropping it removes it.
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

    /// The folder with the pins of an interface, of this version.
    ///
    /// # Panics
    /// Where nothing is.
    pub fn of(&self, interface: &str) -> PathBuf {
        let versions = fs::read_dir(&self.0).expect("pins");
        let found = versions.map(|version| version.expect("a folder").path().join(interface));
        found.filter(|path| path.is_dir()).max().expect("pins of the interface")
    }

    /// Freezes a pinned map: from then on only programs can change it.
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

    /// Writes into a pinned map by hand, as no daemon does: one entry, its value in words of 64 bits.
    ///
    /// # Panics
    /// Where `bpftool` cannot.
    pub fn tamper(&self, interface: &str, map: &str, key: u32, value: &[u64]) {
        let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let key: Vec<String> = hex(key.to_ne_bytes().to_vec());
        let value: Vec<String> = hex(value.iter().flat_map(|word| word.to_ne_bytes()).collect());
        let mut bpftool = Command::new("bpftool");
        bpftool.args(["map", "update", "pinned"]).arg(self.of(interface).join(map));
        bpftool.args(["key", "hex"]).args(key).args(["value", "hex"]).args(value);
        let output = bpftool.output().expect("bpftool is here");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    }

    /// The rings that are pinned for an interface.
    ///
    /// # Panics
    /// Where the pins cannot be listed.
    pub fn rings(&self, interface: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.of(interface)).expect("pins");
        let paths = entries.map(|entry| entry.expect("a pin").path());
        let is_ring = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ring-"))
        };
        paths.filter(is_ring).collect()
    }
}

impl Drop for PinFolder {
    fn drop(&mut self) {
        // Not a reason to panic within a panic; it may be gone already.
        let _ = fs::remove_dir_all(&self.0);
    }
}
