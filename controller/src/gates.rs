//! What a command needs to close the kernel's gate when the daemon does not answer, whether it is dead, stopped
//! or hung (L-MIN).
//!
//! Before it attaches anything, the daemon leaves `gate.json` in its state directory, with the kernel's id of
//! each interface's `LEASE` map. Pins and hand-over do not change that id. Beside the control socket, a symbolic
//! link `<socket>.state` leads to the state directory.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::durable::reserved::Reserved;
use crate::kernel::LeaseWord;
use crate::registry::names;

/// The most interfaces of one sensor.
pub const MOST_INTERFACES: usize = 300;

/// Enough for [`MOST_INTERFACES`] with the longest names, and no more: the space is taken from the disk at the
/// first start.
const SIZE: usize = 16 << 10;

const SCHEMA: &str = "sekisho.gate/v1";

/// The id of this start of the machine: ids of maps mean nothing after another start.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// `gate.json`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Gates {
    schema: String,
    boot_id: String,
    /// The daemon's process.
    pub pid: u32,
    /// Its control socket.
    pub socket: PathBuf,
    interfaces: Vec<Lease>,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct Lease {
    interface: String,
    map: u32,
}

/// A file by which the kernel is reached without the daemon could not be left.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", .path.display())]
pub struct AnnouncementError {
    /// The file or link.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

/// What became of the gates of a sensor.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reached {
    /// Interfaces on which it was done and read back.
    pub done: Vec<String>,
    /// Interfaces on which it was not done, each in one line with the reason.
    pub failed: Vec<String>,
}

impl Gates {
    /// Writes `gate.json` in the state directory.
    ///
    /// # Errors
    /// [`AnnouncementError`].
    pub fn announce(
        directory: &Path,
        socket: &Path,
        leases: Vec<(String, u32)>,
    ) -> Result<(), AnnouncementError> {
        let leave = || {
            let file = match Reserved::open(directory, names::GATE, SIZE) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    Reserved::make(directory, names::GATE, SIZE)?
                }
                opened => opened?,
            };
            let lease = |(interface, map)| Lease { interface, map };
            file.write(&Self {
                schema: SCHEMA.to_owned(),
                boot_id: boot_id()?,
                pid: std::process::id(),
                socket: std::path::absolute(socket)?,
                interfaces: leases.into_iter().map(lease).collect(),
            })
        };
        leave().map_err(|source| AnnouncementError { path: directory.join(names::GATE), source })
    }

    /// What the last daemon left in a state directory; `None` if no daemon has run since the machine started.
    ///
    /// # Errors
    /// The system's error, or a file that cannot be understood.
    pub fn read(directory: &Path) -> io::Result<Option<Self>> {
        let file = match Reserved::look(directory, names::GATE, SIZE) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        match file.read::<Self>()? {
            Some(gates) if gates.schema == SCHEMA => {
                Ok((gates.boot_id == boot_id()?).then_some(gates))
            }
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "is damaged")),
        }
    }

    /// Halts the kernel on every interface, or ends the halt there. Interfaces whose program is no longer loaded
    /// are in neither list.
    pub fn set_halted(&self, halted: bool) -> Reached {
        let mut reached = Reached::default();
        for Lease { interface, map } in &self.interfaces {
            let done = LeaseWord::find(*map).and_then(|word| match word {
                None => Ok(None),
                Some(mut word) => word.set_halted(halted).map(Some),
            });
            match done {
                Ok(None) => {}
                Ok(Some(read_back)) if read_back == halted => reached.done.push(interface.clone()),
                Ok(Some(_)) => reached.failed.push(format!("{interface}: was changed back")),
                Err(error) => reached.failed.push(format!("{interface}: {}", error.explain())),
            }
        }
        reached
    }
}

fn boot_id() -> io::Result<String> {
    fs::read_to_string(BOOT_ID).map(|text| text.trim().to_owned())
}

/// The link from a control socket to the state directory. It is removed when dropped; a daemon that is killed
/// leaves it.
#[derive(Debug)]
pub struct StateLink(PathBuf);

impl StateLink {
    /// Makes the link, and replaces an existing one.
    ///
    /// # Errors
    /// [`AnnouncementError`].
    pub fn make(socket: &Path, directory: &Path) -> Result<Self, AnnouncementError> {
        let path = link(socket);
        let make = || {
            if fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink()) {
                fs::remove_file(&path)?;
            }
            symlink(std::path::absolute(directory)?, &path)
        };
        match make() {
            Ok(()) => Ok(Self(path)),
            Err(source) => Err(AnnouncementError { path, source }),
        }
    }
}

impl Drop for StateLink {
    fn drop(&mut self) {
        // A link that stays does no harm; the next daemon replaces it.
        let _ = fs::remove_file(&self.0);
    }
}

/// The state directory of the daemon at a socket, if there is a link to it. The link is believed only if it
/// belongs to the owner of the directory, or to root.
pub fn state_of(socket: &Path) -> Option<PathBuf> {
    let path = link(socket);
    let link = fs::symlink_metadata(&path).ok()?;
    let directory = fs::read_link(&path).ok()?;
    let owner = fs::symlink_metadata(&directory).ok()?.uid();
    (link.uid() == owner || link.uid() == 0).then_some(directory)
}

fn link(socket: &Path) -> PathBuf {
    let mut name = socket.as_os_str().to_owned();
    name.push(".state");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_daemon_leaves_is_found_from_its_socket() {
        let folder = tempfile::tempdir().unwrap();
        let (socket, state) = (folder.path().join("socket"), folder.path().join("state"));
        fs::create_dir(&state).unwrap();
        assert_eq!(state_of(&socket), None);
        assert_eq!(Gates::read(&state).unwrap(), None);
        // A link that a killed daemon left.
        std::mem::forget(StateLink::make(&socket, folder.path()).unwrap());
        let link = StateLink::make(&socket, &state).unwrap();
        assert_eq!(state_of(&socket).as_deref(), Some(state.as_path()));
        for interfaces in [1, u32::try_from(MOST_INTERFACES).unwrap()] {
            // The longest names and numbers that there are.
            let leases =
                (0..interfaces).map(|number| (format!("interface{number:06}"), u32::MAX - number));
            Gates::announce(&state, &socket, leases.collect()).unwrap();
            let gates = Gates::read(&state).unwrap().unwrap();
            assert_eq!(u32::try_from(gates.interfaces.len()), Ok(interfaces));
            assert_eq!(gates.pid, std::process::id());
        }
        drop(link);
        assert_eq!(state_of(&socket), None);
    }

    #[test]
    fn another_start_of_the_machine_left_nothing_and_damage_is_told() {
        let folder = tempfile::tempdir().unwrap();
        Gates::announce(folder.path(), Path::new("s"), vec![("eth1".into(), 7)]).unwrap();
        let file = Reserved::open(folder.path(), names::GATE, SIZE).unwrap();
        let mut gates = Gates::read(folder.path()).unwrap().unwrap();
        gates.boot_id = "another".to_owned();
        file.write(&gates).unwrap();
        assert_eq!(Gates::read(folder.path()).unwrap(), None);
        fs::write(folder.path().join(names::GATE), "{}").unwrap();
        assert!(Gates::read(folder.path()).is_err());
    }
}
