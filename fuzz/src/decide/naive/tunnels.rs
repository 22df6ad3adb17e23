//! What is between an Ethernet header and the innermost IP header.

use super::Reading::Malformed;
use super::{Around, Bytes, EXTENSIONS, Packet, Reading, by_type, ethernet, ipv4, ipv6};

/// RFC 3032, at most six labels; RFC 4385, RFC 4448 and RFC 4928 on what is behind them.
pub(super) fn mpls<'a>(mut rest: Bytes<'a>, around: Around<'a>) -> Reading<'a> {
    if !around.enters("mpls") {
        return around.unopened();
    }
    let mut count = 0;
    loop {
        let (Some(entry), 0..6) = (rest.head(4), count) else { return Malformed };
        count += 1;
        rest = Bytes { bytes: &rest.bytes[4..], at: rest.at + 4 };
        if entry[2] % 2 == 1 {
            break;
        }
    }
    let Some(first) = rest.head(4) else { return Malformed };
    let total = usize::from(u16::from_be_bytes([first[2], first[3]]));
    let fits = |length: usize| length <= rest.bytes.len() || around.cut;
    let four = usize::from(first[0] % 16) * 4;
    let is_v4 = first[0] / 16 == 4;
    let is_v6 = first[0] / 16 == 6;
    let v4_fits = is_v4 && four >= 20 && total >= four && fits(total);
    let v6_fits = is_v6 && rest.number(4).is_some_and(|length| fits(40 + usize::from(length)));
    let is_bare = frame_is_at(rest, 0);
    let is_worded = first[0] == 0 && first[1] == 0 && frame_is_at(rest, 4);
    let not_ip = around.not_ip();
    // Its depth is asked only where something is inside.
    let Some(around) = around.within("mpls") else {
        let is_nothing = !is_v4 && !is_v6 && !is_bare && !is_worded;
        return if is_nothing { not_ip } else { Malformed };
    };
    match (is_bare, is_worded) {
        (true, true) => Malformed,
        (true, false) if v4_fits || v6_fits => Malformed,
        (true, false) => ethernet(rest, around),
        (false, true) => rest.behind(4).map_or(Malformed, |frame| ethernet(frame, around)),
        (false, false) if is_v4 => ipv4(rest, around),
        (false, false) if is_v6 => ipv6(rest, around),
        (false, false) => not_ip,
    }
}

/// Whether there is an Ethernet header with a known type so many bytes on.
fn frame_is_at(rest: Bytes<'_>, at: usize) -> bool {
    let Some(bytes) = rest.behind(at + 12).and_then(|rest| rest.head(4)) else { return false };
    match [bytes[0], bytes[1]] {
        [0x08, 0x00] => bytes[2] / 16 == 4,
        [0x86, 0xdd] => bytes[2] / 16 == 6,
        [0x81 | 0x91, 0x00] | [0x88, 0xa8 | 0x47 | 0x48 | 0x64] => true,
        _ => false,
    }
}

/// RFC 2516.
pub(super) fn pppoe<'a>(rest: Bytes<'a>, around: Around<'a>) -> Reading<'a> {
    if !around.enters("pppoe") {
        return around.unopened();
    }
    let Some(header) = rest.head(8) else { return Malformed };
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    let session = rest.ending(6 + length, around.cut);
    let (0x11, 0, Some(session)) = (header[0], header[1], session) else { return Malformed };
    let inside = match [header[6], header[7]] {
        [0, 0x21] => ipv4,
        [0, 0x57] => ipv6,
        [2, 0x81 | 0x83] if !around.enters("mpls") => return around.unopened(),
        [2, 0x81 | 0x83] => mpls,
        _ => return around.not_ip(),
    };
    // MPLS is announced here, and may be no more than announced.
    match (session.behind(8), around.within("pppoe")) {
        (Some(packet), Some(around)) => inside(packet, around),
        _ => Malformed,
    }
}

