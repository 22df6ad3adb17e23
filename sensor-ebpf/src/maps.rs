//! The maps: every port but the frame. Only this file names them.
//!
//! | map | written by | what |
//! |---|---|---|
//! | `SEGMENTS` | controller | two generations of tables, in segments |
//! | `ACTIVE` | controller | the number of the one in force |
//! | `TERMS` | controller | per order slot: boot-time nanoseconds at which it begins and ends |
//! | `LEASE` | controller, `sekisho halt` | until when it vouches for the tables, and whether selection is halted |
//! | `STORE` | both | what may still be inspected under Art. 17 (L-CAP), shared by all interfaces |
//! | `PURSE` | program | the part of it that this CPU has drawn |
//! | `RECORDS` | program | the ring buffers of records, one for each CPU |
//! | `UNANNOUNCED` | program | records since the last wake-up, per CPU |
//! | `COUNTERS` | program | outcomes, per CPU |
//! | `WALK` | program | the walk through the layers of a packet, per CPU |
//! | `CANDIDATE` | program | the packet that is being judged, per CPU |
//!
//! Each interface has its own program and its own maps, so counters and records of two interfaces never mix.
//! Only `STORE` is shared, because the capacity is the facility's.

#![expect(unsafe_code, reason = "maps are reached through pointers; see each SAFETY")]

#[cfg(not(target_arch = "bpf"))]
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use aya_ebpf::bindings::{BPF_F_MMAPABLE, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP};
use aya_ebpf::btf_maps::{Array, ArrayOfMaps, PerCpuArray, RingBuf};
use aya_ebpf::helpers::generated::{
    bpf_get_smp_processor_id, bpf_jiffies64, bpf_ktime_get_boot_ns,
};
use aya_ebpf::macros::btf_map;
use sensor_common::boot_time::BootTime;
use sensor_common::capacity::{self, Bucket, Meter, PURSE_WORDS, Purse, STORE_WORDS, Store, Word};
use sensor_common::counters::{self, Verdict};
use sensor_common::decide::{Candidate, Scratch};
use sensor_common::layout::low;
use sensor_common::opaque::Opaque;
use sensor_common::parse::tunnel::Entered;
use sensor_common::parse::walk::{Room, Walk};
use sensor_common::record::{LENGTH, Record, Sink};
use sensor_common::tables::{
    Gate, Line, MOST_ORDERS, MOST_SEGMENTS, SEGMENT_LINES, Slot, TERM_WORDS, Tables, Term, lease,
};

use crate::opaque::{hidden, hidden_in_place};

/// The controller maps a segment into its memory to fill it. Without `BPF_F_INNER_MAP` all segments have one
/// size, so that the kernel turns a look-up into a few instructions instead of a call.
type Segment = Array<Line, { SEGMENT_LINES as usize }, { BPF_F_MMAPABLE as usize }>;

/// The segments of two generations: the one in force, and the one that the controller prepares.
#[btf_map]
static SEGMENTS: ArrayOfMaps<Segment, { 2 * MOST_SEGMENTS as usize }> = ArrayOfMaps::new();

/// Which half of `SEGMENTS` is in force: 0 or 1.
#[btf_map]
static ACTIVE: Array<u64, 1> = Array::new();

#[btf_map]
static TERMS: Array<[u64; TERM_WORDS], { MOST_ORDERS as usize }> = Array::new();

/// The words of [`lease`].
#[btf_map]
static LEASE: Array<u64, { lease::WORDS }> = Array::new();

/// The words of a [`Store`], in a map that the controller puts into every interface's program.
/// Empty until then: nothing is inspected under Art. 17.
#[btf_map]
static STORE: ArrayOfMaps<Array<[u64; STORE_WORDS], 1>, 1> = ArrayOfMaps::new();

/// The words of a [`Purse`] for each CPU.
#[btf_map]
static PURSE: PerCpuArray<[u64; PURSE_WORDS], 1> = PerCpuArray::new();

