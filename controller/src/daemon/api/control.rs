//! The control socket: who may speak, for how long, and how much. The file itself is in `socket`; whose turn
//! it is, in `turns`; what can be asked, in `request`; what comes of it is decided elsewhere.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader,
};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinError;
use tokio::time::timeout;

use crate::control::Reply;
use crate::control::request::{HaltRequest, LONGEST, Request, RequestError, Upload};
use crate::daemon::api::guests::{Guest, Guests};
use crate::daemon::api::monitor::Monitor;
use crate::daemon::orders::ask::Ask;
use crate::daemon::orders::shared_sensor::{OVERTAKEN, SharedSensor};
use crate::daemon::sensor::{Enforce, SensorError};
use crate::registry::Reading;
use crate::registry::act::{Act, Caller, Said};
use crate::registry::command::{Command, Document};

mod socket;
mod turns;

use turns::{Held, Turn, Turns};

pub use socket::{Control, ControlSocketError, bind};

/// How long a client may take for a line, and for the next part of a document.
const REQUEST: Duration = Duration::from_secs(5);
/// How long a client may take to take the answer.
const ANSWER: Duration = Duration::from_secs(10);
/// A document has to come at this rate at least, in bytes per second, after [`REQUEST`].
const RATE: u64 = 1 << 20;
/// Connections at once.
pub const CONNECTIONS: usize = 128;
/// How long to wait when no connection can be accepted: others must close their descriptors first.
const PAUSE: Duration = Duration::from_millis(100);

/// Why a halt did not close the kernel.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// Somebody resumed selection after the request.
    #[error("{OVERTAKEN}")]
    Overtaken,
    /// The kernel side failed.
    #[error(transparent)]
    Sensor(#[from] SensorError),
    /// The thread that was to do it panicked, or the daemon is ending.
    #[error(transparent)]
    Thread(#[from] JoinError),
}

/// Why a line is no request that can be answered.
#[derive(Debug, thiserror::Error)]
enum LineError {
    #[error("the request is too long")]
    TooLong,
    #[error("not a request: {0}")]
    Form(#[from] serde_json::Error),
    #[error(transparent)]
    Documents(#[from] RequestError),
}

/// Answers requests: what comes of them is not the socket's to know.
pub trait Respond: Send + Sync + 'static {
    /// Ends all selection in the kernel, unless a resumption has overtaken the request.
    fn close(&self, halt: &HaltRequest) -> impl Future<Output = Result<(), CloseError>> + Send;

    /// The answer to a request with its documents; with its line feed. Before that to a halt, [`Self::close`]
    /// was called.
    fn answer(
        &self,
        request: Request,
        documents: Vec<Vec<u8>>,
        caller: Caller,
    ) -> impl Future<Output = Vec<u8>> + Send;
}

/// Answers for a daemon.
pub struct Responder<E> {
    /// What status is read from.
    pub monitor: Arc<Monitor>,
    /// What a halt goes to before anything else.
    pub gate: Arc<SharedSensor<E>>,
    /// The loop.
    pub asks: mpsc::UnboundedSender<Ask>,
}

impl Control {
    /// Hands on what clients ask, until it is dropped.
    pub async fn serve(self, responder: impl Respond) {
        attend(&self.listener, Arc::new(responder)).await;
    }
}

async fn attend(listener: &UnixListener, clerk: Arc<impl Respond>) {
    let (guests, turns) = (Guests::new(CONNECTIONS), Turns::default());
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let user = stream.peer_cred().ok().map(|peer| peer.uid());
        let Some(guest) = guests.admit(user).await else { continue };
        let (clerk, turns) = (Arc::clone(&clerk), turns.of(user));
        tokio::spawn(async move {
            tokio::select! {
                // A client that errs or goes away wants no answer.
                _ = converse(stream, clerk, turns, &guest) => {}
                () = guest.pushed_out() => {}
            }
        });
    }
}

async fn converse(
    mut stream: UnixStream,
    clerk: Arc<impl Respond>,
    turns: Turn,
    guest: &Guest,
) -> io::Result<()> {
    // At once: the number of a process that has ended can be used again.
    let peer = stream.peer_cred();
    let caller =
        peer.map_or_else(|_| Caller::default(), |peer| Caller::peer(peer.uid(), peer.pid()));
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader);
    loop {
        guest.is_served(false);
        let mut line = Vec::new();
        let mut limited = (&mut reader).take(LONGEST);
        let read = timeout(REQUEST, limited.read_until(b'\n', &mut line)).await??;
        if read == 0 {
            return Ok(());
        }
        guest.is_served(true);
        let whole = line.ends_with(b"\n");
        let too_long = !whole && line.len() as u64 == LONGEST;
        let request = if too_long { Err(LineError::TooLong) } else { understand(&line) };
        match request {
            Err(error) => timeout(ANSWER, writer.write_all(&failed(&error))).await??,
            Ok(request) => {
                let clerk = Arc::clone(&clerk);
                let (answer, _held) = match request {
                    Request::Halt(asked) => halt(clerk, asked, caller, &turns).await?,
                    request => serve(clerk, request, caller, &mut reader, &turns).await?,
                };
                timeout(ANSWER, writer.write_all(&answer)).await??;
            }
        }
        if too_long || !whole {
            return Ok(());
        }
    }
}

