//! `sekisho audit`: verifies the audit file of a state directory, and prints it.

use std::fmt::Write as _;
use std::io::{BufRead as _, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::Value;

use super::CliError;
use super::life::{say, write};
use crate::durable::disk::{Disk as _, RealDisk};
use crate::registry::{StatePaths, loading, names};
use crate::shown::shown;

/// Show that what happened here was not altered (L-INSPECT)
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Verify the audit file from its first line to its last
    #[command(after_help = VERIFY_HELP)]
    Verify(VerifyArgs),
    /// Verify it, then print one line for each event
    #[command(after_help = LIST_HELP)]
    List(VerifyArgs),
}

const VERIFY_HELP: &str = "\
Every line of DIR/events.ndjson holds the SHA-256 of the line before it, and DIR/state.json that of the \
last line. If any line was changed, removed, added or moved, the first wrong line is named and the exit \
status is 3. Nothing is written, so a daemon may run meanwhile. docs/audit.md says how to check the same by \
hand, and what this cannot show.

Example:
  sekisho audit verify --state /var/lib/sekisho/state";

const LIST_HELP: &str = "\
Example:
  sekisho audit list --state /var/lib/sekisho/state | grep halted";

/// Arguments of `sekisho audit verify` and `list`.
#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// The state directory, as the configuration names it
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    #[arg(long, value_name = "FILE")]
    #[arg(help = "The state directory's anchor [default: <DIR>.anchor]")]
    anchor: Option<PathBuf>,
}

impl AuditCommand {
    /// Verifies the file and prints the result.
    ///
    /// # Errors
    /// [`CliError`]; its kind decides the exit status.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), CliError> {
        match self {
            Self::Verify(args) => say(out, &[args.verify()?]),
            Self::List(args) => {
                args.verify()?;
                args.list(out)
            }
        }
    }
}

impl VerifyArgs {
    fn place(&self) -> StatePaths {
        StatePaths::new(&self.state, self.anchor.as_deref())
    }

    fn verify(&self) -> Result<String, CliError> {
        let chain = loading::verify(&mut RealDisk, &self.place())?
            .ok_or_else(|| CliError::Failed(format!("{}: holds no state", shown(&self.state))))?;
        let time = |time: Option<&String>| time.cloned().unwrap_or_default();
        let rest = if chain.is_complete() {
            ""
        } else {
            "; lines of the last change are in state.json only, and are added at the next start"
        };
        Ok(format!(
            "{} events, from {} to {}, last line SHA-256 {}{rest}",
            chain.events,
            time(chain.first.as_ref()),
            time(chain.last.as_ref()),
            chain.digest
        ))
    }

    fn list(&self, out: &mut dyn Write) -> Result<(), CliError> {
        let path = self.state.join(names::EVENTS);
        let failed = |error| CliError::Failed(format!("{}: {error}", shown(&path)));
        let Some(reader) = RealDisk.stream(&path).map_err(failed)? else { return Ok(()) };
        for line in reader.lines() {
            let line = line.map_err(failed)?;
            // What a crash left after the last verified event is not an event.
            let Ok(Value::Object(event)) = serde_json::from_str(&line) else { break };
            write(out, &in_words(event))?;
        }
        Ok(())
    }
}

/// An event in one line: its number, time and kind, and its other values with their names.
fn in_words(mut event: serde_json::Map<String, Value>) -> String {
    let mut take = |name: &str| match event.remove(name) {
        Some(Value::String(text)) => text,
        other => other.unwrap_or_default().to_string(),
    };
    let mut text = format!("{} {} {}", take("sequence"), take("at"), take("event"));
    take("previous");
    for (name, value) in event {
        // Writing to a `String` cannot fail.
        let _ = write!(text, " {name}={value}");
    }
    // Escaped as a path is, so that what others wrote stays on one line.
    shown(Path::new(&text)) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::samples::trust_file;
    use crate::registry::held;
    use crate::registry::tests::begun;

    fn run(command: &AuditCommand) -> Result<String, CliError> {
        let mut out = Vec::new();
        command.run(&mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn an_audit_file_is_verified_and_shown() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let args = || VerifyArgs { state: state.clone(), anchor: None };
        let none = run(&AuditCommand::Verify(args())).unwrap_err();
        assert_eq!(none.exit_status(), 1);
        held::create(&StatePaths::new(&state, None), begun()).unwrap();
        let line = run(&AuditCommand::Verify(args())).unwrap();
        let events = std::fs::read_to_string(state.join(names::EVENTS)).unwrap();
        let digest = crate::digest::sha256(events.trim_end().as_bytes());
        let at = "2027-12-28T13:20:00Z";
        assert_eq!(line, format!("1 events, from {at} to {at}, last line SHA-256 {digest}\n"));
        let trust = crate::digest::sha256(trust_file().as_bytes());
        assert_eq!(
            run(&AuditCommand::List(args())).unwrap(),
            format!("1 {at} created digest=\"{trust}\" facility=\"tyo-gw-1\" version=1\n")
        );
        std::fs::write(state.join(names::EVENTS), events.replace("tyo", "osa")).unwrap();
        for command in [AuditCommand::Verify(args()), AuditCommand::List(args())] {
            let refused = run(&command).unwrap_err();
            assert_eq!(refused.exit_status(), 3);
            assert!(
                refused.lines()[0]
                    .ends_with("events.ndjson: line 1: is not what the state says that it is")
            );
        }
    }
}
