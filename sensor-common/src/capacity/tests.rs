//! Simulated time, ticks and CPUs; every promise of the module's header is checked.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::layout::halves;
use crate::tables::Line;

/// Generation number and rate, as tables.
fn tables(rate: u64) -> [Line; 4] {
    let mut lines = [[0; 8]; 4];
    lines[(header::SHARE >> 3) as usize][(header::SHARE & 7) as usize] = rate;
    lines[0][header::IDENTITY as usize] = halves(1, crate::layout::VERSION);
    lines
}

type Memory = [AtomicU64; STORE_WORDS];

fn memory(words: [u64; STORE_WORDS]) -> Memory {
    words.map(AtomicU64::new)
}

impl Store for &Memory {
    fn load(&self, word: Word) -> u64 {
        self[word as usize].load(Relaxed)
    }
    fn fetch_add(&self, word: Word, amount: u64) -> u64 {
        self[word as usize].fetch_add(amount, Relaxed)
    }
    fn replace(&self, word: Word, old: u64, new: u64) -> bool {
        self[word as usize].compare_exchange(old, new, Relaxed, Relaxed).is_ok()
    }
}

/// One CPU's view of a simulated machine.
struct Cpu<'a> {
    now: u64,
    /// Nanoseconds between two ticks.
    tick: u64,
    store: Option<&'a Memory>,
    purse: Option<&'a Purse>,
    reads: &'a Cell<u64>,
}

impl<'a> Bucket for Cpu<'a> {
    type Store = &'a Memory;

    fn tick(&self) -> u64 {
        self.now / self.tick
    }
    fn now(&self) -> u64 {
        self.reads.set(self.reads.get() + 1);
        self.now
    }
    fn store(&self) -> Option<&'a Memory> {
        self.store
    }
    fn purse(&self) -> Option<&Purse> {
        self.purse
    }
}

/// A machine with some CPUs, in simulated time.
struct Machine {
    store: Memory,
    purses: Vec<Purse>,
    now: u64,
    tick: u64,
    generation: u32,
    rate: u64,
    clock_reads: Cell<u64>,
}

impl Machine {
    fn new(cpus: usize, hertz: u64, rate: u64) -> Self {
        Self {
            store: memory(empty_store(cpus as u64)),
            purses: (0..cpus).map(|_| Purse::default()).collect(),
            // A machine that has been up for a day and a bit of a tick.
            now: 86_400 * SECOND + 1_234_567,
            tick: SECOND / hertz,
            generation: 1,
            rate,
            clock_reads: Cell::new(0),
        }
    }

    fn offer(&self, cpu: usize, length: u32) -> bool {
        let bucket = Cpu {
            now: self.now,
            tick: self.tick,
            store: Some(&self.store),
            purse: Some(&self.purses[cpu]),
            reads: &self.clock_reads,
        };
        admit(&bucket, tables(self.rate).as_slice(), self.generation, length)
    }
}

