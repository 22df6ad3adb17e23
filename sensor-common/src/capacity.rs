//! The capacity share (L-CAP): how much 外外 traffic may be inspected under Art. 17, as a token
//! bucket that all CPUs, and all interfaces of a sensor, draw from.
//!
//! Tokens are bytes of frames, as the program sees them. The rate comes with the generation
//! ([`header::SHARE`]), the balance outlives it. The algorithm is here and pure; the kernel gives it
//! time and memory through [`Bucket`].
//!
//! No packet pays for a clock or for a word that other CPUs write:
//!
//! - A CPU draws a portion from the shared [`Store`] by one atomic and spends it from its own
//!   [`Purse`].
//! - Time is looked at only when the kernel's tick has changed since the CPU last asked. Then it
//!   gives back what is left in its purse, and fills the store with what has accrued.
//! - A CPU that found the store empty asks again only after the next tick.
//!
//! What is promised: in any window of time `T`, at most `rate × (T + 10 ms)` bytes and one packet
//! are taken. A packet is taken whole while the balance is above 0; what it takes too much is a debt
//! that the next ones wait for, so the rate holds at any packet size. With ticks of 4 ms or less
//! (Debian: 250 a second), at least 99 % of the rate is taken where as much is offered. With ticks
//! of 10 ms it is less: the store holds no more than 10 ms.
//!
//! Not here: which packets this is asked for ([`crate::decide`]), and where the rate comes from
//! (the controller's compiler).

use core::cell::Cell;

use crate::layout::{header, low};
use crate::tables::Tables;

/// The value of [`header::SHARE`] in a generation without an Art. 17 order: nothing is metered,
/// because no rule can hold for 外外 traffic. 0 means what it says: no byte may be taken.
pub const UNMETERED: u64 = u64::MAX;

/// The highest rate, in bytes per second (4.4 Tbit/s): what is filled in at once still fits into 64
/// bits on the way. A higher one counts as this one, which takes less.
pub const HIGHEST_RATE: u64 = 1 << 39;

const SECOND: u64 = 1_000_000_000;
/// The most that is ever saved up: 10 ms worth, in nanoseconds.
const BURST: u64 = 10_000_000;
/// How many bursts there are in a second.
const BURSTS: u64 = SECOND / BURST;

/// The part of a burst that all purses together may hold is one out of so many; the store holds
/// the others.
const SLACK: u64 = 16;

/// Decides whether a packet may be inspected under Art. 17.
pub trait Meter {
    /// Whether a packet of `length` bytes may be inspected; if so, it is taken from the share.
    /// `generation` is the number of the generation that judges it, `tables` are its tables.
    fn admit<T: Tables + Copy>(&self, tables: T, generation: u32, length: u32) -> bool;
}

/// The host engine's implementation of the port: a bucket that is always full. A capture is judged as
/// if the share were never used up; one of 0 admits nothing here either.
pub struct AlwaysFull;

impl Meter for AlwaysFull {
    fn admit<T: Tables + Copy>(&self, tables: T, _: u32, _: u32) -> bool {
        tables.word(header::SHARE) != 0
    }
}

/// Time and memory of a bucket. Where a part of it is missing, nothing is admitted.
pub trait Bucket {
    /// See [`Store`].
    type Store: Store;

    /// A counter that goes up as time passes, at least every 10 ms, and costs next to nothing.
    fn tick(&self) -> u64;

    /// A clock in nanoseconds that never goes back, the same for all CPUs. Asked for at most once
    /// for each CPU and tick.
    fn now(&self) -> u64;

    /// What all CPUs draw from.
    fn store(&self) -> Option<Self::Store>;

    /// What this CPU has drawn.
    fn purse(&self) -> Option<&Purse>;
}

/// What all CPUs and interfaces draw from: [`STORE_WORDS`] words of memory. No operation orders any
/// other memory.
pub trait Store {
    /// Reads a word.
    fn load(&self, word: Word) -> u64;

    /// Adds to a word, wrapping, and returns what it was before, in one step.
    fn fetch_add(&self, word: Word, amount: u64) -> u64;

    /// Replaces a word if it is `old`, in one step; returns whether it was.
    fn replace(&self, word: Word, old: u64, new: u64) -> bool;
}

/// The words of a [`Store`], by position.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Word {
    /// Bytes that may be taken; a negative number (two's complement) are bytes taken too much.
    Balance = 0,
    /// The time up to which the balance has been filled.
    Filled = 1,
    /// How many purses draw from the store, or more. 0: nobody has said, and nothing is given.
    Purses = 2,
}

/// 64-bit words of a [`Store`]: a cache line.
pub const STORE_WORDS: usize = 8;

/// An empty store for so many purses.
pub const fn empty_store(purses: u64) -> [u64; STORE_WORDS] {
    [0, 0, purses, 0, 0, 0, 0, 0]
}

/// A store that holds more than any does by itself: enough for the next packet, whatever the rate.
pub const fn full_store(purses: u64) -> [u64; STORE_WORDS] {
    [1 << 62, 0, purses, 0, 0, 0, 0, 0]
}

/// 64-bit words of a [`Purse`].
pub const PURSE_WORDS: usize = 4;

/// What one CPU has drawn for one interface. Nobody else writes it.
#[repr(C)]
#[derive(Debug, Default)]
pub struct Purse {
    /// The tick in the upper half and the generation in the lower: what the rest is good for.
    moment: Cell<u64>,
    /// Bytes left.
    left: Cell<u64>,
    /// See [`state`].
    state: Cell<u64>,
    reserved: Cell<u64>,
}

const _: () = assert!(size_of::<Purse>() == 8 * PURSE_WORDS);

