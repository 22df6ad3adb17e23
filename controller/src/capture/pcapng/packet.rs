//! The blocks with packets (draft-ietf-opsawg-pcapng sections 4.3 and 4.4, appendix A): Enhanced, Simple, and
//! the obsolete Packet Block, which is like the Enhanced one except that the interface number has 16 bits,
//! and a count of drops follows it.

use super::{Interface, Reader, block_type, option};
use crate::capture::error::{Fault, malformed, too_large};
use crate::capture::{Found, LARGEST_FRAME};

/// Positions of the fields of an Enhanced and an obsolete block.
mod field {
    pub(super) const INTERFACE: usize = 0;
    pub(super) const TIME_HIGH: usize = 4;
    pub(super) const TIME_LOW: usize = 8;
    pub(super) const CAPTURED: usize = 12;
    pub(super) const WIRE_LENGTH: usize = 16;
    pub(super) const DATA: usize = 20;
}

/// Positions of the fields of a Simple block.
mod simple {
    pub(super) const WIRE_LENGTH: usize = 0;
    pub(super) const DATA: usize = 4;
}

/// The option with a packet's flags (`epb_flags`).
const FLAGS: u16 = 2;

impl Reader {
    pub(super) fn packet<'b>(&self, kind: u32, body: &'b [u8]) -> Result<Found<'b>, Fault> {
        if kind == block_type::SIMPLE_PACKET {
            return self.simple_packet(body);
        }
        let id = if kind == block_type::PACKET {
            u32::from(self.order.u16(body, field::INTERFACE))
        } else {
            self.order.u32(body, field::INTERFACE)
        };
        let fields = [field::TIME_HIGH, field::TIME_LOW, field::CAPTURED, field::WIRE_LENGTH];
        let [high, low, captured, wire_length] = fields.map(|offset| self.order.u32(body, offset));
        let (data, options) = split(body, field::DATA, captured)?;
        let interface = self.interface(id)?;
        let link = interface.link()?;
        let check = self.check(interface, options)?;
        let time = interface.time(high, low)?;
        Ok(Found::new(Some(time), link, data, wire_length, check))
    }

    /// A Simple block belongs to the first interface and carries no time. Its frame is as long as the
    /// interface's snap length allows.
    fn simple_packet<'b>(&self, body: &'b [u8]) -> Result<Found<'b>, Fault> {
        let wire_length = self.order.u32(body, simple::WIRE_LENGTH);
        let interface = self.interface(0)?;
        let snap = interface.snap_length;
        let captured = if snap == 0 { wire_length } else { wire_length.min(snap) };
        let (data, _) = split(body, simple::DATA, captured)?;
        let link = interface.link()?;
        Ok(Found::new(None, link, data, wire_length, interface.check))
    }

    /// The length of the frame check sequence: a packet may have one of its own (bits 5 to 8 of its flags).
    fn check(&self, interface: Interface, options: &[u8]) -> Result<u32, Fault> {
        let flags = option(self.order, options, FLAGS)?.map_or(0, |flags| self.order.u32(flags, 0));
        Ok(match flags >> 5 & 0xf {
            0 => interface.check,
            length => length,
        })
    }
}

/// The captured bytes without their padding, and the options after them.
fn split(body: &[u8], start: usize, captured: u32) -> Result<(&[u8], &[u8]), Fault> {
    let behind = body
        .get(start..)
        .ok_or_else(|| malformed("a packet's block without room for its fields"))?;
    if captured as usize > LARGEST_FRAME {
        return Err(too_large(captured));
    }
    let captured = captured as usize;
    let (data, rest) = behind.split_at_checked(captured).ok_or_else(|| {
        malformed(format!("a frame of {captured} bytes in a block without room for it"))
    })?;
    let padding = captured.next_multiple_of(4) - captured;
    Ok((data, rest.get(padding..).unwrap_or_default()))
}
