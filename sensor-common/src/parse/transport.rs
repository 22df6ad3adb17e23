//! Behind an IP header: the ports of `tcp` and `udp`, and what other protocols and ports announce.

use super::flow::{Flow, flag};
use super::fragment::Part;
use super::header::Header;
use super::layer::{Carried, Kind, Layer};
use super::ports::{Ports, TCP, UDP};
use super::stop::Stop;
use super::tunnel::Entered;
use super::{tcp, udp};
use crate::packet::Packet;

/// IANA protocol numbers of what is entered.
mod protocol {
    /// RFC 2003, RFC 2473.
    pub(super) const IPV4: u8 = 4;
    /// RFC 4213, RFC 2473.
    pub(super) const IPV6: u8 = 41;
    /// RFC 2784.
    pub(super) const GRE: u8 = 47;
    /// RFC 3378.
    pub(super) const ETHERIP: u8 = 97;
}

/// Positions of the fields with which both headers begin.
mod field {
    /// The source's, then the destination's.
    pub(super) const PORTS: usize = 0;
    pub(super) const END: usize = 4;
}

/// Reads the ports of a packet, whose header has `shortest` bytes at least. It has none where the header is
/// behind one that was too long to step over.
///
/// # Errors
/// [`Stop::Malformed`] where the packet ends before: a first fragment that splits the TCP header is an
/// evasion (RFC 1858 section 3), not traffic.
#[inline(always)]
fn read_ports<P: Packet>(packet: &P, flow: &mut Flow, shortest: u64) -> Result<(), Stop> {
    let upper = u64::from(flow.upper);
    if upper.wrapping_add(shortest) > flow.end.into() {
        return Err(Stop::Malformed);
    }
    if let Some(header) = Header::<{ field::END }>::within_reach(packet, upper) {
        flow.ports = u32::from_be_bytes(header.bytes::<{ field::PORTS }, 4>());
        flow.flags |= flag::PORTS;
    }
    Ok(())
}

/// Opens what an IP packet carries.
///
/// # Errors
/// [`Stop::Malformed`]: see [`read_ports`]. Also where a later fragment is a tunnel's: what is inside of it
/// cannot be judged.
#[inline(always)]
pub(super) fn open<P: Packet>(
    packet: &P,
    flow: &mut Flow,
    part: Part,
    entered: Entered,
) -> Carried {
    if part == Part::Unreachable {
        return Ok(None);
    }
    let is_later = part == Part::Later;
    let announced = match flow.protocol {
        TCP if !is_later => {
            read_ports(packet, flow, tcp::SHORTEST)?;
            return Ok(None);
        }
        UDP if !is_later => {
            read_ports(packet, flow, udp::LENGTH)?;
            udp::announced(Ports::of(flow.ports))
        }
        protocol => announced(protocol),
    };
    match announced {
        Some(kind) if entered.has_number(kind.tunnel()) => {
            if is_later {
                Err(Stop::Malformed)
            } else {
                Ok(Some(carried(flow, kind)))
            }
        }
        _ => Ok(None),
    }
}

/// The tunnel that a protocol number stands for.
#[inline(always)]
const fn announced(protocol: u8) -> Option<Kind> {
    match protocol {
        protocol::IPV4 => Some(Kind::IPV4_IN_IP),
        protocol::IPV6 => Some(Kind::IPV6_IN_IP),
        protocol::GRE => Some(Kind::GRE),
        protocol::ETHERIP => Some(Kind::ETHERIP),
        _ => None,
    }
}

