//! Reading input files within bounds, and writing files so that a reader finds either all of one
//! or nothing of it, also after a crash.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

pub use super::json::LARGEST;

/// The largest file of those that people write by hand: configuration, trust, keys.
pub const SMALL: u64 = 1 << 20;

/// Reads a whole document of at most 1 GiB, as [`read_at_most`] does.
///
/// # Errors
///
/// As there.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_at_most(path, LARGEST)
}

/// Reads a whole regular file of at most `most` bytes. Anything else could keep whoever reads it waiting (a
/// FIFO, a terminal), never end (`/dev/zero`), or do something (a tape), and is not even opened.
///
/// # Errors
///
/// What is no regular file, is larger, or changes while it is read, and whatever the system says.
pub fn read_at_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = open_regular(path)?;
    let before = file.metadata()?;
    if before.len() > most {
        return Err(io::Error::other(format!("larger than {} MiB", most >> 20)));
    }
    let mut bytes = Vec::new();
    (&file).take(most + 1).read_to_end(&mut bytes)?;
    let after = file.metadata()?;
    let changed = |metadata: &Metadata| {
        (metadata.len(), metadata.mtime(), metadata.mtime_nsec())
            != (bytes.len() as u64, before.mtime(), before.mtime_nsec())
    };
    if changed(&after) {
        return Err(io::Error::other("it changed while it was read"));
    }
    Ok(bytes)
}

/// Opens a regular file to read it.
///
/// # Errors
///
/// What is no regular file, and whatever the system says.
pub fn open_regular(path: &Path) -> io::Result<File> {
    regular(&fs::metadata(path)?)?;
    // Should it be something else by now: opening must not wait for anybody.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    regular(&file.metadata()?)?;
    Ok(file)
}

/// Whether it is a regular file.
///
/// # Errors
///
/// What it is instead.
pub(crate) fn regular(metadata: &Metadata) -> io::Result<()> {
    let kind = metadata.file_type();
    let name = match kind {
        _ if kind.is_file() => return Ok(()),
        _ if kind.is_dir() => "a directory",
        _ if kind.is_symlink() => "a symbolic link",
        _ if kind.is_fifo() => "a FIFO",
        _ if kind.is_socket() => "a socket",
        _ => "a device",
    };
    Err(io::Error::other(format!("not a regular file ({name})")))
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
    fn what_is_no_regular_file_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("fifo");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &fifo,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        let socket = directory.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for (path, kind) in [
            (fifo.as_path(), "a FIFO"),
            (&socket, "a socket"),
            (Path::new("/dev/zero"), "a device"),
            (Path::new("/"), "a directory"),
        ] {
            let refusal = read(path).unwrap_err().to_string();
            assert_eq!(refusal, format!("not a regular file ({kind})"));
        }
    }

    #[test]
    fn files_are_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, vec![b'x'; 1 << 20]).unwrap();
        assert_eq!(read_at_most(&path, SMALL).unwrap().len(), 1 << 20);
        fs::write(&path, vec![b'x'; (1 << 20) + 1]).unwrap();
        assert_eq!(read_at_most(&path, SMALL).unwrap_err().to_string(), "larger than 1 MiB");
        File::create(&path).unwrap().set_len(LARGEST + 1).unwrap();
        assert_eq!(read(&path).unwrap_err().to_string(), "larger than 1024 MiB");
    }

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