/// The most bytes above `rate × T` that were taken in any window of time `T`; the argument is the
/// time and the length of each packet taken.
fn largest_burst(taken: &[(u64, u32)], rate: u64) -> i128 {
    let (mut sum, mut lowest, mut largest) = (0_i128, i128::MAX, 0);
    for (time, length) in taken {
        // In billionths of a byte. The window starts just before this packet, or an earlier one.
        let level = sum - i128::from(*time) * i128::from(rate);
        lowest = lowest.min(level);
        sum += i128::from(*length) * i128::from(SECOND);
        largest = largest.max(sum - i128::from(*time) * i128::from(rate) - lowest);
    }
    largest / i128::from(SECOND)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any CPU, any pause, any length: never more than the rate, 10 ms and one packet.
    #[test]
    fn no_window_of_time_takes_more_than_the_rate_and_a_burst(
        cpus in 1_usize..9,
        hertz in prop::sample::select(std::vec![100_u64, 250, 300, 1_000]),
        rate in prop::sample::select(std::vec![1, 99, 12_500, 999_999, 37_500_000, 3_750_000_000]),
        longest in prop::sample::select(std::vec![64_u32, 1_514, 9_018, 65_535]),
        // Pauses are short for a while, then long, then short again.
        packets in prop::collection::vec((0_usize..8, 0_u64..1_000, 0_u64..1_000), 1..3_000),
    ) {
        let mut machine = Machine::new(cpus, hertz, rate);
        let mut taken = Vec::new();
        for (number, (cpu, pause, length)) in packets.into_iter().enumerate() {
            let scale = [1_000, 100, 50_000][number / 700 % 3];
            machine.now += pause * scale;
            let length = u32::try_from(length).unwrap() * longest / 1_000 + 14;
            if machine.offer(cpu % cpus, length) {
                taken.push((machine.now, length));
            }
        }
        let most = i128::from(rate / 100) + i128::from(longest) + 14 + 1;
        let burst = largest_burst(&taken, rate);
        prop_assert!(burst <= most, "{burst} bytes, at most {most}");
    }

    /// Where more is offered, on however many CPUs, at least 99 % of the rate is taken in every
    /// second, and at most 101 %.
    #[test]
    fn the_rate_is_used_to_within_one_percent(
        cpus in 1_usize..9,
        hertz in prop::sample::select(std::vec![250_u64, 1_000]),
        rate in prop::sample::select(std::vec![1_000_000, 37_500_000, 375_000_000]),
        length in prop::sample::select(std::vec![64_u32, 512, 1_514, 9_000]),
        offered in 2_u64..5,
        phase in 0_u64..10_000_000,
    ) {
        // A packet must be below 1 % of a second's worth for that to be possible.
        prop_assume!(u64::from(length) * 200 < rate);
        let mut machine = Machine::new(cpus, hertz, rate);
        machine.now += phase;
        let between = (u64::from(length) * SECOND / (rate * offered)).max(1);
        // At most 150,000 packets a case: with small ones the second is cut short.
        let duration = SECOND.min(between * 150_000);
        let (start, mut bytes, mut number) = (machine.now, 0, 0);
        while machine.now - start < duration {
            if machine.offer(number % cpus, length) {
                bytes += u64::from(length);
            }
            number += 1;
            machine.now += between;
        }
        let share = u128::from(rate) * u128::from(duration) / u128::from(SECOND);
        let burst = u128::from(rate / 100) + u128::from(length);
        let bytes = u128::from(bytes);
        // The store was full at the start: that is the burst. What a second is cut short by it
        // weighs more, so the lower bound counts the last tick as lost.
        let tick = u128::from(rate) / u128::from(hertz);
        prop_assert!(bytes <= share + burst, "{bytes} of {share}");
        prop_assert!(bytes + tick >= share, "{bytes} of {share}");
        if duration == SECOND {
            prop_assert!(bytes * 100 >= share * 99, "{bytes} of {share}");
        }
        let ticks = duration / machine.tick + 2;
        prop_assert!(machine.clock_reads.get() <= ticks * cpus as u64);
    }
}

#[test]
fn a_packet_is_taken_whole_and_its_debt_is_waited_for() {
    // 9,000 bytes at 900,000 bytes a second: 10 ms each, twice what is saved up.
    let mut machine = Machine::new(1, 1_000, 900_000);
    assert!(machine.offer(0, 9_000));
    let mut taken = 0;
    for _ in 0..10_000 {
        machine.now += 100_000;
        taken += u64::from(machine.offer(0, 9_000));
    }
    // A second's worth. The first packet was the burst.
    assert_eq!(taken, 100);
}

/// The store is full all through a tick, is emptied at its end, and filled at the beginning of the next.
#[test]
fn what_accrued_while_the_store_was_full_is_not_taken_on_top_of_it() {
    for hertz in [100, 250, 300, 1_000] {
        for cpus in [1, 2, 8] {
            let mut machine = Machine::new(cpus, hertz, 37_500_000);
            machine.now = machine.now.next_multiple_of(machine.tick);
            assert!(machine.offer(0, 64));
            machine.now += machine.tick - 1_000;
            let mut bytes = 0;
            for _ in 0..2 {
                for cpu in 0..cpus {
                    while machine.offer(cpu, 100) {
                        bytes += 100;
                    }
                }
                machine.now += 2_000;
            }
            // 10 ms and 2 µs, and a packet.
            assert!(bytes <= 375_000 + 75 + 100, "{bytes} with {hertz} ticks and {cpus} CPUs");
        }
    }
}

#[test]
fn the_lowest_rates_hold_too() {
    for rate in [1, 7, 99, 100, 199] {
        let mut machine = Machine::new(2, 250, rate);
        let seconds = 300;
        let mut bytes = 0;
        for number in 0..seconds * 500 {
            machine.now += SECOND / 500;
            bytes += if machine.offer(number % 2, 60) { 60 } else { 0 };
        }
        let share = rate * seconds as u64;
        assert!(bytes <= share + 62 && (bytes + 60) * 100 >= share * 99, "{bytes} of {share}");
    }
}

#[test]
fn one_cpu_takes_what_the_others_leave() {
    let mut machine = Machine::new(64, 250, 37_500_000);
    // Each has drawn something, and is silent from then on.
    for cpu in 0..64 {
        machine.offer(cpu, 64);
    }
    let (start, mut bytes) = (machine.now, 0);
    while machine.now - start < SECOND {
        machine.now += 5_000;
        bytes += if machine.offer(7, 1_514) { 1_514 } else { 0 };
    }
    assert!((37_125_000..=37_875_000 + 1_514).contains(&bytes), "{bytes}");
}

