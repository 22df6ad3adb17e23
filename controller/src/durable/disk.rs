//! The port to the disk, in steps so small that a crash between any two can be simulated, and the real disk.
//! The order of the steps that replace a file is in `replace`.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::{Gid, OFlags, Uid};

use crate::files;

/// Gives a file that root has made in another user's folder to that user: a daemon that does not run as root
/// could not read it otherwise.
pub(super) fn hand_over(made: impl AsFd, folder: &Path) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    give_to(made, &fs::metadata(or_here(folder))?)
}

/// Gives a file to the owner of another one, unless it belongs to that owner already.
fn give_to(made: impl AsFd, other: &fs::Metadata) -> io::Result<()> {
    let made = made.as_fd();
    let stat = rustix::fs::fstat(made)?;
    if (stat.st_uid, stat.st_gid) == (other.uid(), other.gid()) {
        return Ok(());
    }
    let (user, group) = (Uid::from_raw(other.uid()), Gid::from_raw(other.gid()));
    Ok(rustix::fs::fchown(made, Some(user), Some(group))?)
}

/// The folder that a path is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    or_here(path.parent().unwrap_or(path))
}

/// The present folder if `folder` is empty: the parent of a path without a folder.
pub(super) fn or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

/// Symbolic links in place of our files are not followed, because they were planted there (`open(2)`).
pub(super) const NO_LINK: i32 = OFlags::NOFOLLOW.bits().cast_signed();

/// The steps in which a file is replaced. Nothing is on the disk for good before it is synced: contents by
/// [`Steps::sync`], names by [`Steps::sync_directory`].
pub trait Steps {
    /// Writes a file from its beginning.
    ///
    /// # Errors
    /// The system's error.
    fn write(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Brings a file's contents to the disk.
    ///
    /// # Errors
    /// The system's error.
    fn sync(&mut self, path: &Path) -> io::Result<()>;

    /// Renames a file, and replaces a file that has the new name.
    ///
    /// # Errors
    /// The system's error.
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()>;

    /// Brings the names in a directory to the disk.
    ///
    /// # Errors
    /// The system's error.
    fn sync_directory(&mut self, path: &Path) -> io::Result<()>;
}

/// A disk with the files of a state directory. Only the owner can read what [`Steps::write`] writes.
pub trait Disk: Steps {
    /// The whole file; `None` if there is none.
    ///
    /// # Errors
    /// The system's error.
    fn read(&mut self, path: &Path) -> io::Result<Option<Vec<u8>>>;

    /// The file as a stream, because it may be too long for the memory; `None` if there is none.
    ///
    /// # Errors
    /// The system's error.
    fn stream(&mut self, path: &Path) -> io::Result<Option<Box<dyn BufRead>>>;

    /// The names in a directory, in any order.
    ///
    /// # Errors
    /// The system's error.
    fn names(&mut self, path: &Path) -> io::Result<Vec<OsString>>;

    /// Makes a directory that only its owner can enter. An existing one is accepted.
    ///
    /// # Errors
    /// The system's error.
    fn create_directory(&mut self, path: &Path) -> io::Result<()>;

    /// Adds to the end of a file, which is created if necessary.
    ///
    /// # Errors
    /// The system's error.
    fn append(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Cuts a file off after `length` bytes.
    ///
    /// # Errors
    /// The system's error.
    fn truncate(&mut self, path: &Path, length: u64) -> io::Result<()>;

    /// Removes a file, if it is there.
    ///
    /// # Errors
    /// The system's error.
    fn remove(&mut self, path: &Path) -> io::Result<()>;
}

/// The disks of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Steps for RealDisk {
    fn write(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // A file that a crash left is written again. Anything but a file was not left by a crash.
        match fs::symlink_metadata(path) {
            Ok(metadata) => {
                files::regular(&metadata)?;
                fs::remove_file(path)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        hand_over(&file, folder_of(path))?;
        file.write_all(bytes)
    }

    fn sync(&mut self, path: &Path) -> io::Result<()> {
        // This also syncs what another descriptor wrote to the same file (fsync(2)).
        File::open(path)?.sync_all()
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        // An anchor may be in a folder that is not the daemon's: it keeps the owner that it had.
        if rustix::process::geteuid().is_root()
            && let Ok(replaced) = fs::symlink_metadata(to)
        {
            give_to(OpenOptions::new().read(true).custom_flags(NO_LINK).open(from)?, &replaced)?;
        }
        fs::rename(from, to)
    }

    fn sync_directory(&mut self, path: &Path) -> io::Result<()> {
        File::open(or_here(path))?.sync_all()
    }
}

impl Disk for RealDisk {
    fn read(&mut self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        match files::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn stream(&mut self, path: &Path) -> io::Result<Option<Box<dyn BufRead>>> {
        match files::open_regular(path) {
            Ok(file) => Ok(Some(Box::new(BufReader::with_capacity(1 << 18, file)))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn names(&mut self, path: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(path)?.map(|entry| Ok(entry?.file_name())).collect()
    }

    fn create_directory(&mut self, path: &Path) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            done => {
                done?;
                let flags = NO_LINK | OFlags::DIRECTORY.bits().cast_signed();
                let made = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
                hand_over(made, folder_of(path))
            }
        }
    }

    fn append(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600).custom_flags(NO_LINK);
        let mut file = options.open(path)?;
        hand_over(&file, folder_of(path))?;
        file.write_all(bytes)
    }

    fn truncate(&mut self, path: &Path, length: u64) -> io::Result<()> {
        OpenOptions::new().write(true).custom_flags(NO_LINK).open(path)?.set_len(length)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_planted_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("state.json.new"));
        fs::write(&target, "theirs").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let mut disk = RealDisk;
        let refusal = disk.write(&link, b"ours").unwrap_err().to_string();
        assert_eq!(refusal, "not a regular file (a symbolic link)");
        disk.append(&link, b"ours").unwrap_err();
        disk.truncate(&link, 0).unwrap_err();
        assert_eq!(fs::read(&target).unwrap(), b"theirs");
    }

    #[test]
    fn the_steps_do_what_they_say() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        let mut disk = RealDisk;
        assert_eq!(disk.read(&one).unwrap(), None);
        assert!(disk.stream(&one).unwrap().is_none());
        disk.write(&one, b"long text").unwrap();
        disk.write(&one, b"text").unwrap();
        disk.append(&one, b" and more").unwrap();
        disk.truncate(&one, 8).unwrap();
        disk.sync(&one).unwrap();
        disk.rename(&one, &two).unwrap();
        disk.sync_directory(folder.path()).unwrap();
        assert_eq!(disk.read(&two).unwrap().as_deref(), Some(&b"text and"[..]));
        let streamed = disk.stream(&two).unwrap().unwrap().lines().next().unwrap().unwrap();
        assert_eq!(streamed, "text and");
        assert_eq!(disk.names(folder.path()).unwrap(), ["two"]);
        assert_eq!(fs::metadata(&two).unwrap().permissions().mode() & 0o777, 0o600);
        disk.create_directory(&one).unwrap();
        disk.create_directory(&one).unwrap();
        assert!(disk.create_directory(&two).is_err(), "a file is no directory");
        disk.remove(&two).unwrap();
        disk.remove(&two).unwrap();
        assert_eq!(disk.read(&two).unwrap(), None);
    }
}
