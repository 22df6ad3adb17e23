//! What tasks beside the loop have to say to the person who started the daemon. The loop says it.

use std::sync::Mutex;

use tokio::sync::Notify;

use crate::daemon::lock::lock;

/// Lines that were not said yet.
#[derive(Debug, Default)]
pub struct News {
    lines: Mutex<Vec<String>>,
    some: Notify,
}

impl News {
    /// Something to be said.
    pub fn say(&self, line: impl Into<String>) {
        lock(&self.lines).push(line.into());
        self.some.notify_one();
    }

    /// What has come since the last call.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.lines))
    }

    /// Waits until there is something. To be awaited in one place.
    pub async fn some(&self) {
        while lock(&self.lines).is_empty() {
            self.some.notified().await;
        }
    }
}
