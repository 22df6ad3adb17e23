//! What the Act allows an approval or an agreement to say, whoever signed it.

use ipnetwork::IpNetwork;
use jiff::{SignedDuration, Timestamp};

use super::criteria::{LEAST_IPV4, LEAST_IPV6, PrefixLengths};
use crate::order::json::{Faults, JsonPath};
use crate::order::measure::Measure;
use crate::order::name::BasisKind;
use crate::order::time;
use crate::rejection::BasisFault;

/// How long after its approval a term begins at the latest (L-TERM, our reading): approvals are not given in
/// stock.
const LATEST_BEGIN: SignedDuration = SignedDuration::from_hours(30 * 24);

/// L-TERM: a term ends after it begins, and no later than the Act's calendar months allow. A term that is
/// too long is invalid. It is not shortened, because a shorter term is not what was approved.
pub(super) fn term(
    not_before: Timestamp,
    not_after: Timestamp,
    measure: Measure,
    faults: &mut Faults,
) {
    let here = JsonPath::top().field("not_after");
    let (end, start) = (time::tokyo(not_after), time::tokyo(not_before));
    if not_after <= not_before {
        faults.add(&here, BasisFault::Backwards { end, start });
        return;
    }
    let months = measure.longest_term_months();
    match time::latest_end(not_before, months) {
        Some(latest) if not_after <= latest => {}
        Some(latest) => {
            let latest = time::tokyo(latest);
            faults.add(&here, BasisFault::TooLong { end, months, latest });
        }
        None => faults.add(&here, BasisFault::Calendar),
    }
}

/// L-APPROVE: no measure starts before its approval; an approval at the moment of the start is in time.
/// L-TERM: a measure starts at most 30 days after its approval. The Act leaves to the parties of an agreement
/// when it starts.
pub(super) fn begin(
    kind: BasisKind,
    given_at: Timestamp,
    not_before: Timestamp,
    faults: &mut Faults,
) {
    let here = JsonPath::top().field("not_before");
    let (start, at) = (time::tokyo(not_before), time::tokyo(given_at));
    let what = match kind {
        BasisKind::Approval => "approval",
        BasisKind::Agreement => "conclusion",
    };
    if given_at > not_before {
        faults.add(&here, BasisFault::Early { start, what, at });
    } else if kind == BasisKind::Approval && not_before.duration_since(given_at) > LATEST_BEGIN {
        faults.add(&here, BasisFault::Late { start, at });
    }
}

/// L-MEASURE: an agreement selects only packets to its party, so the party needs addresses of its own.
pub(super) fn party(here: &JsonPath, prefixes: &[IpNetwork], faults: &mut Faults) {
    if prefixes.is_empty() {
        faults.add(here, BasisFault::NoPrefix);
    }
    let least = PrefixLengths { ipv4: LEAST_IPV4, ipv6: LEAST_IPV6 };
    for (index, prefix) in prefixes.iter().enumerate() {
        let least = least.of(prefix);
        if prefix.prefix() < least {
            let fault = BasisFault::Wide { prefix: prefix.to_string(), least };
            faults.add(&here.member(index), fault);
        }
    }
}
