//! `sekisho order`: the arguments of its subcommands and how they fail. What they do is in
//! `actions`; what `verify` makes of direction tables and warnings is in `advice`.

use std::io::Write;
use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, Subcommand, ValueEnum};

use super::CliError;
use super::life::{InstallArgs, ListArgs, RevokeArgs};
use crate::cli::direction::DirectionArgs;
use crate::direction::DirectionError;
use crate::order::explain::Language;
use crate::order::keys::KeyError;
use crate::rejection::Rejection;

mod actions;
mod advice;
#[cfg(test)]
mod tests;

/// Why a subcommand of `sekisho order` did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// Files that were refused, at least one: exit status 3. Each is one line.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Rejected(Vec<Rejection>),
    /// Something went wrong on the way: exit status 1.
    #[error("{0}")]
    Failed(String),
    /// The arguments make no sense together: exit status 2.
    #[error("{0}")]
    Usage(String),
    /// What came of asking a daemon, or of changing its state.
    #[error("{}", .0.lines().join("\n"))]
    Life(CliError),
}

impl From<CliError> for OrderError {
    fn from(error: CliError) -> Self {
        Self::Life(error)
    }
}

impl From<Rejection> for OrderError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(vec![rejection])
    }
}

impl From<DirectionError> for OrderError {
    fn from(error: DirectionError) -> Self {
        match error {
            DirectionError::Rejected(rejection) => rejection.into(),
            DirectionError::Unreadable { file, source } => {
                Rejection::new(file, format!("cannot be read: {source}")).into()
            }
        }
    }
}

