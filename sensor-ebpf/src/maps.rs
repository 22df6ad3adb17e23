//! The maps: every port but the frame, and the only file that names them.
//!
//! | map | written by | what |
//! |---|---|---|
//! | `GENERATION` | controller | slot 0: the generation of tables in force, replaced in one step |
//! | `DEADLINES` | controller | per order slot: boot-time nanoseconds at which it ends |
//! | `LEASE` | controller | boot-time nanoseconds until which it vouches for the tables |
//! | `RECORDS` | program | the ring buffer of records |
//! | `COUNTERS` | program | outcomes, per CPU |
//!
//! Each interface has its own program and its own maps, so counters and records of two interfaces
//! never mix.

#![expect(unsafe_code, reason = "maps are reached through pointers; see each SAFETY")]

use core::sync::atomic::AtomicU64;

use aya_ebpf::bindings::{BPF_F_INNER_MAP, BPF_F_MMAPABLE};
use aya_ebpf::btf_maps::{Array, ArrayOfMaps, PerCpuArray, RingBuf};
use aya_ebpf::helpers::generated::bpf_ktime_get_boot_ns;
use aya_ebpf::macros::btf_map;
use sensor_common::counters::{self, Verdict};
use sensor_common::record::{Record, Sink};
use sensor_common::tables::{Gate, Line, MOST_ORDERS, Tables, word_of};

/// The flags of a generation's array: it is mapped into the controller while that fills it, and
/// each generation has the size its contents need (kernel 5.10, commit 4a8f87e60f6d).
const LINES_FLAGS: usize = (BPF_F_MMAPABLE | BPF_F_INNER_MAP) as usize;

type Lines = Array<Line, 1, LINES_FLAGS>;

#[btf_map]
static GENERATION: ArrayOfMaps<Lines, 1> = ArrayOfMaps::new();

#[btf_map]
static DEADLINES: Array<u64, { MOST_ORDERS as usize }> = Array::new();

#[btf_map]
static LEASE: Array<u64, 1> = Array::new();

/// The controller sets the size at load time; this is only the default.
#[btf_map]
static RECORDS: RingBuf<Record, { 1 << 20 }> = RingBuf::new();

#[btf_map]
static COUNTERS: PerCpuArray<[u64; counters::WORDS], 1> = PerCpuArray::new();

/// 1 in `inline` mode, 0 in `tap` mode. Read-only data that the controller sets before loading.
#[unsafe(no_mangle)]
static INLINE: u8 = 0;

/// Whether frames go on to the host's stack (`inline`) or are dropped after inspection (`tap`).
#[inline(always)]
pub fn inline() -> bool {
    // SAFETY: a valid, aligned static; volatile because the loader changes it after compilation.
    unsafe { core::ptr::read_volatile(&raw const INLINE) == 1 }
}

/// The generation of tables that judges this packet, from its first look-up to its last: the
/// controller replaces the reference, never the tables behind it.
pub struct Generation(Option<&'static Lines>);

impl Generation {
    /// The generation in force now.
    #[inline(always)]
    pub fn current() -> Self {
        Self(GENERATION.get(0))
    }
}

impl Tables for Generation {
    #[inline(always)]
    fn line(&self, index: u32) -> Option<&Line> {
        self.0?.get(index)
    }

    #[inline(always)]
    fn word(&self, index: u32) -> u64 {
        match self.0 {
            Some(lines) => word(lines, index),
            None => zero(),
        }
    }
}

/// One word of a generation. A function of its own in the kernel too: look-ups are many, and each
/// inlined one would claim stack for its key.
#[inline(never)]
fn word(lines: &Lines, index: u32) -> u64 {
    match lines.get(index >> 3) {
        Some(line) => word_of(line, index),
        None => zero(),
    }
}

/// 0, but the verifier does not know it. With a constant it would follow the two cases of every
/// look-up separately, and there are hundreds of look-ups on a path.
#[inline(always)]
fn zero() -> u64 {
    static ZERO: AtomicU64 = AtomicU64::new(0);
    // SAFETY: a valid, aligned static that nobody writes; volatile because the compiler knows it
    // is 0 too.
    unsafe { core::ptr::read_volatile(ZERO.as_ptr()) }
}

/// Deadlines, lease and clock.
pub struct OrderGate;

impl Gate for OrderGate {
    #[inline(always)]
    fn deadline(&self, slot: u32) -> u64 {
        DEADLINES.get_ptr(slot).map_or(0, read)
    }

    #[inline(always)]
    fn lease(&self) -> u64 {
        LEASE.get_ptr(0).map_or(0, read)
    }

    #[inline(always)]
    fn now(&self) -> u64 {
        // SAFETY: the helper takes nothing and only reads a clock.
        unsafe { bpf_ktime_get_boot_ns() }
    }
}

#[inline(always)]
fn read(word: *const u64) -> u64 {
    // SAFETY: a valid, aligned pointer into an array map. Volatile, because the controller stores
    // to it while programs run; an aligned 64-bit load is never torn.
    unsafe { core::ptr::read_volatile(word) }
}

/// The ring buffer that carries records to the controller.
pub struct Ring;

impl Sink for Ring {
    #[inline(always)]
    fn submit(&mut self, make: impl FnOnce() -> Record) -> bool {
        match RECORDS.reserve(0) {
            Some(mut entry) => {
                entry.write(make());
                entry.submit(0);
                true
            }
            None => false,
        }
    }
}

/// Adds a verdict to the counters of this CPU.
#[inline(always)]
pub fn count(verdict: &Verdict) {
    if let Some(words) = COUNTERS.get_ptr_mut(0) {
        // SAFETY: a valid pointer into this CPU's slot. XDP runs with preemption disabled and does
        // not nest, so nobody else writes the slot while we do.
        counters::count(unsafe { &mut *words }, verdict);
    }
}
