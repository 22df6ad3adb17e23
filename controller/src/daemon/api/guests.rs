//! A bounded number of connections, for any server of the daemon: when all places are taken, the newest
//! guest pushes out the one that has idled longest. So nobody keeps others out by being there first, and
//! the descriptors that servers take are known beforehand. What guests may ask is their host's business.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::daemon::lock::lock;

/// Who is there.
#[derive(Debug)]
pub struct Guests {
    places: Arc<Semaphore>,
    inside: Arc<Mutex<Inside>>,
}

#[derive(Debug, Default)]
struct Inside {
    next: u64,
    /// In the order of arrival.
    seats: BTreeMap<u64, Seat>,
}

#[derive(Debug)]
struct Seat {
    user: Option<u32>,
    /// Waits for an answer, or takes one.
    is_served: bool,
    leave: Arc<Notify>,
}

/// A place among guests, given back when dropped.
#[derive(Debug)]
pub struct Guest {
    number: u64,
    leave: Arc<Notify>,
    inside: Arc<Mutex<Inside>>,
    _place: OwnedSemaphorePermit,
}

impl Guests {
    /// Room for `most` guests.
    pub fn new(most: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(most)), inside: Arc::default() }
    }

    /// A place for a guest of this user, where users are known. If none is free, one of the user who has
    /// most of them must go: the longest idle, or, where all are being served, the longest there. Returns
    /// once that one has gone; `None` where none may be sent away.
    pub async fn admit(&self, user: Option<u32>) -> Option<Guest> {
        let place = if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            place
        } else {
            lock(&self.inside).push_out(user)?;
            Arc::clone(&self.places).acquire_owned().await.ok()?
        };
        let leave = Arc::new(Notify::new());
        let mut inside = lock(&self.inside);
        let number = inside.next;
        inside.next += 1;
        inside.seats.insert(number, Seat { user, is_served: false, leave: Arc::clone(&leave) });
        drop(inside);
        Some(Guest { number, leave, inside: Arc::clone(&self.inside), _place: place })
    }
}

impl Inside {
    /// Sends one guest away, for one of `user` to come in.
    fn push_out(&mut self, user: Option<u32>) -> Option<()> {
        let mut counts = HashMap::from([(user, 1_usize)]);
        for seat in self.seats.values() {
            *counts.entry(seat.user).or_default() += 1;
        }
        let most = counts.values().copied().max()?;
        let greedy = |seat: &Seat| counts.get(&seat.user) == Some(&most);
        // Nobody has more than one: only who asks for nothing goes.
        let may_go = |seat: &Seat| greedy(seat) && (most > 1 || !seat.is_served);
        let (number, _) = (self.seats.iter())
            .filter(|(_, seat)| may_go(seat))
            .min_by_key(|(number, seat)| (seat.is_served, **number))?;
        let seat = self.seats.remove(&number.clone())?;
        seat.leave.notify_one();
        Some(())
    }
}

impl Guest {
    /// Notes whether it waits for an answer, or takes one. Otherwise it idles.
    pub fn is_served(&self, is_served: bool) {
        if let Some(seat) = lock(&self.inside).seats.get_mut(&self.number) {
            seat.is_served = is_served;
        }
    }

    /// Returns once it has to go.
    pub async fn pushed_out(&self) {
        self.leave.notified().await;
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        lock(&self.inside).seats.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Lets one more in, who takes the place of the guest at `index`.
    async fn exchange(guests: &Guests, inside: &mut Vec<Guest>, user: Option<u32>, index: usize) {
        let leaving = inside.remove(index);
        let going = async {
            leaving.pushed_out().await;
            drop(leaving);
        };
        let all = async { tokio::join!(guests.admit(user), going) };
        let (admitted, ()) =
            tokio::time::timeout(Duration::from_secs(10), all).await.expect("the guest goes");
        inside.push(admitted.unwrap());
    }

    #[tokio::test]
    async fn the_newest_pushes_out_whoever_idles_longest() {
        let guests = Guests::new(3);
        let mut inside = Vec::new();
        for _ in 0..3 {
            inside.push(guests.admit(None).await.unwrap());
        }
        inside[0].is_served(true);
        exchange(&guests, &mut inside, None, 1).await;
        inside[1].is_served(true);
        inside[2].is_served(true);
        // All are served: whoever came first.
        exchange(&guests, &mut inside, None, 0).await;
        drop(inside);
        assert_eq!(guests.places.available_permits(), 3);
        assert!(lock(&guests.inside).seats.is_empty());
    }

    #[tokio::test]
    async fn whoever_takes_many_places_pays_for_them() {
        let guests = Guests::new(3);
        let mut inside = Vec::new();
        for user in [1, 2, 2] {
            inside.push(guests.admit(Some(user)).await.unwrap());
        }
        inside[1].is_served(true);
        inside[2].is_served(true);
        exchange(&guests, &mut inside, Some(3), 1).await;
        // One each, of whom one asks for nothing.
        inside[2].is_served(true);
        exchange(&guests, &mut inside, Some(4), 0).await;
        inside[2].is_served(true);
        assert!(guests.admit(Some(5)).await.is_none(), "all are served, none has two");
    }
}
