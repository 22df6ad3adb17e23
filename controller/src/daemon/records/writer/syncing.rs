//! Syncs what was written, on a thread of its own.

use std::fs::File;
use std::io;
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::Writer;
use super::trouble::TroubleKind;
use crate::daemon::records::output::OpenOutput;

impl Writer {
    /// Begins to sync, in the background, what was written so far.
    pub(super) fn begin_sync(&mut self) {
        let output = self.places.open_output.as_ref().and_then(OpenOutput::durable).map(Arc::clone);
        let aside = self.places.aside.take_dirty();
        self.sync = Some(tokio::task::spawn_blocking(move || bring(output, aside)));
        self.dirty = false;
    }

    /// Waits until all that was written is on the disk.
    pub(super) async fn bring_to_disk(&mut self) {
        if self.sync.is_some() {
            let done = join(&mut self.sync).await;
            self.synced(done);
        }
        self.begin_sync();
        let done = join(&mut self.sync).await;
        self.synced(done);
    }

    /// Takes note of how a sync ended.
    pub(super) fn synced(&mut self, done: io::Result<()>) {
        self.sync = None;
        match done {
            Ok(()) => self.is_well(TroubleKind::Syncing),
            Err(error) => {
                self.dirty = true;
                self.is_wrong(TroubleKind::Syncing, &error);
            }
        }
    }
}

/// Brings what was written to the disk.
fn bring(output: Option<Arc<File>>, aside: Option<File>) -> io::Result<()> {
    let output = output.map_or(Ok(()), |file| file.sync_data());
    output.and(aside.map_or(Ok(()), |file| file.sync_data()))
}

/// Waits for a sync, if one has begun.
pub(super) async fn join(task: &mut Option<JoinHandle<io::Result<()>>>) -> io::Result<()> {
    match task {
        Some(task) => task.await.map_err(io::Error::other)?,
        None => Ok(()),
    }
}
