//! The decision: from a frame to its one outcome and the records it gives rise to.

use crate::boot_time::BootTime;
use crate::capacity::Meter;
use crate::counters::Verdict;
use crate::direction::Direction;
use crate::layout::{RulesWord, VERSION, header, high, low, traffic_bit};
use crate::lookup;
use crate::outcome::Outcome;
use crate::packet::Packet;
use crate::parse::payload::Payload;
use crate::parse::tunnel::Entered;
use crate::parse::walk::{Room, Walk};
use crate::parse::{self, Flow, Unparsed};
use crate::payload::{self, Hits};
use crate::record::{Record, Sink};
use crate::repeat::Repeat;
use crate::select::{self, Cursor, Hit, Known, Rows};
use crate::tables::{Gate, Line, Tables, word_of};

/// A packet that a rule may select: what a record says of it, and the progress of its judgement.
pub struct Candidate {
    flow: Flow,
    direction: Direction,
    length: u32,
    generation: u32,
    rows: Rows,
    cursor: Cursor,
    /// The payload groups to look into. 0 until they are known.
    groups: u32,
    /// The next group to look into.
    group: u32,
    /// Where the payload is, once [`look`] has found it.
    found: Payload,
    payload: Stage,
    hits: Hits,
    tally: Tally,
}

/// Progress with the payload.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Stage {
    /// No rule depends on it so far.
    Unasked,
    /// A rule depends on it; all other conditions of that rule hold.
    Asked,
    /// The candidate's hits name the prefixes that it begins with.
    Known,
}

/// The result of a candidate's rules so far.
#[derive(Clone, Copy, Default)]
struct Tally {
    /// When the first rule held.
    now: BootTime,
    /// Rules that held: at most one of each order.
    held: u32,
    /// Records submitted.
    records: u32,
    /// Records for which the sink had no room.
    lost: u32,
}

/// Where the candidate is kept while it is judged. One place is enough, as packets are judged one at a
/// time. A candidate is too large for the kernel's stack, so the kernel's implementation is memory of the
/// CPU; the host's is a local variable.
pub trait Scratch: Room {
    /// Replaces the candidate before. `None` where there is no place.
    fn keep(&mut self, candidate: Candidate) -> Option<&mut Candidate>;
}

/// What the decision needs besides the frame and the tables.
pub struct Ports<'a, G, M, R, S, K> {
    /// Terms, lease and clock.
    pub gate: &'a G,
    /// The capacity share.
    pub meter: &'a M,
    /// Long loops.
    pub repeat: &'a R,
    /// Where records go.
    pub sink: &'a mut S,
    /// Where a walk through layers and the candidate are kept.
    pub scratch: &'a mut K,
    /// The encapsulations that are entered.
    pub entered: Entered,
}

