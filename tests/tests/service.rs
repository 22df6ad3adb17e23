//! `sekisho run` as a service: what its manager hears, what it may do to the machine, and who may
//! talk to it. The manager is the test; nothing here needs systemd.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::Signal;
use rustix::thread::CapabilitySet;
use sekisho_tests::daemon::{Books, Daemon, Folder, order};
use sekisho_tests::network::Wire;
use sekisho_tests::pins::PinFileSystem;
use sekisho_tests::stream::Stream;
use sekisho_tests::wait::{LIMIT, after, until};
use sensor_common::outcome::Outcome::Recorded;
use serde_json::json;
use tempfile::TempDir;

/// In milliseconds.
const HOUR: i64 = 3_600_000;

/// An order that is in force throughout the test.
fn in_force() -> Folder {
    let now = Timestamp::now();
    Folder::with_order(&order("one", after(now, -HOUR), after(now, HOUR)))
}

/// A service manager: the socket that a daemon tells it things over.
struct Manager {
    socket: UnixDatagram,
    folder: TempDir,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        Self { socket, folder }
    }

    /// The daemon's environment under this manager, with a watchdog of so long.
    fn over(&self, folder: Folder, watchdog: Duration) -> Folder {
        folder
            .environment("NOTIFY_SOCKET", self.folder.path().join("notify"))
            .environment("WATCHDOG_USEC", watchdog.as_micros().to_string())
    }

    /// The next line that comes within `patience`.
    fn next(&self, patience: Duration) -> Option<String> {
        let mut buffer = [0; 4_096];
        self.socket.set_read_timeout(Some(patience)).unwrap();
        let end = Instant::now() + patience;
        loop {
            match self.socket.recv(&mut buffer) {
                Ok(length) => return Some(String::from_utf8_lossy(&buffer[..length]).into_owned()),
                // A read with a timeout is not taken up again after a signal.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
            assert!(Instant::now() < end);
        }
    }

    /// Everything up to this line, and the line itself.
    fn until(&self, line: &str) -> Vec<String> {
        let mut heard = Vec::new();
        while heard.last().is_none_or(|last: &String| last.trim_end() != line) {
            let next = self.next(LIMIT);
            heard.push(next.unwrap_or_else(|| panic!("{line} never came: {heard:?}")));
        }
        heard
    }

    /// What has been sent, without waiting for more.
    fn pending(&self) -> Vec<String> {
        self.socket.set_nonblocking(true).unwrap();
        let mut buffer = [0; 4_096];
        let mut heard = Vec::new();
        while let Ok(length) = self.socket.recv(&mut buffer) {
            heard.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
        self.socket.set_nonblocking(false).unwrap();
        heard
    }
}

#[test]
fn the_manager_hears_of_every_stage_and_of_no_life_where_there_is_none() {
    let watchdog = Duration::from_secs(1);
    let wire = Wire::new();
    let manager = Manager::new();
    let mut daemon = manager.over(in_force(), watchdog).start(&wire, &[]);

    let starting = manager.until("READY=1");
    assert!(starting.iter().all(|line| !line.starts_with("STOPPING")), "{starting:?}");
    assert!(daemon.status().lease() > 0, "ready is who has a lease");
    manager.until("STATUS=orders: 0 waiting, 1 in force, 0 halted, 0 ended");
    // In time, each of them: half of the watchdog's time is left for a slow machine.
    for _ in 0..5 {
        let asked = Instant::now();
        manager.until("WATCHDOG=1");
        assert!(asked.elapsed() < watchdog, "{:?}", asked.elapsed());
    }

    daemon.freeze();
    manager.pending();
    assert_eq!(manager.next(2 * watchdog), None, "a daemon that stands still is alive");
    daemon.thaw();
    manager.until("WATCHDOG=1");

    daemon.signal(Signal::TERM);
    let last = manager.until("STOPPING=1");
    assert!(!last.iter().any(|line| line.starts_with("READY")), "{last:?}");
    assert!(daemon.wait().success(), "{}", daemon.log());
    assert_eq!(manager.pending(), Vec::<String>::new(), "nothing comes behind it");
}

#[test]
fn without_a_manager_nothing_is_different() {
    let wire = Wire::new();
    let lost =
        in_force().environment("NOTIFY_SOCKET", "/nonexistent").environment("WATCHDOG_USEC", "1");
    lost.start(&wire, &[]).finish();
}

/// The fields of every thread's status that say what it may do.
fn threads(daemon: &Daemon) -> Vec<BTreeMap<String, u64>> {
    const FIELDS: [&str; 6] = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs"];
    let tasks = fs::read_dir(format!("/proc/{}/task", daemon.id())).unwrap();
    let status = |task: std::io::Result<fs::DirEntry>| {
        // A thread of the pool may end in between.
        let text = fs::read_to_string(task.ok()?.path().join("status")).ok()?;
        let field = |line: &str| {
            let (name, value) = line.split_once(":\t")?;
            let value = u64::from_str_radix(value.trim(), 16).ok();
            FIELDS.contains(&name).then_some((name.to_owned(), value?))
        };
        Some(text.lines().filter_map(field).collect())
    };
    tasks.filter_map(status).collect()
}

fn assert_confined(daemon: &Daemon) {
    let bpf = CapabilitySet::BPF.bits();
    let expected: BTreeMap<String, u64> = [
        ("CapInh", 0),
        ("CapPrm", bpf),
        ("CapEff", bpf),
        ("CapBnd", 0),
        ("CapAmb", 0),
        ("NoNewPrivs", 1),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let threads = threads(daemon);
    assert!(threads.len() >= 3, "the loop and its workers: {threads:?}");
    for thread in threads {
        assert_eq!(thread, expected);
    }
}

/// A daemon whose order has not begun yet, and what it says of itself. A machine that is too slow to
/// ask before the beginning is given more time.
fn waiting(wire: &Wire) -> (Daemon, Books) {
    for ahead in [2_500, 5_000, 12_000] {
        let begin = after(Timestamp::now(), ahead);
        let folder = Folder::with_order(&order("one", begin, after(begin, HOUR)));
        let mut daemon = folder.start(wire, &[]);
        assert_confined(&daemon);
        let books = daemon.status();
        if books.state() == "waiting" {
            return (daemon, books);
        }
        daemon.finish();
    }
    panic!("the daemon takes too long to start");
}

#[test]
fn a_running_daemon_may_do_no_more_than_it_needs_and_that_is_enough() {
    let wire = Wire::new();
    let (mut daemon, books) = waiting(&wire);
    assert_eq!(books.privileges().capabilities, ["bpf"]);
    assert!(books.privileges().no_new_privs);

    // The order begins: tables are made, a generation is published, a deadline set.
    let stream = Stream::start(&wire);
    until("records", || (daemon.status().count(Recorded) >= 100).then_some(()));
    assert_confined(&daemon);
    stream.stop();
    assert!(daemon.finish().len() >= 100);
    assert!(!wire.has_program(), "to detach needs no capability");
}

#[test]
fn the_bounds_of_the_unit_are_enough_and_none_of_them_too_many() {
    let wire = Wire::new();
    let needed = [CapabilitySet::BPF, CapabilitySet::NET_ADMIN, CapabilitySet::PERFMON];
    let all = needed.iter().copied().collect::<CapabilitySet>();
    in_force().bounded(all).start(&wire, &[]).finish();
    for missing in needed {
        let folder = in_force().bounded(all.difference(missing));
        let (code, words) = folder.refusal(&wire);
        assert_eq!(code, Some(1), "without {missing:?}: {words}");
        assert_eq!(words.lines().count(), 1, "without {missing:?}: {words}");
        assert!(!wire.has_program());
    }
}

#[test]
fn a_user_of_its_own_leaves_pins_to_the_next_daemon_and_to_roots_halt() {
    /// Nobody's.
    const USER: u32 = 4_711;
    let (wire, pins) = (Wire::new(), PinFileSystem::of(USER));
    let given = [CapabilitySet::BPF, CapabilitySet::NET_ADMIN, CapabilitySet::PERFMON];
    let folder = in_force().set("pin", json!(pins.path())).bounded(given.into_iter().collect());
    let folder = folder.as_user(USER).set("lease_seconds", json!(60));
    let mut daemon = folder.start(&wire, &[]);
    assert_eq!(fs::metadata(format!("/proc/{}", daemon.id())).unwrap().uid(), USER);
    let stream = Stream::start(&wire);
    until("records", || (daemon.status().count(Recorded) >= 100).then_some(()));
    daemon.signal(Signal::KILL);
    daemon.wait();
    assert!(wire.has_program() && !pins.is_empty(), "it stays in the kernel");
    let mut daemon = folder.start(&wire, &[]);
    until("more", || (daemon.status().count(Recorded) >= 200).then_some(()));
    let sent = stream.stop().len();
    until("all", || (daemon.status().count(Recorded) == sent as u64).then_some(()));
    daemon.signal(Signal::KILL);
    daemon.wait();
    // Over the link beside the socket, and over the state directory, into which it writes.
    let halt = ["halt", "--operator", "op", "--reason", "a test"];
    for said in [daemon.ask(&halt).good(), folder.command(&halt).good()] {
        assert!(said.starts_with("the kernel selects nothing: far (read back)\n"), "{said}");
    }
    let mut daemon = folder.start(&wire, &[]);
    assert_eq!(daemon.status().states(), ["halted"]);
    assert_eq!(daemon.finish().len(), sent, "each packet once");
    assert!(!wire.has_program() && pins.is_empty(), "nothing is left");
}

#[test]
fn the_control_socket_belongs_to_its_group() {
    let wire = Wire::new();
    let mut daemon = in_force().set("control_group", json!(4_711)).start(&wire, &[]);
    let socket = fs::metadata(daemon.socket()).unwrap();
    assert_eq!((socket.gid(), socket.mode() & 0o777), (4_711, 0o660));
    daemon.finish();

    let unknown = in_force().set("control_group", json!("no-such-group"));
    let (code, words) = unknown.refusal(&wire);
    assert_eq!(code, Some(3), "{words}");
    assert!(words.contains("control_group: there is no group `no-such-group`"), "{words}");
    assert!(unknown.is_untouched() && !wire.has_program());
}
