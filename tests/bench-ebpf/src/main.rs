//! The kernel side of the benchmarks.
//!
//! | program | what it does |
//! |---|---|
//! | `rewrite` | writes the trace's next pair of addresses into the frame, then tail-calls what is measured |
//! | `empty` | drops: the zero of every figure |
//! | `parse_drop` | the sensor's parser alone, then drops |
//! | `touch` | the parser and the bare loads of a look-up, then drops |
//! | `siphash` | SipHash-2-4 of sixteen bytes of the payload, under four keys |
//! | `lpm_hash` | the ordinary design: direction and selectors in the kernel's own maps |
//! | `generate` | writes the next pair of addresses, then sends the frame out of an interface |
//!
//! All are `frags` programs: a program array takes one kind only, and the sensor is of that kind.

#![no_std]
#![no_main]
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]

/// The sensor's own way to read frames, so that `parse_drop` measures the parser that it uses.
#[path = "../../../sensor-ebpf/src/frame.rs"]
#[expect(
    dead_code,
    reason = "only where verdicts are counted is the length of all buffers asked for"
)]
mod frame;
/// How the frame hides what was read from it.
#[path = "../../../sensor-ebpf/src/opaque.rs"]
mod opaque;
mod ordinary;
mod touch;
mod trace;

use aya_ebpf::bindings::xdp_action;
use aya_ebpf::macros::{btf_map, xdp};
use aya_ebpf::programs::XdpContext;
use sensor_common::packet::{Offset, Packet};
use sensor_common::parse::tunnel::Entered;
use sensor_common::parse::walk::{Room, Walk};
use sensor_common::parse::{Flow, Unparsed};
use sensor_common::repeat::Loop;
use sensor_common::siphash::State;

/// Slot 0: the program that is measured.
#[btf_map]
static MEASURED: aya_ebpf::btf_maps::ProgramArray<1> = aya_ebpf::btf_maps::ProgramArray::new();

/// The wrapper: the same around every program that is measured, the empty one included.
#[xdp(frags)]
#[expect(unsafe_code, reason = "a tail call never returns; see SAFETY")]
#[expect(clippy::needless_pass_by_value, reason = "the macro passes the context by value")]
fn rewrite(context: XdpContext) -> u32 {
    if trace::rewrite(&context) {
        // SAFETY: nothing here has a destructor that the jump would leave out.
        unsafe { MEASURED.tail_call(&context, 0) };
    }
    // Only where there is nothing to measure.
    xdp_action::XDP_ABORTED
}

/// Drops the frame, as every program that is measured does in the end.
#[xdp(frags)]
fn empty(_: XdpContext) -> u32 {
    xdp_action::XDP_DROP
}

/// The sensor's parser, for frames without tunnels: there is no room to walk through one.
#[inline(always)]
fn parsed<P: Packet>(frame: &P) -> Result<Flow, Unparsed> {
    sensor_common::parse::parse(frame, Entered::ALL, &Loop, &mut NoRoom)
}

struct NoRoom;

impl Room for NoRoom {
    #[inline(always)]
    fn begin(&mut self, _: Walk) -> Option<&mut Walk> {
        None
    }
}

/// Parses the frame and drops it.
#[xdp(frags)]
#[expect(clippy::needless_pass_by_value, reason = "the macro passes the context by value")]
fn parse_drop(context: XdpContext) -> u32 {
    match parsed(&frame::Frame::new(&context)) {
        Ok(flow) if all_of(&flow) != IMPROBABLE => xdp_action::XDP_DROP,
        _ => xdp_action::XDP_ABORTED,
    }
}

/// Parses the frame, touches as much memory as a look-up takes, and drops it.
#[xdp(frags)]
#[expect(clippy::needless_pass_by_value, reason = "the macro passes the context by value")]
fn touch(context: XdpContext) -> u32 {
    match parsed(&frame::Frame::new(&context)) {
        Ok(flow) if all_of(&flow) != IMPROBABLE && touch::touch(&flow) == 0 => xdp_action::XDP_DROP,
        _ => xdp_action::XDP_ABORTED,
    }
}

/// What four groups of payload prefixes cost at the least: four hashes of sixteen bytes, without any
/// look-up.
#[xdp(frags)]
#[expect(clippy::needless_pass_by_value, reason = "the macro passes the context by value")]
fn siphash(context: XdpContext) -> u32 {
    /// Behind Ethernet, IPv4 and UDP headers.
    const PAYLOAD: u32 = 14 + 20 + 8;
    let frame = frame::Frame::new(&context);
    let block = |number: u32| {
        let offset = Offset::new((PAYLOAD + 8 * number).into())?;
        frame.load::<8>(offset).map(u64::from_le_bytes)
    };
    let (Some(first), Some(second)) = (block(0), block(1)) else { return xdp_action::XDP_ABORTED };
    let mut all = 0;
    for key in 1..=4 {
        let mut state = State::new([key, key]);
        state.absorb(first);
        state.absorb(second);
        all ^= state.finish(0, 16);
    }
    if all == IMPROBABLE { xdp_action::XDP_ABORTED } else { xdp_action::XDP_DROP }
}

/// The ordinary design; see [`ordinary`].
#[xdp(frags)]
#[expect(clippy::needless_pass_by_value, reason = "the macro passes the context by value")]
fn lpm_hash(context: XdpContext) -> u32 {
    ordinary::judge(&frame::Frame::new(&context));
    xdp_action::XDP_DROP
}

/// A source of traffic, for `BPF_PROG_TEST_RUN` with live frames.
#[xdp(frags)]
#[expect(clippy::needless_pass_by_value, reason = "the macro passes the context by value")]
fn generate(context: XdpContext) -> u32 {
    if trace::rewrite(&context) { trace::send() } else { xdp_action::XDP_ABORTED }
}

/// What [`all_of`] is for no frame of the benchmarks.
const IMPROBABLE: u64 = 0x5e15_4096_5e15_4096;

/// A number that depends on all that was parsed, so that the compiler leaves nothing out.
#[inline(always)]
fn all_of(flow: &Flow) -> u64 {
    let ports = flow
        .ports()
        .map_or(0, |ports| u64::from(ports.source) << 16 | u64::from(ports.destination));
    let ends = flow.source.high ^ flow.source.low ^ flow.destination.high ^ flow.destination.low;
    ends ^ ports ^ u64::from(flow.protocol) ^ u64::from(flow.flags)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // Not reachable: a program that could panic would not pass the verifier.
    loop {}
}

/// The helpers that the programs call are open to programs under a GPL-compatible licence only.
#[cfg(target_arch = "bpf")]
#[expect(unsafe_code, reason = "a link section is the only way to declare the licence")]
// SAFETY: the section holds nothing but this NUL-terminated string, as loaders expect.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
