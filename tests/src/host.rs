//! A test's own host, in namespaces: systemd is its first process, and the sensor is installed on it as
//! `docs/installing.md` says, at the receiver's end of a wire. After the test it is gone, with everything that
//! runs, is mounted or pinned in it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::authority::{Signed, signed, trust_file};
use crate::daemon::{Answer, Books, Line, sekisho};
use crate::network::{FAR, Wire};
use crate::privilege::require_kernel;
use crate::siege::judge::Judge;
use crate::wait::{in_time, until};

/// What the first process does before it is systemd.
const BOOT: &str = include_str!("host.sh");

/// How the sensor is installed on it, and what else is done to it there.
const INSTALLING: &str = include_str!("../../docs/installing.md");

/// Where the rest is.
const OPERATING: &str = include_str!("../../docs/operating.md");

/// Where `packaging/` is.
const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A shell goes into a control group and becomes `unshare`, whose child is the first process.
const ENTER: &str = "echo $$ > \"$1/cgroup.procs\"; shift; exec unshare --mount --pid --cgroup --uts \
                     --ipc --fork --kill-child sh -c \"$@\"";

/// Where the unit has the sensor's pins.
const PINS: &str = "run/bpf/sekisho";

/// A running host. Dropping it ends it.
#[derive(Debug)]
pub struct Host {
    child: Child,
    /// The process number of its first process, as the machine numbers it.
    first: u32,
    // In this order: removed after everything in them has ended.
    _group: ControlGroup,
    folder: TempDir,
}

impl Host {
    /// Boots a host in the receiver's network namespace, and installs the sensor on it with one order at
    /// hand and these settings besides those of the documentation. It is not started.
    ///
    /// # Panics
    /// Where the test cannot run here, the host does not come up, or the documentation is wrong.
    pub fn boot(wire: &Wire, order: &Value, settings: &str) -> Self {
        require_kernel();
        let host = Self::bare(wire);
        let clone = host.folder.path().join("clone");
        fs::create_dir_all(clone.join("target/release")).expect("a folder");
        let program = std::path::absolute(sekisho().get_program()).expect("a path");
        symlink(program, clone.join("target/release/sekisho")).expect("a link");
        symlink(Path::new(REPOSITORY).join("packaging"), clone.join("packaging")).expect("a link");
        let [toml, install] = &blocks(INSTALLING, "## Configuring")[..] else {
            panic!("two blocks")
        };
        // The share is that of the sensor that the documentation configures.
        let mut order = order.clone();
        let share = order["facility"]["max_share_percent"].clone();
        order["facility"]["sensors"] = json!({"tyo-gw-1a": share});
        let Signed { basis, order } = signed(&order);
        for (name, text) in [
            ("sekisho.toml", adapted(toml, settings).as_str()),
            ("trust.json", &trust_file()),
            ("approval.dsse", &basis),
            ("order.dsse", &order),
            ("nro-delegated-stats", STATISTICS),
        ] {
            fs::write(clone.join(name), text).expect("files can be written");
        }
        host.follow("Installing");
        host.shell(install);
        host
    }

