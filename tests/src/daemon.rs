//! `sekisho run` as an operator starts it: from a folder with a configuration, in the namespace of a wire's
//! receiver. Daemon and folder are gone after the test, however it ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::wait::until;

mod books;
mod bounds;
mod command;
mod folder;
mod line;

pub use books::Books;
pub use command::{Answer, sekisho};
pub use folder::{Folder, order, reader};
pub use line::Line;

const LOG: &str = "log";
const RECORDS: &str = "records.ndjson";
const SOCKET: &str = "control.sock";

/// The only direction on a wire, whose ends are both foreign.
const DIRECTION: &str = "foreign-to-foreign";

/// A running daemon. Dropping it kills it.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    // Removed only after the child was killed.
    directory: Arc<TempDir>,
}

impl Daemon {
    /// The path of a file in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What it said on standard error.
    ///
    /// # Panics
    /// If it cannot be read.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path(LOG)).expect("its log")
    }

    /// Runs a command that asks this daemon.
    ///
    /// # Panics
    /// If it cannot be run.
    pub fn ask(&self, arguments: &[&str]) -> Answer {
        Answer::of(sekisho().args(arguments).arg("--socket").arg(self.socket()))
    }

    /// Starts a command that asks this daemon, to be waited for later.
    ///
    /// # Panics
    /// If it cannot be run.
    pub fn begin(&self, arguments: &[&str]) -> Child {
        let mut command = sekisho();
        command.args(arguments).arg("--socket").arg(self.socket());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("SEKISHO_BIN can be run")
    }

    /// Its process number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The control socket.
    pub fn socket(&self) -> PathBuf {
        self.path(SOCKET)
    }

    /// The output of `sekisho status --json`, parsed.
    ///
    /// # Panics
    /// If it fails.
    pub fn status(&self) -> Books {
        Books::read(&self.ask(&["status", "--json"]).good())
    }

    /// The whole lines in its output so far.
    ///
    /// # Panics
    /// If one of them is not a record.
    pub fn records(&self) -> Vec<Line> {
        let text = self.output();
        let (whole, _) = text.rsplit_once('\n').unwrap_or_default();
        Line::read_all(whole)
    }

    /// The lines of a file in its folder; none if the file is missing.
    pub fn lines(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.path(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Where its output is.
    pub fn output_path(&self) -> PathBuf {
        self.path(RECORDS)
    }

    /// Its output, unparsed.
    ///
    /// # Panics
    /// If it cannot be read.
    pub fn output(&self) -> String {
        fs::read_to_string(self.path(RECORDS)).expect("its output")
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// If it has ended.
    pub fn signal(&self, signal: Signal) {
        // Nobody has waited for it yet, so its process number is still its own.
        let number = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(number.expect("a process number"), signal).expect("it runs");
    }

    /// Stops it whatever it is doing, and returns once none of its threads runs.
    ///
    /// # Panics
    /// If they do not stop.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
        let threads = PathBuf::from(format!("/proc/{}/task", self.child.id()));
        until("all threads to stand still", || {
            let mut threads = fs::read_dir(&threads).expect("procfs is mounted");
            threads.all(|thread| is_stopped(&thread.expect("a thread").path())).then_some(())
        });
    }

    /// Lets it continue.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Its exit status, if it has ended.
    ///
    /// # Panics
    /// If the system does not say.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("our own child")
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    /// If it does not end.
    pub fn wait(&mut self) -> ExitStatus {
        until("the daemon to end", || self.ended())
    }

    /// Makes it end, which must succeed, and returns all records.
    ///
    /// # Panics
    /// If it fails, or its output is not whole.
    pub fn finish(&mut self) -> Vec<Line> {
        self.signal(Signal::TERM);
        let status = self.wait();
        assert!(status.success(), "{status}: {}", self.log());
        let output = self.output();
        assert!(output.is_empty() || output.ends_with('\n'), "the last line is not whole");
        let records = self.records();
        let numbers: Vec<u64> = records.iter().map(|record| record.sequence).collect();
        let expected: Vec<u64> = (1..).take(records.len()).collect();
        assert_eq!(numbers, expected, "lines are numbered without gaps");
        records
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Both fail if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The state of a thread follows its name, which is in parentheses.
fn is_stopped(thread: &Path) -> bool {
    let text = fs::read_to_string(thread.join("stat")).unwrap_or_default();
    text.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('T'))
}
