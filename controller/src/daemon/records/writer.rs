//! The writer takes batches in order until all of them are in the output. If the output does not take one,
//! the writer keeps it, reports that, tries again every second, and continues where it was. In the meantime
//! [`Health`] objects to the lease, so that nothing is selected for long that cannot be kept (L-INSPECT).

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::daemon::config::Output;
use crate::daemon::news::News;
use crate::daemon::orders::name_book::NameBook;
use crate::daemon::records::aside::AsideFile;
use crate::daemon::records::books::Books;
use crate::daemon::records::health::Health;
use crate::daemon::records::output::{Look, OpenOutput};
use crate::daemon::records::progress::{Checkpoint, FileSpan, Progress};
use crate::daemon::records::set_aside_reason::SetAsideReason;
use crate::kernel::clock::boot_time;
use crate::shown::shown;

mod named;
mod syncing;
mod trouble;
mod work;

use syncing::join;
use trouble::{Trouble, TroubleKind};
pub use work::{Batch, RingMark, Work};

/// How often the output is synced and looked at, and a write that failed is tried again.
const SYNC: Duration = Duration::from_secs(1);

/// What the writer shares with others.
#[derive(Debug, Default)]
pub struct WriterShared {
    /// What became of records.
    pub books: Arc<Books>,
    /// Whether they are kept.
    pub health: Arc<Health>,
    /// News for the operator.
    pub news: Arc<News>,
    /// The names of generations. They are forgotten once their records are written.
    pub names: Arc<NameBook>,
    /// Notified when the output has to be opened again by its name.
    pub reopen: Arc<Notify>,
}

/// Where records are written, and where the writer notes how far it is.
#[derive(Debug)]
pub struct Places {
    /// The output by its name.
    pub output: Output,
    /// The open output; `None` while it cannot be opened.
    pub open_output: Option<OpenOutput>,
    /// Where records are set aside.
    pub aside: AsideFile,
    /// For the next daemon, if there are pins.
    pub progress: Option<Progress>,
    /// The last checkpoint, with the positions of the rings. The next one continues from it.
    pub checkpoint: Checkpoint,
}

/// The writer.
pub struct Writer {
    work: mpsc::Receiver<Work>,
    places: Places,
    shared: WriterShared,
    /// The batch that could not be written so far.
    stuck: Option<Batch>,
    /// Where it was to go. A part of it may be there.
    torn: Option<FileSpan>,
    trouble: Trouble,
    /// Generations before this one can be forgotten.
    forget: Option<u32>,
    /// Forgetting failed, and that was reported.
    forget_failed: bool,
    /// Something was written since the last sync.
    dirty: bool,
    sync: Option<JoinHandle<io::Result<()>>>,
    /// Records set aside since the last report, by reason, and how many could not even be set aside.
    unsaid: (BTreeMap<SetAsideReason, u64>, u64),
    /// The output was a pipe. If the pipe is removed, no file is created in its place.
    pipe: bool,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("places", &self.places).finish_non_exhaustive()
    }
}

impl Writer {
    /// A writer of this work.
    pub fn new(work: mpsc::Receiver<Work>, places: Places, shared: WriterShared) -> Self {
        // Only a pipe without a reader can be closed at the start.
        let pipe = places.open_output.as_ref().is_none_or(OpenOutput::is_pipe);
        let mut writer = Self {
            work,
            places,
            shared,
            stuck: None,
            torn: None,
            trouble: Trouble::default(),
            forget: None,
            forget_failed: false,
            dirty: false,
            sync: None,
            unsaid: (BTreeMap::new(), 0),
            pipe,
        };
        if writer.places.open_output.is_none() {
            // Before the first lease, so that nothing is selected that is not read.
            writer.is_wrong(TroubleKind::Writing, &unread_pipe());
        }
        writer
    }

    /// Writes until there is no more work, and then syncs everything. As long as something cannot be
    /// written it keeps trying; the task that waits for its end gives up at some point.
    ///
    /// # Errors
    /// Standard output is gone for good and cannot be opened again. [`Health`] is told at once.
    pub async fn run(mut self) -> io::Result<()> {
        let result = self.write().await;
        if let Err(error) = &result {
            self.shared.health.fail(format!("writing records: {error}"));
        }
        result
    }