/// What is to be known of a [`Purse`] besides its bytes.
mod state {
    /// More may be drawn.
    pub(super) const DRAWING: u64 = 0;
    /// The store was empty: nothing can be drawn before the next tick.
    pub(super) const DRY: u64 = 1;
    /// Nothing is metered: what is left was not drawn from the store.
    pub(super) const UNMETERED: u64 = 2;
}

/// Admits a packet of `length` bytes, or does not. The fast path: a tick, three words of this CPU.
#[inline(always)]
pub fn admit<B: Bucket, T: Tables + Copy>(
    bucket: &B,
    tables: T,
    generation: u32,
    length: u32,
) -> bool {
    let Some(purse) = bucket.purse() else { return false };
    let moment = bucket.tick() << 32 | u64::from(generation);
    let length = u64::from(length);
    if purse.moment.get() == moment {
        let left = purse.left.get();
        if left >= length {
            purse.left.set(left.wrapping_sub(length));
            return true;
        }
        if purse.state.get() == state::DRY {
            return false;
        }
    }
    draw(bucket, tables, purse, moment, length)
}

/// The rest of [`admit`]: a new tick or generation, or an empty purse. Out of line.
#[inline(never)]
fn draw<B: Bucket, T: Tables + Copy>(
    bucket: &B,
    tables: T,
    purse: &Purse,
    moment: u64,
    length: u64,
) -> bool {
    let Some(store) = bucket.store() else { return false };
    let share = tables.word(header::SHARE);
    let Some(terms) = Terms::of(share, store.load(Word::Purses)) else { return false };
    let before = purse.moment.get();
    if before != moment {
        // What was drawn under another share is not given back: it may be more than this one's burst.
        if low(before) == low(moment) && purse.state.get() != state::UNMETERED {
            add(&store, purse.left.get(), terms.most);
        }
        purse.moment.set(moment);
        purse.left.set(0);
        purse.state.set(state::DRAWING);
        if terms.rate == UNMETERED {
            purse.left.set(i64::MAX.unsigned_abs());
            purse.state.set(state::UNMETERED);
        } else {
            fill(&store, &terms, bucket.now());
        }
    }
    // At least the packet, so that all debts are the store's.
    let held = terms.portion.max(length);
    let left = purse.left.get();
    if left < length {
        if !take(&store, held.wrapping_sub(left)) {
            purse.state.set(state::DRY);
            return false;
        }
        purse.left.set(held);
    }
    purse.left.set(purse.left.get().wrapping_sub(length));
    true
}

/// What follows from a rate.
#[derive(Clone, Copy, Debug)]
struct Terms {
    /// Bytes per second, or [`UNMETERED`].
    rate: u64,
    /// The most that the store holds, in bytes.
    most: u64,
    /// What a purse is filled up to, in bytes.
    portion: u64,
}

impl Terms {
    /// `None` where nothing may be taken.
    #[inline(always)]
    fn of(rate: u64, purses: u64) -> Option<Self> {
        if rate == UNMETERED {
            return Some(Self { rate, most: 0, portion: 0 });
        }
        let rate = rate.min(HIGHEST_RATE);
        let burst = rate / BURSTS;
        // What all purses hold and what the store holds are one burst together.
        let portion = (burst / SLACK).checked_div(purses)?;
        let most = burst.wrapping_sub(burst / SLACK);
        // With less than a byte in a burst, one byte is what makes the rate hold.
        if rate == 0 { None } else { Some(Self { rate, most: most.max(1), portion }) }
    }
}

/// Takes so many bytes if any may be taken: the balance may fall below 0, once.
#[inline(always)]
fn take(store: &impl Store, bytes: u64) -> bool {
    if store.load(Word::Balance).cast_signed() <= 0 {
        return false;
    }
    if store.fetch_add(Word::Balance, bytes.wrapping_neg()).cast_signed() > 0 {
        return true;
    }
    // Another CPU took the last of it in between.
    store.fetch_add(Word::Balance, bytes);
    false
}

/// Adds what has accrued up to `now`, at most a burst.
#[inline(always)]
fn fill(store: &impl Store, terms: &Terms, now: u64) {
    let before = store.load(Word::Filled);
    // Longer than a burst makes no difference, but for a rate of less than a byte in it. Either way
    // the product is below 2^63: see `HIGHEST_RATE`.
    let longest = if terms.rate < BURSTS { SECOND } else { BURST };
    let accrued = now.saturating_sub(before).min(longest).wrapping_mul(terms.rate);
    let bytes = accrued / SECOND;
    if bytes == 0 {
        return;
    }
    // What is less than a byte stays on the clock.
    let rest = (accrued % SECOND).checked_div(terms.rate).unwrap_or(0);
    // Each span of time is added once, by the CPU that moves the clock over it.
    if store.replace(Word::Filled, before, now.wrapping_sub(rest)) {
        add(store, bytes, terms.most);
    }
}

/// Adds bytes, as far as the store may hold them.
#[inline(always)]
fn add(store: &impl Store, bytes: u64, most: u64) {
    if bytes == 0 {
        return;
    }
    let held = store.fetch_add(Word::Balance, bytes);
    let over = held.wrapping_add(bytes).wrapping_sub(most).cast_signed();
    if over <= 0 {
        return;
    }
    // Each CPU takes back of its own only, so that no two take back the same.
    let own = over.unsigned_abs().min(bytes);
    store.fetch_add(Word::Balance, own.wrapping_neg());
    if over.unsigned_abs() > bytes {
        // It held too much before: the share is lower than it was. If another CPU draws just now,
        // whoever adds next does this.
        store.replace(Word::Balance, held, most);
    }
}

#[cfg(test)]
mod tests;
