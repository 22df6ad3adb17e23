//! The port through which frames are read.

use crate::opaque::Opaque;

/// A frame, from its first byte (the destination MAC address) on.
pub trait Packet: Opaque {
    /// The frame's length in bytes, all buffers of a multi-buffer frame together.
    fn length(&self) -> u32;

    /// The `N` bytes at `offset`, or `None` where the frame does not hold all of them.
    ///
    /// Offsets beyond [`FURTHEST`] are never readable: the kernel's verifier wants a bound, and no
    /// header that the parser looks for starts further in.
    fn load<const N: usize>(&self, offset: u32) -> Option<[u8; N]>;
}

/// The highest offset at which [`Packet::load`] reads: a mask, so all lower bits are set.
pub const FURTHEST: u32 = 0x7ff;

/// A frame in memory: the host engine's implementation of the port.
impl Packet for &[u8] {
    fn length(&self) -> u32 {
        u32::try_from(self.len()).unwrap_or(u32::MAX)
    }

    fn load<const N: usize>(&self, offset: u32) -> Option<[u8; N]> {
        if offset > FURTHEST {
            return None;
        }
        let start = usize::try_from(offset).ok()?;
        let bytes = self.get(start..start.checked_add(N)?)?;
        bytes.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_only_what_is_there() {
        let frame: &[u8] = &[1, 2, 3, 4];
        assert_eq!(frame.load::<2>(2), Some([3, 4]));
        assert_eq!(frame.load::<2>(3), None);
        assert_eq!(frame.load::<2>(u32::MAX), None);
    }

    #[test]
    fn nothing_beyond_the_furthest_offset() {
        let long = std::vec![0_u8; 5_000];
        let frame = long.as_slice();
        assert!(frame.load::<4>(FURTHEST).is_some());
        assert!(frame.load::<4>(FURTHEST + 1).is_none());
    }
}
