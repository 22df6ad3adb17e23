//! `sekisho run` as an operator starts it: from a folder with a configuration, in the namespace of a
//! wire's receiver. It is gone after the test, however that ends, and so is the folder.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;

use controller::daemon::api::monitor::{OrderStatus, RecordsStatus, Status};
use controller::daemon::privilege::Privileges;
use jiff::Timestamp;
use rustix::fs::{CWD, FileType, Mode, OFlags, fcntl_setfl, mknodat, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, capabilities,
    configure_capability_in_ambient_set, remove_capability_from_bounding_set, set_capabilities,
    set_capabilities_secure_bits,
};
use sensor_common::outcome::Outcome;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::authority::{payload, signed, trust_file};
use crate::network::{FAR, SENDER, Wire};
use crate::privilege::require_kernel;
use crate::stream::{FIRST_PORT, MOST};
use crate::wait::until;

const CONFIG: &str = "sekisho.toml";
const LOG: &str = "log";
const PROGRAM: &str = "sekisho";
const RECORDS: &str = "records.ndjson";
const SOCKET: &str = "control.sock";
const STATE: &str = "state";

const DIRECTION_INPUTS: &str = r#"

[direction]
domestic = ["domestic.txt"]
foreign = ["foreign.txt"]
"#;

/// The one direction on a wire: both of its ends are foreign.
const DIRECTION: &str = "foreign-to-foreign";

/// The payload of an order with this term, which selects the packets of a stream.
pub fn order(id: &str, not_before: Timestamp, not_after: Timestamp) -> Value {
    let ports = format!("{FIRST_PORT}-{}", FIRST_PORT + (MOST - 1));
    let sets = json!({"c2": [SENDER]});
    let rules =
        json!([{"id": "r", "source": "c2", "protocol": "udp", "destination_ports": [ports]}]);
    let mut order = payload(id, DIRECTION, &sets, &rules);
    order["approved_at"] = json!("2020-01-01T00:00:00Z");
    order["not_before"] = json!(not_before.to_string());
    order["not_after"] = json!(not_after.to_string());
    order
}

/// A folder with all that a daemon reads, and where it writes.
#[derive(Clone, Debug)]
pub struct Folder {
    directory: Arc<TempDir>,
    settings: BTreeMap<&'static str, Value>,
    environment: BTreeMap<&'static str, OsString>,
    bounds: Option<CapabilitySet>,
    user: Option<u32>,
}

impl Folder {
    /// A folder with these envelopes, for a sensor in mode `tap` on the receiver's end of a wire.
    ///
    /// # Panics
    /// Where the test cannot run here, or files cannot be written.
    pub fn new(envelopes: &[String]) -> Self {
        require_kernel();
        let directory = Arc::new(tempfile::tempdir().expect("a folder"));
        let write = |name: &str, text: &str| {
            fs::write(directory.path().join(name), text).expect("files can be written");
        };
        let names: Vec<String> = (0..envelopes.len()).map(|n| format!("{n}.json")).collect();
        for (name, envelope) in names.iter().zip(envelopes) {
            write(name, envelope);
        }
        write("trust.json", &trust_file());
        write("domestic.txt", "203.0.113.0/24\n");
        write("foreign.txt", "198.51.100.0/24\n192.0.2.0/24\n");
        let settings = BTreeMap::from([
            ("sensor", json!("test-gw-a")),
            ("facility", json!("test-gw")),
            ("mode", json!("tap")),
            ("interfaces", json!([FAR])),
            ("trust", json!("trust.json")),
            ("state", json!(STATE)),
            ("orders", json!(names)),
            ("output", json!(RECORDS)),
            ("control_socket", json!(SOCKET)),
            ("ring_bytes", json!(1 << 20)),
        ]);
        Self { directory, settings, environment: BTreeMap::new(), bounds: None, user: None }
    }

    /// A folder with one order, signed by three keys.
    pub fn with_order(order: &Value) -> Self {
        Self::new(&[signed(order, &[1, 2, 3])])
    }

    /// With this key of the configuration changed, or added.
    #[must_use]
    pub fn set(mut self, key: &'static str, value: Value) -> Self {
        self.settings.insert(key, value);
        self
    }

