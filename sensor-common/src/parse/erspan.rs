//! ERSPAN: a mirrored frame inside GRE (draft-foschiano-erspan-03). Type I has no header of its own, type II and III
//! have one, and GRE's sequence number.

use super::ether_type::EtherType;
use super::header::Header;
use super::layer::{Kind, Layer};
use super::stop::Stop;
use super::tunnel::{Entered, Tunnel};
use crate::packet::Packet;

/// GRE's name for types I and II.
pub(super) const I_OR_II: EtherType = EtherType(0x88be);
/// GRE's name for type III.
pub(super) const III: EtherType = EtherType(0x22eb);

/// Positions of the fields (draft-foschiano-erspan-03 sections 4.2 and 4.3).
mod field {
    pub(super) const VERSION: usize = 0;
    pub(super) const END_II: usize = 8;
    /// Of type III: what kind of frame it is, and whether a subheader follows.
    pub(super) const FRAME_TYPE: usize = 10;
    pub(super) const END_III: usize = 12;
}

/// In the upper half of the first byte.
mod version {
    pub(super) const II: u8 = 1;
    pub(super) const III: u8 = 2;
}

/// Length of type III's subheader.
const SUBHEADER: u64 = 8;
const HAS_SUBHEADER: u16 = 0x0001;
/// The five bits behind the first. 0 is Ethernet.
const FRAME_TYPE: u16 = 0x7c00;

/// Type I or II, as a layer.
///
/// # Errors
/// [`Stop::Unopened`] where it is not entered.
#[inline(always)]
pub(super) fn carried(layer: Layer, is_numbered: bool, entered: Entered) -> Result<Layer, Stop> {
    let kind = if is_numbered { Kind::ERSPAN_II } else { Kind::ERSPAN_I };
    if entered.has(Tunnel::Erspan) { Ok(Layer { kind, ..layer }) } else { Err(Stop::Unopened) }
}

/// Type III, as a layer.
///
/// # Errors
/// [`Stop::Unopened`] where it is not entered.
#[inline(always)]
pub(super) fn carried_iii(layer: Layer, entered: Entered) -> Result<Layer, Stop> {
    let layer = carried(layer, true, entered)?;
    Ok(Layer { kind: Kind::ERSPAN_III, ..layer })
}

/// Opens type I.
///
/// # Errors
/// None: it has no header.
#[inline(always)]
pub(super) fn open_i(layer: Layer) -> Result<Layer, Stop> {
    layer.behind(0, Kind::ETHERNET)
}

/// Opens type II.
///
/// # Errors
/// [`Stop::Malformed`] where the header is cut short or of another version.
#[inline(always)]
pub(super) fn open_ii<P: Packet>(packet: &P, layer: Layer) -> Result<Layer, Stop> {
    let header: Header<{ field::END_II }> = layer.read(packet)?;
    if header.byte::<{ field::VERSION }>() >> 4 != version::II {
        return Err(Stop::Malformed);
    }
    layer.behind(field::END_II as u64, Kind::ETHERNET)
}

/// Opens type III.
///
/// # Errors
/// [`Stop::Malformed`] where the header is cut short, of another version, or says that no Ethernet frame
/// follows.
#[inline(always)]
pub(super) fn open_iii<P: Packet>(packet: &P, layer: Layer) -> Result<Layer, Stop> {
    let header: Header<{ field::END_III }> = layer.read(packet)?;
    let frame_type = header.half::<{ field::FRAME_TYPE }>();
    if header.byte::<{ field::VERSION }>() >> 4 != version::III || frame_type & FRAME_TYPE != 0 {
        return Err(Stop::Malformed);
    }
    let subheader = u64::from(frame_type & HAS_SUBHEADER).wrapping_mul(SUBHEADER);
    layer.behind(subheader.wrapping_add(field::END_III as u64), Kind::ETHERNET)
}

#[cfg(test)]
mod tests {
    use sekisho_stack::{Mirror, Outer, Piece};

    use super::super::samples::{assert_inside, assert_malformed, packet_v4, packet_v6, parsed_in};
    use super::*;

    #[test]
    fn all_types() {
        for mirror in [Mirror::I, Mirror::II, Mirror::III, Mirror::IIIExtended] {
            for outer in Outer::ALL {
                assert_inside(packet_v4().frame(&[]).mirrored(outer, mirror), &packet_v4());
                let tagged = packet_v6().frame(&[0x88a8, 0x8100]);
                assert_inside(tagged.mirrored(outer, mirror), &packet_v6());
            }
        }
    }

    /// With another byte in ERSPAN's header, which is behind IPv4 and eight bytes of GRE.
    fn with(mirror: Mirror, at: usize, value: u8) -> Piece {
        let mut piece = packet_v4().frame(&[]).mirrored(Outer::V4, mirror);
        piece.bytes[28 + at] = value;
        piece
    }

    #[test]
    fn other_versions_and_frame_types_are_malformed() {
        assert_malformed(with(Mirror::II, 0, 0x20));
        assert_malformed(with(Mirror::III, 0, 0x10));
        // IP without Ethernet.
        assert_malformed(with(Mirror::III, 10, 2 << 2));
        // A subheader that is not there.
        assert_malformed(with(Mirror::III, 11, 1));
        assert_inside(with(Mirror::III, 10, 0x80), &packet_v4());
    }

    #[test]
    fn where_mirrored_frames_are_not_entered_the_mirror_is_judged() {
        let entered = Entered::NONE.and(Tunnel::Gre);
        for mirror in [Mirror::I, Mirror::III] {
            let frame = packet_v4().frame(&[]).mirrored(Outer::V4, mirror).on_the_wire();
            assert_eq!(parsed_in(&frame.bytes, entered).unwrap().protocol, 47);
        }
    }
}
