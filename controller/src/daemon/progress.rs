//! How far records were written, in a file that is there for the next daemon: with the rings, which
//! keep what is not written, every record is written once, also over a daemon that is killed.
//!
//! Before a batch is written the file says where in the output it goes and how far it reaches in each
//! ring. Then it is written, and then the rings are told. A daemon that finds itself between two of
//! these steps looks at the output: it has all of the batch, or is cut back to where it began.
//!
//! A pipe cannot be looked at: there the last batch may come twice, with the same numbers
//! (`event.sequence`). A machine that stops takes the rings with it, so nothing here waits for the
//! disk.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// One batch.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Step {
    /// `event.sequence` of the last record before the batch.
    pub before: u64,
    /// `event.sequence` of its last record.
    pub after: u64,
    /// The file that it goes to; `None` for what is no file.
    pub file: Option<Place>,
    /// How far it reaches in each ring, by the ring's name.
    pub rings: BTreeMap<String, u64>,
}

/// Where in a file a batch goes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Place {
    /// The file's device.
    pub device: u64,
    /// Its inode.
    pub inode: u64,
    /// Its length before the batch.
    pub start: u64,
    /// Its length with all of it.
    pub end: u64,
}

/// What the output shows of a batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Found {
    /// All of it is there.
    Whole,
    /// Not all of it is: the file is to be cut back to this length.
    CutBackTo(u64),
    /// It is another file, or none.
    Unknown,
}

impl Place {
    /// What a file, which may be the one, shows of the batch.
    pub fn find(&self, metadata: &Metadata) -> Found {
        if (metadata.dev(), metadata.ino()) != (self.device, self.inode) {
            return Found::Unknown;
        }
        match metadata.len() {
            // Somebody else has cut it.
            length if length < self.start => Found::Unknown,
            length if length < self.end => Found::CutBackTo(self.start),
            _ => Found::Whole,
        }
    }
}

/// The file: two slots, written by turns, so that one is whole whatever happens to the other.
#[derive(Debug)]
pub struct Progress {
    file: File,
    /// Where the next step goes.
    slot: u64,
}

/// Where the second slot begins: no step is nearly as long.
const SECOND: u64 = 1 << 20;

impl Progress {
    /// Opens the file in this folder, and says what it held: nothing if it was never written. If the
    /// last step was being written when its daemon was killed, it is the one before, whose batch was
    /// done by then.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn open(folder: &Path) -> io::Result<(Self, Option<Step>)> {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
        let file = options.open(folder.join("progress"))?;
        let (first, second) = (read(&slot(&file, 0)?), read(&slot(&file, SECOND)?));
        let after = |step: &Option<Step>| step.as_ref().map(|step| step.after);
        let (step, slot) =
            if after(&second) > after(&first) { (second, 0) } else { (first, SECOND) };
        Ok((Self { file, slot }, step))
    }

    /// Forgets all steps: the rings that they are about are gone.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn clear(&self) -> io::Result<()> {
        self.file.set_len(0)
    }

    /// Says what comes next.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn say(&mut self, step: &Step) -> io::Result<()> {
        let json = serde_json::to_string(step).map_err(io::Error::other)?;
        self.file.write_all_at(format!("{} {json}\n", digest(&json)).as_bytes(), self.slot)?;
        self.slot = SECOND - self.slot;
        Ok(())
    }
}

/// What is in a slot.
fn slot(file: &File, start: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = file;
    file.seek(SeekFrom::Start(start))?;
    file.take(SECOND).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The first line, if it is whole: what is behind it is left of a longer one.
fn read(slot: &[u8]) -> Option<Step> {
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

    fn step(after: u64, rings: &[(&str, u64)]) -> Step {
        let rings = rings.iter().map(|(name, position)| ((*name).to_owned(), *position)).collect();
        let file = Some(Place { device: 1, inode: 2, start: 10, end: 20 });
        Step { before: 5, after, file, rings }
    }

    #[test]
    fn the_last_step_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (mut progress, found) = Progress::open(folder.path()).unwrap();
        assert_eq!(found, None);
        let long = step(7, &[("eth1/0", 72), ("eth1/1", 144)]);
        for step in [long, step(9, &[("eth1/0", 216)]), step(10, &[]), step(12, &[("a/0", 72)])] {
            progress.say(&step).unwrap();
            let (reopened, found) = Progress::open(folder.path()).unwrap();
            assert_eq!(found, Some(step));
            assert_eq!(reopened.slot, progress.slot, "the last one is never written over");
        }
        progress.clear().unwrap();
        assert_eq!(Progress::open(folder.path()).unwrap().1, None);
    }

    #[test]
    fn of_a_step_that_is_half_written_the_one_before_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("progress");
        let (mut progress, _) = Progress::open(folder.path()).unwrap();
        let steps = [5, 7, 9].map(|after| step(after, &[("eth1/0", after * 72), ("eth1/1", 72)]));
        progress.say(&steps[0]).unwrap();
        progress.say(&steps[1]).unwrap();
        let before = std::fs::read(&path).unwrap();
        progress.say(&steps[2]).unwrap();
        let after = std::fs::read(&path).unwrap();
        let length = after.iter().position(|byte| *byte == b'\n').unwrap();
        for written in 0..=length {
            // The front of the new line over the back of an old one.
            let mix = [&after[..written], &before[written..]].concat();
            if mix != after {
                std::fs::write(&path, mix).unwrap();
                let (_, found) = Progress::open(folder.path()).unwrap();
                assert_eq!(found.as_ref(), Some(&steps[1]), "{written}");
            }
        }
        std::fs::write(&path, after).unwrap();
        assert_eq!(Progress::open(folder.path()).unwrap().1.as_ref(), Some(&steps[2]));
    }

    #[test]
    fn the_output_tells_whether_the_batch_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        std::fs::write(&path, [0; 20]).unwrap();
        let metadata = std::fs::metadata(&path).unwrap();
        let place =
            |start, end| Place { device: metadata.dev(), inode: metadata.ino(), start, end };
        assert_eq!(place(10, 20).find(&metadata), Found::Whole);
        assert_eq!(place(10, 21).find(&metadata), Found::CutBackTo(10));
        assert_eq!(place(20, 21).find(&metadata), Found::CutBackTo(20));
        assert_eq!(place(21, 22).find(&metadata), Found::Unknown);
        let other = Place { inode: metadata.ino() + 1, ..place(10, 20) };
        assert_eq!(other.find(&metadata), Found::Unknown);
    }
}
