//! What can be asked of the loop, which owns the registry, and what it answers.

use tokio::sync::oneshot;

use crate::control::Reply;
use crate::control::request::HaltRequest;
use crate::registry::OrderList;
use crate::registry::act::{Caller, Said};
use crate::text::Text;

/// What is asked of the loop.
#[derive(Debug)]
pub enum Ask {
    /// Where every order stands.
    List(oneshot::Sender<OrderList>),
    /// Something that changes something.
    Command(Command, oneshot::Sender<Reply>),
}

/// Something that changes something.
#[derive(Debug)]
pub enum Command {
    /// Install an order.
    Install(Document),
    /// Accept a revocation.
    Revoke(Document),
    /// Put a new trust file in force.
    Rotate(Document),
    /// Remember that selection was halted; in the kernel it is.
    Halt(HaltRequest, Caller),
    /// Resume selection.
    Resume(Said, Caller),
    /// Read the configuration again.
    Reload,
}

/// A document as it came.
#[derive(Debug)]
pub struct Document {
    /// What the client calls it.
    pub name: Text,
    /// The whole of it.
    pub bytes: Vec<u8>,
}
