//! The program's own log: which generation judges, and whether the gate is closed. It is about the program,
//! never about a packet (L-AUTO), and off by default.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use aya::Ebpf;
use aya_log::EbpfLogger;
use log::{Log, Metadata, Record};

use super::KernelError;

/// Whether the program logs. The numbers are levels of `aya-log`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LifeLog {
    /// It does not, and the verifier removes the code.
    #[default]
    Off,
    /// It does.
    On,
}

impl LifeLog {
    /// The most detailed level that the program logs; 0 is below all of them.
    pub(super) const fn level(self) -> u8 {
        match self {
            Self::Off => 0,
            Self::On => aya_log::Level::Info as u8,
        }
    }
}

/// The reading end of a program's log.
pub(super) struct LifeLogger {
    logger: EbpfLogger<Lines>,
    lines: Lines,
}

impl LifeLogger {
    /// Takes the log from an object that is not loaded yet.
    pub(super) fn take(ebpf: &mut Ebpf) -> Result<Self, KernelError> {
        let lines = Lines::default();
        let logger = EbpfLogger::init_with_logger(ebpf, lines.clone())
            .map_err(|_| KernelError::Missing(name::LOG))?;
        Ok(Self { logger, lines })
    }

    /// The lines since the last call.
    pub(super) fn lines(&mut self) -> Vec<String> {
        self.logger.flush();
        std::mem::take(&mut *self.lines.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

mod name {
    pub(super) const LOG: &str = "AYA_LOGS";
}

/// Collects lines.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Log for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let mut line = String::new();
        // Writing to a `String` cannot fail.
        let _ = write!(line, "{}", record.args());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn flush(&self) {}
}