/// The ring of one CPU. The verifier takes all rings for this one, the smallest possible. The controller
/// makes rings of the size that it wants.
type CpuRing = RingBuf<[u64; LENGTH / 8], 4_096>;

/// The ring of each CPU, by its number. With one ring for all, each record would take a lock. The
/// controller sets how many there are at load time: one for each possible CPU.
#[btf_map]
static RECORDS: ArrayOfMaps<CpuRing, 1> = ArrayOfMaps::new();

/// Records of this CPU since the last one that woke the controller.
#[btf_map]
static UNANNOUNCED: PerCpuArray<u64, 1> = PerCpuArray::new();

#[btf_map]
static COUNTERS: PerCpuArray<[u64; counters::WORDS], 1> = PerCpuArray::new();

/// Room for one [`Candidate`], in words. Only the program reads it.
#[btf_map]
static CANDIDATE: PerCpuArray<[u64; CANDIDATE_WORDS], 1> = PerCpuArray::new();

const CANDIDATE_WORDS: usize = size_of::<Candidate>().div_ceil(size_of::<u64>());
const _: () = assert!(align_of::<Candidate>() <= align_of::<u64>());

/// Room for one [`Walk`], in words. Only the program reads it.
#[btf_map]
static WALK: PerCpuArray<[u64; WALK_WORDS], 1> = PerCpuArray::new();

const WALK_WORDS: usize = size_of::<Walk>().div_ceil(size_of::<u64>());
const _: () = assert!(align_of::<Walk>() <= align_of::<u64>());

/// 1 in `inline` mode, 0 in `tap` mode. Read-only data that the controller sets before loading.
#[unsafe(no_mangle)]
static INLINE: u8 = 0;

/// The encapsulations that are entered, one bit each ([`Entered::bits`]). Read-only data that the controller sets
/// before loading: what is not entered costs nothing.
#[unsafe(no_mangle)]
static ENTERED: u32 = 0;

/// One in this many records wakes the controller, which also reads the rings at regular times. Read-only data
/// that the controller sets before loading.
#[unsafe(no_mangle)]
static WAKE_EVERY: u64 = 0;

/// Whether frames go on to the host's stack (`inline`) or are dropped after inspection (`tap`).
#[inline(always)]
pub fn inline() -> bool {
    // SAFETY: a valid, aligned static; volatile because the loader changes it after compilation.
    unsafe { core::ptr::read_volatile(&raw const INLINE) == 1 }
}

/// The encapsulations that are entered.
#[inline(always)]
pub fn entered() -> Entered {
    // SAFETY: a valid, aligned static; volatile because the loader changes it after compilation.
    Entered::from_bits(unsafe { core::ptr::read_volatile(&raw const ENTERED) })
}

/// The generation that judges this packet, from its first look-up to its last. Which half of the segments is
/// in force is read once; the controller touches a half only when no packet can be judged by it.
#[derive(Clone, Copy)]
pub struct Generation {
    /// Number of its first segment.
    first: u32,
    /// The first segment itself: one look-up instead of two for what is near the header.
    near: Option<&'static Segment>,
}

impl Generation {
    /// The generation in force now.
    #[inline(always)]
    pub fn current() -> Self {
        let active = ACTIVE.get_ptr(0).map_or(0, read);
        let first = (low(active) & 1) * MOST_SEGMENTS;
        Self { first, near: SEGMENTS.get(first) }
    }
}

impl Opaque for Generation {
    #[inline(always)]
    fn hide_each<const N: usize>(&self, numbers: [u64; N]) -> [u64; N] {
        hidden(numbers)
    }

    #[inline(always)]
    fn hide_in_place<T>(&self, place: &mut T) {
        hidden_in_place(place);
    }
}

impl Tables for Generation {
    #[inline(always)]
    fn line(&self, index: u32) -> Option<&Line> {
        let segment = (index / SEGMENT_LINES) & (MOST_SEGMENTS - 1);
        SEGMENTS.get(self.first + segment)?.get(index % SEGMENT_LINES)
    }

    #[inline(always)]
    fn near(&self, index: u32) -> Option<&Line> {
        self.near?.get(index % SEGMENT_LINES)
    }
}

