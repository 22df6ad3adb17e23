//! A file of a fixed size in the state directory, created with all of its space and rewritten in place. Writing
//! it takes no space, so it can be written when the disk is full, and it needs no lock.
//!
//! It holds one value: the SHA-256 of its JSON, the JSON, and zeros. So a write that a crash cut off, or a
//! damaged file, can be told from a whole value.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::disk::{RealDisk, Steps as _, hand_over};
use crate::digest::sha256;

/// The file.
#[derive(Debug)]
pub(crate) struct Reserved {
    file: File,
    size: usize,
}

impl Reserved {
    /// Opens an existing file.
    ///
    /// # Errors
    /// The system's error. Anything but a regular file in a directory is refused, and so is a symbolic link in
    /// the last two parts of the path.
    pub(crate) fn open(directory: &Path, name: &str, size: usize) -> io::Result<Self> {
        Self::at(directory, name, size, OFlags::RDWR)
    }

    /// Opens the file for reading.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn look(directory: &Path, name: &str, size: usize) -> io::Result<Self> {
        Self::at(directory, name, size, OFlags::RDONLY)
    }

    /// Creates the file with all of its space and without a value. An existing file is emptied.
    ///
    /// # Errors
    /// As [`Self::open`], and if there is no space.
    pub(crate) fn make(directory: &Path, name: &str, size: usize) -> io::Result<Self> {
        let reserved = Self::at(directory, name, size, OFlags::RDWR | OFlags::CREATE)?;
        hand_over(&reserved.file, directory)?;
        reserved.file.write_all_at(&vec![0; size], 0)?;
        reserved.file.sync_all()?;
        RealDisk.sync_directory(directory)?;
        Ok(reserved)
    }

    fn at(directory: &Path, name: &str, size: usize, how: OFlags) -> io::Result<Self> {
        let careful = OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory =
            openat(CWD, directory, careful | OFlags::DIRECTORY | OFlags::RDONLY, Mode::empty())?;
        // Without this, opening a pipe or a device could wait.
        let how = how | careful | OFlags::NONBLOCK;
        let file = openat(&directory, name, how, Mode::RUSR | Mode::WUSR)?;
        if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::RegularFile {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "is no regular file"));
        }
        Ok(Self { file: file.into(), size })
    }

    /// The value in the file; `None` if there is none that can be read.
    ///
    /// # Errors
    /// The system's error.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> io::Result<Option<T>> {
        let mut bytes = vec![0; self.size];
        match self.file.read_exact_at(&mut bytes, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            done => done?,
        }
        let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        let parsed = std::str::from_utf8(text).ok().and_then(|text| {
            let (digest, json) = text.split_once(' ')?;
            (sha256(json.as_bytes()) == digest).then_some(json)
        });
        Ok(parsed.and_then(|json| serde_json::from_str(json).ok()))
    }

    /// Writes a value, and syncs it.
    ///
    /// # Errors
    /// The system's error, or a value that is too long.
    pub(crate) fn write(&self, value: &impl Serialize) -> io::Result<()> {
        let json = serde_json::to_string(value)?;
        let mut bytes = format!("{} {json}", sha256(json.as_bytes())).into_bytes();
        if bytes.len() >= self.size {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        bytes.resize(self.size, 0);
        self.file.write_all_at(&bytes, 0)?;
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;

    const SIZE: usize = 4_096;

    #[test]
    fn what_is_written_reads_back_and_what_is_torn_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = Reserved::make(folder.path(), "file", SIZE).unwrap();
        assert_eq!(file.read::<String>().unwrap(), None);
        file.write(&"a long text").unwrap();
        file.write(&"text").unwrap();
        assert_eq!(file.read::<String>().unwrap().as_deref(), Some("text"));
        let path = folder.path().join("file");
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        assert!(metadata.blocks() * 512 >= SIZE as u64, "all of its space is there");
        let whole = fs::read(&path).unwrap();
        assert_eq!(whole.len(), SIZE);
        let length = whole.iter().position(|byte| *byte == 0).unwrap();
        for at in 0..length {
            let mut torn = whole.clone();
            torn[at] ^= 1;
            fs::write(&path, &torn).unwrap();
            assert_eq!(file.read::<String>().unwrap(), None, "{at}");
            fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(file.read::<String>().unwrap(), None, "{at}");
        }
        assert!(file.write(&"x".repeat(SIZE)).is_err());
    }

    #[test]
    fn nothing_that_was_planted_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        fs::write(&target, "precious").unwrap();
        symlink(&target, folder.path().join("link")).unwrap();
        assert!(Reserved::open(folder.path(), "link", SIZE).is_err());
        assert!(Reserved::make(folder.path(), "link", SIZE).is_err());
        assert_eq!(fs::read(&target).unwrap(), b"precious");
        let elsewhere = folder.path().join("elsewhere");
        symlink(folder.path(), &elsewhere).unwrap();
        assert!(Reserved::open(&elsewhere, "target", SIZE).is_err());
        assert!(Reserved::open(&target, "target", SIZE).is_err(), "no directory");
        assert!(Reserved::open(folder.path(), "missing", SIZE).is_err());
        assert!(!folder.path().join("missing").exists(), "to open makes nothing");
    }
}