/// RFC 2003, RFC 4213, RFC 2473; RFC 2784; RFC 3378.
pub(super) fn in_ip<'a>(protocol: u8, rest: Bytes<'a>, around: Around<'a>) -> Reading<'a> {
    match protocol {
        47 => gre(rest, around),
        97 => match (rest.head(2), rest.behind(2), around.within("etherip")) {
            (Some([0x30, 0]), Some(frame), Some(around)) => ethernet(frame, around),
            _ => Malformed,
        },
        _ => {
            let inside = if protocol == 4 { ipv4 } else { ipv6 };
            around.within("ip-in-ip").map_or(Malformed, |around| inside(rest, around))
        }
    }
}

/// RFC 2784, RFC 2890 and draft-foschiano-erspan.
fn gre<'a>(rest: Bytes<'a>, around: Around<'a>) -> Reading<'a> {
    let Some(header) = rest.head(4) else { return Malformed };
    let (first, second) = (header[0], header[1]);
    let has = |bit: u32| usize::from(first >> bit & 1);
    let (routing, strict, recursion, version) = (has(6), has(3), has(2), second % 8);
    let inside = rest.behind(4 + 4 * (has(7) + has(5) + has(4)));
    let (0, 0, Some(inside)) = (routing + strict + recursion, version, inside) else {
        return Malformed;
    };
    let ether_type = u16::from_be_bytes([header[2], header[3]]);
    let mirror = match ether_type {
        0x22eb => 3,
        0x88be => 1 + has(4),
        _ => 0,
    };
    if mirror != 0 && !around.enters("erspan") {
        return around.unopened();
    }
    if let Some(reading) = announced(ether_type, &around) {
        return reading;
    }
    let Some(around) = around.within("gre") else { return Malformed };
    match (mirror, ether_type) {
        (0, 0x6558) => ethernet(inside, around),
        (0, _) => by_type(ether_type, inside, around),
        _ => erspan(mirror, inside, around),
    }
}

/// What comes of a type that leads nowhere, whatever the depth.
fn announced<'a>(ether_type: u16, around: &Around<'a>) -> Option<Reading<'a>> {
    let name = match ether_type {
        0x8847 | 0x8848 => "mpls",
        0x8864 => "pppoe",
        0x8100 | 0x88a8 | 0x9100 => "vlan",
        _ => return None,
    };
    (!around.enters(name)).then(|| around.clone().unopened())
}

fn erspan<'a>(mirror: usize, rest: Bytes<'a>, around: Around<'a>) -> Reading<'a> {
    let length = match mirror {
        1 => 0,
        2 => match rest.head(8) {
            Some(header) if header[0] / 16 == 1 => 8,
            _ => return Malformed,
        },
        _ => match rest.head(12) {
            // The frame's type, five bits, is that of Ethernet.
            Some(header) if header[0] / 16 == 2 && header[10] / 4 % 32 == 0 => {
                12 + 8 * usize::from(header[11] % 2)
            }
            _ => return Malformed,
        },
    };
    match (rest.behind(length), around.within("erspan")) {
        (Some(frame), Some(around)) => ethernet(frame, around),
        _ => Malformed,
    }
}

/// Tunnels by port: RFC 7348, RFC 8926, TS 29.281, RFC 4380.
pub(super) fn in_udp<'a>(
    packet: Packet<'a>,
    rest: Bytes<'a>,
    length: usize,
    around: Around<'a>,
) -> Reading<'a> {
    let name = match packet.ports {
        Some((_, 4_789 | 8_472)) => "vxlan",
        Some((_, 6_081)) => "geneve",
        Some((_, 2_152)) => "gtp-u",
        Some((_, 3_544) | (3_544, _)) => "teredo",
        _ => return Reading::Packet(packet),
    };
    if !around.enters(name) {
        return Reading::Packet(packet);
    }
    let datagram = if length < 8 { None } else { rest.ending(length, around.cut) };
    let Some(datagram) = datagram.and_then(|datagram| datagram.behind(8)) else { return Malformed };
    match name {
        "vxlan" => vxlan(datagram, around),
        "geneve" => geneve(datagram, around),
        "gtp-u" => gtp(datagram, around),
        _ => teredo(datagram, around),
    }
}

