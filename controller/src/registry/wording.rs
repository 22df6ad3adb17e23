//! What happened, in words for people who watch a daemon or run a command. Both use the same words.

use jiff::Timestamp;

use crate::order::time::tokyo;
use crate::order::{BasisKey, OrderKey};
use crate::registry::act::Act;
use crate::registry::event::{EndReason, Event, What};
use crate::registry::inputs::{ClassChange, Classes, PrefixCounts};
use crate::registry::{Change, Registry};

/// Says, after the name of an interface, that it no longer carries a default route.
pub const CARRIES_NONE: &str = "carries no default route any more";

/// Says, after the name of an interface of a sensor in mode `tap`, that it carries these default routes.
pub fn carries(routes: &str) -> String {
    format!("carries a default route ({routes}), and what the machine receives by it is dropped")
}

/// An event on one line. `registry`: the one after the event.
pub fn event(event: &Event, registry: &Registry) -> String {
    let until = |digest: &str| {
        let entry = registry.entries().iter().find(|entry| entry.digest() == digest);
        entry.map_or_else(String::new, |entry| tokyo(registry.end(entry).0))
    };
    match &event.what {
        What::Created { facility, version, .. } => {
            format!("state for facility {facility} made, trust file version {version}")
        }
        What::Installed(order) => format!("{}, is installed", order.key),
        What::InForce(order) => {
            format!("{}, is in force until {}", order.key, until(&order.digest))
        }
        What::Ended { order, reason } => {
            let why = match reason {
                EndReason::Expired => "its term is over",
                EndReason::Revoked => "revoked",
                EndReason::Superseded => "a higher serial takes its place",
            };
            format!("{}, has ended: {why}", order.key)
        }
        What::BasisInstalled(basis) => format!("{}, is installed", basis.key),
        What::BasisEnded { basis, reason } => {
            format!("{}, has ended: {}", basis.key, reason.name())
        }
        What::Revoked { ends, effective_at, why, .. } => {
            format!("{ends}, and every lower one, is revoked as of {}: {why}", tokyo(*effective_at))
        }
        What::Rotated { version, .. } => format!("trust file version {version} is in force"),
        What::Halted(act) => halted(act),
        What::Started(start) => format!("sekisho {} has started", start.version),
        What::Replayed(replayed) => {
            format!("{} captures were replayed", replayed.captures.len())
        }
        What::Stopped(_) => "sekisho has stopped".to_owned(),
        What::Crashed { started, rebooted } => {
            let how = if *rebooted { ", and the machine has started anew since" } else { "" };
            format!("the daemon of event {started} ended without a word{how}")
        }
        What::Blind { interface, why } => format!("{interface}: {why}"),
        What::Sighted { interface } => format!("{interface}: is watched again"),
        What::DefaultRoute { interface, routes } => {
            format!("{interface}: {}", carries(routes))
        }
        What::NoDefaultRoute { interface } => format!("{interface}: {CARRIES_NONE}"),
        What::Reloaded(basis) => {
            format!("the configuration was read again; direction: {}", classes(&basis.classes))
        }
        What::ReloadRefused { reasons } => format!("not reloaded: {}", reasons.join("; ")),
        What::Resumed(act) => format!("selection is resumed, {act}"),
    }
}

/// The classes of addresses, and how they differ from those before.
pub fn classes(classes: &Classes) -> String {
    let prefixes = classes.prefixes.iter().map(|(family, prefixes)| {
        let PrefixCounts { domestic, foreign, unclassified } = prefixes;
        format!("{family} {domestic} domestic, {foreign} foreign, {unclassified} unclassified")
    });
    let prefixes: Vec<String> = prefixes.collect();
    let change = match &classes.change {
        ClassChange::First => "nothing to compare it with".to_owned(),
        ClassChange::Lost(reason) => format!("nothing to compare it with: {reason}"),
        ClassChange::Compared { moved, accepted } => {
            let accepted = if *accepted { ", which was accepted" } else { "" };
            format!("moved between classes: {moved}{accepted}")
        }
    };
    format!(
        "prefixes: {}; what no input names is {}; {change}",
        prefixes.join(", "),
        classes.default
    )
}

/// A warning: the basis of an order does not name the sensor (L-CAP).
pub fn selects_nothing_at(order: &OrderKey, sensor: &str, basis: &BasisKey) -> String {
    format!("warning: {order} selects nothing at sensor {sensor}: {basis} does not name it")
}

/// The answer to a revocation that was accepted before.
pub const REVOKED_BEFORE: &str = "this revocation was accepted before";
/// The answer to resuming if nothing was halted.
pub const NOT_HALTED: &str = "selection was not halted";

/// The answer to installing an order that was installed before.
pub fn installed_before(
    registry: &Registry,
    position: usize,
    now: Timestamp,
    is_live: bool,
) -> String {
    let words = installed(registry, position, now, is_live);
    format!("{words}; it was installed before, and nothing has changed")
}

/// Who has halted all selection, and why.
pub fn halted(act: &Act) -> String {
    format!("all selection is halted, {act}")
}

/// The answer to a halt if selection was halted before, by this act.
pub fn halted_before(first: Option<&Act>) -> String {
    let words = first.map_or_else(|| "all selection is halted".to_owned(), halted);
    format!("{words}; it was halted before")
}

/// The answer to a change that counts only once it is written, and could not be written.
pub fn not_done(reason: &str) -> String {
    format!("the change could not be written: {reason}; nothing has changed")
}

/// The answer to a change that counts, but is not written yet.
pub fn not_written(lines: &[String], reason: &str) -> String {
    let lines = lines.join("; ");
    format!("{lines}; it is in force, but not written yet, and is tried again: {reason}")
}

/// Says that a halt is not in the registry yet.
pub fn unregistered(reason: &str) -> String {
    format!("not in the registry yet: {reason}")
}

/// One line for each event of a change.
pub fn events(change: &Change) -> Vec<String> {
    change.events.iter().map(|one| event(one, &change.registry)).collect()
}

/// The answer to installing an approval or agreement.
pub fn basis_installed(registry: &Registry, position: usize, is_known: bool) -> String {
    let Some(entry) = registry.bases().get(position) else { return String::new() };
    let (key, (end, _)) = (&entry.basis().key, registry.basis_end(entry));
    let before = if is_known { "; it was installed before, and nothing has changed" } else { "" };
    match entry.ended() {
        Some(ended) => {
            format!("{key}, has ended ({}), at {}{before}", ended.reason.name(), tokyo(ended.at))
        }
        None => format!(
            "{key}, is installed: from {} until {}{before}",
            tokyo(entry.basis().not_before),
            tokyo(end)
        ),
    }
}

/// The answer to installing an order. `is_live`: whether its tables are in the kernel.
pub fn installed(registry: &Registry, position: usize, now: Timestamp, is_live: bool) -> String {
    let Some(entry) = registry.entries().get(position) else { return String::new() };
    let head = entry.head();
    let (end, _) = registry.end(entry);
    let then = match entry.ended() {
        Some(ended) => format!("has ended ({}), at {}", ended.reason.name(), tokyo(ended.at)),
        None if head.not_before > now => {
            format!("waits until {}, then until {}", tokyo(head.not_before), tokyo(end))
        }
        None if registry.halted().is_some() => {
            format!("is in force until {}, but all selection is halted", tokyo(end))
        }
        None if is_live => format!("is in force until {}", tokyo(end)),
        None => format!("comes into force, until {}", tokyo(end)),
    };
    format!("{}, {then}", head.key())
}
