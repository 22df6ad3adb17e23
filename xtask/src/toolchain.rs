//! Which compiler and linker can build the kernel program here, and which of them to use.
//!
//! Two compilers will do: a rustup nightly with `rust-src`, or a system compiler with its library
//! source (Debian's `rustc-web` and `rust-web-src`). `bpf-linker` must carry the same LLVM as the
//! compiler. This file looks and chooses; `setup` installs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::{process, workspace};

/// The release of `bpf-linker` that is installed, and the LLVM majors that it can be built with.
pub(crate) const LINKER_RELEASE: &str = "0.13.0";
const LINKER_LLVM: [u32; 3] = [21, 22, 23];

/// The system compiler. Not searched for in `PATH`, where rustup's own `rustc` comes first.
pub(crate) const SYSTEM_RUSTC: &str = "/usr/bin/rustc";

/// Where a compiler comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Route {
    /// rustup's nightly, with the component `rust-src`.
    Nightly,
    /// The distribution's compiler, with its library source.
    System,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nightly => "rustup's nightly",
            Self::System => SYSTEM_RUSTC,
        })
    }
}

/// A compiler that can rebuild the core library for the kernel's target.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Compiler {
    pub(crate) route: Route,
    pub(crate) llvm: u32,
}

/// A compiler and the linker that matches it.
#[derive(Debug)]
pub(crate) struct Toolchain {
    pub(crate) compiler: Compiler,
    pub(crate) linker: PathBuf,
}

/// How far a compiler is from building the kernel program.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Readiness {
    /// A matching linker is installed.
    Ready,
    /// The linker has to be built; what it needs is here.
    NeedsLinker,
    /// LLVM's development files have to be installed first.
    NeedsLlvm,
    /// No known linker carries this compiler's LLVM.
    Unsupported,
}

/// Looks for a compiler on one route: it must run, and its library source must be there.
pub(crate) fn compiler(route: Route) -> Option<Compiler> {
    let version = process::answer(rustc(route)?.arg("-vV"))?;
    let sysroot = process::answer(rustc(route)?.args(["--print", "sysroot"]))?;
    let library = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library");
    library.join("core/src/lib.rs").is_file().then_some(())?;
    Some(Compiler { route, llvm: llvm_major(&version)? })
}

fn rustc(route: Route) -> Option<Command> {
    match route {
        Route::Nightly => {
            let mut command = Command::new(process::find("rustup")?);
            command.env("RUSTUP_AUTO_INSTALL", "0").args(["run", "nightly", "rustc"]);
            Some(command)
        }
        Route::System => Path::new(SYSTEM_RUSTC).is_file().then(|| Command::new(SYSTEM_RUSTC)),
    }
}

/// The LLVM major version that `rustc -vV` names.
fn llvm_major(version: &str) -> Option<u32> {
    let line = version.lines().find_map(|line| line.strip_prefix("LLVM version:"))?;
    line.trim().split('.').next()?.parse().ok()
}

/// How far `compiler` is from building the kernel program.
pub(crate) fn readiness(compiler: Compiler) -> Result<Readiness> {
    Ok(if linker(compiler.llvm)?.is_some() {
        Readiness::Ready
    } else if !LINKER_LLVM.contains(&compiler.llvm) {
        Readiness::Unsupported
    } else if llvm_prefix(compiler.llvm).is_some() {
        Readiness::NeedsLinker
    } else {
        Readiness::NeedsLlvm
    })
}

/// Chooses a compiler: one that is ready, or else the one that takes the least to make ready. Nightly comes
/// before the system's if both take the same. `can_get_llvm` says for which LLVM majors the development files
/// can be installed.
pub(crate) fn choose(
    found: &[(Compiler, Readiness)],
    can_get_llvm: impl Fn(u32) -> bool,
) -> Option<Compiler> {
    let effort = |compiler: Compiler, readiness| match readiness {
        Readiness::Ready => Some(0),
        Readiness::NeedsLinker => Some(1),
        Readiness::NeedsLlvm => can_get_llvm(compiler.llvm).then_some(2),
        Readiness::Unsupported => None,
    };
    found
        .iter()
        .filter_map(|&(compiler, readiness)| Some((effort(compiler, readiness)?, compiler)))
        .min_by_key(|&(effort, compiler)| (effort, compiler.route != Route::Nightly))
        .map(|(_, compiler)| compiler)
}

