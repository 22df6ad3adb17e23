//! Asks a daemon over its control socket.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;

use super::CliError;
use super::place::Where;
use crate::control::{Reply, Request};
use crate::offline;
use crate::registry::command::Command;
use crate::shown::shown;

/// How long a daemon may take for a request that it carries out at once.
pub(super) const SHORT: Duration = Duration::from_secs(60);
/// How long it may take to verify, compile and publish an order of ten million addresses.
pub(super) const LONG: Duration = Duration::from_secs(600);

/// Longest answer, in bytes.
const LONGEST: u64 = 64 << 20;

/// Sends a request, with its documents, and returns the line that answers it.
///
/// # Errors
/// [`CliError::Failed`] if nobody answers in time.
pub fn ask(
    socket: &Path,
    request: &Request,
    documents: &[Bytes],
    patience: Duration,
) -> Result<String, CliError> {
    exchange(socket, request, documents, patience).map_err(|error| {
        CliError::Failed(format!("{}: no sekisho answers there: {error}", shown(socket)))
    })
}

/// Like `ask`, but with the system's error if nobody answers.
///
/// # Errors
/// The system's error.
pub(super) fn exchange(
    socket: &Path,
    request: &Request,
    documents: &[Bytes],
    patience: Duration,
) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.write_all(request.line().as_bytes())?;
    // A daemon that refuses the request does not read the documents; its answer says why.
    let sent = documents.iter().try_for_each(|document| stream.write_all(document));
    let mut line = String::new();
    BufReader::new(stream.take(LONGEST)).read_line(&mut line)?;
    if line.is_empty() {
        sent?;
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line)
}

/// Has a command carried out: by the daemon, or on the state directory if the command line names one.
///
/// # Errors
/// [`CliError`]; its kind decides the exit status.
pub fn carry_out(place: &Where, command: Command) -> Result<Vec<String>, CliError> {
    if let Some(place) = place.state() {
        return Ok(offline::carry_out(&place, &command)?);
    }
    let patience = match command {
        Command::Halt(_) | Command::Resume(_) => SHORT,
        Command::Install(_) | Command::Revoke(_) | Command::Rotate(_) => LONG,
    };
    let (request, documents) = Request::of(command);
    act(&place.socket, &request, &documents, patience)
}

/// Has a daemon do something, and returns its answer.
///
/// # Errors
/// [`CliError`]: what the daemon says, or that it does not answer.
pub fn act(
    socket: &Path,
    request: &Request,
    documents: &[Bytes],
    patience: Duration,
) -> Result<Vec<String>, CliError> {
    let line = ask(socket, request, documents, patience)?;
    match read(socket, &line)? {
        Reply::Done(lines) => Ok(lines),
        Reply::Refused(lines) => Err(CliError::Refused(lines)),
        Reply::Error(reason) => Err(CliError::Failed(format!("{}: {reason}", shown(socket)))),
    }
}

/// Reads an answer.
///
/// # Errors
/// [`CliError::Failed`] if it cannot be understood.
pub fn read<T: serde::de::DeserializeOwned>(socket: &Path, line: &str) -> Result<T, CliError> {
    serde_json::from_str(line).map_err(|error| {
        CliError::Failed(format!("{}: what answers there is no sekisho: {error}", shown(socket)))
    })
}
