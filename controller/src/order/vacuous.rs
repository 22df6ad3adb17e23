//! What excludes nothing is no condition (L-SELECT), whatever the criteria say. A set is judged by the union of
//! its entries, so that many entries cannot cover what one may not.
//!
//! The address space is 2^32 addresses of IPv4, and `2000::/3` of IPv6 (2^125 addresses), the only part of
//! it that is global unicast today. A set that covers more than a thousandth of either is no condition. A
//! payload prefix of fewer than four bytes is none either. Four bytes are enough: there are 2^32 prefixes of
//! that length, and an order lists at most a million.

use sensor_common::payload::MOST_PREFIXES;

use super::basis::criteria::{LEAST_IPV4, LEAST_IPV6, LEAST_PAYLOAD, PrefixLengths};
use super::condition::Condition;
use super::json::{Faults, JsonPath};
use super::payload::PayloadPrefixes;
use super::selection::Selection;
use super::space::Space;
use super::traffic;
use crate::rejection::SelectionFault;

/// IP version, its name, and the size of its address space.
const FAMILIES: [(bool, &str, u128); 2] = [(false, "IPv4", 1 << 32), (true, "IPv6", 1 << 125)];

/// The share of the address space that no set may exceed, as its reciprocal.
const ONE_IN: u128 = 1_000;

const _: () =
    assert!((MOST_PREFIXES as u64) < 1 << (8 * LEAST_PAYLOAD), "no set holds every prefix");

/// The most members of one set that are reported.
const MOST_TOLD: usize = 5;

pub(super) fn check(selection: &Selection, faults: &mut Faults) {
    for (name, set) in &selection.address_sets {
        let here = JsonPath::top().field("address_sets").field(name).field("addresses");
        let shortest = PrefixLengths { ipv4: LEAST_IPV4, ipv6: LEAST_IPV6 };
        let wide = set.addresses.iter().enumerate();
        let wide = wide.filter(|(_, prefix)| prefix.prefix() < shortest.of(prefix));
        for (index, prefix) in wide.take(MOST_TOLD) {
            let (least, prefix) = (shortest.of(prefix), prefix.to_string());
            faults.add(&here.member(index), SelectionFault::Wide { prefix, least });
        }
        let space = Space::of(&set.addresses);
        for (v6, family, all) in FAMILIES {
            if let Some(thousandths) = excess(&space, v6, all) {
                faults.add(&here, SelectionFault::Broad { thousandths, family });
            }
        }
    }
    for (name, set) in &selection.payload_prefixes {
        let here = JsonPath::top().field("payload_prefixes").field(name);
        for (here, length) in shorter(&here, &set.prefixes, LEAST_PAYLOAD) {
            faults.add(&here, SelectionFault::ShortPayload { length, least: LEAST_PAYLOAD });
        }
    }
    ports(selection, faults);
}

/// The payload prefixes of a set that compare fewer than `least` bytes, each with the bytes it compares.
pub(super) fn shorter(here: &JsonPath, set: &PayloadPrefixes, least: u8) -> Vec<(JsonPath, usize)> {
    let least = usize::from(least);
    match set {
        PayloadPrefixes::Hashed { length, .. } => {
            let length = usize::from(*length);
            (length < least).then(|| (here.field("length"), length)).into_iter().collect()
        }
        PayloadPrefixes::Raw(list) => {
            let here = here.field("hex");
            let short = list.iter().enumerate().filter(|(_, bytes)| bytes.len() < least);
            short.take(MOST_TOLD).map(|(index, bytes)| (here.member(index), bytes.len())).collect()
        }
    }
}

fn ports(selection: &Selection, faults: &mut Faults) {
    for (index, rule) in selection.rules.iter().enumerate() {
        for condition in rule.conditions() {
            let ranges = match condition {
                Condition::SourcePorts(ranges) | Condition::DestinationPorts(ranges) => ranges,
                Condition::Source(_)
                | Condition::Destination(_)
                | Condition::Either(_)
                | Condition::Payload(_)
                | Condition::Protocol(_) => continue,
            };
            if traffic::is_every_port(ranges) {
                let here = JsonPath::top().field("rules").member(index).field(condition.field());
                faults.add(&here, SelectionFault::AllPorts);
            }
        }
    }
}

/// How many thousandths of the address space a set covers, with one decimal, if it covers more than one.
pub(crate) fn excess(set: &Space, v6: bool, all: u128) -> Option<String> {
    let size = set.size(v6);
    // 2^125 is no multiple of 1000: a size equal to the rounded quotient is still within the share.
    if size <= all / ONE_IN {
        return None;
    }
    // The division comes first: the product would not fit into 128 bits.
    let tenths = size / (all / (ONE_IN * 10));
    Some(format!("{}.{}", tenths / 10, tenths % 10))
}

#[cfg(test)]
mod tests;
