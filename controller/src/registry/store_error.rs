//! Why a state directory cannot be used.

use std::io;
use std::path::PathBuf;

use crate::durable::replace::Failed;
use crate::rejection::{Rejection, Rejections};
use crate::shown::shown;

/// Why a state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refuses; exit status 1.
    #[error("{}: {source}", shown(.path))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What is there must not be used; exit status 3.
    #[error(transparent)]
    Rejected(#[from] Rejections),
    /// A change failed, and nobody can tell whether it counts.
    #[error("{}: an earlier change failed; only a restart can tell what is on the disk", shown(.0))]
    Broken(PathBuf),
}

impl From<Rejection> for StoreError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection.into())
    }
}

impl From<Failed> for StoreError {
    fn from(Failed { path, source }: Failed) -> Self {
        Self::Io { path, source }
    }
}
