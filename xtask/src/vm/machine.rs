//! The virtual machine: QEMU with two serial ports, no disk, no network, and a limit in time.

use std::fmt;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use sekisho_guest::PARAMETER;

use super::console::End;
use crate::guard::{self, Background};
use crate::process;
use crate::setup::QEMU;

/// Software emulation takes about eight minutes of one processor for the tests as they are, which other work on
/// the machine can make many more.
const LIMIT: Duration = Duration::from_secs(2_400);

/// How long a machine may take to report that it is up if the processor executes it. It takes seconds.
const SILENCE: Duration = Duration::from_secs(60);

/// What QEMU says if the processor cannot execute the machine (for example within another virtual machine). It
/// then waits forever.
const NO_KVM: &str = "KVM internal error";

/// How long QEMU may take to end once the machine is off.
const GRACE: Duration = Duration::from_secs(5);

/// How often an interruption is looked for.
const POLL: Duration = Duration::from_millis(100);

/// Only the devices that are named, and nothing from the user's configuration.
const BARE: [&str; 4] = ["-nodefaults", "-no-user-config", "-display", "none"];

/// How the machine's instructions are executed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Acceleration {
    /// The processor.
    Kvm,
    /// QEMU.
    Emulation,
}

impl Acceleration {
    /// The processor where that works.
    pub(super) fn available() -> Result<Self> {
        if !Path::new("/dev/kvm").exists() {
            return Ok(Self::Emulation);
        }
        // The device may be there but fail, or be closed to us: set up a machine that never starts.
        let (reader, mut writer) = std::io::pipe()?;
        writer.write_all(b"quit\n")?;
        drop(writer);
        let mut trial = Command::new(QEMU);
        trial.args(Self::Kvm.arguments()).args(BARE).args(["-S", "-monitor", "stdio"]);
        let done = guard::finish(&mut guard::tied(&trial), reader.into());
        let works = done.is_ok_and(|done| done.status.success());
        Ok(if works { Self::Kvm } else { Self::Emulation })
    }

    const fn arguments(self) -> [&'static str; 4] {
        match self {
            Self::Kvm => ["-accel", "kvm", "-cpu", "host"],
            // The machine's processors take turns in one thread: before QEMU 8.1 one of them may go on executing
            // what another has just overwritten, and a kernel that patches itself then falls over its own
            // breakpoints, as 6.12 does. (QEMU's "accel/tcg: Always lock pages before translation" mends it.)
            //
            // The plainest processor is the fastest to emulate: programs then choose code without
            // wide vectors. Without random numbers the kernel would wait for entropy.
            Self::Emulation => ["-accel", "tcg,thread=single", "-cpu", "qemu64,+rdrand"],
        }
    }
}

impl fmt::Display for Acceleration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kvm => "KVM",
            Self::Emulation => "software emulation, for want of KVM",
        })
    }
}

/// What a machine is made of.
#[derive(Debug)]
pub(super) struct Machine<'a> {
    pub(super) acceleration: Acceleration,
    pub(super) kernel: &'a Path,
    pub(super) initramfs: &'a Path,
    /// Where the kernel's own messages go.
    pub(super) messages: &'a Path,
    /// Where QEMU's own messages go.
    pub(super) complaints: &'a Path,
}

impl Machine<'_> {
    /// Runs the machine until it is off, and hands over each line of its second serial port.
    pub(super) fn run(&self, mut line: impl FnMut(&str) -> Result<()>) -> Result<End> {
        let (reader, writer) = std::io::pipe()?;
        let complaints =
            std::fs::File::create(self.complaints).context("the log of QEMU's messages")?;
        let mut command = guard::tied(&self.command());
        command.stdin(Stdio::null()).stdout(writer).stderr(complaints);
        let mut qemu = Background::start("QEMU", &mut command)?;
        // The command holds an end of the pipe, which would never be empty then.
        drop(command);
        let (sender, lines) = mpsc::channel();
        let _reader = thread::spawn(move || {
            for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    break;
                }
            }
        });
        let start = Instant::now();
        let mut silent = true;
        loop {
            guard::check()?;
            if start.elapsed() > LIMIT {
                return Ok(End::Stopped(LIMIT.as_secs()));
            }
            match lines.recv_timeout(POLL) {
                Ok(text) => {
                    silent = false;
                    line(&text)?;
                }
                Err(RecvTimeoutError::Timeout) if self.fails_under_kvm(silent, start) => {
                    return Ok(End::NoKvm);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let status = guard::wait_for("QEMU to end", GRACE, || qemu.ended())?;
        if !status.success() {
            let complaints = std::fs::read_to_string(self.complaints).unwrap_or_default();
            bail!("QEMU failed ({status}): {}", process::last_line(&complaints));
        }
        Ok(End::Off)
    }

    /// Whether it is the processor that keeps the machine from going on.
    fn fails_under_kvm(&self, silent: bool, start: Instant) -> bool {
        let said = || std::fs::read_to_string(self.complaints).is_ok_and(|c| c.contains(NO_KVM));
        self.acceleration == Acceleration::Kvm && (silent && start.elapsed() > SILENCE || said())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(QEMU);
        command.args(self.acceleration.arguments()).args(BARE);
        command.args(["-smp", "2", "-m", "1536", "-no-reboot"]);
        // The kernel's messages, then the reports: see `sekisho_guest`.
        command.arg("-serial").arg(format!("file:{}", self.messages.display()));
        command.args(["-serial", "stdio"]);
        command.arg("-kernel").arg(self.kernel).arg("-initrd").arg(self.initramfs);
        // A panic ends the machine at once.
        command.arg("-append").arg(format!("console=ttyS0 panic=-1 {PARAMETER}"));
        command
    }
}
