//! Puts the kernel program where the controller embeds it: `$OUT_DIR/sekisho-xdp.o`.
//!
//! `cargo xtask build` builds the program and names it in `SEKISHO_EBPF_OBJECT`. Without that
//! variable an empty file takes its place, so that `cargo check`, `clippy` and unit tests need no
//! eBPF toolchain; a controller built so can do all but load a program.

use std::path::{Path, PathBuf};
use std::{env, fs, process};

const OBJECT: &str = "SEKISHO_EBPF_OBJECT";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={OBJECT}");
    if let Err(reason) = embed() {
        println!("cargo::error={reason}");
        process::exit(1);
    }
}

fn embed() -> Result<(), String> {
    let out_dir = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: run this through cargo")?;
    let embedded = Path::new(&out_dir).join("sekisho-xdp.o");
    let object = env::var_os(OBJECT).filter(|path| !path.is_empty()).map(PathBuf::from);
    let bytes = match &object {
        None => Vec::new(),
        Some(path) => {
            println!("cargo::rerun-if-changed={}", path.display());
            fs::read(path).map_err(|error| format!("{OBJECT}={}: {error}", path.display()))?
        }
    };
    if object.is_some() && !bytes.starts_with(b"\x7fELF") {
        return Err(format!("{OBJECT} names a file that is not an ELF object"));
    }
    fs::write(&embedded, bytes).map_err(|error| format!("{}: {error}", embedded.display()))
}
