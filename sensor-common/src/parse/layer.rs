//! Layers: what the walk goes through.

use super::header::Header;
use super::stop::Stop;
use super::tunnel::{Encapsulation, Tunnel};
use crate::packet::Packet;

/// The kinds of layers. A number, so that one can be hidden from the verifier: the lower four bits are that of
/// the encapsulation which the layer is, or 0; the others tell kinds apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Kind(pub(super) u8);

impl Kind {
    pub(super) const ETHERNET: Self = Self(0x00);
    pub(super) const IPV4: Self = Self(0x10);
    pub(super) const IPV6: Self = Self(0x20);
    pub(super) const MPLS: Self = Self::of(Tunnel::Mpls, 0x00);
    pub(super) const PPPOE: Self = Self::of(Tunnel::Pppoe, 0x00);
    pub(super) const GRE: Self = Self::of(Tunnel::Gre, 0x00);
    pub(super) const ERSPAN_I: Self = Self::of(Tunnel::Erspan, 0x00);
    pub(super) const ERSPAN_II: Self = Self::of(Tunnel::Erspan, 0x10);
    pub(super) const ERSPAN_III: Self = Self::of(Tunnel::Erspan, 0x20);
    pub(super) const IPV4_IN_IP: Self = Self::of(Tunnel::IpInIp, 0x00);
    pub(super) const IPV6_IN_IP: Self = Self::of(Tunnel::IpInIp, 0x10);
    pub(super) const ETHERIP: Self = Self::of(Tunnel::EtherIp, 0x00);
    pub(super) const VXLAN: Self = Self::of(Tunnel::Vxlan, 0x00);
    pub(super) const GENEVE: Self = Self::of(Tunnel::Geneve, 0x00);
    pub(super) const GTP: Self = Self::of(Tunnel::Gtp, 0x00);
    pub(super) const TEREDO: Self = Self::of(Tunnel::Teredo, 0x00);

    const fn of(tunnel: Tunnel, other: u8) -> Self {
        Self(other | tunnel as u8)
    }

    /// Whether it is an IP packet.
    #[inline(always)]
    pub(super) const fn is_ip(self) -> bool {
        matches!(self, Self::IPV4 | Self::IPV6)
    }

    /// The number of the encapsulation that it is; 0 if it is none.
    #[inline(always)]
    pub(super) const fn tunnel(self) -> u8 {
        self.0 & 0xf
    }
}

/// A part of a frame that begins with a header of some kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Layer {
    pub(super) kind: Kind,
    /// What carries it is the first fragment of a packet, and may end before this layer does.
    pub(super) cut: bool,
    /// Offset of its header in the frame.
    pub(super) start: u64,
    /// Offset of the first byte behind what carries it, never behind the frame's last.
    pub(super) end: u64,
    /// What it is inside of.
    pub(super) around: Encapsulation,
}

/// What an IP packet carries: another layer, or nothing that is looked into.
pub(super) type Carried = Result<Option<Layer>, Stop>;

impl Layer {
    /// The whole frame.
    #[inline(always)]
    pub(super) fn outermost<P: Packet>(packet: &P) -> Self {
        let (start, end, around) = (0, packet.length().into(), Encapsulation(0));
        Self { kind: Kind::ETHERNET, cut: false, start, end, around }
    }

    /// Reads what this layer begins with.
    ///
    /// # Errors
    /// [`Stop::Malformed`] where the layer ends before.
    #[inline(always)]
    pub(super) fn read<const N: usize, P: Packet>(&self, packet: &P) -> Result<Header<N>, Stop> {
        self.read_at(packet, 0)
    }

    /// Reads `N` bytes that are so many bytes behind the beginning.
    ///
    /// # Errors
    /// [`Stop::Malformed`] where the layer ends before.
    #[inline(always)]
    pub(super) fn read_at<const N: usize, P: Packet>(
        &self,
        packet: &P,
        behind: u64,
    ) -> Result<Header<N>, Stop> {
        let start = self.start.wrapping_add(behind);
        if start.wrapping_add(N as u64) > self.end {
            return Err(Stop::Malformed);
        }
        Header::read(packet, start)
    }

    /// Reads the header by which a datagram shows what it is.
    ///
    /// # Errors
    /// [`Stop::Unopened`] where it is shorter, [`Stop::Malformed`] where the header is out of reach.
    #[inline(always)]
    pub(super) fn read_if_long_enough<const N: usize, P: Packet>(
        &self,
        packet: &P,
    ) -> Result<Header<N>, Stop> {
        if self.start.wrapping_add(N as u64) > self.end {
            return Err(Stop::Unopened);
        }
        Header::read(packet, self.start)
    }

    /// What is behind a header of this length, as a layer of another kind.
    ///
    /// # Errors
    /// [`Stop::Malformed`] where this layer ends before.
    #[inline(always)]
    pub(super) fn behind(&self, length: u64, kind: Kind) -> Result<Self, Stop> {
        let start = self.start.wrapping_add(length);
        if start > self.end {
            return Err(Stop::Malformed);
        }
        Ok(Self { kind, start, ..*self })
    }

    /// The same layer, ending after so many bytes, as its header says.
    ///
    /// # Errors
    /// [`Stop::Malformed`] where what carries it ends before, and is not a first fragment.
    #[inline(always)]
    pub(super) fn ending_after(&self, length: u64) -> Result<Self, Stop> {
        let end = self.start.wrapping_add(length);
        if end <= self.end {
            return Ok(Self { end, ..*self });
        }
        if self.cut { Ok(*self) } else { Err(Stop::Malformed) }
    }
}
