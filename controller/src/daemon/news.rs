//! News from the other tasks for the person who started the daemon. The loop tells it.

use std::sync::Mutex;

use tokio::sync::Notify;

use crate::daemon::lock::lock;

/// Lines that were not told yet.
#[derive(Debug, Default)]
pub struct News {
    lines: Mutex<Vec<String>>,
    some: Notify,
}

impl News {
    /// Adds a line.
    pub fn say(&self, line: impl Into<String>) {
        lock(&self.lines).push(line.into());
        self.some.notify_one();
    }

    /// Takes the lines that have come since the last call.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.lines))
    }

    /// Waits until there is a line. To be awaited in one place only.
    pub async fn some(&self) {
        while lock(&self.lines).is_empty() {
            self.some.notified().await;
        }
    }
}
