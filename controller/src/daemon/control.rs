//! The control socket: who may speak, for how long, and how much. The file itself is in `socket`; what can
//! be asked is in `request`; what comes of it is decided elsewhere.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader,
};
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::gate::Gate;
use super::monitor::Monitor;
use super::request::{Act, Ask, Document, Outcome, Request, Upload};
use super::sensor::Enforce;
use crate::order::files::LARGEST;
use crate::registry::act::Caller;

mod socket;

pub use socket::{Control, bind, group_number};

/// Longest line of a request, in bytes; a document follows its line.
const LONGEST: u64 = 4_096;
/// How long a client may take for a line, for the next part of a document, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Clients served at once; others wait.
const CLIENTS: usize = 16;

/// Answers requests.
trait Clerk: Send + Sync + 'static {
    /// The answer to a request, with its line feed.
    fn answer(
        &self,
        request: Request,
        document: Vec<u8>,
        caller: Caller,
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
    let peer = stream.peer_cred();
    let caller =
        peer.map_or_else(|_| Caller::default(), |peer| Caller::peer(peer.uid(), peer.pid()));
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
                    let reply = clerk.answer(request, document, caller).await;
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
    async fn answer(&self, request: Request, document: Vec<u8>, caller: Caller) -> Vec<u8> {
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
            Request::Resume(said) => Act::Resume(said, caller),
            Request::Halt(said) => {
                // The kernel first; who waits for a lock there waits aside.
                let gate = Arc::clone(&self.gate);
                match tokio::task::spawn_blocking(move || gate.halt()).await {
                    Ok(Ok(())) => Act::Halt(said, caller),
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
#[path = "control_tests.rs"]
mod tests;
