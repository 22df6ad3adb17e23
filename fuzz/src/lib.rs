//! Sekisho's fuzz targets: for each an input's meaning and the oracle that judges what comes of it.
//! `docs/fuzzing.md` says how they are run.
//!
//! | target | what is fuzzed | what must hold |
//! |---|---|---|
//! | [`decide`] | frames, orders and directions through the host engine | records, outcome and counters are those of a naive reading |
//! | `tables` | the same, with orders and directions that the input spells itself | the same |
//! | [`envelope`] | signed envelopes | what is accepted was signed, by enough of every role that must and by nobody else |
//! | [`document`] | documents of every kind | what is accepted reads, explains and signs; what is refused, in one line |
//! | [`lists`] | CIDR lists and RIR statistics | every address has the class that the lines give it |
//! | [`capture`] | capture files | the frames are there, however the bytes come; a replay's books add up |
//! | [`request`] | what a client says over the control socket | each line has its answer, and what it asks for arrives whole |
//!
//! Each target is an ordinary function, so that the inputs of `fuzz/corpus` are also a plain test.

pub mod capture;
pub mod decide;
pub mod document;
pub mod envelope;
pub mod lists;
pub mod request;

mod authority;
mod words;

use std::io;

/// A target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, that of its binary and of its corpus.
    pub name: &'static str,
    /// Judges one input; panics where something does not hold.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: [Target; 7] = [
    Target { name: "decide", run: decide::run },
    Target { name: "tables", run: decide::run_tables },
    Target { name: "envelope", run: envelope::run },
    Target { name: "document", run: document::run },
    Target { name: "lists", run: lists::run },
    Target { name: "capture", run: capture::run },
    Target { name: "request", run: request::run },
];

/// Runs a target over the files that the command line names.
///
/// # Errors
/// A file that cannot be read.
pub fn replay(run: fn(&[u8])) -> io::Result<()> {
    for file in std::env::args_os().skip(1) {
        run(&std::fs::read(file)?);
    }
    Ok(())
}
