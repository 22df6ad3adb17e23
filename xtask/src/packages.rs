//! Debian packages: which are missing, and installing them. Only as root, only where apt is.

use std::process::Command;

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

/// Fetches the present lists of packages.
pub(crate) fn refresh() -> Result<()> {
    println!("set-up: apt-get update, for the present list of packages");
    process::output(apt().args(["-qq", "update"]))?;
    Ok(())
}

/// Installs `packages`, saying why first. What is installed already is left alone.
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
    if !missing.iter().all(|package| offers(package)) {
        refresh()?;
    }
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
    use super::has_candidate;

    #[test]
    fn a_package_without_a_candidate_is_not_offered() {
        assert!(has_candidate("llvm-22-dev:\n  Installed: (none)\n  Candidate: 1:22.1.8-1\n"));
        assert!(!has_candidate("llvm-23-dev:\n  Installed: (none)\n  Candidate: (none)\n"));
        assert!(!has_candidate(""));
    }
}
