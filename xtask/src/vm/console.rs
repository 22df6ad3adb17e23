//! Reads the reports of a virtual machine, chooses what the user sees of them, and gives the verdict.

use std::collections::BTreeMap;

use sekisho_guest::Report;

/// How the machine came to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    /// By itself.
    Off,
    /// It was stopped after so many seconds.
    Stopped(u64),
    /// It was stopped, because the processor does not execute it.
    NoKvm,
}

/// What has been reported so far.
#[derive(Debug, Default)]
pub(super) struct Console {
    release: Option<String>,
    running: Option<String>,
    /// The test programs that ended: `None` for passed, or how they failed.
    ended: BTreeMap<String, Option<String>>,
    /// The tests that failed in the program that runs.
    failures: Vec<String>,
    broken: Option<String>,
    done: bool,
}

impl Console {
    /// Reads one line; returns the part of it that is worth showing.
    pub(super) fn read(&mut self, line: &str) -> Option<String> {
        let line = line.trim_end();
        let Ok(report) = line.parse() else {
            return (!line.is_empty()).then(|| line.to_owned());
        };
        match report {
            Report::Up(release) => {
                let shown = format!("up, kernel {release}");
                self.release = Some(release);
                Some(shown)
            }
            Report::Started(name) => {
                let shown = format!("{name}:");
                self.running = Some(name);
                self.failures.clear();
                Some(shown)
            }
            Report::Printed(text) => {
                self.failures.extend(failed_test(&text).map(ToOwned::to_owned));
                (!text.is_empty()).then(|| format!("  {text}"))
            }
            Report::Ended { name, milliseconds, failure } => {
                let how = failure.as_deref().map_or_else(|| "passed".to_owned(), failed);
                let shown = format!("{name} {how} after {}", seconds(milliseconds));
                let failure = failure.map(|status| match self.failures.as_slice() {
                    [] => status,
                    tests => tests.join(", "),
                });
                self.ended.insert(name, failure);
                self.running = None;
                Some(shown)
            }
            Report::Broken(why) => {
                let shown = format!("broken: {why}");
                self.broken = Some(why);
                Some(shown)
            }
            Report::Done => {
                self.done = true;
                None
            }
        }
    }

    /// Whether all of `tests` passed. If not, the reason in one line, without the path of the log.
    pub(super) fn verdict(&self, kernel: &str, tests: &[&str], end: End) -> Result<(), String> {
        let under = match &self.release {
            Some(release) => format!("under kernel {release}"),
            None => format!("under kernel {kernel}"),
        };
        let failed: Vec<String> = self
            .ended
            .iter()
            .filter_map(|(name, failure)| Some(format!("{name} ({})", failure.as_ref()?)))
            .collect();
        let mut reasons = Vec::new();
        if !failed.is_empty() {
            reasons.push(format!("failed {under}: {}", failed.join(", ")));
        }
        if let Some(why) = &self.broken {
            reasons.push(format!("the virtual machine broke {under}: {why}"));
        } else if !self.done {
            let how = match end {
                End::Off => "ended too early".to_owned(),
                End::Stopped(seconds) => format!("was stopped after {seconds} s"),
                End::NoKvm => "does not run under KVM".to_owned(),
            };
            let place = match (&self.running, &self.release) {
                (Some(test), _) => format!("in the middle of {test}"),
                (None, Some(_)) => "between tests".to_owned(),
                (None, None) => "before it was up".to_owned(),
            };
            reasons.push(format!("the virtual machine {how}, {place}, {under}"));
        }
        let missing: Vec<&str> =
            tests.iter().copied().filter(|test| !self.ended.contains_key(*test)).collect();
        if reasons.is_empty() && !missing.is_empty() {
            reasons.push(format!("not run {under}: {}", missing.join(", ")));
        }
        if reasons.is_empty() { Ok(()) } else { Err(reasons.join("; ")) }
    }
}

fn failed(status: &str) -> String {
    format!("FAILED ({status})")
}

/// The name of the test that a line of a test program says has failed.
fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TESTS: [&str; 2] = ["gate", "parity"];

    /// The verdict after these lines, and all that was shown.
    fn after(lines: &str, end: End) -> (Result<(), String>, Vec<String>) {
        let mut console = Console::default();
        let shown = lines.lines().filter_map(|line| console.read(line)).collect();
        (console.verdict("6.1", &TESTS, end), shown)
    }

    fn why(lines: &str, end: End) -> String {
        after(lines, end).0.unwrap_err()
    }

    #[test]
    fn all_tests_passed() {
        let (verdict, shown) = after(
            "up 6.1.0-9\r\nstarted gate\r\n| \r\n| test lease ... ok\r\nended gate 1290 passed\r\n\
             started parity\nended parity 70 passed\ndone\n",
            End::Off,
        );
        assert_eq!(verdict, Ok(()));
        assert_eq!(
            shown,
            [
                "up, kernel 6.1.0-9",
                "gate:",
                "  test lease ... ok",
                "gate passed after 1.2 s",
                "parity:",
                "parity passed after 0.0 s"
            ]
        );
    }

    #[test]
    fn a_failure_names_the_program_its_tests_and_the_kernel() {
        let lines = "up 6.1.0-9\nstarted gate\n| test lease ... FAILED\n| test ring ... ok\n\
                     ended gate 1 exit status: 101\n\
                     started parity\nended parity 1 signal: 9 (SIGKILL)\ndone\n";
        assert_eq!(
            why(lines, End::Off),
            "failed under kernel 6.1.0-9: gate (lease), parity (signal: 9 (SIGKILL))"
        );
    }

    #[test]
    fn a_machine_that_does_not_finish_says_where_it_was() {
        assert_eq!(
            why("Kernel panic\n", End::Off),
            "the virtual machine ended too early, before it was up, under kernel 6.1"
        );
        assert_eq!(
            why("up 6.1.0-9\nstarted gate\n", End::Stopped(60)),
            "the virtual machine was stopped after 60 s, in the middle of gate, \
             under kernel 6.1.0-9"
        );
        assert_eq!(
            why("up 6.1.0-9\nstarted gate\nended gate 1 exit status: 1\n", End::Off),
            "failed under kernel 6.1.0-9: gate (exit status: 1); \
             the virtual machine ended too early, between tests, under kernel 6.1.0-9"
        );
        assert_eq!(
            why("up 6.1.0-9\nbroken mounting /proc: no\n", End::Off),
            "the virtual machine broke under kernel 6.1.0-9: mounting /proc: no"
        );
    }

    #[test]
    fn a_test_that_was_not_run_is_not_passed() {
        assert_eq!(
            why("up 6.1.0-9\nstarted gate\nended gate 1 passed\ndone\n", End::Off),
            "not run under kernel 6.1.0-9: parity"
        );
    }

    #[test]
    fn what_is_no_report_is_shown_as_it_is() {
        assert_eq!(after("thread 'main' panicked\n\n", End::Off).1, ["thread 'main' panicked"]);
    }
}
