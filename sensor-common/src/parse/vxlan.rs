//! VXLAN (RFC 7348), also with a group policy (draft-smith-vxlan-group-policy).

use super::header::Header;
use super::layer::{Kind, Layer};
use super::stop::Stop;
use crate::packet::Packet;

/// Positions of the fields (RFC 7348 section 5).
mod field {
    pub(super) const FLAGS: usize = 0;
    /// Reserved, or of the group policy.
    pub(super) const POLICY: usize = 1;
    pub(super) const GROUP: usize = 2;
    /// Behind the network's number.
    pub(super) const RESERVED: usize = 7;
    pub(super) const END: usize = 8;
}

const LENGTH: u64 = field::END as u64;

/// A network's number is there. It has to be.
const NUMBERED: u8 = 0x08;
/// The same, with a group policy.
const GROUPED: u8 = 0x88;

/// Opens a datagram to VXLAN's port. It is one of VXLAN if all that is reserved is 0, as senders have to write it;
/// the port is not reserved for VXLAN.
///
/// # Errors
/// [`Stop::Unopened`] where the header is not VXLAN's.
#[inline(always)]
pub(super) fn open<P: Packet>(packet: &P, layer: Layer) -> Result<Layer, Stop> {
    let header: Header<{ field::END }> = layer.read_if_long_enough(packet)?;
    let flags = header.byte::<{ field::FLAGS }>();
    let policy = header.byte::<{ field::POLICY }>();
    let group = header.half::<{ field::GROUP }>();
    let fits = match flags {
        NUMBERED => policy == 0 && group == 0,
        GROUPED => true,
        _ => false,
    };
    if !fits || header.byte::<{ field::RESERVED }>() != 0 {
        return Err(Stop::Unopened);
    }
    layer.behind(LENGTH, Kind::ETHERNET)
}

#[cfg(test)]
mod tests {
    use sekisho_stack::{Outer, Piece};

    use super::super::samples::{
        assert_inside, assert_malformed, assert_outside, packet_v4, packet_v6,
    };

    #[test]
    fn both_ports() {
        for outer in Outer::ALL {
            for port in [4_789, 8_472] {
                assert_inside(packet_v4().frame(&[]).vxlan(outer, port), &packet_v4());
                assert_inside(packet_v6().frame(&[0x8100]).vxlan(outer, port), &packet_v6());
            }
        }
        assert_outside(packet_v4().frame(&[]).vxlan(Outer::V4, 4_790), (50_000, 4_790));
    }

    /// With another byte in the header, which is behind IPv4 and UDP.
    fn with(at: usize, value: u8) -> Piece {
        let mut piece = packet_v4().frame(&[]).vxlan(Outer::V4, 4_789);
        piece.bytes[28 + at] = value;
        piece
    }

    #[test]
    fn a_group_policy() {
        let mut piece = with(0, 0x88);
        piece.bytes[29..32].copy_from_slice(&[0x48, 1, 2]);
        assert_inside(piece, &packet_v4());
    }

    #[test]
    fn what_has_another_header_is_another_protocol() {
        for (at, value) in [(0, 0), (0, 0x0c), (0, 0x48), (0, 0xff), (1, 1), (2, 1), (3, 1), (7, 1)]
        {
            assert_outside(with(at, value), (50_000, 4_789));
        }
        assert_outside(Piece::packet([8; 7].into()).udp(Outer::V6, 7, 8_472), (7, 8_472));
        // The source's port says nothing.
        let answer = packet_v4().frame(&[]).vxlan(Outer::V4, 9).udp(Outer::V4, 4_789, 9);
        assert_outside(Piece { tunnels: [].into(), ..answer }, (4_789, 9));
    }

    #[test]
    fn an_inside_that_cannot_be_judged_is_malformed() {
        // ARP, a cut header, an IP packet longer than the datagram, and the datagram longer than IP.
        for (at, value) in [(21, 6), (20, 0x77), (24, 0x7f)] {
            assert_malformed(with(at, value));
        }
        let mut longer = packet_v4().frame(&[]).vxlan(Outer::V4, 4_789);
        longer.bytes[25] += 1;
        assert_malformed(longer.clone());
        longer.bytes[24..26].copy_from_slice(&[0, 7]);
        assert_malformed(longer);
    }

    #[test]
    fn the_datagram_bounds_the_frame() {
        let mut piece = packet_v4().frame(&[]).vxlan(Outer::V4, 4_789);
        piece.bytes[25] -= 1;
        assert_malformed(piece);
    }
}
