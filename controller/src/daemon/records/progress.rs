//! How far records were written, in a file for the next daemon. The rings keep what is not written; with
//! both, every record is written once, even if a daemon is killed.
//!
//! Before a batch is written, a checkpoint in the file says where in the output the batch goes and how far
//! it reaches in each ring. Then the batch is written, and then the room in the rings is given back. The
//! next daemon compares the output with the last checkpoint: it has all of the batch, or it is cut back to
//! where the batch began.
//!
//! A pipe cannot be inspected: there the last batch may come twice, with the same numbers
//! (`event.sequence`). A machine that stops loses its rings, so nothing here waits for the disk.
//!
//! For the same reason this file is rewritten in place, not replaced as others are (`durable`): it has to
//! outlive a daemon but not a power cut, and a new file for each batch would cost more than the batch.
//!
//! The first checkpoint is written before there are rings. So if there are rings and no checkpoint, the file
//! was damaged or removed. It is then unknown which numbers were given, and no daemon continues from it.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::daemon::records::books::Totals;
use crate::daemon::records::set_aside_reason::SetAsideReason;
use crate::kernel::RingPosition;

/// The file's name, in the folder of the generations.
pub const FILE: &str = "progress";

/// How far everything is: before one batch and after it, or without a batch.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Counts checkpoints, so that the last one can be told from the one before.
    pub number: u64,
    /// `event.sequence` of the last record before the batch.
    pub before: u64,
    /// `event.sequence` of its last record.
    pub after: u64,
    /// Where in the output it goes; `None` if the output is not a file.
    pub file: Option<FileSpan>,
    /// How far each ring was read, the batch included, by the ring's name; all rings are listed.
    pub rings: BTreeMap<String, RingPosition>,
    /// Where its records that are set aside go.
    pub aside: Option<FileSpan>,
    /// How many are set aside, by reason.
    pub set_aside: BTreeMap<SetAsideReason, u64>,
    /// The books before it.
    pub totals: Totals,
    /// The highest number of a generation so far.
    pub generation: u32,
}

/// A part of a file: where a batch goes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FileSpan {
    /// The file's device.
    pub device: u64,
    /// Its inode.
    pub inode: u64,
    /// Its length before the batch.
    pub start: u64,
    /// Its length with all of it.
    pub end: u64,
}

/// How much of a batch is in a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Presence {
    /// All of it.
    Whole,
    /// Not all of it: the file has to be cut back to this length.
    CutBackTo(u64),
    /// Unknown: it is another file, or there is none.
    Unknown,
}

impl FileSpan {
    /// How much of the batch is in the file with this metadata, which may be another one.
    pub fn presence(&self, metadata: &Metadata) -> Presence {
        if (metadata.dev(), metadata.ino()) != (self.device, self.inode) {
            return Presence::Unknown;
        }
        match metadata.len() {
            // Another process has cut it.
            length if length < self.start => Presence::Unknown,
            length if length < self.end => Presence::CutBackTo(self.start),
            _ => Presence::Whole,
        }
    }
}

/// What was in the file when it was opened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Recovered {
    /// Nothing: the file was missing or empty.
    Nothing,
    /// Something, but no checkpoint.
    Damaged,
    /// This checkpoint, which is the last one: the other slot has the one before, or nothing.
    Last(Checkpoint),
    /// This checkpoint, and another slot that cannot be read. Either that slot was being written when its
    /// daemon was killed, and then nothing of its batch was given back in the rings; or it has a later
    /// checkpoint that was damaged.
    OneOfTwo(Checkpoint),
}

/// The file: two slots that are written alternately, so that one is whole whatever happens to the other.
#[derive(Debug)]
pub struct Progress {
    file: File,
    /// Where the next checkpoint goes.
    slot: u64,
}

/// Where the second slot begins. Every checkpoint is far shorter.
const SECOND: u64 = 1 << 20;

impl Progress {
    /// Opens the file in this folder, and returns what was in it.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn open(folder: &Path) -> io::Result<(Self, Recovered)> {
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits();
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.custom_flags(flags.cast_signed()).open(folder.join(FILE))?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("progress is not a regular file"));
        }
        let slots = [slot(&file, 0)?, slot(&file, SECOND)?];
        let [first, second] = slots.each_ref().map(|slot| read(slot));
        // Between the two the file may have a hole, which reads as zeros.
        let unreadable = slots
            .iter()
            .zip([&first, &second])
            .any(|(slot, checkpoint)| checkpoint.is_none() && slot.iter().any(|byte| *byte != 0));
        let number = |checkpoint: &Option<Checkpoint>| {
            checkpoint.as_ref().map(|checkpoint| checkpoint.number)
        };
        let (checkpoint, slot) =
            if number(&second) > number(&first) { (second, 0) } else { (first, SECOND) };
        let left = match checkpoint {
            None if metadata.len() == 0 => Recovered::Nothing,
            None => Recovered::Damaged,
            Some(checkpoint) if unreadable => Recovered::OneOfTwo(checkpoint),
            Some(checkpoint) => Recovered::Last(checkpoint),
        };
        Ok((Self { file, slot }, left))
    }

    /// Begins again, because the rings that the checkpoints are about are gone.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn begin(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.write(&Checkpoint::default())
    }

    /// Writes the next checkpoint.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&mut self, checkpoint: &Checkpoint) -> io::Result<()> {
        let json = serde_json::to_string(checkpoint).map_err(io::Error::other)?;
        let line = format!("{} {json}\n", digest(&json));
        if line.len() as u64 > SECOND {
            return Err(io::Error::other("more rings than a step has room for"));
        }
        self.file.write_all_at(line.as_bytes(), self.slot)?;
        self.slot = SECOND - self.slot;
        Ok(())
    }
}

