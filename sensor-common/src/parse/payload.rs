//! Where the payload of a TCP (RFC 9293) or UDP (RFC 768) packet is. Nothing is read of it here.
//!
//! Only packets whose payload a rule asks for come here, after they were parsed; all others pay
//! nothing. So a length that contradicts the packet does not make it malformed: it has no payload
//! then, and no rule that names one holds for it.

use super::Flow;
use super::transport::{TCP, TCP_SHORTEST, UDP_HEADER};
use crate::packet::Packet;

/// Offset of the byte with the data offset in a TCP header (RFC 9293 section 3.1).
const TCP_DATA_OFFSET: u32 = 12;
/// Offset of the length in a UDP header.
const UDP_LENGTH: u32 = 4;

/// A packet's payload, inside its IP packet: what Ethernet padding adds is not of it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Payload {
    /// Offset of its first byte in the frame.
    pub start: u32,
    /// Its length in bytes; may be 0.
    pub length: u32,
}

/// Finds the payload. `None` where the packet has none: it is neither TCP nor UDP, it is a fragment
/// but not the first, or its header's own length leaves the packet.
#[inline(always)]
pub fn find<P: Packet>(packet: &P, flow: &Flow) -> Option<Payload> {
    // Exactly those that are TCP or UDP and no later fragment have ports.
    flow.ports?;
    let (start, end) = if flow.protocol == TCP {
        // With the flags behind it: the verifier does not follow a check for a single byte.
        let [offset, _] = packet.load::<2>(flow.upper.wrapping_add(TCP_DATA_OFFSET))?;
        // In units of four bytes, the header included.
        let header = u32::from(offset >> 4).wrapping_mul(4);
        (header >= TCP_SHORTEST).then_some(())?;
        (flow.upper.wrapping_add(header), flow.end)
    } else {
        let length = packet.load::<2>(flow.upper.wrapping_add(UDP_LENGTH))?;
        // The header included. 0 would be that of a jumbogram (RFC 2675), which no XDP frame holds.
        let length = u32::from(u16::from_be_bytes(length));
        (length >= UDP_HEADER).then_some(())?;
        let end = flow.upper.wrapping_add(length);
        // The length in a first fragment is that of the whole datagram.
        if !flow.fragment && end > flow.end {
            return None;
        }
        (flow.upper.wrapping_add(UDP_HEADER), if end < flow.end { end } else { flow.end })
    };
    (start <= end).then(|| Payload { start, length: end.wrapping_sub(start) })
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use etherparse::PacketBuilder;

    use super::*;
    use crate::parse::parse;

    fn tcp(payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        PacketBuilder::ethernet2([1; 6], [2; 6])
            .ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64)
            .tcp(1, 2, 3, 4)
            .write(&mut frame, payload)
            .unwrap();
        frame
    }

    fn udp(payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        PacketBuilder::ethernet2([1; 6], [2; 6])
            .ipv6([1; 16], [2; 16], 64)
            .udp(1, 2)
            .write(&mut frame, payload)
            .unwrap();
        frame
    }

    /// The payload's bytes.
    fn found(frame: &[u8]) -> Option<&[u8]> {
        let flow = parse(&frame).unwrap();
        let Payload { start, length } = find(&frame, &flow)?;
        Some(&frame[start as usize..(start + length) as usize])
    }

    #[test]
    fn behind_the_header() {
        assert_eq!(found(&tcp(b"hello")), Some(b"hello".as_slice()));
        assert_eq!(found(&udp(b"hello")), Some(b"hello".as_slice()));
        assert_eq!(found(&tcp(b"")), Some(b"".as_slice()));
        assert_eq!(found(&udp(b"")), Some(b"".as_slice()));
    }

    #[test]
    fn padding_is_not_payload() {
        let mut frame = tcp(b"hi");
        frame.extend([0; 40]);
        assert_eq!(found(&frame), Some(b"hi".as_slice()));
    }

    #[test]
    fn tcp_options_are_not_payload() {
        let mut frame = tcp(b"\x01\x01\x01\x00hello");
        frame[34 + 12] = 6 << 4;
        assert_eq!(found(&frame), Some(b"hello".as_slice()));
    }

    #[test]
    fn a_data_offset_that_cannot_be_leaves_no_payload() {
        for (words, expected) in [
            (0, None),
            (4, None),
            (5, Some(b"abcd".as_slice())),
            (6, Some(b"")),
            (7, None),
            (15, None),
        ] {
            let mut frame = tcp(b"abcd");
            frame[34 + 12] = words << 4 | 0xf;
            assert_eq!(found(&frame), expected, "{words} words");
        }
    }

    #[test]
    fn a_udp_length_that_cannot_be_leaves_no_payload() {
        for (length, expected) in [
            (0_u16, None),
            (7, None),
            (8, Some(b"".as_slice())),
            (10, Some(b"ab")),
            (12, Some(b"abcd")),
            (13, None),
            (u16::MAX, None),
        ] {
            let mut frame = udp(b"abcd");
            frame[54 + 4..54 + 6].copy_from_slice(&length.to_be_bytes());
            assert_eq!(found(&frame), expected, "{length}");
        }
    }

    #[test]
    fn a_first_fragment_has_its_part_of_the_payload_and_later_ones_have_none() {
        let mut frame = Vec::new();
        PacketBuilder::ethernet2([1; 6], [2; 6])
            .ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64)
            .udp(1, 2)
            .write(&mut frame, b"abcd")
            .unwrap();
        frame[38..40].copy_from_slice(&2_000_u16.to_be_bytes());
        assert_eq!(found(&frame), None, "a datagram that ends behind its packet");
        frame[20..22].copy_from_slice(&0x2000_u16.to_be_bytes());
        assert_eq!(found(&frame), Some(b"abcd".as_slice()));
        frame[20..22].copy_from_slice(&0x0001_u16.to_be_bytes());
        assert_eq!(found(&frame), None);
    }

    #[test]
    fn other_protocols_have_none() {
        let mut frame = tcp(b"abcd");
        frame[23] = 132;
        assert_eq!(found(&frame), None);
    }
}
