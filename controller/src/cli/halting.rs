//! The steps of `sekisho halt`: kernel, memory, daemon, in this order, each with a time limit. No step
//! depends on another, and what is reported was read back.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::CliError;
use super::client;
use super::place::Where;
use crate::control::Reply;
use crate::control::request::{HaltRequest, Request};
use crate::gates::{self, Gates, Reached};
use crate::kernel::clock::boot_time;
use crate::offline;
use crate::registry::StatePaths;
use crate::registry::act::{Act, Caller, Said};
use crate::registry::command::Command;
use crate::registry::memory::HaltMemory;
use crate::registry::{Reading, wording};
use crate::shown::shown;

/// How long all steps may take together, so that a halt returns within a second.
const WHOLE: Duration = Duration::from_millis(900);
/// How long the disk may take for files that are read or rewritten in place.
const DISK: Duration = Duration::from_millis(250);
/// How long the daemon may take if the kernel is halted already.
const DAEMON: Duration = Duration::from_millis(400);

/// Why a step of a halt could not be taken.
#[derive(Debug, thiserror::Error)]
enum Hindrance {
    /// The socket does not lead to a state directory.
    #[error("{}: nothing leads from there", shown(.0))]
    NoGate(PathBuf),
    /// The file that names the gates cannot be read.
    #[error("gate.json: {0}")]
    GateFile(io::Error),
    /// The directory in which a halt is remembered is not known.
    #[error("its state directory is not known")]
    NoState,
    /// The memory of a halt cannot be written.
    #[error("{file}: {source}")]
    Memory {
        /// The file.
        file: String,
        /// What the system says.
        source: io::Error,
    },
    /// The disk has not answered in time.
    #[error("the disk is slow")]
    SlowDisk,
    /// The registry was not written.
    #[error("{}", .0.lines().join("; "))]
    Registry(CliError),
}

/// What is known of the kernel.
#[derive(Debug)]
enum Kernel<'a> {
    /// It was asked, and this is the result.
    Asked(Reached),
    /// It could not be asked, for this reason.
    Unknown(&'a Hindrance),
}

/// What is known of the daemon.
#[derive(Debug)]
enum Daemon {
    /// It has halted, as these lines say.
    Done(Vec<String>),
    /// It reports that it could not.
    Error(String),
    /// There is no daemon.
    Absent,
    /// It does not answer.
    Silent,
}

/// A halt under way.
pub(super) struct Halting {
    begun: Instant,
    directory: Option<PathBuf>,
    gates: Result<Option<Gates>, Hindrance>,
}

impl Halting {
    /// Halts, and returns what is true then.
    ///
    /// # Errors
    /// [`CliError::Failed`] where selection may go on, or where a restart may begin it.
    pub(super) fn run(place: &Where, said: &Said) -> Result<Vec<String>, CliError> {
        let halting = Self::begin(place);
        let act = Act::new(said.clone(), Caller::this_process(), Reading::now().wall);
        let first = halting.kernel();
        let remembered = halting.remember(&act);
        let patience = if first.is_closed() { DAEMON } else { WHOLE };
        let daemon = match halting.socket(place) {
            None => Daemon::Absent,
            Some(socket) => halting.daemon(socket, said, patience),
        };
        let registry = match (&daemon, place.state()) {
            (Daemon::Absent, Some(place)) => Some(halting.registry(place, act)),
            _ => None,
        };
        // Somebody may have resumed in between, and the output says what is true now.
        words(&halting.kernel(), &remembered, daemon, registry)
    }

