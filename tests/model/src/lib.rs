//! The life of orders against a model that knows nothing of registry, store, terms or reconciler: whatever
//! happens in whatever order, the kernel never selects for an order that is not in force by the model
//! (L-APPROVE, L-TERM, L-EXTEND).
//!
//! | file | job |
//! |---|---|
//! | [`law`] | what can happen, and what the law says of it |
//! | [`documents`] | orders, revocations and trust files for it |
//! | [`stories`] | some of it by hand |
//! | [`ports`] | what a world needs of a kernel and of a disk |
//! | [`world`] | a daemon and its disk, through which it happens, beside the model |
//! | [`disk`] | a disk that forgets what was not brought to it |
//!
//! The tests beside it have a kernel in memory. Over the real program: `tests/tests/model.rs`.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test fails by panicking")]

pub mod disk;
pub mod documents;
pub mod law;
pub mod ports;
pub mod stories;
pub mod world;
