//! Parity over whatever there is: every frame that an input of `fuzz/corpus` spells, by the tables and the gate
//! of that input, and every frame of captures, by tables made of its own addresses. Host and kernel agree on
//! outcome, records and counters.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use controller::engine::{HostEngine, KernelEngine};
use sekisho_fuzz::decide::Spelled;
use sekisho_tests::both::{Judged, alike, follow};
use sekisho_tests::privilege::require_kernel;
use sekisho_tests::{captures, suited};
use sensor_common::outcome::Outcome;

/// The inputs of a target, in the order of their names.
fn corpus(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Kernel engines by what they enter: a program reads that when it is loaded.
#[derive(Default)]
struct Kernels(BTreeMap<u32, KernelEngine>);

impl Kernels {
    /// The engine that enters what the host's does, with its tables and its gate.
    fn following(&mut self, host: &mut HostEngine) -> &mut KernelEngine {
        let entered = *host.entered();
        let load = || KernelEngine::entering(&[], entered).unwrap();
        let kernel = self.0.entry(entered.bits()).or_insert_with(load);
        follow(kernel, host);
        kernel
    }
}

/// How frames ended.
#[derive(Default)]
struct Seen {
    frames: u64,
    records: u64,
    outcomes: BTreeMap<&'static str, u64>,
}

impl Seen {
    fn count(&mut self, judged: &Judged) {
        self.frames += 1;
        self.records += judged.records.len() as u64;
        for (outcome, ..) in &judged.added {
            *self.outcomes.entry(outcome.name()).or_default() += 1;
        }
    }

    fn add(&mut self, other: &Self) {
        self.frames += other.frames;
        self.records += other.records;
        for (outcome, count) in &other.outcomes {
            *self.outcomes.entry(*outcome).or_default() += count;
        }
    }

    fn tell(&self, whose: &str) {
        let Self { frames, records, outcomes } = self;
        eprintln!("{whose}: {frames} frames, {records} records, {outcomes:?}");
    }

    fn has(&self, outcome: Outcome) -> bool {
        self.outcomes.contains_key(outcome.name())
    }
}

/// Puts what the inputs of a target spell through both engines; then all of it once more, by tables that are made
/// for it, as most inputs reach something rare and few frames of theirs are selected.
fn spelled(target: &str, read: fn(&[u8]) -> Option<Spelled>) -> Seen {
    require_kernel();
    let (mut kernels, mut seen, mut all) = (Kernels::default(), Seen::default(), Vec::new());
    for file in corpus(target) {
        let spelled = read(&fs::read(&file).unwrap());
        let Some(spelled) = spelled.filter(|spelled| !spelled.frames.is_empty()) else { continue };
        let mut host = spelled.engine();
        let kernel = kernels.following(&mut host);
        for (number, frame) in spelled.frames.iter().enumerate() {
            let name = || format!("{}, {number}", file.display());
            seen.count(&alike(&mut host, kernel, frame, &name).unwrap());
        }
        all.extend_from_slice(&spelled.frames);
    }
    seen.tell(target);
    let suited = suited(&mut kernels, target, &all);
    suited.tell(&format!("{target}, by tables for them"));
    assert!(suited.has(Outcome::Recorded), "{:?}", suited.outcomes);
    seen
}

/// Puts frames through both engines, by tables that are made for them.
fn suited(kernels: &mut Kernels, whose: &str, frames: &[Vec<u8>]) -> Seen {
    let mut host = HostEngine::new(suited::generation(frames).lines);
    let kernel = kernels.following(&mut host);
    let mut seen = Seen::default();
    for (number, frame) in frames.iter().enumerate() {
        let name = || format!("{whose}, {}", number + 1);
        if let Some(judged) = alike(&mut host, kernel, frame, &name) {
            seen.count(&judged);
        }
    }
    seen
}

#[test]
fn what_inputs_of_decide_spell_ends_alike_in_both_engines() {
    let seen = spelled("decide", Spelled::read);
    // The host's engine does not know a ring without room.
    let known = Outcome::ALL.iter().filter(|outcome| **outcome != Outcome::RingFull);
    assert!(known.copied().all(|outcome| seen.has(outcome)), "{:?}", seen.outcomes);
}

#[test]
fn what_inputs_of_tables_spell_ends_alike_in_both_engines() {
    let seen = spelled("tables", Spelled::read_with_tables);
    assert!(seen.has(Outcome::Recorded) && seen.has(Outcome::Unmatched), "{:?}", seen.outcomes);
}

/// Puts the frames of captures through both engines, by tables that are made for each capture. What cannot be
/// read is about captures, not engines.
fn captured(files: &[PathBuf]) -> Seen {
    require_kernel();
    let (mut kernels, mut sum) = (Kernels::default(), Seen::default());
    for file in files {
        let (frames, name) =
            (captures::frames(file).unwrap_or_default(), file.display().to_string());
        if !frames.is_empty() {
            let seen = suited(&mut kernels, &name, &frames);
            seen.tell(&name);
            sum.add(&seen);
        }
    }
    sum
}

#[test]
fn frames_in_inputs_of_capture_end_alike_in_both_engines() {
    let seen = captured(&corpus("capture"));
    seen.tell("capture");
    assert!(seen.records > 0, "{:?}", seen.outcomes);
}

#[test]
fn captured_frames_end_alike_in_both_engines() {
    let files = captures::files();
    let seen = captured(&files);
    seen.tell("captures");
    assert!(files.is_empty() || seen.has(Outcome::Recorded), "{:?}", seen.outcomes);
}
