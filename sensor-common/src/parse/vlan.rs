//! Tags (IEEE 802.1Q, 802.1ad, and the `EtherType` 0x9100 that came before the latter), up to [`MOST_TAGS`]
//! in a row, priority tags included. Only what is behind them is looked at.

use super::ether_type::EtherType;
use super::header::Header;
use super::layer::Layer;
use super::stop::Stop;
use super::tunnel::{Encapsulation, Entered, Tunnel};
use crate::layout::low;
use crate::packet::Packet;

/// Positions of the fields of a tag, counted from behind its own `EtherType`.
mod field {
    /// The `EtherType` of what follows the tag.
    pub(super) const ETHER_TYPE: usize = 2;
    pub(super) const END: usize = 4;
}

const LENGTH: u64 = field::END as u64;

/// Most tags in a row that are stepped over. A frame with more is malformed.
pub const MOST_TAGS: u32 = 3;

struct Tag(Header<{ field::END }>);

impl Tag {
    #[inline(always)]
    fn read<P: Packet>(packet: &P, layer: Layer) -> Result<Self, Stop> {
        layer.read(packet).map(Self)
    }

    #[inline(always)]
    fn ether_type(&self) -> EtherType {
        EtherType(self.0.half::<{ field::ETHER_TYPE }>())
    }
}

/// Steps over the tags with which a layer begins, if `ether_type` is that of a tag: the `EtherType` behind
/// them, and the rest of the layer. Where tags are not entered, none is stepped over.
///
/// # Errors
/// [`Stop::Malformed`] where the frame ends inside a tag, or the layer is too deep.
#[inline(always)]
pub(super) fn step_over<P: Packet>(
    packet: &P,
    mut ether_type: EtherType,
    mut layer: Layer,
    entered: Entered,
) -> Result<(EtherType, Layer), Stop> {
    for _ in 0..MOST_TAGS {
        if !ether_type.is_tag() || !entered.has(Tunnel::Vlan) {
            break;
        }
        ether_type = Tag::read(packet, layer)?.ether_type();
        layer.start = layer.start.wrapping_add(LENGTH);
        if layer.around.is_full() {
            return Err(Stop::Malformed);
        }
        layer.around = layer.around.with(Tunnel::Vlan);
        // Without this, the verifier would know how many tags there were by the least that the end can be.
        layer.end = packet.hide_half(low(layer.end)).into();
    }
    // All the ways to what is behind are one to the verifier, at the price of two hidden numbers.
    let [start, around] = packet.hide_each([layer.start, layer.around.0.into()]);
    Ok((ether_type, Layer { start, around: Encapsulation(low(around)), ..layer }))
}

#[cfg(test)]
mod tests {
    use etherparse::{EtherType as Type, SingleVlanHeader, VlanId};

    use super::super::samples::{parsed, parsed_in, tcp_v4};
    use super::super::tunnel::{Encapsulation, Entered, Tunnel};
    use super::super::{Flow, Unparsed};

    #[test]
    fn up_to_three_tags_are_stepped_over() {
        let plain = parsed(&tcp_v4());
        for tags in 1..=4_usize {
            let mut frame = tcp_v4();
            for tag in 0..tags {
                let header = SingleVlanHeader {
                    vlan_id: VlanId::try_new(u16::try_from(tag).unwrap()).unwrap(),
                    ether_type: Type(u16::from_be_bytes([frame[12], frame[13]])),
                    ..SingleVlanHeader::default()
                };
                let tag_type: [u8; 2] = [[0x81, 0], [0x88, 0xa8], [0x91, 0]][tag % 3];
                frame.splice(12..14, tag_type.into_iter().chain(header.to_bytes()));
            }
            let behind = u32::try_from(4 * tags).unwrap();
            let mut encapsulation = Encapsulation(0);
            for _ in 0..tags {
                encapsulation = encapsulation.with(Tunnel::Vlan);
            }
            let plain = plain.map(|flow| Flow {
                upper: flow.upper + behind,
                end: flow.end + behind,
                encapsulation,
                ..flow
            });
            let expected = if tags <= 3 { plain } else { Err(Unparsed::Malformed) };
            assert_eq!(parsed(&frame), expected, "{tags} tags");
        }
    }

    #[test]
    fn a_tag_that_is_cut_short_is_malformed() {
        let mut frame = tcp_v4();
        for end in [17, 21, 25] {
            frame[end - 5..end - 3].copy_from_slice(&[0x81, 0]);
            assert_eq!(parsed(&frame[..end]), Err(Unparsed::Malformed));
        }
    }

    #[test]
    fn tags_that_are_not_entered_are_not_ip() {
        let mut frame = tcp_v4();
        frame.splice(12..12, [0x81, 0, 0, 7]);
        assert!(parsed_in(&frame, Entered::NONE.and(Tunnel::Vlan)).is_ok());
        assert_eq!(parsed_in(&frame, Entered::NONE), Err(Unparsed::NonIp));
        assert!(parsed_in(&tcp_v4(), Entered::NONE).is_ok());
    }
}
