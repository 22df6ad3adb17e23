//! Sekisho's XDP program: the thin adapter that gives `sensor-common` the kernel's frames, tables,
//! clock and ring buffer. It decides nothing itself.
//!
//! Neither this crate nor `sensor-common` prints, logs or copies anything of a packet, except for the records
//! of selected packets (L-AUTO, L-ERASE).

#![no_std]
#![no_main]
// See `sensor_common::opaque`.
#![no_builtins]
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]

mod frame;
mod life;
mod maps;
mod opaque;
mod repeat;

use aya_ebpf::bindings::xdp_action;
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;
use sensor_common::decide::{Ports, decide};
use sensor_common::outcome::Outcome;

/// The program's entry, called by the driver for every frame it receives.
#[xdp(frags)]
#[expect(clippy::needless_pass_by_value, reason = "the macro passes the context by value")]
fn sekisho(context: XdpContext) -> u32 {
    let frame = frame::Frame::new(&context);
    let generation = maps::Generation::current();
    let mut ports = Ports {
        gate: &maps::OrderGate,
        meter: &maps::Share,
        repeat: &repeat::BpfLoop,
        sink: &mut maps::Ring,
        scratch: &mut maps::CpuScratch,
        entered: maps::entered(),
    };
    let mut verdict = decide(&frame, generation, &mut ports);
    if verdict.outcome == Outcome::Malformed {
        verdict.length = frame.whole_length();
    }
    maps::count(&verdict);
    life::observe(&context, &generation, &verdict);
    if maps::inline() { xdp_action::XDP_PASS } else { xdp_action::XDP_DROP }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // Unreachable: the verifier rejects endless loops, so a program that could panic would not load.
    loop {}
}

/// The helpers that the program calls are open to programs under a GPL-compatible licence only.
#[cfg(target_arch = "bpf")]
#[expect(unsafe_code, reason = "a link section is the only way to declare the licence")]
// SAFETY: the section holds nothing but this NUL-terminated string, as loaders expect.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
