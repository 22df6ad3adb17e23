//! Reading input files within bounds, and writing files so that a reader finds either all of one
//! or nothing of it, also after a crash.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

pub use super::json::LARGEST;

/// Reads a whole file, but never more than one byte above the limit for JSON, so that an endless
/// one (`/dev/zero`) ends too; what is too long is refused by its reader.
///
/// # Errors
///
/// Whatever the system says.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Creates a file that only its owner can read (mode 0600) and brings it to the disk. An existing
/// file, or a symbolic link in its place, is an error.
///
/// # Errors
///
/// Whatever the system says.
pub fn create_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    write_through(file, bytes).inspect_err(|_| {
        // Half a key is of no use; the error that matters is the first.
        let _ = fs::remove_file(path);
    })?;
    sync_directory(path)
}

/// Replaces `path` by `bytes` in one step: a new file beside it, brought to the disk, then
/// renamed.
///
/// # Errors
///
/// Whatever the system says; `path` is then as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut temporary_name = std::ffi::OsString::from(".");
    temporary_name.push(name);
    temporary_name.push(format!(".{}.new", std::process::id()));
    let temporary = path.with_file_name(temporary_name);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&temporary)?;
    write_through(file, bytes).and_then(|()| fs::rename(&temporary, path)).inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })?;
    sync_directory(path)
}

fn write_through(mut file: File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}

/// A new name is on the disk only once its directory is.
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    File::open(parent)?.sync_all()
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
        assert_eq!(read(&path).unwrap(), b"two");
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
        assert_eq!(read(&path).unwrap(), b"key");
    }
}
