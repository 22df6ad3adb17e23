//! The commands of `sekisho`, one file each: arguments in, library calls, text out.
//!
//! Every command ends in `Ok` or in a [`CliError`], whose exit status and lines `main` hands to the
//! shell.

pub mod audit;
pub mod classify;
pub mod client;
pub mod direction;
pub mod halt;
pub mod life;
pub mod order;
pub mod place;
pub mod replay;
pub mod run;
pub mod status;
pub mod trust;

mod halting;
mod register;
mod table;

use std::io;
use std::path::Path;

use crate::compile::CompileError;
use crate::direction::DirectionError;
use crate::kernel::KernelError;
use crate::offline::OfflineError;
use crate::registry::StoreError;
use crate::rejection::Failure;
use crate::rejection::{Rejection, Rejections};
use crate::replay::ReplayError;

use classify::ClassifyError;
use order::OrderError;

/// Why a command did not do what was asked. It decides the exit status, and has one line for each reason.
#[derive(Debug)]
pub enum CliError {
    /// Something failed: exit status 1.
    Failed(String),
    /// A part was done and a part was not: exit status 1.
    Incomplete {
        /// What was done.
        lines: Vec<String>,
        /// What was not done, and why.
        faults: Vec<String>,
    },
    /// The arguments do not fit together: exit status 2.
    Usage(String),
    /// Orders, trust, direction or configuration files were refused: exit status 3.
    Rejected(Vec<Rejection>),
    /// A daemon refused them, in these words: exit status 3.
    Refused(Vec<String>),
    /// The reader of standard output has gone, so nobody is left to tell: exit status 0.
    ReaderGone,
}

impl CliError {
    /// The exit status.
    pub const fn exit_status(&self) -> u8 {
        match self {
            Self::ReaderGone => 0,
            Self::Failed(_) | Self::Incomplete { .. } => 1,
            Self::Usage(_) => 2,
            Self::Rejected(_) | Self::Refused(_) => 3,
        }
    }

    /// The lines to print on standard error.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::ReaderGone => Vec::new(),
            Self::Failed(line) | Self::Usage(line) => vec![line.clone()],
            Self::Refused(lines) => lines.clone(),
            Self::Incomplete { lines, faults } => lines.iter().chain(faults).cloned().collect(),
            Self::Rejected(rejections) => rejections.iter().map(ToString::to_string).collect(),
        }
    }

    /// An output that could not be written.
    pub fn output(path: &Path, error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::ReaderGone;
        }
        Self::Failed(format!("{}: cannot be written: {error}", crate::shown::shown(path)))
    }

    fn standard_output(error: &io::Error) -> Self {
        Self::output(Path::new("standard output"), error)
    }
}

impl From<Rejection> for CliError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(vec![rejection])
    }
}

impl From<Rejections> for CliError {
    fn from(rejections: Rejections) -> Self {
        Self::Rejected(rejections.into_iter().collect())
    }
}

impl From<Vec<Rejection>> for CliError {
    fn from(rejections: Vec<Rejection>) -> Self {
        Self::Rejected(rejections)
    }
}

impl From<DirectionError> for CliError {
    fn from(error: DirectionError) -> Self {
        match error {
            DirectionError::Rejected(rejection) => rejection.into(),
            DirectionError::Unreadable { file, source } => {
                Rejection::new(file, format!("cannot be read: {source}")).into()
            }
        }
    }
}

impl From<Failure> for CliError {
    fn from(error: Failure) -> Self {
        match error {
            Failure::Rejected(rejections) => rejections.into(),
            Failure::Failed(reason) => Self::Failed(reason),
        }
    }
}

impl From<OfflineError> for CliError {
    fn from(error: OfflineError) -> Self {
        match error {
            OfflineError::Failure(fault) => fault.into(),
            OfflineError::Incomplete { lines, faults } => Self::Incomplete { lines, faults },
        }
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        Failure::from(error).into()
    }
}

impl From<CompileError> for CliError {
    fn from(error: CompileError) -> Self {
        Rejection::new("orders", error.to_string()).into()
    }
}

impl From<KernelError> for CliError {
    fn from(error: KernelError) -> Self {
        Self::Failed(error.explain())
    }
}

impl From<ReplayError> for CliError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Output(error) => Self::standard_output(&error),
            ReplayError::Kernel(error) => error.into(),
            ReplayError::Record(error) => Self::Failed(error.to_string()),
        }
    }
}

impl From<ClassifyError> for CliError {
    fn from(error: ClassifyError) -> Self {
        match error {
            ClassifyError::NoAddress => Self::Usage(error.to_string()),
            ClassifyError::Direction(error) => error.into(),
            ClassifyError::Output(error) => Self::standard_output(&error),
        }
    }
}

impl From<OrderError> for CliError {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Rejected(rejections) => Self::Rejected(rejections),
            OrderError::Failed(line) => Self::Failed(line),
            OrderError::Usage(line) => Self::Usage(line),
            OrderError::Life(error) => error,
        }
    }
}
