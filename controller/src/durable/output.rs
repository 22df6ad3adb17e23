//! Files that a command leaves for people: they are whole, or not there at all.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::disk::{RealDisk, Steps};
use super::replace;

/// The disks of this machine, for files of the user who runs the command. A step that fails removes its file,
/// because half a file is useless.
#[derive(Clone, Copy, Debug)]
struct OutputDisk {
    /// Who may read a new file.
    mode: u32,
}

/// For all users, as far as the umask allows.
const PUBLIC: OutputDisk = OutputDisk { mode: 0o644 };
/// For its owner.
const PRIVATE: OutputDisk = OutputDisk { mode: 0o600 };

impl Steps for OutputDisk {
    /// The file must not be there, and a symbolic link is not followed.
    fn write(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(self.mode).open(path)?;
        file.write_all(bytes).inspect_err(|_| take_away(path))
    }

    fn sync(&mut self, path: &Path) -> io::Result<()> {
        RealDisk.sync(path).inspect_err(|_| take_away(path))
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to).inspect_err(|_| take_away(from))
    }

    fn sync_directory(&mut self, path: &Path) -> io::Result<()> {
        RealDisk.sync_directory(path)
    }
}

fn take_away(path: &Path) {
    // The first error is the one that matters.
    let _ = fs::remove_file(path);
}

/// Creates a file that only its owner can read (mode 0600), and syncs it. An existing file, or a symbolic link
/// in its place, is an error.
///
/// # Errors
///
/// The system's error.
pub fn create_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    Ok(replace::create(&mut { PRIVATE }, path, bytes)?)
}

/// Replaces `path` by `bytes` in one step: a new file beside it is written, synced and renamed.
///
/// # Errors
///
/// Whatever the system says; `path` is then as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut draft = std::ffi::OsString::from(".");
    draft.push(name);
    draft.push(format!(".{}.new", std::process::id()));
    Ok(replace::replace(&mut { PUBLIC }, &path.with_file_name(draft), path, bytes)?)
}

/// Replaces `path` by a file beside it that is written already.
///
/// # Errors
///
/// As [`replace()`].
pub fn publish(draft: &Path, path: &Path) -> io::Result<()> {
    Ok(replace::publish(&mut { PUBLIC }, draft, path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacing_leaves_no_other_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("order.json");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_replacement_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("taken");
        fs::create_dir(&path).unwrap();
        assert!(replace(&path, b"one").is_err());
        assert!(path.is_dir());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        assert!(replace(Path::new("/"), b"one").is_err());
    }

    #[test]
    fn private_files_are_new_files() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key.pem");
        let link = directory.path().join("link.pem");
        create_private(&path, b"key").unwrap();
        std::os::unix::fs::symlink(directory.path().join("elsewhere"), &link).unwrap();
        for taken in [&path, &link] {
            let error = create_private(taken, b"other").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        }
        assert_eq!(fs::read(&path).unwrap(), b"key");
    }
}