impl From<KeyError> for OrderError {
    fn from(error: KeyError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<serde_json::Error> for OrderError {
    fn from(error: serde_json::Error) -> Self {
        Self::Failed(format!("writing JSON: {error}"))
    }
}

/// Draft, sign, verify and read orders.
#[derive(Debug, Subcommand)]
pub enum OrderCommand {
    /// Make a signing key
    #[command(after_help = KEYGEN_HELP)]
    Keygen(KeygenArgs),
    /// Print the trust-file entry of a key that is already there
    #[command(after_help = ENTRY_HELP)]
    Entry(EntryArgs),
    /// Put a trust file together from entries
    #[command(after_help = TRUST_HELP)]
    Trust(TrustArgs),
    /// Sign an order, a revocation or a trust file, or add signatures to a signed one
    #[command(after_help = SIGN_HELP)]
    Sign(SignArgs),
    /// Check signatures and contents of signed orders, revocations and trust files
    #[command(after_help = VERIFY_HELP)]
    Verify(VerifyArgs),
    /// Explain an order, a revocation or a trust file in plain words, in English or Japanese
    #[command(after_help = SHOW_HELP)]
    Show(ShowArgs),
    /// Install signed orders at a sensor
    Install(InstallArgs),
    /// End an order before its term is over
    Revoke(RevokeArgs),
    /// Show where every order stands
    List(ListArgs),
}

const KEYGEN_HELP: &str = "\
The private key goes to a new file that only you can read (PKCS#8 PEM, as `openssl genpkey \
-algorithm ed25519` writes it). The public entry for the trust file is printed.

Example:
  sekisho order keygen --output chair.pem --holder chair > chair.json";

const ENTRY_HELP: &str = "\
For keys made with OpenSSL, or when the entry was lost. The public key is enough.

Examples:
  sekisho order entry --key chair.pem --holder chair > chair.json
  openssl pkey -in chair.pem -pubout -out chair.pub
  sekisho order entry --key chair.pub --holder chair > chair.json";

const TRUST_HELP: &str = "\
The trust file is printed. It decides whose signatures make an order an approved one: give it to \
carriers over a channel that you trust.

A later version takes the place of an earlier one when enough keys of both have signed it. A key \
that must not count any more stays in every later version, marked as revoked; one that merely \
retires is left out.

Examples:
  sekisho order trust --threshold 3 chair.json second.json third.json fourth.json fifth.json \
> trust.json
  sekisho order trust --version 2 --threshold 3 --revoked fifth.json chair.json second.json \
third.json fourth.json sixth.json > trust-2.json
  sekisho order sign --key chair.pem --key second.pem --key third.pem --output trust-2.dsse \
trust-2.json";

const SIGN_HELP: &str = "\
Orders, revocations and trust files are signed, told apart by their `schema`. The document is \
checked in full before it is signed: one that is malformed or unlawful cannot be signed. \
Signatures that are already there are kept and not checked; `verify` does that.

Examples:
  sekisho order sign --key chair.pem --output order.signed.json order.json
  sekisho order sign --key second.pem --output order.signed.json order.signed.json
  sekisho order sign --key chair.pem --output revocation.dsse revocation.json";

const VERIFY_HELP: &str = "\
One line is printed per accepted document, and one line on standard error per refused one. Every \
file is checked, also after a refusal. Exit status 3 if one was refused. A signed trust file is \
verified as the one that takes the place of `--trust`.

Warnings go to standard error and change nothing about the exit status, unless --strict is given: \
sets that no rule names, sets that cover more than a thousandth of the address space (of 2^32 IPv4 \
addresses, or of 2000::/3), rules that an earlier one hides; with direction files also sets that \
can never match in the direction of the measure. With direction files an agreement whose party is \
not domestic is refused.

Examples:
  sekisho order verify --trust trust.json order.signed.json revocation.dsse
  sekisho order verify --trust trust.json trust-2.dsse
  sekisho order verify --trust trust.json order.signed.json --country JP \\
      --domestic delegated-apnic-extended-latest";

const SHOW_HELP: &str = "\
With a trust file the signatures are verified; without one the explanation says that they were \
not.

Examples:
  sekisho order show order.json
  sekisho order show --trust trust.json order.signed.json
  sekisho order show --lang ja --trust trust.json order.signed.json";

/// Arguments of `sekisho order keygen`.
#[derive(Args, Debug)]
pub struct KeygenArgs {
    /// Where the private key goes; an existing file is never overwritten
    #[arg(long, value_name = "KEY.pem")]
    output: PathBuf,
    /// Who will hold the key, as the trust file and every verification will name them
    #[arg(long, value_name = "NAME")]
    holder: String,
}

/// Arguments of `sekisho order entry`.
#[derive(Args, Debug)]
pub struct EntryArgs {
    /// The key, private (PKCS#8 PEM) or public (as `openssl pkey -pubout` writes it)
    #[arg(long, value_name = "KEY.pem")]
    key: PathBuf,
    /// Who holds the key
    #[arg(long, value_name = "NAME")]
    holder: String,
}

/// Arguments of `sekisho order trust`.
#[derive(Args, Debug)]
pub struct TrustArgs {
    /// How many of the keys must sign an order
    #[arg(long, value_name = "N")]
    threshold: u64,
    /// Counts the versions of the trust file
    #[arg(long = "version", value_name = "V", default_value_t = 1)]
    trust_version: u64,
    /// The entry of a key that signs nothing any more; can be given several times
    #[arg(long, value_name = "ENTRY.json")]
    revoked: Vec<PathBuf>,
    /// Entries as `keygen` and `entry` print them
    #[arg(value_name = "ENTRY.json", required = true)]
    entries: Vec<PathBuf>,
}

/// Arguments of `sekisho order sign`.
#[derive(Args, Debug)]
pub struct SignArgs {
    /// A private key to sign with; can be given several times
    #[arg(long = "key", value_name = "KEY.pem", required = true)]
    keys: Vec<PathBuf>,
    /// Where the signed document goes, replaced in one step [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The document, or an envelope that others have signed
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Arguments of `sekisho order verify`.
#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// Whose signatures count, and how many it takes
    #[arg(long, value_name = "TRUST.json")]
    trust: PathBuf,
    /// A signed order; the same as without `--order`
    #[arg(long = "order", value_name = "ENVELOPE")]
    orders: Vec<PathBuf>,
    /// Signed orders, revocations and trust files
    #[arg(value_name = "ENVELOPE", required_unless_present = "orders")]
    envelopes: Vec<PathBuf>,
    /// Take warnings for refusals: exit status 3
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    direction: DirectionArgs,
}

/// Arguments of `sekisho order show`.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// Verify the signatures with this trust file
    #[arg(long, value_name = "TRUST.json")]
    trust: Option<PathBuf>,
    /// The language of the explanation
    #[arg(long, value_enum, value_name = "LANGUAGE", default_value_t)]
    lang: Language,
    /// An envelope, or a document that is not signed yet
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl ValueEnum for Language {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.code()))
    }
}

/// Runs a subcommand; what it has to say goes to `out`.
///
/// # Errors
///
/// [`OrderError`]; its kind decides the exit status.
pub fn run(command: &OrderCommand, out: &mut dyn Write) -> Result<(), OrderError> {
    match command {
        OrderCommand::Keygen(args) => actions::keygen(args, out),
        OrderCommand::Entry(args) => actions::entry(args, out),
        OrderCommand::Trust(args) => actions::trust(args, out),
        OrderCommand::Sign(args) => actions::sign(args, out),
        OrderCommand::Verify(args) => actions::verify(args, out),
        OrderCommand::Show(args) => actions::show(args, out),
        OrderCommand::Install(args) => Ok(args.run(out)?),
        OrderCommand::Revoke(args) => Ok(args.run(out)?),
        OrderCommand::List(args) => Ok(args.run(out)?),
    }
}
