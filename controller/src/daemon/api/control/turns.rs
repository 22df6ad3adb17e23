//! How much of the daemon one user can take: a few requests at a time, one document, and all users
//! together one document that is examined. A halt waits for none of this before the kernel is closed.
//!
//! Every request that waits in the daemon's loop holds a turn, so their number is bounded too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::daemon::lock::lock;

/// Requests of one user that are served at once, and halts of one user that are written down at once;
/// others wait.
const REQUESTS: usize = 4;

/// A turn, given back when dropped.
pub(super) type Held = Option<OwnedSemaphorePermit>;

/// The turns of all users.
#[derive(Debug)]
pub(super) struct Turns {
    users: Mutex<HashMap<Option<u32>, Turn>>,
    documents: Arc<Semaphore>,
}

/// The turns of one user.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    requests: Arc<Semaphore>,
    halts: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
    documents: Arc<Semaphore>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { users: Mutex::default(), documents: Arc::new(Semaphore::new(1)) }
    }
}

impl Turns {
    /// Those of this user.
    pub(super) fn of(&self, user: Option<u32>) -> Turn {
        let mut users = lock(&self.users);
        // Nobody is left who holds or wants one of them.
        users.retain(|_, turn| turn.is_wanted());
        let turn = || Turn {
            requests: Arc::new(Semaphore::new(REQUESTS)),
            halts: Arc::new(Semaphore::new(REQUESTS)),
            uploads: Arc::new(Semaphore::new(1)),
            documents: Arc::clone(&self.documents),
        };
        users.entry(user).or_insert_with(turn).clone()
    }
}

impl Turn {
    fn is_wanted(&self) -> bool {
        [&self.requests, &self.halts, &self.uploads].iter().any(|turn| Arc::strong_count(turn) > 1)
    }

    /// For any request but a halt.
    pub(super) async fn request(&self) -> Held {
        take(&self.requests).await
    }

    /// For a halt that is to be written down.
    pub(super) async fn halt(&self) -> Held {
        take(&self.halts).await
    }

    /// For a document that is to be received and kept in memory.
    pub(super) async fn upload(&self) -> Held {
        take(&self.uploads).await
    }

    /// For a document that is to be examined, which takes as much memory again.
    pub(super) async fn document(&self) -> Held {
        take(&self.documents).await
    }
}

async fn take(turns: &Arc<Semaphore>) -> Held {
    // `None` would mean that somebody closed it, which nobody does.
    Arc::clone(turns).acquire_owned().await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_user_has_a_few_turns_and_gets_no_more_by_going() {
        let turns = Turns::default();
        let mut held = Vec::new();
        for _ in 0..REQUESTS {
            held.push(turns.of(Some(1)).request().await);
        }
        assert_eq!(turns.of(Some(1)).requests.available_permits(), 0);
        assert_eq!(turns.of(Some(2)).requests.available_permits(), REQUESTS);
        assert!(turns.of(Some(1)).halt().await.is_some());
        drop(held);
        assert_eq!(turns.of(Some(1)).requests.available_permits(), REQUESTS);
        drop(turns.of(Some(2)));
        assert_eq!(lock(&turns.users).len(), 1, "those that nobody wants are forgotten");
    }
}
