//! Records that do not fit what this daemon knows: their generation or rule belongs to no verified order,
//! or nothing was to be selected at their time. They belong to no order, so they are not written as
//! records; but something was selected, so they are not thrown away either (L-INSPECT). They are set
//! aside, as they came out of the ring, for the inspectors.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use bytes::{BufMut as _, BytesMut};
use jiff::Timestamp;
use rustix::fs::OFlags;
use sensor_common::record::{LENGTH, Record};
use sensor_common::tables::Slot;
use serde::Serialize;

use crate::daemon::records::progress::{FileSpan, Presence};
use crate::daemon::records::set_aside_reason::SetAsideReason;
use crate::kernel::RingPosition;

/// The file's name in the state directory.
pub const FILE: &str = "set-aside.ndjson";

/// Where a record came from.
#[derive(Clone, Copy, Debug)]
pub struct RecordOrigin<'a> {
    /// The interface.
    pub interface: &'a str,
    /// The ring's name.
    pub ring: &'a str,
    /// How far the ring was read with it.
    pub position: RingPosition,
    /// The slot of its order, if its generation and rule are known.
    pub slot: Option<Slot>,
    /// When it was made, by the wall clock as it reads now.
    pub time: Timestamp,
}

/// Records of one batch that are to be set aside.
#[derive(Debug, Default)]
pub struct Asides {
    /// Whole lines.
    pub lines: BytesMut,
    /// How many for each reason.
    pub counts: BTreeMap<SetAsideReason, u64>,
}

#[derive(Serialize)]
struct AsideLine<'a> {
    #[serde(rename = "@timestamp")]
    time: Timestamp,
    reason: SetAsideReason,
    interface: &'a str,
    ring: &'a str,
    position: RingPosition,
    generation: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    slot: Option<Slot>,
    rule: u32,
    record: String,
}

impl Asides {
    /// One more.
    pub fn add(&mut self, reason: SetAsideReason, record: &Record, origin: &RecordOrigin<'_>) {
        let RecordOrigin { interface, ring, position, slot, time } = *origin;
        let mut bytes = [0; LENGTH];
        for (to, word) in bytes.chunks_exact_mut(8).zip(record.words()) {
            to.copy_from_slice(&word.to_ne_bytes());
        }
        let Record { generation, rule, .. } = *record;
        let record = hex::encode(bytes);
        let line =
            AsideLine { time, reason, interface, ring, position, generation, slot, rule, record };
        // Writing to memory cannot fail, and JSON can express every field of a line.
        let _ = serde_json::to_writer((&mut self.lines).writer(), &line);
        self.lines.put_u8(b'\n');
        let count = self.counts.entry(reason).or_default();
        *count = count.saturating_add(1);
    }

    /// How many.
    pub fn records(&self) -> u64 {
        self.counts.values().sum()
    }
}

/// The file in the state directory. It exists only once something has been set aside.
#[derive(Debug)]
pub struct AsideFile {
    path: PathBuf,
    /// Something was written that is not on the disk yet.
    dirty: bool,
}

impl AsideFile {
    /// The file of a state directory.
    pub fn of(state: &Path) -> Self {
        Self { path: state.join(FILE), dirty: false }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where lines of this length would go.
    ///
    /// # Errors
    /// Where the file cannot be opened or made.
    pub fn span(&self, length: usize) -> io::Result<FileSpan> {
        let metadata = self.open()?.metadata()?;
        let start = metadata.len();
        let end = start.saturating_add(length as u64);
        Ok(FileSpan { device: metadata.dev(), inode: metadata.ino(), start, end })
    }

    /// Adds lines. After an error none of them is in the file.
    ///
    /// # Errors
    /// The system's error.
    pub fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let mut file = self.open()?;
        let before = file.metadata()?.len();
        let mut written = finish_line(&mut file, before);
        if written.is_ok() {
            written = file.write_all(lines);
        }
        if written.is_err() {
            // The first error is the one that matters; half a line can be told from whole ones.
            let _ = file.set_len(before);
        }
        self.dirty |= written.is_ok();
        written
    }

    /// The file, if there is something in it that is not on the disk yet.
    pub fn take_dirty(&mut self) -> Option<File> {
        if std::mem::take(&mut self.dirty) { self.open().ok() } else { None }
    }

