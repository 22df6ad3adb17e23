//! Talking to the verifier: numbers of which it knows nothing, and arithmetic in the place of branches.
//!
//! The kernel's verifier walks along every path of the program and remembers what it knows of each
//! number: its bounds, and which of its bits are set. It leaves a path only where it has been at the same
//! instruction knowing no more than now. So each fork on what a packet or a table holds doubles the walk
//! over all that follows, unless both ways end in the same knowledge; after a million instructions the
//! verifier refuses the program. Five means keep the walk short. They are explained here only:
//!
//! - **Hidden numbers.** Behind a part with many ways through it, [`Opaque::hide`] takes away all
//!   knowledge of its result: the ways are one again. A comparison with a number that the verifier knows leaves
//!   its mark on the other one: behind `offset > end`, with another constant on each way, `end` has another lower
//!   bound on each. So `end` is to be hidden, too.
//! - **Hidden places.** [`Opaque::hide_in_place`] does the same for a value in the memory of a map, of which the
//!   verifier knows nothing, but the compiler does: it would keep the parts of the value in registers. For more than
//!   one number it costs less.
//! - **No branch.** [`below`] and [`select`] calculate what would be a comparison: there is one way, and the
//!   processor, which would guess wrong half the time where input is random, has nothing to guess.
//! - **Functions out of line** (`#[inline(never)]`). Such a function is there once for all that call it,
//!   and has a stack frame of its own; the 512 bytes of stack are for all functions that wait for each
//!   other. It returns one register.
//! - **No memset.** Both crates are compiled with `no_builtins`, because the compiler otherwise replaces
//!   stores of zeros by a call of `memset`, which goes byte by byte.
//!
//! None of them changes a result. On the host [`Opaque::hide`] does nothing.

/// The port to verifier and compiler: both forget what they know of a number.
pub trait Opaque {
    /// The same numbers, of none of which anything is known from here on. Together they cost less than one at a
    /// time.
    fn hide_each<const N: usize>(&self, numbers: [u64; N]) -> [u64; N];

    /// The same for what is in a map's memory: from here on it is read anew.
    fn hide_in_place<T>(&self, place: &mut T);

    /// The same for one number.
    #[inline(always)]
    fn hide(&self, number: u64) -> u64 {
        let [hidden] = self.hide_each([number]);
        hidden
    }

    /// The same for 32 bits.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "32 bits were hidden")]
    fn hide_half(&self, number: u32) -> u32 {
        self.hide(u64::from(number)) as u32
    }
}

/// The host's implementation of the port, for frames and tables in memory.
impl<T> Opaque for &[T] {
    fn hide_each<const N: usize>(&self, numbers: [u64; N]) -> [u64; N] {
        numbers
    }

    fn hide_in_place<P>(&self, _place: &mut P) {}
}

/// 1 if `a < b`, otherwise 0: the borrow of `a - b` (Warren, "Hacker's Delight", section 2-13).
#[inline(always)]
pub const fn below(a: u64, b: u64) -> u64 {
    ((!a & b) | ((!a | b) & a.wrapping_sub(b))) >> 63
}

/// `one` if `condition` is 1, `other` if it is 0.
#[inline(always)]
pub const fn select(condition: u64, one: u64, other: u64) -> u64 {
    other ^ (other ^ one) & 0_u64.wrapping_sub(condition)
}

#[cfg(test)]
mod tests {
    use proptest::num::u64::ANY;

    use super::*;

    proptest::proptest! {
        #[test]
        fn below_is_less_than(a in ANY, b in ANY) {
            for (a, b) in [(a, b), (a, a), (a, a.wrapping_add(1)), (a & 1, b & 1), (0, b), (u64::MAX, b)] {
                assert_eq!(below(a, b), u64::from(a < b), "{a} {b}");
            }
        }

        #[test]
        fn select_takes_one_or_the_other(one in ANY, other in ANY) {
            assert_eq!((select(1, one, other), select(0, one, other)), (one, other));
        }
    }
}
