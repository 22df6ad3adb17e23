//! `order install`, `revoke` and `list`. They ask the daemon or, without one, work on its state directory.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, value_parser};

use super::CliError;
use super::client;
use super::place::Where;
use super::register;
use crate::control::Request;
use crate::durable::disk::RealDisk;
use crate::registry::command::{Command, RawDocument};
use crate::registry::{IDLE_DAYS, IDLE_RANGE, Reading, idle_after, loading};
use crate::shown::shown;

const INSTALL_HELP: &str = "\
Takes approvals, agreements and orders, in any order. What an order rests on must be installed already or \
be among them. All are verified under the trust file in force, and either all are installed or none. \
An older version of a document that was seen, a document that was revoked, and one that extends an unknown \
one are refused. Installing the same document again changes nothing. If an order's term has begun, the \
command returns once the order is in the kernel.

Examples:
  sekisho order install approval.dsse order.dsse
  sekisho order install --state /var/lib/sekisho/state approval.dsse order.dsse";

/// Arguments of `sekisho order install`.
#[derive(Args, Clone, Debug)]
#[command(after_help = INSTALL_HELP)]
pub struct InstallArgs {
    #[command(flatten)]
    place: Where,
    /// Signed approvals, agreements and orders
    #[arg(value_name = "ENVELOPE", required = true)]
    envelopes: Vec<PathBuf>,
}

const REVOKE_HELP: &str = "\
A revocation ends its document and all lower serials of it, at once or at the time that it names. If the \
document is not installed, it can no longer be.

Example:
  sekisho order revoke revocation.dsse";

/// Arguments of `sekisho order revoke`.
#[derive(Args, Clone, Debug)]
#[command(after_help = REVOKE_HELP)]
pub struct RevokeArgs {
    #[command(flatten)]
    place: Where,
    /// A signed revocation
    #[arg(value_name = "ENVELOPE")]
    envelope: PathBuf,
}

const LIST_HELP: &str = "\
Lists every order that was ever accepted, with its state: waiting, in force, halted, or ended and why. \
`records` counts the records made under it; after a crash, those of the last minute may be missing from \
the count. With --state, the directory is read as it is, even while a daemon runs.

Lines below the table name rules that have selected nothing for long (`idle_days` of the daemon's \
configuration): what is no longer necessary must be revoked (L-MIN). A record names only the first rule \
that matches, so a later rule may look idle.

Examples:
  sekisho order list
  sekisho order list --json | jq '.orders[] | select(.state == \"in force\")'";

/// Arguments of `sekisho order list`.
#[derive(Args, Clone, Debug)]
#[command(after_help = LIST_HELP)]
pub struct ListArgs {
    #[command(flatten)]
    place: Where,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    /// With --state: after how many days without a record a rule is listed as idle
    #[arg(long, value_name = "DAYS", requires = "state", default_value_t = IDLE_DAYS, value_parser = value_parser!(u16).range(IDLE_RANGE))]
    idle_days: u16,
}

impl InstallArgs {
    /// Installs all of them, or none if one is refused.
    ///
    /// # Errors
    /// [`CliError`]; its kind decides the exit status.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), CliError> {
        let documents = self.envelopes.iter().map(|path| RawDocument::read(path));
        let documents = documents.collect::<Result<_, _>>()?;
        say(out, &client::carry_out(&self.place, Command::Install(documents))?)
    }
}

impl RevokeArgs {
    /// Revokes.
    ///
    /// # Errors
    /// [`CliError`]; its kind decides the exit status.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), CliError> {
        let document = RawDocument::read(&self.envelope)?;
        say(out, &client::carry_out(&self.place, Command::Revoke(document))?)
    }
}

impl ListArgs {
    /// Lists.
    ///
    /// # Errors
    /// [`CliError`]; its kind decides the exit status.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), CliError> {
        let register = match self.place.state() {
            None => {
                let socket = &self.place.socket;
                client::read(socket, &client::ask(socket, &Request::List {}, &[], client::SHORT)?)?
            }
            Some(place) => {
                let registry = loading::look(&mut RealDisk, &place)?.ok_or_else(|| {
                    CliError::Failed(format!("{}: holds no state", shown(&place.directory)))
                })?;
                registry.register(Reading::now().wall, idle_after(self.idle_days), |_| true)
            }
        };
        if self.json {
            let line = serde_json::to_string(&register)
                .map_err(|error| CliError::Failed(format!("writing JSON: {error}")))?;
            return say(out, &[line]);
        }
        write(out, &register::table(&register))
    }
}

pub(super) fn say(out: &mut dyn Write, lines: &[String]) -> Result<(), CliError> {
    write(out, &(lines.join("\n") + "\n"))
}

pub(super) fn write(out: &mut dyn Write, text: &str) -> Result<(), CliError> {
    out.write_all(text.as_bytes()).map_err(|error| CliError::standard_output(&error))
}

#[cfg(test)]
#[path = "life_tests.rs"]
mod tests;
