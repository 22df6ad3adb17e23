//! The language of the control socket, shared by the daemon that answers and the commands that ask.
//!
//! | file | job |
//! |---|---|
//! | [`request`] | what can be asked |
//! | [`reply`] | the answer to a request that changes something |
//! | [`status`] | the answer to `status` |

pub mod reply;
pub mod request;
pub mod status;

pub use reply::Reply;
pub use request::Request;

/// Where the socket is unless the configuration says otherwise.
pub const DEFAULT_SOCKET: &str = "/run/sekisho/control.sock";
