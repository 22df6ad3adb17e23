//! Where records are kept: one file, written by one task.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::config::Output;
use super::health::Health;
use super::progress::{Found, Place, Progress, Step};
use crate::kernel::Room;
use crate::kernel::clock::boot_time;

/// How often what was written is brought to the disk.
const SYNC: Duration = Duration::from_secs(1);

/// Whole lines, and how many.
#[derive(Debug, Default)]
pub struct Batch {
    /// The lines.
    pub lines: BytesMut,
    /// How many records they are.
    pub records: u64,
    /// `event.sequence` of the last of them.
    pub last: u64,
    /// How far the batch goes in each ring that it has records of.
    pub taken: Vec<Taken>,
}

/// How far records were taken out of a ring. Its room is given back once they are written: until
/// then they are in the ring, whatever becomes of this process.
#[derive(Debug)]
pub struct Taken {
    /// The ring's name.
    pub ring: Arc<str>,
    /// What gives it back.
    pub room: Arc<Room>,
    /// How far.
    pub position: u64,
}

/// An output that is open and ours.
#[derive(Debug)]
pub struct Sink {
    file: File,
    /// A pipe or a terminal cannot be brought to a disk.
    durable: bool,
}

impl Sink {
    /// Opens the output. A file is created readable by its owner only (L-SAFE) and locked: two
    /// daemons never write one file. One that ends in the middle of a line, because a machine
    /// stopped while it was written, gets a line feed, so that the next record stands alone.
    ///
    /// Where the rings still hold the last batch of the daemon before, `last`, and the file has a part
    /// of it, that part is taken away: it comes again. Returns what the file showed of it.
    ///
    /// # Errors
    /// One line that names the output.
    pub fn open(output: &Output, last: Option<Place>) -> Result<(Self, Found), String> {
        match output {
            Output::Stdout => {
                let file = io::stdout().as_fd().try_clone_to_owned();
                let file = file.map_err(|error| format!("standard output: {error}"))?;
                Ok((Self::new(File::from(file)), Found::Unknown))
            }
            Output::File(path) => Self::open_file(path, last),
        }
    }

    fn new(file: File) -> Self {
        let durable = file.metadata().is_ok_and(|metadata| metadata.is_file());
        Self { file, durable }
    }

    fn open_file(path: &Path, last: Option<Place>) -> Result<(Self, Found), String> {
        let failed = |error: io::Error| format!("{}: {error}", path.display());
        let mut options = OpenOptions::new();
        options.read(true).append(true).mode(0o600);
        let file = match options.open(path) {
            // A new file, not one that a link names meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                options.create_new(true).open(path)
            }
            opened => opened,
        };
        let file = file.map_err(failed)?;
        let mut sink = Self::new(file);
        let mut found = Found::Unknown;
        if sink.durable {
            sink.file.try_lock().map_err(|error| match error {
                TryLockError::WouldBlock => {
                    format!("{}: another sekisho writes to it", path.display())
                }
                TryLockError::Error(error) => failed(error),
            })?;
            let metadata = sink.file.metadata().map_err(failed)?;
            let mode = metadata.mode() & 0o7777;
            if mode & 0o077 != 0 {
                return Err(format!(
                    "{}: mode {mode:04o} opens the records to others than their owner (chmod 0600)",
                    path.display()
                ));
            }
            found = last.map_or(Found::Unknown, |last| last.find(&metadata));
            if let Found::CutBackTo(length) = found {
                sink.file.set_len(length).map_err(failed)?;
            }
            sink.finish_line().map_err(failed)?;
        }
        Ok((sink, found))
    }

    /// Where in the file a batch goes, if it is a file.
    fn place(&self, start: u64, lines: &[u8]) -> io::Result<Option<Place>> {
        if !self.durable {
            return Ok(None);
        }
        let metadata = self.file.metadata()?;
        let end = start.saturating_add(lines.len() as u64);
        Ok(Some(Place { device: metadata.dev(), inode: metadata.ino(), start, end }))
    }

    fn finish_line(&mut self) -> io::Result<()> {
        let mut last = [b'\n'];
        if self.file.metadata()?.len() > 0 {
            self.file.seek(SeekFrom::End(-1))?;
            self.file.read_exact(&mut last)?;
        }
        if last == *b"\n" { Ok(()) } else { self.file.write_all(b"\n") }
    }
}

/// The writer: takes batches until their sender is gone, then brings everything to the disk.
pub struct Writer {
    sink: Sink,
    batches: mpsc::Receiver<Batch>,
    progress: Option<Progress>,
    health: Arc<Health>,
    written: Arc<AtomicU64>,
}

impl Writer {
    /// A writer that counts in `written` the records that the system has taken, and says in
    /// `progress` how far it is.
    pub fn new(
        sink: Sink,
        batches: mpsc::Receiver<Batch>,
        progress: Option<Progress>,
        health: Arc<Health>,
        written: Arc<AtomicU64>,
    ) -> Self {
        Self { sink, batches, progress, health, written }
    }

