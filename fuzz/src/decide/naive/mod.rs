//! A naive reading of a frame: RFC by RFC over the bytes that are left, by plain recursion, in this file's own
//! words. What the sensor does not look behind is what `docs/packets.md` says.

mod tunnels;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use controller::tunnels::names;
use sensor_common::parse::tunnel::Entered;

/// What a frame is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Reading<'a> {
    NonIp,
    Malformed,
    Packet(Packet<'a>),
}

use Reading::{Malformed, NonIp};

/// An IP packet.
#[derive(Clone, Debug, Eq, PartialEq)]
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
    /// What it is inside of, from the outside in.
    pub(super) around: Vec<&'static str>,
}

/// No header is looked for that starts behind this byte, and no payload compared.
pub(super) const FURTHEST: usize = 2_047;

/// The most encapsulations.
const DEPTH: usize = 8;

/// The most extension headers, those of GTP-U with them.
const EXTENSIONS: usize = 8;

/// Bytes, and where in the frame they are.
#[derive(Clone, Copy)]
struct Bytes<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bytes<'a> {
    /// The first ones, where they can be looked at.
    fn head(self, count: usize) -> Option<&'a [u8]> {
        if self.at > FURTHEST { None } else { self.bytes.get(..count) }
    }

    /// There are so many, but they cannot be looked at.
    fn is_out_of_reach(self, count: usize) -> bool {
        self.at > FURTHEST && self.bytes.len() >= count
    }

    fn behind(self, count: usize) -> Option<Self> {
        Some(Self { bytes: self.bytes.get(count..)?, at: self.at + count })
    }

    fn number(self, at: usize) -> Option<u16> {
        let bytes = self.behind(at)?.head(2)?;
        Some(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// So many of them, if a first fragment did not cut them off.
    fn ending(self, count: usize, cut: bool) -> Option<Self> {
        match self.bytes.get(..count) {
            Some(bytes) => Some(Self { bytes, ..self }),
            None => cut.then_some(self),
        }
    }
}

/// Where a reading has come to.
#[derive(Clone)]
struct Around<'a> {
    names: Vec<&'static str>,
    /// What is read if what comes is no tunnel or is not to be entered.
    carrier: Option<Packet<'a>>,
    /// Inside of a first fragment.
    cut: bool,
    /// How many extension headers there were so far.
    extensions: usize,
    entered: Entered,
}

pub(super) fn read(frame: &[u8], entered: Entered) -> Reading<'_> {
    let around = Around { names: Vec::new(), carrier: None, cut: false, extensions: 0, entered };
    ethernet(Bytes { bytes: frame, at: 0 }, around)
}

/// What cannot be read, or is not IP, in the eyes of who came there.
impl<'a> Around<'a> {
    fn not_ip(&self) -> Reading<'a> {
        if self.carrier.is_some() { Malformed } else { NonIp }
    }

    /// It is not what it was announced as, or is not to be entered.
    fn unopened(self) -> Reading<'a> {
        self.carrier.map_or(NonIp, Reading::Packet)
    }

    fn enters(&self, name: &str) -> bool {
        names(self.entered).contains(&name)
    }

    /// Inside of one more.
    fn within(mut self, name: &'static str) -> Option<Self> {
        self.names.push(name);
        (self.names.len() <= DEPTH).then_some(self)
    }
}

/// IEEE 802.3, and at most three tags of 802.1Q, 802.1ad or the old type.
fn ethernet<'a>(frame: Bytes<'a>, mut around: Around<'a>) -> Reading<'a> {
    const TAGS: [u16; 3] = [0x8100, 0x88a8, 0x9100];
    let (Some(mut ether_type), Some(mut rest)) = (frame.number(12), frame.behind(14)) else {
        return Malformed;
    };
    if around.enters("vlan") {
        let mut count = 0;
        while TAGS.contains(&ether_type) {
            let (Some(tag), 0..3) = (rest.head(4), count) else { return Malformed };
            let Some(tagged) = around.within("vlan") else { return Malformed };
            around = tagged;
            ether_type = u16::from_be_bytes([tag[2], tag[3]]);
            rest = Bytes { bytes: &rest.bytes[4..], at: rest.at + 4 };
            count += 1;
        }
    } else if TAGS.contains(&ether_type) {
        return around.unopened();
    }
    by_type(ether_type, rest, around)
}

/// What an `EtherType` names. A tag here is not behind an Ethernet header.
fn by_type<'a>(ether_type: u16, rest: Bytes<'a>, around: Around<'a>) -> Reading<'a> {
    match ether_type {
        0x0800 => ipv4(rest, around),
        0x86dd => ipv6(rest, around),
        0x8847 | 0x8848 => tunnels::mpls(rest, around),
        0x8864 => tunnels::pppoe(rest, around),
        0x8100 | 0x88a8 | 0x9100 if around.enters("vlan") => Malformed,
        0x8100 | 0x88a8 | 0x9100 => around.unopened(),
        _ => around.not_ip(),
    }
}

