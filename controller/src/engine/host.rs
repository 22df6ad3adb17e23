//! The host engine: runs the shared code over tables in this process's memory. It needs no privilege.

use sensor_common::boot_time::BootTime;
use sensor_common::capacity::AlwaysFull;
use sensor_common::counters::Counters;
use sensor_common::decide::{LocalScratch, Ports, decide};
use sensor_common::packet::{Captured, Packet};
use sensor_common::parse::tunnel::Entered;
use sensor_common::parse::{Flow, Unparsed, parse};
use sensor_common::record::{Record, Sink};
use sensor_common::repeat::Loop;
use sensor_common::tables::{Gate, Line, MOST_ORDERS, Slot, Term, lease};

use super::Engine;
use crate::kernel::KernelError;

/// Judges frames in user space.
pub struct HostEngine {
    lines: Vec<Line>,
    gate: HostGate,
    entered: Entered,
    counters: Counters,
}

/// A gate whose every value is set from outside, including the time.
#[derive(Clone, Debug)]
pub struct HostGate {
    /// Per slot: when its order may select.
    pub terms: [Term; MOST_ORDERS as usize],
    /// Until when the tables are vouched for, exclusive.
    pub lease: BootTime,
    /// Whether all selection is halted, whatever the lease says.
    pub halted: bool,
    /// The time now.
    pub now: BootTime,
}

impl HostEngine {
    /// An engine with a generation's tables and the gate wide open: every order that was compiled is in force. It
    /// enters all encapsulations.
    pub fn new(lines: Vec<Line>) -> Self {
        let gate = HostGate {
            terms: [Term::ALWAYS; MOST_ORDERS as usize],
            lease: BootTime::MAX,
            halted: false,
            now: BootTime::FIRST,
        };
        Self { lines, gate, entered: Entered::ALL, counters: Counters::default() }
    }

    /// The tables that it judges by.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The gate, to be opened or closed.
    pub const fn gate(&mut self) -> &mut HostGate {
        &mut self.gate
    }

    /// The encapsulations that are entered, to be changed.
    pub const fn entered(&mut self) -> &mut Entered {
        &mut self.entered
    }
}

impl HostEngine {
    /// Judges a captured frame. What was not captured is missing for every rule.
    pub fn judge_captured(&mut self, frame: &Captured<'_>) -> Vec<Record> {
        self.judge_packet(frame)
    }

    /// What the parser finds in a frame.
    ///
    /// # Errors
    /// [`Unparsed`] says which of the two outcomes it has instead.
    pub fn read(&self, packet: &impl Packet) -> Result<Flow, Unparsed> {
        parse(packet, self.entered, &Loop, &mut None)
    }

    fn judge_packet(&mut self, packet: &impl Packet) -> Vec<Record> {
        let mut records = List(Vec::new());
        let mut ports = Ports {
            gate: &self.gate,
            meter: &AlwaysFull,
            repeat: &Loop,
            sink: &mut records,
            scratch: &mut LocalScratch::default(),
            entered: self.entered,
        };
        let verdict = decide(packet, self.lines.as_slice(), &mut ports);
        self.counters.count(&verdict);
        records.0
    }
}

impl Engine for HostEngine {
    fn judge(&mut self, frame: &[u8]) -> Result<Vec<Record>, KernelError> {
        Ok(self.judge_packet(&frame))
    }

    fn counters(&self) -> Result<Counters, KernelError> {
        Ok(self.counters)
    }
}

impl Gate for HostGate {
    fn term(&self, slot: Slot) -> Term {
        self.terms.get(slot.number() as usize).copied().unwrap_or(Term::NEVER)
    }

    fn lease(&self) -> BootTime {
        lease::in_force(self.lease, u64::from(self.halted))
    }

    fn now(&self) -> BootTime {
        self.now
    }
}

struct List(Vec<Record>);

impl Sink for List {
    fn submit(&mut self, make: impl FnOnce() -> Record) -> bool {
        self.0.push(make());
        true
    }
}
