//! The frame port over an XDP context. Only this file handles pointers into frames.

#![expect(unsafe_code, reason = "reading a frame takes pointers; see each SAFETY")]

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::helpers::generated::bpf_xdp_get_buff_len;
use aya_ebpf::programs::XdpContext;
use sensor_common::opaque::Opaque;
use sensor_common::packet::{FURTHEST, Offset, Packet};

use crate::opaque::{hidden, hidden_in_place};

/// A first buffer shorter than this is taken for the whole frame, as drivers fill a buffer before they start
/// the next. If a driver does not (header split), the frame seems shorter than its packet, which is then
/// malformed, and nothing is selected. The call for the length of all buffers would cost as much as the
/// parser; only for what is malformed it is made, so that no bytes are missing from the books.
const FULL_BUFFER: u64 = 1_024;

/// A frame as the driver hands it over.
#[derive(Clone, Copy)]
pub struct Frame {
    /// Not a reference to an [`XdpContext`]: that would be one more load before each of the frame.
    context: *mut xdp_md,
    length: u32,
}

impl Frame {
    /// Wraps the context of one program run.
    #[inline(always)]
    pub fn new(context: &XdpContext) -> Self {
        let first = (context.data_end() - context.data()) as u64;
        if first >= FULL_BUFFER {
            return Self { context: context.ctx, length: all_buffers(context.ctx) };
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is short")]
        let length = first as u32;
        Self { context: context.ctx, length }
    }

    /// The length of all buffers, also where the first one is short.
    #[inline(always)]
    pub fn whole_length(&self) -> u32 {
        all_buffers(self.context)
    }
}

#[inline(always)]
fn all_buffers(context: *mut xdp_md) -> u32 {
    // SAFETY: the helper takes the context it was called with and only reads it.
    let length = unsafe { bpf_xdp_get_buff_len(context) };
    // A frame's length fits into 32 bits; the helper returns 64.
    #[expect(clippy::cast_possible_truncation, reason = "see above")]
    let length = length as u32;
    length
}

impl Opaque for Frame {
    #[inline(always)]
    fn hide_each<const N: usize>(&self, numbers: [u64; N]) -> [u64; N] {
        hidden(numbers)
    }

    #[inline(always)]
    fn hide_in_place<T>(&self, place: &mut T) {
        hidden_in_place(place);
    }
}

impl Packet for Frame {
    #[inline(always)]
    fn length(&self) -> u32 {
        self.length
    }

    #[inline(always)]
    fn load<const N: usize>(&self, offset: Offset) -> Option<[u8; N]> {
        let context = XdpContext::new(self.context);
        let start = context.data() + masked(offset);
        if start + N > context.data_end() {
            return None;
        }
        let mut bytes = [0; N];
        let mut at = 0;
        while at + 8 <= N {
            // SAFETY: `start .. start + N` lies between the frame's start and its end, which the
            // verifier checks once more.
            let word = unsafe { load_u64(start + at) }.to_ne_bytes();
            bytes[at..at + 8].copy_from_slice(&word);
            at += 8;
        }
        while at + 4 <= N {
            // SAFETY: as above.
            let word = unsafe { load_u32(start + at) }.to_ne_bytes();
            bytes[at..at + 4].copy_from_slice(&word);
            at += 4;
        }
        while at < N {
            // SAFETY: as above.
            bytes[at] = unsafe { *((start + at) as *const u8) };
            at += 1;
        }
        Some(bytes)
    }
}

/// The bytes before the offset, under the mask that bounds it. The compiler leaves a mask out where it
/// knows that it changes nothing; the verifier of 6.1 does not know that, and finds a number without a
/// bound if the register was spilled, or put together from parts, behind the check.
#[cfg(target_arch = "bpf")]
#[inline(always)]
fn masked(offset: Offset) -> usize {
    let mut bytes = u64::from(offset.bytes());
    // SAFETY: the instruction changes the register that it is given, and nothing else.
    unsafe {
        core::arch::asm!(
            "{bytes} &= {mask}",
            bytes = inout(reg) bytes,
            mask = const FURTHEST,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    bytes as usize
}

/// For `cargo check` on the host, where the program never runs.
#[cfg(not(target_arch = "bpf"))]
#[expect(clippy::cast_possible_truncation, reason = "the mask has 11 bits")]
fn masked(offset: Offset) -> usize {
    (offset.bytes() & u64::from(FURTHEST)) as usize
}

/// Loads four bytes at any alignment with one instruction. Headers behind an Ethernet header are never
/// aligned to four bytes, and the compiler would load each byte by itself.
///
/// # Safety
/// `address .. address + 4` lies inside the frame.
#[cfg(target_arch = "bpf")]
#[inline(always)]
unsafe fn load_u32(address: usize) -> u32 {
    let word: u64;
    // SAFETY: the instruction reads the four bytes that the caller vouches for, and nothing else.
    unsafe {
        core::arch::asm!(
            "{word} = *(u32 *)({address} + 0)",
            word = out(reg) word,
            address = in(reg) address,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    word as u32
}

/// The same for eight bytes.
///
/// # Safety
/// `address .. address + 8` lies inside the frame.
#[cfg(target_arch = "bpf")]
#[inline(always)]
unsafe fn load_u64(address: usize) -> u64 {
    let word: u64;
    // SAFETY: the instruction reads the eight bytes that the caller vouches for, and nothing else.
    unsafe {
        core::arch::asm!(
            "{word} = *(u64 *)({address} + 0)",
            word = out(reg) word,
            address = in(reg) address,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    word
}

/// For `cargo check` on the host, where the program never runs.
#[cfg(not(target_arch = "bpf"))]
unsafe fn load_u64(address: usize) -> u64 {
    // SAFETY: the caller vouches for the eight bytes.
    unsafe { (address as *const u64).read_unaligned() }
}

/// For `cargo check` on the host, where the program never runs.
#[cfg(not(target_arch = "bpf"))]
unsafe fn load_u32(address: usize) -> u32 {
    // SAFETY: the caller vouches for the four bytes.
    unsafe { (address as *const u32).read_unaligned() }
}
