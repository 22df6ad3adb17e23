//! The maps: every port but the frame, and the only file that names them.
//!
//! | map | written by | what |
//! |---|---|---|
//! | `SEGMENTS` | controller | two generations of tables, in segments |
//! | `ACTIVE` | controller | which of the two is in force |
//! | `DEADLINES` | controller | per order slot: boot-time nanoseconds at which it ends |
//! | `LEASE` | controller | boot-time nanoseconds until which it vouches for the tables |
//! | `RECORDS` | program | the ring buffer of records |
//! | `COUNTERS` | program | outcomes, per CPU |
//!
//! Each interface has its own program and its own maps, so counters and records of two interfaces
//! never mix.

#![expect(unsafe_code, reason = "maps are reached through pointers; see each SAFETY")]

use core::sync::atomic::AtomicU64;

use aya_ebpf::bindings::BPF_F_MMAPABLE;
use aya_ebpf::btf_maps::{Array, ArrayOfMaps, PerCpuArray, RingBuf};
use aya_ebpf::helpers::generated::bpf_ktime_get_boot_ns;
use aya_ebpf::macros::btf_map;
use sensor_common::counters::{self, Verdict};
use sensor_common::layout::low;
use sensor_common::record::{Record, Sink};
use sensor_common::tables::{Gate, Line, MOST_ORDERS, MOST_SEGMENTS, SEGMENT_LINES, Tables};

/// The controller maps a segment into its memory while it fills it. Without `BPF_F_INNER_MAP` all
/// segments have one size, and the kernel turns a look-up into a few instructions instead of a call.
type Segment = Array<Line, { SEGMENT_LINES as usize }, { BPF_F_MMAPABLE as usize }>;

/// Two generations of segments: the one in force, and the one that the controller is preparing.
#[btf_map]
static SEGMENTS: ArrayOfMaps<Segment, { 2 * MOST_SEGMENTS as usize }> = ArrayOfMaps::new();

/// Which half of `SEGMENTS` is in force: 0 or 1.
#[btf_map]
static ACTIVE: Array<u64, 1> = Array::new();

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

/// The generation of tables that judges this packet, from its first look-up to its last: which half
/// of the segments is in force is read once, and the controller touches a half only when no packet
/// can be judged by it.
pub struct Generation {
    /// Number of its first segment.
    first: u32,
    /// The first segment itself, so that what lies near the header takes one look-up instead of two.
    near: Option<&'static Segment>,
}

impl Generation {
    /// The generation in force now.
    #[inline(always)]
    pub fn current() -> Self {
        let active = ACTIVE.get_ptr(0).map_or(0, read);
        // Without a branch: the verifier would follow both ways to the end.
        let first = (low(active) & 1) * MOST_SEGMENTS;
        Self { first, near: SEGMENTS.get(first) }
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

    #[inline(always)]
    fn word(&self, index: u32) -> u64 {
        match self.word_within(index) {
            Some(word) => word,
            None => zero(),
        }
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
