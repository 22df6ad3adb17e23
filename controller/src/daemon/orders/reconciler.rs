//! Brings the kernel, tick by tick, to where the registry says it must be (L-TERM). `sensor` explains the
//! order of operations.
//!
//! What closes is carried out at once. What opens needs tables, which take time to compile: a tick hands out
//! a [`Job`] for the background, and its result is published when it is done. Only one job runs at a time. An
//! order that begins soon is in the tables beforehand, and the kernel begins it.

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

/// Why a tick failed. The daemon then ends, because a kernel that does not obey is given no lease.
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

/// The result of a tick.
#[derive(Debug, Default)]
pub struct Ticked {
    /// The next moment at which something begins or ends.
    pub next: Option<BootTime>,
    /// A generation to compile, whose tables are for [`Reconciler::publish`].
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
    /// Compiles. If all orders together exceed a limit, those whose terms have not begun are left out. Those
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
    /// The number of the generation that was last handed out.
    generation: u32,
    compiling: bool,
    share: Option<u64>,
    lease: Duration,
    /// The sensor's name, which decides its share of each facility (L-CAP).
    sensor: Arc<str>,
}

impl Reconciler {
    /// A reconciler for a kernel in which nothing is loaded yet, and a sensor with this name.
    ///
    /// Orders are put into the tables one lease ahead of their terms. Compiling takes less time than that,
    /// and no order can begin later than one lease after the daemon last looked at the clock
    /// (`docs/operating.md`).
    pub fn new(layers: Arc<Layers>, lease: Duration, names: Arc<NameBook>, sensor: &str) -> Self {
        let terms = Terms::new(nanoseconds(lease));
        let sensor = sensor.into();
        Self { layers, names, terms, generation: 0, compiling: false, share: None, lease, sensor }
    }

    /// Continues from the generations that another daemon left in the kernel. To be called before the first
    /// tick.
    pub fn inherit(&mut self, inherited: &Inherited, registry: &Registry, reading: Reading) {
        self.generation = inherited.generation;
        let standings = registry.standings(reading);
        let position = |key: &OrderKey| {
            standings.iter().position(|standing| {
                standing.order.as_ref().is_some_and(|order| order.is_named(key))
            })
        };
        let slots = inherited.slots.iter();
        self.terms
            .adopt(slots.map(|(slot, named)| (*slot, named.as_ref().and_then(position))).collect());
    }

    /// Sets other direction tables, from the next generation on, and another lease, from its next renewal on.
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
        // The end of one order is the beginning of another. Even if both have moved, the two never overlap.
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
        // A generation that is being compiled will free slots.
        if step.starved > 0 && !self.compiling {
            return Err(ReconcilerError::Starved(step.starved));
        }
        Ok(Ticked { next: self.terms.next_boundary(reading), job })
    }

    /// Writes down what the rules of a generation stand for, for the next daemon. A generation that is not
    /// written down must not be published; writing may be tried again.
    ///
    /// # Errors
    /// The system's error.
    pub fn write_down(&self, compiled: &Compiled) -> io::Result<()> {
        self.names.add(Arc::clone(&compiled.names))
    }

    /// Publishes a generation, and writes it down first if it is not. A tick must follow: it closes what is
    /// no longer in the tables, and opens what took another order's slot.
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
        // A generation of the same number that was never published is another one.
        if !known.is_some_and(|known| Arc::ptr_eq(&known, &compiled.names)) {
            self.write_down(compiled)?;
        }
        kernel.publish(tables)?;
        self.compiling = false;
        self.share = compiled.share;
        self.terms.published(&compiled.selected);
        Ok(compiled.names.generation)
    }

    /// Until when the lease runs, counted from the reading of the last tick: a slow tick shortens it.
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
