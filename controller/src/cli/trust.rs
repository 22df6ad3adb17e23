//! `sekisho trust`: puts the first trust file of a state directory in force, and later ones.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::CliError;
use super::client;
use super::life::say;
use super::place::Where;
use crate::registry::command::{Command, RawDocument};
use crate::registry::{Reading, Registry, StatePaths, held, wording};

/// Decide whose signatures count
#[derive(Debug, Subcommand)]
pub enum TrustCommand {
    /// Make a state directory with a first trust file
    #[command(after_help = INIT_HELP)]
    Init(InitArgs),
    /// Put a new trust file in force
    #[command(after_help = ROTATE_HELP)]
    Rotate(RotateArgs),
}

const INIT_HELP: &str = "\
If the directory holds no state yet, `sekisho run` does the same with the trust file of its \
configuration.

Example:
  sekisho trust init --state /var/lib/sekisho/state --facility tyo-gw-1 trust.json";

const ROTATE_HELP: &str = "\
The envelope holds the new trust file, signed by enough keys of the old one and of the new one. Orders \
that would not have been accepted without a key that it revokes end.

Example:
  sekisho trust rotate trust-2.dsse";

/// Arguments of `sekisho trust init`.
#[derive(Args, Debug)]
pub struct InitArgs {
    /// The state directory, as the configuration names it
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    #[arg(long, value_name = "FILE")]
    #[arg(help = "The state directory's anchor [default: <DIR>.anchor]")]
    anchor: Option<PathBuf>,
    /// The facility whose orders the directory will hold
    #[arg(long, value_name = "ID")]
    facility: String,
    /// The trust file
    #[arg(value_name = "TRUST.json")]
    trust: PathBuf,
}

/// Arguments of `sekisho trust rotate`.
#[derive(Args, Debug)]
pub struct RotateArgs {
    #[command(flatten)]
    place: Where,
    /// The signed trust file
    #[arg(value_name = "ENVELOPE")]
    envelope: PathBuf,
}

impl TrustCommand {
    /// Runs the subcommand.
    ///
    /// # Errors
    /// [`CliError`]; its kind decides the exit status.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), CliError> {
        match self {
            Self::Init(args) => {
                let place = StatePaths::new(&args.state, args.anchor.as_deref());
                let RawDocument { name, bytes } = RawDocument::read(&args.trust)?;
                let first =
                    Registry::begin(&args.facility, name.as_str(), &bytes, Reading::now().wall)?;
                let lines: Vec<String> = wording::events(&first);
                held::create(&place, first)?;
                say(out, &lines)
            }
            Self::Rotate(args) => {
                let document = RawDocument::read(&args.envelope)?;
                let lines = client::carry_out(&args.place, Command::Rotate(document))?;
                say(out, &lines)
            }
        }
    }
}
