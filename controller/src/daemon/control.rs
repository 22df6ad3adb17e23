//! The control socket: one JSON request to a line, one JSON answer to a line.
//!
//! ```text
//! → {"command":"status"}
//! ← {"sensor":"tyo-gw-1a",…}
//! → {"command":"dance"}
//! ← {"error":"unknown command `dance`"}
//! ```

use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, PermissionsExt, chown};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::Group;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::config::ControlGroup;
use super::monitor::Monitor;

/// Longest request, in bytes.
const LONGEST: u64 = 4_096;
/// How long a client may take to ask, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Clients served at once; others wait.
const CLIENTS: usize = 16;

/// The request that `sekisho status` sends, without the line feed.
pub const STATUS: &str = r#"{"command":"status"}"#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    command: String,
}

#[derive(Serialize)]
struct Refusal {
    error: String,
}

/// The socket, taken; removed when dropped.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
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

/// The number of a group, or why there is none: one line.
///
/// # Errors
/// A name that no group has, or databases that cannot be asked.
pub fn group_number(group: &ControlGroup) -> Result<u32, String> {
    match group {
        ControlGroup::Number(number) => Ok(*number),
        ControlGroup::Name(name) => match Group::from_name(name) {
            Ok(Some(group)) => Ok(group.gid.as_raw()),
            // getgrnam(3): some databases say so by an error.
            Ok(None) | Err(Errno::ENOENT | Errno::ESRCH) => {
                Err(format!("there is no group `{}`", name.escape_debug()))
            }
            Err(error) => Err(format!("group `{}`: {error}", name.escape_debug())),
        },
    }
}

/// Takes the socket, before anything is attached: open to its owner and to a group, the daemon's
/// own unless another is given. One that a dead daemon left behind is replaced, one that a living
/// daemon answers on is not. A folder that has to be made belongs to the same group.
///
/// # Errors
/// One line that names the socket.
pub fn bind(path: &Path, group: Option<&ControlGroup>) -> Result<Control, String> {
    let failed = |error: io::Error| format!("{}: {error}", path.display());
    let group = group.map(group_number).transpose()?;
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

fn remove_stale(path: &Path) -> Result<(), String> {
    let failed = |error: io::Error| format!("{}: {error}", path.display());
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(format!("{}: is there already and is no socket", path.display()));
        }
        Ok(_) => {}
    }
    match StdUnixStream::connect(path) {
        Ok(_) => Err(format!("{}: another sekisho answers there", path.display())),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

impl Control {
    /// Answers until it is dropped.
    pub async fn serve(self, monitor: Arc<Monitor>) {
        let clients = Arc::new(Semaphore::new(CLIENTS));
        let answer: Answer = Arc::new(move |line| answer(line, &monitor));
        loop {
            let Ok(permit) = Arc::clone(&clients).acquire_owned().await else { return };
            let Ok((stream, _)) = self.listener.accept().await else {
                // Out of descriptors, most likely: others must close theirs first.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let answer = Arc::clone(&answer);
            tokio::spawn(async move {
                // A client that went away wants no answer.
                let _ = converse(stream, answer).await;
                drop(permit);
            });
        }
    }
}

type Answer = Arc<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

async fn converse(mut stream: UnixStream, answer: Answer) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        let mut limited = (&mut reader).take(LONGEST);
        let read = timeout(PATIENCE, limited.read_until(b'\n', &mut line)).await??;
        if read == 0 {
            return Ok(());
        }
        let whole = line.ends_with(b"\n");
        let too_long = !whole && line.len() as u64 == LONGEST;
        let reply = if too_long { refuse("the request is too long") } else { answer(&line) };
        timeout(PATIENCE, writer.write_all(&reply)).await??;
        if !whole {
            return Ok(());
        }
    }
}

/// The answer to one line, with its line feed.
fn answer(line: &[u8], monitor: &Monitor) -> Vec<u8> {
    match command(line) {
        Ok(Command::Status) => match monitor.status() {
            Ok(status) => json(&status),
            Err(error) => refuse(error.to_string()),
        },
        Err(reason) => refuse(reason),
    }
}