#[test]
fn without_an_art_17_order_everything_is_admitted_and_nothing_is_drawn() {
    let mut machine = Machine::new(2, 250, UNMETERED);
    for number in 0..100_000 {
        machine.now += 1_000;
        assert!(machine.offer(number % 2, 65_535));
    }
    assert_eq!((&machine.store).load(Word::Balance), 0);
    assert_eq!(machine.clock_reads.get(), 0);
    // The generation after it is metered from its first packet on.
    (machine.generation, machine.rate) = (2, 1_000_000);
    let mut bytes = 0;
    while machine.offer(0, 1_000) {
        bytes += 1_000;
    }
    assert!((4_000..=6_000).contains(&bytes), "{bytes}");
}

#[test]
fn the_balance_outlives_a_generation_and_a_lower_share_cuts_it() {
    let mut machine = Machine::new(2, 250, 100_000_000);
    assert!(machine.offer(0, 64));
    while machine.offer(0, 1_000) {}
    for generation in 2..100 {
        machine.generation = generation;
        assert!(!machine.offer(0, 1_000), "generation {generation} started with a full bucket");
    }
    // The bucket is full again, then the share is a thousandth of what it was.
    machine.now += SECOND;
    assert!(machine.offer(1, 64));
    (machine.generation, machine.rate) = (100, 100_000);
    machine.now += SECOND;
    let mut bytes = 0;
    for cpu in [0, 1, 0, 1] {
        while machine.offer(cpu, 100) {
            bytes += 100;
        }
    }
    assert!((400..=600).contains(&bytes), "{bytes} of 5 ms worth, 500");
}

#[test]
fn nothing_is_admitted_where_something_is_missing() {
    let (purse, reads) = (Purse::default(), Cell::new(0));
    let (full, unset) = (memory(full_store(1)), Memory::default());
    let now = SECOND;
    let admits = |store, purse, rate| {
        let bucket = Cpu { now, tick: 1_000_000, store, purse, reads: &reads };
        admit(&bucket, tables(rate).as_slice(), 1, 64)
    };
    assert!(!admits(None, Some(&purse), 1_000_000));
    assert!(!admits(Some(&full), None, 1_000_000));
    assert!(!admits(Some(&unset), Some(&purse), 1_000_000));
    assert!(!admits(Some(&full), Some(&purse), 0));
    assert!(admits(Some(&full), Some(&purse), 1_000_000));
}

#[test]
fn no_rate_is_too_high_to_count_with() {
    const LONG: u32 = 1 << 30;
    for rate in [HIGHEST_RATE - 1, HIGHEST_RATE, HIGHEST_RATE + 1, UNMETERED - 1] {
        let mut machine = Machine::new(1, 250, rate);
        let most = HIGHEST_RATE / 200;
        for _ in 0..3 {
            let mut bytes = 0;
            while machine.offer(0, LONG) {
                bytes += u64::from(LONG);
            }
            assert!(bytes > 0 && bytes <= most + u64::from(LONG), "{bytes}");
            machine.now += SECOND;
        }
    }
}

/// Real threads: whoever wins which race, no byte is given twice.
#[test]
fn threads_share_one_balance() {
    const RATE: u64 = 50_000_000;
    const OFFERS: u64 = 100_000;
    /// Simulated nanoseconds between two packets: 757 MB/s are offered.
    const STEP: u64 = 2_000;
    let (store, time) = (memory(empty_store(4)), AtomicU64::new(86_400 * SECOND));
    let worker = || {
        let (purse, reads, mut bytes) = (Purse::default(), Cell::new(0), 0_u64);
        for _ in 0..OFFERS {
            let now = time.fetch_add(STEP, Relaxed);
            let (store, purse) = (Some(&store), Some(&purse));
            let bucket = Cpu { now, tick: 4_000_000, store, purse, reads: &reads };
            if admit(&bucket, tables(RATE).as_slice(), 1, 1_514) {
                bytes += 1_514;
            }
        }
        (bytes, purse.left.get())
    };
    let (taken, left) = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(worker)).collect();
        let sums = workers.into_iter().map(|worker| worker.join().unwrap());
        sums.fold((0, 0), |(taken, left), sum| (taken + sum.0, left + sum.1))
    });
    let share = RATE * (4 * OFFERS * STEP / 1_000) / (SECOND / 1_000);
    assert!(taken * 100 >= share * 95, "{taken} of {share}");
    // What was given, what is held and what is left add up to no more than what accrued.
    let balance = (&store).load(Word::Balance).cast_signed();
    let all = i128::from(taken) + i128::from(left) + i128::from(balance);
    assert!(all <= i128::from(share + RATE / 100), "{all} of {share}");
}
