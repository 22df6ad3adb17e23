//! EtherIP (RFC 3378): an Ethernet frame behind two bytes.

use super::header::Header;
use super::layer::{Kind, Layer};
use super::stop::Stop;
use crate::packet::Packet;

/// Version 3, and 12 reserved bits that are 0 (RFC 3378 section 3).
const HEADER: u16 = 0x3000;
const LENGTH: u64 = 2;

/// Opens an EtherIP packet.
///
/// # Errors
/// [`Stop::Malformed`] where the header is cut short or is another.
#[inline(always)]
pub(super) fn open<P: Packet>(packet: &P, layer: Layer) -> Result<Layer, Stop> {
    let header: Header<2> = layer.read(packet)?;
    if header.half::<0>() != HEADER {
        return Err(Stop::Malformed);
    }
    layer.behind(LENGTH, Kind::ETHERNET)
}

#[cfg(test)]
mod tests {
    use sekisho_stack::Outer;

    use super::super::samples::{assert_inside, assert_malformed, packet_v4, packet_v6};

    #[test]
    fn frames() {
        for outer in Outer::ALL {
            assert_inside(packet_v4().frame(&[]).etherip(outer), &packet_v4());
            assert_inside(packet_v6().frame(&[0x9100]).etherip(outer), &packet_v6());
        }
    }

    #[test]
    fn other_versions_are_malformed() {
        for (at, value) in [(0, 0x20), (0, 0x31), (1, 1)] {
            let mut piece = packet_v4().frame(&[]).etherip(Outer::V4);
            piece.bytes[20 + at] = value;
            assert_malformed(piece);
        }
        let mut arp = packet_v4().frame(&[]);
        arp.bytes[13] = 6;
        assert_malformed(arp.etherip(Outer::V4));
        assert_malformed(packet_v4().ip(Outer::V4, 97));
    }
}
