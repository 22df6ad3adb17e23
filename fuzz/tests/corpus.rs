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

/// Stacks of layers, damaged or not, out of noise: a corpus that grew before a walk knew tunnels has none.
#[test]
fn stacks_out_of_noise() {
    let decide = TARGETS.iter().find(|target| target.name == "decide").unwrap();
    let mut state = 0x5e15_5e15_5e15_5e15_u64;
    for round in 0..ROUNDS {
        let mut input = vec![0x80 | u8::try_from(round % 128).unwrap()];
        for _ in 0..250 {
            // xorshift64*
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            input.extend(state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_be_bytes());
        }
        (decide.run)(&input);
    }
}

const ROUNDS: u32 = 4_000;
