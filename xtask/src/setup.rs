//! Installs missing tools, and says first which and why. Never touches installed ones.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::toolchain::{self, Compiler, LINKER_RELEASE, Readiness, Route, Toolchain};
use crate::{coverage, fuzz, packages, privilege, process, python, workspace};

/// As the package `qemu-system-x86` calls it.
pub(crate) const QEMU: &str = "qemu-system-x86_64";

/// The programs that the demo and the tests over the kernel run: (program, package, purpose).
const TOOLS: [(&str, &str, &str); 7] = [
    (
        "ip",
        "iproute2",
        "`ip` makes the network namespaces and veth pairs of the demo and the tests",
    ),
    ("ss", "iproute2", "`ss` tells when a listener in a namespace is ready"),
    (
        "strace",
        "strace",
        "`strace` kills a command at every call that it makes, in the test of crashes",
    ),
    (
        "systemd-analyze",
        "systemd",
        "`systemd` runs the sensor's unit, in namespaces, in the test of the unit",
    ),
    ("logrotate", "logrotate", "`logrotate` moves the records away, in the same test"),
    ("ping", "iputils-ping", "`ping` sends the demo's ICMP traffic"),
    ("bpftool", "bpftool", BPFTOOL),
];

/// A program, and the package that has it.
const TSHARK: &str = "tshark";

/// Its purpose.
const BPFTOOL: &str = "`bpftool` freezes the maps of a sensor under test";

/// `cargo xtask setup`: everything that the other tasks would install when they need it.
pub(crate) fn all() -> Result<()> {
    let toolchain = toolchain()?;
    kernel_tools()?;
    virtual_machine()?;
    python::with_libraries()?;
    dissection()?;
    fuzz::tools()?;
    coverage::tools()?;
    if privilege::is_root() {
        privilege::ensure_bpffs()?;
    }
    let Compiler { route, llvm } = toolchain.compiler;
    println!("set-up: done; the kernel program is built by {route} (LLVM {llvm})");
    println!("        and linked by {}", toolchain.linker.display());
    Ok(())
}

/// What reads frames besides the sensor.
pub(crate) fn dissection() -> Result<()> {
    if process::find(TSHARK).is_some() {
        return Ok(());
    }
    packages::install(
        &[TSHARK],
        "`tshark` reads the frames that the sensor's parser reads, in the tests",
    )
}

/// What the demo and the tests over the kernel need at run time.
pub(crate) fn kernel_tools() -> Result<()> {
    for (program, package, why) in TOOLS {
        if process::find(program).is_none() {
            packages::install(&[package], why)?;
        }
    }
    if netcat().is_none() {
        packages::install(
            &["netcat-openbsd"],
            "`nc` sends and receives the demo's TCP and UDP traffic",
        )?;
    }
    Ok(())
}

/// What running tests in a virtual machine needs.
pub(crate) fn virtual_machine() -> Result<()> {
    for (program, package, why) in [
        (QEMU, "qemu-system-x86", "QEMU runs the tests in a virtual machine, under its kernel"),
        ("ip", "iproute2", "`ip` sets up interfaces in the virtual machine"),
        ("bpftool", "bpftool", BPFTOOL),
        ("strip", "binutils", "`strip` makes the tests small enough for a virtual machine"),
    ] {
        if process::find(program).is_none() {
            packages::install(&[package], why)?;
        }
    }
    Ok(())
}

/// OpenBSD's netcat. Other programs of that name take other options.
pub(crate) fn netcat() -> Option<PathBuf> {
    process::find("nc.openbsd").or_else(|| {
        let netcat = process::find("nc")?;
        let help = Command::new(&netcat).arg("-h").stdin(Stdio::null()).output().ok()?;
        let help = [help.stdout, help.stderr].concat();
        String::from_utf8_lossy(&help).contains("OpenBSD").then_some(netcat)
    })
}

