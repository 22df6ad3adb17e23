//! The extension headers of IPv6, up to [`MOST_EXTENSIONS`] of them: those of RFC 8200 section 4 and the
//! Authentication Header, as in the Linux kernel (`ipv6_ext_hdr`). Mobility, HIP and Shim6 headers are
//! protocols of their own in practice and are taken as such. Behind an IPv4 header only the Authentication
//! Header is one (RFC 4302).

use super::allowance::{Allowance, MOST_EXTENSIONS};
use super::flow::{Flow, Version};
use super::fragment::{Part, fragment};
use super::header::Header;
use super::stop::Stop;
use crate::layout::low;
use crate::packet::Packet;

/// Next-header numbers.
mod number {
    pub(super) const HOP_BY_HOP: u8 = 0;
    pub(super) const ROUTING: u8 = 43;
    pub(super) const FRAGMENT: u8 = 44;
    pub(super) const AUTHENTICATION: u8 = 51;
    pub(super) const DESTINATION: u8 = 60;
}

/// The shortest extension header.
const SHORTEST: u64 = 8;

/// Whether a header of this number, behind an IP header of this version, is an extension header.
#[inline(always)]
const fn is_extension(version: Version, protocol: u8) -> bool {
    use number::{AUTHENTICATION, DESTINATION, FRAGMENT, HOP_BY_HOP, ROUTING};
    match version {
        Version::V4 => protocol == AUTHENTICATION,
        Version::V6 => {
            matches!(protocol, HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION)
        }
    }
}

/// Positions of the fields that are looked at.
mod field {
    pub(super) const NEXT_HEADER: usize = 0;
    /// Of all but the fragment header.
    pub(super) const LENGTH: usize = 1;
    /// Of the fragment header (RFC 8200 section 4.5): 13 bits of offset, 2 reserved, 1 "more fragments".
    pub(super) const OFFSET_AND_FLAG: usize = 2;
    pub(super) const END: usize = 4;
}

const MORE_FRAGMENTS: u16 = 0x0001;
const FRAGMENT_OFFSET: u16 = 0xfff8;

/// The beginning of an extension header.
struct Extension(Header<{ field::END }>);

impl Extension {
    #[inline(always)]
    fn next_header(&self) -> u8 {
        self.0.byte::<{ field::NEXT_HEADER }>()
    }

    /// The whole header's length in bytes, given its own number.
    #[inline(always)]
    fn length(&self, number: u8) -> u64 {
        let length = u64::from(self.0.byte::<{ field::LENGTH }>());
        match number {
            number::FRAGMENT => 8,
            // RFC 4302 section 2.2: in units of four bytes, minus two.
            number::AUTHENTICATION => length.wrapping_add(2).wrapping_mul(4),
            // RFC 8200 section 4.2: in units of eight bytes, not counting the first.
            _ => length.wrapping_add(1).wrapping_mul(8),
        }
    }

    /// Whether a fragment header is that of a fragment, and not of a whole packet (RFC 6946).
    #[inline(always)]
    fn is_fragment(&self) -> bool {
        self.0.half::<{ field::OFFSET_AND_FLAG }>() & (MORE_FRAGMENTS | FRAGMENT_OFFSET) != 0
    }

    /// Whether a fragment header is that of a fragment other than the first.
    #[inline(always)]
    fn is_later_fragment(&self) -> bool {
        self.0.half::<{ field::OFFSET_AND_FLAG }>() & FRAGMENT_OFFSET != 0
    }
}

