//! The folder in which a daemon is started, with its configuration and everything that it reads and writes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use jiff::Timestamp;
use rustix::fs::{CWD, FileType, Mode, OFlags, fcntl_setfl, mknodat, open};
use rustix::thread::CapabilitySet;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::bounds::{draw_bounds, keep_over_a_change_of_user};
use super::command::{Answer, sekisho};
use super::{DIRECTION, Daemon, LOG, RECORDS, SOCKET};
use crate::authority::{Signed, payload, signed, trust_file};
use crate::network::{FAR, SENDER, Wire};
use crate::privilege::require_kernel;
use crate::stream::{FIRST_PORT, MOST};
use crate::wait::until;

const CONFIG: &str = "sekisho.toml";
const PROGRAM: &str = "sekisho";
const STATE: &str = "state";

const DIRECTION_INPUTS: &str = r#"

[direction]
domestic = ["domestic.txt"]
foreign = ["foreign.txt"]
"#;

/// The payload of an order with this term, which selects the packets of a stream.
pub fn order(id: &str, not_before: Timestamp, not_after: Timestamp) -> Value {
    let ports = format!("{FIRST_PORT}-{}", FIRST_PORT + (MOST - 1));
    let sets = json!({"c2": [SENDER]});
    let rules =
        json!([{"id": "r", "source": "c2", "protocol": "udp", "destination_ports": [ports]}]);
    let mut order = payload(id, DIRECTION, &sets, &rules);
    order["not_before"] = json!(not_before.to_string());
    order["not_after"] = json!(not_after.to_string());
    order
}

/// A folder with everything that a daemon reads and writes.
#[derive(Clone, Debug)]
pub struct Folder {
    directory: Arc<TempDir>,
    settings: BTreeMap<&'static str, Value>,
    /// Families of addresses of which none is domestic.
    without_domestic: Value,
    environment: BTreeMap<&'static str, OsString>,
    bounds: Option<CapabilitySet>,
    user: Option<u32>,
}

impl Folder {
    /// A folder with these orders and what they rest on (`0.json` on `0-basis.json`), for a sensor in mode
    /// `tap` at the receiver's end of a wire.
    ///
    /// # Panics
    /// If the test cannot run here, or files cannot be written.
    pub fn new(orders: &[Signed]) -> Self {
        require_kernel();
        let directory = Arc::new(tempfile::tempdir().expect("a folder"));
        let write = |name: &str, text: &str| {
            fs::write(directory.path().join(name), text).expect("files can be written");
        };
        let mut names = Vec::new();
        for (number, Signed { basis, order }) in orders.iter().enumerate() {
            for (name, text) in
                [(format!("{number}.json"), order), (format!("{number}-basis.json"), basis)]
            {
                write(&name, text);
                names.push(name);
            }
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
        Self {
            directory,
            settings,
            without_domestic: json!(["ipv6"]),
            environment: BTreeMap::new(),
            bounds: None,
            user: None,
        }
    }

    /// A folder with one order and what it rests on.
    pub fn with_order(order: &Value) -> Self {
        Self::new(&[signed(order)])
    }

    /// Writes an order and what it rests on, and returns where they are, as arguments of a command.
    ///
    /// # Panics
    /// If the plan has no id.
    pub fn write_order(&self, plan: &Value) -> [String; 2] {
        let id = plan["order_id"].as_str().expect("an id");
        let Signed { basis, order } = signed(plan);
        [(format!("{id}.dsse"), order), (format!("{id}-basis.dsse"), basis)]
            .map(|(name, text)| self.write(&name, &text).to_str().expect("a plain path").to_owned())
    }

    /// Changes or adds this key of the configuration.
    #[must_use]
    pub fn set(mut self, key: &'static str, value: Value) -> Self {
        self.settings.insert(key, value);
        self
    }

    /// Replaces the lists of domestic and foreign prefixes; both name both families.
    ///
    /// # Panics
    /// If they cannot be written.
    #[must_use]
    pub fn directed(mut self, domestic: &str, foreign: &str) -> Self {
        self.write("domestic.txt", domestic);
        self.write("foreign.txt", foreign);
        self.without_domestic = json!([]);
        self
    }

    /// The path of a file.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file and returns its path.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.path(name), text).expect("files can be written");
        self.path(name)
    }

    /// Writes the configuration as it is now, for a daemon that is to read it again.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn configure(&self) {
        // JSON's strings, numbers and lists of them are TOML as well.
        let lines = self.settings.iter().map(|(key, value)| format!("{key} = {value}"));
        let lines = lines.collect::<Vec<_>>().join("\n");
        let without = format!("without_domestic = {}\n", self.without_domestic);
        self.write(CONFIG, &(lines + DIRECTION_INPUTS + &without));
    }

    /// Runs a command on the state directory while no daemon has it.
    ///
    /// # Panics
    /// If it cannot be run.
    pub fn command(&self, arguments: &[&str]) -> Answer {
        let mut command = sekisho();
        command.args(arguments).arg("--state").arg(self.path(STATE));
        Answer::of(&mut command)
    }

    /// Makes the output a pipe, and returns its reader.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn with_pipe(self) -> (Self, File) {
        let pipe = self.path("pipe");
        let (kind, mode) = (FileType::Fifo, Mode::RUSR | Mode::WUSR);
        mknodat(CWD, &pipe, kind, mode, 0).expect("a pipe can be made");
        (self.set("output", json!("pipe")), reader(&pipe))
    }

    /// Removes a folder in it, with all its contents.
    ///
    /// # Panics
    /// If that fails.
    pub fn remove(&self, name: &str) {
        fs::remove_dir_all(self.directory.path().join(name)).expect("a folder");
    }

    /// Sets a variable of the daemon's environment.
    #[must_use]
    pub fn environment(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.insert(name, value.into());
        self
    }

    /// Bounds the daemon to these capabilities, as a service manager does.
    #[must_use]
    pub const fn bounded(mut self, capabilities: CapabilitySet) -> Self {
        self.bounds = Some(capabilities);
        self
    }

    /// Makes the daemon run as the user and group with this number, with the capabilities of its bounds as
    /// ambient ones, as a service manager does. The folder is given to that user.
    ///
    /// # Panics
    /// If files cannot be given away.
    #[must_use]
    pub fn as_user(mut self, user: u32) -> Self {
        let give =
            |path: &Path| chown(path, Some(user), Some(user)).expect("root may give it away");
        // The user may not be able to read the program where it is.
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
    /// If it does not become ready.
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
    /// If it cannot be started.
    pub fn begin(&self, wire: &Wire) -> Daemon {
        self.spawn(wire, &[])
    }

    /// Starts a daemon that must refuse to start, and returns its exit status and what it said.
    ///
    /// # Panics
    /// If it does start.
    pub fn refusal(&self, wire: &Wire) -> (Option<i32>, String) {
        let mut daemon = self.spawn(wire, &[]);
        let status = until("the daemon to refuse", || {
            let log = daemon.log();
            assert!(!log.contains("sekisho: ready"), "it started");
            daemon.child.try_wait().expect("our own child")
        });
        (status.code(), daemon.log())
    }

    /// Whether no daemon has made an output or a socket here.
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
        // It stays in the namespace and within the bounds of the thread that starts it.
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

/// A reader of a pipe, which may have no writer yet. Once it has one, reads wait for data.
///
/// # Panics
/// If it cannot be opened.
pub fn reader(pipe: &Path) -> File {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let reader = open(pipe, flags, Mode::empty()).expect("a pipe");
    fcntl_setfl(&reader, OFlags::empty()).expect("a pipe");
    reader.into()
}
