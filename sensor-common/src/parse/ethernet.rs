//! Ethernet II with up to two VLAN tags (IEEE 802.3, 802.1Q, 802.1ad).

use super::Unparsed;
use crate::packet::Packet;

/// `EtherType` of IPv4.
pub const IPV4: u16 = 0x0800;
/// `EtherType` of IPv6.
pub const IPV6: u16 = 0x86dd;
/// Tag protocol identifier of a customer tag (802.1Q).
pub const C_TAG: u16 = 0x8100;
/// Tag protocol identifier of a service tag (802.1ad).
pub const S_TAG: u16 = 0x88a8;
/// Most tags that are looked behind; a frame with more carries no IP packet we reach.
pub const MOST_TAGS: u32 = 2;

const ETHER_TYPE: u32 = 12;
const TAG_LENGTH: u32 = 4;

/// Where the network layer starts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Network {
    /// The `EtherType` behind the last tag.
    pub ether_type: u16,
    /// Offset of the first byte behind it.
    pub offset: u32,
}

/// Reads the Ethernet header and its tags.
///
/// # Errors
/// [`Unparsed::Malformed`] where the frame ends inside them.
#[inline(always)]
pub fn parse<P: Packet>(packet: &P) -> Result<Network, Unparsed> {
    let mut at = ETHER_TYPE;
    let mut ether_type = load_type(packet, at)?;
    for _ in 0..MOST_TAGS {
        if ether_type != C_TAG && ether_type != S_TAG {
            break;
        }
        at = at.wrapping_add(TAG_LENGTH);
        ether_type = load_type(packet, at)?;
    }
    Ok(Network { ether_type, offset: packet.hide_half(at.wrapping_add(2)) })
}

#[inline(always)]
fn load_type<P: Packet>(packet: &P, at: u32) -> Result<u16, Unparsed> {
    packet.load::<2>(at).map(u16::from_be_bytes).ok_or(Unparsed::Malformed)
}
