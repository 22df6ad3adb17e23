//! GRE (RFC 2784), with key and sequence number (RFC 2890): IP, MPLS, Ethernet or ERSPAN in it.

use super::erspan;
use super::ether_type::EtherType;
use super::ethernet;
use super::header::Header;
use super::layer::{Kind, Layer};
use super::stop::Stop;
use super::tunnel::Entered;
use crate::packet::Packet;

/// Positions of the fields (RFC 2784 section 2.1).
mod field {
    pub(super) const FLAGS: usize = 0;
    pub(super) const PROTOCOL: usize = 2;
    /// Where optional fields begin.
    pub(super) const END: usize = 4;
}

const SHORTEST: u64 = field::END as u64;

/// Flags, each of which stands for a field of four bytes.
mod flag {
    pub(super) const CHECKSUM: u16 = 0x8000;
    pub(super) const KEY: u16 = 0x2000;
    pub(super) const SEQUENCE: u16 = 0x1000;
}

/// Bits with which a receiver discards the packet (RFC 2784 sections 2.3 and 2.4): source routing (RFC 1701) and
/// other versions, among them that of PPTP (RFC 2637), whose inside is compressed or enciphered.
const UNKNOWN: u16 = 0x4c07;

/// Opens a GRE packet.
///
/// # Errors
/// [`Stop::Malformed`] where the packet ends before its header or is of another version; see
/// [`ethernet::carried`] and [`erspan::carried`].
#[inline(always)]
pub(super) fn open<P: Packet>(packet: &P, layer: Layer, entered: Entered) -> Result<Layer, Stop> {
    let header: Header<{ field::END }> = layer.read(packet)?;
    let flags = header.half::<{ field::FLAGS }>();
    if flags & UNKNOWN != 0 {
        return Err(Stop::Malformed);
    }
    let fields = u64::from(flags & flag::CHECKSUM != 0)
        .wrapping_add(u64::from(flags & flag::KEY != 0))
        .wrapping_add(u64::from(flags & flag::SEQUENCE != 0));
    let rest = layer.behind(SHORTEST.wrapping_add(fields.wrapping_mul(4)), Kind::ETHERNET)?;
    match EtherType(header.half::<{ field::PROTOCOL }>()) {
        EtherType::BRIDGING => Ok(rest),
        erspan::I_OR_II => erspan::carried(rest, flags & flag::SEQUENCE != 0, entered),
        erspan::III => erspan::carried_iii(rest, entered),
        ether_type => ethernet::carried(ether_type, rest, entered),
    }
}

#[cfg(test)]
mod tests {
    use sekisho_stack::{Nature, Outer, Piece};

    use super::super::samples::{assert_inside, assert_malformed, packet_v4, packet_v6};
    use super::*;

    #[test]
    fn all_fields_and_all_that_is_carried() {
        for outer in Outer::ALL {
            for number in 0..8_u16 {
                let bit = |bit: u16, flag| if number >> bit & 1 == 0 { 0 } else { flag };
                let flags = bit(0, flag::CHECKSUM) | bit(1, flag::KEY) | bit(2, flag::SEQUENCE);
                assert_inside(packet_v4().gre(outer, flags), &packet_v4());
                assert_inside(packet_v6().gre(outer, flags), &packet_v6());
                assert_inside(packet_v6().labels(1, false).gre(outer, flags), &packet_v6());
                assert_inside(packet_v4().frame(&[0x8100]).gre(outer, flags), &packet_v4());
            }
        }
    }

    fn of(flags: u16, protocol: u16, rest: &[u8]) -> Piece {
        let header = [flags.to_be_bytes(), protocol.to_be_bytes()].concat();
        let bytes = [header.as_slice(), rest].concat();
        Piece::bare(Nature::Ipv4, bytes).ip(Outer::V4, 47)
    }

    #[test]
    fn reserved_bits_are_ignored_but_for_those_that_change_the_header() {
        let packet = packet_v4();
        for bit in 0..16 {
            let flags = 1 << bit;
            if flags & (flag::CHECKSUM | flag::KEY | flag::SEQUENCE) != 0 {
                continue;
            }
            let piece = of(flags, 0x0800, &packet.bytes);
            if flags & UNKNOWN == 0 {
                let inside = Piece { tunnels: ["gre"].into(), ..piece };
                assert_inside(inside, &packet);
            } else {
                assert_malformed(piece);
            }
        }
    }

    #[test]
    fn what_cannot_be_judged_is_malformed() {
        let packet = packet_v4().bytes;
        // Nothing (a keepalive), ARP, CDP, a tag, and PPTP.
        for protocol in [0, 0x0806, 0x2000, 0x8100] {
            assert_malformed(of(0, protocol, &packet));
        }
        assert_malformed(of(0x2001, 0x880b, &packet));
        assert_malformed(of(0, 0x86dd, &packet));
        assert_malformed(of(flag::CHECKSUM, 0x0800, &[0; 3]));
        let cut = Piece::bare(Nature::Ipv4, [0, 0, 8].into());
        assert_malformed(cut.ip(Outer::V4, 47));
    }
}
