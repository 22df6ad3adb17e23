//! Long loops over `bpf_loop`: the only file that handles callbacks.

#![expect(unsafe_code, reason = "the helper takes a callback and a pointer; see each SAFETY")]

use core::ffi::{c_long, c_void};

use aya_ebpf::helpers::generated::bpf_loop;
use sensor_common::repeat::{Repeat, Step};

/// The helper's verdict on a callback's return value.
const GO_ON: c_long = 0;
const STOP: c_long = 1;

/// Loops whose body is verified once.
pub struct BpfLoop;

impl Repeat for BpfLoop {
    #[inline(always)]
    fn repeat<S: Step>(&self, most: u32, step: &mut S) {
        let context: *mut S = step;
        // SAFETY: the kernel calls `call::<S>` with `context` and no other pointer, `most` times at
        // the most, before the helper returns: `step` is borrowed for all that time. The callback
        // reaches the helper as a function pointer, as the verifier demands.
        unsafe { bpf_loop(most, call::<S> as *mut c_void, context.cast(), 0) };
    }
}

/// One iteration.
unsafe extern "C" fn call<S: Step>(_index: u32, context: *mut c_void) -> c_long {
    // SAFETY: `repeat` passed a pointer to an `S` that it borrows mutably.
    let step = unsafe { &mut *context.cast::<S>() };
    if step.step() { GO_ON } else { STOP }
}
