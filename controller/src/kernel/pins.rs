//! The place of a sensor's kernel objects while no controller runs: a folder on a BPF file system that belongs
//! to one sensor.
//!
//! ```text
//! <pin>/v<layout's version>/<interface>/SEGMENTS, ACTIVE, …     the maps that outlive a controller
//!                                      /ring-<cpu>              the rings
//!                                      /link-<native|generic>   the attachment
//! ```
//!
//! The program itself is not pinned: its link holds it, and the next controller replaces it by its own. Objects
//! of another version are never read, because their meaning is unknown.

use std::fmt::Display;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use sensor_common::layout::VERSION;

use super::{KernelError, XdpAttach};

/// `f_type` of a BPF file system (linux/magic.h).
const BPF_FS_MAGIC: i64 = 0xcafe_4a11;

/// A sensor's folder, locked: two controllers never control one sensor.
#[derive(Debug)]
pub struct PinRoot {
    path: PathBuf,
    _lock: File,
}

/// The objects of one interface.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pins {
    folder: PathBuf,
}

/// Objects of another version, or of an interface that has no sensor any more.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StalePins {
    /// Whether they are of this version, so that they can be read.
    pub readable: bool,
    /// The interface.
    pub interface: String,
    /// Where they are.
    pub pins: Pins,
}

impl PinRoot {
    /// Opens the folder, or makes it.
    ///
    /// # Errors
    /// [`KernelError::Pin`]: it cannot be made, is not on a BPF file system, or another controller
    /// has it.
    pub fn open(path: &Path) -> Result<Self, KernelError> {
        let failed = |error: io::Error| refusal(path, &error);
        // Looked at before anything is made: nothing is left where no pins can be.
        let whole = std::path::absolute(path).map_err(failed)?;
        let there = whole.ancestors().find(|place| place.exists()).unwrap_or(&whole);
        let kind = rustix::fs::statfs(there).map_err(|error| failed(error.into()))?.f_type;
        if kind != BPF_FS_MAGIC {
            return Err(refusal(path, &"is not on a BPF file system (mount -t bpf)"));
        }
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let lock = File::open(path).map_err(failed)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => refusal(path, &"another sekisho has it"),
            TryLockError::Error(error) => failed(error),
        })?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The objects of an interface, of this version.
    pub fn of(&self, interface: &str) -> Pins {
        Pins { folder: self.path.join(format!("v{VERSION}")).join(encoded(interface)) }
    }

    /// Whether a previous controller left anything of this version.
    ///
    /// # Errors
    /// [`KernelError::Pin`].
    pub fn has_pins(&self) -> Result<bool, KernelError> {
        for (_, folder) in folders(&self.path.join(format!("v{VERSION}")))? {
            if !entries(&folder)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The objects in the folder that do not belong to one of these interfaces in this version.
    ///
    /// # Errors
    /// [`KernelError::Pin`].
    pub fn stale(&self, interfaces: &[String]) -> Result<Vec<StalePins>, KernelError> {
        let mut left = Vec::new();
        for (version, folder) in folders(&self.path)? {
            for (name, folder) in folders(&folder)? {
                let interface = decoded(&name);
                let readable = version == format!("v{VERSION}");
                if !(readable && interfaces.contains(&interface)) {
                    left.push(StalePins { readable, interface, pins: Pins { folder } });
                }
            }
        }
        Ok(left)
    }

    /// Removes the folder and its subfolders for versions, as far as they are empty.
    pub fn remove_if_empty(&self) {
        for (_, folder) in folders(&self.path).unwrap_or_default() {
            // A folder that is not empty stays.
            let _ = fs::remove_dir(folder);
        }
        let _ = fs::remove_dir(&self.path);
    }
}

impl Pins {
    /// Makes the folder.
    pub(super) fn create(&self) -> Result<(), KernelError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.folder);
        made.map_err(|error| refusal(&self.folder, &error))
    }

    /// The map with this name.
    pub(super) fn map(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The ring of a CPU.
    pub(super) fn ring(&self, cpu: u32) -> PathBuf {
        self.folder.join(format!("ring-{cpu}"))
    }

    /// The rings that are there, by CPU.
    pub(super) fn rings(&self) -> Result<Vec<(u32, PathBuf)>, KernelError> {
        let mut rings: Vec<(u32, PathBuf)> = entries(&self.folder)?
            .into_iter()
            .filter_map(|(name, path)| Some((name.strip_prefix("ring-")?.parse().ok()?, path)))
            .collect();
        rings.sort();
        Ok(rings)
    }

    /// The attachment.
    pub(super) fn link(&self, how: XdpAttach) -> PathBuf {
        self.folder.join(match how {
            XdpAttach::Native => "link-native",
            XdpAttach::Generic => "link-generic",
        })
    }

    /// Where they are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Ends every attachment that no other process holds.
    ///
    /// # Errors
    /// [`KernelError::Pin`].
    pub fn remove_links(&self) -> Result<(), KernelError> {
        for path in [XdpAttach::Native, XdpAttach::Generic].map(|how| self.link(how)) {
            remove(&path)?;
        }
        Ok(())
    }

    /// Removes all objects, the attachment first.
    ///
    /// # Errors
    /// [`KernelError::Pin`].
    pub fn remove(&self) -> Result<(), KernelError> {
        self.remove_links()?;
        for (_, path) in entries(&self.folder)? {
            remove(&path)?;
        }
        match fs::remove_dir(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(refusal(&self.folder, &error))
            }
            _ => Ok(()),
        }
    }
}

/// A refusal that names a pin.
pub(super) fn refusal(path: &Path, reason: &dyn Display) -> KernelError {
    KernelError::Pin { path: path.display().to_string(), reason: reason.to_string() }
}

/// Removes a pin, if it is there.
pub(super) fn remove(path: &Path) -> Result<(), KernelError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(refusal(path, &error)),
        _ => Ok(()),
    }
}

/// The entries of a folder; none if it is not there.
fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, KernelError> {
    let failed = |error: io::Error| refusal(folder, &error);
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let named = |entry: io::Result<fs::DirEntry>| {
        let entry = entry.map_err(failed)?;
        Ok((entry.file_name().to_string_lossy().into_owned(), entry.path()))
    };
    entries.map(named).collect()
}

fn folders(folder: &Path) -> Result<Vec<(String, PathBuf)>, KernelError> {
    Ok(entries(folder)?.into_iter().filter(|(_, path)| path.is_dir()).collect())
}

/// An interface's name as a name in a BPF file system, which has no dots (`bpf_lookup`).
fn encoded(interface: &str) -> String {
    interface.replace('%', "%25").replace('.', "%2e")
}

fn decoded(name: &str) -> String {
    name.replace("%2e", ".").replace("%25", "%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_interfaces_have_no_dots_and_come_back() {
        for (interface, name) in [("eth1", "eth1"), ("eth0.100", "eth0%2e100"), ("a%2e", "a%252e")]
        {
            assert_eq!(encoded(interface), name);
            assert_eq!(decoded(name), interface);
        }
    }

    #[test]
    fn another_file_system_is_refused_and_nothing_is_made_there() {
        let folder = tempfile::tempdir().unwrap();
        // The second is that of `/sys/fs/bpf` while no BPF file system is mounted, the last is where the tests run.
        for place in [folder.path(), Path::new("/sys/fs"), Path::new("")] {
            let path = place.join("pins").join("below");
            let error = PinRoot::open(&path).unwrap_err().to_string();
            assert!(error.ends_with("is not on a BPF file system (mount -t bpf)"), "{error}");
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }
}
