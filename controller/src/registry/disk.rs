//! The port to the disk, in steps so small that a crash between any two can be simulated, and the
//! real thing behind it. What is written where, and in which order, is in `store`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::{Gid, OFlags, Uid};

use crate::order::files;

/// Gives what root has made in a folder of somebody else to that somebody: a daemon that does not run as root
/// could not read it otherwise.
pub(super) fn hand_over(made: impl AsFd, folder: &Path) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    give_to(made, &fs::metadata(or_here(folder))?)
}

/// Gives a file to whom another belongs, unless it does already.
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
fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

fn or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

/// A symbolic link in place of a file of ours was planted: it is not followed (`open(2)`).
const NO_LINK: i32 = OFlags::NOFOLLOW.bits().cast_signed();

/// What the store asks of a disk. Nothing is on it for good before it is brought there: contents by
/// [`Disk::sync`], names by [`Disk::sync_directory`].
pub trait Disk {
    /// The whole file; `None` where there is none.
    ///
    /// # Errors
    /// Whatever the system says.
    fn read(&mut self, path: &Path) -> io::Result<Option<Vec<u8>>>;

    /// The file from its beginning, for what may be too long for the memory; `None` where there is
    /// none.
    ///
    /// # Errors
    /// Whatever the system says.
    fn stream(&mut self, path: &Path) -> io::Result<Option<Box<dyn BufRead>>>;

    /// Makes a directory that only its owner can enter; one that is there already will do.
    ///
    /// # Errors
    /// Whatever the system says.
    fn create_directory(&mut self, path: &Path) -> io::Result<()>;

    /// Writes a file that only its owner can read, from its beginning.
    ///
    /// # Errors
    /// Whatever the system says.
    fn write(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Adds to the end of a file, which is made if need be.
    ///
    /// # Errors
    /// Whatever the system says.
    fn append(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Cuts a file off behind `length` bytes.
    ///
    /// # Errors
    /// Whatever the system says.
    fn truncate(&mut self, path: &Path, length: u64) -> io::Result<()>;

    /// Brings a file's contents to the disk.
    ///
    /// # Errors
    /// Whatever the system says.
    fn sync(&mut self, path: &Path) -> io::Result<()>;

    /// Gives a file another name; a file that has it is replaced.
    ///
    /// # Errors
    /// Whatever the system says.
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()>;

    /// Brings the names in a directory to the disk.
    ///
    /// # Errors
    /// Whatever the system says.
    fn sync_directory(&mut self, path: &Path) -> io::Result<()>;
}

/// The disks of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

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

    fn write(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // What a crash left is written anew; what is no file was not left by one.
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

    fn sync(&mut self, path: &Path) -> io::Result<()> {
        // What another descriptor wrote to the same file is brought to the disk too (fsync(2)).
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

/// Whether nobody but its owner can put anything into a state directory; one that is not there yet is made
/// so. What others could write there would be read as ours.
///
/// # Errors
/// What is wrong, and what to do.
pub fn is_closed(directory: &Path) -> Result<(), String> {
    let metadata = match fs::symlink_metadata(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.to_string()),
        Ok(metadata) => metadata,
    };
    if !metadata.is_dir() {
        return Err("is no directory of its own (a symbolic link, or a file)".to_owned());
    }
    let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
    let ours = rustix::process::geteuid();
    // Root helps out in the directory of the user whose daemon has it.
    if owner != ours.as_raw() && owner != 0 && !ours.is_root() {
        return Err(format!("belongs to uid {owner}, not to uid {}", ours.as_raw()));
    }
    if mode & 0o022 != 0 {
        return Err(format!("mode {mode:04o} lets others write into it (chmod 0700)"));
    }
    Ok(())
}

/// Whether an anchor is in a folder in which others cannot replace it.
///
/// # Errors
/// What is wrong, and what to do.
pub fn is_anchorage(folder: &Path) -> Result<(), String> {
    let folder = or_here(folder);
    // One that is missing is found missing by whoever writes there.
    let Ok(mode) = fs::metadata(folder).map(|metadata| metadata.mode() & 0o7777) else {
        return Ok(());
    };
    // In a sticky directory only its owner can replace a file.
    if mode & 0o002 != 0 && mode & 0o1000 == 0 {
        return Err(format!("mode {mode:04o} lets others replace the anchor in it (chmod o-w)"));
    }
    Ok(())
}

/// The one writer of a state directory. Released when dropped, and with the process.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock is held as long as it is open")] File);

impl Lock {
    /// Takes the lock of a state directory, which is made if need be; `None` if another process has
    /// it.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn take(directory: &Path) -> io::Result<Option<Self>> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(directory)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.custom_flags(NO_LINK).open(directory.join("lock"))?;
        hand_over(&file, directory)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_directory_has_one_writer() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("lib").join("state");
        let first = Lock::take(&state).unwrap().unwrap();
        assert!(Lock::take(&state).unwrap().is_none());
        drop(first);
        assert!(Lock::take(&state).unwrap().is_some());
        assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn what_others_could_write_is_not_read_as_ours() {
        let folder = tempfile::tempdir().unwrap();
        let (state, link) = (folder.path().join("state"), folder.path().join("link"));
        is_closed(&state).unwrap();
        DirBuilder::new().mode(0o700).create(&state).unwrap();
        std::os::unix::fs::symlink(&state, &link).unwrap();
        is_closed(&state).unwrap();
        assert!(is_closed(&link).unwrap_err().starts_with("is no directory of its own"));
        for (mode, closed, anchorage) in [
            (0o750, true, true),
            (0o770, false, true),
            (0o777, false, false),
            (0o1777, false, true),
        ] {
            fs::set_permissions(&state, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(is_closed(&state).is_ok(), closed, "{mode:o}");
            assert_eq!(is_anchorage(&state).is_ok(), anchorage, "{mode:o}");
        }
    }

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
        std::os::unix::fs::symlink(&target, folder.path().join("lock")).unwrap();
        Lock::take(folder.path()).unwrap_err();
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
        assert_eq!(fs::metadata(&two).unwrap().permissions().mode() & 0o777, 0o600);
        disk.create_directory(&one).unwrap();
        disk.create_directory(&one).unwrap();
        assert!(disk.create_directory(&two).is_err(), "a file is no directory");
    }
}
