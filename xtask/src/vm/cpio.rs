//! The archive that the kernel unpacks as its first file system: cpio in the "new ASCII" format
//! (`Documentation/driver-api/early-userspace/buffer-format.rst` in the kernel's source).
//!
//! Everything belongs to root and has no time. Devices, hard links and checksums are left out but
//! for the one device that the kernel itself opens.

use std::collections::BTreeSet;
use std::io::{self, Write};

const MAGIC: &str = "070701";
const LAST: &str = "TRAILER!!!";

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const CHARACTER_DEVICE: u32 = 0o020_600;

/// Writes an archive.
pub(super) struct Archive<W> {
    output: W,
    /// Directories that are in the archive already.
    directories: BTreeSet<String>,
    entries: u32,
}

impl<W: Write> Archive<W> {
    pub(super) const fn new(output: W) -> Self {
        Self { output, directories: BTreeSet::new(), entries: 0 }
    }

    /// Adds a file at an absolute path, and the directories that lead to it. Every file can be
    /// executed.
    pub(super) fn file(&mut self, path: &str, contents: &[u8]) -> io::Result<()> {
        self.directories_to(path)?;
        self.entry(path, PROGRAM, (0, 0), contents)
    }

    /// Adds an empty directory at an absolute path.
    pub(super) fn directory(&mut self, path: &str) -> io::Result<()> {
        self.directories_to(&format!("{path}/"))
    }

    /// Adds a character device at an absolute path.
    pub(super) fn character_device(
        &mut self,
        path: &str,
        major: u32,
        minor: u32,
    ) -> io::Result<()> {
        self.directories_to(path)?;
        self.entry(path, CHARACTER_DEVICE, (major, minor), &[])
    }

    /// Ends the archive and returns what it was written to.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.entry(LAST, 0, (0, 0), &[])?;
        self.output.flush()?;
        Ok(self.output)
    }

    fn directories_to(&mut self, path: &str) -> io::Result<()> {
        for (end, _) in path.match_indices('/').skip(1) {
            let directory = &path[..end];
            if self.directories.insert(directory.to_owned()) {
                self.entry(directory, DIRECTORY, (0, 0), &[])?;
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        path: &str,
        mode: u32,
        (major, minor): (u32, u32),
        contents: &[u8],
    ) -> io::Result<()> {
        let name = path.trim_start_matches('/');
        let size = |length: usize| u32::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge);
        let (name_size, contents_size) = (size(name.len() + 1)?, size(contents.len())?);
        self.entries += 1;
        let (owner, group, links, time, device, checksum) = (0, 0, 1, 0, 0, 0);
        write!(self.output, "{MAGIC}")?;
        for field in [
            self.entries,
            mode,
            owner,
            group,
            links,
            time,
            contents_size,
            device,
            device,
            major,
            minor,
            name_size,
            checksum,
        ] {
            write!(self.output, "{field:08x}")?;
        }
        self.output.write_all(name.as_bytes())?;
        self.output.write_all(b"\0")?;
        // Header and name together, and the contents, each end at a multiple of four.
        let header = MAGIC.len() + 13 * 8;
        self.pad(header + name.len() + 1)?;
        self.output.write_all(contents)?;
        self.pad(contents.len())
    }

    fn pad(&mut self, written: usize) -> io::Result<()> {
        self.output.write_all(&[0; 3][..written.wrapping_neg() % 4])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_as_the_format_says() {
        let mut archive = Archive::new(Vec::new());
        archive.file("/a/b", b"hello").unwrap();
        let archive = archive.finish().unwrap();
        let expected = [
            "070701",
            // inode, mode, uid, gid, nlink, mtime, size
            "00000001000041ed0000000000000000000000010000000000000000",
            // device, device of a special file, size of the name, checksum
            "000000000000000000000000000000000000000200000000",
            "a\0",
            "070701",
            "00000002000081ed0000000000000000000000010000000000000005",
            "000000000000000000000000000000000000000400000000",
            "a/b\0\0\0hello\0\0\0",
            "070701",
            "00000003000000000000000000000000000000010000000000000000",
            "000000000000000000000000000000000000000b00000000",
            "TRAILER!!!\0\0\0\0",
        ];
        assert_eq!(String::from_utf8(archive).unwrap(), expected.concat());
    }

    #[test]
    fn directories_come_first_and_once() {
        let mut archive = Archive::new(Vec::new());
        archive.file("/a/b/c", b"").unwrap();
        archive.file("/a/b/d", b"").unwrap();
        archive.directory("/a/e").unwrap();
        archive.character_device("/a/f", 5, 1).unwrap();
        archive.file("/init", b"").unwrap();
        let archive = String::from_utf8(archive.finish().unwrap()).unwrap();
        let names: Vec<&str> = archive
            .split(MAGIC)
            .skip(1)
            .map(|entry| entry[13 * 8..].trim_end_matches('\0'))
            .collect();
        assert_eq!(names, ["a", "a/b", "a/b/c", "a/b/d", "a/e", "a/f", "init", LAST]);
        assert!(archive.contains("0000000500000001"), "major and minor of /a/f");
        assert_eq!(archive.len() % 4, 0);
    }
}
