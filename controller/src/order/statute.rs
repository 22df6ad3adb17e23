//! The checks that are law: each function, and `selection`, is one requirement of `docs/law.md` and refuses what
//! the Act would not allow, whoever signed it. Form and sense were checked before; directions are
//! enforced in the kernel, packet by packet (L-DIR).

use super::document::Order;
use super::measure::Measure;
use super::space::Space;
use super::time;
use crate::rejection::{Rejection, Requirement};

mod selection;

pub(super) fn check(file: &str, order: &Order) -> Result<(), Rejection> {
    party(file, order)?;
    approval(file, order)?;
    term(file, order)?;
    capacity(file, order)?;
    let party = order.party.as_ref().map(|party| Space::of(&party.prefixes));
    for (index, rule) in order.rules.iter().enumerate() {
        selection::check(order, party.as_ref(), rule).map_err(|reason| {
            Rejection::new(file, reason).at(format!("rules[{index}]")).under(Requirement::Select)
        })?;
    }
    Ok(())
}

/// L-MEASURE: an agreement has a party whose own addresses bound it; no other measure has one.
fn party(file: &str, order: &Order) -> Result<(), Rejection> {
    let refuse = |field, reason: &str| {
        Err(Rejection::new(file, reason).at(field).under(Requirement::Measure))
    };
    match (&order.party, order.measure) {
        (None, Measure::Agreement) => {
            refuse("party", "an agreement needs its party and the party's prefixes")
        }
        (Some(party), Measure::Agreement) if party.prefixes.is_empty() => refuse(
            "party.prefixes",
            "an agreement selects only packets to the party's addresses, and there are none",
        ),
        (Some(_), measure) if measure != Measure::Agreement => {
            refuse("party", "only an agreement has a party")
        }
        _ => Ok(()),
    }
}

/// L-APPROVE: no measure starts before its approval. Approval in the very moment of the start is
/// in time.
fn approval(file: &str, order: &Order) -> Result<(), Rejection> {
    if order.approved_at <= order.not_before {
        return Ok(());
    }
    Err(Rejection::new(
        file,
        format!(
            "the term starts at {}, before the approval at {}",
            time::tokyo(order.not_before),
            time::tokyo(order.approved_at)
        ),
    )
    .at("not_before")
    .under(Requirement::Approve))
}

/// L-TERM: a term ends after it begins, and no later than the Act's calendar months allow. An
/// order that is too long is invalid, not shortened: it is not the one that was approved.
fn term(file: &str, order: &Order) -> Result<(), Rejection> {
    let refuse =
        |reason| Err(Rejection::new(file, reason).at("not_after").under(Requirement::Term));
    if order.not_after <= order.not_before {
        return refuse(format!(
            "the term ends at {}, not after it begins at {}",
            time::tokyo(order.not_after),
            time::tokyo(order.not_before)
        ));
    }
    let months = order.measure.longest_term_months();
    match time::latest_end(order.not_before, months) {
        Some(latest) if order.not_after <= latest => Ok(()),
        Some(latest) => refuse(format!(
            "the term ends at {}, but {months} calendar months end at {}",
            time::tokyo(order.not_after),
            time::tokyo(latest)
        )),
        None => refuse("the calendar ends before the longest term does".to_owned()),
    }
}

/// L-CAP: at most 30 % of the facility's capacity under art. 17(1). A share or a capacity of 0
/// would make the limit meaningless.
fn capacity(file: &str, order: &Order) -> Result<(), Rejection> {
    let refuse =
        |field, reason: String| Err(Rejection::new(file, reason).at(field).under(Requirement::Cap));
    let share = order.facility.max_share_percent;
    let largest = order.measure.largest_share_percent();
    if order.facility.capacity_bps == 0 {
        return refuse("facility.capacity_bps", "must be above 0".to_owned());
    }
    if !(1..=largest).contains(&share) {
        return refuse(
            "facility.max_share_percent",
            format!("{share} % is not within 1 to {largest} % for {}", order.measure),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;
