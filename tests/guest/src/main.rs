//! The first process of a virtual machine: mounts what the tests need, loads modules, runs each
//! test program, reports on the serial port, and powers the machine off.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use rustix::mount::{MountFlags, mount};
use rustix::system::{RebootCommand, finit_module, reboot};
use rustix::termios::{OptionalActions, tcdrain, tcgetattr, tcsetattr};
use sekisho_guest::{LIBRARIES, MODULES, PORT, PROGRAMS, Report, TESTS};

/// (type, place) of each file system. devtmpfs first: the serial port is in it.
const FILE_SYSTEMS: [(&str, &str); 7] = [
    ("devtmpfs", "/dev"),
    ("proc", "/proc"),
    ("sysfs", "/sys"),
    ("bpf", "/sys/fs/bpf"),
    ("cgroup2", "/sys/fs/cgroup"),
    ("tmpfs", "/tmp"),
    ("tmpfs", "/run"),
];

fn main() -> ExitCode {
    if std::process::id() != 1 {
        eprintln!("sekisho-guest-init: the first process of a test machine, of no use elsewhere");
        return ExitCode::FAILURE;
    }
    // To the kernel's port if the other one cannot be had.
    if let Err(error) = report_all() {
        eprintln!("{error:#}");
    }
    if let Err(error) = reboot(RebootCommand::PowerOff) {
        eprintln!("power-off: {error}");
    }
    // The end of the first process is a kernel panic, which ends the machine too.
    ExitCode::FAILURE
}

fn report_all() -> Result<()> {
    for (kind, place) in FILE_SYSTEMS {
        fs::create_dir_all(place).with_context(|| format!("making {place}"))?;
        mount(kind, place, kind, MountFlags::empty(), None)
            .with_context(|| format!("mounting {place}"))?;
    }
    let mut port = Port::open()?;
    let last = match run_all(&mut port) {
        Ok(()) => Report::Done,
        Err(error) => Report::Broken(format!("{error:#}")),
    };
    port.report(&last)?;
    // Powering off does not wait for what is still on its way.
    tcdrain(&port.0).context("the serial port")
}

fn run_all(port: &mut Port) -> Result<()> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").context("the kernel release")?;
    port.report(&Report::Up(release.trim().to_owned()))?;
    for module in files(MODULES)? {
        load(&module).with_context(|| format!("loading {}", module.display()))?;
    }
    // Where `ip netns` keeps its namespaces.
    fs::create_dir_all("/var")?;
    symlink("/run", "/var/run").context("making /var/run")?;
    let up = program("ip").args(["link", "set", "lo", "up"]).status().context("running ip")?;
    ensure!(up.success(), "`ip link set lo up` failed ({up})");
    for test in files(TESTS)? {
        run(&test, port)?;
    }
    Ok(())
}

/// The files in a directory, by name.
fn files(directory: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| format!("reading {directory}"))?;
    let mut files: Vec<PathBuf> =
        entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.sort();
    Ok(files)
}

/// What tells the kernel to decompress the module itself (`MODULE_INIT_COMPRESSED_FILE`, linux/module.h).
const COMPRESSED: i32 = 4;

fn load(module: &Path) -> Result<()> {
    let flags = if module.extension().is_some_and(|end| end == "ko") { 0 } else { COMPRESSED };
    Ok(finit_module(File::open(module)?, CString::default().as_c_str(), flags)?)
}

/// Runs one test program and passes on what it prints.
fn run(test: &Path, port: &mut Port) -> Result<()> {
    let name = test.file_name().unwrap_or_default().to_string_lossy().into_owned();
    port.report(&Report::Started(name.clone()))?;
    let start = Instant::now();
    let (reader, writer) = std::io::pipe()?;
    let mut command = program(&test.to_string_lossy());
    // Those that must not run on a machine that somebody else uses.
    command.arg("--include-ignored");
    for test in HELD_TO_TIME {
        command.args(["--skip", test]);
    }
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn().with_context(|| format!("running {name}"))?;
    // The command holds ends of the pipe, which would never be empty then.
    drop(command);
    port.pass_on(reader)?;
    let status = child.wait()?;
    port.report(&Report::Ended {
        name,
        milliseconds: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
        failure: (!status.success()).then(|| status.to_string()),
    })
}

/// Tests that hold something to a percent or to a second. Where the machine is emulated, its time goes by in
/// leaps, so they tell nothing of the kernel; they run on the host.
const HELD_TO_TIME: [&str; 2] =
    ["the_share_is_kept_to_within_one_percent", "a_halt_takes_less_than_a_second_and_lasts"];

/// A program of the machine, in the environment that all of them have.
fn program(name: &str) -> Command {
    let mut command = Command::new(Path::new(PROGRAMS).join(name));
    command.env("PATH", PROGRAMS).env("LD_LIBRARY_PATH", LIBRARIES).env("HOME", "/").env(
        "SEKISHO_BIN",
        // The command under test, as `cargo xtask test` names it to the same tests.
        Path::new(PROGRAMS).join("sekisho"),
    );
    command.current_dir("/tmp");
    command
}

/// The serial port that carries the reports.
struct Port(File);

impl Port {
    fn open() -> Result<Self> {
        let file = File::options().write(true).read(true).open(PORT).context(PORT)?;
        let mut settings = tcgetattr(&file).context(PORT)?;
        settings.make_raw();
        tcsetattr(&file, OptionalActions::Now, &settings).context(PORT)?;
        Ok(Self(file))
    }

    fn report(&mut self, report: &Report) -> Result<()> {
        // One write, so that a line is whole.
        self.0.write_all(format!("{report}\n").as_bytes()).context(PORT)
    }

    /// Reports each line of a program until all of its output is closed.
    fn pass_on(&mut self, output: impl Read) -> Result<()> {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line)? != 0 {
            let text = String::from_utf8_lossy(&line);
            self.report(&Report::Printed(text.trim_end().to_owned()))?;
            line.clear();
        }
        Ok(())
    }
}
