//! The life of orders against a model that knows nothing of registry, store, terms or reconciler: whatever
//! happens in whatever order, the kernel never selects for an order that is not in force by the model
//! (L-APPROVE, L-TERM, L-EXTEND).
//!
//! | file | job |
//! |---|---|
//! | `law` | what can happen, and what the law says of it |
//! | `documents` | orders, revocations and trust files for it |
//! | `stories` | some of it by hand |
//! | `world` | a daemon and its disk, through which it happens, beside the model |
//!
//! It is made of what the library offers to everybody, and so compiled twice: with a stand-in for the
//! kernel in `model_tests`, and over the real program in `tests/tests/model.rs`.

pub(crate) mod documents;
pub(crate) mod law;
pub(crate) mod stories;
pub(crate) mod world;
