//! `sekisho classify`: the class of an address, and the line of the input that decides it.

use std::io::{self, Write};
use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

use crate::cli::direction::{self, DirectionArgs};
use crate::direction::{DirectionError, DirectionInputs, DirectionTable, Origin};

const EXAMPLES: &str = "\
Examples:
  sekisho classify --domestic jp.txt 203.0.113.7 2001:db8::1
  sekisho classify --domestic nro-delegated-stats --country JP 1.0.16.1
  sekisho classify --domestic delegated-apnic-extended-latest --country JP 1.0.16.1
  sekisho classify --domestic jp.txt --foreign exceptions.txt --default foreign 8.8.8.8

The output has one line per address, in the order given, with four columns separated by tabs: the address, \
its class (domestic, foreign or unclassified), the prefix that decided it, and where that prefix was found.";

/// Show the class of addresses, and what decides it
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES, group = direction::files())]
pub struct ClassifyArgs {
    /// Where the classes come from.
    #[command(flatten)]
    pub direction: DirectionArgs,

    /// IPv4 or IPv6 addresses
    #[arg(value_name = "ADDRESS")]
    pub addresses: Vec<IpAddr>,
}

/// Why addresses were not classified.
#[derive(Debug, thiserror::Error)]
pub enum ClassifyError {
    /// The command line names no address (a usage error).
    #[error("no ADDRESS to classify")]
    NoAddress,
    /// There is no direction table.
    #[error(transparent)]
    Direction(#[from] DirectionError),
    /// The output could not be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl ClassifyArgs {
    /// Prints one line per address.
    ///
    /// # Errors
    ///
    /// [`ClassifyError`].
    pub fn run(&self, output: &mut impl Write) -> Result<(), ClassifyError> {
        let (inputs, addresses) = self.sorted_out();
        if addresses.is_empty() {
            return Err(ClassifyError::NoAddress);
        }
        let table = DirectionTable::load(&inputs)?;
        for address in addresses {
            let (class, origin) = table.class_of(address);
            let prefix = origin.prefix();
            writeln!(output, "{address}\t{}\t{prefix}\t{}", class.name(), whence(&origin))?;
        }
        Ok(())
    }

    /// In `--domestic FILE… ADDRESS…`, clap gives the option every word up to the next option. So words among
    /// the files that are addresses are taken as addresses. A file with such a name must be given as
    /// `./192.0.2.1`.
    fn sorted_out(&self) -> (DirectionInputs, Vec<IpAddr>) {
        let mut inputs = self.direction.inputs();
        let mut addresses = Vec::new();
        for files in [&mut inputs.domestic, &mut inputs.foreign] {
            let mut kept: Vec<PathBuf> = Vec::with_capacity(files.len());
            for file in files.drain(..) {
                match file.to_str().and_then(|text| text.parse().ok()) {
                    Some(address) => addresses.push(address),
                    None => kept.push(file),
                }
            }
            *files = kept;
        }
        addresses.extend(&self.addresses);
        (inputs, addresses)
    }
}

fn whence(origin: &Origin<'_>) -> String {
    match origin {
        Origin::Input { file, line, .. } => format!("{file} line {line}"),
        Origin::Special(entry) => format!("special-purpose: {} ({})", entry.name, entry.rfc),
        Origin::Default { .. } => "default: named by no input".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;
    use tempfile::TempDir;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        classify: ClassifyArgs,
    }

    fn classify(arguments: &[&str]) -> Result<String, String> {
        let arguments = ["classify"].iter().chain(arguments);
        let command = Command::try_parse_from(arguments).map_err(|error| error.to_string())?;
        let mut output = Vec::new();
        command.classify.run(&mut output).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(output).unwrap())
    }

    #[test]
    fn one_line_per_address_says_what_decided() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("jp.txt");
        fs::write(&path, "# Japan\n1.0.16.0/20\n2001:200::/23\n").unwrap();
        let file = path.to_str().unwrap();
        let expected = format!(
            "1.0.16.1\tdomestic\t1.0.16.0/20\t{file} line 2\n\
             2001:200::1\tdomestic\t2001:200::/23\t{file} line 3\n\
             10.0.0.1\tunclassified\t10.0.0.0/8\tspecial-purpose: Private-Use (RFC 1918)\n\
             8.8.8.8\tunclassified\t0.0.0.0/0\tdefault: named by no input\n"
        );
        let addresses = ["1.0.16.1", "2001:200::1", "10.0.0.1", "8.8.8.8"];
        let after = [&["--domestic", file][..], &addresses].concat();
        let before = [&addresses[..], &["--domestic", file]].concat();
        let apart = [&["--domestic", file, "--"][..], &addresses].concat();
        for arguments in [after, before, apart] {
            assert_eq!(classify(&arguments).as_ref(), Ok(&expected), "{arguments:?}");
        }
        let foreign =
            classify(&["--domestic", file, "--default", "foreign", "8.8.8.8", "10.0.0.1"]);
        let foreign = foreign.unwrap();
        assert!(foreign.starts_with("8.8.8.8\tforeign\t"), "{foreign}");
        assert!(foreign.contains("10.0.0.1\tunclassified\t"), "{foreign}");
    }

    #[test]
    fn a_list_of_one_family_says_nothing_of_the_other() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("jp.txt");
        fs::write(&path, "1.0.16.0/20\n").unwrap();
        let file = path.to_str().unwrap();
        for more in [&[][..], &["--default", "foreign"], &["--without-domestic", "ipv4"]] {
            let refusal =
                classify(&[&["2001:200::1", "--domestic", file], more].concat()).unwrap_err();
            assert!(
                refusal.contains("--without-domestic ipv") && !refusal.contains('\n'),
                "{refusal}"
            );
        }
        let meant = ["2001:200::1", "8.8.8.8", "--domestic", file, "--default", "foreign"];
        let meant = classify(&[&meant[..], &["--without-domestic", "ipv6"]].concat()).unwrap();
        assert!(meant.starts_with("2001:200::1\tunclassified\t"), "{meant}");
        assert!(meant.contains("8.8.8.8\tforeign\t"), "{meant}");
    }

    #[test]
    fn help_shows_what_it_does_and_how() {
        #[derive(Parser)]
        struct Sekisho {
            #[command(subcommand)]
            _command: Commands,
        }
        #[derive(clap::Subcommand)]
        enum Commands {
            Classify(ClassifyArgs),
        }
        let help = Sekisho::try_parse_from(["sekisho", "classify", "--help"]).err().unwrap();
        let help = help.to_string();
        assert!(help.starts_with("Show the class of addresses, and what decides it\n"), "{help}");
        assert!(help.contains("  sekisho classify --domestic jp.txt 203.0.113.7"), "{help}");
    }

    #[test]
    fn usage_errors_are_told() {
        for (arguments, reason) in [
            (&["8.8.8.8"][..], "--domestic"),
            (&["--domestic", "jp.txt"], "no ADDRESS"),
            (&["--domestic", "jp.txt", "--country", "jp", "8.8.8.8"], "two capital letters"),
            (&["--domestic", "jp.txt", "--default", "domestic", "8.8.8.8"], "unclassified"),
            (&["8.8.8.300", "--domestic", "jp.txt"], "ADDRESS"),
        ] {
            let error = classify(arguments).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
