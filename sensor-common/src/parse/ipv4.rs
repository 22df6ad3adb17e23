//! IPv4 (RFC 791). Options are stepped over; the header checksum is left to the hosts.

use super::flow::{Address, Flow};
use super::fragment::{Part, fragment};
use super::header::Header;
use super::layer::Layer;
use super::stop::Stop;
use crate::layout::low;
use crate::packet::Packet;

/// Positions of the fields (RFC 791 section 3.1).
mod field {
    pub(super) const VERSION_AND_LENGTH: usize = 0;
    pub(super) const TOTAL_LENGTH: usize = 2;
    pub(super) const FLAGS_AND_OFFSET: usize = 6;
    pub(super) const PROTOCOL: usize = 9;
    pub(super) const SOURCE: usize = 12;
    pub(super) const DESTINATION: usize = 16;
    /// Where options begin.
    pub(super) const END: usize = 20;
}

/// Flag "more fragments".
const MORE_FRAGMENTS: u16 = 0x2000;
/// The 13 bits of the fragment offset.
const FRAGMENT_OFFSET: u16 = 0x1fff;

struct Ipv4(Header<{ field::END }>);

impl Ipv4 {
    /// Reads and checks the header.
    ///
    /// # Errors
    /// [`Stop::Malformed`]: the header is cut short, or its version or its lengths are wrong.
    #[inline(always)]
    fn read<P: Packet>(packet: &P, layer: Layer) -> Result<Self, Stop> {
        let header = Header::read(packet, layer.start).map(Self)?;
        let length = header.length(packet, layer);
        let sound = header.version() == 4
            && header.header_length() >= field::END as u64
            && length >= header.header_length();
        if sound { Ok(header) } else { Err(Stop::Malformed) }
    }

    /// Length of the packet in bytes, the header included. Where a host captured it before its network
    /// card gave it one (total length 0), it is all that the layer around it has.
    #[inline(always)]
    fn length<P: Packet>(&self, packet: &P, layer: Layer) -> u64 {
        let length = self.total_length();
        if length == 0 && packet.is_captured() {
            layer.end.wrapping_sub(layer.start)
        } else {
            length
        }
    }

    #[inline(always)]
    fn version(&self) -> u8 {
        self.0.byte::<{ field::VERSION_AND_LENGTH }>() >> 4
    }

    /// In bytes, options included.
    #[inline(always)]
    fn header_length(&self) -> u64 {
        u64::from(self.0.byte::<{ field::VERSION_AND_LENGTH }>() & 0xf).wrapping_mul(4)
    }

    /// As the header says.
    #[inline(always)]
    fn total_length(&self) -> u64 {
        self.0.half::<{ field::TOTAL_LENGTH }>().into()
    }

    /// Whether this is one fragment of a larger packet.
    #[inline(always)]
    fn is_fragment(&self) -> bool {
        self.0.half::<{ field::FLAGS_AND_OFFSET }>() & (MORE_FRAGMENTS | FRAGMENT_OFFSET) != 0
    }

    /// Whether this is a fragment other than the first.
    #[inline(always)]
    fn is_later_fragment(&self) -> bool {
        self.0.half::<{ field::FLAGS_AND_OFFSET }>() & FRAGMENT_OFFSET != 0
    }

    #[inline(always)]
    fn protocol(&self) -> u8 {
        self.0.byte::<{ field::PROTOCOL }>()
    }

    #[inline(always)]
    fn source(&self) -> Address {
        Address::from_v4(self.0.bytes::<{ field::SOURCE }, 4>())
    }

    #[inline(always)]
    fn destination(&self) -> Address {
        Address::from_v4(self.0.bytes::<{ field::DESTINATION }, 4>())
    }
}

/// Opens an IPv4 packet, and says in `flow` what it is.
///
/// # Errors
/// [`Stop::Malformed`] where it does not end before what carries it; see [`Ipv4::read`].
#[inline(always)]
pub(super) fn open<P: Packet>(packet: &P, layer: Layer, flow: &mut Flow) -> Result<Part, Stop> {
    let header = Ipv4::read(packet, layer)?;
    let end = layer.ending_after(header.length(packet, layer))?.end;
    let upper = layer.start.wrapping_add(header.header_length());
    if layer.cut && upper > end {
        return Err(Stop::Malformed);
    }
    *flow = Flow {
        source: header.source(),
        destination: header.destination(),
        protocol: header.protocol(),
        flags: fragment(header.is_fragment() | layer.cut),
        ports: 0,
        upper: low(upper),
        end: low(end),
        encapsulation: layer.around,
    };
    Ok(if header.is_later_fragment() { Part::Later } else { Part::First })
}

