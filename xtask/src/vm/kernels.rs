//! The kernels that the tests run under, and where they come from: Debian's packages, unpacked
//! below the target directory and never installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{packages, process, workspace};

/// A kernel by the name that `--kernel` takes.
#[derive(Debug)]
pub(crate) struct Kernel {
    pub(crate) name: &'static str,
    /// The package's name before and after the number that grows with each incompatible update.
    package: (&'static str, &'static str),
    /// Modules that the tests need, in the order of loading, below the modules' `kernel` directory.
    modules: &'static [&'static str],
}

/// All of them. For machines in clouds, because those kernels need the fewest modules in a virtual
/// machine.
pub(crate) const KERNELS: [Kernel; 1] = [Kernel {
    name: "6.1",
    package: ("linux-image-6.1.0-", "-cloud-amd64"),
    modules: &["drivers/net/veth.ko"],
}];

/// The files of a kernel.
#[derive(Debug)]
pub(super) struct Unpacked {
    pub(super) image: PathBuf,
    pub(super) modules: Vec<PathBuf>,
}

impl Kernel {
    /// The kernel that `--kernel` names.
    pub(crate) fn by_name(name: &str) -> Result<&'static Self, String> {
        KERNELS.iter().find(|kernel| kernel.name == name).ok_or_else(|| {
            let known: Vec<&str> = KERNELS.iter().map(|kernel| kernel.name).collect();
            format!("known kernels: {}", known.join(", "))
        })
    }

    /// The directory for this kernel and the files of its machines. If it is removed, the current package is
    /// downloaded again.
    pub(super) fn directory(&self) -> Result<PathBuf> {
        Ok(workspace::target_directory()?.join("vm").join(self.name))
    }

    /// The kernel's files: the downloaded ones, or else those of Debian's current package.
    pub(super) fn unpacked(&self) -> Result<Unpacked> {
        let root = self.directory()?.join("package");
        if !root.is_dir() {
            self.download(&root)?;
        }
        let release = only_entry(&root.join("lib/modules"))?;
        let modules = root.join("lib/modules").join(&release).join("kernel");
        let unpacked = Unpacked {
            image: root.join("boot").join(format!("vmlinuz-{release}")),
            modules: self.modules.iter().map(|module| modules.join(module)).collect(),
        };
        for file in unpacked.modules.iter().chain([&unpacked.image]) {
            if !file.is_file() {
                bail!(
                    "{} is missing; without {} it is fetched anew",
                    file.display(),
                    root.display()
                );
            }
        }
        Ok(unpacked)
    }

    fn download(&self, root: &Path) -> Result<()> {
        let why = format!("the tests run under Debian's kernel {} in a virtual machine", self.name);
        for tool in ["apt-get", "dpkg-deb"] {
            if process::find(tool).is_none() {
                bail!("missing: {why}; its package comes with {tool}, which is not here");
            }
        }
        let package = self.package()?;
        println!("set-up: apt-get download {package} (unpacked into target/, not installed)");
        println!("        because: {why}");
        let parent = root.parent().context("the kernel's directory")?;
        fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        // Renamed as the last step, so that an interrupted download is never taken for a kernel.
        let scratch = tempfile::tempdir_in(parent)?;
        process::output(
            Command::new("apt-get")
                // apt's own user may not be able to write here.
                .args(["-qq", "-o", "APT::Sandbox::User=root", "download", &package])
                .current_dir(scratch.path()),
        )?;
        let archive = scratch.path().join(only_entry(scratch.path())?);
        let unpacked = scratch.path().join("unpacked");
        process::output(Command::new("dpkg-deb").arg("-x").args([&archive, &unpacked]))?;
        fs::rename(&unpacked, root).with_context(|| root.display().to_string())
    }

    /// The newest package of this kernel that apt knows.
    fn package(&self) -> Result<String> {
        let (before, after) = self.package;
        if packages::can_install() {
            packages::refresh();
        }
        let names = process::output(Command::new("apt-cache").args(["pkgnames", before]))?;
        if let Some(number) = newest(&names, before, after) {
            return Ok(format!("{before}{number}{after}"));
        }
        bail!(
            "missing: Debian's kernel {}; apt knows no package {before}*{after}, which is part of \
             Debian 12 (`apt-get update` fetches the list of packages)",
            self.name
        )
    }
}

/// The highest number between `before` and `after` in a list of package names.
fn newest(names: &str, before: &str, after: &str) -> Option<u32> {
    let number = |name: &str| name.strip_prefix(before)?.strip_suffix(after)?.parse().ok();
    names.lines().filter_map(number).max()
}

/// The name of the only entry of a directory.
fn only_entry(directory: &Path) -> Result<String> {
    let entries = fs::read_dir(directory).with_context(|| directory.display().to_string())?;
    let names: Vec<String> = entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<std::io::Result<_>>()?;
    match <[String; 1]>::try_from(names) {
        Ok([name]) => Ok(name),
        Err(names) => bail!("{} holds {} entries, not one", directory.display(), names.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_package_is_the_one_with_the_highest_number() {
        let names = "linux-image-6.1.0-9-cloud-amd64\n\
                     linux-image-6.1.0-56-cloud-amd64\n\
                     linux-image-6.1.0-57-cloud-amd64-unsigned\n\
                     linux-image-6.1.0-58-amd64\n\
                     linux-image-6.1.0-10-cloud-amd64\n";
        let (before, after) = KERNELS[0].package;
        assert_eq!(newest(names, before, after), Some(56));
        assert_eq!(newest("", before, after), None);
    }

    #[test]
    fn an_unknown_kernel_is_answered_with_the_known_ones() {
        assert_eq!(Kernel::by_name("6.1").unwrap().name, "6.1");
        assert_eq!(Kernel::by_name("2.4").unwrap_err(), "known kernels: 6.1");
    }
}
