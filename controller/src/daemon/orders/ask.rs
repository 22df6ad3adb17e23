//! What can be asked of the loop, which owns the registry.

use sensor_common::boot_time::BootTime;
use tokio::sync::oneshot;

use crate::control::Reply;
use crate::registry::OrderList;
use crate::registry::command::Command;

/// Where an answer goes.
pub type ReplyTo = oneshot::Sender<Reply>;

/// What is asked of the loop.
#[derive(Debug)]
pub enum Ask {
    /// The state of every order.
    List(oneshot::Sender<OrderList>),
    /// Read the configuration again.
    Reload {
        /// Direction may change by any amount.
        accept_change: bool,
        /// Where the answer goes.
        reply: ReplyTo,
    },
    /// Something that the registry decides on. A halt is in the kernel already.
    Command {
        /// The command.
        command: Command,
        /// Until when the person who asked waits, if that is known. See
        /// [`HaltRequest::waits_until`](crate::control::request::HaltRequest::waits_until).
        waits_until: Option<BootTime>,
        /// Where the answer goes.
        reply: ReplyTo,
    },
}
