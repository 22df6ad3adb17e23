//! The trace: which addresses the next frame carries. The file that writes into frames.

#![expect(unsafe_code, reason = "writing into a frame takes pointers; see each SAFETY")]

use core::sync::atomic::AtomicU64;

use aya_ebpf::btf_maps::Array;
use aya_ebpf::helpers::generated::bpf_redirect;
use aya_ebpf::macros::btf_map;
use aya_ebpf::programs::XdpContext;

/// Source and destination of IPv4 headers, in network byte order. The loader sets the size.
#[btf_map]
static TRACE_V4: Array<[u32; 2], 1> = Array::new();

/// Source and destination of IPv6 headers, in network byte order. The loader sets the size.
#[btf_map]
static TRACE_V6: Array<[u32; 8], 1> = Array::new();

/// The pair of the next frame.
static CURSOR: AtomicU64 = AtomicU64::new(0);

/// Pairs in the trace (a power of two) less one; set before loading.
#[unsafe(no_mangle)]
static TRACE_MASK: u32 = 0;

/// 1 if the trace is of IPv6 addresses; set before loading.
#[unsafe(no_mangle)]
static TRACE_IS_V6: u8 = 0;

/// 1 if the payload of the frame is to change too (IPv4 with UDP); set before loading.
#[unsafe(no_mangle)]
static TRACE_PAYLOAD: u8 = 0;

/// The interface that frames are sent out of; set before loading.
#[unsafe(no_mangle)]
static INTERFACE: u32 = 0;

/// Offset in the frame of the source address; set before loading.
#[unsafe(no_mangle)]
static TRACE_OFFSET: u32 = 0;

/// The offset of the payload behind UDP, less that of the source address.
const PAYLOAD_BEHIND: usize = 8 + 8;

/// Writes the next pair of addresses into the frame; `false` where that is not possible.
#[inline(always)]
pub fn rewrite(context: &XdpContext) -> bool {
    let position = next();
    // SAFETY: valid, aligned statics; volatile because the loader changes them after compilation.
    let (mask, v6, payload, offset) = unsafe {
        let mask = core::ptr::read_volatile(&raw const TRACE_MASK);
        let payload = core::ptr::read_volatile(&raw const TRACE_PAYLOAD);
        let offset = core::ptr::read_volatile(&raw const TRACE_OFFSET);
        (mask, core::ptr::read_volatile(&raw const TRACE_IS_V6), payload, offset as usize)
    };
    let position = position & mask;
    if v6 == 1 {
        TRACE_V6.get(position).is_some_and(|pair| write(context, offset, pair))
    } else {
        let written = TRACE_V4.get(position).is_some_and(|pair| write(context, offset, pair));
        written && (payload == 0 || write(context, offset + PAYLOAD_BEHIND, &[position]))
    }
}

/// Moves the cursor on.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the mask leaves less than 32 bits of it")]
fn next() -> u32 {
    // SAFETY: a valid, aligned static. One CPU runs the benchmark; were there two, they would take
    // the same pair now and then.
    unsafe {
        let cursor = CURSOR.as_ptr();
        let position = core::ptr::read_volatile(cursor);
        core::ptr::write_volatile(cursor, position.wrapping_add(1));
        position as u32
    }
}

/// Sends the frame out of the interface.
#[inline(always)]
pub fn send() -> u32 {
    // SAFETY: a valid, aligned static, as above; the helper takes two numbers.
    let action = unsafe { bpf_redirect(core::ptr::read_volatile(&raw const INTERFACE), 0) };
    u32::try_from(action).unwrap_or(0)
}

#[inline(always)]
fn write<const WORDS: usize>(context: &XdpContext, offset: usize, words: &[u32; WORDS]) -> bool {
    let start = context.data() + offset;
    if start + WORDS * 4 > context.data_end() {
        return false;
    }
    let mut at = 0;
    while at < WORDS {
        // SAFETY: the words lie between the frame's start and its end, as was just checked.
        unsafe { store_u32(start + at * 4, words[at]) };
        at += 1;
    }
    true
}

/// Stores four bytes at any alignment with one instruction, so that the loads of four bytes that
/// follow in the measured program are served from the store buffer. Of four stores of a byte they
/// would have to wait for the cache, and that would be on the measured program's account.
///
/// # Safety
/// `address .. address + 4` lies inside the frame.
#[cfg(target_arch = "bpf")]
#[inline(always)]
unsafe fn store_u32(address: usize, word: u32) {
    // SAFETY: the instruction writes the four bytes that the caller vouches for, and nothing else.
    unsafe {
        core::arch::asm!(
            "*(u32 *)({address} + 0) = {word}",
            address = in(reg) address,
            word = in(reg) u64::from(word),
            options(nostack, preserves_flags),
        );
    }
}

/// For `cargo check` on the host, where the program never runs.
#[cfg(not(target_arch = "bpf"))]
unsafe fn store_u32(address: usize, word: u32) {
    // SAFETY: the caller vouches for the four bytes.
    unsafe { (address as *mut u32).write_unaligned(word) }
}
