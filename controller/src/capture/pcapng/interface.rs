//! The Interface Description Block (draft-ietf-opsawg-pcapng section 4.2).

use jiff::Timestamp;

use super::option;
use crate::capture::error::{Fault, malformed};
use crate::capture::fields::ByteOrder;
use crate::capture::link_type::LinkType;

/// Positions of the fields.
mod field {
    pub(super) const LINK_TYPE: usize = 0;
    pub(super) const SNAP_LENGTH: usize = 4;
    pub(super) const OPTIONS: usize = 8;
}

/// Codes of options.
mod code {
    pub(super) const RESOLUTION: u16 = 9;
    pub(super) const CHECK_LENGTH: u16 = 13;
    pub(super) const OFFSET: u16 = 14;
}

/// What a section says about one of its interfaces.
#[derive(Clone, Copy)]
pub(super) struct Interface {
    link_type: u16,
    /// 0: no limit.
    pub(super) snap_length: u32,
    /// Length of the frame check sequence after each frame.
    pub(super) check: u32,
    resolution: u8,
    offset: i64,
}

impl Interface {
    /// Microseconds.
    const RESOLUTION: u8 = 6;

    /// The link type of its frames.
    pub(super) fn link(&self) -> Result<LinkType, Fault> {
        LinkType::new(self.link_type).ok_or(Fault::LinkType(self.link_type))
    }

    pub(super) fn read(order: ByteOrder, body: &[u8]) -> Result<Self, Fault> {
        let Some(options) = body.get(field::OPTIONS..) else {
            return Err(malformed("an interface description without room for its fields"));
        };
        let byte = |code| option(order, options, code).map(|value| value?.first().copied());
        let offset = option(order, options, code::OFFSET)?;
        Ok(Self {
            link_type: order.u16(body, field::LINK_TYPE),
            snap_length: order.u32(body, field::SNAP_LENGTH),
            check: byte(code::CHECK_LENGTH)?.unwrap_or(0).into(),
            resolution: byte(code::RESOLUTION)?.unwrap_or(Self::RESOLUTION),
            offset: offset.map_or(0, |value| order.i64(value, 0)),
        })
    }

    /// A time in units of `if_tsresol` seconds (a negative power of 10, or of 2 with the top bit
    /// set) since `if_tsoffset` seconds after the epoch.
    pub(super) fn time(self, high: u32, low: u32) -> Result<Timestamp, Fault> {
        const NANOSECONDS: u128 = 1_000_000_000;
        let ticks = u128::from(high) << 32 | u128::from(low);
        let exponent = u32::from(self.resolution & 0x7f);
        let since = if self.resolution & 0x80 == 0 {
            // 2^64 times 10^9 is below 10^29, so with a power that is too large the quotient is 0.
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
