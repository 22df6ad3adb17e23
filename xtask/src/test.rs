//! Runs the tests: those that need no root, those against other implementations (DSSE, dissection), those over
//! the running kernel, then the latter once more under the oldest kernel that is promised, in a virtual machine.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::{object, privilege, process, python, setup, vm, workspace};

/// Each test over the kernel has namespaces and tables of its own; running more at a time only makes their
/// deadlines tighter.
const KERNEL_TEST_THREADS: usize = 4;

/// Folders of captures, separated by colons, that the tests look at besides their own frames.
const CAPTURES: &str = "SEKISHO_CAPTURES";

/// `cargo xtask test`.
pub(crate) fn run() -> Result<()> {
    if !privilege::is_root() {
        without_kernel(None)?;
        interoperation(None)?;
        bail!(
            "the tests over the real kernel (package sekisho-tests: parity, veth, terms, life and \
             others) were left out: they need root; all others passed"
        );
    }
    setup::kernel_tools()?;
    privilege::ensure_bpffs()?;
    // Built first, so that the controller is built once, with the kernel program in it.
    let object = object::kernel_program(&setup::toolchain()?)?;
    without_kernel(Some(&object))?;
    interoperation(Some(&object))?;
    let sekisho = object::sekisho(Some(&object))?;
    over_kernel(&object, &sekisho)?;
    vm::under_oldest(&object, &sekisho)?;
    println!("test: all passed");
    Ok(())
}

fn without_kernel(object: Option<&Path>) -> Result<()> {
    println!(
        "test: the shared code, the controller, the tasks and the fuzzers' corpus (no root needed)"
    );
    let mut command = workspace::cargo();
    command.args(["test", "--quiet"]);
    let packages =
        ["sensor-common", "controller", "sekisho-model", "sekisho-guest", "xtask", "sekisho-fuzz"];
    for package in packages {
        command.args(["--package", package]);
    }
    process::run(object::with_object(&mut command, object))
}

/// The tests that an ordinary `cargo test` leaves out, because they need libraries in Python, or tshark.
fn interoperation(object: Option<&Path>) -> Result<()> {
    let python = python::with_libraries()?;
    println!("test: signatures against another implementation of DSSE");
    let mut command = workspace::cargo();
    command.args(["test", "--quiet", "--package", "controller", "--test", "interop"]);
    command.args(["--", "--ignored"]).env("SEKISHO_PYTHON", &python);
    process::run(object::with_object(&mut command, object))?;

    setup::dissection()?;
    println!("test: the parser's reading of frames against tshark's");
    let mut command = workspace::cargo();
    command.args(["build", "--quiet", "--package", "sekisho-tests", "--bin", "dissect"]);
    process::run(object::with_object(&mut command, object))?;
    let folders = std::env::var_os(CAPTURES).unwrap_or_default();
    let mut command = Command::new(python);
    command.arg(workspace::root().join("tests/interop/encapsulation.py"));
    command.arg(workspace::target_directory()?.join("debug/dissect"));
    command.args(std::env::split_paths(&folders).filter(|path| !path.as_os_str().is_empty()));
    process::run(&mut command)
}

fn over_kernel(object: &Path, sekisho: &Path) -> Result<()> {
    println!("test: over the real kernel, as root");
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut command = workspace::cargo();
    command.args(["test", "-p", "sekisho-tests", "--"]);
    command.arg(format!("--test-threads={}", threads.min(KERNEL_TEST_THREADS)));
    command.env("SEKISHO_BIN", sekisho);
    process::run(object::with_object(&mut command, Some(object)))
}
