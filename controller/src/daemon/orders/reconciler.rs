//! One tick: the kernel brought to where the registry says it must be (L-TERM). The order of
//! operations is explained in `sensor`.
//!
//! What closes is carried out at once. What opens needs tables, and to compile them takes time: a
//! tick hands out a [`Job`], which is done aside, and its result is published when it is there. One
//! is under way at a time. What begins soon is in the tables before it does, and the kernel begins it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use sensor_common::boot_time::BootTime;
use sensor_common::tables::{Line, Slot, Term};

use crate::compile::{self, CompileError, Layer, Names, Slotted};
use crate::daemon::orders::inherited::Inherited;
use crate::daemon::orders::name_book::NameBook;
use crate::daemon::orders::term::Terms;
use crate::daemon::prepare::Layers;
use crate::daemon::sensor::{Enforce, SensorError};
use crate::order::{Mandate, OrderKey};
use crate::registry::{Reading, Registry};

/// Why a tick failed. The daemon ends: a kernel that does not obey is given no lease.
#[derive(Debug, thiserror::Error)]
pub enum ReconcilerError {
    /// The kernel side failed.
    #[error(transparent)]
    Sensor(#[from] SensorError),
    /// The orders in force exceed a limit together.
    #[error("orders cannot be put in force: {0}")]
    Compile(#[from] CompileError),
    /// The names of a generation cannot be kept for the next daemon.
    #[error("a generation cannot be written down: {0}")]
    Names(#[from] io::Error),
    /// More orders have begun than there are slots.
    #[error("{0} orders cannot be put in force: all slots are taken")]
    Starved(usize),
}

/// What a tick came to.
#[derive(Debug, Default)]
pub struct Ticked {
    /// The next moment at which something begins or ends.
    pub next: Option<BootTime>,
    /// A generation to be compiled, and then to be given to [`Reconciler::publish`].
    pub job: Option<Job>,
}

/// A generation that is to be compiled.
#[derive(Debug)]
pub struct Job {
    number: u32,
    layers: Arc<Layers>,
    orders: Vec<Chosen>,
    sensor: Arc<str>,
}

/// An order of a generation.
#[derive(Clone, Debug)]
struct Chosen {
    position: usize,
    slot: Slot,
    order: Arc<Mandate>,
    /// Whether its term has begun.
    begun: bool,
}

/// A generation that was compiled.
#[derive(Debug)]
pub struct Compiled {
    /// Its tables.
    pub lines: Vec<Line>,
    names: Arc<Names>,
    /// See [`Reconciler::share`].
    share: Option<u64>,
    /// Position and slot of each order in it.
    selected: Vec<(usize, Slot)>,
}

impl Job {
    /// Compiles. Orders whose terms have not begun are left out if all together exceed a limit: those
    /// in force fit, or they would not have been accepted.
    ///
    /// # Errors
    /// [`CompileError`].
    pub fn run(&self) -> Result<Compiled, CompileError> {
        let all: Vec<&Chosen> = self.orders.iter().collect();
        let begun: Vec<&Chosen> = self.orders.iter().filter(|chosen| chosen.begun).collect();
        self.compile(&all).or_else(|error| {
            if begun.len() == all.len() { Err(error) } else { self.compile(&begun) }
        })
    }

    fn compile(&self, orders: &[&Chosen]) -> Result<Compiled, CompileError> {
        let layers: Vec<Layer<'_>> = self.layers.iter().map(Vec::as_slice).collect();
        let slotted: Vec<Slotted<'_>> = (orders.iter())
            .map(|chosen| Slotted { slot: chosen.slot, order: &chosen.order })
            .collect();
        let compiled = compile::compile(self.number, &layers, &slotted, Some(&self.sensor))?;
        let selected = orders.iter().map(|chosen| (chosen.position, chosen.slot)).collect();
        let compile::Generation { lines, names, share, .. } = compiled;
        Ok(Compiled { lines, names, share, selected })
    }
}

/// Keeps the kernel in step with the registry.
pub struct Reconciler {
    layers: Arc<Layers>,
    names: Arc<NameBook>,
    terms: Terms,
    /// The number of the generation that was last handed out to be compiled.
    generation: u32,
    compiling: bool,
    share: Option<u64>,
    lease: Duration,
    /// Which share of each facility is this sensor's (L-CAP).
    sensor: Arc<str>,
}

impl Reconciler {
    /// A reconciler of a kernel in which nothing is yet, for a sensor of this name.
    ///
    /// Orders are put into the tables one lease ahead of their terms. The lease is longer than tables
    /// take to compile, for other reasons (`docs/operating.md`), and no order can begin longer after
    /// the daemon has last looked at the clock.
    pub fn new(layers: Arc<Layers>, lease: Duration, names: Arc<NameBook>, sensor: &str) -> Self {
        let terms = Terms::new(nanoseconds(lease));
        let sensor = sensor.into();
        Self { layers, names, terms, generation: 0, compiling: false, share: None, lease, sensor }
    }

    /// Goes on from the generations that another daemon left in the kernel; before the first tick.
    pub fn inherit(&mut self, inherited: &Inherited, registry: &Registry, reading: Reading) {
        self.generation = inherited.generation;
        let standings = registry.standings(reading);
        let position = |key: &OrderKey| {
            standings
                .iter()
                .position(|standing| standing.order.as_ref().is_some_and(|order| key.names(order)))
        };
        let slots = inherited.slots.iter();
        self.terms
            .adopt(slots.map(|(slot, named)| (*slot, named.as_ref().and_then(position))).collect());
    }

    /// Other direction tables, from the next generation on, and another lease, from its next renewal
    /// on.
    pub fn reconfigure(&mut self, layers: Arc<Layers>, lease: Duration) {
        self.layers = layers;
        self.lease = lease;
        self.terms.set_ahead(nanoseconds(lease));
        self.terms.outdate();
    }

    /// The direction tables.
    pub const fn layers(&self) -> &Arc<Layers> {
        &self.layers
    }

    /// How much 外外 traffic may be inspected, in bytes per second, while an Art. 17 order is in
    /// force (L-CAP).
    pub const fn share(&self) -> Option<u64> {
        self.share
    }

    /// Whether the order at a position is in the kernel and may select.
    pub fn is_live(&self, position: usize) -> bool {
        self.terms.is_live(position)
    }

    /// Brings the kernel to where it should be at `reading`, as far as the tables in it allow. The
    /// lease is not touched.
    ///
    /// # Errors
    /// [`ReconcilerError`]; what had to be closed is closed as far as the kernel obeys.
    pub fn tick(
        &mut self,
        kernel: &mut impl Enforce,
        registry: &Registry,
        reading: Reading,
    ) -> Result<Ticked, ReconcilerError> {
        let standings = registry.standings(reading);
        let step = self.terms.advance(reading, registry.clock().latest(reading), &standings);
        // All are closed, also after a failure.
        let closed = step.close.iter().map(|slot| kernel.set_term(*slot, Term::NEVER));
        closed.fold(Ok(()), Result::and)?;
        // One order's end is another one's beginning: should both have moved, the two never overlap.
        for (slot, term) in step.narrow.into_iter().chain(self.terms.terms()) {
            kernel.narrow_term(slot, term)?;
        }
        for (slot, term) in self.terms.terms() {
            kernel.set_term(slot, term)?;
        }
        let job = (!self.compiling && self.terms.take_stale()).then(|| {
            self.compiling = true;
            self.generation = self.generation.wrapping_add(1);
            let orders = self.terms.selected().filter_map(|(position, slot, begun)| {
                let order = Arc::clone(standings.get(position)?.order.as_ref()?);
                Some(Chosen { position, slot, order, begun })
            });
            Job {
                number: self.generation,
                layers: Arc::clone(&self.layers),
                orders: orders.collect(),
                sensor: Arc::clone(&self.sensor),
            }
        });
        // A generation under way frees slots.
        if step.starved > 0 && !self.compiling {
            return Err(ReconcilerError::Starved(step.starved));
        }
        Ok(Ticked { next: self.terms.next_boundary(reading), job })
    }

    /// Writes down what the rules of a generation stand for, for the next daemon. Without that it must not
    /// be published; it may be tried again.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn write_down(&self, compiled: &Compiled) -> io::Result<()> {
        self.names.add(Arc::clone(&compiled.names))
    }

    /// Publishes a generation, and writes it down before if nobody has. A tick has to follow: it closes what is not in it any more, and opens
    /// what took another order's slot.
    ///
    /// # Errors
    /// [`ReconcilerError`].
    pub fn publish<K: Enforce>(
        &mut self,
        kernel: &mut K,
        compiled: &Compiled,
        tables: K::Tables,
    ) -> Result<u32, ReconcilerError> {
        // A record may come out before `publish` returns.
        let known = self.names.get(compiled.names.generation);
        // Not another one of the same number, which never was published.
        if !known.is_some_and(|known| Arc::ptr_eq(&known, &compiled.names)) {
            self.write_down(compiled)?;
        }
        kernel.publish(tables)?;
        self.compiling = false;
        self.share = compiled.share;
        self.terms.published(&compiled.selected);
        Ok(compiled.names.generation)
    }

    /// Until when the lease runs, counted from the reading that the last tick went by: a slow tick
    /// shortens it.
    pub fn lease(&self, reading: Reading) -> BootTime {
        reading.boot.plus(nanoseconds(self.lease))
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "reconciler_tests.rs"]
mod tests;
