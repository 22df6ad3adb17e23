//! Frames made by an independent packet builder, and what the parser must see in them.

extern crate std;

use etherparse::{EtherType, IpNumber, PacketBuilder, SingleVlanHeader, VlanId};
use std::vec::Vec;

use super::transport::Ports;
use super::*;

const SOURCE: [u8; 4] = [198, 51, 100, 7];
const DESTINATION: [u8; 4] = [203, 0, 113, 9];
const SOURCE_V6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const DESTINATION_V6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

fn tcp_v4() -> Vec<u8> {
    let mut frame = Vec::new();
    PacketBuilder::ethernet2([1; 6], [2; 6])
        .ipv4(SOURCE, DESTINATION, 64)
        .tcp(40_000, 443, 1, 1_024)
        .write(&mut frame, b"hello")
        .unwrap();
    frame
}

fn udp_v6() -> Vec<u8> {
    let mut frame = Vec::new();
    PacketBuilder::ethernet2([1; 6], [2; 6])
        .ipv6(SOURCE_V6, DESTINATION_V6, 64)
        .udp(5_353, 53)
        .write(&mut frame, b"hello")
        .unwrap();
    frame
}

/// An IPv6 frame whose payload is `rest`, announced as `next`.
fn v6(next: u8, rest: &[u8]) -> Vec<u8> {
    let mut frame = udp_v6();
    frame.truncate(54);
    let length = u16::try_from(rest.len()).unwrap();
    frame[18..20].copy_from_slice(&length.to_be_bytes());
    frame[20] = next;
    frame.extend_from_slice(rest);
    frame
}

fn parsed(frame: &[u8]) -> Result<Flow, Unparsed> {
    parse(&frame)
}

fn ports(source: u16, destination: u16) -> Option<Ports> {
    Some(Ports { source, destination })
}

#[test]
fn tcp_over_ipv4() {
    let flow = parsed(&tcp_v4()).unwrap();
    assert_eq!(flow.version, Version::V4);
    assert_eq!(flow.source, Address::from_v4(SOURCE));
    assert_eq!(flow.destination, Address::from_v4(DESTINATION));
    assert_eq!((flow.protocol, flow.ports, flow.fragment), (6, ports(40_000, 443), false));
}

#[test]
fn udp_over_ipv6() {
    let flow = parsed(&udp_v6()).unwrap();
    assert_eq!(flow.version, Version::V6);
    assert_eq!(flow.source, Address::from_v6(SOURCE_V6));
    assert_eq!((flow.protocol, flow.ports), (17, ports(5_353, 53)));
}

#[test]
fn up_to_two_tags_are_looked_behind() {
    let plain = parsed(&tcp_v4());
    for tags in 1..=3_usize {
        let mut frame = tcp_v4();
        for tag in 0..tags {
            let header = SingleVlanHeader {
                vlan_id: VlanId::try_new(u16::try_from(tag).unwrap()).unwrap(),
                ether_type: EtherType(u16::from_be_bytes([frame[12], frame[13]])),
                ..SingleVlanHeader::default()
            };
            let tag_type: [u8; 2] = if tag % 2 == 0 { [0x81, 0] } else { [0x88, 0xa8] };
            frame.splice(12..14, tag_type.into_iter().chain(header.to_bytes()));
        }
        let behind = u32::try_from(4 * tags).unwrap();
        let plain =
            plain.map(|flow| Flow { upper: flow.upper + behind, end: flow.end + behind, ..flow });
        let expected = if tags <= 2 { plain } else { Err(Unparsed::NonIp) };
        assert_eq!(parsed(&frame), expected, "{tags} tags");
    }
}

#[test]
fn other_ether_types_are_not_ip() {
    for ether_type in [0x0806_u16, 0x8847, 0x8864, 0x88cc, 0x0000, 0xffff] {
        let mut frame = tcp_v4();
        frame[12..14].copy_from_slice(&ether_type.to_be_bytes());
        assert_eq!(parsed(&frame), Err(Unparsed::NonIp), "{ether_type:#06x}");
    }
}

#[test]
fn ipv4_options_are_stepped_over() {
    let mut frame = tcp_v4();
    frame[14] = 0x46;
    frame[16..18].copy_from_slice(&49_u16.to_be_bytes());
    frame.splice(34..34, [1, 1, 1, 0]);
    assert_eq!(parsed(&frame).unwrap().ports, ports(40_000, 443));
}

