//! Ethernet II (IEEE 802.3), with the tags between its addresses and what it carries.

use super::ether_type::EtherType;
use super::header::Header;
use super::layer::{Kind, Layer};
use super::stop::Stop;
use super::tunnel::{Entered, Tunnel};
use super::vlan;
use crate::packet::Packet;

/// Positions of the fields.
mod field {
    pub(super) const ETHER_TYPE: u64 = 12;
    pub(super) const END: u64 = 14;
}

/// Length of the header in bytes.
const LENGTH: u64 = field::END;

/// The end of the header: nothing else of it is read.
struct Ethernet(Header<2>);

impl Ethernet {
    #[inline(always)]
    fn read<P: Packet>(packet: &P, layer: Layer) -> Result<Self, Stop> {
        Header::read(packet, layer.start.wrapping_add(field::ETHER_TYPE)).map(Self)
    }

    #[inline(always)]
    fn ether_type(&self) -> EtherType {
        EtherType(self.0.half::<0>())
    }
}

/// Opens a whole frame, or one that does not end inside its header, and its tags.
///
/// # Errors
/// [`Stop::Malformed`] where the frame ends inside of them; see [`vlan::step_over`] and [`carried`].
#[inline(always)]
pub(super) fn open<P: Packet>(packet: &P, layer: Layer, entered: Entered) -> Result<Layer, Stop> {
    let ether_type = Ethernet::read(packet, layer)?.ether_type();
    let rest = Layer { start: layer.start.wrapping_add(LENGTH), ..layer };
    let (ether_type, rest) = vlan::step_over(packet, ether_type, rest, entered)?;
    carried(ether_type, rest, entered)
}

/// Opens an Ethernet frame inside of something.
///
/// # Errors
/// [`Stop::Malformed`] where it ends inside its header; see [`open`].
#[inline(always)]
pub(super) fn open_inner<P: Packet>(
    packet: &P,
    layer: Layer,
    entered: Entered,
) -> Result<Layer, Stop> {
    layer.behind(LENGTH, Kind::ETHERNET)?;
    open(packet, layer, entered)
}

/// A layer of the kind that an `EtherType` names.
///
/// # Errors
/// [`Stop::Unopened`] where it is an encapsulation that is not entered, [`Stop::Malformed`] where it is a tag,
/// all of which were stepped over, [`Stop::NonIp`] where it is anything else.
#[inline(always)]
pub(super) fn carried(
    ether_type: EtherType,
    layer: Layer,
    entered: Entered,
) -> Result<Layer, Stop> {
    let kind = match ether_type {
        EtherType::IPV4 => return Ok(Layer { kind: Kind::IPV4, ..layer }),
        EtherType::IPV6 => return Ok(Layer { kind: Kind::IPV6, ..layer }),
        EtherType::MPLS | EtherType::MPLS_UPSTREAM => Kind::MPLS,
        EtherType::PPPOE => Kind::PPPOE,
        _ if !ether_type.is_tag() => return Err(Stop::NonIp),
        _ if entered.has(Tunnel::Vlan) => return Err(Stop::Malformed),
        _ => return Err(Stop::Unopened),
    };
    if entered.has_number(kind.tunnel()) {
        Ok(Layer { kind, ..layer })
    } else {
        Err(Stop::Unopened)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{parsed, tcp_v4};
    use crate::parse::Unparsed;

    #[test]
    fn other_ether_types_are_not_ip() {
        for ether_type in [0x0806_u16, 0x6558, 0x8863, 0x88cc, 0x0000, 0xffff] {
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
