//! Reading files within bounds.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

/// The largest document that is read: 1 GiB, room for an order with ten million addresses in base64.
pub const LARGEST: u64 = 1 << 30;

/// The largest file that people write by hand: configuration, trust, keys.
pub const SMALL: u64 = 1 << 20;

/// Reads a whole document of at most 1 GiB, as [`read_at_most`] does.
///
/// # Errors
///
/// As [`read_at_most`].
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_at_most(path, LARGEST)
}

/// Reads a whole regular file of at most `most` bytes. Anything else is not even opened: it could keep the
/// reader waiting (a FIFO, a terminal), never end (`/dev/zero`), or do something (a tape).
///
/// # Errors
///
/// The file is not a regular one, is larger, or changes while it is read; or the system's error.
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
/// The file is not a regular one, or the system's error.
pub fn open_regular(path: &Path) -> io::Result<File> {
    regular(&fs::metadata(path)?)?;
    // It may be something else by now, and opening it must not wait.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    regular(&file.metadata()?)?;
    Ok(file)
}

/// Whether it is a regular file.
///
/// # Errors
///
/// Says what it is instead.
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
}
