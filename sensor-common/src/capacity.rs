//! The capacity share (L-CAP): how much 外外 traffic may be inspected under Art. 17, as a token
//! bucket that all CPUs, and all interfaces of a sensor, draw from.
//!
//! Tokens are bytes of frames. The rate is part of the generation ([`header::SHARE`]); the balance outlives
//! it. The algorithm is pure: time and memory come through [`Bucket`].
//!
//! No packet pays for a clock or for a word that other CPUs write:
//!
//! - A CPU draws a portion from the shared [`Store`] with one atomic operation, and spends it from its own
//!   [`Purse`].
//! - A CPU looks at the time only when the kernel's tick has changed since it last looked. It then gives
//!   back the rest in its purse, and fills the store with what has accrued.
//! - A CPU that found the store empty asks again only after the next tick.
//!
//! The promise: in any window of time `T`, at most `rate × (T + 10 ms)` bytes and one packet are taken. Half of the
//! 10 ms is what store and purses hold at most. The other half is what the first filling inside of the window adds
//! for the time before it: as nobody looked at the time since the last one, the store may have been full all along,
//! and emptied only now. A packet is taken whole as long as the balance is above 0. If it is larger than the
//! balance, the balance falls below 0 and later packets wait, so the rate holds at any packet size. With ticks of
//! 4 ms or less (Debian: 250 a second), at least 99 % of the rate is taken where as much is offered. With
//! ticks of 10 ms it is half, as no filling adds more than 5 ms.
//!
//! Not here: which packets are metered ([`crate::decide`]), and where the rate comes from (the
//! controller's compiler).

use core::cell::Cell;

use crate::layout::{header, low};
use crate::tables::Tables;

/// The value of [`header::SHARE`] in a generation without an Art. 17 order: nothing is metered,
/// because no rule can hold for 外外 traffic. 0, in contrast, means that no byte may be taken.
pub const UNMETERED: u64 = u64::MAX;

/// The highest rate, in bytes per second (4.4 Tbit/s), at which no product overflows 64 bits. A higher
/// rate counts as this one, so less is taken.
pub const HIGHEST_RATE: u64 = 1 << 39;

const SECOND: u64 = 1_000_000_000;
/// The most that is ever saved up, and the most that one filling adds, in nanoseconds' worth of the rate: 5 ms each.
/// Together they are the 10 ms of the promise.
const BURST: u64 = 5_000_000;
/// Bursts in a second.
const BURSTS: u64 = SECOND / BURST;

/// All purses together hold one part in this many of a burst; the store holds the rest.
const SLACK: u64 = 16;

/// The port that decides whether a packet may be inspected under Art. 17.
pub trait Meter {
    /// Takes a packet of `length` bytes from the share. `false`: it may not be inspected.
    /// `generation` is the number of the generation that judges the packet, `tables` are its tables.
    fn admit<T: Tables + Copy>(&self, tables: T, generation: u32, length: u32) -> bool;
}

/// The host engine's implementation of the port: a bucket that is always full. A capture is judged as
/// if the share were never used up. A share of 0 admits nothing here either.
pub struct AlwaysFull;

impl Meter for AlwaysFull {
    fn admit<T: Tables + Copy>(&self, tables: T, _: u32, _: u32) -> bool {
        tables.word(header::SHARE) != 0
    }
}

/// Time and memory of a bucket. Where any of them is missing, nothing is admitted.
pub trait Bucket {
    /// See [`Store`].
    type Store: Store;

    /// A counter that goes up at least every 10 ms. Reading it costs next to nothing.
    fn tick(&self) -> u64;

    /// Nanoseconds of a clock that never goes back and is the same for all CPUs. Each CPU reads it at most
    /// once a tick.
    fn now(&self) -> u64;

    /// What all CPUs draw from.
    fn store(&self) -> Option<Self::Store>;

    /// What this CPU has drawn.
    fn purse(&self) -> Option<&Purse>;
}

/// What all CPUs and interfaces draw from: [`STORE_WORDS`] words of memory. Its operations order no other
/// memory access.
pub trait Store {
    /// Reads a word.
    fn load(&self, word: Word) -> u64;

    /// Adds to a word, wrapping, and returns its value before. Atomic.
    fn fetch_add(&self, word: Word, amount: u64) -> u64;

    /// Replaces a word if it is `old`, and returns whether it was. Atomic.
    fn replace(&self, word: Word, old: u64, new: u64) -> bool;
}

