use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use super::*;

struct Place {
    folder: TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Place {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { folder: tempfile::tempdir().unwrap(), runtime }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("records.ndjson")
    }

    fn output(&self) -> Output {
        Output::File(self.path())
    }

    fn open(&self) -> OpenOutput {
        self.runtime.block_on(async { OpenOutput::open(&self.output(), None, true) }).unwrap().0
    }

    fn write(&self, open_output: &mut OpenOutput, lines: &'static str) -> io::Result<()> {
        self.runtime.block_on(async {
            open_output.prepare().await?;
            open_output.write(&Bytes::from_static(lines.as_bytes())).await
        })
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    fn pipe() -> Self {
        let place = Self::new();
        let mode = Mode::RUSR | Mode::WUSR;
        mknodat(CWD, place.path(), FileType::Fifo, mode, 0).unwrap();
        place
    }

    /// A reader of the pipe, which is there before anybody writes.
    fn reader(&self) -> File {
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        OpenOptions::new().read(true).custom_flags(flags).open(self.path()).unwrap()
    }
}

#[test]
fn records_are_added_to_a_private_file() {
    let place = Place::new();
    place.write(&mut place.open(), "one\n").unwrap();
    let mut open_output = place.open();
    place.write(&mut open_output, "two\n").unwrap();
    place.write(&mut open_output, "three\n").unwrap();
    assert_eq!(place.text(), "one\ntwo\nthree\n");
    assert_eq!(fs::metadata(place.path()).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(open_output.durable().is_some() && !open_output.is_opaque() && !open_output.is_pipe());
}

#[test]
fn half_a_line_does_not_swallow_the_next_record() {
    let place = Place::new();
    fs::write(place.path(), "one\ntw").unwrap();
    let message = OpenOutput::open(&place.output(), None, true).unwrap_err().to_string();
    assert!(message.contains("records.ndjson: mode 06"), "{message}");
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o600)).unwrap();
    let mut open_output = place.open();
    assert_eq!(place.text(), "one\ntw", "opening writes nothing: there may be no room");
    place.write(&mut open_output, "three\n").unwrap();
    assert_eq!(place.text(), "one\ntw\nthree\n");
}

#[test]
fn two_never_write_one_file() {
    let place = Place::new();
    let _first = place.open();
    let message = OpenOutput::open(&place.output(), None, true).unwrap_err().to_string();
    assert!(message.ends_with("records.ndjson: another sekisho writes to it"), "{message}");
}

#[test]
fn what_became_of_a_file_is_seen() {
    let place = Place::new();
    let mut open_output = place.open();
    place.write(&mut open_output, "one\n").unwrap();
    assert_eq!(open_output.look().unwrap(), Look::Same);
    fs::write(place.path(), "on").unwrap();
    assert_eq!(open_output.look().unwrap(), Look::Cut(2));
    assert_eq!(open_output.look().unwrap(), Look::Same);
    place.write(&mut open_output, "two\n").unwrap();
    assert_eq!(place.text(), "on\ntwo\n");

    fs::rename(place.path(), place.folder.path().join("old")).unwrap();
    assert_eq!(open_output.look().unwrap(), Look::Moved);
    // Something else in its place is no better.
    fs::write(place.path(), "").unwrap();
    assert_eq!(open_output.look().unwrap(), Look::Moved);
    fs::remove_file(place.path()).unwrap();

    let mut open_output = place.open();
    fs::remove_file(place.path()).unwrap();
    assert_eq!(open_output.look().unwrap(), Look::Removed);
    fs::write(place.path(), "").unwrap();
    assert_eq!(open_output.look().unwrap(), Look::Removed);
}

#[test]
fn a_batch_that_comes_again_is_cut_off() {
    let place = Place::new();
    let mut open_output = place.open();
    place.write(&mut open_output, "one\n").unwrap();
    let last = open_output.span(8).unwrap().unwrap();
    place.write(&mut open_output, "tw").unwrap();
    drop(open_output);
    let (mut open_output, found) = OpenOutput::open(&place.output(), Some(last), true).unwrap();
    assert_eq!((found, place.text()), (Presence::CutBackTo(4), "one\ntw".to_owned()));
    open_output.cut_back(4).unwrap();
    place.write(&mut open_output, "two\n").unwrap();
    assert_eq!(place.text(), "one\ntwo\n");
}

#[test]
fn a_device_that_is_full_says_so() {
    let full = Output::File("/dev/full".into());
    let place = Place::new();
    let (mut open_output, _) = OpenOutput::open(&full, None, true).unwrap();
    let error = place.write(&mut open_output, "one\n").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert!(open_output.is_opaque());
}

#[test]
fn a_pipe_is_not_waited_for() {
    let place = Place::pipe();
    let open = || place.runtime.block_on(async { OpenOutput::open(&place.output(), None, true) });
    assert_eq!(open().unwrap_err().kind(), io::ErrorKind::NotConnected);
    let _reader = place.reader();
    assert!(open().unwrap().0.is_pipe());
    // A name that is to be a pipe does not become a file.
    fs::remove_file(place.path()).unwrap();
    let error = place.runtime.block_on(async { OpenOutput::open(&place.output(), None, false) });
    assert_eq!(error.unwrap_err().kind(), io::ErrorKind::NotFound);
    assert!(!place.path().exists());
}

#[test]
fn records_that_a_reader_left_in_the_pipe_are_counted() {
    let place = Place::pipe();
    let mut reader = place.reader();
    let mut open_output = place.open();
    for lines in ["one\ntwo\n", "three\n", "four\nfive\n"] {
        place.write(&mut open_output, lines).unwrap();
    }
    assert_eq!((open_output.unread(), open_output.look().unwrap()), (5, Look::Same));
    let mut read = [0; 5];
    reader.read_exact(&mut read).unwrap();
    // The second line was begun.
    assert_eq!((&read, open_output.unread()), (b"one\nt", 4));
    drop(reader);
    assert_eq!(open_output.look().unwrap(), Look::Unread);
    let error = place.write(&mut open_output, "six\n").unwrap_err();
    assert_eq!((error.kind(), open_output.unread()), (io::ErrorKind::BrokenPipe, 4));
}
