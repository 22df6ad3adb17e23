use std::fs;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use sensor_common::boot_time::BootTime;
use tempfile::TempDir;
use tokio::time::{advance, timeout};

use super::*;
use crate::daemon::records::aside::Asides;
use crate::daemon::records::progress::Recovered;

/// Writing happens in real time, and takes far less, on a machine with much else to do too.
const REAL_LIMIT: Duration = Duration::from_secs(60);

/// A writer at its work, and what goes in and comes out.
struct Desk {
    folder: TempDir,
    work: mpsc::Sender<Work>,
    books: Arc<Books>,
    health: Arc<Health>,
    news: Arc<News>,
    reopen: Arc<Notify>,
    task: JoinHandle<io::Result<()>>,
    sequence: u64,
}

impl Desk {
    fn new(folder: TempDir, output: Output) -> Self {
        let open_output =
            OpenOutput::open(&output, None, true).ok().map(|(open_output, _)| open_output);
        let (progress, _) = Progress::open(folder.path()).unwrap();
        let places = Places {
            output,
            open_output,
            aside: AsideFile::of(folder.path()),
            progress: Some(progress),
            checkpoint: Checkpoint::default(),
        };
        let shared = WriterShared::default();
        let (books, health) = (Arc::clone(&shared.books), Arc::clone(&shared.health));
        let (news, reopen) = (Arc::clone(&shared.news), Arc::clone(&shared.reopen));
        let (sender, work) = mpsc::channel(16);
        let task = tokio::spawn(Writer::new(work, places, shared).run());
        Self { folder, work: sender, books, health, news, reopen, task, sequence: 0 }
    }

    fn with_file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let output = Output::File(folder.path().join("records.ndjson"));
        Self::new(folder, output)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path("records.ndjson")).unwrap_or_default()
    }

    /// Hands a record to the writer.
    async fn write(&mut self, line: &str) {
        self.sequence += 1;
        let lines = Bytes::from(format!("{line}\n"));
        let batch = Batch { lines, records: 1, last: self.sequence, ..Batch::default() };
        self.work.send(Work::Batch(batch)).await.unwrap();
    }

    /// Waits for something that the writer does; virtual seconds pass as fast as they can.
    async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let start = std::time::Instant::now();
        while start.elapsed() < REAL_LIMIT {
            if condition(self) {
                return;
            }
            advance(Duration::from_millis(50)).await;
            // Writing happens in other threads, in real time.
            tokio::task::spawn_blocking(std::thread::yield_now).await.unwrap();
        }
        panic!("waited in vain for {what}: {:?}", self.news.take());
    }

    fn sums(&self) -> (u64, u64, u64) {
        let totals = self.books.sums();
        (totals.written, totals.set_aside(), totals.missing())
    }

    async fn end(self) -> (Arc<Books>, Arc<News>, TempDir) {
        drop(self.work);
        timeout(Duration::from_secs(600), self.task).await.unwrap().unwrap().unwrap();
        (self.books, self.news, self.folder)
    }
}

fn paused(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(test);
}

#[test]
fn records_are_counted_as_written_once_they_were_found_in_the_output() {
    paused(async {
        let mut desk = Desk::with_file();
        desk.write("one").await;
        desk.until("the line", |desk| desk.text() == "one\n").await;
        desk.until("the look", |desk| desk.sums() == (1, 0, 0)).await;
        desk.write("two").await;
        let (books, news, _folder) = desk.end().await;
        assert_eq!((books.sums().written, news.take()), (2, Vec::<String>::new()));
    });
}

#[test]
fn a_device_that_is_full_ends_nothing_and_is_an_objection() {
    paused(async {
        let folder = tempfile::tempdir().unwrap();
        let mut desk = Desk::new(folder, Output::File("/dev/full".into()));
        desk.write("one").await;
        desk.until("an objection", |desk| desk.health.objection(BootTime::ZERO).is_some()).await;
        let objection = desk.health.objection(BootTime::ZERO).unwrap();
        assert!(objection.starts_with("/dev/full: No space left"), "{objection}");
        advance(Duration::from_secs(60)).await;
        assert!(!desk.task.is_finished());
        let news = desk.news.take();
        assert_eq!(news.len(), 1, "said once: {news:?}");
        assert_eq!(desk.sums(), (0, 0, 0));
        desk.task.abort();
    });
}

