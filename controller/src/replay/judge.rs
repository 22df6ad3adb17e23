//! Which engine judges a frame: the one that was asked for or, if it cannot, the host engine.
//!
//! The kernel engine needs a frame as an interface delivers it. If a capture holds less, or something else,
//! the host engine judges it. It is the same code, over the same tables.

use sensor_common::counters::Counters;
use sensor_common::packet::Captured;
use sensor_common::record::Record;

use crate::engine::{Engine, HostEngine, LONGEST_FRAME};
use crate::kernel::KernelError;

/// What is unusual about a captured frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unusual {
    /// Not all of it was captured.
    Cut,
    /// Its IPv4 total length is 0: it was captured before a network card segmented it.
    Unsegmented,
    /// It is longer than `BPF_PROG_TEST_RUN` takes.
    TooLong,
}

/// The engines of a replay.
pub struct Judge {
    kernel: Option<Box<dyn Engine>>,
    host: HostEngine,
}

impl Judge {
    /// The host engine judges everything.
    pub const fn host(host: HostEngine) -> Self {
        Self { kernel: None, host }
    }

    /// `kernel` judges what it takes, and `host`, which has the same tables, the rest.
    pub fn kernel(kernel: impl Engine + 'static, host: HostEngine) -> Self {
        Self { kernel: Some(Box::new(kernel)), host }
    }

    /// Whether the kernel engine was asked for.
    pub const fn has_kernel(&self) -> bool {
        self.kernel.is_some()
    }

    pub(super) fn judge(
        &mut self,
        frame: &Captured<'_>,
    ) -> Result<(Vec<Record>, Option<Unusual>), KernelError> {
        let unusual = self.unusual(frame);
        let records = match (&mut self.kernel, unusual) {
            (Some(kernel), None) => kernel.judge(frame.bytes)?,
            _ => self.host.judge_captured(frame),
        };
        Ok((records, unusual.filter(|unusual| *unusual != Unusual::TooLong || self.has_kernel())))
    }

    /// If a frame was captured whole and still parses differently as a capture than as a frame off the wire,
    /// its IPv4 total length is 0.
    fn unusual(&self, frame: &Captured<'_>) -> Option<Unusual> {
        if frame.is_cut() {
            Some(Unusual::Cut)
        } else if self.host.read(frame) != self.host.read(&frame.bytes) {
            Some(Unusual::Unsegmented)
        } else if frame.bytes.len() > LONGEST_FRAME {
            Some(Unusual::TooLong)
        } else {
            None
        }
    }

    pub(super) fn counters(&self) -> Result<Counters, KernelError> {
        let mut sum = self.host.counters()?;
        if let Some(kernel) = &self.kernel {
            sum.merge(&kernel.counters()?);
        }
        Ok(sum)
    }
}
