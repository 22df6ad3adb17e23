//! Replay: the frames of captures through an engine, records and a summary out. The dry run that an
//! operator makes before an order goes live, and an inspector's proof after it (L-INSPECT).

mod frame;
mod summary;

use std::io::{self, Write};
use std::path::Path;

use frame::whole;
pub use summary::Summary;

use crate::capture::{Capture, CaptureError};
use crate::compile::Names;
use crate::engine::Engine;
use crate::kernel::KernelError;
use crate::record::ndjson;

/// Why a replay stopped.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A capture that cannot be read to its end.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The kernel engine failed.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The records could not be written.
    #[error("cannot write the records: {0}")]
    Output(#[from] io::Error),
    /// A record that names no rule of the tables it came from.
    #[error(transparent)]
    Record(#[from] ndjson::RecordError),
}

/// A replay under way: one engine, any number of captures after each other.
pub struct Replay<'a> {
    engine: Box<dyn Engine>,
    names: &'a Names,
    sensor: &'a str,
    cut: u64,
}

impl<'a> Replay<'a> {
    /// A replay through `engine`, whose tables `names` belongs to.
    pub fn new(engine: Box<dyn Engine>, names: &'a Names, sensor: &'a str) -> Self {
        Self { engine, names, sensor, cut: 0 }
    }

    /// Pushes every frame of a capture through the engine and writes its records. In a record, the
    /// time is that of the capture, the sequence is the frame's number in it, and the interface is
    /// the file's name.
    ///
    /// # Errors
    /// [`ReplayError`]; what was written before it stands.
    pub fn run(
        &mut self,
        path: &Path,
        mut capture: Capture,
        output: &mut dyn Write,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), ReplayError> {
        let interface = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let mut line = Vec::new();
        while let Some(frame) = capture.next_frame()? {
            let (bytes, cut) = whole(&frame);
            self.cut += u64::from(cut);
            let records = self.engine.judge(&bytes)?;
            for record in &records {
                let context = ndjson::Context {
                    time: frame.time,
                    sequence: frame.number,
                    sensor: self.sensor,
                    interface: &interface,
                };
                line.clear();
                ndjson::write(&mut line, record, self.names, &context)?;
                output.write_all(&line)?;
            }
            progress(frame.number);
        }
        Ok(())
    }

    /// How many frames the captures hold only the beginning of. They were padded with zeros to the
    /// length they had on the wire.
    pub const fn cut(&self) -> u64 {
        self.cut
    }

    /// The sum over all captures so far.
    ///
    /// # Errors
    /// [`KernelError`] where the kernel could not be asked.
    pub fn summary(&self) -> Result<Summary, KernelError> {
        Ok(Summary::new(&self.engine.counters()?))
    }
}
