//! What the kernel requires: root, and a mounted bpffs.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process;

const BPFFS: &str = "/sys/fs/bpf";

/// Whether we are root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Mounts the BPF file system if it is not mounted; pinned maps and links live in it.
pub(crate) fn ensure_bpffs() -> Result<()> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo")
        .context("/proc/self/mountinfo cannot be read")?;
    if has_bpffs(&mounts) || !Path::new(BPFFS).is_dir() {
        return Ok(());
    }
    println!("set-up: mount -t bpf bpf {BPFFS}\n        because: pinned maps and links live there");
    process::output(Command::new("mount").args(["-t", "bpf", "bpf", BPFFS]))?;
    Ok(())
}

/// Whether a mount table (as in `/proc/self/mountinfo`) holds a bpffs at its usual place.
fn has_bpffs(mounts: &str) -> bool {
    mounts.lines().any(|line| {
        // "ID PARENT MAJOR:MINOR ROOT MOUNT-POINT OPTIONS [OPTIONAL…] - TYPE SOURCE OPTIONS"
        let Some((place, kind)) = line.split_once(" - ") else { return false };
        place.split(' ').nth(4) == Some(BPFFS) && kind.starts_with("bpf ")
    })
}

#[cfg(test)]
mod tests {
    use super::has_bpffs;

    #[test]
    fn bpffs_is_found_at_its_usual_place_only() {
        assert!(has_bpffs(
            "22 1 0:21 / /sys rw shared:7 - sysfs sysfs rw\n\
             31 22 0:28 / /sys/fs/bpf rw,nosuid shared:9 - bpf bpf rw,mode=700\n"
        ));
        assert!(!has_bpffs("31 22 0:28 / /mnt/bpf rw - bpf bpf rw\n"));
        assert!(!has_bpffs("31 22 0:28 / /sys/fs/bpf rw - tmpfs bpf rw\n"));
        assert!(!has_bpffs(""));
    }
}
