//! GTP-U (3GPP TS 29.281): the packets of mobile subscribers, behind a header with extension headers.

use super::allowance::{Allowance, MOST_EXTENSIONS};
use super::header::Header;
use super::layer::{Kind, Layer};
use super::stop::Stop;
use crate::packet::Packet;

/// Positions of the fields (TS 29.281 section 5.1).
mod field {
    pub(super) const FLAGS: usize = 0;
    pub(super) const TYPE: usize = 1;
    pub(super) const LENGTH: usize = 2;
    /// Where optional fields begin.
    pub(super) const END: usize = 8;
    /// In the optional fields: the type of the first extension header.
    pub(super) const NEXT: usize = 3;
    pub(super) const OPTIONAL_END: usize = 4;
}

const SHORTEST: u64 = field::END as u64;
const OPTIONAL: u64 = field::OPTIONAL_END as u64;

/// Version 1, GTP and not GTP', and a spare bit that is 0.
const KIND: u8 = 0x30;
const KIND_BITS: u8 = 0xf8;
/// Any of these: the optional fields are there, all of them.
const HAS_OPTIONAL: u8 = 0x07;
const HAS_EXTENSIONS: u8 = 0x04;
/// A subscriber's packet ("G-PDU"). All other messages are between the tunnel's ends.
const SUBSCRIBERS: u8 = 255;
/// The type behind the last extension header.
const NO_MORE: u8 = 0;

/// Opens a datagram to GTP-U's port.
///
/// # Errors
/// [`Stop::Unopened`] where it is not a subscriber's packet, [`Stop::Malformed`] where its headers contradict
/// themselves or the datagram, [`Stop::NonIp`] where the subscriber's packet is not IP.
#[inline(always)]
pub(super) fn open<P: Packet>(
    packet: &P,
    layer: Layer,
    allowance: &mut Allowance,
) -> Result<Layer, Stop> {
    let header: Header<{ field::END }> = layer.read_if_long_enough(packet)?;
    let flags = header.byte::<{ field::FLAGS }>();
    if flags & KIND_BITS != KIND || header.byte::<{ field::TYPE }>() != SUBSCRIBERS {
        return Err(Stop::Unopened);
    }
    let length = u64::from(header.half::<{ field::LENGTH }>());
    let message = layer.ending_after(SHORTEST.wrapping_add(length))?;
    let mut rest = message.behind(SHORTEST, Kind::GTP)?;
    if flags & HAS_OPTIONAL != 0 {
        let optional: Header<{ field::OPTIONAL_END }> = rest.read(packet)?;
        rest = rest.behind(OPTIONAL, Kind::GTP)?;
        if flags & HAS_EXTENSIONS != 0 {
            rest = step_over(packet, optional.byte::<{ field::NEXT }>(), rest, allowance)?;
        }
    }
    rest.start = packet.hide(rest.start);
    let first: Header<2> = rest.read(packet)?;
    match first.byte::<0>() >> 4 {
        4 => rest.behind(0, Kind::IPV4),
        6 => rest.behind(0, Kind::IPV6),
        _ => Err(Stop::NonIp),
    }
}

/// Steps over the extension headers (TS 29.281 section 5.2.1): length in units of four bytes, content, type
/// of the next.
///
/// # Errors
/// [`Stop::Malformed`] where one has no length or does not end inside the message, or there are more than
/// [`MOST_EXTENSIONS`].
#[inline(always)]
fn step_over<P: Packet>(
    packet: &P,
    mut next: u8,
    mut rest: Layer,
    allowance: &mut Allowance,
) -> Result<Layer, Stop> {
    rest.end = packet.hide(rest.end);
    for _ in 0..MOST_EXTENSIONS {
        rest.start = packet.hide(rest.start);
        if next == NO_MORE {
            return Ok(rest);
        }
        allowance.take()?;
        let first: Header<2> = rest.read(packet)?;
        let length = u64::from(first.byte::<0>()).wrapping_mul(4);
        if length == 0 {
            return Err(Stop::Malformed);
        }
        let last: Header<2> = rest.read_at(packet, length.wrapping_sub(2))?;
        next = last.byte::<1>();
        rest = rest.behind(length, Kind::GTP)?;
    }
    if next == NO_MORE { Ok(rest) } else { Err(Stop::Malformed) }
}

#[cfg(test)]
mod tests {
    use sekisho_stack::{Outer, Piece};

    use super::super::samples::{
        assert_inside, assert_malformed, assert_outside, packet_v4, packet_v6,
    };

    #[test]
    fn extension_headers() {
        for outer in Outer::ALL {
            for units in [&[] as &[u8], &[1], &[2], &[1, 3], &[1; 4]] {
                assert_inside(packet_v4().gtp(outer, units), &packet_v4());
                assert_inside(packet_v6().gtp(outer, units), &packet_v6());
            }
        }
        assert_inside(packet_v4().gtp(Outer::V4, &[1; 8]), &packet_v4());
        assert_malformed(packet_v4().gtp(Outer::V4, &[1; 9]));
    }

    /// With another byte in the header, which is behind IPv4 and UDP.
    fn with(at: usize, value: u8) -> Piece {
        let mut piece = packet_v4().gtp(Outer::V4, &[1]);
        piece.bytes[28 + at] = value;
        piece
    }

    #[test]
    fn a_sequence_number_has_the_same_fields_and_no_extension_header() {
        // The fields are there, the type of the next header in them says nothing.
        let numbered = |flags| {
            let header = [flags, 255, 0, 49, 0, 0, 0, 9, 0, 1, 0, 0x85];
            let packet = packet_v4();
            let nature = packet.nature;
            let piece = packet.behind(nature, &header).udp(Outer::V4, 2_152, 2_152);
            Piece { tunnels: ["gtp-u"].into(), ..piece }
        };
        assert_inside(numbered(0x32), &packet_v4());
        assert_inside(numbered(0x31), &packet_v4());
        assert_malformed(numbered(0x34));
    }

    #[test]
    fn messages_between_the_ends_are_judged_by_themselves() {
        // Echo, error indication, end marker; version 2, GTP', the spare bit.
        for (at, value) in [(1, 1), (1, 26), (1, 254), (0, 0x54), (0, 0x24), (0, 0x3c)] {
            assert_outside(with(at, value), (2_152, 2_152));
        }
    }

    #[test]
    fn headers_that_contradict_the_message_are_malformed() {
        // A length behind the datagram and one before the packet's end; an extension header without a length
        // and one behind the end; what is not IP.
        for (at, value) in [(3, 0xff), (3, 10), (12, 0), (12, 200), (16, 0x55)] {
            assert_malformed(with(at, value));
        }
    }
}
