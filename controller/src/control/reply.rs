//! The daemon's answer to a request that changes something.

use serde::{Deserialize, Serialize};

use crate::rejection::Rejection;

/// The answer to a request that changes something.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// It was done, as these lines say.
    Done(Vec<String>),
    /// A document or the configuration was refused, for these reasons.
    Refused(Vec<String>),
    /// It failed.
    Error(String),
}

impl From<&[Rejection]> for Reply {
    fn from(rejections: &[Rejection]) -> Self {
        Self::Refused(rejections.iter().map(ToString::to_string).collect())
    }
}
