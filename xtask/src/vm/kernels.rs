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
    /// Its series, as the names of its packages have it.
    pub(crate) name: &'static str,
    /// Where its packages come from.
    source: &'static str,
}

/// All of them, the oldest first.
pub(crate) const KERNELS: [Kernel; 2] = [
    Kernel { name: "6.1", source: "Debian 12" },
    Kernel { name: "6.12", source: "Debian 13, and of Debian 12 with its security updates" },
];

/// How the names of packages with kernels for machines in clouds end: those kernels need the fewest modules in a
/// virtual machine.
const FLAVOUR: &str = "-cloud-amd64";

/// Modules that the tests need, in the order of loading, below the modules' `kernel` directory.
const MODULES: [&str; 1] = ["drivers/net/veth.ko"];

/// What a module's name ends with if it is compressed. The kernel itself decompresses it.
const COMPRESSED: [&str; 3] = [".xz", ".zst", ".gz"];

/// Where packages have their modules: the later place since Debian 13.
const MODULE_TREES: [&str; 2] = ["lib/modules", "usr/lib/modules"];

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
        find(&root).with_context(|| {
            format!("not a whole kernel; without {} it is fetched anew", root.display())
        })
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
        if packages::can_install() {
            packages::refresh();
        }
        let before = format!("linux-image-{}.", self.name);
        let names = process::output(Command::new("apt-cache").args(["pkgnames", &before]))?;
        newest(&names, &before).map(ToOwned::to_owned).with_context(|| {
            format!(
                "missing: Debian's kernel {}; apt knows no package {before}*{FLAVOUR}, which is part of {} \
                 (`apt-get update` fetches the list of packages)",
                self.name, self.source
            )
        })
    }
}

/// The newest package in a list of names: the one with the highest numbers between `before` and the flavour.
/// Names that go on after the flavour are of other packages: unsigned kernels, debugging information.
fn newest<'a>(names: &'a str, before: &str) -> Option<&'a str> {
    let numbers = |name: &str| -> Option<Vec<u32>> {
        let version = name.strip_prefix(before)?.strip_suffix(FLAVOUR)?;
        let numbers = version.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
        numbers.map(|number| number.parse().ok()).collect()
    };
    let known = names.lines().filter_map(|name| Some((numbers(name)?, name)));
    known.max().map(|(_, name)| name)
}

/// The files of the kernel in an unpacked package.
fn find(root: &Path) -> Result<Unpacked> {
    let tree = MODULE_TREES.iter().map(|tree| root.join(tree)).find(|tree| tree.is_dir());
    let tree = tree.with_context(|| format!("{} has no modules", root.display()))?;
    let release = only_entry(&tree)?;
    let image = root.join("boot").join(format!("vmlinuz-{release}"));
    if !image.is_file() {
        bail!("{} is missing", image.display());
    }
    let kernel = tree.join(&release).join("kernel");
    let modules = MODULES.iter().map(|module| find_module(&kernel, module));
    Ok(Unpacked { image, modules: modules.collect::<Result<_>>()? })
}

/// The file of a module, compressed or not.
fn find_module(kernel: &Path, module: &str) -> Result<PathBuf> {
    let endings = [""].into_iter().chain(COMPRESSED);
    let mut files = endings.map(|ending| kernel.join(format!("{module}{ending}")));
    files
        .find(|file| file.is_file())
        .with_context(|| format!("{} is missing", kernel.join(module).display()))
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
    fn the_newest_package_is_the_one_with_the_highest_numbers() {
        let names = "linux-image-6.1.0-9-cloud-amd64\n\
                     linux-image-6.1.0-56-cloud-amd64\n\
                     linux-image-6.1.0-57-cloud-amd64-unsigned\n\
                     linux-image-6.1.0-58-amd64\n\
                     linux-image-6.1.0-10-cloud-amd64\n";
        let before = "linux-image-6.1.";
        assert_eq!(newest(names, before), Some("linux-image-6.1.0-56-cloud-amd64"));
        assert_eq!(newest("", before), None);

        let names = "linux-image-6.12-cloud-amd64\n\
                     linux-image-6.12.117+deb12-cloud-amd64-dbg\n\
                     linux-image-6.12.115+deb12-cloud-amd64\n\
                     linux-image-6.12.115+deb13-cloud-amd64\n\
                     linux-image-6.12.117+deb12-rt-amd64\n\
                     linux-image-6.12.99+deb12-cloud-amd64\n";
        let found = newest(names, "linux-image-6.12.");
        assert_eq!(found, Some("linux-image-6.12.115+deb13-cloud-amd64"));
        assert_eq!(newest(names, before), None);
    }

    #[test]
    fn a_kernel_is_found_in_either_layout_of_packages() {
        for (tree, module) in [("lib", "veth.ko"), ("usr/lib", "veth.ko.xz")] {
            let root = tempfile::tempdir().unwrap();
            let root = root.path();
            let drivers = root.join(tree).join("modules/6.12.1/kernel/drivers/net");
            fs::create_dir_all(&drivers).unwrap();
            fs::create_dir(root.join("boot")).unwrap();
            let image = root.join("boot/vmlinuz-6.12.1");
            fs::write(&image, "").unwrap();
            let error = find(root).unwrap_err().to_string();
            assert!(error.ends_with("drivers/net/veth.ko is missing"), "{error}");
            let module = drivers.join(module);
            fs::write(&module, "").unwrap();
            let found = find(root).unwrap();
            assert_eq!((found.image, found.modules), (image, vec![module]));
        }
    }

    #[test]
    fn an_unknown_kernel_is_answered_with_the_known_ones() {
        assert_eq!(Kernel::by_name("6.1").unwrap().name, "6.1");
        assert_eq!(Kernel::by_name("2.4").unwrap_err(), "known kernels: 6.1, 6.12");
    }
}
