//! Replay: pushes the frames of captures through an engine, and writes records and a summary. It is the
//! operator's dry run before an order goes live, and the inspector's proof afterwards (L-INSPECT).
//!
//! A frame that cannot be read is skipped, and so is the rest of a capture that cannot be read. Both are
//! reported; everything else is judged.

mod ethernet;
mod judge;
mod summary;

use std::io::{self, Write};
use std::path::Path;

pub use ethernet::as_ethernet;
pub use judge::{Judge, Unusual};
pub use summary::{CaptureSummary, Noticed, Report, Summary};

use crate::capture::{Capture, CaptureError, Frame, Next};
use crate::compile::Names;
use crate::kernel::KernelError;
use crate::record::ndjson;

/// Why a replay stopped.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The kernel engine failed.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The records could not be written.
    #[error("cannot write the records: {0}")]
    Output(#[from] io::Error),
    /// A record names no rule of the tables that it came from.
    #[error(transparent)]
    Record(#[from] ndjson::RecordError),
}

/// What happens on the way through a capture.
#[derive(Clone, Copy, Debug)]
pub enum News<'a> {
    /// This many frames were read so far.
    Frames(u64),
    /// A frame cannot be read.
    Unreadable(&'a CaptureError),
    /// The capture, or the rest of it, cannot be read.
    Ended(&'a CaptureError),
    /// The host engine judged a frame, because it is too long for the kernel.
    TooLong {
        /// Its number.
        frame: u64,
        /// Its length in bytes.
        length: u32,
    },
}

/// A replay under way: any number of captures after each other.
pub struct Replay<'a> {
    judge: Judge,
    names: &'a Names,
    sensor: &'a str,
    captures: Vec<CaptureSummary>,
}

/// Memory that each frame uses again.
#[derive(Default)]
struct Buffers {
    frame: Vec<u8>,
    line: Vec<u8>,
}

impl<'a> Replay<'a> {
    /// A replay through `judge`. `names` belongs to its tables.
    pub const fn new(judge: Judge, names: &'a Names, sensor: &'a str) -> Self {
        Self { judge, names, sensor, captures: Vec::new() }
    }

    /// Pushes every frame of a capture through the engine and writes its records. In a record, the time is
    /// that of the capture, the sequence is the frame's number in it, and the interface is the file's name.
    /// What cannot be read is reported and counted.
    ///
    /// # Errors
    /// [`ReplayError`]; what was written before stays.
    pub fn run(
        &mut self,
        path: &Path,
        capture: Result<Capture, CaptureError>,
        output: &mut dyn Write,
        tell: &mut dyn FnMut(News<'_>),
    ) -> Result<(), ReplayError> {
        let before = self.summary()?;
        let mut summary = CaptureSummary::new(path);
        let ran = match capture {
            Ok(capture) => self.read(&mut summary, capture, output, tell),
            Err(error) => {
                summary.complete = false;
                tell(News::Ended(&error));
                Ok(())
            }
        };
        summary.count(&before, &self.summary()?);
        self.captures.push(summary);
        ran
    }

    fn read(
        &mut self,
        summary: &mut CaptureSummary,
        mut capture: Capture,
        output: &mut dyn Write,
        tell: &mut dyn FnMut(News<'_>),
    ) -> Result<(), ReplayError> {
        let mut buffers = Buffers::default();
        loop {
            match capture.next_frame() {
                Ok(None) => return Ok(()),
                Ok(Some(Next::Frame(frame))) => {
                    self.frame(summary, &frame, &mut buffers, output, tell)?;
                }
                Ok(Some(Next::Unreadable(error))) => {
                    summary.unreadable += 1;
                    summary.complete = false;
                    tell(News::Unreadable(&error));
                }
                Err(error) => {
                    summary.complete = false;
                    tell(News::Ended(&error));
                }
            }
        }
    }

    fn frame(
        &mut self,
        summary: &mut CaptureSummary,
        frame: &Frame<'_>,
        buffers: &mut Buffers,
        output: &mut dyn Write,
        tell: &mut dyn FnMut(News<'_>),
    ) -> Result<(), ReplayError> {
        let number = frame.number;
        let captured = as_ethernet(frame, &mut buffers.frame);
        let (records, unusual) = self.judge.judge(&captured)?;
        for record in &records {
            let context = ndjson::Context {
                time: frame.time,
                sequence: number,
                sensor: self.sensor,
                interface: &summary.interface,
            };
            buffers.line.clear();
            ndjson::write(&mut buffers.line, record, self.names, &context)?;
            output.write_all(&buffers.line)?;
        }
        match unusual {
            Some(Unusual::Cut) => summary.cut.add(number),
            Some(Unusual::Unsegmented) => summary.unsegmented.add(number),
            Some(Unusual::TooLong) => {
                summary.too_long.add(number);
                tell(News::TooLong { frame: number, length: captured.length });
            }
            None => {}
        }
        tell(News::Frames(number));
        Ok(())
    }

    /// What became of all captures so far, and of each.
    ///
    /// # Errors
    /// [`KernelError`] if the kernel could not be asked.
    pub fn report(&self) -> Result<Report<'_>, KernelError> {
        Ok(Report { sum: self.summary()?, captures: &self.captures })
    }

    /// Whether the kernel engine was asked for.
    pub const fn has_kernel(&self) -> bool {
        self.judge.has_kernel()
    }

    /// Whether every frame of every capture so far was judged.
    pub fn is_complete(&self) -> bool {
        self.captures.iter().all(|capture| capture.complete)
    }

    fn summary(&self) -> Result<Summary, KernelError> {
        Ok(Summary::new(&self.judge.counters()?))
    }
}

#[cfg(test)]
mod tests;
