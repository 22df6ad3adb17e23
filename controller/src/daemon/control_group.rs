//! The group whose members may ask over the control socket.

use nix::errno::Errno;
use nix::unistd::Group;
use serde::Deserialize;

/// A group of the system, by name or by number.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(untagged)]
pub enum ControlGroup {
    /// As the system's databases name it.
    Name(String),
    /// Its number.
    Number(u32),
}

/// Why a group has no number.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum GroupFault {
    /// No group has the name.
    #[error("there is no group `{}`", .0.escape_debug())]
    Unknown(String),
    /// The system's databases cannot be asked.
    #[error("group `{}`: {source}", .name.escape_debug())]
    Unasked {
        /// The group's name.
        name: String,
        /// What the system says.
        source: Errno,
    },
}

impl ControlGroup {
    /// The number of the group.
    ///
    /// # Errors
    /// [`GroupFault`].
    pub fn number(&self) -> Result<u32, GroupFault> {
        let name = match self {
            Self::Number(number) => return Ok(*number),
            Self::Name(name) => name,
        };
        match Group::from_name(name) {
            Ok(Some(group)) => Ok(group.gid.as_raw()),
            // getgrnam(3): some databases say so by an error.
            Ok(None) | Err(Errno::ENOENT | Errno::ESRCH) => Err(GroupFault::Unknown(name.clone())),
            Err(source) => Err(GroupFault::Unasked { name: name.clone(), source }),
        }
    }
}
