//! Teredo (RFC 4380): IPv6 in UDP, behind an authentication and an origin indication where they are there.

use super::header::Header;
use super::layer::{Kind, Layer};
use super::stop::Stop;
use crate::packet::Packet;

/// What an indication begins with (RFC 4380 section 5.1.1). IPv6 begins with neither.
mod indicator {
    pub(super) const ORIGIN: u16 = 0x0000;
    pub(super) const AUTHENTICATION: u16 = 0x0001;
}

/// Length of the origin indication.
const ORIGIN: u64 = 8;
/// Length of the authentication without what has a length of its own.
const AUTHENTICATION: u64 = 13;
/// Positions of these lengths.
mod field {
    pub(super) const IDENTIFIER_LENGTH: usize = 2;
    pub(super) const VALUE_LENGTH: usize = 3;
    pub(super) const END: usize = 4;
    /// In IPv6.
    pub(super) const PAYLOAD_LENGTH: usize = 4;
    pub(super) const IPV6_END: usize = 8;
}

/// Length of an IPv6 header.
const IPV6: u64 = 40;

/// Opens a datagram to or from a Teredo port. It is one of Teredo if an IPv6 packet is in it; behind that one
/// there may be trailers (RFC 6081).
///
/// # Errors
/// [`Stop::Unopened`] where there is none, [`Stop::Malformed`] where that is out of reach.
#[inline(always)]
pub(super) fn open<P: Packet>(packet: &P, mut layer: Layer) -> Result<Layer, Stop> {
    let first: Header<{ field::END }> = layer.read_if_long_enough(packet)?;
    if first.half::<0>() == indicator::AUTHENTICATION {
        let identifier = u64::from(first.byte::<{ field::IDENTIFIER_LENGTH }>());
        let value = u64::from(first.byte::<{ field::VALUE_LENGTH }>());
        layer = behind(packet, layer, AUTHENTICATION.wrapping_add(identifier).wrapping_add(value))?;
    }
    let first: Header<2> = layer.read_if_long_enough(packet)?;
    if first.half::<0>() == indicator::ORIGIN {
        layer = behind(packet, layer, ORIGIN)?;
    }
    let header: Header<{ field::IPV6_END }> = layer.read_if_long_enough(packet)?;
    let length = u64::from(header.half::<{ field::PAYLOAD_LENGTH }>());
    let fits = header.byte::<0>() >> 4 == 6
        && layer.behind(IPV6, Kind::TEREDO).is_ok()
        && layer.ending_after(IPV6.wrapping_add(length)).is_ok();
    if fits { layer.behind(0, Kind::IPV6) } else { Err(Stop::Unopened) }
}

/// What is behind an indication.
#[inline(always)]
fn behind<P: Packet>(packet: &P, layer: Layer, length: u64) -> Result<Layer, Stop> {
    let mut rest = layer.behind(length, Kind::TEREDO).map_err(|_| Stop::Unopened)?;
    rest.start = packet.hide(rest.start);
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use sekisho_stack::{Outer, Piece, TEREDO_INDICATIONS};

    use super::super::samples::{
        assert_inside, assert_malformed, assert_outside, packet_v4, packet_v6,
    };

    #[test]
    fn indications_and_both_ways() {
        for outer in Outer::ALL {
            for (from, to) in [(0, 0), (0, 18), (18, 26), (0, 26)] {
                for is_answer in [false, true] {
                    let indications = &TEREDO_INDICATIONS[from..to];
                    assert_inside(packet_v6().teredo(outer, is_answer, indications), &packet_v6());
                }
            }
        }
    }

    #[test]
    fn what_has_no_ipv6_in_it_is_another_protocol() {
        let ports = (50_002, 3_544);
        assert_outside(packet_v4().teredo(Outer::V4, false, &[]), ports);
        assert_outside(Piece::packet([].into()).udp(Outer::V4, 50_002, 3_544), ports);
        assert_outside(Piece::packet([0x60; 39].into()).udp(Outer::V4, 50_002, 3_544), ports);
        // Longer than the datagram.
        let mut piece = packet_v6().teredo(Outer::V4, false, &[]);
        piece.bytes[28 + 5] += 1;
        assert_outside(piece, ports);
        // An authentication behind its end, and an origin before an authentication.
        let mut piece = packet_v6().teredo(Outer::V4, false, &TEREDO_INDICATIONS);
        piece.bytes[28 + 2] = 255;
        assert_outside(piece, ports);
        let swapped = [&TEREDO_INDICATIONS[18..], &TEREDO_INDICATIONS[..18]].concat();
        assert_outside(packet_v6().teredo(Outer::V4, false, &swapped), ports);
    }

    #[test]
    fn an_ipv6_packet_that_cannot_be_judged_is_malformed() {
        let mut piece = packet_v6().teredo(Outer::V4, false, &[]);
        // UDP in seven bytes; the rest is a trailer.
        piece.bytes[28 + 5] = 7;
        assert_malformed(piece);
    }
}
