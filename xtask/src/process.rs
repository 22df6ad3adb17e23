//! Running other programs: every failure becomes one line that names the command.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// The user stopped the task (Ctrl-C or a termination signal).
#[derive(Debug)]
pub(crate) struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// Runs a command that talks to the user's terminal itself.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {}", show(command)))?;
    if !status.success() {
        bail!("{} failed ({status})", show(command));
    }
    Ok(())
}

/// Runs a command and returns what it printed; its last error line is part of a failure.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", show(command)))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{} failed ({}): {}", show(command), output.status, last_line(&errors));
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("the output of {} is not UTF-8", show(command)))
}

/// What a command printed if it could be run and succeeded. For questions, not for work.
pub(crate) fn answer(command: &mut Command) -> Option<String> {
    output(command).ok()
}

/// A command as a reader would type it.
pub(crate) fn show(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let mut line = format!("`{}", name.to_string_lossy());
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line.push('`');
    line
}

/// The last line of a text that says something.
pub(crate) fn last_line(text: &str) -> &str {
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("no message")
}

/// Where a program is, as the shell would find it.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    // A root shell without a login may lack the system directories.
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(PathBuf::from))
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_typed() {
        let mut command = Command::new("/usr/sbin/ip");
        command.args(["netns", "list"]);
        assert_eq!(show(&command), "`ip netns list`");
    }

    #[test]
    fn the_last_line_skips_blank_ones() {
        assert_eq!(last_line("first\n  second \n\n"), "second");
        assert_eq!(last_line(" \n"), "no message");
    }

    #[test]
    fn a_failure_names_the_command_and_its_message() {
        let error = output(Command::new("sh").args(["-c", "echo why >&2; exit 4"])).unwrap_err();
        assert_eq!(error.to_string(), "`sh -c echo why >&2; exit 4` failed (exit status: 4): why");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run(&mut Command::new("no-such-program-here")).unwrap_err();
        assert_eq!(error.to_string(), "cannot run `no-such-program-here`");
        assert!(find("no-such-program-here").is_none());
        assert!(find("sh").is_some());
    }
}