/// Judges a frame, and submits one record for each order in force that it matches.
#[inline(always)]
pub fn decide<P, T, G, M, R, S, K>(
    packet: &P,
    tables: T,
    ports: &mut Ports<'_, G, M, R, S, K>,
) -> Verdict
where
    P: Packet,
    T: Tables + Copy,
    G: Gate,
    M: Meter,
    R: Repeat,
    S: Sink,
    K: Scratch,
{
    let length = packet.length();
    let done = |outcome, direction| Verdict { outcome, direction, length, records: 0, lost: 0 };
    let flow = match parse::parse(packet, ports.entered, ports.repeat, ports.scratch) {
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
    let addresses =
        lookup::pair(&tables, ports.repeat, head, flow.version(), flow.source, flow.destination);
    let Some((source, destination)) = addresses else { return done(Outcome::Unclassified, None) };
    // L-DIR: before any rule is looked at.
    let direction = match Direction::judge(source.class(), destination.class()) {
        None => return done(Outcome::Unclassified, None),
        Some(Direction::DomesticToDomestic) => {
            return done(Outcome::Domestic, Some(Direction::DomesticToDomestic));
        }
        Some(direction) => direction,
    };
    let generation = low(identity);
    // L-CAP: before any rule is looked at. No other measure than Art. 17 applies in this direction.
    if matches!(direction, Direction::ForeignToForeign)
        && !ports.meter.admit(tables, generation, length)
    {
        return done(Outcome::OverCapacity, Some(direction));
    }
    let rules = RulesWord(word_of(head, header::RULES));
    // A packet whose addresses are in no set is unmatched, unless a rule goes by the payload alone.
    let unknown = source.row() | destination.row() == 0;
    if unknown && !rules.payload_only(traffic_bit(direction, flow.protocol)) {
        return done(Outcome::Unmatched, Some(direction));
    }
    let candidate = Candidate {
        rows: Rows::of(flow.protocol, direction, source, destination),
        cursor: Cursor::new(rules),
        flow,
        direction,
        length,
        generation,
        ..Candidate::blank()
    };
    let Some(candidate) = ports.scratch.keep(candidate) else {
        return done(Outcome::Unclassified, None);
    };
    // From here on everything is read from scratch memory. The verifier does not follow what is in it,
    // so the ways that led here are one.
    if !unknown || screen(candidate, packet, tables) {
        if begin(candidate, tables, ports.gate, ports.sink) {
            walk(candidate, tables, ports.gate, ports.repeat, ports.sink);
        }
        if candidate.payload == Stage::Asked {
            look(candidate, packet, tables, ports.repeat);
            walk(candidate, tables, ports.gate, ports.repeat, ports.sink);
        }
    }
    let (tally, direction, length) = (candidate.tally, candidate.direction, candidate.length);
    candidate.erase();
    tally.verdict(direction, length)
}

/// Finds the payload groups that may select a candidate whose addresses are in no set. `false`: there
/// are none. Out of line.
#[inline(never)]
fn screen<P: Packet, T: Tables + Copy>(candidate: &mut Candidate, packet: &P, tables: T) -> bool {
    let Candidate { flow, direction, .. } = candidate;
    if let Some(bit) = payload::traffic(*direction, flow.protocol)
        && let Some(found) = parse::payload::find(packet, flow)
    {
        candidate.groups = payload::screen(packet, &tables, found, bit);
    }
    candidate.groups != 0
}

/// The beginning of [`walk`], which is all that most packets need. `true`: there is more to do.
#[inline(always)]
fn begin<T: Tables + Copy, G: Gate, S: Sink>(
    candidate: &mut Candidate,
    tables: T,
    gate: &G,
    sink: &mut S,
) -> bool {
    let Some(head) = tables.near(select::HEAD) else { return false };
    candidate.rows.find_ports(&tables, head, candidate.flow.ports());
    // The first word of the rows, up to its first rule. The loop would cost as much as all of this.
    candidate.enter_word(&tables, head)
        && (candidate.cursor.is_between_words() || candidate.hit(&tables, head, gate, sink))
        && !candidate.cursor.at_end()
}

/// Finds the first rule of each order that holds. Submits a record for each such order that is in
/// force, as long as the lease holds (L-TERM). Out of line.
#[inline(never)]
fn walk<T: Tables + Copy, G: Gate, R: Repeat, S: Sink>(
    candidate: &mut Candidate,
    tables: T,
    gate: &G,
    repeat: &R,
    sink: &mut S,
) {
    let Some(head) = tables.near(select::HEAD) else { return };
    repeat.repeat(select::MOST_STEPS, &mut || {
        let go_on = if candidate.cursor.is_between_words() {
            candidate.enter_word(&tables, head)
        } else {
            candidate.hit(&tables, head, gate, sink)
        };
        go_on && !candidate.cursor.at_end()
    });
}

/// Looks for the candidate's payload in all groups to look into. Out of line.
#[inline(never)]
fn look<P: Packet, T: Tables + Copy, R: Repeat>(
    candidate: &mut Candidate,
    packet: &P,
    tables: T,
    repeat: &R,
) {
    candidate.payload = Stage::Known;
    let Some(bit) = payload::traffic(candidate.direction, candidate.flow.protocol) else { return };
    let Some(found) = parse::payload::find(packet, &candidate.flow) else { return };
    candidate.found = found;
    if candidate.groups == 0 {
        candidate.groups = payload::groups(&tables, bit);
    }
    repeat.repeat(payload::MOST_GROUPS, &mut || candidate.look_into_group(packet, &tables));
}

impl Candidate {
    /// Enters the next word of the rows. `false`: a rule depends on the payload, which is not known yet.
    #[inline(always)]
    fn enter_word<T: Tables>(&mut self, tables: &T, head: &Line) -> bool {
        let known = match self.payload {
            Stage::Known => Known::Hits(&self.hits),
            _ => Known::Nothing,
        };
        let entered = self.cursor.enter_word(tables, head, &self.rows, known);
        if entered.is_err() {
            self.payload = Stage::Asked;
        }
        entered.is_ok()
    }

    /// No packet: all fields are 0 but for the cursor's.
    #[inline(always)]
    fn blank() -> Self {
        Self {
            flow: Flow::blank(),
            direction: Direction::ForeignToForeign,
            length: 0,
            generation: 0,
            rows: Rows::default(),
            cursor: Cursor::new(RulesWord(0)),
            groups: 0,
            group: 0,
            found: Payload::default(),
            payload: Stage::Unasked,
            hits: Hits::default(),
            tally: Tally::default(),
        }
    }

    /// Forgets the packet (L-ERASE), which the scratch memory outlives.
    #[inline(always)]
    fn erase(&mut self) {
        *self = Self::blank();
    }

    /// Looks for the payload in the next group. `false`: it was the last.
    #[inline(always)]
    fn look_into_group<P: Packet, T: Tables>(&mut self, packet: &P, tables: &T) -> bool {
        let left = self.groups.wrapping_shr(self.group);
        if left & 1 != 0 {
            // A group without the payload, or one that cannot be read, adds nothing.
            let _: Option<()> =
                payload::look(packet, tables, self.found, self.group, &mut self.hits);
        }
        self.group = self.group.wrapping_add(1);
        left > 1
    }

    /// Handles the next rule that holds. `false`: the lease has passed, so no rule can have a record.
    #[inline(always)]
    fn hit<T: Tables, G: Gate, S: Sink>(
        &mut self,
        tables: &T,
        head: &Line,
        gate: &G,
        sink: &mut S,
    ) -> bool {
        let Hit { rule, slot } = self.cursor.step(tables, head);
        if self.tally.held == 0 {
            self.tally.now = gate.now();
        }
        self.tally.held = self.tally.held.wrapping_add(1);
        let now = self.tally.now;
        if now >= gate.lease() {
            return false;
        }
        if gate.term(slot).holds(now) {
            let Self { flow, direction, length, generation, .. } = self;
            let made =
                sink.submit(|| Record::new(flow, *direction, *length, now, *generation, rule));
            self.tally.records = self.tally.records.wrapping_add(u32::from(made));
            self.tally.lost = self.tally.lost.wrapping_add(u32::from(!made));
        }
        true
    }
}

impl Tally {
    /// The verdict on a packet of which all rules were looked at.
    #[inline(always)]
    const fn verdict(self, direction: Direction, length: u32) -> Verdict {
        let Self { held, records, lost, .. } = self;
        let outcome = if records != 0 {
            Outcome::Recorded
        } else if lost != 0 {
            Outcome::RingFull
        } else if held != 0 {
            Outcome::Lapsed
        } else {
            Outcome::Unmatched
        };
        Verdict { outcome, direction: Some(direction), length, records, lost }
    }
}

/// The host's implementation of the port.
#[derive(Default)]
pub struct LocalScratch {
    walk: Option<Walk>,
    candidate: Option<Candidate>,
}

impl Room for LocalScratch {
    fn begin(&mut self, walk: Walk) -> Option<&mut Walk> {
        self.walk.begin(walk)
    }
}

impl Scratch for LocalScratch {
    fn keep(&mut self, candidate: Candidate) -> Option<&mut Candidate> {
        Some(self.candidate.insert(candidate))
    }
}
