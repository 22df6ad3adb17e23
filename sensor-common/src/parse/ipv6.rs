//! IPv6 (RFC 8200) and its extension headers, up to [`MOST_EXTENSIONS`] of them.

use super::{Address, Unparsed, Upper};
use crate::packet::Packet;

/// Most extension headers that are stepped over. A longer chain is malformed: no ordinary host
/// sends one (RFC 8504 section 5.3 lets receivers set such a limit), and the verifier wants a bound.
pub const MOST_EXTENSIONS: u32 = 8;

const HEADER_LENGTH: u32 = 40;

/// Next-header numbers of the extension headers that are stepped over: those of RFC 8200 section 4
/// and the Authentication Header, as the Linux kernel does (`ipv6_ext_hdr`). Mobility, HIP and Shim6
/// headers are protocols of their own in practice and are taken as such.
mod extension {
    pub(super) const HOP_BY_HOP: u8 = 0;
    pub(super) const ROUTING: u8 = 43;
    pub(super) const FRAGMENT: u8 = 44;
    pub(super) const AUTHENTICATION: u8 = 51;
    pub(super) const DESTINATION: u8 = 60;
}

/// Reads the header at `offset` and steps over the extension headers behind it.
///
/// # Errors
/// [`Unparsed::Malformed`]: a header is cut short, the version is wrong, the frame is shorter than
/// the packet says it is, or the chain of extension headers is longer than [`MOST_EXTENSIONS`].
#[inline(always)]
pub(super) fn parse<P: Packet>(
    packet: &P,
    offset: u32,
) -> Result<(Address, Address, Upper), Unparsed> {
    let [first, _, _, _, length_1, length_2, next, _] =
        packet.load::<8>(offset).ok_or(Unparsed::Malformed)?;
    let source = packet.load::<16>(offset.wrapping_add(8)).ok_or(Unparsed::Malformed)?;
    let destination = packet.load::<16>(offset.wrapping_add(24)).ok_or(Unparsed::Malformed)?;
    let payload = u32::from(u16::from_be_bytes([length_1, length_2]));
    let start = offset.wrapping_add(HEADER_LENGTH);
    let end = start.wrapping_add(payload);
    if first >> 4 != 6 || end > packet.length() {
        return Err(Unparsed::Malformed);
    }
    let upper = step_over_extensions(packet, next, start, end)?;
    Ok((Address::from_v6(source), Address::from_v6(destination), upper))
}

#[inline(always)]
fn step_over_extensions<P: Packet>(
    packet: &P,
    next: u8,
    start: u32,
    end: u32,
) -> Result<Upper, Unparsed> {
    let mut upper = Upper { protocol: next, offset: start, end, fragment: false, later: false };
    for _ in 0..MOST_EXTENSIONS {
        if !is_extension(upper.protocol) {
            return Ok(upper);
        }
        let [next, length, offset_1, offset_2] =
            packet.load::<4>(upper.offset).ok_or(Unparsed::Malformed)?;
        let octets = match upper.protocol {
            extension::FRAGMENT => {
                // RFC 8200 section 4.5: 13 bits of offset, 2 reserved, 1 "more fragments".
                let field = u16::from_be_bytes([offset_1, offset_2]);
                upper.fragment |= field & 0xfff9 != 0;
                upper.later |= field & 0xfff8 != 0;
                8
            }
            // RFC 4302 section 2.2: in units of four octets, minus two.
            extension::AUTHENTICATION => u32::from(length).wrapping_add(2).wrapping_mul(4),
            // RFC 8200 section 4.2: in units of eight octets, not counting the first.
            _ => u32::from(length).wrapping_add(1).wrapping_mul(8),
        };
        upper.protocol = next;
        upper.offset = upper.offset.wrapping_add(octets);
        if upper.offset > end {
            return Err(Unparsed::Malformed);
        }
        if upper.later {
            // What follows is the middle of some upper-layer packet, whatever it looks like.
            return Ok(upper);
        }
    }
    if is_extension(upper.protocol) { Err(Unparsed::Malformed) } else { Ok(upper) }
}

#[inline(always)]
const fn is_extension(next: u8) -> bool {
    matches!(
        next,
        extension::HOP_BY_HOP
            | extension::ROUTING
            | extension::FRAGMENT
            | extension::AUTHENTICATION
            | extension::DESTINATION
    )
}