    /// Where a file of this name is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file and returns its path.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.path(name), text).expect("files can be written");
        self.path(name)
    }

    /// Writes the configuration as it is now, for a daemon that is to read it again.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn configure(&self) {
        // What JSON has for strings, numbers and lists of them is TOML as well.
        let lines = self.settings.iter().map(|(key, value)| format!("{key} = {value}"));
        self.write(CONFIG, &(lines.collect::<Vec<_>>().join("\n") + DIRECTION_INPUTS));
    }

    /// Runs a command on the state directory while no daemon has it.
    ///
    /// # Panics
    /// Where it cannot be run.
    pub fn command(&self, arguments: &[&str]) -> Answer {
        let mut command = sekisho();
        command.args(arguments).arg("--state").arg(self.path(STATE));
        Answer::of(&mut command)
    }

    /// With a pipe as its output, and the reader of it.
    ///
    /// # Panics
    /// Where it cannot be made.
    #[must_use]
    pub fn with_pipe(self) -> (Self, File) {
        let pipe = self.path("pipe");
        let (kind, mode) = (FileType::Fifo, Mode::RUSR | Mode::WUSR);
        mknodat(CWD, &pipe, kind, mode, 0).expect("a pipe can be made");
        (self.set("output", json!("pipe")), reader(&pipe))
    }

    /// Removes a folder in it, with everything below.
    ///
    /// # Panics
    /// Where that fails.
    pub fn remove(&self, name: &str) {
        fs::remove_dir_all(self.directory.path().join(name)).expect("a folder");
    }

    /// With this variable in the daemon's environment.
    #[must_use]
    pub fn environment(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.insert(name, value.into());
        self
    }

    /// With a daemon that can have no other capabilities than these, as a service manager bounds
    /// it.
    #[must_use]
    pub const fn bounded(mut self, capabilities: CapabilitySet) -> Self {
        self.bounds = Some(capabilities);
        self
    }

    /// With a daemon that runs as the user and group with this number, and has what it is bounded by as
    /// ambient capabilities, as a service manager starts it. The folder is given to that user.
    ///
    /// # Panics
    /// Where files cannot be given away.
    #[must_use]
    pub fn as_user(mut self, user: u32) -> Self {
        let give =
            |path: &Path| chown(path, Some(user), Some(user)).expect("root may give it away");
        // Where the program is the user may not be allowed to look.
        fs::copy(sekisho().get_program(), self.path(PROGRAM)).expect("SEKISHO_BIN can be read");
        give(self.directory.path());
        for entry in fs::read_dir(self.directory.path()).expect("a folder") {
            give(&entry.expect("an entry").path());
        }
        self.user = Some(user);
        self
    }

    /// Starts the daemon in the receiver's namespace, and waits until it is ready.
    ///
    /// # Panics
    /// Where it does not become ready.
    pub fn start(&self, wire: &Wire, options: &[&str]) -> Daemon {
        let mut daemon = self.spawn(wire, options);
        until("the daemon to be ready", || {
            let ended = daemon.child.try_wait().expect("our own child");
            let log = daemon.log();
            assert_eq!(ended, None, "it ended before it was ready: {log}");
            log.lines().any(|line| line == "sekisho: ready").then_some(())
        });
        daemon
    }

    /// Starts the daemon in the receiver's namespace, and does not wait for it.
    ///
    /// # Panics
    /// Where it cannot be started.
    pub fn begin(&self, wire: &Wire) -> Daemon {
        self.spawn(wire, &[])
    }

    /// Starts the daemon where it must not start, and returns its exit status and what it said.
    ///
    /// # Panics
    /// Where it does start.
    pub fn refusal(&self, wire: &Wire) -> (Option<i32>, String) {
        let mut daemon = self.spawn(wire, &[]);
        let status = until("the daemon to refuse", || {
            let log = daemon.log();
            assert!(!log.contains("sekisho: ready"), "it started");
            daemon.child.try_wait().expect("our own child")
        });
        (status.code(), daemon.log())
    }

    /// Whether a daemon left, or made, something to write to.
    pub fn is_untouched(&self) -> bool {
        ![RECORDS, SOCKET].iter().any(|name| self.directory.path().join(name).exists())
    }

    fn spawn(&self, wire: &Wire, options: &[&str]) -> Daemon {
        let directory = self.directory.path();
        self.configure();
        let log = File::create(directory.join(LOG)).expect("files can be written");
        let mut command = self.user.map_or_else(sekisho, |user| {
            let mut command = Command::new(directory.join(PROGRAM));
            command.uid(user).gid(user);
            command
        });
        command.args(["run", "--config"]).arg(directory.join(CONFIG)).args(options);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).envs(&self.environment);
        let (bounds, user) = (self.bounds, self.user);
        // It stays in the namespace that it was started from, and in the bounds of the thread.
        let child = wire.receiver.inside(|| {
            if let Some(bounds) = bounds {
                if user.is_some() {
                    keep_over_a_change_of_user(bounds);
                }
                draw_bounds(bounds);
            }
            command.spawn()
        });
        let child = child.expect("SEKISHO_BIN can be run");
        Daemon { child, directory: Arc::clone(&self.directory) }
    }
}

