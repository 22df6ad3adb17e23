//! The life of orders: `order install`, `revoke` and `list`. With a daemon they ask it; without one
//! they work on its state directory.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::CliError;
use super::client;
use super::place::Where;
use super::register;
use crate::control::request::{Request, Upload};
use crate::durable::disk::RealDisk;
use crate::files;
use crate::registry::held::{self, Held};
use crate::registry::install::Installed;
use crate::registry::loading::{self, Contents};
use crate::registry::wording;
use crate::registry::{Change, Place, Reading, Registry, StoreError};
use crate::rejection::Rejection;
use crate::shown::shown;
use crate::text::Text;

/// How long a daemon may take for what it does at once.
pub(super) const SHORT: Duration = Duration::from_secs(60);
/// How long it may take to verify, compile and publish an order of ten million addresses.
pub(super) const LONG: Duration = Duration::from_secs(600);

const INSTALL_HELP: &str = "\
The order is verified under the trust file in force. An older version of an order that was seen, one \
that is revoked, and one that extends what is not known are refused. Once its term has begun, the \
command returns when the order is in the kernel. The very same order once more changes nothing.

Examples:
  sekisho order install order.dsse
  sekisho order install --state /var/lib/sekisho/state order.dsse";

/// Arguments of `sekisho order install`.
#[derive(Args, Clone, Debug)]
#[command(after_help = INSTALL_HELP)]
pub struct InstallArgs {
    #[command(flatten)]
    place: Where,
    /// Signed orders
    #[arg(value_name = "ENVELOPE", required = true)]
    envelopes: Vec<PathBuf>,
}

const REVOKE_HELP: &str = "\
A revocation ends its order, and every lower serial of it, at once or at the moment that it names, \
and forbids it where it is not installed.

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
Every order that was ever accepted, with its state: waiting, in force, halted, or ended and why. \
`records` counts those taken under it; after a crash the last minute's may be missing. With --state \
the directory is read as it is, also beside a running daemon.

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
}

impl InstallArgs {
    /// Installs one after the other, up to the first that is refused.
    ///
    /// # Errors
    /// [`CliError`]; its kind decides the exit status.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), CliError> {
        for path in &self.envelopes {
            let bytes = read(path)?;
            let lines = match self.place.state() {
                None => upload(&self.place.socket, path, &bytes, Request::Install)?,
                Some(place) => vec![install(&place, path, bytes)?],
            };
            say(out, &lines)?;
        }
        Ok(())
    }
}

fn install(place: &Place, path: &Path, bytes: Vec<u8>) -> Result<String, CliError> {
    let (mut held, registry, reading) = open(place, Contents::Read)?;
    let name = shown(path);
    match registry.install(&name, bytes, reading)? {
        Installed::Known(position) => {
            Ok(wording::installed_before(&registry, position, reading.wall, false))
        }
        Installed::New(change, position) => {
            change.registry.fits(&name, Some(position), &[])?;
            let registry = commit(&mut held, *change)?;
            Ok(wording::installed(&registry, position, reading.wall, false))
        }
    }
}

impl RevokeArgs {
    /// Revokes.
    ///
    /// # Errors
    /// [`CliError`]; its kind decides the exit status.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), CliError> {
        let bytes = read(&self.envelope)?;
        let lines = match self.place.state() {
            None => upload(&self.place.socket, &self.envelope, &bytes, Request::Revoke)?,
            Some(place) => {
                let (mut held, registry, reading) = open(&place, Contents::Read)?;
                match registry.revoke(&shown(&self.envelope), bytes, reading)? {
                    None => vec![wording::REVOKED_BEFORE.to_owned()],
                    Some(change) => carry_out(&mut held, change)?,
                }
            }
        };
        say(out, &lines)
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
                client::read(socket, &client::ask(socket, &Request::List {}, &[], SHORT)?)?
            }
            Some(place) => {
                let registry = loading::look(&mut RealDisk, &place)?.ok_or_else(|| {
                    CliError::Failed(format!("{}: holds no state", shown(&place.directory)))
                })?;
                registry.register(Reading::now().wall, |_| true)
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

/// A state directory that no daemon has, at the present time.
pub(super) fn open(
    place: &Place,
    contents: Contents,
) -> Result<(Held, Registry, Reading), CliError> {
    let (held, mut registry) = held::open(place, contents)?;
    let reading = Reading::now();
    registry.observe(reading);
    Ok((held, registry, reading))
}

pub(super) fn commit(held: &mut Held, change: Change) -> Result<Registry, CliError> {
    let registry = held.store.commit(change).map_err(|error| match error {
        StoreError::Io { .. } => {
            CliError::Failed(format!("could not be written: {error}; nothing has changed"))
        }
        other => other.into(),
    })?;
    match held.store.lacks() {
        None => Ok(registry),
        Some(reason) => Err(CliError::Failed(format!(
            "it is done, but not all of it could be written: {reason}; the next command or start \
             finishes it"
        ))),
    }
}

pub(super) fn carry_out(held: &mut Held, change: Change) -> Result<Vec<String>, CliError> {
    let lines = wording::events(&change);
    commit(held, change)?;
    Ok(lines)
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    files::read(path)
        .map_err(|error| Rejection::new(shown(path), format!("cannot be read: {error}")).into())
}

pub(super) fn upload(
    socket: &Path,
    path: &Path,
    bytes: &[u8],
    request: impl FnOnce(Upload) -> Request,
) -> Result<Vec<String>, CliError> {
    let request = request(Upload { name: Text::of_path(path), length: bytes.len() as u64 });
    client::act(socket, &request, bytes, LONG)
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
