//! `sekisho halt`, `resume` and `reload`: what an operator does to a sensor without any signature.

use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr as _;

use clap::Args;

use super::CliError;
use super::client;
use super::halting::Halting;
use super::life::say;
use super::place::Where;
use crate::control::{DEFAULT_SOCKET, Request};
use crate::registry::Reading;
use crate::registry::act::{Act, Caller, Said};
use crate::registry::command::Command;
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
/// change is refused by name, and then nothing changes. Says how many addresses have another class
/// (domestic, foreign, unclassified) than before.
#[derive(Args, Clone, Debug)]
pub struct ReloadArgs {
    /// The daemon's control socket
    #[arg(long, value_name = "PATH", default_value = DEFAULT_SOCKET)]
    socket: PathBuf,
    /// Accept direction files by which more than a thousandth of the address space has another class
    #[arg(long)]
    accept_change: bool,
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
        let act = Act::new(said, Caller::this_process(), Reading::now().wall);
        say(out, &client::carry_out(place, Command::Resume(act))?)
    }
}

impl ReloadArgs {
    /// Has the configuration read again.
    ///
    /// # Errors
    /// [`CliError`]; its kind decides the exit status.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), CliError> {
        say(
            out,
            &client::act(
                &self.socket,
                &Request::Reload { accept_change: self.accept_change },
                &[],
                client::LONG,
            )?,
        )
    }
}
