//! The audit file as a chain: every line carries the SHA-256 of the line before, and the state that of the last
//! line. This file says which lines are right, and what a crash can have left of them (L-INSPECT). `event` says
//! what a line holds; `store` and `loading` write and read the file.

use std::io::{self, BufRead, Read as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::event::{Event, What};
use super::store_error::StoreError;
use crate::durable::disk::Disk;
use crate::rejection::{AuditFault, Rejection};
use crate::shown::shown;

/// The digest that the first line names as that of the line before it. No known text has it.
pub(super) const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The longest line, in bytes. Without a limit a damaged file could fill the memory before it is refused.
const LONGEST: u64 = 64 << 20;

/// A line as it is written.
#[derive(Serialize)]
struct WrittenLine<'a> {
    sequence: u64,
    at: jiff::Timestamp,
    previous: &'a str,
    #[serde(flatten)]
    what: &'a What,
}

/// What makes a line part of the chain.
#[derive(Deserialize)]
struct ChainLink<'a> {
    sequence: u64,
    at: &'a str,
    previous: &'a str,
}

/// The lines of events, without line feeds, that follow a line with the digest `previous`.
///
/// # Errors
/// Never, for events that JSON can express.
pub(super) fn lines(previous: &str, events: &[Event]) -> io::Result<Vec<String>> {
    let mut previous = previous.to_owned();
    let mut lines = Vec::new();
    for Event { sequence, at, what } in events {
        let written = WrittenLine { sequence: *sequence, at: *at, previous: &previous, what };
        let line = serde_json::to_string(&written)?;
        previous = super::digest(line.as_bytes());
        lines.push(line);
    }
    Ok(lines)
}

/// Lines as they stand in the file, with line feeds.
pub(super) fn text(lines: &[String]) -> Vec<u8> {
    lines.iter().flat_map(|line| line.bytes().chain([b'\n'])).collect()
}

/// What a state says about its audit file.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    /// The sequence number of the last event.
    pub(super) last: u64,
    /// The SHA-256 of its line.
    pub(super) digest: String,
    /// The lines of the change that led to the state. A crash can have kept them out of the file.
    pub(super) lines: Vec<String>,
}

impl Expected {
    /// The number and the digest of the line before those of the last change.
    ///
    /// # Errors
    /// [`AuditFault`]: the lines of the state are no end of a chain.
    fn before(&self) -> Result<(u64, String), AuditFault> {
        let (mut sequence, mut before) = (self.last, self.digest.clone());
        for line in self.lines.iter().rev() {
            let link: ChainLink<'_> = serde_json::from_str(line)
                .map_err(|error| AuditFault::StateLine(error.to_string()))?;
            if link.sequence != sequence || super::digest(line.as_bytes()) != before {
                return Err(AuditFault::OtherStateLine(sequence));
            }
            sequence = sequence.checked_sub(1).ok_or(AuditFault::ManyStateLines)?;
            link.previous.clone_into(&mut before);
        }
        Ok((sequence, before))
    }
}

/// An audit file that agrees with its state.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Chain {
    /// How many events there are.
    pub events: u64,
    /// The SHA-256 of the last line.
    pub digest: String,
    /// When the first event was noted, as its line says; `None` if there is none.
    pub first: Option<String>,
    /// When the last event was noted.
    pub last: Option<String>,
    /// What a crash kept out of the file, or what a running daemon is about to write.
    pub(super) repair: Option<Repair>,
}

impl Chain {
    /// Whether the file holds every line; else the last ones are in the state only.
    pub const fn is_complete(&self) -> bool {
        self.repair.is_none()
    }
}

/// How to mend an audit file after a crash.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Repair {
    /// The length of its whole lines, in bytes.
    pub(super) whole: u64,
    /// Whether anything follows them.
    pub(super) torn: bool,
    /// The text that is missing after them.
    pub(super) missing: Vec<u8>,
}

/// Compares the audit file at `path` with what the state says about it.
///
/// # Errors
/// [`StoreError::Rejected`] for anything that a crash cannot have left.
pub(super) fn check(
    disk: &mut impl Disk,
    path: &Path,
    expected: &Expected,
) -> Result<Chain, StoreError> {
    let failed = |source| StoreError::Io { path: path.to_owned(), source };
    let mut reader = disk.stream(path).map_err(failed)?.unwrap_or_else(|| Box::new(io::empty()));
    match examine(&shown(path), &mut reader, expected) {
        Ok(checked) => Ok(checked?),
        Err(source) => Err(failed(source)),
    }
}