/// The words of a [`Store`], by position.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Word {
    /// Bytes that may be taken. Negative (two's complement): bytes taken in excess.
    Balance = 0,
    /// The time up to which the balance has been filled.
    Filled = 1,
    /// How many purses draw from the store at most. 0: not known yet, so nothing is given.
    Purses = 2,
}

/// 64-bit words of a [`Store`]: a cache line.
pub const STORE_WORDS: usize = 8;

/// An empty store for this many purses.
pub const fn empty_store(purses: u64) -> [u64; STORE_WORDS] {
    [0, 0, purses, 0, 0, 0, 0, 0]
}

/// A store that holds more than it ever fills itself with: enough for the next packet at any rate.
pub const fn full_store(purses: u64) -> [u64; STORE_WORDS] {
    [1 << 62, 0, purses, 0, 0, 0, 0, 0]
}

/// 64-bit words of a [`Purse`].
pub const PURSE_WORDS: usize = 4;

/// What one CPU has drawn for one interface. Only that CPU writes it.
#[repr(C)]
#[derive(Debug, Default)]
pub struct Purse {
    /// When the purse was last filled: the tick in the upper half, the generation in the lower.
    moment: Cell<u64>,
    /// Bytes left.
    left: Cell<u64>,
    /// See [`state`].
    state: Cell<u64>,
    reserved: Cell<u64>,
}

const _: () = assert!(size_of::<Purse>() == 8 * PURSE_WORDS);

/// The states of a [`Purse`].
mod state {
    /// More may be drawn.
    pub(super) const DRAWING: u64 = 0;
    /// The store was empty. Nothing can be drawn before the next tick.
    pub(super) const DRY: u64 = 1;
    /// Nothing is metered. The bytes left were not drawn from the store.
    pub(super) const UNMETERED: u64 = 2;
}

/// Whether a packet of `length` bytes is admitted. The fast path reads a tick and three words of this CPU.
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

/// The slow path of [`admit`]: a new tick or generation, or an empty purse. Out of line.
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
        // What was drawn under another share is not given back: it may exceed this share's burst.
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
    // At least the packet, so that the store has all debts.
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

/// A rate and what follows from it.
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
        // All purses and the store together hold one burst.
        let portion = (burst / SLACK).checked_div(purses)?;
        let most = burst.wrapping_sub(burst / SLACK);
        // With less than a byte in a burst, the store must hold one byte for anything to be taken.
        if rate == 0 { None } else { Some(Self { rate, most: most.max(1), portion }) }
    }
}

/// Takes this many bytes if any may be taken. The balance may fall below 0, once.
#[inline(always)]
fn take(store: &impl Store, bytes: u64) -> bool {
    if store.load(Word::Balance).cast_signed() <= 0 {
        return false;
    }
    if store.fetch_add(Word::Balance, bytes.wrapping_neg()).cast_signed() > 0 {
        return true;
    }
    // Another CPU took the last byte in between.
    store.fetch_add(Word::Balance, bytes);
    false
}

/// Adds what has accrued up to `now`, at most a burst.
#[inline(always)]
fn fill(store: &impl Store, terms: &Terms, now: u64) {
    let before = store.load(Word::Filled);
    // More than a burst cannot be saved up. A rate of less than a byte in a burst needs up to a second to
    // give a byte. Either way the product is below 2^63: see `HIGHEST_RATE`.
    let longest = if terms.rate < BURSTS { SECOND } else { BURST };
    let accrued = now.saturating_sub(before).min(longest).wrapping_mul(terms.rate);
    let bytes = accrued / SECOND;
    if bytes == 0 {
        return;
    }
    // A fraction of a byte stays on the clock.
    let rest = (accrued % SECOND).checked_div(terms.rate).unwrap_or(0);
    // Each span of time is added once: by the CPU that moves the clock past it.
    if store.replace(Word::Filled, before, now.wrapping_sub(rest)) {
        add(store, bytes, terms.most);
    }
}

/// Adds bytes up to what the store may hold.
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
    // Each CPU takes back only what it added itself, so that no two take back the same.
    let own = over.unsigned_abs().min(bytes);
    store.fetch_add(Word::Balance, own.wrapping_neg());
    if over.unsigned_abs() > bytes {
        // The store held too much before, as the share has been lowered. If another CPU draws at this
        // moment, the next addition does this.
        store.replace(Word::Balance, held, most);
    }
}

#[cfg(test)]
mod tests;
