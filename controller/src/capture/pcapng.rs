//! The pcapng format (draft-ietf-opsawg-pcapng): sections of blocks, each with its length before
//! and after it. Blocks that carry no packets and describe no interface are skipped unread.
//!
//! Framing, limits and times are here; the fields of a whole block are read by `pcap-parser`.

use jiff::Timestamp;
use pcap_parser::pcapng::{
    Block, EPB_MAGIC, IDB_MAGIC, InterfaceDescriptionBlock, SPB_MAGIC, parse_block_be,
    parse_block_le,
};

use crate::capture::error::{Fault, malformed};
use crate::capture::stream::Stream;
use crate::capture::{Found, link_type};

/// How a file begins: the type of a Section Header Block, the same in both byte orders.
pub(super) const MAGIC: &[u8] = &[0x0a, 0x0d, 0x0d, 0x0a];

/// The byte-order magic in a Section Header Block, as a little-endian section has it.
const LITTLE_ENDIAN: &[u8] = &[0x4d, 0x3c, 0x2b, 0x1a];
const BIG_ENDIAN: &[u8] = &[0x1a, 0x2b, 0x3c, 0x4d];

/// The obsolete Packet Block, which the parser does not know.
const OPB: u32 = 2;

/// The largest block that is held: a frame of the largest size and generous options.
const LARGEST_BLOCK: u32 = 1 << 20;
/// More interfaces than any capture has.
const MOST_INTERFACES: usize = 1 << 16;

pub(super) struct Reader {
    big_endian: bool,
    interfaces: Vec<Interface>,
}

#[derive(Clone, Copy)]
struct Interface {
    link_type: u16,
    snap_length: u32,
    resolution: u8,
    offset: i64,
}

impl Reader {
    /// Reads the first section's header, of which `buffer` already has the first four bytes.
    pub(super) fn new(stream: &mut Stream, buffer: &mut Vec<u8>) -> Result<Self, Fault> {
        let mut reader = Self { big_endian: false, interfaces: Vec::new() };
        reader.block(stream, buffer)?;
        Ok(reader)
    }

