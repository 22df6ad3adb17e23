//! How many extension headers a frame may have.

use super::stop::Stop;

/// Most extension headers of a frame that are stepped over, those of all its IP headers and of GTP-U together. A frame
/// with more is malformed: no ordinary host sends one (RFC 8504 section 5.3 lets receivers set such a limit). The bound
/// is the frame's and not a header's, so that a sender cannot multiply it by the tunnels that it uses.
pub const MOST_EXTENSIONS: u32 = 8;

/// How many more there may be.
#[derive(Clone, Copy)]
pub(super) struct Allowance(u32);

impl Allowance {
    pub(super) const ALL: Self = Self(MOST_EXTENSIONS);

    /// One less.
    ///
    /// # Errors
    /// [`Stop::Malformed`] where there is none left.
    #[inline(always)]
    pub(super) fn take(&mut self) -> Result<(), Stop> {
        if self.0 == 0 {
            return Err(Stop::Malformed);
        }
        self.0 = self.0.wrapping_sub(1);
        Ok(())
    }
}
