//! Frames by their layers, and the addresses that they go between.

use etherparse::{EtherType, PacketBuilder, PacketBuilderStep, SingleVlanHeader, VlanId};

pub(crate) const C2: [u8; 4] = [198, 51, 100, 7];
pub(crate) const C2_NET: [u8; 4] = [198, 51, 100, 65];
pub(crate) const ABROAD: [u8; 4] = [192, 0, 2, 1];
pub(crate) const NOWHERE: [u8; 4] = [192, 0, 2, 200];
pub(crate) const PRIVATE: [u8; 4] = [10, 0, 0, 1];
pub(crate) const HOME: [u8; 4] = [203, 0, 113, 9];
pub(crate) const HOME_2: [u8; 4] = [203, 0, 113, 99];

pub(crate) fn v6(text: &str) -> [u8; 16] {
    text.parse::<std::net::Ipv6Addr>().expect("an address").octets()
}

pub(crate) type Builder = PacketBuilderStep<etherparse::IpHeaders>;

pub(crate) fn ip4(source: [u8; 4], destination: [u8; 4]) -> Builder {
    PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]).ipv4(source, destination, 64)
}

pub(crate) fn ip6(source: &str, destination: &str) -> Builder {
    PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]).ipv6(
        v6(source),
        v6(destination),
        64,
    )
}

pub(crate) fn tcp(builder: Builder, source: u16, destination: u16) -> Vec<u8> {
    let mut frame = Vec::new();
    builder.tcp(source, destination, 1, 1_024).write(&mut frame, b"payload").expect("a frame");
    frame
}

pub(crate) fn udp(builder: Builder, source: u16, destination: u16) -> Vec<u8> {
    let mut frame = Vec::new();
    builder.udp(source, destination).write(&mut frame, b"payload").expect("a frame");
    frame
}

pub(crate) fn raw(builder: Builder, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    builder.write(&mut frame, protocol.into(), payload).expect("a frame");
    frame
}

/// Puts VLAN tags in front of the frame's `EtherType`, the last one innermost.
pub(crate) fn tagged(mut frame: Vec<u8>, tags: &[u16]) -> Vec<u8> {
    for tag in tags.iter().rev() {
        let header = SingleVlanHeader {
            vlan_id: VlanId::try_new(7).expect("a VLAN"),
            ether_type: EtherType(u16::from_be_bytes([frame[12], frame[13]])),
            ..SingleVlanHeader::default()
        };
        frame.splice(12..14, tag.to_be_bytes().into_iter().chain(header.to_bytes()));
    }
    frame
}

pub(crate) fn patched(mut frame: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    frame[at..at + bytes.len()].copy_from_slice(bytes);
    frame
}

/// An IPv6 frame with `extensions` between the header and UDP.
pub(crate) fn extended(first: u8, extensions: &[u8]) -> Vec<u8> {
    let mut frame = udp(ip6("2001:db8:5::1", "2001:db8:81::9"), 5_353, 53);
    let length = u16::from_be_bytes([frame[18], frame[19]])
        + u16::try_from(extensions.len()).expect("short");
    frame[18..20].copy_from_slice(&length.to_be_bytes());
    frame[20] = first;
    frame.splice(54..54, extensions.iter().copied());
    frame
}
