//! Frames through `decide`: the real parser and compiler make tables out of random orders and
//! directions, the host engine judges frames by them, and a naive reading says what must come of each.
//!
//! Two targets. For `decide` the first byte of an input chooses orders and directions that are the same in
//! every run, of which tables are made once: nearly all of the time goes to frames. For `tables` the
//! input spells them itself. The rest spells a gate, then frames.

mod frames;
mod naive;
mod oracle;
mod scenario;
mod spec;

use std::cell::RefMut;
use std::rc::Rc;

use arbitrary::{Result, Unstructured};
use controller::engine::HostEngine;
use oracle::judge;
use scenario::Scenario;
use sensor_common::boot_time::BootTime;
use sensor_common::parse::tunnel::Entered;
use sensor_common::tables::Term;

/// Most frames of an input.
const FRAMES: usize = 24;

/// What the gate says.
#[derive(Clone, Debug)]
struct Gate {
    /// Of each order, by its position.
    terms: Vec<(u64, u64)>,
    lease: u64,
    halted: bool,
    now: u64,
}

/// Judges an input of `decide`. The upper three bits of the first byte choose whether frames have tunnels, and
/// which of them are entered.
///
/// # Panics
/// Where the engine and the naive reading differ.
pub fn run(input: &[u8]) {
    check(Spelled::read(input));
}

/// Judges an input of `tables`: a length in units of four bytes, a byte whose upper three bits say the same as
/// those of `decide`, as many bytes of orders and directions, then a gate and frames.
///
/// # Panics
/// Where the engine and the naive reading differ.
pub fn run_tables(input: &[u8]) {
    check(Spelled::read_with_tables(input));
}

fn check(spelled: Option<Spelled>) {
    let Some(spelled) = spelled else { return };
    let mut engine = spelled.engine();
    for frame in &spelled.frames {
        judge(&spelled.scenario, &spelled.gate, &mut engine, frame);
    }
}

/// What an input spells: frames, and all that they are judged by.
pub struct Spelled {
    scenario: Rc<Scenario>,
    entered: Entered,
    gate: Gate,
    /// The frames, in turn.
    pub frames: Vec<Vec<u8>>,
}

impl Spelled {
    /// Reads an input of `decide`. `None` where it says nothing.
    pub fn read(input: &[u8]) -> Option<Self> {
        let (&number, rest) = input.split_first()?;
        let u = &mut Unstructured::new(rest);
        Self::under(scenario::fixed(number), Kind::of(number), u).ok()
    }

    /// Reads an input of `tables`. `None` where it says nothing.
    pub fn read_with_tables(input: &[u8]) -> Option<Self> {
        let [length, number, rest @ ..] = input else { return None };
        let (spelled, rest) =
            rest.split_at_checked(usize::from(*length) * 4).unwrap_or((rest, &[]));
        let u = &mut Unstructured::new(rest);
        Self::under(scenario::kept(spelled), Kind::of(*number), u).ok()
    }

    fn under(scenario: Rc<Scenario>, kind: Kind, u: &mut Unstructured<'_>) -> Result<Self> {
        let entered = if kind == Kind::SomeEntered {
            Entered::from_bits(u.arbitrary()?)
        } else {
            Entered::ALL
        };
        let gate = Gate::read(u, scenario.spec.orders.len())?;
        // An input that ends early has no more frames.
        let spell = |_| match kind {
            _ if u.is_empty() => None,
            Kind::Plain => frames::frame(u, &scenario.pool).ok(),
            Kind::Tunnels | Kind::SomeEntered => frames::stack(u, &scenario.pool).ok(),
        };
        let frames = (0..FRAMES).map_while(spell).collect();
        Ok(Self { scenario, entered, gate, frames })
    }

    /// The engine over the tables, with the gate, that the frames are to go through. Inputs with the same tables
    /// share it, so that nobody may hold it while another is asked for it.
    pub fn engine(&self) -> RefMut<'_, HostEngine> {
        let mut engine = self.scenario.engine.borrow_mut();
        *engine.entered() = self.entered;
        self.gate.set(&mut engine, &self.scenario);
        engine
    }
}

/// What kind of frames an input spells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// Perhaps with tags.
    Plain,
    /// With tunnels, all of which are entered.
    Tunnels,
    /// The same, and the input says which of them are entered.
    SomeEntered,
}

impl Kind {
    const fn of(number: u8) -> Self {
        match number >> 5 {
            0..=3 => Self::Plain,
            4..=6 => Self::Tunnels,
            _ => Self::SomeEntered,
        }
    }
}

impl Gate {
    /// Mostly wide open.
    fn read(u: &mut Unstructured<'_>, orders: usize) -> Result<Self> {
        if !u.ratio(1, 4)? {
            let terms = vec![(1, u64::MAX); orders];
            return Ok(Self { terms, lease: u64::MAX, halted: false, now: 1 });
        }
        let moment =
            |u: &mut Unstructured<'_>| Ok(*u.choose(&[0, 1, 9, 10, 11, u64::MAX - 1, u64::MAX])?);
        let mut terms = Vec::new();
        for _ in 0..orders {
            terms.push((moment(u)?, moment(u)?));
        }
        let now = moment(u)?;
        // The moment before the lease ends, and that of its end.
        let lease =
            if u.ratio(1, 2)? { now.saturating_add(u.int_in_range(0..=1)?) } else { moment(u)? };
        Ok(Self { terms, lease, halted: u.ratio(1, 4)?, now })
    }

    fn set(&self, engine: &mut HostEngine, scenario: &Scenario) {
        let gate = engine.gate();
        gate.terms.fill(Term::NEVER);
        for (position, &(begin, end)) in self.terms.iter().enumerate() {
            gate.terms[scenario.slot(position).number() as usize] = Term::from([begin, end]);
        }
        let [lease, now] = [self.lease, self.now].map(BootTime::from_nanos);
        (gate.lease, gate.halted, gate.now) = (lease, self.halted, now);
    }
}