/// The kernel first, whoever else waits for what; then it takes its turn to be remembered.
async fn halt(
    clerk: Arc<impl Respond>,
    asked: HaltRequest,
    caller: Caller,
    turns: &Turn,
) -> io::Result<(Vec<u8>, Held)> {
    if let Err(error) = clerk.close(&asked).await {
        return Ok((failed(&error), None));
    }
    let turn = turns.halt().await;
    detached(async move { (clerk.answer(Request::Halt(asked), Vec::new(), caller).await, turn) })
        .await
}

/// Any other request, with its documents, in its user's turn: given back with the answer.
async fn serve(
    clerk: Arc<impl Respond>,
    request: Request,
    caller: Caller,
    reader: &mut (impl AsyncBufRead + Unpin),
    turns: &Turn,
) -> io::Result<(Vec<u8>, Held)> {
    if request.uploads().is_empty() {
        let turn = turns.request().await;
        return detached(async move { (clerk.answer(request, Vec::new(), caller).await, turn) })
            .await;
    }
    let turn = turns.upload().await;
    let documents = receive(reader, &request).await?;
    let common = turns.document().await;
    detached(async move {
        let answer = clerk.answer(request, documents, caller).await;
        drop(common);
        (answer, turn)
    })
    .await
}

/// What was begun for a client goes on without it, and keeps its turn until it is done: nobody begins more
/// by going away.
async fn detached<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> io::Result<T> {
    tokio::spawn(work).await.map_err(io::Error::other)
}

fn understand(line: &[u8]) -> Result<Request, LineError> {
    let request: Request = serde_json::from_slice(line)?;
    request.check()?;
    Ok(request)
}

/// Takes the documents of a request, which must keep coming, and be there in a time that their length allows
/// for.
async fn receive(
    reader: &mut (impl AsyncBufRead + Unpin),
    request: &Request,
) -> io::Result<Vec<Vec<u8>>> {
    let allowed = REQUEST + Duration::from_secs(request.length() / RATE);
    let all = async {
        let mut documents = Vec::new();
        for upload in request.uploads() {
            documents.push(receive_parts(reader, upload).await?);
        }
        Ok(documents)
    };
    timeout(allowed, all).await?
}

async fn receive_parts(
    reader: &mut (impl AsyncBufRead + Unpin),
    upload: &Upload,
) -> io::Result<Vec<u8>> {
    let mut document = Vec::new();
    let mut limited = reader.take(upload.length);
    loop {
        let part = timeout(REQUEST, limited.fill_buf()).await??;
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

impl<E: Enforce + Send + 'static> Respond for Responder<E> {
    async fn close(&self, halt: &HaltRequest) -> Result<(), CloseError> {
        // Who waits for a lock there waits aside.
        let (gate, until) = (Arc::clone(&self.gate), halt.waits_until);
        let halting = tokio::task::spawn_blocking(move || gate.halt_unless_overtaken(until)).await;
        if halting?? { Ok(()) } else { Err(CloseError::Overtaken) }
    }

    async fn answer(&self, request: Request, documents: Vec<Vec<u8>>, caller: Caller) -> Vec<u8> {
        let mut documents = documents.into_iter();
        let mut named = |Upload { name, .. }| {
            let bytes = documents.next().unwrap_or_default().into();
            Document { name, bytes }
        };
        let act = |said| Act::new(said, caller, Reading::now().wall);
        let command = match request {
            Request::Status {} => {
                return match self.monitor.status() {
                    Ok(status) => json(&status),
                    Err(error) => failed(&error),
                };
            }
            Request::List {} => return self.ask(Ask::List).await,
            Request::Reload { accept_change } => {
                return self.ask(|reply| Ask::Reload { accept_change, reply }).await;
            }
            Request::Install { documents } => {
                Command::Install(documents.into_iter().map(named).collect())
            }
            Request::Revoke(upload) => Command::Revoke(named(upload)),
            Request::Rotate(upload) => Command::Rotate(named(upload)),
            Request::Resume(said) => Command::Resume(act(said)),
            Request::Halt(HaltRequest { operator, why, waits_until }) => {
                let command = Command::Halt(act(Said { operator, why }));
                return self.ask(|reply| Ask::Command { command, waits_until, reply }).await;
            }
        };
        self.ask(|reply| Ask::Command { command, waits_until: None, reply }).await
    }
}

impl<E> Responder<E> {
    /// What the loop answers.
    async fn ask<T: Serialize>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Vec<u8> {
        let (reply, answer) = oneshot::channel();
        // Where the loop has ended, the answer says so.
        let _ = self.asks.send(ask(reply));
        match answer.await {
            Ok(answer) => json(&answer),
            Err(_) => failed(&"the daemon is about to end"),
        }
    }
}

fn failed(reason: &impl fmt::Display) -> Vec<u8> {
    json(&Reply::Error(reason.to_string()))
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
