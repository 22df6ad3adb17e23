//! Embeds the kernel object, so that a `sekisho` binary and its kernel program always belong
//! together. Without `SEKISHO_EBPF_OBJECT` an empty one is embedded: `cargo check`, `clippy` and
//! the tests of the pure code then need no eBPF toolchain.

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-env-changed=SEKISHO_EBPF_OBJECT");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let embedded = out.join("sekisho-xdp.o");
    match env::var_os("SEKISHO_EBPF_OBJECT") {
        Some(object) => {
            println!("cargo::rerun-if-changed={}", object.display());
            fs::copy(&object, &embedded)
                .unwrap_or_else(|error| panic!("{}: {error}", object.display()));
        }
        None => fs::write(&embedded, []).expect("OUT_DIR is writable"),
    }
}