/// Steps over the extension headers with which what a packet carries begins; `flow` is behind them then.
/// [`Part::Unreachable`]: one of them is behind one that was too long to step over. The addresses are known, the
/// rest is not.
///
/// # Errors
/// [`Stop::Malformed`] where one does not end inside the packet, or there are more than [`MOST_EXTENSIONS`].
#[inline(always)]
pub(super) fn step_over<P: Packet>(
    packet: &P,
    flow: &mut Flow,
    mut part: Part,
    allowance: &mut Allowance,
) -> Result<Part, Stop> {
    let (mut start, end) = (u64::from(flow.upper), u64::from(flow.end));
    for _ in 0..=MOST_EXTENSIONS {
        if !follows(flow, part) {
            break;
        }
        allowance.take()?;
        if start.wrapping_add(SHORTEST) > end {
            return Err(Stop::Malformed);
        }
        let Some(extension) = Header::within_reach(packet, start).map(Extension) else {
            return Ok(Part::Unreachable);
        };
        if flow.protocol == number::FRAGMENT {
            flow.flags |= fragment(extension.is_fragment());
            if extension.is_later_fragment() {
                part = Part::Later;
            }
        }
        start = packet.hide(start.wrapping_add(extension.length(flow.protocol)));
        if start > end {
            return Err(Stop::Malformed);
        }
        flow.upper = low(start);
        flow.protocol = extension.next_header();
    }
    Ok(part)
}

/// Whether what a packet carries begins with an extension header.
#[inline(always)]
pub(super) fn follows(flow: &Flow, part: Part) -> bool {
    part == Part::First && is_extension(flow.version(), flow.protocol)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::super::samples::{parsed, ports, udp_v6};
    use crate::parse::Unparsed;

    /// An IPv6 frame whose payload is `rest`, announced as `next`.
    fn v6(next: u8, rest: &[u8]) -> Vec<u8> {
        let mut frame = udp_v6();
        frame.truncate(54);
        let length = u16::try_from(rest.len()).unwrap();
        frame[18..20].copy_from_slice(&length.to_be_bytes());
        frame[20] = next;
        frame.extend_from_slice(rest);
        frame
    }

    /// An extension header, then UDP.
    fn before_udp(header: &[u8]) -> Vec<u8> {
        [header, &udp_v6()[54..]].concat()
    }

    #[test]
    fn up_to_eight_are_stepped_over() {
        let chain = |count: usize| {
            let mut rest = Vec::new();
            for position in 0..count {
                let next = if position + 1 == count { 17 } else { 60 };
                rest.extend_from_slice(&[next, 0, 1, 4, 0, 0, 0, 0]);
            }
            v6(60, &before_udp(&rest))
        };
        assert_eq!(parsed(&chain(1)).unwrap().ports(), ports(5_353, 53));
        assert_eq!(parsed(&chain(8)).unwrap().ports(), ports(5_353, 53));
        assert_eq!(parsed(&chain(9)), Err(Unparsed::Malformed));
    }

    #[test]
    fn fragments() {
        let atomic = before_udp(&[17, 0, 0, 0, 0, 0, 0, 7]);
        let flow = parsed(&v6(44, &atomic)).unwrap();
        assert_eq!((flow.is_fragment(), flow.ports()), (false, ports(5_353, 53)));

        let first = before_udp(&[17, 0, 0, 1, 0, 0, 0, 7]);
        let flow = parsed(&v6(44, &first)).unwrap();
        assert_eq!((flow.is_fragment(), flow.ports()), (true, ports(5_353, 53)));

        // A later fragment may begin with anything, also with what looks like an extension header.
        let later = [60, 0, 0, 8, 0, 0, 0, 7, 17, 0, 1, 4, 0, 0, 0, 0];
        let flow = parsed(&v6(44, &later)).unwrap();
        assert_eq!((flow.is_fragment(), flow.ports(), flow.protocol), (true, None, 60));
    }

    #[test]
    fn the_authentication_header_counts_in_units_of_its_own() {
        let authenticated = before_udp(&[17, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(parsed(&v6(51, &authenticated)).unwrap().ports(), ports(5_353, 53));
    }

    #[test]
    fn a_header_beyond_the_packet_is_malformed() {
        assert_eq!(parsed(&v6(60, &[17, 200, 0, 0, 0, 0, 0, 0])), Err(Unparsed::Malformed));
        assert_eq!(parsed(&v6(60, &[17, 0, 1])), Err(Unparsed::Malformed));
        let mut padded = v6(60, &[17, 0, 1]);
        padded.resize(200, 0);
        assert_eq!(parsed(&padded), Err(Unparsed::Malformed));
    }
}
