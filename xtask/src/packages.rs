//! Debian packages: which are missing, and installing them. Only as root, only where apt is.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};

use crate::{privilege, process};

/// Whether packages can be installed here at all.
pub(crate) fn can_install() -> bool {
    privilege::is_root() && process::find("apt-get").is_some()
}

/// Whether apt knows a package that could be installed.
pub(crate) fn offers(package: &str) -> bool {
    let policy = process::answer(Command::new("apt-cache").args(["policy", package]));
    policy.is_some_and(|policy| has_candidate(&policy))
}

fn has_candidate(policy: &str) -> bool {
    let candidate = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate:"));
    candidate.is_some_and(|version| version.trim() != "(none)")
}

/// Something that is done once per run of this program, whether it works or not.
struct Once(AtomicBool);

impl Once {
    const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Does it the first time. A failure is only reported, because what comes after may still work.
    fn attempt(&self, act: impl FnOnce() -> Result<()>) -> Option<String> {
        if self.0.swap(true, Ordering::Relaxed) {
            return None;
        }
        let error = act().err()?;
        Some(format!("that failed, and the set-up goes on with the lists that are here: {error:#}"))
    }
}

/// Fetches the present lists of packages, once per run: a list that is a few weeks old names archives that are
/// gone. If that fails, the old lists are used.
pub(crate) fn refresh() {
    static REFRESHED: Once = Once::new();
    let failed = REFRESHED.attempt(|| {
        println!("set-up: apt-get update, once, for the present lists of packages");
        process::output(apt().args(["-qq", "update"])).map(drop)
    });
    if let Some(failed) = failed {
        println!("        {failed}");
    }
}

/// Installs `packages` and says why first. Installed packages are left alone.
pub(crate) fn install(packages: &[&str], why: &str) -> Result<()> {
    let missing: Vec<&str> =
        packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if process::find("apt-get").is_none() {
        bail!("missing: {why}; install what Debian calls: {list}");
    }
    if !privilege::is_root() {
        bail!("missing: {why}; as root: apt-get install {list}");
    }
    refresh();
    println!("set-up: apt-get install {list}\n        because: {why}");
    process::output(
        apt().args(["-qq", "install", "--yes", "--no-install-recommends"]).args(missing),
    )?;
    Ok(())
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_installed(package: &str) -> bool {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat", "${db:Status-Status}", package]);
    process::answer(&mut query).is_some_and(|status| status == "installed")
}

#[cfg(test)]
mod tests {
    use super::{Once, has_candidate};

    #[test]
    fn lists_are_refreshed_once_whether_or_not_that_works() {
        let once = Once::new();
        let mut tries = 0;
        let mut failing = || {
            once.attempt(|| {
                tries += 1;
                anyhow::bail!("no network")
            })
        };
        let said = failing().unwrap();
        assert!(said.ends_with("goes on with the lists that are here: no network"), "{said}");
        assert_eq!(failing(), None);
        assert_eq!(tries, 1);
        assert_eq!(Once::new().attempt(|| Ok(())), None);
    }

    #[test]
    fn a_package_without_a_candidate_is_not_offered() {
        assert!(has_candidate("llvm-22-dev:\n  Installed: (none)\n  Candidate: 1:22.1.8-1\n"));
        assert!(!has_candidate("llvm-23-dev:\n  Installed: (none)\n  Candidate: (none)\n"));
        assert!(!has_candidate(""));
    }
}
