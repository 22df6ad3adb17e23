//! Headers of a fixed length, as they are on the wire: every field in network byte order.

use super::stop::Stop;
use crate::packet::{Offset, Packet};

/// The bytes of a header.
#[derive(Clone, Copy)]
pub(super) struct Header<const LENGTH: usize>([u8; LENGTH]);

impl<const LENGTH: usize> Header<LENGTH> {
    /// Reads the header that starts `start` bytes behind the frame's first. Whether it ends before what
    /// carries it is for the caller to check, by a length that covers more than the header.
    ///
    /// # Errors
    /// [`Stop::Malformed`] where the header is out of reach.
    #[inline(always)]
    pub(super) fn read<P: Packet>(packet: &P, start: u64) -> Result<Self, Stop> {
        Self::within_reach(packet, start).ok_or(Stop::Malformed)
    }

    /// The same; `None` where the frame does not hold all of it, or it starts too far in.
    #[inline(always)]
    pub(super) fn within_reach<P: Packet>(packet: &P, start: u64) -> Option<Self> {
        packet.load(Offset::new(start)?).map(Self)
    }

    /// The field of `N` bytes at position `AT`.
    #[inline(always)]
    pub(super) fn bytes<const AT: usize, const N: usize>(self) -> [u8; N] {
        const { assert!(AT + N <= LENGTH, "the field is part of the header") };
        let mut field = [0; N];
        for (to, from) in field.iter_mut().zip(self.0.iter().skip(AT)) {
            *to = *from;
        }
        field
    }

    /// The byte at position `AT`.
    #[inline(always)]
    pub(super) fn byte<const AT: usize>(self) -> u8 {
        u8::from_be_bytes(self.bytes::<AT, 1>())
    }

    /// The 16 bits at position `AT`.
    #[inline(always)]
    pub(super) fn half<const AT: usize>(self) -> u16 {
        u16::from_be_bytes(self.bytes::<AT, 2>())
    }
}
