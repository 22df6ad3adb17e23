//! `sekisho order`: the arguments of its subcommands and how they fail. What they do is in `actions`, and
//! `advice` has what `verify` says about direction tables and warnings.

use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::PossibleValue;
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

use super::life::{InstallArgs, ListArgs, RevokeArgs};
use crate::cli::direction::DirectionArgs;
use crate::order::explain::Language;
use crate::order::{Role, time};

mod actions;
mod advice;
mod draft;
mod error;
mod papers;
#[cfg(test)]
mod tests;
mod text;

pub use error::OrderError;

/// Draft, sign, verify and read approvals, agreements, orders and revocations.
#[derive(Debug, Subcommand)]
pub enum OrderCommand {
    /// Make a signing key
    #[command(after_help = KEYGEN_HELP)]
    Keygen(KeygenArgs),
    /// Print the trust-file entry of a key that is already there
    #[command(after_help = ENTRY_HELP)]
    Entry(EntryArgs),
    /// Make a trust file from the entries of keys, role by role
    #[command(after_help = TRUST_HELP)]
    Trust(TrustArgs),
    /// Print a commented draft of a document
    #[command(after_help = TEMPLATE_HELP)]
    Template(TemplateArgs),
    /// Fill an order from a list of addresses
    #[command(after_help = DRAFT_HELP)]
    Draft(DraftArgs),
    /// Sign a document, or add signatures to a signed one
    #[command(after_help = SIGN_HELP)]
    Sign(SignArgs),
    /// Check signatures and contents of signed documents that belong together
    #[command(after_help = VERIFY_HELP)]
    Verify(VerifyArgs),
    /// Explain documents in plain words, in English or Japanese
    #[command(after_help = SHOW_HELP)]
    Show(ShowArgs),
    /// Install signed approvals, agreements and orders at a sensor
    Install(InstallArgs),
    /// End an approval, an agreement or an order before its term is over
    Revoke(RevokeArgs),
    /// List all orders with their states
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
The trust file is printed. It decides whose signatures count for what, so give it to carriers over a channel \
that you trust. A key has one role, and a holder has one key. The commission signs approvals, and the \
Cabinet Office signs orders. The Cabinet Office, the party and the carrier sign an agreement.

A later version replaces an earlier one once commission and Cabinet Office of both versions have signed it, \
and every role whose keys or threshold change. A key that must no longer count stays revoked in every \
later version; a key that merely retires is left out.

Examples:
  sekisho order trust --role commission=3:chair.json,second.json,third.json,fourth.json \\
      --role cabinet-office=2:pm.json,deputy.json,head.json --role carrier=1:carrier.json \\
      --role party:acme=1:acme.json > trust.json
  sekisho order trust --version 2 --revoked fourth.json \\
      --role commission=3:chair.json,... > trust-2.json
  sekisho order sign --key chair.pem --key second.pem --key third.pem \\
      --key pm.pem --key deputy.pem --output trust-2.dsse trust-2.json";

const TEMPLATE_HELP: &str = "\
The draft is a valid document with examples in it. Lines that begin with // are comments, which `sign` and \
`show` remove from a document that is not signed yet.

Examples:
  sekisho order template approval > approval.json
  sekisho order template order";

const DRAFT_HELP: &str = "\
The order names the approval or agreement by its digest, has the same term unless other times are given, \
and is checked against its criteria before it is printed. The list holds one address or prefix per line; \
# begins a comment.

Example:
  sekisho order draft --under approval.dsse --order-id 2027-17-0003-c2 --ground 'botnet X' \\
      --protocol tcp --destination-port 443 c2.txt > order.json";

const SIGN_HELP: &str = "\
Signs approvals, agreements, orders, revocations and trust files; their `schema` tells which. The document \
is checked in full before it is signed: a malformed or unlawful one cannot be signed. With --under, an \
order is also checked against what it rests on. Existing signatures are kept but not checked; `verify` \
checks them.

Examples:
  sekisho order sign --key chair.pem --output approval.dsse approval.json
  sekisho order sign --key second.pem --output approval.dsse approval.dsse
  sekisho order sign --key pm.pem --under approval.dsse --output order.dsse order.json";

const VERIFY_HELP: &str = "\
All files are judged together, and must include the approval or agreement that an order rests on. Each \
accepted document gets a line on standard output, and each fault a line on standard error. All files are \
checked even if one is refused; the exit status is then 3. A signed trust file is verified as the \
successor of the one in `--trust`.

Warnings go to standard error, and do not change the exit status unless --strict is given. They name sets \
that no rule uses, rules that an earlier rule hides and, with direction files, sets that can never match \
in the direction of the measure. With direction files, an agreement whose party is not domestic is \
refused.

Examples:
  sekisho order verify --trust trust.json approval.dsse order.dsse
  sekisho order verify --trust trust.json trust-2.dsse
  sekisho order verify --trust trust.json approval.dsse order.dsse --country JP \\
      --domestic delegated-apnic-extended-latest";

const SHOW_HELP: &str = "\
With a trust file, the signatures are verified; without one, the explanation says that they were not. An \
order is explained together with the approval or agreement that it rests on, if that is among the files.

Examples:
  sekisho order show approval.json
  sekisho order show --trust trust.json approval.dsse order.dsse
  sekisho order show --lang ja --trust trust.json approval.dsse order.dsse";

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
    /// A role, how many of its keys must sign, and their entries as `keygen` and `entry` print them
    #[arg(long = "role", value_name = "ROLE=N:ENTRY.json,…", required = true)]
    roles: Vec<RoleArg>,
    /// The version of the trust file, counted from 1
    #[arg(long = "version", value_name = "V", default_value_t = 1)]
    trust_version: u64,
    /// A key that no longer counts: its entry or its keyid; can be given several times
    #[arg(long, value_name = "ENTRY.json|KEYID")]
    revoked: Vec<PathBuf>,
}