fn vxlan<'a>(rest: Bytes<'a>, around: Around<'a>) -> Reading<'a> {
    if rest.is_out_of_reach(8) {
        return Malformed;
    }
    match (rest.head(8), rest.behind(8)) {
        (Some([8, 0, 0, 0, _, _, _, 0] | [0x88, _, _, _, _, _, _, 0]), Some(frame)) => {
            around.within("vxlan").map_or(Malformed, |around| ethernet(frame, around))
        }
        _ => around.unopened(),
    }
}

fn geneve<'a>(rest: Bytes<'a>, around: Around<'a>) -> Reading<'a> {
    if rest.is_out_of_reach(8) {
        return Malformed;
    }
    let Some(&[first, flags, high, low, _, _, _, 0]) = rest.head(8) else {
        return around.unopened();
    };
    if first >= 64 || flags % 64 != 0 || high < 6 {
        return around.unopened();
    }
    let Some(inside) = rest.behind(8 + 4 * usize::from(first)) else { return Malformed };
    let ether_type = u16::from_be_bytes([high, low]);
    if let Some(reading) = announced(ether_type, &around) {
        return reading;
    }
    let not_ip = around.not_ip();
    match (ether_type, around.within("geneve")) {
        (0x6558, Some(around)) => ethernet(inside, around),
        (_, Some(around)) => by_type(ether_type, inside, around),
        (_, None) => not_ip,
    }
}

/// At most four extension headers.
fn gtp<'a>(rest: Bytes<'a>, mut around: Around<'a>) -> Reading<'a> {
    if rest.is_out_of_reach(8) {
        return Malformed;
    }
    let Some(header) = rest.head(8) else { return around.unopened() };
    let (0x30..=0x37, 255) = (header[0], header[1]) else { return around.unopened() };
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let message = rest.ending(8 + length, around.cut).and_then(|message| message.behind(8));
    let Some(mut rest) = message else { return Malformed };
    if header[0] % 8 != 0 {
        let Some(optional) = rest.head(4) else { return Malformed };
        rest = Bytes { bytes: &rest.bytes[4..], at: rest.at + 4 };
        let mut next = if header[0] & 4 == 0 { 0 } else { optional[3] };
        while next != 0 {
            let (Some(first), 0..EXTENSIONS) = (rest.head(2), around.extensions) else {
                return Malformed;
            };
            around.extensions += 1;
            let length = usize::from(first[0]) * 4;
            let last = if length == 0 { None } else { rest.number(length - 2) };
            let (Some(last), Some(behind)) = (last, rest.behind(length)) else { return Malformed };
            (next, rest) = (last.to_be_bytes()[1], behind);
        }
    }
    let Some(first) = rest.head(2) else { return Malformed };
    match (first[0] / 16, around.within("gtp-u")) {
        (4, Some(around)) => ipv4(rest, around),
        (6, Some(around)) => ipv6(rest, around),
        _ => Malformed,
    }
}

fn teredo<'a>(rest: Bytes<'a>, around: Around<'a>) -> Reading<'a> {
    let Some(packet) = teredo_packet(rest, around.cut) else { return around.unopened() };
    if packet.is_out_of_reach(0) {
        return Malformed;
    }
    around.within("teredo").map_or(Malformed, |around| ipv6(packet, around))
}

/// What is out of reach, wherever the looking ended.
fn teredo_packet(mut rest: Bytes<'_>, cut: bool) -> Option<Bytes<'_>> {
    if rest.is_out_of_reach(4) {
        return Some(rest);
    }
    let first = rest.head(4)?;
    if first[..2] == [0, 1] {
        rest = rest.behind(13 + usize::from(first[2]) + usize::from(first[3]))?;
        if rest.is_out_of_reach(2) {
            return Some(rest);
        }
    }
    if rest.head(2)? == [0, 0] {
        rest = rest.behind(8)?;
        if rest.is_out_of_reach(8) {
            return Some(rest);
        }
    }
    let header = rest.head(8)?;
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    rest.behind(40)?;
    (header[0] / 16 == 6 && (cut || rest.bytes.len() >= 40 + length)).then_some(rest)
}
