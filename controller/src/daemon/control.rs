//! The control socket: who may speak, for how long, and how much. What can be asked is in `request`;
//! what comes of it is decided elsewhere.

use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, PermissionsExt, chown};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::Group;
use serde::Serialize;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader,
};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::config::ControlGroup;
use super::gate::Gate;
use super::monitor::Monitor;
use super::request::{Act, Ask, Document, Outcome, Request, Said, Upload};
use super::sensor::Enforce;
use crate::order::files::LARGEST;

/// Longest line of a request, in bytes; a document follows its line.
const LONGEST: u64 = 4_096;
/// How long a client may take for a line, for the next part of a document, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Clients served at once; others wait.
const CLIENTS: usize = 16;

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

/// Answers requests.
trait Clerk: Send + Sync + 'static {
    /// The answer to a request, with its line feed.
    fn answer(
        &self,
        request: Request,
        document: Vec<u8>,
        user: Option<u32>,
    ) -> impl Future<Output = Vec<u8>> + Send;
}

/// The clerk of a daemon.
pub struct Desk<E> {
    /// What status is read from.
    pub monitor: Arc<Monitor>,
    /// What a halt goes to before anything else.
    pub gate: Arc<Gate<E>>,
    /// The loop.
    pub asks: mpsc::UnboundedSender<Ask>,
}

impl Control {
    /// Answers until it is dropped.
    pub async fn serve<E: Enforce + Send + 'static>(self, desk: Desk<E>) {
        let clients = Arc::new(Semaphore::new(CLIENTS));
        let (desk, uploads) = (Arc::new(desk), Arc::new(Semaphore::new(1)));
        loop {
            let Ok(permit) = Arc::clone(&clients).acquire_owned().await else { return };
            let Ok((stream, _)) = self.listener.accept().await else {
                // Out of descriptors, most likely: others must close theirs first.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let (desk, uploads) = (Arc::clone(&desk), Arc::clone(&uploads));
            tokio::spawn(async move {
                // A client that went away wants no answer.
                let _ = converse(stream, &*desk, &uploads).await;
                drop(permit);
            });
        }
    }
}

/// `uploads` lets in one document at a time: each may be as large as memory allows for one.
async fn converse(
    mut stream: UnixStream,
    clerk: &impl Clerk,
    uploads: &Semaphore,
) -> io::Result<()> {
    let user = stream.peer_cred().ok().map(|peer| peer.uid());
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
        let (reply, go_on) = if too_long {
            (failed("the request is too long"), false)
        } else {
            match understand(&line) {
                Err(reason) => (failed(reason), whole),
                Ok(request) => {
                    let permit = match request.upload() {
                        Some(_) => uploads.acquire().await.ok(),
                        None => None,
                    };
                    let document = match request.upload() {
                        Some(upload) => receive(&mut reader, upload).await?,
                        None => Vec::new(),
                    };
                    let reply = clerk.answer(request, document, user).await;
                    drop(permit);
                    (reply, whole)
                }
            }
        };
        timeout(PATIENCE, writer.write_all(&reply)).await??;
        if !go_on {
            return Ok(());
        }
    }
}

fn understand(line: &[u8]) -> Result<Request, String> {
    let request: Request =
        serde_json::from_slice(line).map_err(|error| format!("not a request: {error}"))?;
    match request.upload() {
        Some(upload) if upload.length > LARGEST => Err("a document is at most 1 GiB".to_owned()),
        _ => Ok(request),
    }
}

