//! Whether a generation that another daemon wrote down is believed. Its file claims what rule numbers stand
//! for. It counts only if it agrees with verified orders, so that editing a file cannot put a record under
//! another order (L-APPROVE, L-INSPECT).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sensor_common::boot_time::BootTime;
use sensor_common::tables::{Slot, Term};

use crate::compile::{Names, OrderName};
use crate::daemon::orders::inherited::Inherited;
use crate::daemon::orders::term::boot_time_of;
use crate::durable::disk::Disk;
use crate::order::{Measure, OrderKey};
use crate::registry::entry::OrderEntry;
use crate::registry::event::EndReason;
use crate::registry::{Reading, Registry, StatePaths, StoreError, loading};

/// The other daemon set the terms by its own readings of the clocks, and a wall clock that is slewed drifts
/// apart from the boot clock. In nanoseconds.
const SLACK: u64 = 100_000_000;

/// Why the names of a generation are not believed.
#[derive(Debug, thiserror::Error)]
pub enum Disbelief {
    /// The registry does not know the order.
    #[error("{0}: was never accepted")]
    Unknown(OrderKey),
    /// Another order of that name was accepted.
    #[error("{0}: is not the one that was accepted")]
    Digest(OrderKey),
    /// The order has another measure.
    #[error("{order}: its measure is {}", .measure.name())]
    Measure {
        /// The order.
        order: OrderKey,
        /// Its measure.
        measure: Measure,
    },
    /// The order cannot be read.
    #[error("{order}: {source}")]
    Unreadable {
        /// The order.
        order: OrderKey,
        /// Why.
        source: StoreError,
    },
    /// The order has other rules.
    #[error("{0}: its rules are others")]
    Rules(OrderKey),
}

/// Compares what the names of a generation say of orders with the registry.
///
/// # Errors
/// [`Disbelief`]: the first thing in which they do not agree.
pub fn check(
    names: &Names,
    registry: &Registry,
    disk: &mut impl Disk,
    place: &StatePaths,
) -> Result<(), Disbelief> {
    for rules in names.rules().chunk_by(|one, other| one.order.slot == other.order.slot) {
        let Some(first) = rules.first() else { continue };
        let OrderName { measure, digest, .. } = &*first.order;
        let order = first.order.key();
        let Some(entry) = find(registry, &order) else { return Err(Disbelief::Unknown(order)) };
        if entry.digest() != digest {
            return Err(Disbelief::Digest(order));
        }
        let accepted = entry.basis().measure();
        if accepted != *measure {
            return Err(Disbelief::Measure { order, measure: accepted });
        }
        let whole = match loading::whole(disk, place, registry, entry) {
            Ok(whole) => whole,
            Err(source) => return Err(Disbelief::Unreadable { order, source }),
        };
        if !rules.iter().map(|name| &name.rule).eq(whole.rules.iter().map(|rule| &rule.id)) {
            return Err(Disbelief::Rules(order));
        }
    }
    Ok(())
}

/// When an order may have selected, as far as the registry knows. Its beginning is judged by the wall clock
/// as it reads now, its end by the latest reading ever seen.
fn term(order: &OrderKey, registry: &Registry, reading: Reading) -> Option<Term> {
    let entry = find(registry, order)?;
    let mut end = registry.end(entry).0;
    // An order that was extended goes on until its extension is in the kernel, whenever that was.
    if let Some(ended) = entry.ended().filter(|ended| ended.reason != EndReason::Superseded) {
        end = end.min(ended.at);
    }
    let begin = boot_time_of(entry.head().not_before, reading.boot, reading.wall);
    let end = boot_time_of(end, reading.boot, registry.clock().latest(reading));
    Some(Term { begin: begin.minus(SLACK).max(BootTime::FIRST), end: end.plus(SLACK) })
}

/// The terms of the orders of these generations, each with its slot: their records were made in these
/// terms.
pub fn windows(
    generations: &[Arc<Names>],
    registry: &Registry,
    reading: Reading,
) -> Vec<(Slot, Term)> {
    let orders = generations.iter().flat_map(|names| names.rules()).map(|rule| &rule.order);
    let orders: BTreeSet<(Slot, OrderKey)> =
        orders.map(|order| (order.slot, order.key())).collect();
    let window = |(slot, order): (Slot, OrderKey)| Some((slot, term(&order, registry, reading)?));
    orders.into_iter().filter_map(window).collect()
}

/// The terms of the slots whose orders may continue.
pub fn terms(inherited: &Inherited, registry: &Registry, reading: Reading) -> BTreeMap<Slot, Term> {
    let slots = inherited.slots.iter();
    let known = |(slot, order): (&Slot, &Option<OrderKey>)| {
        Some((*slot, term(order.as_ref()?, registry, reading)?))
    };
    slots.filter_map(known).collect()
}

fn find<'a>(registry: &'a Registry, order: &OrderKey) -> Option<&'a OrderEntry> {
    registry.entries().iter().find(|entry| entry.head().is_named(order))
}
