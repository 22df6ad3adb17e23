//! Hiding numbers from verifier and compiler ([`sensor_common::opaque`]): the only file that does.

#![expect(unsafe_code, reason = "a volatile read and one instruction; see each SAFETY")]

use core::sync::atomic::AtomicU64;

/// The numbers, of none of which verifier or compiler know anything: combined with a word of memory that is 0,
/// which neither of them knows.
#[inline(always)]
pub fn hidden<const N: usize>(mut numbers: [u64; N]) -> [u64; N] {
    static ZERO: AtomicU64 = AtomicU64::new(0);
    // SAFETY: a valid, aligned static that nobody writes; volatile, because the compiler would leave
    // out what it knows to be 0.
    let zero = unsafe { core::ptr::read_volatile(ZERO.as_ptr()) };
    for number in &mut numbers {
        *number = combined(*number, zero);
    }
    numbers
}

/// `number ^ zero`, here and now: the compiler would put the calculation off to where its result is
/// needed.
#[cfg(target_arch = "bpf")]
#[inline(always)]
fn combined(mut number: u64, zero: u64) -> u64 {
    // SAFETY: the instruction changes the register that it is given, and nothing else.
    unsafe {
        core::arch::asm!(
            "{number} ^= {zero}",
            number = inout(reg) number,
            zero = in(reg) zero,
            options(nomem, nostack, preserves_flags),
        );
    }
    number
}

/// For `cargo check` on the host, where the program never runs.
#[cfg(not(target_arch = "bpf"))]
const fn combined(number: u64, zero: u64) -> u64 {
    number ^ zero
}

/// The place, of whose content neither verifier nor compiler knows anything.
#[cfg(target_arch = "bpf")]
#[inline(always)]
pub fn hidden_in_place<T>(place: &mut T) {
    let place: *mut T = place;
    // SAFETY: there is no instruction. The compiler is told that there may be one that writes what it
    // finds there.
    unsafe {
        core::arch::asm!("{place} = {place}", place = in(reg) place, options(nostack, preserves_flags));
    }
}

/// For `cargo check` on the host, where the program never runs.
#[cfg(not(target_arch = "bpf"))]
pub fn hidden_in_place<T>(_place: &mut T) {}
