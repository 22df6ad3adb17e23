//! Fragments of IP packets.

use super::flow::flag;

/// The flag of a fragment, without a branch.
#[inline(always)]
pub(super) const fn fragment(is_fragment: bool) -> u8 {
    (is_fragment as u8).wrapping_mul(flag::FRAGMENT)
}

/// What there is of what an IP packet carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part {
    /// Its beginning, and perhaps all of it.
    First,
    /// A fragment other than the first: the middle of something, whatever it looks like.
    Later,
    /// It begins where nothing is read.
    Unreachable,
}
