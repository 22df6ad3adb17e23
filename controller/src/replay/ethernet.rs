//! Frames of every link type as frames of Ethernet, which is what the sensor's program reads.
//!
//! Another header is replaced by an Ethernet header with the corresponding `EtherType`. The packet after it
//! is not touched. So a packet is judged and counted alike, whatever kind of interface it was captured on.

use sensor_common::packet::Captured;

use crate::capture::{Frame, LinkType};

/// Length of an Ethernet header.
const HEADER: u32 = 14;
/// The offset of its `EtherType`.
const ADDRESSES: usize = 12;
/// Below this, the field is a length and not an `EtherType` (IEEE 802.3), and no IP follows.
const LONGEST: u16 = 1500;

/// `EtherType`s.
mod ether_type {
    pub(super) const IPV4: u16 = 0x0800;
    pub(super) const IPV6: u16 = 0x86dd;
    pub(super) const MPLS: u16 = 0x8847;
    pub(super) const MPLS_MULTICAST: u16 = 0x8848;
    pub(super) const PPPOE: u16 = 0x8864;
    /// Reserved (RFC 1701); stands for no protocol.
    pub(super) const NONE: u16 = 0xffff;
}

/// Another header than Ethernet's.
struct Header {
    length: u32,
    ether_type: u16,
}

/// The frame as an Ethernet frame, in `buffer` if it was another. A frame that ends inside its header becomes
/// one that is too short for Ethernet.
pub fn as_ethernet<'a>(frame: &Frame<'a>, buffer: &'a mut Vec<u8>) -> Captured<'a> {
    if frame.link == LinkType::Ethernet {
        return Captured { bytes: frame.data, length: frame.wire_length };
    }
    buffer.clear();
    let found = header(frame.link, frame.data);
    let behind = found.as_ref().and_then(|header| frame.data.get(header.length as usize..));
    let (Some(Header { length, mut ether_type }), Some(packet)) = (found, behind) else {
        return Captured { bytes: buffer, length: frame.wire_length };
    };
    let carried = frame.wire_length.saturating_sub(length);
    if ether_type <= LONGEST {
        // Not a protocol but a kind of frame without one (Linux: `ETH_P_802_3`, `ETH_P_802_2`).
        ether_type = u16::try_from(carried).map_or(LONGEST, |carried| carried.min(LONGEST));
    }
    buffer.resize(ADDRESSES, 0);
    buffer.extend(ether_type.to_be_bytes());
    buffer.extend(packet);
    Captured { bytes: buffer, length: carried.saturating_add(HEADER) }
}

/// `None` if the frame ends before its header says what follows.
fn header(link: LinkType, data: &[u8]) -> Option<Header> {
    let at = |length: u32, ether_type: u16| Some(Header { length, ether_type });
    match link {
        // There is no header before the packet.
        LinkType::Ethernet => None,
        LinkType::Ipv6 => at(0, ether_type::IPV6),
        LinkType::Mpls => at(0, ether_type::MPLS),
        LinkType::PppEther => at(0, ether_type::PPPOE),
        // If the version is neither, the IPv4 parser refuses it.
        LinkType::Raw if data.first()? >> 4 == 6 => at(0, ether_type::IPV6),
        LinkType::Ipv4 | LinkType::Raw => at(0, ether_type::IPV4),
        LinkType::Null => at(4, family(either_order(*data.first_chunk()?))),
        LinkType::Loop => at(4, family(u32::from_be_bytes(*data.first_chunk()?))),
        LinkType::LinuxSll => at(16, cooked(half(data, 2)?, half(data, 14)?)),
        LinkType::LinuxSll2 => at(20, cooked(half(data, 8)?, half(data, 0)?)),
        LinkType::CiscoHdlc => at(4, half(data, 2)?),
        // Cisco's addresses: unicast and multicast.
        LinkType::PppHdlc if matches!(data.first()?, 0x0f | 0x8f) => at(4, half(data, 2)?),
        LinkType::Ppp | LinkType::PppHdlc => ppp(data),
        LinkType::PppWithDirection => {
            let Header { length, ether_type } = ppp(data.get(1..)?)?;
            at(length + 1, ether_type)
        }
    }
}

fn half(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

/// PPP: address and control, which may be missing, and a protocol, of one byte if that byte is odd and of two
/// otherwise (RFC 1661 section 2, RFC 1662 section 3.1).
fn ppp(data: &[u8]) -> Option<Header> {
    let framing: u32 = match data {
        [0xff, 0x03, ..] => 2,
        [0xff] => return None,
        _ => 0,
    };
    let protocol = data.get(framing as usize..)?;
    let (length, protocol) = match protocol.first()? {
        short if short & 1 == 1 => (1, u16::from(*short)),
        _ => (2, half(protocol, 0)?),
    };
    let ether_type = match protocol {
        0x0021 => ether_type::IPV4,
        0x0057 => ether_type::IPV6,
        0x0281 => ether_type::MPLS,
        0x0283 => ether_type::MPLS_MULTICAST,
        _ => ether_type::NONE,
    };
    Some(Header { length: framing + length, ether_type })
}

/// An address family has 16 bits, so its byte order can be told.
fn either_order(bytes: [u8; 4]) -> u32 {
    match u32::from_be_bytes(bytes) {
        big if big >> 16 == 0 => big,
        _ => u32::from_le_bytes(bytes),
    }
}

/// `AF_INET` is the same everywhere; `AF_INET6` is Linux's, Windows's, NetBSD's and OpenBSD's, FreeBSD's, or
/// macOS's.
const fn family(family: u32) -> u16 {
    match family {
        2 => ether_type::IPV4,
        10 | 23 | 24 | 28 | 30 => ether_type::IPV6,
        _ => ether_type::NONE,
    }
}

/// Linux's protocol is an `EtherType`, but on interfaces of some kinds (`ARPHRD_`: frame relay, 802.11 with
/// its three radio headers, netlink).
const fn cooked(hardware: u16, protocol: u16) -> u16 {
    match hardware {
        770 | 801..=803 | 824 => ether_type::NONE,
        _ => protocol,
    }
}

#[cfg(test)]
mod tests;