#[test]
fn what_was_moved_is_opened_anew_and_nothing_is_lost() {
    paused(async {
        let mut desk = Desk::with_file();
        desk.write("one").await;
        desk.until("the line", |desk| desk.text() == "one\n").await;
        fs::rename(desk.path("records.ndjson"), desk.path("old")).unwrap();
        desk.until("a new file", |desk| desk.path("records.ndjson").exists()).await;
        desk.write("two").await;
        desk.until("the line", |desk| desk.text() == "two\n").await;

        // At once, where somebody asks for it.
        fs::rename(desk.path("records.ndjson"), desk.path("older")).unwrap();
        desk.reopen.notify_one();
        while !desk.path("records.ndjson").exists() {
            tokio::task::spawn_blocking(std::thread::yield_now).await.unwrap();
        }
        assert_eq!(desk.news.take().len(), 2);
        let (books, news, folder) = desk.end().await;
        assert_eq!((books.sums().written, books.sums().missing()), (2, 0));
        assert_eq!(news.take(), Vec::<String>::new());
        assert_eq!(fs::read_to_string(folder.path().join("old")).unwrap(), "one\n");
    });
}

#[test]
fn what_went_into_a_file_that_was_removed_is_counted_as_missing() {
    paused(async {
        let mut desk = Desk::with_file();
        desk.write("one").await;
        desk.until("the look", |desk| desk.sums() == (1, 0, 0)).await;
        fs::remove_file(desk.path("records.ndjson")).unwrap();
        desk.write("two").await;
        desk.until("the loss", |desk| desk.sums() == (1, 0, 1)).await;
        let news = desk.news.take().join("\n");
        assert!(news.contains("was removed, and with it 1 records"), "{news}");
        desk.write("three").await;
        desk.until("a new file", |desk| desk.text() == "three\n").await;
        desk.until("no objection", |desk| desk.health.objection(BootTime::ZERO).is_none()).await;
        assert_eq!(desk.news.take().last().unwrap(), "the output takes records again");
        // And at the very end.
        desk.until("the look", |desk| desk.sums() == (2, 0, 1)).await;
        desk.write("four").await;
        desk.until("the line", |desk| desk.text() == "three\nfour\n").await;
        fs::remove_file(desk.path("records.ndjson")).unwrap();
        let (books, _, _folder) = desk.end().await;
        assert_eq!(books.sums().written + books.sums().missing(), 4);
        assert!(books.sums().missing() >= 1);
    });
}

#[test]
fn a_pipe_waits_for_its_reader_and_loses_only_what_that_one_left() {
    paused(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let reader = |path: &Path| {
            let flags = OFlags::NONBLOCK.bits().cast_signed();
            fs::OpenOptions::new().read(true).custom_flags(flags).open(path).unwrap()
        };
        let mut desk = Desk::new(folder, Output::File(path.clone()));
        desk.write("one").await;
        desk.until("an objection", |desk| desk.health.objection(BootTime::ZERO).is_some()).await;
        let mut first = reader(&path);
        desk.until("a reader", |desk| desk.health.objection(BootTime::ZERO).is_none()).await;
        desk.write("two").await;
        desk.until("both in the pipe", |desk| desk.books.totals().written == 2).await;
        let mut read = [0; 4];
        first.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"one\n");
        drop(first);
        desk.until("the loss", |desk| desk.sums() == (1, 0, 1)).await;
        let news = desk.news.take().join("\n");
        assert!(news.contains("has ended without reading 1 records"), "{news}");
        desk.write("three").await;
        let mut second = reader(&path);
        desk.until("the third", |desk| desk.books.totals().written == 2).await;
        let mut read = [0; 6];
        second.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"three\n");
        let (books, _, _folder) = desk.end().await;
        assert_eq!((books.sums().written, books.sums().missing()), (2, 1));
    });
}

#[test]
fn what_is_set_aside_is_in_its_file_and_in_the_books() {
    paused(async {
        let desk = Desk::with_file();
        let mut asides = Asides::default();
        asides.lines.extend_from_slice(b"{}\n");
        asides.counts.insert(SetAsideReason::Term, 1);
        let batch = Batch { asides, ..Batch::default() };
        desk.work.send(Work::Batch(batch)).await.unwrap();
        let (books, news, folder) = desk.end().await;
        let aside = fs::read_to_string(folder.path().join("set-aside.ndjson")).unwrap();
        assert_eq!((aside.as_str(), books.sums().set_aside()), ("{}\n", 1));
        let news = news.take().join("\n");
        assert!(news.contains("1 records from outside of their order's term are set"), "{news}");
        let (_, left) = Progress::open(folder.path()).unwrap();
        let Recovered::Last(checkpoint) = left else { panic!("{left:?}") };
        assert_eq!(checkpoint.totals, books.sums(), "and the next daemon knows");
    });
}

#[test]
fn a_generation_is_forgotten_behind_what_is_written() {
    paused(async {
        let folder = tempfile::tempdir().unwrap();
        let mut desk = Desk::new(folder, Output::File("/dev/full".into()));
        desk.write("one").await;
        desk.until("an objection", |desk| desk.health.objection(BootTime::ZERO).is_some()).await;
        desk.work.send(Work::Forget(2)).await.unwrap();
        advance(Duration::from_secs(10)).await;
        tokio::task::yield_now().await;
        assert_eq!(desk.work.capacity(), 15, "it waits behind the batch");
        desk.task.abort();
    });
}