#[cfg(test)]
mod tests {
    use super::super::Version;
    use super::super::samples::{DESTINATION, SOURCE, parsed, ports, tcp_v4};
    use super::*;
    use crate::packet::Captured;
    use crate::parse::tunnel::Entered;
    use crate::parse::{Unparsed, parse};
    use crate::repeat::Loop;

    #[test]
    fn fields() {
        let flow = parsed(&tcp_v4()).unwrap();
        assert_eq!(flow.version(), Version::V4);
        assert_eq!(flow.source, Address::from_v4(SOURCE));
        assert_eq!(flow.destination, Address::from_v4(DESTINATION));
        assert_eq!(
            (flow.protocol, flow.ports(), flow.is_fragment()),
            (6, ports(40_000, 443), false)
        );
        assert_eq!((flow.upper, flow.end), (34, 59));
    }

    #[test]
    fn options_are_stepped_over() {
        let mut frame = tcp_v4();
        frame[14] = 0x46;
        frame[16..18].copy_from_slice(&49_u16.to_be_bytes());
        frame.splice(34..34, [1, 1, 1, 0]);
        assert_eq!(parsed(&frame).unwrap().ports(), ports(40_000, 443));
    }

    #[test]
    fn fragments() {
        let mut first = tcp_v4();
        first[20..22].copy_from_slice(&0x2000_u16.to_be_bytes());
        let flow = parsed(&first).unwrap();
        assert_eq!((flow.is_fragment(), flow.ports()), (true, ports(40_000, 443)));

        let mut later = tcp_v4();
        later[20..22].copy_from_slice(&0x0001_u16.to_be_bytes());
        let flow = parsed(&later).unwrap();
        assert_eq!((flow.is_fragment(), flow.ports(), flow.protocol), (true, None, 6));

        let mut whole = tcp_v4();
        whole[20..22].copy_from_slice(&0x4000_u16.to_be_bytes());
        assert!(!parsed(&whole).unwrap().is_fragment(), "don't fragment is no fragment");
    }

    #[test]
    fn lying_headers_are_malformed() {
        let mutations: [(&str, usize, u8); 7] = [
            ("version 5", 14, 0x55),
            ("header of 16 bytes", 14, 0x44),
            ("header longer than the packet", 14, 0x4f),
            ("total length beyond the frame", 16, 0xff),
            ("total length 0", 17, 0),
            ("total length inside the header", 17, 19),
            ("total length inside the TCP header", 17, 39),
        ];
        for (name, at, value) in mutations {
            let mut frame = tcp_v4();
            frame[at] = value;
            assert_eq!(parsed(&frame), Err(Unparsed::Malformed), "{name}");
        }
    }

    #[test]
    fn a_packet_ends_before_what_carries_it() {
        let mut frame = tcp_v4();
        let end = u32::try_from(frame.len()).unwrap();
        frame.resize(200, 0);
        let opened = |end: u32, cut| {
            let end = end.into();
            let layer = Layer { start: 14, end, cut, ..Layer::outermost(&frame.as_slice()) };
            let mut flow = Flow::blank();
            open(&frame.as_slice(), layer, &mut flow).map(|_| (flow.end, flow.is_fragment()))
        };
        assert_eq!(opened(end, false), Ok((end, false)));
        assert_eq!(opened(end + 9, false), Ok((end, false)));
        assert_eq!(opened(end - 1, false), Err(Stop::Malformed));
        // In a first fragment there is the part that it has.
        assert_eq!(opened(end - 1, true), Ok((end - 1, true)));
        assert_eq!(opened(34, true), Ok((34, true)));
        assert_eq!(opened(33, true), Err(Stop::Malformed));
    }

    #[test]
    fn without_a_length_a_captured_packet_is_as_long_as_what_carries_it() {
        let captured = |bytes: &[u8]| {
            let length = u32::try_from(bytes.len()).unwrap();
            parse(&Captured { bytes, length }, Entered::ALL, &Loop, &mut None)
        };
        let mut frame = tcp_v4();
        frame[16..18].fill(0);
        assert_eq!(parsed(&frame), Err(Unparsed::Malformed));
        assert_eq!(captured(&frame), parsed(&tcp_v4()));
        frame[14] = 0x44;
        assert_eq!(captured(&frame), Err(Unparsed::Malformed));
        assert_eq!(captured(&tcp_v4()[..30]), Err(Unparsed::Malformed));
    }
}
