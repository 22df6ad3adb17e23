//! The processes of a task. Each has a time limit, and none outlives the task, however the task ends.

use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::process::{Interrupted, last_line, show};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// How often a condition is looked at again.
const POLL: Duration = Duration::from_millis(10);

/// How long a process may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(5);

/// How long an ordinary command may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(10);

/// From now on Ctrl-C and termination signals end the task in good order.
pub(crate) fn catch_signals() -> Result<()> {
    ctrlc::set_handler(interrupt).context("signals cannot be caught")
}

/// Ends the task in good order at its next check.
pub(crate) fn interrupt() {
    INTERRUPTED.store(true, Ordering::SeqCst);
}

/// Fails if the user has stopped the task.
pub(crate) fn check() -> Result<()> {
    if INTERRUPTED.load(Ordering::SeqCst) { Err(Interrupted.into()) } else { Ok(()) }
}

/// Waits until `condition` yields a value, for at most `limit`.
pub(crate) fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut condition: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        check()?;
        if let Some(value) = condition()? {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            bail!("waited {} s in vain for {what}", limit.as_secs());
        }
        thread::sleep(POLL);
    }
}

/// What a finished command returned.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command to its end, with `input` on its standard input. Any exit status is accepted.
pub(crate) fn finish(command: &mut Command, input: Stdio) -> Result<Finished> {
    let name = show(command);
    command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Background::start(&name, command)?;
    let stdout = drain(running.child.stdout.take());
    let stderr = drain(running.child.stderr.take());
    let status =
        wait_for(&format!("{name} to end"), COMMAND_LIMIT, || Ok(running.child.try_wait()?))?;
    let text = |reader: thread::JoinHandle<Vec<u8>>| {
        String::from_utf8_lossy(&reader.join().unwrap_or_default()).into_owned()
    };
    Ok(Finished { status, stdout: text(stdout), stderr: text(stderr) })
}

/// Runs a command that must succeed, and returns what it printed.
pub(crate) fn succeed(command: &mut Command) -> Result<String> {
    let finished = finish(command, Stdio::null())?;
    if !finished.status.success() {
        bail!("{} failed ({}): {}", show(command), finished.status, last_line(&finished.stderr));
    }
    Ok(finished.stdout)
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // The process may be killed at any time; then what was read so far counts.
        let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
        bytes
    })
}

/// A process that the task started. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Background {
    name: String,
    child: Child,
}

impl Background {
    /// Starts a command out of reach of the terminal's Ctrl-C, which the task handles. Messages call it `name`.
    pub(crate) fn start(name: &str, command: &mut Command) -> Result<Self> {
        check()?;
        let name = name.to_owned();
        let child =
            command.process_group(0).spawn().with_context(|| format!("cannot run {name}"))?;
        Ok(Self { name, child })
    }

    /// Fails if the process has ended.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("{} ended too early ({status})", self.name),
            None => Ok(()),
        }
    }

    /// How the process ended, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Asks the process to end, and ends it by force if it does not.
    pub(crate) fn stop(&mut self) -> Result<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status);
        }
        self.signal(Signal::TERM);
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(POLL);
        }
        self.child.kill()?;
        Ok(self.child.wait()?)
    }

    fn signal(&self, signal: Signal) {
        // The child has not been waited for, so its id is still its own.
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

/// Ties a command to the task: the kernel kills it if the task itself is killed.
pub(crate) fn tied(command: &Command) -> Command {
    let mut tied = Command::new("setpriv");
    tied.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
    tied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_fed_and_read() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        std::io::Write::write_all(&mut writer, b"in").unwrap();
        drop(writer);
        let finished =
            finish(Command::new("sh").args(["-c", "cat; echo no >&2; exit 3"]), reader.into())
                .unwrap();
        assert_eq!(finished.status.code(), Some(3));
        assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("in", "no\n"));
    }

    #[test]
    fn a_wait_ends_with_what_it_waited_for() {
        let error = wait_for("rain", Duration::ZERO, || Ok(None::<()>)).unwrap_err();
        assert_eq!(error.to_string(), "waited 0 s in vain for rain");
        assert_eq!(wait_for("sun", Duration::ZERO, || Ok(Some(1))).unwrap(), 1);
    }

    #[test]
    fn a_background_process_ends_when_asked() {
        let mut process = Background::start("sleep", Command::new("sleep").arg("60")).unwrap();
        process.check_alive().unwrap();
        assert!(!process.stop().unwrap().success());
        assert!(process.check_alive().is_err());
    }
}
