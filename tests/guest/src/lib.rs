//! What the test tasks and the first process of a virtual machine agree on: where things are in
//! the machine's file system, and what its reports look like.
//!
//! Tests that change the machine itself, its clock for example, are marked as ignored, so that they
//! run only here: see [`PARAMETER`].
//!
//! The machine reports on a serial port of its own, one report to a line. The kernel's messages go
//! to another port, so that neither can break into a line of the other.

use std::fmt;
use std::str::FromStr;

/// A parameter of the machine's kernel: who finds it in `/proc/cmdline` is in a machine that was
/// booted for tests and for nothing else.
pub const PARAMETER: &str = "sekisho.test-machine";

/// Test programs, run one after the other in the order of their names.
pub const TESTS: &str = "/tests";

/// Kernel modules, loaded in the order of their names.
pub const MODULES: &str = "/modules";

/// Programs that tests run.
pub const PROGRAMS: &str = "/bin";

/// The shared libraries of all programs.
pub const LIBRARIES: &str = "/lib";

/// Device of the serial port that carries the reports: the second one. The first has the kernel's
/// messages.
pub const PORT: &str = "/dev/ttyS1";

/// One report.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Report {
    /// The machine is up, with this kernel release.
    Up(String),
    /// A test program starts.
    Started(String),
    /// A line that the test program printed.
    Printed(String),
    /// The test program ended.
    Ended {
        /// Its name.
        name: String,
        /// How long it ran.
        milliseconds: u64,
        /// `None`: it passed. Otherwise how it ended, in words.
        failure: Option<String>,
    },
    /// The machine itself failed, so that tests remain that were not run.
    Broken(String),
    /// All tests were run.
    Done,
}

mod word {
    pub(super) const UP: &str = "up";
    pub(super) const STARTED: &str = "started";
    pub(super) const PRINTED: &str = "|";
    pub(super) const ENDED: &str = "ended";
    pub(super) const PASSED: &str = "passed";
    pub(super) const BROKEN: &str = "broken";
    pub(super) const DONE: &str = "done";
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up(release) => write!(f, "{} {release}", word::UP),
            Self::Started(name) => write!(f, "{} {name}", word::STARTED),
            Self::Printed(text) => write!(f, "{} {text}", word::PRINTED),
            Self::Ended { name, milliseconds, failure } => {
                let how = failure.as_deref().unwrap_or(word::PASSED);
                write!(f, "{} {name} {milliseconds} {how}", word::ENDED)
            }
            Self::Broken(why) => write!(f, "{} {why}", word::BROKEN),
            Self::Done => f.write_str(word::DONE),
        }
    }
}

/// The line is not a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NoReport;

impl FromStr for Report {
    type Err = NoReport;

    fn from_str(line: &str) -> Result<Self, NoReport> {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        let text = rest.to_owned();
        match kind {
            word::UP => Ok(Self::Up(text)),
            word::STARTED => Ok(Self::Started(text)),
            word::PRINTED => Ok(Self::Printed(text)),
            word::ENDED => {
                let mut words = rest.splitn(3, ' ');
                let mut next = || words.next().ok_or(NoReport);
                let name = next()?.to_owned();
                let milliseconds = next()?.parse().map_err(|_| NoReport)?;
                let how = next()?;
                let failure = (how != word::PASSED).then(|| how.to_owned());
                Ok(Self::Ended { name, milliseconds, failure })
            }
            word::BROKEN => Ok(Self::Broken(text)),
            word::DONE if rest.is_empty() => Ok(Self::Done),
            _ => Err(NoReport),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let ended = |failure| Report::Ended { name: "parity".into(), milliseconds: 1_234, failure };
        let reports = [
            Report::Up("6.1.0-9-cloud-amd64".into()),
            Report::Started("parity".into()),
            Report::Printed("test 外外 ... ok".into()),
            Report::Printed(String::new()),
            Report::Printed("  done".into()),
            ended(None),
            ended(Some("exit status: 101".into())),
            Report::Broken("mounting /proc: no such device".into()),
            Report::Done,
        ];
        for report in reports {
            assert_eq!(report.to_string().parse(), Ok(report));
        }
    }

    #[test]
    fn other_lines_are_no_reports() {
        for line in ["", "[    0.1] Linux", "done.", "done already", "ended parity", "ended a b c"]
        {
            assert_eq!(line.parse::<Report>(), Err(NoReport), "{line}");
        }
    }
}