/// The prefix of LLVM's development files of this major version.
pub(crate) fn llvm_prefix(major: u32) -> Option<PathBuf> {
    let usual = PathBuf::from(format!("/usr/lib/llvm-{major}"));
    if usual.join("include/llvm-c/Core.h").is_file() {
        return Some(usual);
    }
    let config = process::find(&format!("llvm-config-{major}"))?;
    let prefix = PathBuf::from(process::answer(Command::new(config).arg("--prefix"))?.trim());
    prefix.join("include/llvm-c/Core.h").is_file().then_some(prefix)
}

/// Where this repository keeps a linker of its own for an LLVM major version.
pub(crate) fn linker_root(llvm: u32) -> Result<PathBuf> {
    Ok(workspace::target_directory()?.join(format!("tools/llvm-{llvm}")))
}

/// A `bpf-linker` with this LLVM: the repository's own, or the user's.
pub(crate) fn linker(llvm: u32) -> Result<Option<PathBuf>> {
    let homes = [Some(linker_root(llvm)?), cargo_home()];
    Ok(homes.into_iter().flatten().find_map(|home| {
        // cargo's own note of what it installed there, and with which features.
        let installed = std::fs::read_to_string(home.join(".crates2.json")).ok()?;
        let linker = home.join("bin/bpf-linker");
        (carries_llvm(&installed, llvm) && linker.is_file()).then_some(linker)
    }))
}

fn cargo_home() -> Option<PathBuf> {
    std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
}

/// Whether cargo's note of what it installed names our `bpf-linker` built with this LLVM.
fn carries_llvm(installed: &str, llvm: u32) -> bool {
    let Ok(installed) = serde_json::from_str::<serde_json::Value>(installed) else { return false };
    let wanted = format!("bpf-linker {LINKER_RELEASE} ");
    let feature = format!("llvm-{llvm}");
    installed["installs"].as_object().is_some_and(|installs| {
        installs.iter().any(|(package, install)| {
            let features = install["features"].as_array();
            package.starts_with(&wanted)
                && features.is_some_and(|all| all.iter().any(|one| *one == feature))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NIGHTLY: Compiler = Compiler { route: Route::Nightly, llvm: 23 };
    const SYSTEM: Compiler = Compiler { route: Route::System, llvm: 22 };

    #[test]
    fn llvm_is_read_from_the_compilers_version() {
        let version = "rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)\n\
                       binary: rustc\nhost: x86_64-unknown-linux-gnu\nrelease: 1.96.0\n\
                       LLVM version: 22.1.8\n";
        assert_eq!(llvm_major(version), Some(22));
        assert_eq!(llvm_major("LLVM version: 21-rust-dev\n"), None);
        assert_eq!(llvm_major("rustc 1.96.0\n"), None);
        assert_eq!(llvm_major(""), None);
    }

    #[test]
    fn nightly_is_chosen_before_an_equally_ready_system_compiler() {
        for readiness in [Readiness::Ready, Readiness::NeedsLinker, Readiness::NeedsLlvm] {
            let found = [(SYSTEM, readiness), (NIGHTLY, readiness)];
            assert_eq!(choose(&found, |_| true), Some(NIGHTLY), "{readiness:?}");
        }
    }

    #[test]
    fn what_is_ready_is_chosen_before_what_must_be_installed() {
        let found = [(NIGHTLY, Readiness::NeedsLinker), (SYSTEM, Readiness::Ready)];
        assert_eq!(choose(&found, |_| true), Some(SYSTEM));
    }

    #[test]
    fn a_compiler_whose_llvm_cannot_be_had_is_not_chosen() {
        let found = [(NIGHTLY, Readiness::NeedsLlvm), (SYSTEM, Readiness::NeedsLlvm)];
        assert_eq!(choose(&found, |llvm| llvm == 22), Some(SYSTEM));
        assert_eq!(choose(&found, |_| false), None);
        assert_eq!(choose(&[(NIGHTLY, Readiness::Unsupported)], |_| true), None);
        assert_eq!(choose(&[], |_| true), None);
    }

    #[test]
    fn a_linker_matches_by_release_and_feature() {
        let note = |release: &str, feature: &str| {
            format!(
                r#"{{"installs":{{"bpf-linker {release} (registry+x)":
                    {{"bins":["bpf-linker"],"features":["{feature}"]}}}}}}"#
            )
        };
        assert!(carries_llvm(&note(LINKER_RELEASE, "llvm-22"), 22));
        assert!(!carries_llvm(&note(LINKER_RELEASE, "llvm-22"), 23));
        assert!(!carries_llvm(&note("0.9.15", "llvm-22"), 22));
        assert!(!carries_llvm(r#"{"installs":{}}"#, 22));
        assert!(!carries_llvm("not JSON", 22));
    }
}
