//! The sensor that is attacked, the traffic on its wire, and what an attack does to them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::Signal;
use serde_json::json;

use super::Report;
use super::attack::Attack;
use super::crowd::Crowd;
use super::judge::{Judge, Verdict};
use crate::daemon::{Daemon, Folder, Line, order, sekisho};
use crate::network::{FAR, RECEIVER, SENDER, Wire};
use crate::pins::PinFolder;
use crate::small_disk::SmallDisk;
use crate::stream::{FIRST_PORT, MOST};
use crate::wait::{after, until};

/// How long a halt may take, from the command's start to its end.
pub(super) const HALT_LIMIT: Duration = Duration::from_secs(1);

/// Between two packets. It only sets their rate: nothing waits for it.
const PAUSE: Duration = Duration::from_millis(1);

/// After so many packets, those that were on their way before are judged.
const BEHIND: u64 = 4;

/// Connections of one press: together far more than a process may have descriptors by default.
const PRESS: usize = 600;

const HTTP: &str = "127.0.0.1:9617";
const RECORDS: &str = "out/records.ndjson";
const STATE: &str = "disk/state";

/// Traffic that never stops: most of it selected, some not.
struct Traffic {
    stop: Arc<AtomicBool>,
    sender: Option<JoinHandle<()>>,
}

impl Traffic {
    fn start(wire: &Wire) -> Self {
        let socket = wire.sender.inside(|| UdpSocket::bind((SENDER, 0)).expect("its own address"));
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let sender = std::thread::spawn(move || {
            let ports = (FIRST_PORT - 1..FIRST_PORT + MOST).cycle();
            for port in ports.take_while(|_| !stopped.load(Ordering::Relaxed)) {
                // An interface that is down takes none.
                let _ = socket.send_to(b"hello", (RECEIVER, port));
                let _ = socket.send_to(b"hello", (RECEIVER, FIRST_PORT - 1));
                std::thread::sleep(PAUSE);
            }
        });
        Self { stop, sender: Some(sender) }
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Not a reason to panic within a panic.
        let _ = self.sender.take().map(JoinHandle::join);
    }
}

/// Prints what the daemon said if the test fails.
impl Drop for World {
    fn drop(&mut self) {
        if let (true, Some(daemon)) = (std::thread::panicking(), &self.daemon) {
            eprintln!("what the daemon said:\n{}", daemon.log());
        }
    }
}

/// The sensor and everything around it.
pub(super) struct World {
    // In the order in which they go: the daemon before what it stands on.
    daemon: Option<Daemon>,
    frozen: bool,
    crowd: Crowd,
    traffic: Option<Traffic>,
    judge: Judge,
    pins: PinFolder,
    wire: Wire,
    state_disk: SmallDisk,
    output_disk: SmallDisk,
    folder: Folder,
    /// How many records there were when the last halt returned, until selection is resumed.
    halted_at: Option<u64>,
    /// Files that outputs were moved to.
    moved: Vec<PathBuf>,
    /// Makes choices differ: which pin, which way to halt.
    turn: usize,
    report: Report,
}

impl World {
    pub(super) fn new() -> Self {
        let (wire, pins) = (Wire::new(), PinFolder::new());
        wire.receiver.ip("link set lo up");
        let now = Timestamp::now();
        let order = order("one", after(now, -3_600_000), after(now, 24 * 3_600_000));
        let folder = Folder::with_order(&order)
            .set("pin", json!(pins.path()))
            .set("state", json!(STATE))
            .set("output", json!(RECORDS))
            .set("http", json!(HTTP));
        // An hour of such a life is to be written down.
        let state_disk = SmallDisk::mount(folder.path("disk"), 16 << 10);
        let output_disk = SmallDisk::mount(folder.path("out"), 128 << 10);
        let daemon = folder.start(&wire, &[]);
        let judge = Judge::new(&pins);
        let traffic = Some(Traffic::start(&wire));
        let world = Self {
            daemon: Some(daemon),
            frozen: false,
            crowd: Crowd::default(),
            traffic,
            judge,
            pins,
            wire,
            state_disk,
            output_disk,
            folder,
            halted_at: None,
            moved: Vec::new(),
            turn: 0,
            report: Report::default(),
        };
        world.selects();
        world
    }

