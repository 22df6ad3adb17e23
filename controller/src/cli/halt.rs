//! `sekisho halt`, `resume` and `reload`: what an operator does to a sensor without any signature.

use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr as _;

use clap::Args;

use super::CliError;
use super::client;
use super::halting::Halting;
use super::life::{LONG, SHORT, carry_out, commit, open, say};
use super::place::Where;
use crate::control::DEFAULT_SOCKET;
use crate::control::Request;
use crate::gates::{Gates, Reached};
use crate::registry::act::{Act, Caller, Said};
use crate::registry::loading::Contents;
use crate::registry::memory::Remembered;
use crate::registry::wording;
use crate::registry::{Place, names};
use crate::shown::shown;
use crate::text::Text;

const HALT_HELP: &str = "\
Within a second, whatever state daemon, socket and disk are in: the kernel's gate is closed and read \
back (as root), the halt is remembered in space that is reserved for it, and the daemon is told. The \
lines say what is true when the command returns; if selection may go on, its exit status is 1. Terms \
run on. Nothing but `sekisho resume` ends a halt.

Examples:
  sekisho halt --operator \"N. Sato\" --reason \"complaint 2027-113\"
  sekisho halt --state /var/lib/sekisho/state";

/// Stop all selection at once, without any signature
#[derive(Args, Clone, Debug)]
#[command(after_help = HALT_HELP)]
pub struct HaltArgs {
    #[command(flatten)]
    place: Where,
    /// Who does it; the user's number is recorded in any case
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

const RESUME_HELP: &str = "\
Who resumes and why is recorded.

Example:
  sekisho resume --operator \"N. Sato\" --reason \"complaint 2027-113 settled\"";

/// Resume selection after a halt
#[derive(Args, Clone, Debug)]
#[command(after_help = RESUME_HELP)]
pub struct ResumeArgs {
    #[command(flatten)]
    place: Where,
    /// Who does it
    #[arg(long, value_name = "NAME")]
    operator: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Have a running sensor read its configuration again
///
/// Direction tables, lease and new orders take effect without a packet lost; what only a restart can
/// change is refused by name, and then nothing changes.
#[derive(Args, Clone, Debug)]
pub struct ReloadArgs {
    /// The daemon's control socket
    #[arg(long, value_name = "PATH", default_value = DEFAULT_SOCKET)]
    socket: PathBuf,
}

/// What a person says of what they do. It is not checked by the parser of the arguments, whose messages
/// repeat what they refuse as it is.
fn said(operator: Option<&str>, reason: Option<&str>) -> Result<Said, CliError> {
    let text = |option: &str, text: Option<&str>| {
        let text = text.map(Text::from_str).transpose();
        text.map_err(|reason| CliError::Usage(format!("{option}: {reason}")))
    };
    Ok(Said { operator: text("--operator", operator)?, why: text("--reason", reason)? })
}

impl HaltArgs {
    /// Halts.
    ///
    /// # Errors
    /// [`CliError`]; its kind decides the exit status.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), CliError> {
        let Self { place, operator, reason } = self;
        let said = said(operator.as_deref(), reason.as_deref())?;
        say(out, &Halting::run(place, &said)?)
    }
}

impl ResumeArgs {
    /// Resumes.
    ///
    /// # Errors
    /// [`CliError`]; its kind decides the exit status.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), CliError> {
        let Self { place, operator, reason } = self;
        let said = said(Some(operator), Some(reason))?;
        let lines = match place.state() {
            None => client::act(&place.socket, &Request::Resume(said), &[], SHORT)?,
            Some(place) => resume(&place, said)?,
        };
        say(out, &lines)
    }
}

/// Resumes without a daemon: the registry first and the kernel last, so that a crash in between leaves
/// selection halted.
fn resume(place: &Place, said: Said) -> Result<Vec<String>, CliError> {
    let (mut held, mut registry, reading) = open(place, Contents::Skip)?;
    let act = match held.memory.read() {
        Remembered::Nothing => None,
        Remembered::Halted(act) => Some(act),
        Remembered::Doubt(reason) => Some(Act::of_sekisho(&reason, reading.wall)),
    };
    // A halt that no daemon has written down is not to be missing from the audit file.
    if let Some(change) = act.and_then(|act| registry.halt(act, reading)) {
        registry = commit(&mut held, change)?;
    }
    let act = Act::new(said, Caller::this_process(), reading.wall);
    let mut lines = match registry.resume(act, reading) {
        None => vec![wording::NOT_HALTED.to_owned()],
        Some(change) => carry_out(&mut held, change)?,
    };
    let failed = |name: &str, error: std::io::Error| {
        CliError::Failed(format!("{}: {error}", shown(&place.directory.join(name))))
    };
    held.memory.clear().map_err(|error| failed(names::HALT, error))?;
    let gates = Gates::read(&place.directory).map_err(|error| failed(names::GATE, error))?;
    let Reached { done, failed } = gates.map(|gates| gates.set_halted(false)).unwrap_or_default();
    if !failed.is_empty() {
        let reason = "the kernel stays halted; run it as root, or `sekisho resume` with a daemon";
        let faults = failed.into_iter().chain([reason.to_owned()]).collect();
        return Err(CliError::Incomplete { lines, faults });
    }
    if !done.is_empty() {
        lines.push(format!("the kernel is not halted any more: {}", done.join(", ")));
    }
    Ok(lines)
}

impl ReloadArgs {
    /// Has the configuration read again.
    ///
    /// # Errors
    /// [`CliError`]; its kind decides the exit status.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), CliError> {
        say(out, &client::act(&self.socket, &Request::Reload {}, &[], LONG)?)
    }
}
