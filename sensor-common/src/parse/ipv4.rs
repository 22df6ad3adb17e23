//! IPv4 (RFC 791). Options are stepped over; the header checksum is left to the hosts.

use super::{Address, Unparsed, Upper};
use crate::packet::Packet;

const SHORTEST_HEADER: u32 = 20;
/// Flag "more fragments" and the 13 bits of the fragment offset (RFC 791 section 3.1).
const MORE_FRAGMENTS: u16 = 0x2000;
const FRAGMENT_OFFSET: u16 = 0x1fff;

/// Reads the header at `offset`.
///
/// # Errors
/// [`Unparsed::Malformed`]: the header is cut short, its version or lengths are wrong, or the
/// frame is shorter than the packet says it is.
#[inline(always)]
pub(super) fn parse<P: Packet>(
    packet: &P,
    offset: u32,
) -> Result<(Address, Address, Upper), Unparsed> {
    let header = packet.load::<20>(offset).ok_or(Unparsed::Malformed)?;
    let [
        version_and_length,
        _,
        total_1,
        total_2,
        _,
        _,
        fragment_1,
        fragment_2,
        _,
        protocol,
        _,
        _,
        s1,
        s2,
        s3,
        s4,
        d1,
        d2,
        d3,
        d4,
    ] = header;

    let header_length = u32::from(version_and_length & 0xf).wrapping_mul(4);
    let total = u32::from(u16::from_be_bytes([total_1, total_2]));
    let end = offset.wrapping_add(total);
    let fragment = u16::from_be_bytes([fragment_1, fragment_2]);
    let sound = version_and_length >> 4 == 4
        && header_length >= SHORTEST_HEADER
        && total >= header_length
        && end <= packet.length();
    if !sound {
        return Err(Unparsed::Malformed);
    }
    Ok((
        Address::from_v4([s1, s2, s3, s4]),
        Address::from_v4([d1, d2, d3, d4]),
        Upper {
            protocol,
            offset: offset.wrapping_add(header_length),
            end,
            fragment: fragment & (MORE_FRAGMENTS | FRAGMENT_OFFSET) != 0,
            later: fragment & FRAGMENT_OFFSET != 0,
        },
    ))
}
