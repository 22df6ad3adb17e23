//! MPLS (RFC 3032): a stack of labels, up to [`MOST_LABELS`] of them, then IP or a pseudowire with Ethernet
//! (RFC 4448).
//!
//! No label says what it carries: only the router that gave it out knows. So what is behind the stack is
//! told by how it begins, as routers do (RFC 4928 section 2): 4 and 6 are IP, 0 is a pseudowire's control
//! word (RFC 4385 section 3). A pseudowire without one begins with any MAC address, which may look like each of
//! these; it is recognized by the `EtherType` in its place. What can be read in two ways is malformed.

use super::ether_type::EtherType;
use super::header::Header;
use super::layer::{Kind, Layer};
use super::stop::Stop;
use crate::packet::Packet;

/// Positions of the fields of a label stack entry (RFC 3032 section 2.1).
mod field {
    pub(super) const BOTTOM: usize = 2;
    pub(super) const END: usize = 4;
}

const LENGTH: u64 = field::END as u64;
/// The last bit of a label and its traffic class: no entry follows.
const BOTTOM: u8 = 1;

/// Most labels that are stepped over. A longer stack is malformed.
pub const MOST_LABELS: u32 = 6;

/// Length of a pseudowire's control word.
const CONTROL_WORD: u64 = 4;

/// Opens a label stack.
///
/// # Errors
/// [`Stop::Malformed`] where it is too long, or what carries it ends before; see [`carried`].
#[inline(always)]
pub(super) fn open<P: Packet>(packet: &P, layer: Layer) -> Result<Layer, Stop> {
    let mut rest = layer;
    let mut is_bottom = false;
    for _ in 0..MOST_LABELS {
        let entry: Header<{ field::END }> = rest.read(packet)?;
        rest = rest.behind(LENGTH, Kind::MPLS)?;
        is_bottom = entry.byte::<{ field::BOTTOM }>() & BOTTOM != 0;
        if is_bottom {
            break;
        }
    }
    if !is_bottom {
        return Err(Stop::Malformed);
    }
    rest.start = packet.hide(rest.start);
    carried(packet, rest)
}

/// What is behind the bottom of a stack.
///
/// # Errors
/// [`Stop::NonIp`] where it begins like nothing known, [`Stop::Malformed`] where it begins like two things.
#[inline(always)]
fn carried<P: Packet>(packet: &P, layer: Layer) -> Result<Layer, Stop> {
    let first: Header<4> = layer.read(packet)?;
    let bare = is_frame(packet, &layer, 0);
    match first.byte::<0>() >> 4 {
        4 if !bare => layer.behind(0, Kind::IPV4),
        6 if !bare => layer.behind(0, Kind::IPV6),
        4 if is_ipv4(first, &layer) => Err(Stop::Malformed),
        6 if is_ipv6(packet, &layer) => Err(Stop::Malformed),
        0 if first.half::<0>() == 0 && is_frame(packet, &layer, CONTROL_WORD) => {
            if bare {
                Err(Stop::Malformed)
            } else {
                layer.behind(CONTROL_WORD, Kind::ETHERNET)
            }
        }
        _ if bare => layer.behind(0, Kind::ETHERNET),
        _ => Err(Stop::NonIp),
    }
}

/// Whether what is so many bytes behind the beginning of a layer looks like an Ethernet frame with
/// something that can be opened.
#[inline(always)]
fn is_frame<P: Packet>(packet: &P, layer: &Layer, behind: u64) -> bool {
    const ETHER_TYPE: u64 = 12;
    let Ok(header) = layer.read_at::<4, P>(packet, behind.wrapping_add(ETHER_TYPE)) else {
        return false;
    };
    let ether_type = EtherType(header.half::<0>());
    match ether_type {
        EtherType::IPV4 => header.byte::<2>() >> 4 == 4,
        EtherType::IPV6 => header.byte::<2>() >> 4 == 6,
        EtherType::MPLS | EtherType::MPLS_UPSTREAM | EtherType::PPPOE => true,
        _ => ether_type.is_tag(),
    }
}

