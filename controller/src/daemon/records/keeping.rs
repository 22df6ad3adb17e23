//! The tasks that keep records, and what they share with the loop. They start together and end one after
//! the other.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinError, JoinHandle};

use crate::daemon::config::Config;
use crate::daemon::news::News;
use crate::daemon::orders::name_book::NameBook;
use crate::daemon::orders::record_counts::RecordCounts;
use crate::daemon::records::books::Books;
use crate::daemon::records::buffers::BATCHES;
use crate::daemon::records::drain::{Drain, DrainCommand, DrainContext, DrainError};
use crate::daemon::records::health::Health;
use crate::daemon::records::writer::{Places, Writer, WriterShared};
use crate::daemon::vouched::Vouched;
use crate::kernel::Records;

/// How long the daemon waits at its end for an output that takes no records.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is needed to keep records.
#[derive(Debug)]
pub struct KeepingInputs {
    /// What rule numbers stand for.
    pub names: Arc<NameBook>,
    /// When each order was to select.
    pub vouched: Arc<Vouched>,
    /// Where records are counted by order.
    pub counts: Arc<RecordCounts>,
    /// What became of records.
    pub books: Arc<Books>,
    /// Where they are written.
    pub places: Places,
    /// `event.sequence` of the last record that was written.
    pub sequence: u64,
}

/// Drain and writer, not running yet.
pub struct UnstartedKeeping {
    drain: Drain,
    writer: Writer,
    rest: Rest,
}

/// What they share with others.
#[derive(Debug)]
struct Rest {
    health: Arc<Health>,
    books: Arc<Books>,
    news: Arc<News>,
    reopen: Arc<Notify>,
    commands: mpsc::UnboundedSender<DrainCommand>,
}

/// Drain and writer at work.
#[derive(Debug)]
pub struct Keeping {
    drain: JoinHandle<Result<(), DrainError>>,
    writer: JoinHandle<io::Result<()>>,
    rest: Rest,
}

/// Why a task ended before everything was written.
#[derive(Debug, thiserror::Error)]
pub enum KeepingError {
    /// The output takes nothing.
    #[error("the output did not take the last records")]
    Stuck,
    /// Records could not be taken out of the rings.
    #[error(transparent)]
    Drain(#[from] DrainError),
    /// Records could not be written.
    #[error(transparent)]
    Writer(#[from] io::Error),
    /// The task panicked.
    #[error(transparent)]
    Task(#[from] JoinError),
}

impl UnstartedKeeping {
    /// Prepares both, inside a tokio runtime.
    ///
    /// # Errors
    /// Where a ring cannot be waited for.
    pub fn new(
        config: &Config,
        rings: Vec<(String, Records)>,
        inputs: KeepingInputs,
    ) -> io::Result<Self> {
        let KeepingInputs { names, vouched, counts, books, places, sequence } = inputs;
        let (health, news) = (Arc::new(Health::default()), Arc::new(News::default()));
        let reopen = Arc::new(Notify::new());
        let (sender, work) = mpsc::channel(BATCHES);
        let (commands, received) = mpsc::unbounded_channel();
        let context = DrainContext {
            names: Arc::clone(&names),
            vouched,
            health: Arc::clone(&health),
            counts,
        };
        let drain = Drain::new(config, rings, context, sender, received)?.behind(sequence);
        let shared = WriterShared {
            books: Arc::clone(&books),
            health: Arc::clone(&health),
            news: Arc::clone(&news),
            names,
            reopen: Arc::clone(&reopen),
        };
        let writer = Writer::new(work, places, shared);
        Ok(Self { drain, writer, rest: Rest { health, books, news, reopen, commands } })
    }

    /// Starts both.
    pub fn start(self) -> Keeping {
        let Self { drain, writer, rest } = self;
        Keeping { drain: tokio::spawn(drain.run()), writer: tokio::spawn(writer.run()), rest }
    }
}

impl Keeping {
    /// Whether records are kept.
    pub const fn health(&self) -> &Arc<Health> {
        &self.rest.health
    }

    /// What became of records.
    pub const fn books(&self) -> &Arc<Books> {
        &self.rest.books
    }

    /// News for the operator.
    pub const fn news(&self) -> &Arc<News> {
        &self.rest.news
    }

    /// Makes the writer open the output again by its name.
    pub fn reopen(&self) {
        self.rest.reopen.notify_one();
    }

    /// Tells the drain that no packet is judged by an earlier generation any more.
    pub fn forget_before(&self, generation: u32) {
        self.command(DrainCommand::Forget(generation));
    }

    /// Waits until the writer has everything that is in the rings.
    ///
    /// # Errors
    /// [`KeepingError`].
    pub async fn end_drain(&mut self) -> Result<(), KeepingError> {
        self.command(DrainCommand::Finish);
        finish(&mut self.drain, &self.rest.books).await
    }

    /// Waits until the writer has written everything; after [`Self::end_drain`].
    ///
    /// # Errors
    /// [`KeepingError`].
    pub async fn end_writer(&mut self) -> Result<(), KeepingError> {
        finish(&mut self.writer, &self.rest.books).await
    }

    fn command(&self, command: DrainCommand) {
        // If the drain is gone, it has failed and reported why.
        let _ = self.rest.commands.send(command);
    }
}

/// Waits for a task to end, as long as records are being written.
async fn finish<E: Into<KeepingError>>(
    task: &mut JoinHandle<Result<(), E>>,
    books: &Books,
) -> Result<(), KeepingError> {
    loop {
        let before = books.moves();
        match tokio::time::timeout(PATIENCE, &mut *task).await {
            Ok(ended) => return ended?.map_err(Into::into),
            Err(_) if books.moves() == before => {
                // It lets go of what it holds, so that the tasks that wait for that end too.
                task.abort();
                let _ = task.await;
                return Err(KeepingError::Stuck);
            }
            Err(_) => {}
        }
    }
}
