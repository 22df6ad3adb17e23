//! The control socket: for how long a client may speak, and how much it may say. The file itself is in
//! `socket`; how much one user may ask at once, in `quota`; what can be asked, in
//! [`crate::control::request`]. Requests are carried out elsewhere.

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
use crate::daemon::api::connection_limit::{ConnectionLimit, ConnectionPermit, PAUSE};
use crate::daemon::api::monitor::Monitor;
use crate::daemon::orders::ask::Ask;
use crate::daemon::orders::shared_sensor::{OVERTAKEN, SharedSensor};
use crate::daemon::sensor::{Enforce, SensorError};
use crate::registry::Reading;
use crate::registry::act::{Act, Caller, Said};
use crate::registry::command::{Command, RawDocument};

mod quota;
mod socket;

use quota::{Quota, QuotaPermit, Quotas};

pub use socket::{Control, ControlSocketError, bind};

/// How long a client may take for a line, and for the next part of a document.
const REQUEST: Duration = Duration::from_secs(5);
/// How long a client may take to read the answer.
const ANSWER: Duration = Duration::from_secs(10);
/// The lowest rate at which a document may come, in bytes per second, after [`REQUEST`].
const RATE: u64 = 1 << 20;
/// Connections at once.
pub const CONNECTIONS: usize = 128;

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

/// Carries out requests.
pub trait Handler: Send + Sync + 'static {
    /// Ends all selection in the kernel, unless a resumption has overtaken the request.
    fn close(&self, halt: &HaltRequest) -> impl Future<Output = Result<(), CloseError>> + Send;

    /// The answer to a request with its documents, as a line with its line feed. For a halt, [`Self::close`]
    /// was called before.
    fn answer(
        &self,
        request: Request,
        documents: Vec<Vec<u8>>,
        caller: Caller,
    ) -> impl Future<Output = Vec<u8>> + Send;
}

/// Carries out requests to a daemon.
pub struct DaemonHandler<E> {
    /// What status is read from.
    pub monitor: Arc<Monitor>,
    /// Where a halt goes before anything else.
    pub gate: Arc<SharedSensor<E>>,
    /// Where the loop takes requests from.
    pub asks: mpsc::UnboundedSender<Ask>,
}

impl Control {
    /// Hands requests to `handler`, until it is dropped.
    pub async fn serve(self, handler: impl Handler) {
        attend(&self.listener, Arc::new(handler)).await;
    }
}

async fn attend(listener: &UnixListener, handler: Arc<impl Handler>) {
    let (limit, quotas) = (ConnectionLimit::new(CONNECTIONS), Quotas::default());
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let user = stream.peer_cred().ok().map(|peer| peer.uid());
        let Some(permit) = limit.admit(user).await else { continue };
        let (handler, quota) = (Arc::clone(&handler), quotas.of(user));
        tokio::spawn(async move {
            tokio::select! {
                // A client that made an error or has gone gets no answer.
                _ = converse(stream, handler, quota, &permit) => {}
                () = permit.revoked() => {}
            }
        });
    }
}

async fn converse(
    mut stream: UnixStream,
    handler: Arc<impl Handler>,
    quota: Quota,
    permit: &ConnectionPermit,
) -> io::Result<()> {
    // Read at once: the number of a process that has ended can be used again.
    let peer = stream.peer_cred();
    let caller =
        peer.map_or_else(|_| Caller::default(), |peer| Caller::peer(peer.uid(), peer.pid()));
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader);
    loop {
        permit.is_served(false);
        let mut line = Vec::new();
        let mut limited = (&mut reader).take(LONGEST);
        let read = timeout(REQUEST, limited.read_until(b'\n', &mut line)).await??;
        if read == 0 {
            return Ok(());
        }
        permit.is_served(true);
        let whole = line.ends_with(b"\n");
        let too_long = !whole && line.len() as u64 == LONGEST;
        let request = if too_long { Err(LineError::TooLong) } else { understand(&line) };
        match request {
            Err(error) => timeout(ANSWER, writer.write_all(&failed(&error))).await??,
            Ok(request) => {
                let handler = Arc::clone(&handler);
                let (answer, _permit) = match request {
                    Request::Halt(asked) => halt(handler, asked, caller, &quota).await?,
                    request => serve(handler, request, caller, &mut reader, &quota).await?,
                };
                timeout(ANSWER, writer.write_all(&answer)).await??;
            }
        }
        if too_long || !whole {
            return Ok(());
        }
    }
}

/// The kernel is closed first, whatever others wait for; then the halt waits for its permit to be written
/// down.
async fn halt(
    handler: Arc<impl Handler>,
    asked: HaltRequest,
    caller: Caller,
    quota: &Quota,
) -> io::Result<(Vec<u8>, QuotaPermit)> {
    if let Err(error) = handler.close(&asked).await {
        return Ok((failed(&error), None));
    }
    let permit = quota.halt().await;
    detached(
        async move { (handler.answer(Request::Halt(asked), Vec::new(), caller).await, permit) },
    )
    .await
}

/// Any other request, with its documents, within its user's quota. The permit is given back with the answer.
async fn serve(
    handler: Arc<impl Handler>,
    request: Request,
    caller: Caller,
    reader: &mut (impl AsyncBufRead + Unpin),
    quota: &Quota,
) -> io::Result<(Vec<u8>, QuotaPermit)> {
    if request.uploads().is_empty() {
        let permit = quota.request().await;
        return detached(
            async move { (handler.answer(request, Vec::new(), caller).await, permit) },
        )
        .await;
    }
    let permit = quota.upload().await;
    let documents = receive(reader, &request).await?;
    let examination = quota.document().await;
    detached(async move {
        let answer = handler.answer(request, documents, caller).await;
        drop(examination);
        (answer, permit)
    })
    .await
}

/// What was begun for a client goes on without it, and keeps its permit until it is done: a client cannot
/// begin more by disconnecting.
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

/// Takes the documents of a request. They must keep coming, and be complete within a time that depends on
/// their length.
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

impl<E: Enforce + Send + 'static> Handler for DaemonHandler<E> {
    async fn close(&self, halt: &HaltRequest) -> Result<(), CloseError> {
        // It may wait for a lock, so it waits in the background.
        let (gate, until) = (Arc::clone(&self.gate), halt.waits_until);
        let halting = tokio::task::spawn_blocking(move || gate.halt_unless_overtaken(until)).await;
        if halting?? { Ok(()) } else { Err(CloseError::Overtaken) }
    }

    async fn answer(&self, request: Request, documents: Vec<Vec<u8>>, caller: Caller) -> Vec<u8> {
        let mut documents = documents.into_iter();
        let mut named = |Upload { name, .. }| {
            let bytes = documents.next().unwrap_or_default().into();
            RawDocument { name, bytes }
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

impl<E> DaemonHandler<E> {
    /// Asks the loop.
    async fn ask<T: Serialize>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Vec<u8> {
        let (reply, answer) = oneshot::channel();
        // If the loop has ended, the answer says so.
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