    pub(super) fn next<'b>(
        &mut self,
        stream: &mut Stream,
        buffer: &'b mut Vec<u8>,
    ) -> Result<Option<Found<'b>>, Fault> {
        loop {
            stream.begin();
            buffer.clear();
            if !stream.append_unless_end(buffer, 4)? {
                return Ok(None);
            }
            if let BlockKind::Packet = self.block(stream, buffer)? {
                return self.packet(buffer).map(Some);
            }
        }
    }

    /// Reads the rest of the block whose type is in `buffer`, and takes in what it says about the
    /// section and its interfaces.
    fn block(&mut self, stream: &mut Stream, buffer: &mut Vec<u8>) -> Result<BlockKind, Fault> {
        stream.append(buffer, 4)?;
        let section = buffer.get(..4) == Some(MAGIC);
        if section {
            stream.append(buffer, 4)?;
            self.big_endian = match buffer.get(8..) {
                Some(LITTLE_ENDIAN) => false,
                Some(BIG_ENDIAN) => true,
                _ => return Err(malformed("a section of unknown byte order")),
            };
        }
        let (block_type, length) = (self.u32(buffer, 0), self.u32(buffer, 4));
        let shortest = if section { 16 } else { 12 };
        if length < shortest || length % 4 != 0 {
            return Err(malformed(format!("a block cannot be {length} bytes long")));
        }
        if !section && !matches!(block_type, IDB_MAGIC | EPB_MAGIC | SPB_MAGIC | OPB) {
            stream.skip(u64::from(length) - 12)?;
            let mut end = Vec::with_capacity(4);
            stream.append(&mut end, 4)?;
            return self.check_end(&end, length).map(|()| BlockKind::Other);
        }
        if length > LARGEST_BLOCK {
            return Err(malformed(format!(
                "a block of {length} bytes; at most {LARGEST_BLOCK} are read"
            )));
        }
        stream.append(buffer, length as usize - buffer.len())?;
        self.check_end(buffer.get(length as usize - 4..).unwrap_or_default(), length)?;
        if section {
            self.section(buffer).map(|()| BlockKind::Other)
        } else if block_type == IDB_MAGIC {
            self.describe(buffer).map(|()| BlockKind::Other)
        } else {
            Ok(BlockKind::Packet)
        }
    }

    fn check_end(&self, end: &[u8], length: u32) -> Result<(), Fault> {
        match self.u32(end, 0) {
            end if end == length => Ok(()),
            end => Err(malformed(format!("a block of {length} bytes that ends as one of {end}"))),
        }
    }

    /// A new section begins: no interface of the last one is known in it.
    fn section(&mut self, block: &[u8]) -> Result<(), Fault> {
        let Block::SectionHeader(header) = self.parse(block)? else {
            return Err(malformed("a section header that is none"));
        };
        if header.major_version != 1 {
            let version = header.major_version;
            return Err(malformed(format!("version {version} of pcapng is not known; 1 is")));
        }
        self.interfaces.clear();
        Ok(())
    }

    fn describe(&mut self, block: &[u8]) -> Result<(), Fault> {
        let Block::InterfaceDescription(description) = self.parse(block)? else {
            return Err(malformed("an interface description that is none"));
        };
        if self.interfaces.len() == MOST_INTERFACES {
            return Err(malformed(format!("more than {MOST_INTERFACES} interfaces")));
        }
        let interface = Interface::new(&description, self.big_endian);
        self.interfaces.push(interface);
        Ok(())
    }

    fn packet<'b>(&self, block: &'b [u8]) -> Result<Found<'b>, Fault> {
        match self.parse(block)? {
            Block::EnhancedPacket(packet) => {
                let time = self.interface(packet.if_id)?.time(packet.ts_high, packet.ts_low)?;
                let data = captured(packet.data, packet.caplen)?;
                Found::new(time, data, packet.origlen)
            }
            Block::SimplePacket(packet) => {
                // It belongs to the first interface, carries no time, and is as long as the
                // interface's snap length allows.
                let interface = self.interface(0)?;
                let limit =
                    if interface.snap_length == 0 { u32::MAX } else { interface.snap_length };
                let data = captured(packet.data, packet.origlen.min(limit))?;
                Found::new(Timestamp::UNIX_EPOCH, data, packet.origlen)
            }
            _ => self.obsolete_packet(block),
        }
    }

    /// The Packet Block: as the Enhanced one, with an interface number of 16 bits and a drop count.
    fn obsolete_packet<'b>(&self, block: &'b [u8]) -> Result<Found<'b>, Fault> {
        const BEFORE_DATA: usize = 28;
        let end = block.len().saturating_sub(4);
        let Some(data) = block.get(BEFORE_DATA..end) else {
            return Err(malformed("a packet block without room for its header"));
        };
        let id = block.get(8..10).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
        let id = if self.big_endian { u16::from_be_bytes(id) } else { u16::from_le_bytes(id) };
        let [high, low, caplen, wire] = [12, 16, 20, 24].map(|offset| self.u32(block, offset));
        let time = self.interface(u32::from(id))?.time(high, low)?;
        Found::new(time, captured(data, caplen)?, wire)
    }

    fn interface(&self, id: u32) -> Result<Interface, Fault> {
        let Some(&interface) = self.interfaces.get(id as usize) else {
            return Err(malformed(format!("interface {id} is described nowhere before it")));
        };
        if interface.link_type != link_type::ETHERNET {
            return Err(Fault::LinkType(interface.link_type));
        }
        Ok(interface)
    }

    /// Reads the fields of a whole block. What asks for more bytes contradicts the block's length.
    fn parse<'b>(&self, block: &'b [u8]) -> Result<Block<'b>, Fault> {
        let parse = if self.big_endian { parse_block_be } else { parse_block_le };
        match parse(block) {
            Ok((_, block)) => Ok(block),
            Err(_) => Err(malformed("a block whose fields do not fit its length")),
        }
    }

    fn u32(&self, bytes: &[u8], offset: usize) -> u32 {
        let bytes = bytes.get(offset..offset + 4).and_then(|bytes| bytes.try_into().ok());
        let bytes = bytes.unwrap_or_default();
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }
}

enum BlockKind {
    Packet,
    Other,
}

impl Interface {
    fn new(description: &InterfaceDescriptionBlock<'_>, big_endian: bool) -> Self {
        let [_, _, high, low] = description.linktype.0.to_be_bytes();
        // pcap-parser 0.17 reads the option as little-endian in every section.
        let offset = description.if_tsoffset;
        let offset = if big_endian { offset.swap_bytes() } else { offset };
        Self {
            link_type: u16::from_be_bytes([high, low]),
            snap_length: description.snaplen,
            resolution: description.if_tsresol,
            offset,
        }
    }

    /// A time in units of `if_tsresol` seconds (a negative power of 10, or of 2 with the top bit
    /// set) since `if_tsoffset` seconds after the epoch. pcap-parser 0.17 refuses powers of 2.
    fn time(self, high: u32, low: u32) -> Result<Timestamp, Fault> {
        const NANOSECONDS: u128 = 1_000_000_000;
        let ticks = u128::from(high) << 32 | u128::from(low);
        let exponent = u32::from(self.resolution & 0x7f);
        let since = if self.resolution & 0x80 == 0 {
            // 2^64 times 10^9 is below 10^29: with a power that is too large, nothing is left.
            10_u128.checked_pow(exponent).map_or(0, |units| ticks * NANOSECONDS / units)
        } else {
            (ticks * NANOSECONDS) >> exponent
        };
        i128::try_from(since)
            .ok()
            .map(|since| i128::from(self.offset) * 1_000_000_000 + since)
            .and_then(|nanoseconds| Timestamp::from_nanosecond(nanoseconds).ok())
            .ok_or_else(|| malformed("its time is outside the years -9999 to 9999"))
    }
}

/// The captured bytes without their padding.
fn captured(padded: &[u8], length: u32) -> Result<&[u8], Fault> {
    padded.get(..length as usize).ok_or_else(|| {
        malformed(format!("a frame of {length} bytes in a block without room for it"))
    })
}
