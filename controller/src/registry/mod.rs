//! The life of orders: which were accepted, which are in force and which are over. All of it survives a restart,
//! and is never set back (L-APPROVE, L-TERM, L-EXTEND).
//!
//! | file | job |
//! |---|---|
//! | [`act`] | what is done without a signature, and who did it |
//! | [`command`] | commands and the decisions on them, with a daemon and without one |
//! | [`clock`] | the two clocks, and which one counts for what |
//! | [`entry`], [`state`] | one order, and all that is remembered |
//! | [`install`], [`ends`], [`halt`], `running` | the operations, which are pure: they return what has to be written |
//! | [`runs`], [`inputs`] | the daemons that carried it out, and their inputs |
//! | [`named`] | documents by name and digest |
//! | [`list`] | the list of orders, for people |
//! | [`wording`] | what happened, for people |
//! | [`event`], `audit` | what happened, as lines of the audit file |
//! | [`standing`] | where every order stands, and why |
//! | `written`, `names`, [`paths`] | the state as it is written, and where |
//! | [`memory`] | a halt, remembered without space or lock |
//! | [`held`] | a state directory that one process holds |
//! | [`store`], [`loading`], [`store_error`] | writing the registry, reading it without trusting it, why it cannot be |
//!
//! Nothing here touches the kernel: `daemon` brings it to where the registry says it must be.

pub mod act;
pub mod clock;
pub mod command;
pub mod ends;
pub mod entry;
pub mod event;
pub mod halt;
pub mod held;
pub mod inputs;
pub mod install;
pub mod list;
pub mod loading;
pub mod memory;
pub mod named;
pub mod names;
pub mod paths;
pub mod runs;
pub mod standing;
pub mod state;
pub mod store;
pub mod store_error;
pub mod wording;

mod audit;
mod running;
#[cfg(test)]
pub(crate) mod tests;
mod written;

pub(crate) use crate::digest::sha256 as digest;
pub use clock::Reading;
pub use list::{IDLE_DAYS, IDLE_RANGE, OrderList, OrderView, idle_after};
pub use paths::StatePaths;
pub use standing::OrderState;
pub use state::{Change, Registry};
pub use store::StateStore;
pub use store_error::StoreError;