/// What a packet carries, as a layer. A fragment that comes here is a first one.
#[inline(always)]
const fn carried(flow: &Flow, kind: Kind) -> Layer {
    let (start, end) = (flow.upper as u64, flow.end as u64);
    Layer { kind, cut: flow.is_fragment(), start, end, around: flow.encapsulation }
}

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use etherparse::{IpNumber, PacketBuilder};

    use sekisho_stack::{Outer, Piece};

    use super::super::payload;
    use super::super::samples::{
        DESTINATION, SOURCE, assert_inside, assert_malformed, packet_v4, packet_v6, parsed,
        parsed_in, ports, tcp_v4,
    };
    use super::super::tunnel::Tunnel;
    use super::*;
    use crate::packet::Captured;
    use crate::parse::Unparsed;
    use crate::parse::parse;
    use crate::repeat::Loop;

    #[test]
    fn protocols_without_ports() {
        let mut frame = Vec::new();
        PacketBuilder::ethernet2([1; 6], [2; 6])
            .ipv4(SOURCE, DESTINATION, 64)
            .write(&mut frame, IpNumber::SCTP, &[0; 12])
            .unwrap();
        let flow = parsed(&frame).unwrap();
        assert_eq!((flow.protocol, flow.ports()), (132, None));
    }

    #[test]
    fn a_packet_that_ends_inside_its_header_is_malformed() {
        for (protocol, shortest) in [(TCP, 20_u8), (UDP, 8)] {
            let parsed = |bytes: u8| {
                let mut frame = tcp_v4();
                frame[23] = protocol;
                frame[17] = 20 + bytes;
                parsed(&frame).map(|flow| flow.ports().is_some())
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
            let captured = Captured { bytes: &frame[..held], length };
            let flow = parse(&captured, Entered::ALL, &Loop, &mut None);
            // The addresses, then the ports.
            assert_eq!(flow.is_ok(), held >= 34, "{held}");
            if let Ok(flow) = flow {
                let whole = parsed(&frame).unwrap();
                assert_eq!(flow.ports(), whole.ports().filter(|_| held >= 38), "{held}");
                assert_eq!((flow.source, flow.end), (whole.source, whole.end), "{held}");
                // The data offset.
                assert_eq!(payload::find(&captured, &flow).is_some(), held >= 48, "{held}");
            }
            // On a wire, what is not there was never sent.
            assert_eq!(parsed(&frame[..held]), Err(Unparsed::Malformed), "{held}");
        }
    }

    /// Where the inside of a tunnel was not captured, nobody knows what the packet is.
    #[test]
    fn a_tunnel_that_was_not_captured_cannot_be_judged() {
        for piece in
            [packet_v4().ip_in_ip(Outer::V4), packet_v4().frame(&[]).vxlan(Outer::V4, 4_789)]
        {
            let frame = piece.on_the_wire().bytes;
            let length = u32::try_from(frame.len()).unwrap();
            let inner = frame.len() - packet_v4().bytes.len() + 20;
            for held in 38..frame.len() {
                let captured = Captured { bytes: &frame[..held], length };
                let flow = parse(&captured, Entered::ALL, &Loop, &mut None);
                assert_eq!(flow.is_ok(), held >= inner, "{held}");
            }
        }
    }

    #[test]
    fn packets_in_packets() {
        for outer in Outer::ALL {
            assert_inside(packet_v4().ip_in_ip(outer), &packet_v4());
            assert_inside(packet_v6().ip_in_ip(outer), &packet_v6());
            let deep = packet_v6().ip_in_ip(Outer::V4).ip_in_ip(Outer::V6).ip_in_ip(outer);
            assert_inside(deep, &packet_v6());
            // The other version's number.
            assert_malformed(packet_v4().ip(outer, 41));
            assert_malformed(packet_v6().ip(outer, 4));
        }
    }

    #[test]
    fn a_packet_in_a_packet_ends_before_it() {
        let mut piece = packet_v4().ip_in_ip(Outer::V4);
        // One byte behind the outer packet, as padding.
        let length = u16::from_be_bytes([piece.bytes[2], piece.bytes[3]]) - 1;
        piece.bytes[2..4].copy_from_slice(&length.to_be_bytes());
        assert_malformed(piece);
    }

    #[test]
    fn what_is_not_entered_is_judged_by_itself() {
        let others = |left_out| Tunnel::ALL.iter().copied().filter(move |other| *other != left_out);
        let frame = packet_v4().ip_in_ip(Outer::V4).gre(Outer::V6, 0).on_the_wire().bytes;
        let protocol = |left_out| parsed_in(&frame, others(left_out).collect()).unwrap().protocol;
        assert_eq!(protocol(Tunnel::Gre), 47);
        assert_eq!(protocol(Tunnel::IpInIp), 4);
        assert_eq!(protocol(Tunnel::Vlan), 6);
        // Between the two, it is what carries GRE that is judged.
        let labels = packet_v4().labels(1, false).gre(Outer::V4, 0).on_the_wire().bytes;
        let flow = parsed_in(&labels, others(Tunnel::Mpls).collect()).unwrap();
        assert_eq!((flow.protocol, flow.encapsulation.layers().next()), (47, None));
    }

    #[test]
    fn a_later_fragment_of_a_tunnel_has_no_inside_that_could_be_judged() {
        let fragment = |piece: Piece, field: u16| {
            let mut frame = piece.on_the_wire().bytes;
            frame[20..22].copy_from_slice(&field.to_be_bytes());
            frame
        };
        for protocol in [4, 41, 47, 97] {
            let frame = fragment(packet_v4().ip(Outer::V4, protocol), 1);
            assert_eq!(parsed(&frame), Err(Unparsed::Malformed), "{protocol}");
            let flow = parsed_in(&frame, Entered::NONE).unwrap();
            assert_eq!((flow.protocol, flow.ports(), flow.is_fragment()), (protocol, None, true));
        }
        // Whether one of UDP is a tunnel's, nobody can say: it has no ports.
        let flow = parsed(&fragment(packet_v4().frame(&[]).vxlan(Outer::V4, 4_789), 1)).unwrap();
        assert_eq!((flow.protocol, flow.ports(), flow.is_fragment()), (17, None, true));
        // Nor whether one of AH is.
        let flow = parsed(&fragment(packet_v4().ip_in_ip(Outer::V4Authenticated), 1)).unwrap();
        assert_eq!((flow.protocol, flow.ports()), (51, None));
    }

    #[test]
    fn a_first_fragment_of_a_tunnel_has_the_part_of_its_inside_that_is_there() {
        let mut frame = packet_v4().ip_in_ip(Outer::V4).on_the_wire().bytes;
        frame[20..22].copy_from_slice(&0x2000_u16.to_be_bytes());
        let kept = |frame: &[u8], behind: usize| {
            let mut frame = frame.to_vec();
            frame.truncate(behind);
            frame[16..18].copy_from_slice(&u16::try_from(behind - 14).unwrap().to_be_bytes());
            parsed(&frame)
        };
        let flow = kept(&frame, 34 + 20 + 22).unwrap();
        assert_eq!((flow.ports(), flow.is_fragment(), flow.end), (ports(40_000, 443), true, 76));
        // A part of the inner TCP header, or of the IP header.
        assert_eq!(kept(&frame, 34 + 20 + 19), Err(Unparsed::Malformed));
        assert_eq!(kept(&frame, 34 + 19), Err(Unparsed::Malformed));
    }

    #[test]
    fn authentication_headers_are_stepped_over_in_both_versions() {
        for outer in [Outer::V4Authenticated, Outer::V6Extended(1)] {
            let frame = Piece::packet(vec![]).udp(outer, 7, 9).on_the_wire().bytes;
            let flow = parsed(&frame).unwrap();
            assert_eq!((flow.protocol, flow.ports()), (17, ports(7, 9)));
        }
        // The other extension headers are IPv6's.
        for protocol in [0, 43, 44, 60] {
            let flow = parsed(&packet_v4().ip(Outer::V4, protocol).on_the_wire().bytes).unwrap();
            assert_eq!((flow.protocol, flow.ports()), (protocol, None));
        }
    }
}
