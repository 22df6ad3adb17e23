//! IPv6 (RFC 8200). What is behind the extension headers is in [`super::extension`].

use super::flow::{Address, Flow, flag};
use super::fragment::{Part, fragment};
use super::header::Header;
use super::layer::Layer;
use super::stop::Stop;
use crate::layout::low;
use crate::packet::Packet;

/// Positions of the fields (RFC 8200 section 3).
mod field {
    pub(super) const VERSION: usize = 0;
    pub(super) const PAYLOAD_LENGTH: usize = 4;
    pub(super) const NEXT_HEADER: usize = 6;
    pub(super) const SOURCE: usize = 8;
    pub(super) const DESTINATION: usize = 24;
    pub(super) const END: usize = 40;
}

const LENGTH: u64 = field::END as u64;

struct Ipv6(Header<{ field::END }>);

impl Ipv6 {
    /// Reads and checks the header.
    ///
    /// # Errors
    /// [`Stop::Malformed`]: the header is cut short, or the version is wrong.
    #[inline(always)]
    fn read<P: Packet>(packet: &P, layer: Layer) -> Result<Self, Stop> {
        let header = Header::read(packet, layer.start).map(Self)?;
        if header.version() == 6 { Ok(header) } else { Err(Stop::Malformed) }
    }

    #[inline(always)]
    fn version(&self) -> u8 {
        self.0.byte::<{ field::VERSION }>() >> 4
    }

    /// In bytes, extension headers included, the header itself not.
    #[inline(always)]
    fn payload_length(&self) -> u64 {
        self.0.half::<{ field::PAYLOAD_LENGTH }>().into()
    }

    #[inline(always)]
    fn next_header(&self) -> u8 {
        self.0.byte::<{ field::NEXT_HEADER }>()
    }

    #[inline(always)]
    fn source(&self) -> Address {
        Address::from_v6(self.0.bytes::<{ field::SOURCE }, 16>())
    }

    #[inline(always)]
    fn destination(&self) -> Address {
        Address::from_v6(self.0.bytes::<{ field::DESTINATION }, 16>())
    }
}

/// Opens an IPv6 packet, and says in `flow` what it is.
///
/// # Errors
/// [`Stop::Malformed`] where it does not end before what carries it; see [`Ipv6::read`].
#[inline(always)]
pub(super) fn open<P: Packet>(packet: &P, layer: Layer, flow: &mut Flow) -> Result<Part, Stop> {
    let header = Ipv6::read(packet, layer)?;
    let upper = layer.start.wrapping_add(LENGTH);
    let end = layer.ending_after(LENGTH.wrapping_add(header.payload_length()))?.end;
    if layer.cut && upper > end {
        return Err(Stop::Malformed);
    }
    *flow = Flow {
        source: header.source(),
        destination: header.destination(),
        protocol: header.next_header(),
        flags: flag::V6 | fragment(layer.cut),
        ports: 0,
        upper: low(upper),
        end: low(end),
        encapsulation: layer.around,
    };
    Ok(Part::First)
}

#[cfg(test)]
mod tests {
    use super::super::Version;
    use super::super::samples::{DESTINATION_V6, SOURCE_V6, parsed, ports, udp_v6};
    use super::*;
    use crate::parse::Unparsed;

    #[test]
    fn fields() {
        let flow = parsed(&udp_v6()).unwrap();
        assert_eq!(flow.version(), Version::V6);
        assert_eq!(flow.source, Address::from_v6(SOURCE_V6));
        assert_eq!(flow.destination, Address::from_v6(DESTINATION_V6));
        assert_eq!((flow.protocol, flow.ports()), (17, ports(5_353, 53)));
        assert_eq!((flow.upper, flow.end), (54, 67));
    }

    #[test]
    fn lying_headers_are_malformed() {
        let mutations: [(&str, usize, u8); 3] = [
            ("version 4 under EtherType IPv6", 14, 0x45),
            ("payload inside the UDP header", 19, 7),
            ("payload beyond the frame", 19, 14),
        ];
        for (name, at, value) in mutations {
            let mut frame = udp_v6();
            frame[at] = value;
            assert_eq!(parsed(&frame), Err(Unparsed::Malformed), "{name}");
        }
    }
}
