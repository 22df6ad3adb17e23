//! A `PPPoE` session (RFC 2516), with IP or MPLS in it. Its length tells what Ethernet padded.

use super::header::Header;
use super::layer::{Kind, Layer};
use super::stop::Stop;
use super::tunnel::{Entered, Tunnel};
use crate::packet::Packet;

/// Positions of the fields (RFC 2516 section 4).
mod field {
    pub(super) const VERSION_AND_TYPE: usize = 0;
    pub(super) const CODE: usize = 1;
    pub(super) const LENGTH: usize = 4;
    /// Where PPP begins, with the number of what it carries.
    pub(super) const PROTOCOL: usize = 6;
    pub(super) const END: usize = 8;
}

const LENGTH: u64 = field::END as u64;
/// The part that the length does not count.
const UNCOUNTED: u64 = field::PROTOCOL as u64;

/// Version 1, type 1.
const VERSION_AND_TYPE: u8 = 0x11;
/// Of the session stage.
const CODE: u8 = 0;

/// PPP protocol numbers (IANA, "Point-to-Point (PPP) Protocol Field Assignments").
mod number {
    pub(super) const IPV4: u16 = 0x0021;
    pub(super) const IPV6: u16 = 0x0057;
    pub(super) const MPLS: u16 = 0x0281;
    pub(super) const MPLS_UPSTREAM: u16 = 0x0283;
}

/// Opens a session's frame.
///
/// # Errors
/// [`Stop::Malformed`] where the header is wrong or what carries it ends before, [`Stop::NonIp`] for
/// PPP's own packets and for other protocols.
#[inline(always)]
pub(super) fn open<P: Packet>(packet: &P, layer: Layer, entered: Entered) -> Result<Layer, Stop> {
    let header: Header<{ field::END }> = layer.read(packet)?;
    if header.byte::<{ field::VERSION_AND_TYPE }>() != VERSION_AND_TYPE
        || header.byte::<{ field::CODE }>() != CODE
    {
        return Err(Stop::Malformed);
    }
    let length = u64::from(header.half::<{ field::LENGTH }>());
    let session = layer.ending_after(UNCOUNTED.wrapping_add(length))?;
    match header.half::<{ field::PROTOCOL }>() {
        number::IPV4 => session.behind(LENGTH, Kind::IPV4),
        number::IPV6 => session.behind(LENGTH, Kind::IPV6),
        number::MPLS | number::MPLS_UPSTREAM if entered.has(Tunnel::Mpls) => {
            session.behind(LENGTH, Kind::MPLS)
        }
        number::MPLS | number::MPLS_UPSTREAM => Err(Stop::Unopened),
        _ => Err(Stop::NonIp),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Unparsed;
    use super::super::samples::{assert_inside, assert_malformed, packet_v4, packet_v6, parsed};

    #[test]
    fn sessions() {
        assert_inside(packet_v4().session(), &packet_v4());
        assert_inside(packet_v6().session().frame(&[0x88a8, 0x8100]), &packet_v6());
        assert_inside(packet_v6().labels(2, false).session(), &packet_v6());
    }

    #[test]
    fn padding_is_behind_the_session() {
        let mut frame = packet_v4().session().on_the_wire().bytes;
        let alone = parsed(&frame);
        frame.resize(frame.len() + 9, 0);
        assert_eq!(parsed(&frame), alone);
        // The packet in it is longer than the session.
        frame[19] -= 1;
        assert_eq!(parsed(&frame), Err(Unparsed::Malformed));
    }

    #[test]
    fn other_headers_are_malformed_and_other_protocols_are_not_ip() {
        for (at, value) in [(0, 0x12), (0, 0x21), (1, 9), (4, 0xff), (5, 1)] {
            let mut session = packet_v4().session();
            session.bytes[at] = value;
            if at >= 4 {
                session.bytes[4] = value & 0x80;
            }
            assert_malformed(session);
        }
        let mut session = packet_v4().session();
        // LCP.
        session.bytes[6..8].copy_from_slice(&[0xc0, 0x21]);
        assert_eq!(parsed(&session.on_the_wire().bytes), Err(Unparsed::NonIp));
    }
}