/// The contents of a slot.
fn slot(file: &File, start: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = file;
    file.seek(SeekFrom::Start(start))?;
    file.take(SECOND).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads the first line, if it is whole. What follows it was left by a longer one.
fn read(slot: &[u8]) -> Option<Checkpoint> {
    let end = slot.iter().position(|byte| *byte == b'\n')?;
    let line = str::from_utf8(slot.get(..end)?).ok()?;
    let (expected, json) = line.split_once(' ')?;
    if digest(json) != expected {
        return None;
    }
    serde_json::from_str(json).ok()
}

fn digest(json: &str) -> String {
    hex::encode(Sha256::digest(json).get(..8).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(number: u64, rings: &[(&str, u64)]) -> Checkpoint {
        let ring = |(name, bytes): &(&str, u64)| ((*name).to_owned(), RingPosition::new(*bytes));
        let rings = rings.iter().map(ring).collect();
        let file = Some(FileSpan { device: 1, inode: 2, start: 10, end: 20 });
        Checkpoint { number, before: 5, after: 7, file, rings, ..Checkpoint::default() }
    }

    fn left(folder: &Path) -> Recovered {
        Progress::open(folder).unwrap().1
    }

    #[test]
    fn the_last_step_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (mut progress, found) = Progress::open(folder.path()).unwrap();
        assert_eq!(found, Recovered::Nothing);
        progress.begin().unwrap();
        assert_eq!(left(folder.path()), Recovered::Last(Checkpoint::default()));
        let long = checkpoint(7, &[("eth1/0", 72), ("eth1/1", 144)]);
        for checkpoint in [
            long,
            checkpoint(9, &[("eth1/0", 216)]),
            checkpoint(10, &[]),
            checkpoint(12, &[("a/0", 72)]),
        ] {
            progress.write(&checkpoint).unwrap();
            let (reopened, found) = Progress::open(folder.path()).unwrap();
            assert_eq!(found, Recovered::Last(checkpoint));
            assert_eq!(reopened.slot, progress.slot, "the last one is never written over");
        }
        progress.begin().unwrap();
        assert_eq!(left(folder.path()), Recovered::Last(Checkpoint::default()));
    }

    #[test]
    fn of_a_step_that_is_half_written_the_one_before_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let (mut progress, _) = Progress::open(folder.path()).unwrap();
        let checkpoints = [5, 7, 9].map(|number| checkpoint(number, &[("eth1/0", number * 72)]));
        progress.write(&checkpoints[0]).unwrap();
        progress.write(&checkpoints[1]).unwrap();
        let before = std::fs::read(&path).unwrap();
        progress.write(&checkpoints[2]).unwrap();
        let after = std::fs::read(&path).unwrap();
        let length = after.iter().position(|byte| *byte == b'\n').unwrap();
        for written in 0..=length {
            // The front of the new line over the back of an old one.
            let mix = [&after[..written], &before[written..]].concat();
            if mix != after {
                std::fs::write(&path, &mix).unwrap();
                let (Recovered::OneOfTwo(found) | Recovered::Last(found)) = left(folder.path())
                else {
                    panic!("{written}");
                };
                assert_eq!(found, checkpoints[1], "{written}");
            }
        }
        std::fs::write(&path, after).unwrap();
        assert_eq!(left(folder.path()), Recovered::Last(checkpoints[2].clone()));
    }

    #[test]
    fn what_is_damaged_is_told_from_what_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let (mut progress, _) = Progress::open(folder.path()).unwrap();
        progress.write(&checkpoint(1, &[])).unwrap();
        let one = std::fs::read(&path).unwrap();
        progress.write(&checkpoint(2, &[])).unwrap();
        let two = std::fs::read(&path).unwrap();
        assert_eq!(left(folder.path()), Recovered::Last(checkpoint(2, &[])));
        for (bytes, expected) in [
            (Vec::new(), Recovered::Nothing),
            (b"rubbish".to_vec(), Recovered::Damaged),
            (vec![0; 40], Recovered::Damaged),
            (one[..one.len() - 2].to_vec(), Recovered::Damaged),
            ([b"x", &two[1..]].concat(), Recovered::OneOfTwo(checkpoint(1, &[]))),
            ([&two[..two.len() - 2], b"x\n"].concat(), Recovered::OneOfTwo(checkpoint(2, &[]))),
        ] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(left(folder.path()), expected);
        }
    }

    #[test]
    fn the_output_tells_whether_the_batch_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        std::fs::write(&path, [0; 20]).unwrap();
        let metadata = std::fs::metadata(&path).unwrap();
        let span =
            |start, end| FileSpan { device: metadata.dev(), inode: metadata.ino(), start, end };
        assert_eq!(span(10, 20).presence(&metadata), Presence::Whole);
        assert_eq!(span(10, 21).presence(&metadata), Presence::CutBackTo(10));
        assert_eq!(span(20, 21).presence(&metadata), Presence::CutBackTo(20));
        assert_eq!(span(21, 22).presence(&metadata), Presence::Unknown);
        let other = FileSpan { inode: metadata.ino() + 1, ..span(10, 20) };
        assert_eq!(other.presence(&metadata), Presence::Unknown);
    }
}
