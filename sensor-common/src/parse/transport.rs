//! The ports of TCP (RFC 9293) and UDP (RFC 768); nothing else of them is looked at.

use super::{Unparsed, Upper};
use crate::packet::Packet;

/// IANA protocol number of TCP.
pub const TCP: u8 = 6;
/// IANA protocol number of UDP.
pub const UDP: u8 = 17;

/// Bytes of a TCP header without options (RFC 9293 section 3.1).
pub(super) const TCP_SHORTEST: u32 = 20;
/// Bytes of a UDP header (RFC 768).
pub(super) const UDP_HEADER: u32 = 8;

/// The ports of a TCP or UDP packet, in host byte order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ports {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
}

/// Reads the ports, if the protocol has them.
///
/// # Errors
/// [`Unparsed::Malformed`] where the packet ends before the shortest header its protocol allows:
/// a first fragment that splits the TCP header is an evasion (RFC 1858 section 3), not traffic.
#[inline(always)]
pub(super) fn parse<P: Packet>(packet: &P, upper: &Upper) -> Result<Option<Ports>, Unparsed> {
    let shortest = match upper.protocol {
        TCP => TCP_SHORTEST,
        UDP => UDP_HEADER,
        _ => return Ok(None),
    };
    if upper.offset.wrapping_add(shortest) > upper.end {
        return Err(Unparsed::Malformed);
    }
    let [s1, s2, d1, d2] = packet.load::<4>(upper.offset).ok_or(Unparsed::Malformed)?;
    Ok(Some(Ports {
        source: u16::from_be_bytes([s1, s2]),
        destination: u16::from_be_bytes([d1, d2]),
    }))
}
