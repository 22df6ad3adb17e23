//! The direction tables as disjoint ranges of addresses, to look up the class of an address and the classes
//! within a prefix.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::IpNetwork;
use sensor_common::direction::AddressClass;

use crate::compile::{Layer, class_ranges};
use crate::direction::{DirectionTable, Family};
use crate::order::space::Range;

/// Where a range starts, and its class; it ends where the next one starts.
pub(super) type Start = (u128, AddressClass);

/// The class of every address, each family from address 0 on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClassRanges {
    pub(super) v4: Vec<Start>,
    pub(super) v6: Vec<Start>,
}

impl ClassRanges {
    /// The classes that a table gives.
    pub fn of(table: &DirectionTable) -> Self {
        let [below, above] = table.layers();
        let layers: [Layer<'_>; 2] = [&below, &above];
        Self {
            v4: class_ranges(&layers, IpNetwork::is_ipv4),
            v6: class_ranges(&layers, IpNetwork::is_ipv6),
        }
    }

    /// The ranges of one family.
    pub(super) fn of_family(&self, family: Family) -> &[Start] {
        match family {
            Family::Ipv4 => &self.v4,
            Family::Ipv6 => &self.v6,
        }
    }

    /// The parts of a prefix that differ in class, in ascending order: the first address of each,
    /// and its class.
    pub(crate) fn within(
        &self,
        network: &IpNetwork,
    ) -> impl Iterator<Item = (IpAddr, AddressClass)> {
        let Range { v6, first, last } = network.into();
        let starts = if v6 { &self.v6 } else { &self.v4 };
        // The ranges begin at address 0, so one of them holds the first address.
        let from = starts.partition_point(|(start, _)| *start <= first).saturating_sub(1);
        let parts = starts.get(from..).unwrap_or_default().iter();
        parts
            .take_while(move |(start, _)| *start <= last)
            .map(move |(start, class)| (address(v6, (*start).max(first)), *class))
    }
}

pub(super) fn address(v6: bool, number: u128) -> IpAddr {
    match u32::try_from(number) {
        Ok(number) if !v6 => Ipv4Addr::from(number).into(),
        _ => Ipv6Addr::from(number).into(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::collection::btree_map;
    use proptest::prelude::*;

    use super::*;

    fn class(name: &str) -> AddressClass {
        let classes = [AddressClass::Unclassified, AddressClass::Domestic, AddressClass::Foreign];
        classes.into_iter().find(|class| class.name() == name).unwrap()
    }

    /// Ranges by their first addresses.
    pub(crate) fn ranges(v4: &[(&str, &str)], v6: &[(&str, &str)]) -> ClassRanges {
        let number = |text: &str| match text.parse().unwrap() {
            IpAddr::V4(v4) => u128::from(v4.to_bits()),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        let starts = |list: &[(&str, &str)]| {
            list.iter().map(|(start, name)| (number(start), class(name))).collect()
        };
        ClassRanges { v4: starts(v4), v6: starts(v6) }
    }

    /// The class of one address.
    pub(crate) fn class_of(ranges: &ClassRanges, family: Family, number: u128) -> AddressClass {
        let before = ranges.of_family(family).iter().take_while(|(start, _)| *start <= number);
        before.last().unwrap().1
    }

    fn starts(number: impl Strategy<Value = u128>) -> impl Strategy<Value = Vec<Start>> {
        let class = prop_oneof![
            Just(AddressClass::Unclassified),
            Just(AddressClass::Domestic),
            Just(AddressClass::Foreign),
        ];
        btree_map(number, class, 0..12).prop_map(|mut starts| {
            starts.entry(0).or_insert(AddressClass::Unclassified);
            let mut starts: Vec<Start> = starts.into_iter().collect();
            starts.dedup_by_key(|(_, class)| *class);
            starts
        })
    }

    /// Any ranges, some of them at the same places in two.
    pub(crate) fn any_ranges() -> impl Strategy<Value = ClassRanges> {
        let v4 = prop_oneof![any::<u32>(), 0_u32..8, u32::MAX - 3..=u32::MAX].prop_map(u128::from);
        let v6 = prop_oneof![any::<u128>(), 0_u128..8, u128::MAX - 3..=u128::MAX];
        (starts(v4), starts(v6)).prop_map(|(v4, v6)| ClassRanges { v4, v6 })
    }
}