/// A reader of a pipe, which need not have a writer yet; it waits for what is written once it has.
///
/// # Panics
/// Where it cannot be opened.
pub fn reader(pipe: &Path) -> File {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let reader = open(pipe, flags, Mode::empty()).expect("a pipe");
    fcntl_setfl(&reader, OFlags::empty()).expect("a pipe");
    reader.into()
}

/// Leaves this thread, and what it starts, with a chance of these capabilities only.
fn draw_bounds(bounds: CapabilitySet) {
    for bit in 0..u64::BITS {
        let one = CapabilitySet::from_bits_retain(1 << bit);
        if !bounds.contains(one) && remove_capability_from_bounding_set(one).is_err() {
            // The kernel knows no capability of this number, nor of any higher one.
            return;
        }
    }
}

/// Leaves what this thread starts with these capabilities whichever user it becomes, and with none that it gets
/// by being root.
fn keep_over_a_change_of_user(kept: CapabilitySet) {
    let bits = CapabilitiesSecureBits::NO_SETUID_FIXUP;
    set_capabilities_secure_bits(bits).expect("root may say so");
    let held = capabilities(None).expect("what this thread may do");
    set_capabilities(None, CapabilitySets { inheritable: kept, ..held })
        .expect("no more than it has");
    for one in kept.iter() {
        configure_capability_in_ambient_set(one, true).expect("it is inheritable");
    }
}

/// What came of a command.
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
    /// Where it cannot be run.
    pub fn of(command: &mut Command) -> Self {
        let done = command.stdin(Stdio::null()).output().expect("the command can be run");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { status: done.status.code(), output: text(&done.stdout), errors: text(&done.stderr) }
    }

    /// What it printed, where it did well.
    ///
    /// # Panics
    /// Where it did not.
    pub fn good(self) -> String {
        assert_eq!(self.status, Some(0), "{}", self.errors);
        self.output
    }
}

/// The command `sekisho`.
///
/// # Panics
/// Where the test does not know which one.
pub fn sekisho() -> Command {
    let program = std::env::var_os("SEKISHO_BIN");
    Command::new(
        program.expect("this test needs SEKISHO_BIN: run `cargo xtask test`, which sets it"),
    )
}

/// A running daemon. Dropping it kills it.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    // Removed after the child was killed, and not before.
    directory: Arc<TempDir>,
}