    /// A host without the sensor.
    fn bare(wire: &Wire) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let copies = folder.path().join("copies");
        fs::create_dir(&copies).expect("a folder");
        let group = ControlGroup::new();
        let log = fs::File::create(folder.path().join("log")).expect("files can be written");
        let mut command = Command::new("sh");
        command.args(["-ec", ENTER, "enter"]).arg(&group.0).args([BOOT, "boot"]).arg(copies);
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file")).stderr(log);
        let child = wire.receiver.inside(|| command.spawn()).expect("`sh` can be run");
        let mut host = Self { child, first: 0, _group: group, folder };
        host.first = until("the host's first process", || host.first_process());
        until("the host to be up", || {
            host.expect_running();
            let answer = host.run(&["systemctl", "is-system-running"]);
            (answer.output == "running\n").then_some(())
        });
        host
    }

    /// Carries out the commands of a section of `docs/installing.md` that has one block of them, and returns
    /// what they printed.
    ///
    /// # Panics
    /// Where one fails.
    pub fn follow(&self, section: &str) -> String {
        let [commands] = &blocks(INSTALLING, &format!("## {section}"))[..] else {
            panic!("{section}: one block")
        };
        self.shell(commands)
    }

    /// Has logrotate do what `docs/operating.md` says.
    ///
    /// # Panics
    /// Where it does not do well.
    pub fn rotate(&self) {
        let [text] = &blocks(OPERATING, "### Rotation and retention")[..] else {
            panic!("one block")
        };
        let configuration = "etc/logrotate.d/sekisho";
        fs::write(self.path(configuration), text).expect("files can be written");
        let configuration = format!("/{configuration}");
        let rotate = ["logrotate", "--force", "--state", "/run/rotated", &configuration];
        let answer = self.run(&rotate);
        assert_eq!((answer.status, answer.errors.as_str()), (Some(0), ""));
    }

    fn shell(&self, commands: &str) -> String {
        let clone = self.folder.path().join("clone");
        let commands = format!("cd {}\n{commands}", clone.display());
        let answer = self.run(&["sh", "-exc", &commands]);
        let log = fs::read_to_string(self.path("run/log")).unwrap_or_default();
        assert_eq!(answer.status, Some(0), "{}; sekisho: {log}", answer.errors);
        answer.output
    }

    fn first_process(&mut self) -> Option<u32> {
        self.expect_running();
        let id = self.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).ok()?;
        children.split_whitespace().next()?.parse().ok()
    }

    fn expect_running(&mut self) {
        let ended = self.child.try_wait().expect("our own child");
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        assert_eq!(ended, None, "the host did not come up: {log}");
    }

    /// Runs a command on it, as root and outside of every unit.
    ///
    /// # Panics
    /// Where `nsenter` cannot be run.
    pub fn run(&self, command: &[&str]) -> Answer {
        let mut enter = Command::new("nsenter");
        enter.args(["--mount", "--pid", "--target", &self.first.to_string(), "--"]).args(command);
        Answer::of(&mut enter)
    }

    /// Runs `systemctl` on it, which must do well.
    ///
    /// # Panics
    /// Where it does not.
    pub fn systemctl(&self, arguments: &[&str]) -> String {
        let answer = self.run(&[&["systemctl"], arguments].concat());
        let log = fs::read_to_string(self.path("run/log")).unwrap_or_default();
        assert_eq!(answer.status, Some(0), "systemctl {arguments:?}: {answer:?}; sekisho: {log}");
        answer.output
    }

    /// The process number of the daemon, as the machine numbers it; none while there is no daemon.
    ///
    /// # Panics
    /// Where systemd or procfs does not say.
    pub fn daemon(&self) -> Option<u32> {
        let group = self.systemctl(&["show", "--property=ControlGroup", "--value", "sekisho"]);
        let group = group.trim();
        if group.is_empty() {
            return None;
        }
        let members =
            fs::read_to_string(self.path("sys/fs/cgroup").join(&group[1..]).join("cgroup.procs"));
        members.ok()?.lines().next()?.parse().ok()
    }

    /// A path on it, as it is reached from outside. `path` has no slash before it.
    pub fn path(&self, path: &str) -> PathBuf {
        Path::new("/proc").join(self.first.to_string()).join("root").join(path)
    }

    /// The daemon's own words, of all daemons so far.
    ///
    /// # Panics
    /// Where there are none.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("run/log")).expect("the unit's log")
    }

    /// What `sekisho status --json` says on it.
    ///
    /// # Panics
    /// Where it fails.
    pub fn status(&self) -> Books {
        Books::read(&self.run(&["sekisho", "status", "--json"]).good())
    }

    /// The records in a file in /var/lib/sekisho.
    ///
    /// # Panics
    /// Where there is none, or something else in it.
    pub fn records(&self, name: &str) -> Vec<Line> {
        let text = fs::read_to_string(self.path("var/lib/sekisho").join(name));
        Line::read_all(&text.expect("the output"))
    }

    /// The judge of what the kernel does, whatever process controls it.
    ///
    /// # Panics
    /// Where nothing is pinned.
    pub fn judge(&self) -> Judge {
        Judge::at(&self.pins().expect("pins").join(FAR))
    }

    /// The folder of the version's pins; none where nothing is pinned.
    ///
    /// # Panics
    /// Where the file system for pins is not there.
    pub fn pins(&self) -> Option<PathBuf> {
        let entries = fs::read_dir(self.path(PINS)).expect("a BPF file system");
        entries.map(|entry| entry.expect("an entry").path()).find(|path| path.is_dir())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // This fails if it has ended already. Its children end with it: see `unshare --kill-child`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The blocks under a heading of a document, as they stand there.
fn blocks(document: &str, heading: &str) -> Vec<String> {
    let (_, text) = document.split_once(&format!("\n{heading}\n")).expect("a section");
    let text = text.split_once("\n#").map_or(text, |(text, _)| text);
    let mut blocks = vec![String::new()];
    for line in text.lines() {
        match (line.strip_prefix("    "), blocks.last_mut()) {
            (Some(line), Some(block)) => block.extend([line, "\n"]),
            (None, Some(block)) if !block.is_empty() => blocks.push(String::new()),
            _ => {}
        }
    }
    blocks.retain(|block| !block.is_empty());
    blocks
}

/// The networks of a wire, as if registries had given them to somebody.
const STATISTICS: &str = "2|nro|20270101|4|19830101|20261231|+0000
nro|*|ipv4|*|3|summary
nro|*|ipv6|*|1|summary
apnic|JP|ipv4|203.0.113.0|256|20110412|assigned|a|e-stats
arin|US|ipv4|198.51.100.0|256|20110412|assigned|b|e-stats
arin|US|ipv4|192.0.2.0|256|20110412|assigned|b|e-stats
apnic|JP|ipv6|2001:db8:d::|48|20110412|assigned|a|e-stats
";

/// The configuration of the documentation, for a sensor on a wire.
fn adapted(toml: &str, settings: &str) -> String {
    let far = format!("interfaces = [\"{FAR}\"]");
    let direction = format!("ring_bytes = 1048576\n{settings}\n[direction]");
    let mut adapted = toml.to_owned();
    for (documented, here) in [
        ("facility = \"tyo-gw-1\"", "facility = \"test-gw\""),
        ("interfaces = [\"eth1\"]", &far),
        ("[direction]", &direction),
    ] {
        assert_eq!(adapted.matches(documented).count(), 1, "{documented}");
        adapted = adapted.replace(documented, here);
    }
    adapted
}

/// A control group (version 2). Dropping it waits until all in it has ended, and removes it.
#[derive(Debug)]
struct ControlGroup(PathBuf);

impl ControlGroup {
    fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let mounts = fs::read_to_string("/proc/self/mountinfo").expect("procfs is mounted");
        let place = mounts.lines().find_map(|line| {
            let (mount, kind) = line.split_once(" - ")?;
            kind.starts_with("cgroup2 ").then(|| mount.split(' ').nth(4))?
        });
        let place = place.expect("control groups of version 2 are mounted");
        let path = format!("{place}/sekisho-test-{}-{number}", std::process::id());
        fs::create_dir(&path).expect("root may make a control group");
        Self(path.into())
    }

    fn is_empty(&self) -> bool {
        let events = fs::read_to_string(self.0.join("cgroup.events")).unwrap_or_default();
        events.lines().any(|line| line == "populated 0")
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        // Not a reason to panic within a panic.
        let _ = in_time(|| self.is_empty().then_some(()));
        remove(&self.0);
    }
}

/// Removes a control group and those below it, as far as nothing is in them.
fn remove(group: &Path) {
    let below = fs::read_dir(group).into_iter().flatten().flatten().map(|entry| entry.path());
    below.filter(|path| path.is_dir()).for_each(|path| remove(&path));
    // As above.
    let _ = fs::remove_dir(group);
}
