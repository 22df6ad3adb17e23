//! From a frame to the metadata that selection works on: [`Flow`].
//!
//! One file per protocol: [`ethernet`] (with VLAN tags), [`ipv4`], [`ipv6`] (with its extension
//! headers), [`transport`] (TCP and UDP ports), [`payload`] (what they carry, found only where it is
//! asked for). Where a header is cut short or contradicts itself
//! the packet is malformed: when in doubt, the sensor selects less.
//!
//! Not supported yet, hence judged by the outer IP header or counted `non-ip`: MPLS, `PPPoE`,
//! GRE, IP-in-IP, VXLAN, Geneve, GTP-U.

pub mod ethernet;
pub mod ipv4;
pub mod ipv6;
pub mod payload;
pub mod transport;

use crate::packet::Packet;
use transport::Ports;

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

/// The metadata of one IP packet: all that selection may look at (L-MECH).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Flow {
    /// IPv4 or IPv6.
    pub version: Version,
    /// Where the packet comes from.
    pub source: Address,
    /// Where it goes.
    pub destination: Address,
    /// The upper-layer protocol (IANA protocol number), behind any IPv6 extension headers.
    pub protocol: u8,
    /// TCP or UDP ports; none for other protocols and for non-first fragments.
    pub ports: Option<Ports>,
    /// The packet is one fragment of a larger one.
    pub fragment: bool,
    /// Offset of the upper-layer header in the frame.
    pub upper: u32,
    /// Offset of the first byte behind the IP packet, never behind the frame's last.
    pub end: u32,
}

/// Why a frame has no [`Flow`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unparsed {
    /// No IPv4 or IPv6 packet that the parser reaches.
    NonIp,
    /// Headers cut short or contradicting themselves.
    Malformed,
}

/// Where the upper-layer protocol starts, as an IP header says it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Upper {
    /// IANA protocol number.
    protocol: u8,
    /// Offset of the upper-layer header in the frame.
    offset: u32,
    /// Offset of the first byte behind the IP packet.
    end: u32,
    /// Part of a larger packet.
    fragment: bool,
    /// Not its first part, so without an upper-layer header.
    later: bool,
}

/// Parses a frame.
///
/// # Errors
/// [`Unparsed`] says which of the two outcomes the frame has instead.
#[inline(always)]
pub fn parse<P: Packet>(packet: &P) -> Result<Flow, Unparsed> {
    let network = ethernet::parse(packet)?;
    let (version, source, destination, upper) = match network.ether_type {
        ethernet::IPV4 => {
            let (source, destination, upper) = ipv4::parse(packet, network.offset)?;
            (Version::V4, source, destination, upper)
        }
        ethernet::IPV6 => {
            let (source, destination, upper) = ipv6::parse(packet, network.offset)?;
            (Version::V6, source, destination, upper)
        }
        _ => return Err(Unparsed::NonIp),
    };
    let ports = if upper.later { None } else { transport::parse(packet, &upper)? };
    Ok(Flow {
        version,
        source,
        destination,
        protocol: upper.protocol,
        ports,
        fragment: upper.fragment,
        upper: upper.offset,
        end: upper.end,
    })
}

#[cfg(test)]
mod tests;
