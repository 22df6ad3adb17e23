//! The pcap format (draft-ietf-opsawg-pcap): one header, then packets, each behind a header of 16
//! bytes (24 in Kuznetzov's variant).
//!
//! Reading: the header's time zone is ignored, as the draft says; the bits above the link type that
//! tell of a frame check sequence are ignored too, and such a sequence is trailing data.

use jiff::Timestamp;
use pcap_parser::pcap::{
    parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified, parse_pcap_header,
};

use crate::capture::error::{Fault, malformed, too_large};
use crate::capture::stream::Stream;
use crate::capture::{Found, LARGEST_FRAME, link_type};

/// How a file begins: microseconds and nanoseconds in both byte orders, and the variant.
pub(super) const MAGICS: [&[u8]; 5] = [
    &[0xd4, 0xc3, 0xb2, 0xa1],
    &[0xa1, 0xb2, 0xc3, 0xd4],
    &[0x4d, 0x3c, 0xb2, 0xa1],
    &[0xa1, 0xb2, 0x3c, 0x4d],
    &[0x34, 0xcd, 0xb2, 0xa1],
];

const HEADER: usize = 24;

pub(super) struct Reader {
    big_endian: bool,
    variant: bool,
    nanoseconds_per_unit: i128,
}

impl Reader {
    /// Reads the header, of which `buffer` already has the first four bytes.
    pub(super) fn new(stream: &mut Stream, buffer: &mut Vec<u8>) -> Result<Self, Fault> {
        stream.append(buffer, HEADER - buffer.len())?;
        let Ok((_, header)) = parse_pcap_header(buffer) else {
            return Err(malformed("the header is no pcap header"));
        };
        // The upper half holds flags.
        let [_, _, high, low] = header.network.0.to_be_bytes();
        let link_type = u16::from_be_bytes([high, low]);
        if link_type != link_type::ETHERNET {
            return Err(Fault::LinkType(link_type));
        }
        Ok(Self {
            big_endian: header.is_bigendian(),
            variant: header.is_modified_format(),
            nanoseconds_per_unit: if header.is_nanosecond_precision() { 1 } else { 1000 },
        })
    }

    pub(super) fn next<'b>(
        &self,
        stream: &mut Stream,
        buffer: &'b mut Vec<u8>,
    ) -> Result<Option<Found<'b>>, Fault> {
        stream.begin();
        buffer.clear();
        let header = if self.variant { 24 } else { 16 };
        if !stream.append_unless_end(buffer, header)? {
            return Ok(None);
        }
        let captured = buffer.get(8..12).and_then(|bytes| bytes.try_into().ok());
        let from_bytes = if self.big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
        let captured = captured.map_or(u32::MAX, from_bytes);
        if captured as usize > LARGEST_FRAME {
            return Err(too_large(u64::from(captured)));
        }
        stream.append(buffer, captured as usize)?;
        let parse = match (self.variant, self.big_endian) {
            (true, _) => parse_pcap_frame_modified,
            (false, true) => parse_pcap_frame_be,
            (false, false) => parse_pcap_frame,
        };
        let Ok((_, packet)) = parse(buffer) else {
            return Err(malformed("the packet header is no pcap packet header"));
        };
        // A fraction of more than a second, seen in damaged files, carries over.
        let fraction = i128::from(packet.ts_usec) * self.nanoseconds_per_unit;
        let time = Timestamp::from_nanosecond(i128::from(packet.ts_sec) * 1_000_000_000 + fraction)
            .map_err(|error| malformed(format!("time out of range: {error}")))?;
        Found::new(time, packet.data, packet.origlen).map(Some)
    }
}