/// Terms, lease and clock.
pub struct OrderGate;

impl Gate for OrderGate {
    #[inline(always)]
    fn term(&self, slot: Slot) -> Term {
        let Some(words) = TERMS.get_ptr(slot.number()) else { return Term::NEVER };
        let begin = words.cast::<u64>();
        // SAFETY: a term in the map is two words.
        let end = unsafe { begin.add(1) };
        Term::from([read(begin), read(end)])
    }

    #[inline(always)]
    fn lease(&self) -> BootTime {
        let (Some(until), Some(halted)) =
            (LEASE.get_ptr(lease::UNTIL), LEASE.get_ptr(lease::HALTED))
        else {
            return BootTime::ZERO;
        };
        lease::in_force(BootTime::from_nanos(read(until)), read(halted))
    }

    #[inline(always)]
    fn now(&self) -> BootTime {
        // SAFETY: the helper takes nothing and only reads a clock.
        BootTime::from_nanos(unsafe { bpf_ktime_get_boot_ns() })
    }
}

#[inline(always)]
fn read(word: *const u64) -> u64 {
    // SAFETY: a valid, aligned pointer into an array map. Volatile, because the controller stores
    // to it while programs run; an aligned 64-bit load is never torn.
    unsafe { core::ptr::read_volatile(word) }
}

/// The capacity share.
pub struct Share;

impl Meter for Share {
    #[inline(always)]
    fn admit<T: Tables + Copy>(&self, tables: T, generation: u32, length: u32) -> bool {
        capacity::admit(self, tables, generation, length)
    }
}

impl Bucket for Share {
    type Store = SharedWords;

    #[inline(always)]
    fn tick(&self) -> u64 {
        // SAFETY: the helper takes nothing and only reads a word, without a call (kernel 5.6,
        // commit 5576b991e9c1).
        unsafe { bpf_jiffies64() }
    }

    #[inline(always)]
    fn now(&self) -> u64 {
        OrderGate.now().as_nanos()
    }

    #[inline(always)]
    fn store(&self) -> Option<SharedWords> {
        Some(SharedWords(STORE.get(0)?.get_ptr_mut(0)?.cast()))
    }

    #[inline(always)]
    fn purse(&self) -> Option<&Purse> {
        let words = PURSE.get_ptr_mut(0)?;
        // SAFETY: a valid pointer to as many words as a purse has, aligned as they are, in this CPU's
        // slot, which nobody else reads or writes while we run (see `count`).
        Some(unsafe { &*words.cast() })
    }
}

/// A pointer to the [`STORE_WORDS`] words of the store, which other CPUs read and write at any time.
pub struct SharedWords(*mut u64);

impl SharedWords {
    #[inline(always)]
    fn at(&self, word: Word) -> *mut u64 {
        // SAFETY: every position is below `STORE_WORDS`.
        unsafe { self.0.add(word as usize) }
    }
}

/// The kernel's atomic instructions (5.12, commits 5ffa25502b5a and 5ca419f2864a): the compiler's
/// own atomic types lack them for this target.
impl Store for SharedWords {
    #[inline(always)]
    fn load(&self, word: Word) -> u64 {
        read(self.at(word))
    }

    #[cfg(target_arch = "bpf")]
    #[inline(always)]
    fn fetch_add(&self, word: Word, amount: u64) -> u64 {
        let mut value = amount;
        // SAFETY: a valid, aligned word that everybody changes by atomic instructions only.
        unsafe {
            core::arch::asm!(
                "{value} = atomic_fetch_add((u64 *)({word} + 0), {value})",
                value = inout(reg) value,
                word = in(reg) self.at(word),
                options(nostack),
            );
        }
        value
    }

    #[cfg(target_arch = "bpf")]
    #[inline(always)]
    fn replace(&self, word: Word, old: u64, new: u64) -> bool {
        let mut found = old;
        // SAFETY: as above.
        unsafe {
            core::arch::asm!(
                "r0 = cmpxchg_64({word} + 0, r0, {new})",
                inout("r0") found,
                word = in(reg) self.at(word),
                new = in(reg) new,
                options(nostack),
            );
        }
        found == old
    }

