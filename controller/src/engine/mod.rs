//! Two engines that judge frames without a network interface: the kernel engine runs the very program that
//! carriers load, and the host engine runs the same code in this process. Their parity is tested, not assumed.

mod host;
mod kernel;

pub use host::{HostEngine, HostGate};
pub use kernel::KernelEngine;

use sensor_common::counters::Counters;
use sensor_common::record::Record;

use crate::kernel::KernelError;

/// The shortest frame that an interface delivers: an Ethernet header.
pub const SHORTEST_FRAME: usize = 14;

/// The longest frame that the kernel engine takes: `BPF_PROG_TEST_RUN` has room for a page less its headroom
/// and tailroom, and for seventeen pages of fragments.
pub const LONGEST_FRAME: usize = 1 << 16;

/// Something that judges frames as the XDP program does.
pub trait Engine {
    /// Judges one frame, and returns its records in the order of their rules. Their times are the engine's own.
    ///
    /// # Errors
    /// [`KernelError`] if the kernel could not run the program.
    fn judge(&mut self, frame: &[u8]) -> Result<Vec<Record>, KernelError>;

    /// The counters over all frames so far.
    ///
    /// # Errors
    /// [`KernelError`] if the kernel could not be asked.
    fn counters(&self) -> Result<Counters, KernelError>;
}