    /// Carries out an attack, and looks whether all holds that must.
    pub(super) fn suffer(&mut self, attack: Attack) {
        self.turn += 1;
        self.report.attacks += 1;
        match attack {
            Attack::Kill => self.kill(),
            Attack::HandOver => self.hand_over(),
            Attack::Freeze => self.freeze(),
            Attack::Thaw => self.thaw(),
            Attack::FillState => self.state_disk.fill(),
            Attack::FillOutput => self.output_disk.fill(),
            Attack::Free => self.free(),
            Attack::PressOnHttp => {
                let port: SocketAddr = HTTP.parse().expect("an address");
                self.crowd.press_on_http(&self.wire.receiver, port, PRESS);
            }
            Attack::PressOnControl => {
                self.crowd.press_on_control(&self.folder.path("control.sock"), PRESS);
            }
            Attack::Disperse => self.crowd.disperse(),
            Attack::Rotate => self.rotate(),
            Attack::Unpin => self.unpin(),
            Attack::Detach => self.detach(),
            Attack::Flap => {
                self.wire.receiver.ip(&format!("link set {FAR} down"));
                self.wire.receiver.ip(&format!("link set {FAR} up"));
            }
            Attack::Reload => self.ask_aside(&["reload"]),
            Attack::InstallNonsense => {
                let path = self.folder.write("nonsense.dsse", "{\"payload\":");
                self.ask_aside(&["order", "install", &path.display().to_string()]);
            }
            Attack::Halt => self.halt(),
            Attack::Resume => self.resume(),
        }
        if self.crowd.len() > 4 * PRESS {
            self.crowd.disperse();
        }
        self.still_stands();
    }

    /// Ends the siege: everything that was submitted is found.
    pub(super) fn lift(mut self) -> Report {
        self.crowd.disperse();
        self.running();
        self.free();
        if self.halted_at.is_some() {
            self.resume();
        }
        self.selects();
        self.traffic = None;
        let submitted = self.judge.verdict().records;
        let mut daemon = self.daemon.take().expect("it runs");
        daemon.signal(Signal::TERM);
        let status = daemon.wait();
        assert!(status.success(), "{status}: {}", daemon.log());
        let mut files = std::mem::take(&mut self.moved);
        files.push(self.folder.path(RECORDS));
        let mut seen = BTreeSet::new();
        let mut lines = 0_u64;
        for file in files {
            for record in Line::read_all(&fs::read_to_string(file).expect("an output")) {
                lines += 1;
                seen.insert(record.sequence);
            }
        }
        let distinct = seen.len() as u64;
        let aside = self.set_aside();
        assert_eq!(
            (lines, distinct, aside),
            (submitted, submitted, BTreeMap::new()),
            "each record once: {}",
            daemon.log()
        );
        self.report.records = submitted;
        self.report
    }

    /// Records that were set aside, by reason.
    fn set_aside(&self) -> BTreeMap<String, u64> {
        let path = self.folder.path(STATE).join("set-aside.ndjson");
        let text = fs::read_to_string(path).unwrap_or_default();
        let mut counts = BTreeMap::new();
        for line in text.lines() {
            let line: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
            *counts.entry(line["reason"].to_string()).or_default() += 1;
        }
        counts
    }

    /// The daemon, which runs from now on if it did not before.
    fn running(&mut self) -> &mut Daemon {
        if self.frozen {
            self.thaw();
        }
        if self.daemon.is_none() {
            self.free();
            self.daemon = Some(self.folder.start(&self.wire, &[]));
        }
        self.daemon.as_mut().expect("it was started")
    }

