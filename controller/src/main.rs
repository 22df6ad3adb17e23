//! The `sekisho` command: chooses the subcommand and the exit status. Everything else is in the library.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use controller::cli::CliError;
use controller::cli::audit::AuditCommand;
use controller::cli::classify::ClassifyArgs;
use controller::cli::halt::{HaltArgs, ReloadArgs, ResumeArgs};
use controller::cli::order::{self, OrderCommand};
use controller::cli::replay::ReplayArgs;
use controller::cli::run::RunArgs;
use controller::cli::status::StatusArgs;
use controller::cli::trust::TrustCommand;

/// Select communications metadata at the border, and nothing else
///
/// Sekisho (関所, a checkpoint) carries out measures under Japan's Act No. 42 of 2025. It gives every packet a
/// direction, applies the selectors of approved, signed orders in the kernel, and lets only fixed-size
/// metadata records out.
#[derive(Parser)]
#[command(name = "sekisho", version, after_help = EXIT_STATUS)]
struct Sekisho {
    #[command(subcommand)]
    command: Command,
}

const EXIT_STATUS: &str = "\
Examples:
  sekisho classify --domestic jp.txt 203.0.113.7
  sekisho run --check --config /etc/sekisho/sekisho.toml
  sekisho status

Exit status: 0 done, 1 failed, 2 usage, 3 an order, trust, direction or configuration file was
refused. Standard error has one line for each reason.";

#[derive(Subcommand)]
enum Command {
    Run(RunArgs),
    Status(StatusArgs),
    Halt(HaltArgs),
    Resume(ResumeArgs),
    Reload(ReloadArgs),
    #[command(subcommand)]
    Trust(TrustCommand),
    #[command(subcommand)]
    Audit(AuditCommand),
    Replay(Box<ReplayArgs>),
    Classify(ClassifyArgs),
    /// Make keys; sign, verify, explain, install and list orders
    #[command(subcommand)]
    Order(OrderCommand),
}

fn main() -> ExitCode {
    let Err(error) = run(Sekisho::parse().command) else { return ExitCode::SUCCESS };
    for line in error.lines() {
        // If standard error is gone too, the exit status still says it.
        let _ = writeln!(io::stderr(), "sekisho: {line}");
    }
    ExitCode::from(error.exit_status())
}

fn run(command: Command) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    match command {
        Command::Run(args) => args.run(&mut stdout),
        Command::Status(args) => args.run(&mut stdout),
        Command::Halt(args) => args.run(&mut stdout),
        Command::Resume(args) => args.run(&mut stdout),
        Command::Reload(args) => args.run(&mut stdout),
        Command::Trust(command) => command.run(&mut stdout),
        Command::Audit(command) => command.run(&mut stdout),
        Command::Replay(args) => args.run(&mut stdout),
        Command::Classify(args) => Ok(args.run(&mut stdout)?),
        Command::Order(command) => Ok(order::run(&command, &mut stdout)?),
    }
}
