//! One tick: a clock reading in, the kernel brought to where the law wants it (L-TERM). The order of
//! operations is explained in `sensor`.

use std::sync::Arc;
use std::time::Duration;

use super::names::NameBook;
use super::prepare::{Layers, Prepared};
use super::sensor::{Enforce, SensorError};
use super::term::{Reading, State, Term, Terms};
use crate::compile::{self, CompileError, Layer, Slotted};
use crate::order::{Order, Verified};

/// Why a tick failed. The daemon ends: a kernel that does not obey is given no lease.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The kernel side failed.
    #[error(transparent)]
    Sensor(#[from] SensorError),
    /// The orders in force exceed a limit together.
    #[error("orders cannot be put in force: {0}")]
    Compile(#[from] CompileError),
    /// More orders have begun than there are slots.
    #[error("{0} orders cannot be put in force: all slots are taken")]
    Starved(usize),
}

/// What a tick came to.
#[derive(Debug, Default)]
pub struct Ticked {
    /// The next moment at which something begins or ends: boot-clock nanoseconds.
    pub next: Option<u64>,
    /// Orders whose state is another than before, by position.
    pub changes: Vec<(usize, State)>,
    /// A generation was published; no packet is judged by an earlier one any more.
    pub published: Option<u32>,
}

/// Keeps the kernel in step with the terms of all orders.
pub struct Keeper {
    orders: Vec<Verified<Order>>,
    layers: Layers,
    names: Arc<NameBook>,
    terms: Terms,
    states: Vec<State>,
    generation: u32,
    share: Option<u64>,
    lease: Duration,
}

impl Keeper {
    /// A keeper of orders that all wait.
    pub fn new(prepared: Prepared, names: Arc<NameBook>) -> Self {
        let Prepared { config, orders, layers } = prepared;
        let term = |order: &Verified<Order>| Term {
            not_before: order.not_before,
            not_after: order.not_after,
        };
        let terms = Terms::new(orders.iter().map(term));
        let states = terms.states().collect();
        Self {
            orders,
            layers,
            names,
            terms,
            states,
            generation: 0,
            share: None,
            lease: config.lease,
        }
    }

    /// The orders with their states.
    pub fn orders(&self) -> impl Iterator<Item = (&Verified<Order>, State)> {
        self.orders.iter().zip(self.states.iter().copied())
    }

    /// How much 外外 traffic may be inspected, in bytes per second, while an Art. 17 order is in
    /// force (L-CAP).
    pub const fn share(&self) -> Option<u64> {
        self.share
    }

    /// The order at a position.
    pub fn order(&self, position: usize) -> Option<&Verified<Order>> {
        self.orders.get(position)
    }

    /// Brings the kernel to where it should be at `reading`. The lease is not touched.
    ///
    /// # Errors
    /// [`KeeperError`]; what had to be closed is closed as far as the kernel obeys.
    pub fn tick(
        &mut self,
        kernel: &mut impl Enforce,
        reading: Reading,
    ) -> Result<Ticked, KeeperError> {
        let mut ticked = Ticked::default();
        loop {
            let step = self.terms.advance(reading);
            // All are closed, also after a failure.
            let closed = step.close.iter().map(|slot| kernel.set_deadline(*slot, 0));
            closed.fold(Ok(()), Result::and)?;
            if step.publish {
                ticked.published = Some(self.publish(kernel)?);
            } else if step.starved > 0 {
                return Err(KeeperError::Starved(step.starved));
            }
            // Slots that the publication freed may be waited for.
            if step.starved == 0 {
                break;
            }
        }
        for (slot, deadline) in self.terms.deadlines() {
            kernel.set_deadline(slot, deadline)?;
        }
        for (position, (state, before)) in self.terms.states().zip(&mut self.states).enumerate() {
            if *before != state {
                *before = state;
                ticked.changes.push((position, state));
            }
        }
        ticked.next = self.terms.next_boundary(reading);
        Ok(ticked)
    }

    /// Renews the lease, counted from the reading that the last tick went by: a slow tick shortens
    /// it. Returns its end, boot-clock nanoseconds.
    ///
    /// # Errors
    /// [`KeeperError::Sensor`].
    pub fn renew(&self, kernel: &mut impl Enforce, reading: Reading) -> Result<u64, KeeperError> {
        let lease = u64::try_from(self.lease.as_nanos()).unwrap_or(u64::MAX);
        let until = reading.boot.saturating_add(lease);
        kernel.set_lease(until)?;
        Ok(until)
    }

    fn publish(&mut self, kernel: &mut impl Enforce) -> Result<u32, KeeperError> {
        let number = self.generation.wrapping_add(1);
        let orders: Vec<Slotted<'_>> = self
            .terms
            .selected()
            .filter_map(|(position, slot)| {
                Some(Slotted { slot, order: self.orders.get(position)? })
            })
            .collect();
        let layers: Vec<Layer<'_>> = self.layers.iter().map(Vec::as_slice).collect();
        let compiled = compile::compile(number, &layers, &orders)?;
        // A record may come out before `publish` returns.
        self.names.add(compiled.names);
        kernel.publish(&compiled.lines)?;
        self.generation = number;
        self.share = compiled.share;
        self.terms.published();
        Ok(number)
    }
}

#[cfg(test)]
#[path = "keeper_tests.rs"]
mod tests;