#[test]
fn fragments() {
    let mut first = tcp_v4();
    first[20..22].copy_from_slice(&0x2000_u16.to_be_bytes());
    let flow = parsed(&first).unwrap();
    assert_eq!((flow.fragment, flow.ports), (true, ports(40_000, 443)));

    let mut later = tcp_v4();
    later[20..22].copy_from_slice(&0x0001_u16.to_be_bytes());
    let flow = parsed(&later).unwrap();
    assert_eq!((flow.fragment, flow.ports, flow.protocol), (true, None, 6));

    let mut whole = tcp_v4();
    whole[20..22].copy_from_slice(&0x4000_u16.to_be_bytes());
    assert!(!parsed(&whole).unwrap().fragment, "don't fragment is no fragment");
}

#[test]
fn ipv6_extension_headers() {
    let udp = &udp_v6()[54..];
    let options = [17, 0, 1, 4, 0, 0, 0, 0];
    let chain = |count: usize| {
        let mut rest = Vec::new();
        for position in 0..count {
            let next = if position + 1 == count { 17 } else { 60 };
            rest.extend_from_slice(&[next, 0, 1, 4, 0, 0, 0, 0]);
        }
        rest.extend_from_slice(udp);
        v6(60, &rest)
    };
    assert_eq!(parsed(&chain(1)).unwrap().ports, ports(5_353, 53));
    assert_eq!(parsed(&chain(8)).unwrap().ports, ports(5_353, 53));
    assert_eq!(parsed(&chain(9)), Err(Unparsed::Malformed));

    let atomic: Vec<u8> = [17, 0, 0, 0, 0, 0, 0, 7].iter().chain(udp).copied().collect();
    let flow = parsed(&v6(44, &atomic)).unwrap();
    assert_eq!((flow.fragment, flow.ports), (false, ports(5_353, 53)));

    let first: Vec<u8> = [17, 0, 0, 1, 0, 0, 0, 7].iter().chain(udp).copied().collect();
    let flow = parsed(&v6(44, &first)).unwrap();
    assert_eq!((flow.fragment, flow.ports), (true, ports(5_353, 53)));

    // A later fragment may begin with anything, also with what looks like an extension header.
    let later: Vec<u8> = [60, 0, 0, 8, 0, 0, 0, 7].iter().chain(&options).copied().collect();
    let flow = parsed(&v6(44, &later)).unwrap();
    assert_eq!((flow.fragment, flow.ports, flow.protocol), (true, None, 60));

    let authenticated: Vec<u8> =
        [17, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].iter().chain(udp).copied().collect();
    assert_eq!(parsed(&v6(51, &authenticated)).unwrap().ports, ports(5_353, 53));

    let beyond = [17, 200, 0, 0, 0, 0, 0, 0];
    assert_eq!(parsed(&v6(60, &beyond)), Err(Unparsed::Malformed));
}

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
fn lying_headers_are_malformed() {
    let mutations: [(&str, usize, u8); 7] = [
        ("version 5", 14, 0x55),
        ("header of 16 bytes", 14, 0x44),
        ("header longer than the packet", 14, 0x4f),
        ("total length beyond the frame", 16, 0xff),
        ("total length 0", 17, 0),
        ("total length inside the header", 17, 19),
        ("total length inside the TCP header", 17, 39),
    ];
    for (name, at, value) in mutations {
        let mut frame = tcp_v4();
        frame[at] = value;
        assert_eq!(parsed(&frame), Err(Unparsed::Malformed), "{name}");
    }
    let mut frame = udp_v6();
    frame[14] = 0x45;
    assert_eq!(parsed(&frame), Err(Unparsed::Malformed), "version 4 under EtherType IPv6");
    let mut frame = udp_v6();
    frame[19] = 7;
    assert_eq!(parsed(&frame), Err(Unparsed::Malformed), "payload inside the UDP header");
}

#[test]
fn every_truncation_is_malformed() {
    for whole in [tcp_v4(), udp_v6()] {
        for length in 0..whole.len() {
            assert_eq!(parsed(&whole[..length]), Err(Unparsed::Malformed), "{length} bytes");
        }
    }
}

#[test]
fn ethernet_padding_is_not_part_of_the_packet() {
    let mut frame = tcp_v4();
    frame[17] = 19;
    frame.resize(200, 0);
    assert_eq!(parsed(&frame), Err(Unparsed::Malformed));
    let mut frame = tcp_v4();
    frame.resize(200, 0);
    assert!(parsed(&frame).is_ok());
}

proptest::proptest! {
    #[test]
    fn any_bytes_have_an_answer(frame in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let _ = parsed(&frame);
    }

    #[test]
    fn any_mutation_has_an_answer(at in 0_usize..60, value in proptest::num::u8::ANY) {
        for mut frame in [tcp_v4(), udp_v6()] {
            let at = at % frame.len();
            frame[at] = value;
            let _ = parsed(&frame);
        }
    }
}