/// A role on the command line.
#[derive(Clone, Debug)]
struct RoleArg {
    role: Role,
    threshold: u64,
    entries: Vec<PathBuf>,
}

impl FromStr for RoleArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "write ROLE=N:ENTRY.json,ENTRY.json";
        let (role, keys) = text.split_once('=').ok_or(form)?;
        let (threshold, entries) = keys.split_once(':').ok_or(form)?;
        let role = Role::parse(role).ok_or_else(|| {
            format!(
                "`{role}` is no role; there are commission, cabinet-office, carrier and party:<id>"
            )
        })?;
        let threshold = threshold.parse().map_err(|_| form)?;
        let entries = entries.split(',').filter(|path| !path.is_empty()).map(PathBuf::from);
        Ok(Self { role, threshold, entries: entries.collect() })
    }
}

/// Arguments of `sekisho order template`.
#[derive(Args, Debug)]
pub struct TemplateArgs {
    /// The kind of document
    #[arg(value_enum)]
    kind: TemplateKind,
}

/// A document that has a template.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum TemplateKind {
    /// The commission's approval
    Approval,
    /// An agreement of Cabinet Office, party and carrier
    Agreement,
    /// The conditions of selection under an approval or agreement
    Order,
    /// The early end of any of these
    Revocation,
}

/// Arguments of `sekisho order draft`.
#[derive(Args, Debug)]
pub struct DraftArgs {
    /// The approval or agreement that the order rests on, signed
    #[arg(long, value_name = "ENVELOPE")]
    under: PathBuf,
    /// The order's id
    #[arg(long, value_name = "ID")]
    order_id: String,
    /// The order's serial
    #[arg(long, value_name = "N", default_value_t = 1)]
    serial: u64,
    /// When its term begins (RFC 3339) [default: with the term of the approval or agreement]
    #[arg(long, value_name = "TIME", value_parser = time::parse_timestamp)]
    not_before: Option<Timestamp>,
    /// When its term ends (RFC 3339) [default: with the term of the approval or agreement]
    #[arg(long, value_name = "TIME", value_parser = time::parse_timestamp)]
    not_after: Option<Timestamp>,
    /// Why these addresses are selected
    #[arg(long, value_name = "TEXT")]
    ground: String,
    /// The protocol of the rule: tcp, udp, icmp, icmpv6 or a number
    #[arg(long, value_name = "PROTOCOL")]
    protocol: Option<String>,
    /// A destination port or range of the rule; can be given several times
    #[arg(long = "destination-port", value_name = "PORT")]
    destination_ports: Vec<String>,
    /// A source port or range of the rule; can be given several times
    #[arg(long = "source-port", value_name = "PORT")]
    source_ports: Vec<String>,
    /// The list of addresses and prefixes
    #[arg(value_name = "LIST")]
    list: PathBuf,
}

/// Arguments of `sekisho order sign`.
#[derive(Args, Debug)]
pub struct SignArgs {
    /// A private key to sign with; can be given several times
    #[arg(long = "key", value_name = "KEY.pem", required = true)]
    keys: Vec<PathBuf>,
    /// The approval or agreement that the order rests on, against which it is checked
    #[arg(long, value_name = "FILE")]
    under: Option<PathBuf>,
    /// Where the signed document goes; an existing file is replaced in one step [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The document, or an envelope that others have signed
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Arguments of `sekisho order verify`.
#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// The trust file: whose signatures count, and how many are needed
    #[arg(long, value_name = "TRUST.json")]
    trust: PathBuf,
    /// A signed document; the same as without `--order`
    #[arg(long = "order", value_name = "ENVELOPE")]
    orders: Vec<PathBuf>,
    /// Signed documents of any kind, in any order
    #[arg(value_name = "ENVELOPE", required_unless_present = "orders")]
    envelopes: Vec<PathBuf>,
    /// Treat warnings as refusals (exit status 3)
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
    /// Envelopes, or documents that are not signed yet
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

impl ValueEnum for Language {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.code()))
    }
}

/// Runs a subcommand, which writes to `out`.
///
/// # Errors
///
/// [`OrderError`]; its kind decides the exit status.
pub fn run(command: &OrderCommand, out: &mut dyn Write) -> Result<(), OrderError> {
    match command {
        OrderCommand::Keygen(args) => actions::keygen(args, out),
        OrderCommand::Entry(args) => actions::entry(args, out),
        OrderCommand::Trust(args) => actions::trust(args, out),
        OrderCommand::Template(args) => draft::template(args, out),
        OrderCommand::Draft(args) => draft::draft(args, out),
        OrderCommand::Sign(args) => actions::sign(args, out),
        OrderCommand::Verify(args) => actions::verify(args, out),
        OrderCommand::Show(args) => actions::show(args, out),
        OrderCommand::Install(args) => Ok(args.run(out)?),
        OrderCommand::Revoke(args) => Ok(args.run(out)?),
        OrderCommand::List(args) => Ok(args.run(out)?),
    }
}
