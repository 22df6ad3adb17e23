//! Documents as events name them: by name and digest.

use serde::{Deserialize, Serialize};

use crate::order::{DocumentKey, OrderKey};

/// An order, by name and digest.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct NamedOrder {
    /// Its name.
    #[serde(flatten)]
    pub key: OrderKey,
    /// The SHA-256 of what was signed.
    pub digest: String,
}

/// An approval or agreement, by name and digest.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct NamedBasis {
    /// Its name.
    #[serde(flatten)]
    pub key: DocumentKey,
    /// The SHA-256 of what was signed.
    pub digest: String,
}