    async fn write(&mut self) -> io::Result<()> {
        let mut ticks = tokio::time::interval(SYNC);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                work = self.work.recv(), if self.stuck.is_none() => match work {
                    Some(Work::Batch(batch)) => self.attempt(batch).await?,
                    Some(Work::Forget(generation)) => {
                        self.forget = self.forget.max(Some(generation));
                        self.forget();
                    }
                    None => break,
                },
                _ = ticks.tick() => self.tick().await?,
                () = self.shared.reopen.notified() => self.look().await,
                done = join(&mut self.sync), if self.sync.is_some() => self.synced(done),
            }
        }
        self.finish().await;
        Ok(())
    }

    /// Does everything that is done periodically.
    async fn tick(&mut self) -> io::Result<()> {
        self.look().await;
        if let Some(batch) = self.stuck.take() {
            self.attempt(batch).await?;
        }
        self.forget();
        if self.dirty && self.sync.is_none() {
            self.begin_sync();
        }
        if self.stuck.is_none() {
            self.settle();
        }
        self.say_asides();
        Ok(())
    }

    /// Ends: syncs the output, and sees whether its name still stands for it.
    async fn finish(&mut self) {
        self.bring_to_disk().await;
        match self.places.open_output.as_mut().map(OpenOutput::look) {
            Some(Ok(Look::Removed)) => self.lose_removed(),
            Some(Ok(Look::Unread)) => self.lose_unread(),
            // A pipe that has a reader will be read to its end.
            _ => drop(self.shared.books.confirm_but(0)),
        }
        self.forget();
        self.settle();
        self.say_asides();
    }

    /// Writes a batch, or keeps it until the next tick.
    async fn attempt(&mut self, batch: Batch) -> io::Result<()> {
        self.shared.health.writing(boot_time());
        let done = self.put(&batch).await;
        self.shared.health.written();
        match done {
            Ok(()) => {
                self.is_well(TroubleKind::Writing);
                Ok(())
            }
            Err(error) if self.failed(batch, &error) => Err(error),
            Err(_) => Ok(()),
        }
    }

    /// Writes a checkpoint and then the batch, and notes in the books and in the rings that it is written.
    async fn put(&mut self, batch: &Batch) -> io::Result<()> {
        let Batch { lines, records, last, asides, taken } = batch;
        let Places { open_output, aside, progress, checkpoint, .. } = &mut self.places;
        // Why it could not be opened was reported then.
        let open_output = open_output.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        open_output.prepare().await?;
        let file = if lines.is_empty() { None } else { open_output.span(lines.len())? };
        // If there is no span, writing fails too, and reports that.
        let length = asides.lines.len();
        let span = (length > 0).then(|| aside.span(length).ok()).flatten();
        let mut next = Checkpoint {
            before: last.saturating_sub(*records),
            after: *last,
            file,
            aside: span,
            set_aside: asides.counts.clone(),
            ..checkpoint.next(&self.shared)
        };
        for RingMark { ring, position, .. } in taken {
            next.rings.insert(ring.to_string(), *position);
        }
        if let Some(progress) = progress {
            progress.write(&next)?;
        }
        *checkpoint = next;
        let kept = length == 0 || aside.write(&asides.lines).is_ok();
        self.torn = file;
        if let Err(error) = open_output.write(lines).await {
            if let (true, Some(span)) = (kept, &span) {
                // It comes again with the batch. If it cannot be removed, it is there twice.
                let _ = aside.cut_back(span);
            }
            return Err(error);
        }
        self.torn = None;
        let opaque = open_output.is_opaque();
        self.done(batch, kept, opaque);
        Ok(())
    }

    /// Accounts for a batch that was written.
    fn done(&mut self, batch: &Batch, kept: bool, opaque: bool) {
        let Batch { records, asides, taken, .. } = batch;
        let nothing = BTreeMap::new();
        let (counts, lost) = if kept { (&asides.counts, 0) } else { (&nothing, asides.records()) };
        // In this order: a record is in the books before it is out of its ring.
        self.shared.books.took(*records, counts, lost);
        for RingMark { room, position, .. } in taken {
            room.release(*position);
        }
        if opaque {
            self.shared.books.confirm_but(0);
        }
        for (reason, count) in counts {
            let sum = self.unsaid.0.entry(*reason).or_default();
            *sum = sum.saturating_add(*count);
        }
        self.unsaid.1 = self.unsaid.1.saturating_add(lost);
        self.dirty = true;
    }

    /// Writes a checkpoint without a batch.
    fn settle(&mut self) {
        let Places { progress: Some(progress), checkpoint, .. } = &mut self.places else { return };
        let next = Checkpoint {
            before: checkpoint.after,
            after: checkpoint.after,
            ..checkpoint.next(&self.shared)
        };
        let new = (&next.totals, next.generation) != (&checkpoint.totals, checkpoint.generation);
        // If it cannot be written now, it comes with the next batch.
        if new && progress.write(&next).is_ok() {
            *checkpoint = next;
        }
    }

    /// Forgets the generations whose records are all written.
    fn forget(&mut self) {
        let Some(generation) = self.forget else { return };
        match self.shared.names.forget_before(generation) {
            Ok(()) => (self.forget, self.forget_failed) = (None, false),
            Err(error) if !self.forget_failed => {
                // Its file stays; the next daemon looks at it and sees what it is.
                self.forget_failed = true;
                self.shared.news.say(format!("a generation cannot be forgotten: {error}"));
            }
            Err(_) => {}
        }
    }

    /// Reports what was set aside since the last report.
    fn say_asides(&mut self) {
        let (counts, lost) = std::mem::take(&mut self.unsaid);
        let file = shown(self.places.aside.path());
        for (reason, count) in counts {
            let words = reason.words();
            self.shared.news.say(format!("{count} records {words} are set aside in {file}"));
        }
        if lost > 0 {
            let words = "records that were to be set aside cannot be written to";
            self.shared.news.say(format!("{lost} {words} {file} and are lost"));
        }
    }
}

impl Checkpoint {
    /// The checkpoint after this one, still without a batch.
    fn next(&self, shared: &WriterShared) -> Self {
        Self {
            number: self.number.saturating_add(1),
            rings: self.rings.clone(),
            totals: shared.books.totals(),
            generation: shared.names.newest().max(self.generation),
            ..Self::default()
        }
    }
}

fn unread_pipe() -> io::Error {
    io::Error::other("nobody reads this pipe")
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