    fn begin(place: &Where) -> Self {
        let begun = Instant::now();
        let given = place.state().map(|place| place.directory);
        let directory = given.or_else(|| gates::state_of(&place.socket));
        let gates = match directory.clone() {
            None => Err(Hindrance::NoGate(place.socket.clone())),
            Some(directory) => within(DISK, move || Gates::read(&directory))
                .unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))
                .map_err(Hindrance::GateFile),
        };
        Self { begun, directory, gates }
    }

    fn left(&self) -> Duration {
        WHOLE.saturating_sub(self.begun.elapsed())
    }

    fn kernel(&self) -> Kernel<'_> {
        match &self.gates {
            Ok(Some(gates)) => Kernel::Asked(gates.set_halted(true)),
            // Nothing was loaded since the machine started.
            Ok(None) => Kernel::Asked(Reached::default()),
            Err(hindrance) => Kernel::Unknown(hindrance),
        }
    }

    fn remember(&self, act: &Act) -> Result<(), Hindrance> {
        let directory = self.directory.clone().ok_or(Hindrance::NoState)?;
        let (act, file) = (act.clone(), shown(&directory.join("halt")));
        within(DISK, move || HaltMemory::open(&directory)?.halt(&act))
            .unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))
            .map_err(|source| Hindrance::Memory { file, source })
    }

    fn socket(&self, place: &Where) -> Option<PathBuf> {
        match (place.state(), &self.gates) {
            (None, _) => Some(place.socket.clone()),
            (Some(_), Ok(Some(gates))) => Some(gates.socket.clone()),
            (Some(_), _) => None,
        }
    }

    fn daemon(&self, socket: PathBuf, said: &Said, patience: Duration) -> Daemon {
        let patience = patience.min(self.left());
        let nanoseconds = u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX);
        let waits_until = boot_time().plus(nanoseconds);
        let request = Request::Halt(HaltRequest::new(said.clone(), waits_until));
        // Connecting may wait too, if the daemon accepts nobody.
        let answered = within(patience, move || {
            use io::ErrorKind::{ConnectionRefused, NotFound};
            let line = match client::exchange(&socket, &request, &[], WHOLE) {
                Ok(line) => line,
                Err(error) if matches!(error.kind(), ConnectionRefused | NotFound) => {
                    return Daemon::Absent;
                }
                Err(_) => return Daemon::Silent,
            };
            match client::read::<Reply>(&socket, &line) {
                Ok(Reply::Done(lines)) => Daemon::Done(lines),
                Ok(Reply::Refused(lines)) => Daemon::Error(lines.join("; ")),
                Ok(Reply::Error(reason)) => Daemon::Error(reason),
                Err(_) => Daemon::Silent,
            }
        });
        answered.unwrap_or(Daemon::Silent)
    }

    /// Writes the registry, which no daemon holds. It may fail if somebody else holds it.
    fn registry(&self, place: StatePaths, act: Act) -> Result<Vec<String>, Hindrance> {
        let done = within(self.left(), move || offline::carry_out(&place, &Command::Halt(act)));
        done.ok_or(Hindrance::SlowDisk)?.map_err(|error| Hindrance::Registry(error.into()))
    }
}

/// The output: what is true, and what could not be done.
fn words(
    kernel: &Kernel<'_>,
    remembered: &Result<(), Hindrance>,
    daemon: Daemon,
    registry: Option<Result<Vec<String>, Hindrance>>,
) -> Result<Vec<String>, CliError> {
    let mut lines = kernel.words();
    let has_done = matches!(daemon, Daemon::Done(_));
    let mut faults = Vec::new();
    if !kernel.is_closed() && !has_done {
        faults.extend(kernel.faults());
        faults.push(
            "selection may go on: as long as a daemon renews its lease, and without one until \
                 the lease is over; run `sekisho halt --state DIR` as root"
                .to_owned(),
        );
    }
    match remembered {
        Ok(()) => lines.push("remembered: a start begins halted".to_owned()),
        Err(_) if has_done => {}
        Err(reason) => faults.push(format!("a start may begin selecting: {reason}")),
    }
    match daemon {
        Daemon::Done(said) => lines.extend(said),
        Daemon::Error(reason) => lines.push(format!("the daemon says: {reason}")),
        Daemon::Absent => lines.push("no daemon answers".to_owned()),
        Daemon::Silent if kernel.is_closed() => lines.push(
            "the daemon does not answer (stopped, or hung); it cannot renew what is halted"
                .to_owned(),
        ),
        Daemon::Silent => {
            lines.push("the daemon does not answer (stopped, or hung)".to_owned());
        }
    }
    match registry {
        None => {}
        Some(Ok(said)) => lines.extend(said),
        Some(Err(reason)) => lines.push(wording::unregistered(&reason.to_string())),
    }
    if faults.is_empty() { Ok(lines) } else { Err(CliError::Incomplete { lines, faults }) }
}

impl Kernel<'_> {
    /// Whether the kernel selects nothing, for certain.
    fn is_closed(&self) -> bool {
        matches!(self, Self::Asked(reached) if reached.failed.is_empty())
    }

    fn words(&self) -> Vec<String> {
        match self {
            Self::Asked(Reached { done, failed }) if done.is_empty() && failed.is_empty() => {
                vec!["nothing is loaded: the kernel selects nothing".to_owned()]
            }
            Self::Asked(Reached { done, .. }) if !done.is_empty() => {
                vec![format!("the kernel selects nothing: {} (read back)", done.join(", "))]
            }
            _ => Vec::new(),
        }
    }

    fn faults(&self) -> Vec<String> {
        match self {
            Self::Asked(reached) => reached.failed.clone(),
            Self::Unknown(hindrance) => vec![hindrance.to_string()],
        }
    }
}

/// The result of work that may hang, if it is done within `limit`.
pub(super) fn within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (sender, receiver) = mpsc::channel();
    // The thread ends with the process, and its result may come too late for anyone.
    let work = move || drop(sender.send(work()));
    thread::Builder::new().spawn(work).ok()?;
    receiver.recv_timeout(limit).ok()
}