/// Reads and compares. The outer error is the reader's.
fn examine(
    file: &str,
    reader: &mut impl BufRead,
    expected: &Expected,
) -> io::Result<Result<Chain, Rejection>> {
    let refuse = |fault: AuditFault| Ok(Err(Rejection::new(file, fault)));
    let (before, digest) = match expected.before() {
        Ok(before) => before,
        Err(fault) => return refuse(fault),
    };
    let mut walk = ChainWalk { previous: NOTHING.to_owned(), first: None, last: None };
    let (mut whole, mut bytes) = (0_u64, Vec::new());
    for number in 1..=before {
        bytes.clear();
        whole += reader.by_ref().take(LONGEST).read_until(b'\n', &mut bytes)? as u64;
        let Some(text) = bytes.strip_suffix(b"\n") else {
            return refuse(AuditFault::CutOff { found: number - 1, last: expected.last });
        };
        if let Err(fault) = walk.step(number, text) {
            return Ok(Err(Rejection::new(file, fault).at(format!("line {number}"))));
        }
    }
    if walk.previous != digest {
        return Ok(Err(Rejection::new(file, AuditFault::Changed).at(format!("line {before}"))));
    }
    let wanted = text(&expected.lines);
    let mut found = Vec::new();
    reader.take(wanted.len() as u64 + 1).read_to_end(&mut found)?;
    let at = |line: &String| {
        serde_json::from_str::<ChainLink<'_>>(line).ok().map(|link| link.at.to_owned())
    };
    Ok(match compare(&wanted, &found) {
        Ok(kept) => Ok(Chain {
            events: expected.last,
            digest: expected.digest.clone(),
            first: walk.first.or_else(|| expected.lines.first().and_then(at)),
            last: expected.lines.last().and_then(at).or(walk.last),
            repair: (kept < wanted.len()).then(|| Repair {
                whole: whole.saturating_add(kept as u64),
                torn: found.len() > kept,
                missing: wanted.get(kept..).unwrap_or_default().to_vec(),
            }),
        }),
        Err(offset) => {
            let number = before.saturating_add(1).saturating_add(feeds(&wanted, offset));
            let fault = if offset == wanted.len() {
                AuditFault::Added(expected.last)
            } else {
                AuditFault::OtherThanState
            };
            Err(Rejection::new(file, fault).at(format!("line {number}")))
        }
    })
}

/// The position of a reader in the chain.
struct ChainWalk {
    /// The SHA-256 of the line before.
    previous: String,
    first: Option<String>,
    last: Option<String>,
}

impl ChainWalk {
    /// Takes line `number`, without its line feed.
    ///
    /// # Errors
    /// [`AuditFault`]: the line cannot follow those before it.
    fn step(&mut self, number: u64, text: &[u8]) -> Result<(), AuditFault> {
        let link: ChainLink<'_> =
            serde_json::from_slice(text).map_err(|error| AuditFault::NoEvent(error.to_string()))?;
        if link.sequence != number {
            return Err(AuditFault::OutOfSequence { found: link.sequence, expected: number });
        }
        if link.previous != self.previous {
            return Err(if number == 1 {
                AuditFault::BeforeFirst
            } else {
                AuditFault::OtherBefore(number - 1)
            });
        }
        self.previous = super::digest(text);
        if number == 1 {
            self.first = Some(link.at.to_owned());
        }
        let last = self.last.get_or_insert_default();
        link.at.clone_into(last);
        Ok(())
    }
}

/// How many bytes of `found` are whole lines of `wanted`. A crash can have cut it off anywhere, or have left zeros
/// in place of blocks that never reached the disk.
///
/// # Errors
/// The offset of the first byte that no crash can have left.
fn compare(wanted: &[u8], found: &[u8]) -> Result<usize, usize> {
    let strange = |(index, byte): (usize, &u8)| *byte != 0 && wanted.get(index) != Some(byte);
    if let Some(offset) = found.iter().enumerate().position(strange) {
        return Err(offset);
    }
    if found.len() > wanted.len() {
        return Err(wanted.len());
    }
    let same = wanted.iter().zip(found).take_while(|(wanted, found)| wanted == found).count();
    let lines = wanted.get(..same).unwrap_or_default();
    Ok(lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1))
}

fn feeds(text: &[u8], until: usize) -> u64 {
    text.iter().take(until).filter(|byte| **byte == b'\n').count() as u64
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
