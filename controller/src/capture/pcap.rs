//! The pcap format (draft-ietf-opsawg-pcap): one header, then packets, each after a header of 16 bytes (24 in
//! Kuznetzov's variant, which libpcap calls "modified").
//!
//! Reading: the header's time zone is ignored, as the draft says.

use jiff::Timestamp;

use crate::capture::error::{Fault, malformed, too_large};
use crate::capture::fields::ByteOrder::{self, Big, Little};
use crate::capture::link_type::LinkType;
use crate::capture::stream::Stream;
use crate::capture::{Found, LARGEST_FRAME};

/// How a file begins.
pub(super) const MAGICS: [([u8; 4], Variant); 6] = [
    ([0xd4, 0xc3, 0xb2, 0xa1], Variant { order: Little, nanoseconds_per_unit: 1000, header: 16 }),
    ([0xa1, 0xb2, 0xc3, 0xd4], Variant { order: Big, nanoseconds_per_unit: 1000, header: 16 }),
    ([0x4d, 0x3c, 0xb2, 0xa1], Variant { order: Little, nanoseconds_per_unit: 1, header: 16 }),
    ([0xa1, 0xb2, 0x3c, 0x4d], Variant { order: Big, nanoseconds_per_unit: 1, header: 16 }),
    ([0x34, 0xcd, 0xb2, 0xa1], Variant { order: Little, nanoseconds_per_unit: 1000, header: 24 }),
    ([0xa1, 0xb2, 0xcd, 0x34], Variant { order: Big, nanoseconds_per_unit: 1000, header: 24 }),
];

/// What the first bytes say about all others.
#[derive(Clone, Copy)]
pub(super) struct Variant {
    order: ByteOrder,
    nanoseconds_per_unit: i128,
    /// Length of a packet's header.
    header: usize,
}

const HEADER: usize = 24;

/// Positions in the file's header.
mod field {
    pub(super) const NETWORK: usize = 20;
}

/// Positions in a packet's header.
mod packet {
    pub(super) const SECONDS: usize = 0;
    pub(super) const FRACTION: usize = 4;
    pub(super) const CAPTURED: usize = 8;
    pub(super) const WIRE_LENGTH: usize = 12;
}

pub(super) struct Reader {
    variant: Variant,
    link: LinkType,
    /// Length of the frame check sequence after each frame.
    check: u32,
}

impl Reader {
    /// The variant of a file.
    pub(super) fn variant(magic: &[u8]) -> Option<Variant> {
        MAGICS.iter().find(|(known, _)| known == magic).map(|(_, variant)| *variant)
    }

    /// Reads the header, of which `buffer` already has the first four bytes.
    pub(super) fn new(
        variant: Variant,
        stream: &mut Stream,
        buffer: &mut Vec<u8>,
    ) -> Result<Self, Fault> {
        stream.append(buffer, HEADER - buffer.len())?;
        let network = variant.order.u32(buffer, field::NETWORK);
        let [flags, _, high, low] = network.to_be_bytes();
        let number = u16::from_be_bytes([high, low]);
        let link = LinkType::new(number).ok_or(Fault::LinkType(number))?;
        // Bit 26: the four bits from 28 on are the sequence's length in units of two bytes.
        let check = if flags & 0x04 == 0 { 0 } else { u32::from(flags >> 4) * 2 };
        Ok(Self { variant, link, check })
    }

    /// The next packet: its frame, or why the frame cannot be read. An error ends the file.
    pub(super) fn next<'b>(
        &self,
        stream: &mut Stream,
        buffer: &'b mut Vec<u8>,
    ) -> Result<Option<Result<Found<'b>, Fault>>, Fault> {
        stream.begin();
        buffer.clear();
        if !stream.append_unless_end(buffer, self.variant.header)? {
            return Ok(None);
        }
        let field = |offset| self.variant.order.u32(buffer, offset);
        let [seconds, fraction] = [packet::SECONDS, packet::FRACTION].map(field);
        let [captured, wire_length] = [packet::CAPTURED, packet::WIRE_LENGTH].map(field);
        if captured as usize > LARGEST_FRAME {
            return match stream.skip(captured.into()) {
                Ok(()) => Ok(Some(Err(too_large(captured)))),
                // Most likely the length itself is damaged.
                Err(Fault::CutOff) => Err(too_large(captured)),
                Err(fault) => Err(fault),
            };
        }
        buffer.clear();
        stream.append(buffer, captured as usize)?;
        // A fraction of more than a second, seen in damaged files, carries over.
        let fraction = i128::from(fraction) * self.variant.nanoseconds_per_unit;
        let time = Timestamp::from_nanosecond(i128::from(seconds) * 1_000_000_000 + fraction)
            .map_err(|error| malformed(format!("time out of range: {error}")));
        Ok(Some(
            time.map(|time| Found::new(Some(time), self.link, buffer, wire_length, self.check)),
        ))
    }
}
