//! The file of the control socket: whose it is, and that one daemon has it.

use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, PermissionsExt, chown};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

use crate::daemon::control_group::{ControlGroup, GroupFault};

/// Why the control socket could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum ControlSocketError {
    /// The configuration names a group that has no number.
    #[error(transparent)]
    Group(#[from] GroupFault),
    /// The system refuses.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The socket, or the folder that it is in.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something else has its name.
    #[error("{}: is there already and is no socket", .0.display())]
    NoSocket(PathBuf),
    /// Another daemon has it.
    #[error("{}: another sekisho answers there", .0.display())]
    Taken(PathBuf),
}

/// The socket, taken; removed when dropped.
#[derive(Debug)]
pub struct Control {
    pub(super) listener: UnixListener,
    _file: SocketFile,
}

#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Nobody is left to whom an error would matter; the next daemon replaces a stale socket.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Takes the socket, before anything is attached: open to its owner and to a group, the daemon's
/// own unless another is given. One that a dead daemon left behind is replaced, one that a living
/// daemon answers on is not. A folder that has to be made belongs to the same group.
///
/// # Errors
/// [`ControlSocketError`].
pub fn bind(path: &Path, group: Option<&ControlGroup>) -> Result<Control, ControlSocketError> {
    let failed = |source| ControlSocketError::Io { path: path.to_owned(), source };
    let group = group.map(ControlGroup::number).transpose()?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty())
        && !folder.exists()
    {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o750).create(folder).map_err(failed)?;
        chown(folder, None, group).map_err(failed)?;
    }
    remove_stale(path)?;
    let listener = UnixListener::bind(path).map_err(failed)?;
    let control = Control { listener, _file: SocketFile(path.to_owned()) };
    // The group first: the mode lets it in.
    chown(path, None, group).map_err(failed)?;
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o660)).map_err(failed)?;
    Ok(control)
}

fn remove_stale(path: &Path) -> Result<(), ControlSocketError> {
    let failed = |source| ControlSocketError::Io { path: path.to_owned(), source };
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(ControlSocketError::NoSocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    match StdUnixStream::connect(path) {
        Ok(_) => Err(ControlSocketError::Taken(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}
