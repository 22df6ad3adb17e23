//! `cargo xtask vm-test`: the tests over the kernel, under another kernel, in a virtual machine.
//!
//! - `kernels`: which kernels there are, and getting them
//! - `initramfs`, `cpio`: what is in the machine
//! - `machine`: running it; `console`: what it reports, and the verdict

mod console;
mod cpio;
mod initramfs;
mod kernels;
mod machine;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use self::console::{Console, End};
use self::initramfs::Contents;
use self::machine::{Acceleration, Machine};
use crate::{guard, object, process, setup, workspace};

pub(crate) use self::kernels::{KERNELS, Kernel};

/// The first process of the machine: its package and its program.
const INIT: (&str, &str) = ("sekisho-guest", "sekisho-guest-init");

/// The tests that stay on the host. `corpus` reads the repository, which the machine does not have; `parity` has
/// its frames in it. Most others are not about the kernel: what reaches a disk or a file (`crash`, `output`),
/// routes over devices that the machine has no modules for (`routes`), systemd (`unit`), as much as the machine can
/// do (`load`). The rest hold a command or a daemon to a second, which an emulated machine may need to start it.
const LEFT_OUT: [&str; 11] = [
    "corpus",
    "crash",
    "floods",
    "full_disk",
    "halt",
    "hostile",
    "load",
    "output",
    "routes",
    "tamper",
    "unit",
];

/// `cargo xtask vm-test`: under this kernel, or else under every one of the table in turn; these tests, or else all.
pub(crate) fn run(kernel: Option<&Kernel>, only: &[String]) -> Result<()> {
    let object = object::kernel_program(&setup::toolchain()?)?;
    let sekisho = object::sekisho(Some(&object))?;
    guard::catch_signals()?;
    match kernel {
        Some(kernel) => under(kernel, &object, &sekisho, only),
        None => KERNELS.iter().try_for_each(|kernel| under(kernel, &object, &sekisho, only)),
    }
}

/// Runs the tests of this kernel program and this `sekisho` under the oldest kernel of the table: it accepts
/// and has the least.
pub(crate) fn under_oldest(object: &Path, sekisho: &Path) -> Result<()> {
    guard::catch_signals()?;
    let [oldest, ..] = &KERNELS;
    under(oldest, object, sekisho, &[])
}

fn under(kernel: &Kernel, object: &Path, sekisho: &Path, only: &[String]) -> Result<()> {
    setup::virtual_machine()?;
    let unpacked = kernel.unpacked()?;
    let tests = chosen(tests(object)?, only)?;
    let init = init()?;

    let directory = kernel.directory()?;
    let initramfs = directory.join("initramfs");
    let contents = Contents { init: &init, tests: &tests, sekisho, modules: &unpacked.modules };
    initramfs::write(&initramfs, &contents)?;
    let log = directory.join("log");
    let (messages, complaints) = (directory.join("log.kernel"), directory.join("log.qemu"));
    let mut machine = Machine {
        acceleration: Acceleration::available()?,
        kernel: &unpacked.image,
        initramfs: &initramfs,
        messages: &messages,
        complaints: &complaints,
    };
    let names: Vec<&str> = tests.keys().map(String::as_str).collect();
    let start = Instant::now();
    loop {
        println!(
            "vm-test: kernel {} under {}: {}",
            kernel.name,
            machine.acceleration,
            names.join(", ")
        );
        let verdict = watch(kernel, &machine, &log, &names).with_context(|| failing(&log))?;
        match verdict {
            // Set up it could be; that is not enough.
            (End::NoKvm, Err(why)) => {
                println!("vm-test: {why}");
                machine.acceleration = Acceleration::Emulation;
            }
            (_, verdict) => {
                verdict.map_err(anyhow::Error::msg).with_context(|| failing(&log))?;
                break;
            }
        }
    }
    println!("vm-test: passed under kernel {} in {:.1?}", kernel.name, start.elapsed());
    Ok(())
}

fn failing(log: &Path) -> String {
    format!("vm-test (log: {})", log.display())
}

/// Runs the machine, shows and logs what it reports, and judges it: how it ended, and whether all tests
/// passed.
fn watch(
    kernel: &Kernel,
    machine: &Machine<'_>,
    log: &Path,
    tests: &[&str],
) -> Result<(End, Result<(), String>)> {
    let mut console = Console::default();
    let mut output = File::create(log)?;
    let end = machine.run(|line| {
        writeln!(output, "{}", line.trim_end())?;
        if let Some(shown) = console.read(line) {
            println!("vm {}: {shown}", kernel.name);
        }
        Ok(())
    });
    // One file with everything, whatever has happened.
    for (whose, part) in [("the kernel", machine.messages), ("QEMU", machine.complaints)] {
        writeln!(output, "\n--- messages of {whose}")?;
        output.write_all(&fs::read(part).unwrap_or_default())?;
        let _ = fs::remove_file(part);
    }
    let end = end?;
    Ok((end, console.verdict(kernel.name, tests, end)))
}

/// Builds the integration tests with the kernel program in them: by name, their programs.
fn tests(object: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut command = workspace::cargo();
    command.args(["test", "--no-run", "--quiet", "--package", "sekisho-tests"]);
    command.args(["--message-format", "json-render-diagnostics"]);
    let built = object::with_object(&mut command, Some(object))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    if !built.status.success() {
        bail!("{} failed ({})", process::show(&command), built.status);
    }
    let mut tests = test_programs(&String::from_utf8_lossy(&built.stdout));
    for test in LEFT_OUT {
        tests.remove(test);
    }
    if tests.is_empty() {
        bail!("{} built no test program", process::show(&command));
    }
    Ok(tests)
}

/// The tests of these names, or else all.
fn chosen(
    mut tests: BTreeMap<String, PathBuf>,
    only: &[String],
) -> Result<BTreeMap<String, PathBuf>> {
    if let Some(name) = only.iter().find(|name| !tests.contains_key(*name)) {
        let names: Vec<&str> = tests.keys().map(String::as_str).collect();
        bail!("the machine has no test `{name}`; it has {}", names.join(", "));
    }
    if !only.is_empty() {
        tests.retain(|name, _| only.contains(name));
    }
    Ok(tests)
}

/// Reads cargo's messages: the programs of integration tests by name.
fn test_programs(messages: &str) -> BTreeMap<String, PathBuf> {
    messages
        .lines()
        .filter_map(|line| {
            let message: serde_json::Value = serde_json::from_str(line).ok()?;
            let target = &message["target"];
            if target["kind"] != serde_json::json!(["test"]) {
                return None;
            }
            let program = message["executable"].as_str()?;
            Some((target["name"].as_str()?.to_owned(), PathBuf::from(program)))
        })
        .collect()
}

/// Builds the machine's first process. Static, so that it can report even where the libraries of
/// the other programs are at fault.
fn init() -> Result<PathBuf> {
    let (package, program) = INIT;
    let mut command = workspace::cargo();
    command.args(["rustc", "--quiet", "--release", "--package", package, "--bin", program]);
    command.args(["--", "-C", "target-feature=+crt-static"]);
    process::run(&mut command)?;
    Ok(workspace::target_directory()?.join("release").join(program))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_integration_tests_go_into_the_machine() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"a"},"executable":"/a"}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"kind":["test"],"name":"b"},"executable":"/b-1"}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"kind":["test"],"name":"c"},"executable":null}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
            "\nnot JSON\n",
        );
        let expected = BTreeMap::from([("b".to_owned(), PathBuf::from("/b-1"))]);
        assert_eq!(test_programs(messages), expected);
    }
}
