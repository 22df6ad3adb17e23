//! Behind an IP header: the ports of `tcp` and `udp`. Other protocols have none.

use super::header::Header;
use super::{Flow, Network, Next, Unparsed, tcp, udp};
use crate::packet::Packet;

/// IANA protocol number of TCP.
pub const TCP: u8 = 6;
/// IANA protocol number of UDP.
pub const UDP: u8 = 17;

/// Positions of the fields with which both headers begin.
mod field {
    pub(super) const SOURCE: usize = 0;
    pub(super) const DESTINATION: usize = 2;
    pub(super) const END: usize = 4;
}

/// The ports of a TCP or UDP packet, in host byte order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ports {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
}

impl Ports {
    /// Reads the ports of the header at `start`, which has `shortest` bytes at least. `None` where they
    /// were not captured.
    #[inline(always)]
    fn read<P: Packet>(
        packet: &P,
        start: u32,
        end: u32,
        shortest: u32,
    ) -> Result<Option<Self>, Unparsed> {
        if start.wrapping_add(shortest) > end {
            return Err(Unparsed::Malformed);
        }
        match Header::<{ field::END }>::read(packet, start) {
            Ok(header) => Ok(Some(Self {
                source: header.half::<{ field::SOURCE }>(),
                destination: header.half::<{ field::DESTINATION }>(),
            })),
            Err(_) if packet.is_captured() => Ok(None),
            Err(unparsed) => Err(unparsed),
        }
    }
}

/// Opens what an IP packet carries.
///
/// # Errors
/// [`Unparsed::Malformed`] where the packet ends before the shortest header that its protocol allows:
/// a first fragment that splits the TCP header is an evasion (RFC 1858 section 3), not traffic.
#[inline(always)]
pub(super) fn open<P: Packet>(packet: &P, network: Network) -> Result<Next, Unparsed> {
    let Network { version, source, destination, protocol, upper, end, fragment, .. } = network;
    let ports = match protocol {
        _ if network.later_fragment => None,
        TCP => Ports::read(packet, upper, end, tcp::SHORTEST)?,
        UDP => Ports::read(packet, upper, end, udp::LENGTH)?,
        _ => None,
    };
    Ok(Next::Flow(Flow { version, source, destination, protocol, ports, fragment, upper, end }))
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use etherparse::{IpNumber, PacketBuilder};

    use super::super::samples::{DESTINATION, SOURCE, parsed, tcp_v4};
    use super::super::{parse, payload};
    use super::*;
    use crate::packet::Captured;

    #[test]
    fn protocols_without_ports() {
        let mut frame = Vec::new();
        PacketBuilder::ethernet2([1; 6], [2; 6])
            .ipv4(SOURCE, DESTINATION, 64)
            .write(&mut frame, IpNumber::GRE, &[0; 12])
            .unwrap();
        let flow = parsed(&frame).unwrap();
        assert_eq!((flow.protocol, flow.ports), (47, None));
    }

    #[test]
    fn a_packet_that_ends_inside_its_header_is_malformed() {
        for (protocol, shortest) in [(TCP, 20_u8), (UDP, 8)] {
            let parsed = |bytes: u8| {
                let mut frame = tcp_v4();
                frame[23] = protocol;
                frame[17] = 20 + bytes;
                parsed(&frame).map(|flow| flow.ports.is_some())
            };
            assert_eq!(parsed(shortest), Ok(true), "{protocol}");
            assert_eq!(parsed(shortest - 1), Err(Unparsed::Malformed), "{protocol}");
        }
    }

    #[test]
    fn ports_that_were_not_captured_are_not_there() {
        let frame = tcp_v4();
        let length = u32::try_from(frame.len()).unwrap();
        for held in 0..frame.len() {
            let flow = parse(&Captured { bytes: &frame[..held], length });
            // The addresses, then the ports.
            assert_eq!(flow.is_ok(), held >= 34, "{held}");
            if let Ok(flow) = flow {
                let whole = parsed(&frame).unwrap();
                let ports = whole.ports.filter(|_| held >= 38);
                assert_eq!(flow, Flow { ports, ..whole }, "{held}");
                // The data offset.
                let payload = payload::find(&Captured { bytes: &frame[..held], length }, &flow);
                assert_eq!(payload.is_some(), held >= 48, "{held}");
            }
            // On a wire, what is not there was never sent.
            assert_eq!(parsed(&frame[..held]), Err(Unparsed::Malformed), "{held}");
        }
    }
}
