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

    fn open(&self) -> Sink {
        self.runtime.block_on(async { Sink::open(&self.output(), None, true) }).unwrap().0
    }

    fn write(&self, sink: &mut Sink, lines: &'static str) -> io::Result<()> {
        self.runtime.block_on(async {
            sink.prepare().await?;
            sink.write(&Bytes::from_static(lines.as_bytes())).await
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
    let mut sink = place.open();
    place.write(&mut sink, "two\n").unwrap();
    place.write(&mut sink, "three\n").unwrap();
    assert_eq!(place.text(), "one\ntwo\nthree\n");
    assert_eq!(fs::metadata(place.path()).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(sink.durable().is_some() && !sink.is_opaque() && !sink.is_pipe());
}

#[test]
fn half_a_line_does_not_swallow_the_next_record() {
    let place = Place::new();
    fs::write(place.path(), "one\ntw").unwrap();
    let message = Sink::open(&place.output(), None, true).unwrap_err().to_string();
    assert!(message.contains("records.ndjson: mode 06"), "{message}");
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o600)).unwrap();
    let mut sink = place.open();
    assert_eq!(place.text(), "one\ntw", "opening writes nothing: there may be no room");
    place.write(&mut sink, "three\n").unwrap();
    assert_eq!(place.text(), "one\ntw\nthree\n");
}

#[test]
fn two_never_write_one_file() {
    let place = Place::new();
    let _first = place.open();
    let message = Sink::open(&place.output(), None, true).unwrap_err().to_string();
    assert!(message.ends_with("records.ndjson: another sekisho writes to it"), "{message}");
}

#[test]
fn what_became_of_a_file_is_seen() {
    let place = Place::new();
    let mut sink = place.open();
    place.write(&mut sink, "one\n").unwrap();
    assert_eq!(sink.look().unwrap(), Look::Same);
    fs::write(place.path(), "on").unwrap();
    assert_eq!(sink.look().unwrap(), Look::Cut(2));
    assert_eq!(sink.look().unwrap(), Look::Same);
    place.write(&mut sink, "two\n").unwrap();
    assert_eq!(place.text(), "on\ntwo\n");

    fs::rename(place.path(), place.folder.path().join("old")).unwrap();
    assert_eq!(sink.look().unwrap(), Look::Moved);
    // Something else in its place is no better.
    fs::write(place.path(), "").unwrap();
    assert_eq!(sink.look().unwrap(), Look::Moved);
    fs::remove_file(place.path()).unwrap();

    let mut sink = place.open();
    fs::remove_file(place.path()).unwrap();
    assert_eq!(sink.look().unwrap(), Look::Removed);
    fs::write(place.path(), "").unwrap();
    assert_eq!(sink.look().unwrap(), Look::Removed);
}

#[test]
fn a_batch_that_comes_again_is_cut_off() {
    let place = Place::new();
    let mut sink = place.open();
    place.write(&mut sink, "one\n").unwrap();
    let last = sink.place(8).unwrap().unwrap();
    place.write(&mut sink, "tw").unwrap();
    drop(sink);
    let (mut sink, found) = Sink::open(&place.output(), Some(last), true).unwrap();
    assert_eq!((found, place.text()), (Found::CutBackTo(4), "one\ntw".to_owned()));
    sink.cut_back(4).unwrap();
    place.write(&mut sink, "two\n").unwrap();
    assert_eq!(place.text(), "one\ntwo\n");
}

#[test]
fn a_device_that_is_full_says_so() {
    let full = Output::File("/dev/full".into());
    let place = Place::new();
    let (mut sink, _) = Sink::open(&full, None, true).unwrap();
    let error = place.write(&mut sink, "one\n").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert!(sink.is_opaque());
}

#[test]
fn a_pipe_is_not_waited_for() {
    let place = Place::pipe();
    let open = || place.runtime.block_on(async { Sink::open(&place.output(), None, true) });
    assert_eq!(open().unwrap_err().kind(), io::ErrorKind::NotConnected);
    let _reader = place.reader();
    assert!(open().unwrap().0.is_pipe());
    // A name that is to be a pipe does not become a file.
    fs::remove_file(place.path()).unwrap();
    let error = place.runtime.block_on(async { Sink::open(&place.output(), None, false) });
    assert_eq!(error.unwrap_err().kind(), io::ErrorKind::NotFound);
    assert!(!place.path().exists());
}

#[test]
fn records_that_a_reader_left_in_the_pipe_are_counted() {
    let place = Place::pipe();
    let mut reader = place.reader();
    let mut sink = place.open();
    for lines in ["one\ntwo\n", "three\n", "four\nfive\n"] {
        place.write(&mut sink, lines).unwrap();
    }
    assert_eq!((sink.unread(), sink.look().unwrap()), (5, Look::Same));
    let mut read = [0; 5];
    reader.read_exact(&mut read).unwrap();
    // The second line was begun.
    assert_eq!((&read, sink.unread()), (b"one\nt", 4));
    drop(reader);
    assert_eq!(sink.look().unwrap(), Look::Unread);
    let error = place.write(&mut sink, "six\n").unwrap_err();
    assert_eq!((error.kind(), sink.unread()), (io::ErrorKind::BrokenPipe, 4));
}
