//! UDP (RFC 768), and the tunnels in it. Ports are read in [`super::transport`], as TCP has them at the
//! same place.

use core::ops::Range;

use super::flow::Flow;
use super::layer::{Kind, Layer};
use super::ports::Ports;
use super::stop::Stop;
use crate::packet::{Offset, Packet};

/// Positions of the fields.
mod field {
    pub(super) const LENGTH: u64 = 4;
    pub(super) const END: u64 = 8;
}

/// Bytes of the header.
pub(super) const LENGTH: u64 = field::END;

/// IANA port numbers of what is entered.
mod port {
    /// RFC 7348.
    pub(super) const VXLAN: u16 = 4_789;
    /// VXLAN before it had a number: the default of Linux (`ip-link(8)`, `dstport`).
    pub(super) const OLD_VXLAN: u16 = 8_472;
    /// RFC 8926.
    pub(super) const GENEVE: u16 = 6_081;
    /// 3GPP TS 29.281 section 4.4.2.
    pub(super) const GTP: u16 = 2_152;
    /// RFC 4380.
    pub(super) const TEREDO: u16 = 3_544;
}

/// The tunnel that a pair of ports stands for. Only the destination's port is registered for it, the other
/// one is any; but Teredo's servers answer from theirs.
#[inline(always)]
pub(super) const fn announced(ports: Ports) -> Option<Kind> {
    match ports.destination {
        port::VXLAN | port::OLD_VXLAN => Some(Kind::VXLAN),
        port::GENEVE => Some(Kind::GENEVE),
        port::GTP => Some(Kind::GTP),
        port::TEREDO => Some(Kind::TEREDO),
        _ if ports.source == port::TEREDO => Some(Kind::TEREDO),
        _ => None,
    }
}

/// Opens a datagram that may be a tunnel's: what is behind its header, up to where its length says that it
/// ends.
///
/// # Errors
/// [`Stop::Malformed`] where the length contradicts the header or the packet.
#[inline(always)]
pub(super) fn open<P: Packet>(packet: &P, layer: Layer) -> Result<Layer, Stop> {
    let header = layer.read::<{ field::END as usize }, P>(packet)?;
    let length = u64::from(header.half::<{ field::LENGTH as usize }>());
    if length < LENGTH {
        return Err(Stop::Malformed);
    }
    let datagram = layer.ending_after(length)?;
    datagram.behind(LENGTH, layer.kind)
}

/// What is behind the header, up to where its length says that the datagram ends.
#[inline(always)]
pub(super) fn payload<P: Packet>(packet: &P, flow: &Flow) -> Option<Range<u64>> {
    let start = u64::from(flow.upper);
    let length =
        packet.load(Offset::new(start.wrapping_add(field::LENGTH))?).map(u16::from_be_bytes)?;
    // The header included. 0 would be that of a jumbogram (RFC 2675), which no XDP frame holds.
    let length = u64::from(length);
    if length < LENGTH {
        return None;
    }
    let (end, packets) = (start.wrapping_add(length), u64::from(flow.end));
    // The length in a first fragment is that of the whole datagram.
    if !flow.is_fragment() && end > packets {
        return None;
    }
    Some(start.wrapping_add(LENGTH)..if end < packets { end } else { packets })
}

#[cfg(test)]
mod tests {
    use super::super::samples::found;
    use super::super::samples::{udp_v4_with, udp_v6_with};

    #[test]
    fn a_length_that_cannot_be_leaves_no_payload() {
        for (length, expected) in [
            (0_u16, None),
            (7, None),
            (8, Some(b"".as_slice())),
            (10, Some(b"ab")),
            (12, Some(b"abcd")),
            (13, None),
            (u16::MAX, None),
        ] {
            let mut frame = udp_v6_with(b"abcd");
            frame[54 + 4..54 + 6].copy_from_slice(&length.to_be_bytes());
            assert_eq!(found(&frame), expected, "{length}");
        }
    }

    #[test]
    fn a_first_fragment_has_its_part_of_the_payload_and_later_ones_have_none() {
        let mut frame = udp_v4_with(b"abcd");
        frame[38..40].copy_from_slice(&2_000_u16.to_be_bytes());
        assert_eq!(found(&frame), None, "a datagram that ends behind its packet");
        frame[20..22].copy_from_slice(&0x2000_u16.to_be_bytes());
        assert_eq!(found(&frame), Some(b"abcd".as_slice()));
        frame[20..22].copy_from_slice(&0x0001_u16.to_be_bytes());
        assert_eq!(found(&frame), None);
    }
}
