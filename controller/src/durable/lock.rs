//! Makes sure that a state directory has one writer, and that no other user can write there.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::disk::{NO_LINK, hand_over, or_here};

/// Why a folder is not safe from other users, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum UnsafeFolder {
    /// The system does not tell.
    #[error(transparent)]
    Unknown(#[from] io::Error),
    /// It is not a directory, or it is reached through a link that could be changed.
    #[error("is no directory of its own (a symbolic link, or a file)")]
    NoDirectory,
    /// Another user owns it.
    #[error("belongs to uid {owner}, not to uid {ours}")]
    Foreign {
        /// Its owner.
        owner: u32,
        /// The user of this process.
        ours: u32,
    },
    /// Others can write into it.
    #[error("mode {0:04o} lets others write into it (chmod 0700)")]
    Writable(u32),
    /// Others can replace an anchor in it.
    #[error("mode {0:04o} lets others replace the anchor in it (chmod o-w)")]
    Replaceable(u32),
}

/// Checks that only its owner can put anything into a state directory; a missing one is created that way. What
/// others could write there would be read as ours.
///
/// # Errors
/// [`UnsafeFolder`].
pub fn is_closed(directory: &Path) -> Result<(), UnsafeFolder> {
    let metadata = match fs::symlink_metadata(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
        Ok(metadata) => metadata,
    };
    if !metadata.is_dir() {
        return Err(UnsafeFolder::NoDirectory);
    }
    let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
    let ours = rustix::process::geteuid();
    // Root may work in the directory of the user who runs the daemon.
    if owner != ours.as_raw() && owner != 0 && !ours.is_root() {
        return Err(UnsafeFolder::Foreign { owner, ours: ours.as_raw() });
    }
    if mode & 0o022 != 0 {
        return Err(UnsafeFolder::Writable(mode));
    }
    Ok(())
}

/// Checks that others cannot replace an anchor in this folder.
///
/// # Errors
/// [`UnsafeFolder::Replaceable`].
pub fn is_anchorage(folder: &Path) -> Result<(), UnsafeFolder> {
    let folder = or_here(folder);
    // If it is missing, the process that writes there notices.
    let Ok(mode) = fs::metadata(folder).map(|metadata| metadata.mode() & 0o7777) else {
        return Ok(());
    };
    // In a sticky directory only its owner can replace a file.
    if mode & 0o002 != 0 && mode & 0o1000 == 0 {
        return Err(UnsafeFolder::Replaceable(mode));
    }
    Ok(())
}

/// The one writer of a state directory. Released when dropped, and with the process.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock is held as long as it is open")] File);

impl Lock {
    /// Takes the lock of a state directory, which is created if necessary; `None` if another process has it.
    ///
    /// # Errors
    /// The system's error.
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
        assert!(
            is_closed(&link).unwrap_err().to_string().starts_with("is no directory of its own")
        );
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
    fn a_planted_link_is_no_lock() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        fs::write(&target, "theirs").unwrap();
        std::os::unix::fs::symlink(&target, folder.path().join("lock")).unwrap();
        Lock::take(folder.path()).unwrap_err();
        assert_eq!(fs::read(&target).unwrap(), b"theirs");
    }
}