    /// Writes; a failure goes to [`Health`] at once.
    ///
    /// # Errors
    /// The first error; nothing is written after it.
    pub async fn run(mut self) -> io::Result<()> {
        let result = self.write().await;
        self.health.written();
        if let Err(error) = &result {
            self.health.fail(format!("writing records: {error}"));
        }
        result
    }

    async fn write(&mut self) -> io::Result<()> {
        let mut whole = self.sink.file.metadata()?.len();
        let mut file = tokio::fs::File::from_std(self.sink.file.try_clone()?);
        let mut ticks = tokio::time::interval(SYNC);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut dirty = false;
        // Writing goes on while what was written before is brought to the disk.
        let mut sync: Option<JoinHandle<io::Result<()>>> = None;
        loop {
            tokio::select! {
                batch = self.batches.recv() => {
                    let Some(batch) = batch else { break };
                    self.health.writing(boot_time());
                    self.announce(&batch, whole)?;
                    let mut done = file.write_all(&batch.lines).await;
                    if done.is_ok() {
                        // The file of tokio writes behind; this waits for it.
                        done = file.flush().await;
                    }
                    if done.is_err() {
                        self.cut_back_to(whole);
                    }
                    done?;
                    whole = whole.saturating_add(batch.lines.len() as u64);
                    batch.taken.iter().for_each(|taken| taken.room.release(taken.position));
                    self.health.written();
                    self.written.fetch_add(batch.records, Ordering::Relaxed);
                    dirty = self.sink.durable;
                }
                _ = ticks.tick(), if dirty && sync.is_none() => {
                    let file = self.sink.file.try_clone()?;
                    sync = Some(tokio::task::spawn_blocking(move || file.sync_data()));
                    dirty = false;
                }
                done = join(&mut sync), if sync.is_some() => {
                    sync = None;
                    done?;
                }
            }
        }
        if sync.is_some() {
            join(&mut sync).await?;
        }
        if self.sink.durable { file.sync_all().await } else { Ok(()) }
    }

    /// Says what is about to be written, for the next daemon.
    fn announce(&mut self, batch: &Batch, whole: u64) -> io::Result<()> {
        let Some(progress) = &mut self.progress else { return Ok(()) };
        let rings = batch.taken.iter().map(|taken| (taken.ring.to_string(), taken.position));
        progress.say(&Step {
            before: batch.last.saturating_sub(batch.records),
            after: batch.last,
            file: self.sink.place(whole, &batch.lines)?,
            rings: rings.collect(),
        })
    }

    /// After a failed write: takes away what there is of the batch, so that the file ends with a
    /// whole record.
    fn cut_back_to(&self, whole: u64) {
        let longer = self.sink.file.metadata().is_ok_and(|metadata| metadata.len() > whole);
        if self.sink.durable && longer {
            // The error that matters is the one before; half a line is told from whole ones, and
            // the next daemon ends it.
            let _ = self.sink.file.set_len(whole);
        }
    }
}

async fn join(task: &mut Option<JoinHandle<io::Result<()>>>) -> io::Result<()> {
    match task {
        Some(task) => task.await.map_err(io::Error::other)?,
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn run(sink: Sink, lines: &[&str]) -> (io::Result<()>, Arc<Health>, u64) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (health, written) = (Arc::new(Health::default()), Arc::new(AtomicU64::new(0)));
        let (sender, batches) = mpsc::channel(lines.len().max(1));
        for line in lines {
            let lines = BytesMut::from(*line);
            let batch = Batch { lines, records: 1, ..Batch::default() };
            sender.try_send(batch).unwrap();
        }
        drop(sender);
        let writer = Writer::new(sink, batches, None, Arc::clone(&health), Arc::clone(&written));
        (runtime.block_on(writer.run()), health, written.load(Ordering::Relaxed))
    }

    #[test]
    fn records_are_added_to_a_private_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.ndjson");
        let open = || Sink::open(&Output::File(path.clone()), None).unwrap().0;
        run(open(), &["one\n"]).0.unwrap();
        let (result, health, written) = run(open(), &["two\n", "three\n"]);
        result.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\nthree\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!((health.objection(boot_time()), written), (None, 2));
    }

    #[test]
    fn half_a_line_does_not_swallow_the_next_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.ndjson");
        fs::write(&path, "one\ntw").unwrap();
        let message = Sink::open(&Output::File(path.clone()), None).unwrap_err();
        assert!(message.contains("records.ndjson: mode 06"), "{message}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        run(Sink::open(&Output::File(path.clone()), None).unwrap().0, &["three\n"]).0.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntw\nthree\n");
    }

    #[test]
    fn two_never_write_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let output = Output::File(folder.path().join("records.ndjson"));
        let _first = Sink::open(&output, None).unwrap();
        let message = Sink::open(&output, None).unwrap_err();
        assert!(message.ends_with("records.ndjson: another sekisho writes to it"), "{message}");
    }

    #[test]
    fn a_full_disk_is_an_objection() {
        let (sink, _) = Sink::open(&Output::File("/dev/full".into()), None).unwrap();
        let (result, health, written) = run(sink, &["one\n"]);
        assert!(result.is_err());
        let objection = health.objection(boot_time()).unwrap();
        assert!(objection.starts_with("writing records: "), "{objection}");
        assert_eq!(written, 0);
    }
}
