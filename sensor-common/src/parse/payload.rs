//! Where the payload of a TCP or UDP packet is. Nothing is read of it here.
//!
//! Only packets whose payload a rule asks for come here, after they were parsed; all others pay
//! nothing. So a length that contradicts the packet does not make it malformed: it has no payload
//! then, and no rule that names one holds for it.

use super::ports::TCP;
use core::ops::Range;

use super::flow::Flow;
use super::{tcp, udp};
use crate::layout::low;
use crate::packet::Packet;

/// A packet's payload, inside its IP packet: what Ethernet padding adds is not of it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Payload {
    /// Offset of its first byte in the frame.
    pub start: u32,
    /// Its length in bytes; may be 0.
    pub length: u32,
}

impl Payload {
    /// From one offset up to another; `None` where they are the wrong way round.
    #[inline(always)]
    fn between(Range { start, end }: Range<u64>) -> Option<Self> {
        (start <= end).then(|| Self { start: low(start), length: low(end.wrapping_sub(start)) })
    }
}

/// Finds the payload. `None` where the packet has none: it is neither TCP nor UDP, it is a fragment
/// but not the first, or its header's own length leaves the packet.
#[inline(always)]
pub fn find<P: Packet>(packet: &P, flow: &Flow) -> Option<Payload> {
    // Only what is TCP or UDP and no later fragment has ports.
    flow.ports()?;
    let bounds =
        if flow.protocol == TCP { tcp::payload(packet, flow) } else { udp::payload(packet, flow) };
    let found = Payload::between(bounds?)?;
    // All the ways to it are one to the verifier.
    let [start, length] = packet.hide_each([found.start.into(), found.length.into()]);
    Some(Payload { start: low(start), length: low(length) })
}

#[cfg(test)]
mod tests {
    use super::super::samples::{found, tcp_v4_with, udp_v6_with};

    #[test]
    fn behind_the_header() {
        for payload in [b"hello".as_slice(), b""] {
            assert_eq!(found(&tcp_v4_with(payload)), Some(payload));
            assert_eq!(found(&udp_v6_with(payload)), Some(payload));
        }
    }

    #[test]
    fn padding_is_not_payload() {
        let mut frame = tcp_v4_with(b"hi");
        frame.extend([0; 40]);
        assert_eq!(found(&frame), Some(b"hi".as_slice()));
    }

    #[test]
    fn other_protocols_have_none() {
        let mut frame = tcp_v4_with(b"abcd");
        frame[23] = 132;
        assert_eq!(found(&frame), None);
    }
}
