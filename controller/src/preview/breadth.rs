//! Address sets that cover so much of the address space that they can hardly be the minimum
//! necessary (L-MIN).
//!
//! The address space is 2^32 addresses of IPv4, and `2000::/3` of IPv6 (2^125 addresses), the only
//! part of it that is global unicast today; more than one address in a thousand of either is worth
//! a warning. What is covered counts once, however often it is named.

use super::{Spaces, Warning};
use crate::order::space::Space;
use crate::rejection::Requirement;

/// IP version, its name, and the size of its address space.
const FAMILIES: [(bool, &str, u128); 2] = [(false, "IPv4", 1 << 32), (true, "IPv6", 1 << 125)];

/// The share of the address space that is worth a warning, as its reciprocal.
const ONE_IN: u128 = 1_000;

pub(super) fn warn(file: &str, spaces: &Spaces<'_>, warnings: &mut Vec<Warning>) {
    let sets = spaces.sets.iter().map(|(name, set)| (format!("address_sets.{name}"), set));
    let party = spaces.party.iter().map(|set| ("party.prefixes".to_owned(), set));
    for (field, set) in sets.chain(party) {
        for (v6, family, all) in FAMILIES {
            if let Some(thousandths) = excess(set, v6, all) {
                let text = format!(
                    "covers {thousandths} thousandths of the {family} address space; above 1 it is \
                     hardly the minimum necessary"
                );
                warnings.push(Warning::new(file, field.clone(), text).under(Requirement::Min));
            }
        }
    }
}

/// Thousandths of the address space, with one digit behind the point, if there is more than one.
fn excess(set: &Space, v6: bool, all: u128) -> Option<String> {
    let size = set.size(v6);
    // 2^125 is not a multiple of 1000: a size at the quotient is not above the share.
    if size <= all / ONE_IN {
        return None;
    }
    // Divided first: the product would be more than 128 bits hold.
    let tenths = size / (all / (ONE_IN * 10));
    Some(format!("{}.{}", tenths / 10, tenths % 10))
}