#[derive(Debug, Eq, PartialEq)]
enum Command {
    Status,
}

fn command(line: &[u8]) -> Result<Command, String> {
    let request: Request =
        serde_json::from_slice(line).map_err(|error| format!("not a request: {error}"))?;
    match request.command.as_str() {
        "status" => Ok(Command::Status),
        other => Err(format!("unknown command `{}`", other.escape_debug())),
    }
}

fn refuse(reason: impl Into<String>) -> Vec<u8> {
    json(&Refusal { error: reason.into() })
}

fn json(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value)
        .unwrap_or_else(|_| br#"{"error":"the answer cannot be written"}"#.to_vec());
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener as StdUnixListener;

    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    #[test]
    fn requests() {
        assert_eq!(command(STATUS.as_bytes()), Ok(Command::Status));
        for (line, reason) in [
            (&b"{\"command\":\"dance\"}\n"[..], "unknown command `dance`"),
            (b"{\"command\":\"status\",\"x\":1}", "not a request: unknown field `x`"),
            (b"{}", "not a request: missing field `command`"),
            (b"", "not a request: "),
            (b"\xff\n", "not a request: "),
        ] {
            let refusal = command(line).unwrap_err();
            assert!(refusal.starts_with(reason), "{refusal}");
        }
    }

    #[test]
    fn a_line_in_a_line_out() {
        runtime().block_on(async {
            let (client, server) = UnixStream::pair().unwrap();
            let echo: Answer = Arc::new(|line| [b"got ", line].concat());
            let conversation = tokio::spawn(converse(server, echo));
            let (reader, mut writer) = client.into_split();
            writer.write_all(b"one\ntwo\n").await.unwrap();
            writer.write_all(&[b'x'; 5_000]).await.unwrap();
            let mut lines = BufReader::new(reader).lines();
            for expected in ["got one", "got two", "{\"error\":\"the request is too long\"}"] {
                assert_eq!(lines.next_line().await.unwrap().as_deref(), Some(expected));
            }
            conversation.await.unwrap().unwrap();
        });
    }

    #[test]
    fn a_socket_for_a_group() {
        use std::os::unix::fs::MetadataExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run").join("control.sock");
        let runtime = runtime();
        let _guard = runtime.enter();
        // One's own group is the only one that can be given away without privilege.
        let own = std::fs::metadata(folder.path()).unwrap().gid();
        let group = if nix::unistd::geteuid().is_root() { 4_711 } else { own };
        let control = bind(&path, Some(&ControlGroup::Number(group))).unwrap();
        for (path, mode) in [(path.as_path(), 0o660), (path.parent().unwrap(), 0o750)] {
            let metadata = std::fs::metadata(path).unwrap();
            assert_eq!((metadata.gid(), metadata.mode() & 0o777), (group, mode), "{path:?}");
        }
        drop(control);
        let missing = ControlGroup::Name("no-such-group\n".into());
        let refusal = "there is no group `no-such-group\\n`";
        assert_eq!(bind(&path, Some(&missing)).unwrap_err(), refusal);
        assert!(!path.exists());
        assert_eq!(group_number(&ControlGroup::Name("root".into())), Ok(0));
    }

    #[test]
    fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run").join("control.sock");
        let runtime = runtime();
        let _guard = runtime.enter();
        let first = bind(&path, None).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        assert!(bind(&path, None).unwrap_err().ends_with("another sekisho answers there"));
        drop(first);
        assert!(!path.exists());

        drop(StdUnixListener::bind(&path).unwrap());
        bind(&path, None).unwrap();

        std::fs::write(&path, "data").unwrap();
        assert!(bind(&path, None).unwrap_err().ends_with("is there already and is no socket"));
        assert_eq!(std::fs::read(&path).unwrap(), b"data");
    }
}
