//! VLAN tags (IEEE 802.1Q, 802.1ad), up to [`MOST_TAGS`] of them. Only what is behind them is looked at.

use super::Unparsed;
use super::ethernet::EtherType;
use super::header::Header;
use crate::packet::Packet;

/// Positions of the fields of a tag, counted from behind its own `EtherType`.
mod field {
    /// The `EtherType` of what follows the tag.
    pub(super) const ETHER_TYPE: usize = 2;
    pub(super) const END: usize = 4;
}

const LENGTH: u32 = field::END as u32;

/// Most tags that are stepped over. A frame with more carries no IP packet that the parser reaches.
pub const MOST_TAGS: u32 = 2;

struct Tag(Header<{ field::END }>);

impl Tag {
    #[inline(always)]
    fn read<P: Packet>(packet: &P, start: u32) -> Result<Self, Unparsed> {
        Header::read(packet, start).map(Self)
    }

    #[inline(always)]
    fn ether_type(&self) -> EtherType {
        EtherType(self.0.half::<{ field::ETHER_TYPE }>())
    }
}

/// Steps over the tags at `start`, if `ether_type` is that of a tag: the `EtherType` behind them, and the
/// offset of what it names.
///
/// # Errors
/// [`Unparsed::Malformed`] where the frame ends inside a tag.
#[inline(always)]
pub(super) fn step_over<P: Packet>(
    packet: &P,
    mut ether_type: EtherType,
    mut start: u32,
) -> Result<(EtherType, u32), Unparsed> {
    for _ in 0..MOST_TAGS {
        if !matches!(ether_type, EtherType::C_TAG | EtherType::S_TAG) {
            break;
        }
        ether_type = Tag::read(packet, start)?.ether_type();
        start = start.wrapping_add(LENGTH);
    }
    Ok((ether_type, start))
}

#[cfg(test)]
mod tests {
    use etherparse::{EtherType as Type, SingleVlanHeader, VlanId};

    use super::super::Flow;
    use super::super::samples::{parsed, tcp_v4};
    use super::*;

    #[test]
    fn up_to_two_tags_are_stepped_over() {
        let plain = parsed(&tcp_v4());
        for tags in 1..=3_usize {
            let mut frame = tcp_v4();
            for tag in 0..tags {
                let header = SingleVlanHeader {
                    vlan_id: VlanId::try_new(u16::try_from(tag).unwrap()).unwrap(),
                    ether_type: Type(u16::from_be_bytes([frame[12], frame[13]])),
                    ..SingleVlanHeader::default()
                };
                let tag_type: [u8; 2] = if tag % 2 == 0 { [0x81, 0] } else { [0x88, 0xa8] };
                frame.splice(12..14, tag_type.into_iter().chain(header.to_bytes()));
            }
            let behind = u32::try_from(4 * tags).unwrap();
            let plain = plain.map(|flow| Flow {
                upper: flow.upper + behind,
                end: flow.end + behind,
                ..flow
            });
            let expected = if tags <= 2 { plain } else { Err(Unparsed::NonIp) };
            assert_eq!(parsed(&frame), expected, "{tags} tags");
        }
    }

    #[test]
    fn a_tag_that_is_cut_short_is_malformed_and_a_third_one_is_not_looked_at() {
        let mut frame = tcp_v4();
        frame[12..14].copy_from_slice(&[0x81, 0]);
        assert_eq!(parsed(&frame[..17]), Err(Unparsed::Malformed));
        frame[16..18].copy_from_slice(&[0x81, 0]);
        assert_eq!(parsed(&frame[..21]), Err(Unparsed::Malformed));
        frame[20..22].copy_from_slice(&[0x81, 0]);
        assert_eq!(parsed(&frame[..22]), Err(Unparsed::NonIp));
    }
}
