//! Whether a generation that another daemon wrote down is believed. Its file is a claim of what rule
//! numbers stand for; it counts only as far as verified orders stand behind it, so that nobody can
//! have a record written under another order by editing a file (L-APPROVE, L-INSPECT).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sensor_common::boot_time::BootTime;
use sensor_common::tables::{Slot, Term};

use crate::compile::{Names, OrderName};
use crate::daemon::orders::inherited::Inherited;
use crate::daemon::orders::term::boot_time_of;
use crate::durable::disk::Disk;
use crate::order::OrderKey;
use crate::registry::entry::Entry;
use crate::registry::event::Reason;
use crate::registry::{Place, Reading, Registry, loading};

/// Another daemon set the terms by its own readings of the clocks, and a wall clock that is slewed
/// runs apart from the boot clock meanwhile: nanoseconds.
const SLACK: u64 = 100_000_000;

/// Compares what the names of a generation say of orders with the registry.
///
/// # Errors
/// What they do not agree in, in words.
pub fn check(
    names: &Names,
    registry: &Registry,
    disk: &mut impl Disk,
    place: &Place,
) -> Result<(), String> {
    for rules in names.rules().chunk_by(|one, other| one.order.slot == other.order.slot) {
        let Some(first) = rules.first() else { continue };
        let OrderName { measure, digest, .. } = &*first.order;
        let order = first.order.key();
        let entry = find(registry, &order).ok_or_else(|| format!("{order}: was never accepted"))?;
        if entry.digest() != digest {
            return Err(format!("{order}: is not the one that was accepted"));
        }
        if entry.basis().measure() != *measure {
            return Err(format!("{order}: its measure is {}", entry.basis().measure().name()));
        }
        let whole = loading::whole(disk, place, registry, entry)
            .map_err(|error| format!("{order}: {error}"))?;
        if !rules.iter().map(|name| &name.rule).eq(whole.rules.iter().map(|rule| &rule.id)) {
            return Err(format!("{order}: its rules are others"));
        }
    }
    Ok(())
}

/// From when until when an order may have selected, as far as the registry knows: by the wall clock as
/// it reads its beginning, by the latest reading ever seen its end.
fn term(order: &OrderKey, registry: &Registry, reading: Reading) -> Option<Term> {
    let entry = find(registry, order)?;
    let mut end = registry.end(entry).0;
    // What is extended goes on until its extension is in the kernel, whenever that was.
    if let Some(ended) = entry.ended().filter(|ended| ended.reason != Reason::Superseded) {
        end = end.min(ended.at);
    }
    let begin = boot_time_of(entry.head().not_before, reading.boot, reading.wall);
    let end = boot_time_of(end, reading.boot, registry.clock().latest(reading));
    Some(Term { begin: begin.minus(SLACK).max(BootTime::FIRST), end: end.plus(SLACK) })
}

/// The terms of the orders of these generations, which is when records of theirs were made, each with
/// its slot.
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

/// The terms of the slots in which orders may go on.
pub fn terms(inherited: &Inherited, registry: &Registry, reading: Reading) -> BTreeMap<Slot, Term> {
    let slots = inherited.slots.iter();
    let known = |(slot, order): (&Slot, &Option<OrderKey>)| {
        Some((*slot, term(order.as_ref()?, registry, reading)?))
    };
    slots.filter_map(known).collect()
}

fn find<'a>(registry: &'a Registry, order: &OrderKey) -> Option<&'a Entry> {
    registry.entries().iter().find(|entry| order.names(entry.head()))
}
