//! Frames made by an independent packet builder.

use std::vec::Vec;

use etherparse::PacketBuilder;
use sekisho_stack::Piece;

use super::ports::Ports;
use super::tunnel::Entered;
use super::{Flow, Unparsed, parse, payload};
use crate::repeat::Loop;

pub(super) const SOURCE: [u8; 4] = [198, 51, 100, 7];
pub(super) const DESTINATION: [u8; 4] = [203, 0, 113, 9];
pub(super) const SOURCE_V6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
pub(super) const DESTINATION_V6: [u8; 16] =
    [0x20, 1, 0xd, 0xb8, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

/// TCP over IPv4: the IP header is at 14, the TCP header at 34.
pub(super) fn tcp_v4_with(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    PacketBuilder::ethernet2([1; 6], [2; 6])
        .ipv4(SOURCE, DESTINATION, 64)
        .tcp(40_000, 443, 1, 1_024)
        .write(&mut frame, payload)
        .unwrap();
    frame
}

/// UDP over IPv4: the IP header is at 14, the UDP header at 34.
pub(super) fn udp_v4_with(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    PacketBuilder::ethernet2([1; 6], [2; 6])
        .ipv4(SOURCE, DESTINATION, 64)
        .udp(5_353, 53)
        .write(&mut frame, payload)
        .unwrap();
    frame
}

/// UDP over IPv6: the IP header is at 14, the UDP header at 54.
pub(super) fn udp_v6_with(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    PacketBuilder::ethernet2([1; 6], [2; 6])
        .ipv6(SOURCE_V6, DESTINATION_V6, 64)
        .udp(5_353, 53)
        .write(&mut frame, payload)
        .unwrap();
    frame
}

pub(super) fn tcp_v4() -> Vec<u8> {
    tcp_v4_with(b"hello")
}

pub(super) fn udp_v6() -> Vec<u8> {
    udp_v6_with(b"hello")
}

pub(super) fn parsed(frame: &[u8]) -> Result<Flow, Unparsed> {
    parsed_in(frame, Entered::ALL)
}

/// Where only these encapsulations are entered.
pub(super) fn parsed_in(frame: &[u8], entered: Entered) -> Result<Flow, Unparsed> {
    parse(&frame, entered, &Loop, &mut None)
}

pub(super) fn ports(source: u16, destination: u16) -> Option<Ports> {
    Some(Ports { source, destination })
}

/// TCP over IPv4, without Ethernet.
pub(super) fn packet_v4() -> Piece {
    Piece::packet(tcp_v4().split_off(14))
}

/// UDP over IPv6, without Ethernet.
pub(super) fn packet_v6() -> Piece {
    Piece::packet(udp_v6().split_off(14))
}

/// The walk comes to the innermost packet, and through the encapsulations that were put around it.
pub(super) fn assert_inside(piece: Piece, innermost: &Piece) {
    let frame = piece.on_the_wire();
    let alone = parsed(&innermost.clone().on_the_wire().bytes).unwrap();
    let flow = parsed(&frame.bytes);
    let behind = u32::try_from(frame.bytes.len() - innermost.bytes.len() - 14).unwrap();
    let expected = Flow {
        upper: alone.upper + behind,
        end: alone.end + behind,
        encapsulation: flow.map(|flow| flow.encapsulation).unwrap_or_default(),
        ..alone
    };
    assert_eq!(flow, Ok(expected), "{:02x?}", frame.bytes);
    let names: Vec<&str> =
        expected.encapsulation.layers().map(super::tunnel::Tunnel::name).collect();
    assert_eq!(names, frame.tunnels);
}

pub(super) fn assert_malformed(piece: Piece) {
    let frame = piece.on_the_wire();
    assert_eq!(parsed(&frame.bytes), Err(Unparsed::Malformed), "{frame:02x?}");
}

/// The piece is no tunnel: the packet is judged by these ports.
pub(super) fn assert_outside(piece: Piece, (source, destination): (u16, u16)) {
    let frame = piece.on_the_wire();
    let flow = parsed(&frame.bytes).unwrap();
    assert_eq!(flow.ports(), ports(source, destination), "{:02x?}", frame.bytes);
    assert_eq!(flow.encapsulation.layers().next(), None);
}

/// The payload's bytes.
pub(super) fn found(frame: &[u8]) -> Option<&[u8]> {
    let flow = parsed(frame).unwrap();
    let payload::Payload { start, length } = payload::find(&frame, &flow)?;
    Some(&frame[start as usize..(start + length) as usize])
}