/// The compiler and linker for the kernel program, installed if need be.
pub(crate) fn toolchain() -> Result<Toolchain> {
    let mut found = candidates()?;
    let ready = |found: &[(Compiler, Readiness)]| {
        found.iter().any(|&(_, r)| r == Readiness::Ready || r == Readiness::NeedsLinker)
    };
    if !ready(&found) && packages::can_install() {
        packages::refresh();
    }
    let can_get_llvm =
        |llvm: u32| packages::can_install() && packages::offers(&format!("llvm-{llvm}-dev"));
    if toolchain::choose(&found, can_get_llvm).is_none() && packages::can_install() {
        install_system_compiler()?;
        found = candidates()?;
    }
    let Some(compiler) = toolchain::choose(&found, can_get_llvm) else {
        bail!("{}", what_is_missing(&found));
    };
    let linker = match toolchain::linker(compiler.llvm)? {
        Some(linker) => linker,
        None => install_linker(compiler)?,
    };
    Ok(Toolchain { compiler, linker })
}

fn candidates() -> Result<Vec<(Compiler, Readiness)>> {
    let routes = [Route::Nightly, Route::System].into_iter();
    routes
        .filter_map(toolchain::compiler)
        .map(|compiler| Ok((compiler, toolchain::readiness(compiler)?)))
        .collect()
}

fn install_system_compiler() -> Result<()> {
    if !packages::offers("rustc-web") {
        return Ok(()); // Not Debian; the caller says what is missing.
    }
    packages::install(
        &["rustc-web", "rust-web-src"],
        "the kernel program needs Rust's core library rebuilt for the BPF target, \
         and so a compiler with its library source",
    )
}

fn install_linker(compiler: Compiler) -> Result<PathBuf> {
    let Compiler { route, llvm } = compiler;
    if process::find("dpkg-query").is_some() || toolchain::llvm_prefix(llvm).is_none() {
        let (llvm_dev, polly_dev) = (format!("llvm-{llvm}-dev"), format!("libpolly-{llvm}-dev"));
        packages::install(
            &[&llvm_dev, &polly_dev, "libzstd-dev", "zlib1g-dev", "g++"],
            &format!("bpf-linker is built against LLVM {llvm}, the LLVM of {route}"),
        )?;
    }
    let Some(prefix) = toolchain::llvm_prefix(llvm) else {
        bail!("the development files of LLVM {llvm} are installed, but not found");
    };
    let root = toolchain::linker_root(llvm)?;
    println!("set-up: cargo install bpf-linker {LINKER_RELEASE} (LLVM {llvm}), into target/");
    println!("        because: it links the kernel program and must carry the compiler's LLVM");
    let feature = format!("llvm-{llvm}");
    process::run(
        workspace::cargo()
            .env("LLVM_PREFIX", prefix)
            .args(["install", "bpf-linker", "--version", LINKER_RELEASE, "--locked", "--quiet"])
            .args(["--no-default-features", "--features", &feature, "--root"])
            .arg(&root),
    )?;
    toolchain::linker(llvm)?.ok_or_else(|| {
        anyhow::anyhow!("bpf-linker was installed, but is not in {}", root.display())
    })
}

/// What to install by hand, in one line.
fn what_is_missing(found: &[(Compiler, Readiness)]) -> String {
    if let Some((Compiler { route, llvm }, Readiness::NeedsLlvm)) = found.first() {
        return format!(
            "bpf-linker needs the development files of LLVM {llvm}, the LLVM of {route}; \
             install what Debian calls: llvm-{llvm}-dev libpolly-{llvm}-dev libzstd-dev zlib1g-dev"
        );
    }
    let unsupported = match found.first() {
        Some((Compiler { route, llvm }, _)) => {
            format!(" ({route} is here, but no bpf-linker {LINKER_RELEASE} exists for LLVM {llvm})")
        }
        None => String::new(),
    };
    format!(
        "no compiler here can build the kernel program{unsupported}; install one: \
         `rustup toolchain install nightly --component rust-src`, or on Debian 12 as root \
         `apt-get install rustc-web rust-web-src`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_one_line_with_a_command() {
        let nightly = Compiler { route: Route::Nightly, llvm: 24 };
        let cases: [&[(Compiler, Readiness)]; 3] =
            [&[], &[(nightly, Readiness::NeedsLlvm)], &[(nightly, Readiness::Unsupported)]];
        for found in cases {
            let line = what_is_missing(found);
            assert!(!line.contains('\n') && line.contains("install"), "{line}");
        }
        assert!(what_is_missing(&[(nightly, Readiness::Unsupported)]).contains("LLVM 24"));
    }
}
