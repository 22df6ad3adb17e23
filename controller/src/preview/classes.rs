//! The direction tables as disjoint ranges of addresses: which classes occur within a prefix.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::IpNetwork;
use sensor_common::direction::AddressClass;

use crate::compile::{Layer, class_ranges};
use crate::direction::DirectionTable;
use crate::order::space::Range;

/// The class of every address: where each range starts, and its class.
#[derive(Debug)]
pub struct ClassRanges {
    v4: Vec<(u128, AddressClass)>,
    v6: Vec<(u128, AddressClass)>,
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

    /// The parts of a prefix that differ in class, in ascending order: the first address of each,
    /// and its class.
    pub(super) fn within(
        &self,
        network: &IpNetwork,
    ) -> impl Iterator<Item = (IpAddr, AddressClass)> {
        let Range { v6, first, last } = network.into();
        let starts = if v6 { &self.v6 } else { &self.v4 };
        // The ranges begin at address 0, so there is one that holds the first address.
        let from = starts.partition_point(|(start, _)| *start <= first).saturating_sub(1);
        let parts = starts.get(from..).unwrap_or_default().iter();
        parts
            .take_while(move |(start, _)| *start <= last)
            .map(move |(start, class)| (address(v6, (*start).max(first)), *class))
    }
}

fn address(v6: bool, number: u128) -> IpAddr {
    match u32::try_from(number) {
        Ok(number) if !v6 => Ipv4Addr::from(number).into(),
        _ => Ipv6Addr::from(number).into(),
    }
}
