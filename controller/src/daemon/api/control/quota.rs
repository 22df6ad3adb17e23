//! How much of the daemon one user can take: a few requests at a time and one document, and all users
//! together one document that is being examined. A halt waits for none of this before the kernel is closed.
//!
//! Every request that waits in the daemon's loop holds a permit, so their number is bounded too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::daemon::lock::lock;

/// Requests of one user that are served at once, and halts of one user that are written down at once;
/// others wait.
const REQUESTS: usize = 4;

/// A part of a quota, given back when dropped.
pub(super) type QuotaPermit = Option<OwnedSemaphorePermit>;

/// The quotas of all users.
#[derive(Debug)]
pub(super) struct Quotas {
    users: Mutex<HashMap<Option<u32>, Quota>>,
    documents: Arc<Semaphore>,
}

/// The quota of one user.
#[derive(Clone, Debug)]
pub(super) struct Quota {
    requests: Arc<Semaphore>,
    halts: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
    /// Shared by all users.
    documents: Arc<Semaphore>,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { users: Mutex::default(), documents: Arc::new(Semaphore::new(1)) }
    }
}

impl Quotas {
    /// The quota of this user.
    pub(super) fn of(&self, user: Option<u32>) -> Quota {
        let mut users = lock(&self.users);
        users.retain(|_, quota| quota.is_in_use());
        let quota = || Quota {
            requests: Arc::new(Semaphore::new(REQUESTS)),
            halts: Arc::new(Semaphore::new(REQUESTS)),
            uploads: Arc::new(Semaphore::new(1)),
            documents: Arc::clone(&self.documents),
        };
        users.entry(user).or_insert_with(quota).clone()
    }
}

impl Quota {
    /// Whether a connection or a permit still refers to it.
    fn is_in_use(&self) -> bool {
        [&self.requests, &self.halts, &self.uploads].iter().any(|part| Arc::strong_count(part) > 1)
    }

    /// For any request but a halt.
    pub(super) async fn request(&self) -> QuotaPermit {
        take(&self.requests).await
    }

    /// For a halt that is to be written down.
    pub(super) async fn halt(&self) -> QuotaPermit {
        take(&self.halts).await
    }

    /// For a document that is to be received and kept in memory.
    pub(super) async fn upload(&self) -> QuotaPermit {
        take(&self.uploads).await
    }

    /// For a document that is to be examined, which takes as much memory again.
    pub(super) async fn document(&self) -> QuotaPermit {
        take(&self.documents).await
    }
}

async fn take(part: &Arc<Semaphore>) -> QuotaPermit {
    // `None` would mean that the semaphore was closed, which never happens.
    Arc::clone(part).acquire_owned().await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_user_has_a_few_permits_and_gets_no_more_by_leaving() {
        let quotas = Quotas::default();
        let mut held = Vec::new();
        for _ in 0..REQUESTS {
            held.push(quotas.of(Some(1)).request().await);
        }
        assert_eq!(quotas.of(Some(1)).requests.available_permits(), 0);
        assert_eq!(quotas.of(Some(2)).requests.available_permits(), REQUESTS);
        assert!(quotas.of(Some(1)).halt().await.is_some());
        drop(held);
        assert_eq!(quotas.of(Some(1)).requests.available_permits(), REQUESTS);
        drop(quotas.of(Some(2)));
        assert_eq!(lock(&quotas.users).len(), 1, "quotas that nobody uses are forgotten");
    }
}
