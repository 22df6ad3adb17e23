//! What a frame comes to: the metadata of its innermost IP packet.

use super::ports::Ports;
use super::tunnel::Encapsulation;
use crate::layout::low;
use crate::opaque::Opaque;

/// An IP address as 128 bits in host byte order. IPv4 addresses are IPv4-mapped, `::ffff:a.b.c.d`
/// (RFC 4291 section 2.5.5.2), so that one type serves both versions.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Address {
    /// The first 64 bits.
    pub high: u64,
    /// The last 64 bits.
    pub low: u64,
}

impl Address {
    const MAPPED: u64 = 0xffff_0000_0000;

    /// From the four bytes of an IPv4 address, in network byte order.
    pub const fn from_v4(bytes: [u8; 4]) -> Self {
        Self { high: 0, low: Self::MAPPED | u32::from_be_bytes(bytes) as u64 }
    }

    /// From the sixteen bytes of an IPv6 address, in network byte order.
    pub const fn from_v6(bytes: [u8; 16]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = bytes;
        Self {
            high: u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            low: u64::from_be_bytes([i, j, k, l, m, n, o, p]),
        }
    }

    /// The IPv4 address in its last 32 bits; meaningful only in an IPv4 packet.
    #[expect(clippy::cast_possible_truncation, reason = "the last 32 bits are meant")]
    pub const fn v4(self) -> u32 {
        self.low as u32
    }
}

/// The version of the IP header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Version {
    /// RFC 791.
    V4,
    /// RFC 8200.
    V6,
}

/// Bits of [`Flow::flags`], and of a record's.
pub mod flag {
    /// The packet is IPv6.
    pub const V6: u8 = 1;
    /// The packet has ports.
    pub const PORTS: u8 = 2;
    /// The packet is a fragment.
    pub const FRAGMENT: u8 = 4;
}

/// The metadata of one IP packet: all that selection may look at (L-MECH).
///
/// It stands on the kernel's small stack, so it is packed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Flow {
    /// Where the packet comes from.
    pub source: Address,
    /// Where it goes.
    pub destination: Address,
    /// The upper-layer protocol (IANA protocol number), behind any IPv6 extension headers.
    pub protocol: u8,
    /// See [`flag`].
    pub flags: u8,
    /// Both ports as they begin the upper-layer header; 0 where there are none.
    pub(super) ports: u32,
    /// Offset of the upper-layer header in the frame.
    pub upper: u32,
    /// Offset of the first byte behind the IP packet, never behind the frame's last.
    pub end: u32,
    /// What the packet is inside of.
    pub encapsulation: Encapsulation,
}

impl Flow {
    /// No packet: every byte of it is 0. A function, because a constant of zeros would be written by a call of
    /// `memset` ([`crate::opaque`]).
    #[inline(always)]
    pub(crate) const fn blank() -> Self {
        let nowhere = Address { high: 0, low: 0 };
        Self {
            source: nowhere,
            destination: nowhere,
            protocol: 0,
            flags: 0,
            ports: 0,
            upper: 0,
            end: 0,
            encapsulation: Encapsulation(0),
        }
    }

    /// All the ways to it are one to the verifier ([`crate::opaque`]).
    #[inline(always)]
    pub(super) fn hide<O: Opaque>(&mut self, opaque: &O) {
        let [protocol, flags, ports, upper, end] = opaque.hide_each([
            self.protocol.into(),
            self.flags.into(),
            self.ports.into(),
            self.upper.into(),
            self.end.into(),
        ]);
        ([self.protocol, ..], [self.flags, ..]) = (protocol.to_le_bytes(), flags.to_le_bytes());
        (self.ports, self.upper, self.end) = (low(ports), low(upper), low(end));
    }

    /// IPv4 or IPv6.
    #[inline(always)]
    pub const fn version(&self) -> Version {
        if self.flags & flag::V6 == 0 { Version::V4 } else { Version::V6 }
    }

    /// TCP or UDP ports; none for other protocols, for non-first fragments, and behind extension headers that
    /// are too long to step over.
    #[inline(always)]
    pub const fn ports(&self) -> Option<Ports> {
        if self.flags & flag::PORTS == 0 { None } else { Some(Ports::of(self.ports)) }
    }

    /// Whether the packet is one fragment of a larger one, or the part of one that the first fragment of what
    /// carries it has.
    #[inline(always)]
    pub const fn is_fragment(&self) -> bool {
        self.flags & flag::FRAGMENT != 0
    }
}

/// Why a frame has no [`Flow`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unparsed {
    /// No IPv4 or IPv6 packet that the parser reaches.
    NonIp,
    /// Headers cut short or contradicting themselves.
    Malformed,
}