    fn kill(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.signal(Signal::KILL);
            daemon.wait();
            self.frozen = false;
        } else {
            self.running();
        }
    }

    fn hand_over(&mut self) {
        self.free();
        let daemon = self.running();
        daemon.signal(Signal::USR2);
        let status = daemon.wait();
        assert!(status.success(), "{status}: {}", daemon.log());
        self.daemon = None;
        self.running();
    }

    fn freeze(&mut self) {
        self.running().freeze();
        self.frozen = true;
    }

    fn thaw(&mut self) {
        if let (true, Some(daemon)) = (self.frozen, &self.daemon) {
            daemon.thaw();
        }
        self.frozen = false;
    }

    fn free(&mut self) {
        self.state_disk.make_room();
        self.output_disk.make_room();
    }

    fn rotate(&mut self) {
        let moved = self.folder.path(&format!("{RECORDS}.{}", self.turn));
        self.running();
        let old = self.folder.path(RECORDS);
        // It may not have been made anew since the last time.
        if fs::rename(&old, &moved).is_ok() {
            self.moved.push(moved);
        }
        self.running().signal(Signal::HUP);
    }

    fn unpin(&mut self) {
        self.running();
        let folder = self.pins.of(FAR);
        let mut paths: Vec<PathBuf> =
            fs::read_dir(folder).expect("pins").map(|entry| entry.expect("a pin").path()).collect();
        paths.sort();
        let path = paths[self.turn % paths.len()].clone();
        eprintln!("            {}", path.display());
        fs::remove_file(&path).expect("a pin");
        until("the pin to be put back", || path.exists().then_some(()));
    }

    fn detach(&mut self) {
        self.running();
        let link = self.pins.of(FAR).join("link-native");
        let mut bpftool = Command::new("bpftool");
        bpftool.args(["link", "detach", "pinned"]).arg(link).stdout(Stdio::null());
        assert!(bpftool.status().expect("bpftool is here").success(), "a link can be detached");
        until("the program to be attached again", || self.wire.has_program().then_some(()));
    }

    /// Asks the daemon something without waiting for the answer.
    fn ask_aside(&mut self, arguments: &[&str]) {
        let mut child = self.running().begin(arguments);
        std::thread::spawn(move || child.wait());
    }

    fn halt(&mut self) {
        let state = self.folder.path(STATE);
        let mut command = sekisho();
        command.args(["halt", "--operator", "siege"]);
        if self.turn.is_multiple_of(2) {
            command.arg("--state").arg(state);
        } else {
            command.arg("--socket").arg(self.folder.path("control.sock"));
        }
        let start = Instant::now();
        let output = command.stdin(Stdio::null()).output().expect("SEKISHO_BIN can be run");
        let took = start.elapsed();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "halt: {}: {words}", output.status);
        assert!(took < HALT_LIMIT, "halt took {took:?}");
        self.report.halts += 1;
        self.report.slowest = self.report.slowest.max(took);
        // Packets that are being judged at this very moment may be judged to their end.
        self.judged(BEHIND);
        self.halted_at.get_or_insert(self.judge.verdict().recorded);
    }

    fn resume(&mut self) {
        self.free();
        let daemon = self.running();
        let answer = daemon.ask(&["resume", "--operator", "siege", "--reason", "a test"]);
        assert_eq!(answer.status, Some(0), "{answer:?}: {}", daemon.log());
        self.halted_at = None;
        self.selects();
    }

    /// Waits until so many packets more are judged, as far as any come.
    fn judged(&self, packets: u64) {
        let before = self.judge.verdict().packets;
        until("packets to be judged", || {
            (self.judge.verdict().packets >= before + packets || !self.wire.has_program())
                .then_some(())
        });
    }

    fn selects(&self) {
        let before = self.judge.verdict().recorded;
        until("records", || (self.judge.verdict().recorded > before).then_some(()));
    }

    fn still_stands(&mut self) {
        self.judged(BEHIND);
        let Verdict { recorded, .. } = self.judge.verdict();
        if let Some(before) = self.halted_at {
            assert_eq!(recorded, before, "it selects although it is halted");
        }
        if let Some(daemon) = &mut self.daemon {
            let ended = daemon.ended();
            assert_eq!(ended, None, "the daemon ended by itself: {}", daemon.log());
        }
    }
}