/// Takes a document, which may take as long as it keeps coming.
async fn receive(reader: &mut (impl AsyncBufRead + Unpin), upload: &Upload) -> io::Result<Vec<u8>> {
    let mut document = Vec::new();
    let mut limited = reader.take(upload.length);
    loop {
        let part = timeout(PATIENCE, limited.fill_buf()).await??;
        if part.is_empty() {
            break;
        }
        let length = part.len();
        document.extend_from_slice(part);
        limited.consume(length);
    }
    if document.len() as u64 == upload.length {
        Ok(document)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

impl<E: Enforce + Send + 'static> Clerk for Desk<E> {
    async fn answer(&self, request: Request, document: Vec<u8>, user: Option<u32>) -> Vec<u8> {
        let by = |said: Said| Said { by: signature(&said.by, user), why: said.why };
        let act = match request {
            Request::Status {} => {
                return match self.monitor.status() {
                    Ok(status) => json(&status),
                    Err(error) => failed(error.to_string()),
                };
            }
            Request::List {} => {
                let (reply, answer) = oneshot::channel();
                let _ = self.asks.send(Ask::List(reply));
                return match answer.await {
                    Ok(register) => json(&register),
                    Err(_) => failed("the daemon is about to end"),
                };
            }
            Request::Install(upload) => Act::Install(named(upload, document)),
            Request::Revoke(upload) => Act::Revoke(named(upload, document)),
            Request::Rotate(upload) => Act::Rotate(named(upload, document)),
            Request::Reload {} => Act::Reload,
            Request::Resume(said) => Act::Resume(by(said)),
            Request::Halt(said) => {
                // The kernel first; who waits for a lock there waits aside.
                let gate = Arc::clone(&self.gate);
                match tokio::task::spawn_blocking(move || gate.halt()).await {
                    Ok(Ok(())) => Act::Halt(by(said)),
                    Ok(Err(error)) => return failed(error.to_string()),
                    Err(error) => return failed(error.to_string()),
                }
            }
        };
        let (reply, answer) = oneshot::channel();
        let _ = self.asks.send(Ask::Act(act, reply));
        match answer.await {
            Ok(outcome) => json(&outcome),
            Err(_) => failed("the daemon is about to end"),
        }
    }
}

/// Who did something: what they say, and what the system says.
pub fn signature(name: &str, user: Option<u32>) -> String {
    let user = user.map_or_else(|| "an unknown user".to_owned(), |user| format!("uid {user}"));
    if name.is_empty() { user } else { format!("{name} ({user})") }
}

fn named(upload: Upload, bytes: Vec<u8>) -> Document {
    Document { name: upload.name, bytes }
}

fn failed(reason: impl Into<String>) -> Vec<u8> {
    json(&Outcome::Error(reason.into()))
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
        assert_eq!(understand(br#"{"command":"status"}"#), Ok(Request::Status {}));
        for (line, reason) in [
            (&b"{\"command\":\"dance\"}\n"[..], "not a request: unknown variant `dance`"),
            (b"{\"command\":\"status\",\"x\":1}", "not a request: unknown field `x`"),
            (b"{}", "not a request: missing field `command`"),
            (b"", "not a request: "),
            (b"\xff\n", "not a request: "),
            (
                b"{\"command\":\"install\",\"name\":\"a\",\"length\":1073741825}",
                "a document is at most 1 GiB",
            ),
        ] {
            let refusal = understand(line).unwrap_err();
            assert!(refusal.starts_with(reason), "{refusal}");
        }
        assert_eq!(signature("op", Some(7)), "op (uid 7)");
        assert_eq!(signature("", Some(7)), "uid 7");
    }

    struct Echo;

    impl Clerk for Echo {
        async fn answer(&self, request: Request, document: Vec<u8>, _: Option<u32>) -> Vec<u8> {
            let name = request.upload().map_or("", |upload| upload.name.as_str());
            format!("got {name} {}\n", String::from_utf8(document).unwrap()).into_bytes()
        }
    }

    #[test]
    fn a_line_in_a_line_out() {
        runtime().block_on(async {
            let (client, server) = UnixStream::pair().unwrap();
            let uploads = Semaphore::new(1);
            let conversation = converse(server, &Echo, &uploads);
            let asking = async {
                let (reader, mut writer) = client.into_split();
                let upload = Upload { name: "a".into(), length: 10_003 };
                let document = format!("\n\n\n{}", "x".repeat(10_000));
                writer.write_all(b"{\"command\":\"status\"}\n").await.unwrap();
                writer.write_all(Request::Install(upload).line().as_bytes()).await.unwrap();
                writer.write_all(document.as_bytes()).await.unwrap();
                writer.write_all(&[b'x'; 5_000]).await.unwrap();
                let mut answer = String::new();
                BufReader::new(reader).read_to_string(&mut answer).await.unwrap();
                let expected = "{\"error\":\"the request is too long\"}\n";
                assert_eq!(answer, format!("got  \ngot a {document}\n{expected}"));
            };
            let (done, ()) = tokio::join!(conversation, asking);
            done.unwrap();
        });
    }

    #[test]
    fn half_a_document_is_none() {
        runtime().block_on(async {
            let (client, server) = UnixStream::pair().unwrap();
            let uploads = Semaphore::new(1);
            let asking = async {
                let (reader, mut writer) = client.into_split();
                let upload = Upload { name: "a".into(), length: 10 };
                writer.write_all(Request::Revoke(upload).line().as_bytes()).await.unwrap();
                writer.write_all(b"12345").await.unwrap();
                drop(writer);
                let mut answer = String::new();
                BufReader::new(reader).read_to_string(&mut answer).await.unwrap();
                assert_eq!(answer, "");
            };
            let (done, ()) = tokio::join!(converse(server, &Echo, &uploads), asking);
            assert_eq!(done.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
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
