//! What may follow what (L-EXTEND, art. 19). The registry knows which documents there are, and whether an earlier
//! one was revoked.
//!
//! - A basis *extends* the earlier basis that it names. Measure, act, facility and, for an agreement, party stay
//!   the same. It was given no earlier than the earlier basis. Its term starts no earlier than the earlier term,
//!   and no later than that ends, so that there is no gap in which nothing was approved. It may end before the
//!   earlier term does. Its own term is again at most six or three months.
//! - A basis *amends* the lower serial of the same id if it does not extend it. The same holds for it, and it
//!   never prolongs. When its term begins, the lower serial ends, and so do the orders under that.
//! - An order *follows* the lower serial of the same id, under the same basis or under one that follows it. When
//!   its term begins, it takes the place of the lower serial.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::basis::{Basis, Grounds};
use super::document::Order;
use super::json::{Faults, JsonPath};
use super::name::{BasisKey, BasisKind};
use super::time::tokyo;
use super::verified::Verified;
use crate::rejection::{FollowingFault, Rejections};

/// Checks that `new` may follow `old`: as its extension if it names `old`, else as its amendment.
///
/// # Errors
///
/// All that is wrong with `new`, with the fields that are wrong.
pub fn check(file: &str, new: &Basis, old: &Basis) -> Result<(), Rejections> {
    let mut faults = Faults::new(file);
    goes_on(new, old, &mut faults);
    let earlier = old.key.to_string();
    if new.extends.as_ref() == Some(&old.key) {
        if new.not_before > old.not_after {
            let (new, old) = (tokyo(new.not_before), tokyo(old.not_after));
            let fault = FollowingFault::Gap { new, earlier, old };
            faults.add(&JsonPath::top().field("not_before"), fault);
        }
    } else if new.not_after > old.not_after {
        let (new, old) = (tokyo(new.not_after), tokyo(old.not_after));
        let fault = FollowingFault::Prolongs { new, earlier, old };
        faults.add(&JsonPath::top().field("not_after"), fault);
    }
    faults.end()
}

/// Checks what every basis keeps of the one that it follows.
fn goes_on(new: &Basis, old: &Basis, faults: &mut Faults) {
    let earlier = || old.key.to_string();
    let mut same = |field: JsonPath, new: &str, old: &str| {
        if new != old {
            let (new, old) = (new.to_owned(), old.to_owned());
            faults.add(&field, FollowingFault::Differs { new, earlier: earlier(), old });
        }
    };
    let top = JsonPath::top;
    same(top().field("facility").field("id"), &new.facility.id, &old.facility.id);
    match (&new.grounds, &old.grounds) {
        (
            Grounds::Approval { measure, act },
            Grounds::Approval { measure: old_measure, act: old_act },
        ) => {
            same(top().field("measure"), measure.name(), old_measure.name());
            same(top().field("act").field("id"), &act.id, &old_act.id);
        }
        (Grounds::Agreement { party, .. }, Grounds::Agreement { party: old_party, .. }) => {
            same(top().field("party").field("id"), &party.id, &old_party.id);
        }
        _ => {}
    }
    let given = match new.key.kind {
        BasisKind::Approval => "approved_at",
        BasisKind::Agreement => "concluded_at",
    };
    let text = |new: Timestamp, old: Timestamp| (tokyo(new), tokyo(old));
    if new.given_at < old.given_at {
        let (new, old) = text(new.given_at, old.given_at);
        let fault = FollowingFault::GivenBefore { new, earlier: earlier(), old };
        faults.add(&top().field(given), fault);
    }
    if new.not_before < old.not_before {
        let (new, old) = text(new.not_before, old.not_before);
        let fault = FollowingFault::StartsBefore { new, earlier: earlier(), old };
        faults.add(&top().field("not_before"), fault);
    }
}

/// Whether a basis is `former`, or follows it through any number of extensions and amendments.
pub fn reaches(basis: &Basis, former: &BasisKey, known: &[Arc<Verified<Basis>>]) -> bool {
    let mut seen: BTreeSet<&BasisKey> = BTreeSet::new();
    let mut next: Vec<&Basis> = vec![basis];
    while let Some(one) = next.pop() {
        if one.key == *former {
            return true;
        }
        if seen.insert(&one.key) {
            next.extend(known.iter().map(|known| known.get()).filter(|known| one.follows(known)));
        }
    }
    false
}

/// Checks that an order may follow a lower serial of the same id.
///
/// # Errors
///
/// What is wrong, with the field.
pub fn order(
    file: &str,
    new: (&Order, &Basis),
    old: &Order,
    known: &[Arc<Verified<Basis>>],
) -> Result<(), Rejections> {
    let (new, basis) = new;
    let mut faults = Faults::new(file);
    if new.serial <= old.serial {
        let (serial, seen) = (new.serial, old.serial);
        let what = format!("order {}", new.order_id);
        faults.add(&JsonPath::top().field("serial"), FollowingFault::Seen { serial, seen, what });
    } else if !reaches(basis, &old.basis.key, known) {
        let (basis, former) = (basis.key.to_string(), old.basis.key.to_string());
        let fault = FollowingFault::OtherBasis { basis, former, serial: old.serial };
        faults.add(&JsonPath::top().field("basis"), fault);
    }
    faults.end()
}

#[cfg(test)]
mod tests;
