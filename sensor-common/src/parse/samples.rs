//! Frames made by an independent packet builder.

use std::vec::Vec;

use etherparse::PacketBuilder;

use super::transport::Ports;
use super::{Flow, Unparsed, parse};

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
    parse(&frame)
}

pub(super) fn ports(source: u16, destination: u16) -> Option<Ports> {
    Some(Ports { source, destination })
}