    /// How much there is of a batch whose lines were to go to `span`.
    pub fn presence(&self, span: &FileSpan) -> Presence {
        self.path.metadata().map_or(Presence::Unknown, |metadata| span.presence(&metadata))
    }

    /// Removes a batch that will come again.
    ///
    /// # Errors
    /// The system's error.
    pub fn cut_back(&self, span: &FileSpan) -> io::Result<()> {
        match self.presence(span) {
            Presence::Whole | Presence::CutBackTo(_) => self.open()?.set_len(span.start),
            Presence::Unknown => Ok(()),
        }
    }

    /// Creates the file for its owner only (L-SAFE), and never follows a link that was planted there.
    fn open(&self) -> io::Result<File> {
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits();
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600);
        let file = options.custom_flags(flags.cast_signed()).open(&self.path)?;
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::Error::other("is not a regular file"))
        }
    }
}

/// Ends a line that was cut off in the middle, so that the next one begins on its own.
pub(in crate::daemon) fn finish_line(file: &mut File, length: u64) -> io::Result<()> {
    if ends_in_a_line(file, length)? { Ok(()) } else { file.write_all(b"\n") }
}

/// Whether a file of this length ends where a line does.
pub(in crate::daemon) fn ends_in_a_line(mut file: &File, length: u64) -> io::Result<bool> {
    let mut last = [b'\n'];
    if length > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use serde_json::json;

    use super::*;

    fn asides() -> Asides {
        let mut asides = Asides::default();
        let record = Record::from_bytes(&std::array::from_fn(|at| u8::try_from(at).unwrap()));
        let time = "2027-11-01T00:00:00.5Z".parse().unwrap();
        let origin = RecordOrigin {
            interface: "eth1",
            ring: "eth1/0",
            position: RingPosition::new(72),
            slot: Some(Slot::new(3)),
            time,
        };
        asides.add(SetAsideReason::Term, &record, &origin);
        asides.add(SetAsideReason::Generation, &record, &RecordOrigin { slot: None, ..origin });
        asides
    }

    #[test]
    fn a_line_says_all_that_is_known() {
        let asides = asides();
        let text = str::from_utf8(&asides.lines).unwrap();
        let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        let expected = json!({
            "@timestamp": "2027-11-01T00:00:00.5Z", "reason": "term", "interface": "eth1",
            "ring": "eth1/0", "position": 72, "slot": 3,
            "generation": u32::from_ne_bytes([44, 45, 46, 47]),
            "rule": u32::from_ne_bytes([48, 49, 50, 51]),
            "record": hex::encode((0..64).collect::<Vec<u8>>()),
        });
        assert_eq!(line, expected);
        let documented = include_str!("../../../../docs/formats.md");
        assert!(documented.contains(text.lines().next().unwrap()), "{text}");
        assert_eq!((text.lines().count(), asides.records()), (2, 2));
        assert!(!text.lines().nth(1).unwrap().contains("slot"));
    }

    #[test]
    fn the_file_is_private_and_its_lines_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = AsideFile::of(folder.path());
        file.write(b"one\n").unwrap();
        fs::write(file.path(), "one\ntw").unwrap();
        file.write(b"three\n").unwrap();
        assert_eq!(fs::read_to_string(file.path()).unwrap(), "one\ntw\nthree\n");
        assert!(file.take_dirty().is_some() && file.take_dirty().is_none());
        fs::remove_file(file.path()).unwrap();
        file.write(b"four\n").unwrap();
        assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_batch_that_comes_again_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = AsideFile::of(folder.path());
        file.write(b"one\n").unwrap();
        let span = file.span(4).unwrap();
        file.write(b"two\n").unwrap();
        assert_eq!(file.presence(&span), Presence::Whole);
        file.cut_back(&span).unwrap();
        assert_eq!(fs::read_to_string(file.path()).unwrap(), "one\n");
    }

    #[test]
    fn nothing_is_written_through_a_link_or_into_a_device() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = AsideFile::of(folder.path());
        symlink(folder.path().join("elsewhere"), file.path()).unwrap();
        file.write(b"one\n").unwrap_err();
        assert!(!folder.path().join("elsewhere").exists());
    }
}
