//! The command `sekisho`, and its results.

use std::process::{Command, Stdio};

/// The result of a command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// Its exit status; none if it was killed.
    pub status: Option<i32>,
    /// What it printed on standard output.
    pub output: String,
    /// What it printed on standard error.
    pub errors: String,
}

impl Answer {
    /// Runs a command to its end.
    ///
    /// # Panics
    /// If it cannot be run.
    pub fn of(command: &mut Command) -> Self {
        let done = command.stdin(Stdio::null()).output().expect("the command can be run");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { status: done.status.code(), output: text(&done.stdout), errors: text(&done.stderr) }
    }

    /// What it printed, if it succeeded.
    ///
    /// # Panics
    /// If it failed.
    pub fn good(self) -> String {
        assert_eq!(self.status, Some(0), "{}", self.errors);
        self.output
    }
}

/// The command `sekisho`.
///
/// # Panics
/// If `SEKISHO_BIN` does not name it.
pub fn sekisho() -> Command {
    let program = std::env::var_os("SEKISHO_BIN");
    Command::new(
        program.expect("this test needs SEKISHO_BIN: run `cargo xtask test`, which sets it"),
    )
}
