//! The runs of daemons, and replays, as events and the state describe them (L-INSPECT).

use serde::{Deserialize, Serialize};

use super::inputs::{DaemonInputs, FileRead};
use super::named::NamedOrder;

/// A daemon that begins its work.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DaemonStart {
    /// The version of `sekisho`.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// The kernel's id of this boot of the machine (`/proc/sys/kernel/random/boot_id`).
    pub boot: String,
    /// `tap` or `inline`.
    pub mode: String,
    /// The interfaces that it watches.
    pub interfaces: Vec<String>,
    /// The SHA-256 of the kernel program that it carries.
    pub program: String,
    /// Whether it took over what another daemon left in the kernel.
    pub taken_over: bool,
    /// Its inputs.
    #[serde(flatten)]
    pub inputs: DaemonInputs,
}

/// How a daemon ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Somebody told it to (SIGINT, SIGTERM).
    Signal,
    /// The next daemon takes over.
    HandOver,
    /// Something failed.
    Failure,
}

/// How a daemon ended, and what its interfaces had counted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DaemonStop {
    /// How.
    pub how: How,
    /// What failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many packets all interfaces saw.
    pub packets: u64,
    /// How many records were due: the sum of the next four.
    pub records: u64,
    /// How many records are in the output.
    pub written: u64,
    /// How many records a full ring had no room for, or are missing.
    pub lost: u64,
    /// How many records could not be written.
    pub not_written: u64,
    /// How many records were set aside, because no order covers them.
    pub set_aside: u64,
}

/// A replay: what was put in, and what came out.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ReplayRun {
    /// The version of `sekisho`.
    pub version: String,
    /// The user who ran it, by number.
    pub uid: u32,
    /// `kernel` or `host`.
    pub engine: String,
    /// The encapsulations that were entered.
    pub decapsulate: Vec<String>,
    /// The moment for which orders in force were chosen.
    pub moment: jiff::Timestamp,
    /// The trust file.
    pub trust: FileRead,
    /// The orders.
    pub orders: Vec<NamedOrder>,
    /// The files that say what is domestic and what is foreign.
    pub direction: Vec<FileRead>,
    /// The class of global unicast space that no direction file names.
    pub default: String,
    /// The captures that were replayed.
    pub captures: Vec<FileRead>,
    /// Where the records went, and the SHA-256 of them all.
    pub output: FileRead,
    /// How many packets were judged.
    pub packets: u64,
    /// How many records were written.
    pub records: u64,
    /// Whether every capture was read to its end.
    pub complete: bool,
}

/// A daemon that has begun and has not said that it ended.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Running {
    /// The sequence number of the event in which it began.
    pub(super) event: u64,
    /// The boot of the machine in which it began.
    pub(super) boot: String,
}
