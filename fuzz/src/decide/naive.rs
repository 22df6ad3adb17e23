//! A naive reading of a frame: RFC by RFC over the bytes that are left, in this file's own words.
//! What the sensor does not look behind is what `README.md` and the parser's documentation say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a frame is.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Reading<'a> {
    NonIp,
    Malformed,
    Packet(Packet<'a>),
}

/// An IP packet.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Packet<'a> {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) protocol: u8,
    pub(super) ports: Option<(u16, u16)>,
    pub(super) fragment: bool,
    /// TCP's or UDP's payload, where it has one.
    pub(super) payload: Option<&'a [u8]>,
    /// Where in the frame the payload's header starts.
    pub(super) upper: usize,
}

/// No header is looked for that starts behind this byte, and no payload compared.
pub(super) const FURTHEST: usize = 2_047;

pub(super) fn read(frame: &[u8]) -> Reading<'_> {
    let Some((ether_type, rest)) = ethernet(frame) else { return Reading::Malformed };
    let at = frame.len() - rest.len();
    let packet = match ether_type {
        0x0800 => ipv4(rest, at),
        0x86dd => ipv6(rest, at),
        _ => return Reading::NonIp,
    };
    packet.map_or(Reading::Malformed, Reading::Packet)
}

fn take(bytes: &[u8], count: usize) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(count)
}

fn number(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}

/// IEEE 802.3, and at most two tags of 802.1Q or 802.1ad.
fn ethernet(frame: &[u8]) -> Option<(u16, &[u8])> {
    let (_addresses, rest) = take(frame, 12)?;
    let (ether_type, mut rest) = take(rest, 2)?;
    let mut ether_type = number(ether_type);
    for _ in 0..2 {
        if ![0x8100, 0x88a8].contains(&ether_type) {
            break;
        }
        let (tag, behind) = take(rest, 4)?;
        (ether_type, rest) = (number(&tag[2..]), behind);
    }
    Some((ether_type, rest))
}

/// RFC 791.
fn ipv4(bytes: &[u8], at: usize) -> Option<Packet<'_>> {
    let (header, _) = take(bytes, 20)?;
    let header_length = usize::from(header[0] % 16) * 4;
    let total = usize::from(number(&header[2..]));
    if header[0] / 16 != 4 || header_length < 20 || header_length > total {
        return None;
    }
    let (packet, _padding) = take(bytes, total)?;
    let flags = number(&header[6..]);
    let (more, offset) = (flags & 0x2000 != 0, flags & 0x1fff);
    let address = |at: usize| {
        Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3]).into()
    };
    upper(
        Packet {
            source: address(12),
            destination: address(16),
            protocol: header[9],
            ports: None,
            fragment: more || offset != 0,
            payload: None,
            upper: at + header_length,
        },
        &packet[header_length..],
        offset != 0,
    )
}

/// RFC 8200, with at most eight extension headers.
fn ipv6(bytes: &[u8], at: usize) -> Option<Packet<'_>> {
    let (header, rest) = take(bytes, 40)?;
    if header[0] / 16 != 6 {
        return None;
    }
    let (mut rest, _padding) = take(rest, usize::from(number(&header[4..])))?;
    let address = |at: usize| {
        let bytes: [u8; 16] = header[at..at + 16].try_into().expect("sixteen bytes");
        Ipv6Addr::from(bytes).into()
    };
    let (mut protocol, mut start) = (header[6], at + 40);
    let (mut fragment, mut later, mut count) = (false, false, 0);
    while [0, 43, 44, 51, 60].contains(&protocol) && !later {
        if count == 8 || start > FURTHEST {
            return None;
        }
        count += 1;
        let (first, _) = take(rest, 8)?;
        let length = match protocol {
            44 => {
                let field = number(&first[2..]);
                // Offset, two reserved bits, and whether more follow.
                fragment |= field >> 3 != 0 || !field.is_multiple_of(2);
                later = field >> 3 != 0;
                8
            }
            51 => (usize::from(first[1]) + 2) * 4,
            _ => (usize::from(first[1]) + 1) * 8,
        };
        protocol = first[0];
        (_, rest) = take(rest, length)?;
        start += length;
    }
    upper(
        Packet {
            source: address(8),
            destination: address(24),
            protocol,
            ports: None,
            fragment,
            payload: None,
            upper: start,
        },
        rest,
        later,
    )
}

/// RFC 9293 and RFC 768: a header that is cut short is malformed, a length in it that cannot be leaves
/// no payload.
fn upper<'a>(packet: Packet<'a>, bytes: &'a [u8], later: bool) -> Option<Packet<'a>> {
    let shortest = match packet.protocol {
        6 => 20,
        17 => 8,
        _ => return Some(packet),
    };
    if later {
        return Some(packet);
    }
    let (header, _) = take(bytes, shortest)?;
    if packet.upper > FURTHEST {
        return None;
    }
    let payload = if packet.protocol == 6 {
        let length = usize::from(header[12] / 16) * 4;
        (length >= 20).then(|| bytes.get(length..)).flatten()
    } else {
        match usize::from(number(&header[4..])) {
            length if length < 8 => None,
            // The length in a first fragment is that of the whole datagram.
            length if packet.fragment => bytes.get(8..length.min(bytes.len())),
            length => bytes.get(8..length),
        }
    };
    Some(Packet { ports: Some((number(header), number(&header[2..]))), payload, ..packet })
}