impl Daemon {
    /// Where a file of this name is in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What it said on standard error.
    ///
    /// # Panics
    /// Where that cannot be read.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path(LOG)).expect("its log")
    }

    /// Runs a command that asks this daemon.
    ///
    /// # Panics
    /// Where it cannot be run.
    pub fn ask(&self, arguments: &[&str]) -> Answer {
        Answer::of(sekisho().args(arguments).arg("--socket").arg(self.socket()))
    }

    /// The same, to be waited for later.
    ///
    /// # Panics
    /// Where it cannot be run.
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

    /// What `sekisho status --json` says.
    ///
    /// # Panics
    /// Where it fails.
    pub fn status(&self) -> Books {
        Books::read(&self.ask(&["status", "--json"]).good())
    }

    /// The whole lines that are in its output now.
    ///
    /// # Panics
    /// Where one of them is no record.
    pub fn records(&self) -> Vec<Line> {
        let text = self.output();
        let (whole, _) = text.rsplit_once('\n').unwrap_or_default();
        Line::read_all(whole)
    }

    /// The lines of a file in its folder; none where there is no such file.
    pub fn lines(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.path(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Where its output is.
    pub fn output_path(&self) -> PathBuf {
        self.path(RECORDS)
    }

    /// Its output as it is.
    ///
    /// # Panics
    /// Where that cannot be read.
    pub fn output(&self) -> String {
        fs::read_to_string(self.path(RECORDS)).expect("its output")
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// Where it has ended.
    pub fn signal(&self, signal: Signal) {
        // It has not been waited for, so its number is still its own.
        let number = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(number.expect("a process number"), signal).expect("it runs");
    }

    /// Stops it in the middle of whatever it does, and returns once none of its threads runs.
    ///
    /// # Panics
    /// Where they do not stop.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
        let threads = PathBuf::from(format!("/proc/{}/task", self.child.id()));
        until("all threads to stand still", || {
            let mut threads = fs::read_dir(&threads).expect("procfs is mounted");
            threads.all(|thread| is_stopped(&thread.expect("a thread").path())).then_some(())
        });
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Its exit status, if it has ended.
    ///
    /// # Panics
    /// Where the system does not say.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("our own child")
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    /// Where it does not end.
    pub fn wait(&mut self) -> ExitStatus {
        until("the daemon to end", || self.ended())
    }

    /// Asks it to end, which it must do well, and returns all records.
    ///
    /// # Panics
    /// Where it does not end well, or its output is not whole.
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
        // Both fail where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The state of a thread stands behind its name, which is in parentheses.
fn is_stopped(thread: &Path) -> bool {
    let text = fs::read_to_string(thread.join("stat")).unwrap_or_default();
    text.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('T'))
}

/// What a daemon says of itself.
#[derive(Debug)]
pub struct Books(Status);

impl Books {
    /// Reads what `sekisho status --json` printed.
    ///
    /// # Panics
    /// Where that is no status.
    pub fn read(text: &str) -> Self {
        Self(serde_json::from_str(text).expect("a status"))
    }

    /// Packets of the wire's direction with this outcome.
    pub fn count(&self, outcome: Outcome) -> u64 {
        let rows = self.0.interfaces.iter().filter_map(|one| one.outcomes.get(DIRECTION));
        rows.filter_map(|row| row.get(outcome.name())).sum()
    }

    /// Packets with any outcome, of any direction or none.
    pub fn packets(&self) -> u64 {
        let columns = self.0.interfaces.iter().flat_map(|one| one.outcomes.values());
        columns.flat_map(BTreeMap::values).sum()
    }

    /// Records submitted, and lost.
    pub fn records(&self) -> (u64, u64) {
        let interfaces = &self.0.interfaces;
        (
            interfaces.iter().map(|one| one.records).sum(),
            interfaces.iter().map(|one| one.lost).sum(),
        )
    }

    /// The default routes that its first interface carries, in words.
    pub fn default_route(&self) -> Option<String> {
        self.0.interfaces.first()?.default_route.clone()
    }

    /// What became of every record.
    pub const fn account(&self) -> &RecordsStatus {
        &self.0.records
    }

    /// The capacity share in bytes per second, while there is one.
    pub fn share(&self) -> Option<u64> {
        self.0.share.map(|share| share.bytes_per_second)
    }

    /// Milliseconds for which the kernel goes on selecting without a sign of life.
    pub const fn lease(&self) -> u64 {
        self.0.lease.remaining_ms
    }

    /// What the daemon may do to the machine.
    pub const fn privileges(&self) -> &Privileges {
        &self.0.privileges
    }

    /// The state of the only order.
    ///
    /// # Panics
    /// Where there are none, or several.
    pub fn state(&self) -> &str {
        let [OrderStatus { state, .. }] = self.0.orders.as_slice() else { panic!("one order") };
        state
    }

    /// The state of every order, in the order of their installation.
    pub fn states(&self) -> Vec<&str> {
        self.0.orders.iter().map(|order| order.state.as_str()).collect()
    }
}

/// One record of a packet of a stream.
#[derive(Clone, Debug)]
pub struct Line {
    /// `event.sequence`.
    pub sequence: u64,
    /// `@timestamp`.
    pub time: Timestamp,
    /// The packet's number in its stream.
    pub packet: usize,
    /// The order that selected it.
    pub order: String,
}

impl Line {
    /// The records of a text of whole lines.
    ///
    /// # Panics
    /// Where one of them is no record.
    pub fn read_all(text: &str) -> Vec<Self> {
        text.lines().map(Self::read).collect()
    }

    fn read(line: &str) -> Self {
        let read = || {
            let record: Value = serde_json::from_str(line).ok()?;
            let port = record["destination"]["port"].as_u64()?;
            Some(Self {
                sequence: record["event"]["sequence"].as_u64()?,
                time: record["@timestamp"].as_str()?.parse().ok()?,
                packet: usize::try_from(port.checked_sub(FIRST_PORT.into())?).ok()?,
                order: record["sekisho"]["order_id"].as_str()?.to_owned(),
            })
        };
        read().unwrap_or_else(|| panic!("no record of a stream: {line}"))
    }
}
