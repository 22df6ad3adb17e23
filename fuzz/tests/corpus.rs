//! The inputs of `fuzz/corpus` through every target, without a fuzzer: what was once found stays
//! found, and no target stops accepting what it should.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use sekisho_fuzz::TARGETS;

fn corpus(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let entries =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_input_of_the_corpus() {
    for target in TARGETS {
        let files = corpus(target.name);
        assert!(!files.is_empty(), "{} has no corpus", target.name);
        for file in files {
            let input = fs::read(&file).unwrap();
            // Says which input it was where it panics.
            let run = std::panic::catch_unwind(|| (target.run)(&input));
            assert!(run.is_ok(), "{}: {}", target.name, file.display());
        }
    }
}

/// Inputs that say nothing.
#[test]
fn nothing_at_all() {
    for target in TARGETS {
        for input in [&b""[..], b"\0", b"\xff", b"\xff\xff\xff\xff\xff\xff\xff\xff"] {
            (target.run)(input);
        }
    }
}
