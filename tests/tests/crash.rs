//! The real command against the real disk, killed at every call that it makes of the system: what is
//! found afterwards is the state before or the state after, and the next command goes on from there.
//! What a power cut can do besides, no process sees: that is tested over a simulated disk.

use std::fs;
use std::path::Path;
use std::process::Command;

use jiff::Timestamp;
use sekisho_tests::authority::{Signed, signed, trust_file};
use sekisho_tests::daemon::{Answer, order, sekisho};
use sekisho_tests::wait::after;
use serde_json::Value;
use tempfile::TempDir;

/// Every call with which a command changes a disk, or gets ready to.
const CALLS: [&str; 7] = ["openat", "write", "fsync", "rename", "mkdir", "ftruncate", "flock"];

/// More than a command makes of any of them.
const MOST: usize = 200;

struct Desk(TempDir);

impl Desk {
    /// A state directory without orders, and a signed order.
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().expect("a folder"));
        let write = |name: &str, text: &str| {
            fs::write(desk.0.path().join(name), text).expect("files can be written");
        };
        write("trust.json", &trust_file());
        let now = Timestamp::now();
        let payload = order("one", after(now, 3_600_000), after(now, 7_200_000));
        let Signed { basis, order } = signed(&payload);
        write("one.dsse", &order);
        write("one-basis.dsse", &basis);
        let mut init = sekisho();
        init.args(["trust", "init", "--facility", "test-gw", "--state"]);
        init.arg(desk.path("first")).arg(desk.path("trust.json"));
        Answer::of(&mut init).good();
        desk
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// A copy of the first state.
    fn fresh(&self, name: &str) -> String {
        let state = self.path(name);
        copy(Path::new(&self.path("first")), Path::new(&state));
        fs::copy(self.path("first.anchor"), format!("{state}.anchor")).expect("an anchor");
        state
    }

    fn orders(state: &str) -> usize {
        let list = Answer::of(sekisho().args(["order", "list", "--json", "--state", state])).good();
        let list: Value = serde_json::from_str(&list).expect("a list");
        list["orders"].as_array().expect("orders").len()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("directories can be made");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("files can be copied");
        }
    }
}

/// Runs a command that is killed when it makes a call for the `when`th time.
fn killed(call: &str, when: usize, arguments: &[&str]) -> Answer {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
    strace.args(["-e", &format!("inject={call}:signal=SIGKILL:when={when}")]);
    strace.arg(sekisho().get_program()).args(arguments);
    Answer::of(&mut strace)
}

#[test]
fn a_command_killed_anywhere_leaves_the_old_or_the_new_state() {
    let desk = Desk::new();
    let (order, basis, mut found) = (desk.path("one.dsse"), desk.path("one-basis.dsse"), [0, 0]);
    for call in CALLS {
        let mut kills = 0;
        for when in 1..MOST {
            let state = desk.fresh(&format!("{call}-{when}"));
            let install = ["order", "install", "--state", &state, &order, &basis];
            let answer = killed(call, when, &install);
            let orders = Desk::orders(&state);
            assert!(orders <= 1, "{call} {when}");
            if answer.status == Some(0) {
                assert_eq!(orders, 1, "{call} {when}: done, but not there");
                break;
            }
            assert_eq!(answer.status, None, "{call} {when}: {}", answer.errors);
            kills += 1;
            found[orders] += 1;
            // Whatever it left, the next one goes on from there.
            let halt = ["halt", "--state", &state];
            Answer::of(sekisho().args(halt)).good();
            assert_eq!(Desk::orders(&state), orders, "{call} {when}: once found, it stays");
            Answer::of(sekisho().args(install)).good();
            assert_eq!(Desk::orders(&state), 1, "{call} {when}");
            let events = fs::read_to_string(format!("{state}/events.ndjson")).expect("events");
            let count = |event: &str| events.matches(&format!("\"event\":\"{event}\"")).count();
            assert_eq!((count("installed"), count("halted")), (1, 1), "{call} {when}: {events}");
        }
        assert!(kills < MOST - 2, "{call}: the command never got through");
        if ["fsync", "rename", "write", "openat"].contains(&call) {
            assert!(kills > 1, "{call}: killed {kills} times only");
        }
    }
    assert!(found.iter().all(|count| *count > 3), "both are found: {found:?}");
}
