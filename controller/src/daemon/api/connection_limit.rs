//! A bounded number of connections, for any server of the daemon. When all places are taken, the newest
//! connection takes the place of the one that has idled longest. So nobody keeps others out by being there
//! first, and the number of descriptors that servers use is known beforehand.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::daemon::lock::lock;

/// How long a server waits when no connection can be accepted: others must close their descriptors first.
pub const PAUSE: Duration = Duration::from_millis(100);

/// How many connections there may be, and which there are.
#[derive(Debug)]
pub struct ConnectionLimit {
    places: Arc<Semaphore>,
    connections: Arc<Mutex<Connections>>,
}

#[derive(Debug, Default)]
struct Connections {
    next_number: u64,
    /// In the order of arrival.
    by_number: BTreeMap<u64, Connection>,
}

#[derive(Debug)]
struct Connection {
    user: Option<u32>,
    /// It waits for an answer, or takes one.
    is_served: bool,
    revocation: Arc<Notify>,
}

/// The place of one connection, given back when dropped.
#[derive(Debug)]
pub struct ConnectionPermit {
    number: u64,
    revocation: Arc<Notify>,
    connections: Arc<Mutex<Connections>>,
    _place: OwnedSemaphorePermit,
}

impl ConnectionLimit {
    /// Room for `most` connections.
    pub fn new(most: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(most)), connections: Arc::default() }
    }

    /// A place for a connection of this user, where users are known. If none is free, the user with the most
    /// connections loses one: the one that has idled longest or, if all are being served, the oldest.
    /// Returns once that one has gone; `None` if none may be closed.
    pub async fn admit(&self, user: Option<u32>) -> Option<ConnectionPermit> {
        let place = if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            place
        } else {
            lock(&self.connections).revoke_one(user)?;
            Arc::clone(&self.places).acquire_owned().await.ok()?
        };
        let revocation = Arc::new(Notify::new());
        let mut connections = lock(&self.connections);
        let number = connections.next_number;
        connections.next_number += 1;
        let connection = Connection { user, is_served: false, revocation: Arc::clone(&revocation) };
        connections.by_number.insert(number, connection);
        drop(connections);
        let connections = Arc::clone(&self.connections);
        Some(ConnectionPermit { number, revocation, connections, _place: place })
    }
}

impl Connections {
    /// Revokes one permit, so that a connection of `user` can come in.
    fn revoke_one(&mut self, user: Option<u32>) -> Option<()> {
        let mut counts = HashMap::from([(user, 1_usize)]);
        for connection in self.by_number.values() {
            *counts.entry(connection.user).or_default() += 1;
        }
        let most = counts.values().copied().max()?;
        let greedy = |connection: &Connection| counts.get(&connection.user) == Some(&most);
        // If nobody has more than one, only an idle connection is closed.
        let may_go =
            |connection: &Connection| greedy(connection) && (most > 1 || !connection.is_served);
        let (number, _) = (self.by_number.iter())
            .filter(|(_, connection)| may_go(connection))
            .min_by_key(|(number, connection)| (connection.is_served, **number))?;
        let connection = self.by_number.remove(&number.clone())?;
        connection.revocation.notify_one();
        Some(())
    }
}

impl ConnectionPermit {
    /// Notes whether the client waits for an answer, or takes one. Otherwise it idles.
    pub fn is_served(&self, is_served: bool) {
        if let Some(connection) = lock(&self.connections).by_number.get_mut(&self.number) {
            connection.is_served = is_served;
        }
    }

    /// Returns once the connection has to be closed.
    pub async fn revoked(&self) {
        self.revocation.notified().await;
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        lock(&self.connections).by_number.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Lets one more in, which takes the place of the connection at `index`.
    async fn exchange(
        limit: &ConnectionLimit,
        permits: &mut Vec<ConnectionPermit>,
        user: Option<u32>,
        index: usize,
    ) {
        let leaving = permits.remove(index);
        let going = async {
            leaving.revoked().await;
            drop(leaving);
        };
        let all = async { tokio::join!(limit.admit(user), going) };
        let (admitted, ()) =
            tokio::time::timeout(Duration::from_secs(10), all).await.expect("the connection goes");
        permits.push(admitted.unwrap());
    }

    #[tokio::test]
    async fn the_newest_takes_the_place_of_the_one_that_idles_longest() {
        let limit = ConnectionLimit::new(3);
        let mut permits = Vec::new();
        for _ in 0..3 {
            permits.push(limit.admit(None).await.unwrap());
        }
        permits[0].is_served(true);
        exchange(&limit, &mut permits, None, 1).await;
        permits[1].is_served(true);
        permits[2].is_served(true);
        // All are served: the oldest goes.
        exchange(&limit, &mut permits, None, 0).await;
        drop(permits);
        assert_eq!(limit.places.available_permits(), 3);
        assert!(lock(&limit.connections).by_number.is_empty());
    }

    #[tokio::test]
    async fn a_user_with_many_connections_loses_one() {
        let limit = ConnectionLimit::new(3);
        let mut permits = Vec::new();
        for user in [1, 2, 2] {
            permits.push(limit.admit(Some(user)).await.unwrap());
        }
        permits[1].is_served(true);
        permits[2].is_served(true);
        exchange(&limit, &mut permits, Some(3), 1).await;
        // One each, and one of them idles.
        permits[2].is_served(true);
        exchange(&limit, &mut permits, Some(4), 0).await;
        permits[2].is_served(true);
        assert!(limit.admit(Some(5)).await.is_none(), "all are served, none has two");
    }
}
