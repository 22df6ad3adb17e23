//! The life of orders: what was accepted, what is in force, what is over, and that this survives
//! every restart and is never set back (L-APPROVE, L-TERM, L-EXTEND).
//!
//! | file | job |
//! |---|---|
//! | [`act`] | what is done without a signature, and who did it |
//! | [`command`] | what can be asked, and what comes of it: for a daemon and without one |
//! | [`clock`] | the two clocks, and which of them counts for what |
//! | [`entry`], [`state`] | one order, and all that is remembered |
//! | [`install`], [`ends`], [`halt`] | the operations: pure, they return what has to be written |
//! | [`runs`], [`inputs`] | the daemons that carried it out, and what they worked by |
//! | [`list`] | where every order stands, for people |
//! | [`wording`] | what happened, for people |
//! | [`event`], `audit` | what happened, as lines of the audit file |
//! | [`standing`] | where every order stands, and why |
//! | `written`, `names` | the state as it is written, and the names of files |
//! | [`memory`] | a halt, remembered without space or lock |
//! | [`held`] | all of that in the hands of one process |
//! | [`store`], [`loading`] | writing, and reading without belief |
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
pub mod names;
pub mod runs;
pub mod standing;
pub mod state;
pub mod store;
pub mod wording;

mod audit;
#[cfg(test)]
pub(crate) mod tests;
mod written;

pub(crate) use crate::digest::sha256 as digest;
pub use clock::Reading;
pub use list::{IDLE_DAYS, IDLE_RANGE, OrderList, OrderView, idle_after};
pub use standing::OrderState;
pub use state::{Change, Registry};
pub use store::{StatePaths, StateStore, StoreError};
