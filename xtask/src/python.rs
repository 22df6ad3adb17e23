//! The Python libraries of the interoperation tests, in an environment of their own below `target/tools`, so that
//! the system's Python does not change. Each is another implementation of something that is ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::{packages, process, workspace};

/// The releases, pinned.
const REQUIREMENTS: &str = "tests/interop/requirements.txt";

/// What the libraries are for.
const WHY: &str = "securesystemslib, another implementation of DSSE, signs and verifies what `sekisho` verifies and \
                   signs; scapy makes frames that are not made by us";

/// The Python that has the libraries, which are installed if necessary.
pub(crate) fn with_libraries() -> Result<PathBuf> {
    let file = workspace::root().join(REQUIREMENTS);
    let wanted =
        fs::read_to_string(&file).with_context(|| format!("cannot read {REQUIREMENTS}"))?;
    let directory = workspace::target_directory()?.join("tools/python-interop");
    let python = directory.join("bin/python");
    // Written last, so that an interrupted installation begins again.
    let installed = directory.join("installed-requirements.txt");
    if fs::read_to_string(&installed).is_ok_and(|found| found == wanted) && python.is_file() {
        return Ok(python);
    }
    system_python()?;
    println!(
        "set-up: pip install {}, into target/\n        because: {WHY}",
        releases(&wanted).join(" ")
    );
    install(&directory, &python, &file)
        .context("they cannot be installed, so the tests of interoperation cannot run")?;
    fs::write(&installed, wanted)
        .with_context(|| format!("cannot write {}", installed.display()))?;
    Ok(python)
}

fn install(directory: &Path, python: &Path, requirements: &Path) -> Result<()> {
    // `--clear` removes what an older list left there.
    process::output(Command::new("python3").args(["-m", "venv", "--clear"]).arg(directory))?;
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
    // Wheels only: nothing is compiled, and no package's own code runs while it is installed.
    pip.args(["--only-binary", ":all:", "--requirement"]).arg(requirements);
    process::output(&mut pip)?;
    Ok(())
}

/// Python with the modules that make an environment, which Debian packages separately.
fn system_python() -> Result<()> {
    let ready = process::find("python3").is_some()
        && process::answer(Command::new("python3").args(["-c", "import ensurepip, venv"]))
            .is_some();
    if ready { Ok(()) } else { packages::install(&["python3", "python3-venv"], WHY) }
}

/// The lines that name a release in a list of requirements.
fn releases(requirements: &str) -> Vec<&str> {
    requirements.lines().filter(|line| line.contains("==") && !line.starts_with('#')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_release_is_pinned() {
        let text = fs::read_to_string(workspace::root().join(REQUIREMENTS)).unwrap();
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        assert_eq!(releases(&text), lines.collect::<Vec<_>>());
        for library in ["securesystemslib==", "scapy=="] {
            assert!(releases(&text).iter().any(|line| line.starts_with(library)), "{library}");
        }
    }
}
