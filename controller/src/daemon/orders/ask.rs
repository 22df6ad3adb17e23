//! What can be asked of the loop, which owns the registry, and what it answers.

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::daemon::api::request::HaltRequest;
use crate::registry::OrderList;
use crate::registry::act::{Caller, Said};
use crate::rejection::Rejection;
use crate::text::Text;

/// The answer to a request that changes something.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// It is done, as these lines say.
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

impl From<Rejection> for Reply {
    fn from(rejection: Rejection) -> Self {
        Self::from(std::slice::from_ref(&rejection))
    }
}

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