/// RFC 791.
fn ipv4<'a>(bytes: Bytes<'a>, around: Around<'a>) -> Reading<'a> {
    let Some(header) = bytes.head(20) else { return Malformed };
    let number = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let header_length = usize::from(header[0] % 16) * 4;
    let total = usize::from(number(2));
    if header[0] / 16 != 4 || header_length < 20 || header_length > total {
        return Malformed;
    }
    let Some(packet) = bytes.ending(total, around.cut) else { return Malformed };
    let Some(rest) = packet.behind(header_length) else { return Malformed };
    let (more, offset) = (number(6) & 0x2000 != 0, number(6) & 0x1fff);
    let address = |at: usize| {
        Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3]).into()
    };
    let packet = Packet {
        source: address(12),
        destination: address(16),
        protocol: header[9],
        ports: None,
        fragment: around.cut || more || offset != 0,
        payload: None,
        upper: rest.at,
        around: around.names.clone(),
    };
    if packet.protocol == 51 && offset == 0 {
        return extension(packet, rest, around, &[51]);
    }
    upper(packet, rest, around, offset != 0)
}

/// RFC 8200.
fn ipv6<'a>(bytes: Bytes<'a>, around: Around<'a>) -> Reading<'a> {
    let Some(header) = bytes.head(40) else { return Malformed };
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    if header[0] / 16 != 6 {
        return Malformed;
    }
    let Some(packet) = bytes.ending(40 + length, around.cut) else { return Malformed };
    let Some(rest) = packet.behind(40) else { return Malformed };
    let address = |at: usize| {
        let bytes: [u8; 16] = header[at..at + 16].try_into().expect("sixteen bytes");
        Ipv6Addr::from(bytes).into()
    };
    let packet = Packet {
        source: address(8),
        destination: address(24),
        protocol: header[6],
        ports: None,
        fragment: around.cut,
        payload: None,
        upper: rest.at,
        around: around.names.clone(),
    };
    extension(packet, rest, around, &[0, 43, 44, 51, 60])
}

/// RFC 8200 section 4, RFC 4302: extension headers, of these numbers.
fn extension<'a>(
    mut packet: Packet<'a>,
    rest: Bytes<'a>,
    mut around: Around<'a>,
    numbers: &[u8],
) -> Reading<'a> {
    if !numbers.contains(&packet.protocol) {
        return upper(packet, rest, around, false);
    }
    if around.extensions == EXTENSIONS || rest.bytes.len() < 8 {
        return Malformed;
    }
    around.extensions += 1;
    // Its addresses are judged, and that is all that is known.
    let Some(first) = rest.head(8) else { return Reading::Packet(packet) };
    let mut later = false;
    let length = match packet.protocol {
        44 => {
            let field = u16::from_be_bytes([first[2], first[3]]);
            // Offset, two reserved bits, and whether more follow.
            packet.fragment |= field >> 3 != 0 || !field.is_multiple_of(2);
            later = field >> 3 != 0;
            8
        }
        51 => (usize::from(first[1]) + 2) * 4,
        _ => (usize::from(first[1]) + 1) * 8,
    };
    let Some(rest) = rest.behind(length) else { return Malformed };
    packet.protocol = first[0];
    packet.upper = rest.at;
    if later {
        return upper(packet, rest, around, true);
    }
    extension(packet, rest, around, numbers)
}

/// RFC 9293, RFC 768 and tunnels.
fn upper<'a>(packet: Packet<'a>, rest: Bytes<'a>, around: Around<'a>, later: bool) -> Reading<'a> {
    let around = Around { cut: packet.fragment, carrier: Some(packet.clone()), ..around };
    let tunnel = match packet.protocol {
        4 | 41 => "ip-in-ip",
        47 => "gre",
        97 => "etherip",
        _ => "",
    };
    match packet.protocol {
        _ if around.enters(tunnel) && later => Malformed,
        protocol if around.enters(tunnel) => tunnels::in_ip(protocol, rest, around),
        6 if !later => tcp(packet, rest),
        17 if !later => udp(packet, rest, around),
        _ => Reading::Packet(packet),
    }
}

/// A header that is cut short is malformed, a length in it that cannot be leaves no payload.
fn tcp<'a>(packet: Packet<'a>, rest: Bytes<'a>) -> Reading<'a> {
    if rest.bytes.len() < 20 {
        return Malformed;
    }
    let Some(header) = rest.head(20) else { return Reading::Packet(packet) };
    let length = usize::from(header[12] / 16) * 4;
    let payload = (length >= 20).then(|| rest.bytes.get(length..)).flatten();
    Reading::Packet(Packet { ports: Some(ports(header)), payload, ..packet })
}

fn udp<'a>(packet: Packet<'a>, rest: Bytes<'a>, around: Around<'a>) -> Reading<'a> {
    if rest.bytes.len() < 8 {
        return Malformed;
    }
    let Some(header) = rest.head(8) else { return Reading::Packet(packet) };
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    let payload = match length {
        0..8 => None,
        // The length in a first fragment is that of the whole datagram.
        length if packet.fragment => rest.bytes.get(8..length.min(rest.bytes.len())),
        length => rest.bytes.get(8..length),
    };
    let packet = Packet { ports: Some(ports(header)), payload, ..packet };
    let around = Around { carrier: Some(packet.clone()), ..around };
    tunnels::in_udp(packet, rest, length, around)
}

fn ports(header: &[u8]) -> (u16, u16) {
    let number = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    (number(0), number(2))
}
