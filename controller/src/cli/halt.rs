//! `sekisho halt`, `resume` and `reload`: what an operator can do to a sensor without any signature.

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
Within a second, whatever state daemon, socket and disk are in, the kernel's gate is closed and read \
back (as root), the halt is written to space that is reserved for it, and the daemon is told. The output \
says what is true when the command returns. If selection may go on, the exit status is 1. Terms keep \
running. Only `sekisho resume` ends a halt.

Examples:
  sekisho halt --operator \"N. Sato\" --reason \"complaint 2027-113\"
  sekisho halt --state /var/lib/sekisho/state";

/// Stop all selection at once, without any signature
#[derive(Args, Clone, Debug)]
#[command(after_help = HALT_HELP)]
pub struct HaltArgs {
    #[command(flatten)]
    place: Where,
    /// Who halts; the user id is recorded in any case
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
    /// Why selection is halted
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

const RESUME_HELP: &str = "\
The audit file records who resumed selection, and why.

Example:
  sekisho resume --operator \"N. Sato\" --reason \"complaint 2027-113 settled\"";

/// Resume selection after a halt
#[derive(Args, Clone, Debug)]
#[command(after_help = RESUME_HELP)]
pub struct ResumeArgs {
    #[command(flatten)]
    place: Where,
    /// Who resumes
    #[arg(long, value_name = "NAME")]
    operator: String,
    /// Why selection is resumed
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

const RELOAD_HELP: &str = "\
Examples:
  sekisho reload
  sekisho reload --socket /run/sekisho/control.sock --accept-change";

/// Have a running sensor read its configuration again
///
/// Direction tables, lease and new orders take effect without losing a packet. If a key has changed that
/// only a restart can change, it is named and nothing takes effect. The output says how many addresses
/// have another class (domestic, foreign, unclassified) than before.
#[derive(Args, Clone, Debug)]
#[command(after_help = RELOAD_HELP)]
pub struct ReloadArgs {
    /// The daemon's control socket
    #[arg(long, value_name = "PATH", default_value = DEFAULT_SOCKET)]
    socket: PathBuf,
    /// Accept direction files that give more than a thousandth of the address space another class
    #[arg(long)]
    accept_change: bool,
}

/// What a person says about an act. It is not checked by clap, whose messages repeat a refused value
/// unescaped.
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
