//! The pcapng format (draft-ietf-opsawg-pcapng): sections of blocks, each with its length before
//! and after it. Blocks that carry no packets and describe no interface are skipped unread.
//!
//! Framing and limits are here; what the blocks say is in `interface` and `packet`. If a packet's block is
//! wrong, only that packet is lost, because it is still known where the next block begins.

mod interface;
mod packet;

use crate::capture::Found;
use crate::capture::error::{Fault, malformed};
use crate::capture::fields::ByteOrder;
use crate::capture::stream::Stream;
use interface::Interface;

/// How a file begins: the type of a Section Header Block, the same in both byte orders.
pub(super) const MAGIC: &[u8] = &[0x0a, 0x0d, 0x0d, 0x0a];

/// The byte-order magic in a Section Header Block, as a little-endian section has it.
const LITTLE_ENDIAN: &[u8] = &[0x4d, 0x3c, 0x2b, 0x1a];
const BIG_ENDIAN: &[u8] = &[0x1a, 0x2b, 0x3c, 0x4d];

/// Types of blocks.
mod block_type {
    pub(super) const INTERFACE: u32 = 1;
    /// The obsolete Packet Block.
    pub(super) const PACKET: u32 = 2;
    pub(super) const SIMPLE_PACKET: u32 = 3;
    pub(super) const ENHANCED_PACKET: u32 = 6;
}

/// The largest block that is held: a frame of the largest size and generous options.
const LARGEST_BLOCK: u32 = 1 << 20;
/// The most interfaces of a section: more than any capture has.
const MOST_INTERFACES: usize = 1 << 16;

pub(super) struct Reader {
    order: ByteOrder,
    interfaces: Vec<Interface>,
}

/// What a block holds. Its body, without type and lengths, is in the buffer.
enum Block {
    Packet(u32),
    /// A packet that is too large.
    TooLarge(u32),
    Other,
}

impl Reader {
    /// Reads the first section's header, of which `buffer` already has the first four bytes.
    pub(super) fn new(stream: &mut Stream, buffer: &mut Vec<u8>) -> Result<Self, Fault> {
        let mut reader = Self { order: ByteOrder::Little, interfaces: Vec::new() };
        reader.block(stream, buffer)?;
        Ok(reader)
    }

    /// The next packet: its frame, or why the frame cannot be read. An error ends the file.
    pub(super) fn next<'b>(
        &mut self,
        stream: &mut Stream,
        buffer: &'b mut Vec<u8>,
    ) -> Result<Option<Result<Found<'b>, Fault>>, Fault> {
        loop {
            stream.begin();
            buffer.clear();
            if !stream.append_unless_end(buffer, 4)? {
                return Ok(None);
            }
            match self.block(stream, buffer)? {
                Block::Other => {}
                Block::TooLarge(length) => return Ok(Some(Err(too_long(length)))),
                Block::Packet(kind) => return Ok(Some(self.packet(kind, buffer))),
            }
        }
    }

    /// Reads the rest of the block whose type is in `buffer`, and takes over what it says about the section
    /// and its interfaces.
    fn block(&mut self, stream: &mut Stream, buffer: &mut Vec<u8>) -> Result<Block, Fault> {
        const AROUND: u32 = 12;
        stream.append(buffer, 4)?;
        let section = buffer.get(..4) == Some(MAGIC);
        if section {
            stream.append(buffer, 4)?;
            self.order = match buffer.get(8..12) {
                Some(LITTLE_ENDIAN) => ByteOrder::Little,
                Some(BIG_ENDIAN) => ByteOrder::Big,
                _ => return Err(malformed("a section of unknown byte order")),
            };
        }
        let [block_type, length] = [0, 4].map(|offset| self.order.u32(buffer, offset));
        if !length.is_multiple_of(4) || length < if section { 28 } else { AROUND } {
            return Err(malformed(format!("a block cannot be {length} bytes long")));
        }
        let packet = matches!(
            block_type,
            block_type::PACKET | block_type::SIMPLE_PACKET | block_type::ENHANCED_PACKET
        );
        let interface = block_type == block_type::INTERFACE;
        // What is in the buffer already, without type and length.
        buffer.drain(..8);
        let body = length - AROUND;
        let here = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
        let read = section || packet || interface;
        let wanted = read && length <= LARGEST_BLOCK;
        if wanted {
            stream.append(buffer, (body - here) as usize)?;
        } else {
            stream.skip(u64::from(body - here)).map_err(|fault| match fault {
                // Most likely the length itself is damaged.
                Fault::CutOff if read => too_long(length),
                fault => fault,
            })?;
        }
        self.end(stream, length)?;
        if packet {
            return Ok(if wanted { Block::Packet(block_type) } else { Block::TooLarge(length) });
        }
        if read && !wanted {
            return Err(too_long(length));
        }
        if section {
            self.section(buffer)?;
        } else if interface {
            self.describe(buffer)?;
        }
        Ok(Block::Other)
    }

    /// Reads the length at the end of a block.
    fn end(&self, stream: &mut Stream, length: u32) -> Result<(), Fault> {
        let mut end = Vec::with_capacity(4);
        stream.append(&mut end, 4)?;
        match self.order.u32(&end, 0) {
            end if end == length => Ok(()),
            end => Err(malformed(format!("a block of {length} bytes that ends as one of {end}"))),
        }
    }

    /// Begins a new section, in which the interfaces of the last one do not count.
    fn section(&mut self, body: &[u8]) -> Result<(), Fault> {
        const MAJOR_VERSION: usize = 4;
        let version = self.order.u16(body, MAJOR_VERSION);
        if version != 1 {
            return Err(malformed(format!("version {version} of pcapng is not known; 1 is")));
        }
        self.interfaces.clear();
        Ok(())
    }

    fn describe(&mut self, body: &[u8]) -> Result<(), Fault> {
        if self.interfaces.len() == MOST_INTERFACES {
            return Err(malformed(format!("more than {MOST_INTERFACES} interfaces")));
        }
        self.interfaces.push(Interface::read(self.order, body)?);
        Ok(())
    }

    fn interface(&self, id: u32) -> Result<Interface, Fault> {
        let interface = self.interfaces.get(id as usize).copied();
        interface.ok_or_else(|| malformed(format!("interface {id} is described nowhere before it")))
    }
}

fn too_long(length: u32) -> Fault {
    malformed(format!("a block of {length} bytes; at most {LARGEST_BLOCK} are read"))
}

/// The value of the first option with a code, in the part of a block that holds options.
fn option(order: ByteOrder, mut options: &[u8], code: u16) -> Result<Option<&[u8]>, Fault> {
    const END: u16 = 0;
    while options.len() >= 4 {
        let [found, length] = [0, 2].map(|offset| order.u16(options, offset));
        if found == END {
            break;
        }
        let length = usize::from(length);
        let behind = options.get(4..).unwrap_or_default();
        let Some((value, rest)) = behind.split_at_checked(length) else {
            return Err(malformed("an option that is longer than its block"));
        };
        if found == code {
            return Ok(Some(value));
        }
        options = rest.get(length.next_multiple_of(4) - length..).unwrap_or_default();
    }
    Ok(None)
}