    /// For `cargo check` on the host, where the program never runs.
    #[cfg(not(target_arch = "bpf"))]
    fn fetch_add(&self, word: Word, amount: u64) -> u64 {
        // SAFETY: as above.
        unsafe { AtomicU64::from_ptr(self.at(word)) }.fetch_add(amount, Relaxed)
    }

    /// For `cargo check` on the host, where the program never runs.
    #[cfg(not(target_arch = "bpf"))]
    fn replace(&self, word: Word, old: u64, new: u64) -> bool {
        // SAFETY: as above.
        let word = unsafe { AtomicU64::from_ptr(self.at(word)) };
        word.compare_exchange(old, new, Relaxed, Relaxed).is_ok()
    }
}

/// The ring buffers that carry records to the controller.
pub struct Ring;

impl Sink for Ring {
    /// Submits to the ring of this CPU. A CPU that was added after the controller had started has none: its
    /// records are lost, and counted as lost.
    #[inline(always)]
    fn submit(&mut self, make: impl FnOnce() -> Record) -> bool {
        // SAFETY: the helper takes nothing.
        let cpu = unsafe { bpf_get_smp_processor_id() };
        let Some(ring) = RECORDS.get(cpu) else { return false };
        let Some(mut entry) = ring.reserve(0) else { return false };
        entry.write(make().words());
        entry.submit(wake());
        true
    }
}

/// The memory of this CPU for the packet that it is judging.
pub struct CpuScratch;

impl Room for CpuScratch {
    #[inline(always)]
    fn begin(&mut self, walk: Walk) -> Option<&mut Walk> {
        let place = WALK.get_ptr_mut(0)?.cast::<Walk>();
        // SAFETY: as for a candidate, below.
        unsafe {
            place.write(walk);
            Some(&mut *place)
        }
    }
}

impl Scratch for CpuScratch {
    #[inline(always)]
    fn keep(&mut self, candidate: Candidate) -> Option<&mut Candidate> {
        let place = CANDIDATE.get_ptr_mut(0)?.cast::<Candidate>();
        // SAFETY: this CPU's slot is as large and as aligned as a candidate, as asserted above, and
        // holds one once it is written. XDP runs with preemption disabled and does not nest, so
        // nobody else uses the slot while we do; `self` is borrowed for as long as the reference.
        unsafe {
            place.write(candidate);
            Some(&mut *place)
        }
    }
}

/// The flag that says whether the record that was just reserved wakes the controller: one in [`WAKE_EVERY`]
/// does. By default the kernel interrupts this CPU for each record that finds the controller waiting,
/// which costs more than the record. Asking how full the ring is would be a call.
#[inline(always)]
fn wake() -> u64 {
    let Some(unannounced) = UNANNOUNCED.get_ptr_mut(0) else { return NO_WAKEUP };
    let count = read(unannounced).wrapping_add(1);
    // SAFETY: a valid, aligned static; volatile because the loader changes it after compilation.
    let every = unsafe { core::ptr::read_volatile(&raw const WAKE_EVERY) };
    let due = count >= every;
    // SAFETY: a valid, aligned pointer to this CPU's word, which nobody else uses while we run (see
    // `count`).
    unsafe { unannounced.write(if due { 0 } else { count }) };
    if due { BPF_RB_FORCE_WAKEUP.into() } else { NO_WAKEUP }
}

const NO_WAKEUP: u64 = BPF_RB_NO_WAKEUP as u64;

/// Adds a verdict to the counters of this CPU.
#[inline(always)]
pub fn count(verdict: &Verdict) {
    if let Some(words) = COUNTERS.get_ptr_mut(0) {
        // SAFETY: a valid pointer into this CPU's slot. XDP runs with preemption disabled and does
        // not nest, so nobody else writes the slot while we do.
        counters::count(unsafe { &mut *words }, verdict);
    }
}
