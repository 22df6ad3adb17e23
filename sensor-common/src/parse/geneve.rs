//! Geneve (RFC 8926): Ethernet, IP or MPLS behind a header with options.

use super::ether_type::EtherType;
use super::ethernet;
use super::header::Header;
use super::layer::{Kind, Layer};
use super::stop::Stop;
use super::tunnel::Entered;
use crate::packet::Packet;

/// Positions of the fields (RFC 8926 section 3.4).
mod field {
    pub(super) const VERSION_AND_LENGTH: usize = 0;
    pub(super) const FLAGS: usize = 1;
    pub(super) const PROTOCOL: usize = 2;
    /// Behind the network's number.
    pub(super) const RESERVED: usize = 7;
    /// Where options begin.
    pub(super) const END: usize = 8;
}

const SHORTEST: u64 = field::END as u64;

/// Of the options, in units of four bytes. The two bits above are the version, which is 0.
const LENGTH: u8 = 0x3f;
/// The bits of the flags that are reserved.
const RESERVED: u8 = 0x3f;
/// The lowest `EtherType` (IEEE 802.3 section 3.2.6).
const LOWEST_TYPE: u16 = 0x0600;

/// Opens a datagram to Geneve's port.
///
/// # Errors
/// [`Stop::Unopened`] where the header is not Geneve's, [`Stop::Malformed`] where the datagram ends before the
/// options do; see [`ethernet::carried`].
#[inline(always)]
pub(super) fn open<P: Packet>(packet: &P, layer: Layer, entered: Entered) -> Result<Layer, Stop> {
    let header: Header<{ field::END }> = layer.read_if_long_enough(packet)?;
    let first = header.byte::<{ field::VERSION_AND_LENGTH }>();
    let protocol = header.half::<{ field::PROTOCOL }>();
    let fits = first <= LENGTH
        && header.byte::<{ field::FLAGS }>() & RESERVED == 0
        && header.byte::<{ field::RESERVED }>() == 0
        && protocol >= LOWEST_TYPE;
    if !fits {
        return Err(Stop::Unopened);
    }
    let options = u64::from(first & LENGTH).wrapping_mul(4);
    let rest = layer.behind(SHORTEST.wrapping_add(options), Kind::ETHERNET)?;
    match EtherType(protocol) {
        EtherType::BRIDGING => Ok(rest),
        ether_type => ethernet::carried(ether_type, rest, entered),
    }
}

#[cfg(test)]
mod tests {
    use sekisho_stack::{Outer, Piece};

    use super::super::samples::{
        assert_inside, assert_malformed, assert_outside, packet_v4, packet_v6,
    };

    #[test]
    fn options_and_all_that_is_carried() {
        for outer in Outer::ALL {
            for units in [0, 1, 2, 63] {
                assert_inside(packet_v4().frame(&[]).geneve(outer, units), &packet_v4());
                assert_inside(packet_v4().geneve(outer, units), &packet_v4());
                assert_inside(packet_v6().geneve(outer, units), &packet_v6());
                assert_inside(packet_v6().labels(1, false).geneve(outer, units), &packet_v6());
            }
        }
    }

    /// With another byte in the header, which is behind IPv4 and UDP.
    fn with(at: usize, value: u8) -> Piece {
        let mut piece = packet_v4().geneve(Outer::V4, 1);
        piece.bytes[28 + at] = value;
        piece
    }

    #[test]
    fn what_has_another_header_is_another_protocol() {
        for (at, value) in [(0, 0x41), (0, 0xc1), (1, 1), (1, 0x20), (2, 5), (7, 1)] {
            assert_outside(with(at, value), (50_001, 6_081));
        }
        assert_outside(Piece::packet([0; 7].into()).udp(Outer::V6, 7, 6_081), (7, 6_081));
    }

    #[test]
    fn an_inside_that_cannot_be_judged_is_malformed() {
        // ARP, options behind the end, and the packet not where the options end.
        for (at, value) in [(3, 6), (0, 63), (0, 0)] {
            assert_malformed(with(at, value));
        }
        // Control packets and critical options are Geneve all the same.
        assert_inside(with(1, 0xc0), &packet_v4());
    }
}
