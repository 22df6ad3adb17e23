//! Ethernet II (IEEE 802.3), with the tags between its addresses and what it carries.

use super::header::Header;
use super::{Kind, Layer, Next, Unparsed, vlan};
use crate::packet::Packet;

/// Positions of the fields.
mod field {
    pub(super) const ETHER_TYPE: usize = 12;
    pub(super) const END: usize = 14;
}

/// Length of the header in bytes.
pub(super) const LENGTH: u32 = field::END as u32;

/// What an Ethernet header or a tag says of what is behind it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct EtherType(pub(super) u16);

impl EtherType {
    pub(super) const IPV4: Self = Self(0x0800);
    pub(super) const IPV6: Self = Self(0x86dd);
    /// Customer tag (802.1Q).
    pub(super) const C_TAG: Self = Self(0x8100);
    /// Service tag (802.1ad).
    pub(super) const S_TAG: Self = Self(0x88a8);
}

struct Ethernet(Header<{ field::END }>);

impl Ethernet {
    #[inline(always)]
    fn read<P: Packet>(packet: &P, layer: Layer) -> Result<Self, Unparsed> {
        Header::read(packet, layer.start).map(Self)
    }

    #[inline(always)]
    fn ether_type(&self) -> EtherType {
        EtherType(self.0.half::<{ field::ETHER_TYPE }>())
    }
}

/// Opens an Ethernet frame, and its tags.
///
/// # Errors
/// [`Unparsed::Malformed`] where the frame ends inside them, [`Unparsed::NonIp`] where what they carry is
/// not supported.
#[inline(always)]
pub(super) fn open<P: Packet>(packet: &P, layer: Layer) -> Result<Next, Unparsed> {
    let ether_type = Ethernet::read(packet, layer)?.ether_type();
    let start = layer.start.wrapping_add(LENGTH);
    let (ether_type, start) = vlan::step_over(packet, ether_type, start)?;
    let kind = match ether_type {
        EtherType::IPV4 => Kind::Ipv4,
        EtherType::IPV6 => Kind::Ipv6,
        _ => return Err(Unparsed::NonIp),
    };
    Ok(Next::Layer(Layer::new(packet, kind, start, layer.end)))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{parsed, tcp_v4};
    use super::*;

    #[test]
    fn other_ether_types_are_not_ip() {
        for ether_type in [0x0806_u16, 0x8847, 0x8864, 0x88cc, 0x0000, 0xffff] {
            let mut frame = tcp_v4();
            frame[12..14].copy_from_slice(&ether_type.to_be_bytes());
            assert_eq!(parsed(&frame), Err(Unparsed::NonIp), "{ether_type:#06x}");
        }
    }

    #[test]
    fn padding_is_not_part_of_the_packet() {
        let mut frame = tcp_v4();
        frame[17] = 19;
        frame.resize(200, 0);
        assert_eq!(parsed(&frame), Err(Unparsed::Malformed));
        let mut frame = tcp_v4();
        frame.resize(200, 0);
        assert!(parsed(&frame).is_ok());
    }
}
