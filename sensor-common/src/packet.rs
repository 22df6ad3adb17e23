//! The port through which frames are read.

use crate::opaque::Opaque;

/// A frame, from its first byte on.
pub trait Packet: Opaque + Copy {
    /// The frame's length in bytes, all buffers of a multi-buffer frame together.
    fn length(&self) -> u32;

    /// The `N` bytes at `offset`, or `None` where the frame's first buffer does not hold all of them.
    fn load<const N: usize>(&self, offset: Offset) -> Option<[u8; N]>;

    /// Whether this is a frame out of a capture, not off a wire: some of its bytes may not have been
    /// captured, and a host that leaves segmenting to its network card has captured IPv4 packets before
    /// the card wrote their length. Never in the kernel.
    #[inline(always)]
    fn is_captured(&self) -> bool {
        false
    }
}

/// The highest offset at which [`Packet::load`] reads. A mask: all lower bits are set.
pub const FURTHEST: u32 = 0x7ff;

/// An offset in a frame, counted in bytes from the frame's first. It is at most [`FURTHEST`]: the
/// verifier wants a bound, and no header or payload is looked for further in.
///
/// Offsets are calculated with 64 bits: the kernel's instructions have no other width here, and 32 bits are extended
/// after each addition.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Offset(u64);

impl Offset {
    /// `None` beyond [`FURTHEST`].
    #[inline(always)]
    pub const fn new(bytes: u64) -> Option<Self> {
        if bytes > FURTHEST as u64 { None } else { Some(Self(bytes)) }
    }

    /// The number of bytes before it.
    #[inline(always)]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

/// A frame in memory: the host engine's implementation of the port.
impl Packet for &[u8] {
    fn length(&self) -> u32 {
        u32::try_from(self.len()).unwrap_or(u32::MAX)
    }

    fn load<const N: usize>(&self, offset: Offset) -> Option<[u8; N]> {
        let start = usize::try_from(offset.bytes()).ok()?;
        let bytes = self.get(start..start.checked_add(N)?)?;
        bytes.try_into().ok()
    }
}

/// A frame out of a capture, of which perhaps only the first bytes were captured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Captured<'a> {
    /// What was captured, from the Ethernet header on.
    pub bytes: &'a [u8],
    /// The frame's length on the wire; never less than what was captured.
    pub length: u32,
}

impl Captured<'_> {
    /// Whether bytes are missing.
    pub fn is_cut(&self) -> bool {
        self.length > self.bytes.length()
    }
}

impl Opaque for Captured<'_> {
    fn hide_each<const N: usize>(&self, numbers: [u64; N]) -> [u64; N] {
        numbers
    }

    fn hide_in_place<T>(&self, _place: &mut T) {}
}

impl Packet for Captured<'_> {
    fn length(&self) -> u32 {
        self.length
    }

    fn load<const N: usize>(&self, offset: Offset) -> Option<[u8; N]> {
        self.bytes.load(offset)
    }

    fn is_captured(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load<const N: usize>(frame: &[u8], at: u32) -> Option<[u8; N]> {
        frame.load(Offset::new(at.into())?)
    }

    #[test]
    fn loads_only_what_is_there() {
        let frame: &[u8] = &[1, 2, 3, 4];
        assert_eq!(load::<2>(frame, 2), Some([3, 4]));
        assert_eq!(load::<2>(frame, 3), None);
        assert_eq!(load::<2>(frame, u32::MAX), None);
    }

    #[test]
    fn nothing_beyond_the_furthest_offset() {
        let long = std::vec![0_u8; 5_000];
        assert!(load::<4>(&long, FURTHEST).is_some());
        assert!(load::<4>(&long, FURTHEST + 1).is_none());
    }
}