/// Whether the lengths of an IPv4 header fit, of which these are the first bytes.
#[inline(always)]
fn is_ipv4(first: Header<4>, layer: &Layer) -> bool {
    let header = u64::from(first.byte::<0>() & 0xf).wrapping_mul(4);
    let total = u64::from(first.half::<2>());
    header >= 20 && total >= header && layer.ending_after(total).is_ok()
}

/// Whether the length of an IPv6 header fits.
#[inline(always)]
fn is_ipv6<P: Packet>(packet: &P, layer: &Layer) -> bool {
    let Ok(header) = layer.read_at::<2, P>(packet, 4) else { return false };
    layer.ending_after(u64::from(header.half::<0>()).wrapping_add(40)).is_ok()
}

#[cfg(test)]
mod tests {
    use sekisho_stack::{Nature, Outer, Piece};

    use super::super::Unparsed;
    use super::super::samples::{assert_inside, assert_malformed, packet_v4, packet_v6, parsed};

    #[test]
    fn up_to_six_labels() {
        for count in 1..=6 {
            assert_inside(packet_v4().labels(count, false), &packet_v4());
            assert_inside(packet_v6().labels(count, false), &packet_v6());
            for has_word in [false, true] {
                let frame = packet_v4().frame(&[0x8100]);
                assert_inside(frame.labels(count, has_word), &packet_v4());
            }
        }
        assert_malformed(packet_v4().labels(7, false));
        assert_malformed(packet_v4().frame(&[]).labels(7, true));
    }

    /// A pseudowire without a control word, to this MAC address.
    fn bare(address: [u8; 6]) -> Piece {
        let mut frame = packet_v4().frame(&[]);
        frame.bytes[..6].copy_from_slice(&address);
        frame.labels(1, false)
    }

    #[test]
    fn a_frame_without_a_control_word_is_told_by_its_ether_type() {
        for first in 0..=255 {
            assert_inside(bare([first, 0x1b, 0x7f, 0xfe, 0x7f, 1]), &packet_v4());
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_malformed() {
        // 69.0.0.x as a total length of 40 and a MAC address.
        assert_malformed(bare([0x45, 0, 0, 40, 0, 1]));
        assert_inside(bare([0x45, 0, 0, 19, 0, 1]), &packet_v4());
        let mut v6 = packet_v6().frame(&[]);
        v6.bytes[..6].copy_from_slice(&[0x60, 0, 0, 0, 0, 13]);
        assert_malformed(v6.labels(1, false));
        // Behind a control word there seems to be an EtherType, and also without one.
        let mut frame = packet_v4().frame(&[]);
        frame.bytes[..6].copy_from_slice(&[0, 0, 0, 0, 0, 1]);
        frame.bytes[16..18].copy_from_slice(&[0x81, 0]);
        assert_malformed(frame.labels(1, false));
    }

    #[test]
    fn what_is_neither_is_not_ip() {
        let behind = |bytes: &[u8]| {
            let piece = Piece::bare(Nature::Labels, bytes.to_vec());
            piece.labels(1, false)
        };
        let mut arp = packet_v4().frame(&[]);
        arp.bytes[12..14].copy_from_slice(&[0x08, 0x06]);
        for piece in [
            behind(&[0x10, 0, 0, 0x21, 0, 0, 0, 0]),
            behind(&[0, 0, 0, 0, 1, 2, 3, 4]),
            behind(&[0xff; 64]),
            arp.clone().labels(1, true),
            arp.labels(1, false),
        ] {
            assert_eq!(parsed(&piece.clone().on_the_wire().bytes), Err(Unparsed::NonIp));
            // In IP it is the inside of a tunnel.
            assert_malformed(piece.gre(Outer::V4, 0));
        }
        assert_malformed(behind(&[0x45, 0, 0]));
        assert_malformed(behind(&[]));
    }
}
