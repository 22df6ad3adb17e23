//! Errors of the subcommands of `sekisho order`.

use crate::cli::CliError;
use crate::direction::DirectionError;
use crate::order::keys::KeyError;
use crate::rejection::{Rejection, Rejections};

/// Why a subcommand of `sekisho order` did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// At least one file was refused: exit status 3. Each refusal is one line.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Rejected(Vec<Rejection>),
    /// Something failed: exit status 1.
    #[error("{0}")]
    Failed(String),
    /// The arguments do not fit together: exit status 2.
    #[error("{0}")]
    Usage(String),
    /// Asking a daemon or changing its state failed.
    #[error("{}", .0.lines().join("\n"))]
    Life(CliError),
}

impl From<CliError> for OrderError {
    fn from(error: CliError) -> Self {
        Self::Life(error)
    }
}

impl From<Rejection> for OrderError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(vec![rejection])
    }
}

impl From<Rejections> for OrderError {
    fn from(rejections: Rejections) -> Self {
        Self::Rejected(rejections.into_iter().collect())
    }
}

impl From<DirectionError> for OrderError {
    fn from(error: DirectionError) -> Self {
        match error {
            DirectionError::Rejected(rejection) => rejection.into(),
            DirectionError::Unreadable { file, source } => {
                Rejection::new(file, format!("cannot be read: {source}")).into()
            }
        }
    }
}

impl From<KeyError> for OrderError {
    fn from(error: KeyError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<serde_json::Error> for OrderError {
    fn from(error: serde_json::Error) -> Self {
        Self::Failed(format!("writing JSON: {error}"))
    }
}
