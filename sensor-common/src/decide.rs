//! The decision: from a frame to its one outcome and the records it gives rise to.

use crate::counters::Verdict;
use crate::direction::Direction;
use crate::layout::{VERSION, header, high, low};
use crate::lookup;
use crate::outcome::Outcome;
use crate::packet::Packet;
use crate::parse::{self, Flow, Unparsed};
use crate::record::{Record, Sink};
use crate::repeat::Repeat;
use crate::select::{self, Cursor, Hit, Rows};
use crate::tables::{Gate, Tables, word_of};

/// A packet of which at least one address is in a set.
struct Candidate {
    flow: Flow,
    direction: Direction,
    length: u32,
    generation: u32,
    rows: Rows,
}

/// What the decision needs besides the frame and the tables: one port for each.
pub struct Ports<'a, G, R, S> {
    /// Deadlines, lease and clock.
    pub gate: &'a G,
    /// Long loops.
    pub repeat: &'a R,
    /// Where records go.
    pub sink: &'a mut S,
}

/// Judges a frame, and submits one record for each order in force that it matches.
#[inline(always)]
pub fn decide<P: Packet, T: Tables, G: Gate, R: Repeat, S: Sink>(
    packet: &P,
    tables: &T,
    ports: &mut Ports<'_, G, R, S>,
) -> Verdict {
    let length = packet.length();
    let done = |outcome, direction| Verdict { outcome, direction, length, records: 0, lost: 0 };
    let flow = match parse::parse(packet) {
        Ok(flow) => flow,
        Err(Unparsed::NonIp) => return done(Outcome::NonIp, None),
        Err(Unparsed::Malformed) => return done(Outcome::Malformed, None),
    };
    // Without tables, or with tables of another layout, nothing can be judged.
    let Some(head) = tables.near(0) else { return done(Outcome::Unclassified, None) };
    let identity = word_of(head, header::IDENTITY);
    if high(identity) != VERSION {
        return done(Outcome::Unclassified, None);
    }
    let Some((source, destination)) =
        lookup::pair(tables, ports.repeat, head, flow.version, flow.source, flow.destination)
    else {
        return done(Outcome::Unclassified, None);
    };
    // L-DIR: before any rule is looked at.
    let direction = match Direction::judge(source.class(), destination.class()) {
        None => return done(Outcome::Unclassified, None),
        Some(Direction::DomesticToDomestic) => {
            return done(Outcome::Domestic, Some(Direction::DomesticToDomestic));
        }
        Some(direction) => direction,
    };
    // Every rule names an address set, so a packet whose addresses are in none is unmatched.
    if source.row() | destination.row() == 0 {
        return done(Outcome::Unmatched, Some(direction));
    }
    let rows = Rows::find(tables, &flow, direction, source, destination);
    let generation = low(identity);
    apply(&Candidate { flow, direction, length, generation, rows }, tables, ports)
}

/// Finds the first rule of each order that holds, submits a record for each such order that is in
/// force while the lease holds, and gives the packet's outcome (L-TERM).
///
/// A function of its own in the kernel too, so that it has a stack frame of its own.
#[inline(never)]
fn apply<T: Tables, G: Gate, R: Repeat, S: Sink>(
    candidate: &Candidate,
    tables: &T,
    ports: &mut Ports<'_, G, R, S>,
) -> Verdict {
    let (mut held, mut records, mut lost) = (0_u32, 0_u32, 0_u32);
    let mut cursor = Cursor::new(tables);
    let mut now = 0;
    let Ports { gate, repeat, sink } = ports;
    repeat.repeat(select::MOST_STEPS, &mut || {
        if cursor.at_end() {
            return false;
        }
        let Some(Hit { rule, slot }) = cursor.step(tables, &candidate.rows) else {
            return !cursor.at_end();
        };
        if held == 0 {
            now = gate.now();
        }
        held = held.wrapping_add(1);
        if now >= gate.lease() {
            return false;
        }
        if now < gate.deadline(slot) {
            if submit(candidate, now, rule, *sink) {
                records = records.wrapping_add(1);
            } else {
                lost = lost.wrapping_add(1);
            }
        }
        !cursor.at_end()
    });
    let outcome = if records != 0 {
        Outcome::Recorded
    } else if lost != 0 {
        Outcome::RingFull
    } else if held != 0 {
        Outcome::Lapsed
    } else {
        Outcome::Unmatched
    };
    let Candidate { direction, length, .. } = *candidate;
    Verdict { outcome, direction: Some(direction), length, records, lost }
}

/// Submits the record of a candidate that `rule` selected.
///
/// A function of its own in the kernel too, so that the loop around it does not keep all fields of
/// a record on the stack.
#[inline(never)]
fn submit<S: Sink>(candidate: &Candidate, now: u64, rule: u32, sink: &mut S) -> bool {
    let Candidate { flow, direction, length, generation, .. } = candidate;
    sink.submit(|| Record::new(flow, *direction, *length, now, *generation, rule))
}
