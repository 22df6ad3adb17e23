//! The ports through which the tables of a generation and the gate in front of the records are
//! read.

/// The unit of a generation's memory: one cache line of eight 64-bit words in host byte order.
pub type Line = [u64; LINE_WORDS];

/// Words in a [`Line`].
pub const LINE_WORDS: usize = 8;

/// Lines in a segment. The kernel keeps a generation as segments of one fixed size (4 MiB), because
/// it looks into maps of a fixed size without a call; on the host a generation is one piece.
pub const SEGMENT_LINES: u32 = 1 << 16;

/// Most segments of a generation: 1 GiB.
pub const MOST_SEGMENTS: u32 = 256;

/// One generation of compiled tables: a flat array of lines, laid out as [`crate::layout`] says.
///
/// A packet is judged by one generation from its first look-up to its last: the implementation
/// holds it by reference, and the controller publishes the next one in a single step.
pub trait Tables {
    /// The line at `index`, or `None` outside the array.
    fn line(&self, index: u32) -> Option<&Line>;

    /// The line at `index`, below [`SEGMENT_LINES`]: what lies near the header costs the kernel less
    /// to find.
    #[inline(always)]
    fn near(&self, index: u32) -> Option<&Line> {
        self.line(index)
    }

    /// The word at `index`, counted over all lines, or `None` outside the array.
    #[inline(always)]
    fn word_within(&self, index: u32) -> Option<u64> {
        Some(word_of(self.line(index >> 3)?, index))
    }

    /// The word at `index`, or 0 outside the array. Wherever this is used, 0 selects nothing: a row
    /// without rules, an order without a deadline.
    #[inline(always)]
    fn word(&self, index: u32) -> u64 {
        self.word_within(index).unwrap_or(0)
    }
}

/// The word at `index & 7` of a line.
#[inline(always)]
pub fn word_of(line: &Line, index: u32) -> u64 {
    line.get((index & 7) as usize).copied().unwrap_or(0)
}

/// The host engine's implementation of the port.
impl Tables for &[Line] {
    fn line(&self, index: u32) -> Option<&Line> {
        self.get(usize::try_from(index).ok()?)
    }
}

/// Most orders in force at once.
pub const MOST_ORDERS: u32 = 64;

/// What must still hold when a rule has matched: the order's deadline and the controller's lease
/// (L-TERM). Both are times of the boot-time clock in nanoseconds.
///
/// They are not part of a generation, so that the controller can bring a deadline forward, or end
/// an order at once, by a single store.
pub trait Gate {
    /// When the order in `slot` ends, exclusive; 0 where none is in force.
    fn deadline(&self, slot: u32) -> u64;

    /// Until when the controller vouches for the tables, exclusive.
    fn lease(&self) -> u64;

    /// The time now. It is asked for at most once for a packet, and only if a rule holds: all
    /// other packets never pay for reading a clock.
    fn now(&self) -> u64;
}
