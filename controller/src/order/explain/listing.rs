//! Sets and capacities as they are shown.

use ipnetwork::IpNetwork;

/// How many members of a set are listed; a set may hold millions.
const LISTED: usize = 5;

/// A set: how many members it has, and the first few of them.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) count: usize,
    pub(super) first: Vec<String>,
}

impl Listing {
    pub(super) fn of<T>(set: &[T], show: impl Fn(&T) -> String) -> Self {
        Self { count: set.len(), first: set.iter().take(LISTED).map(show).collect() }
    }

    /// Whether there are members that are not listed.
    pub(super) const fn is_cut(&self) -> bool {
        self.count > self.first.len()
    }
}

/// A prefix of full length is an address.
pub(super) fn network(network: &IpNetwork) -> String {
    let full = if network.is_ipv4() { 32 } else { 128 };
    if network.prefix() == full { network.ip().to_string() } else { network.to_string() }
}

/// A capacity with the largest unit that leaves a whole number.
#[derive(Debug)]
pub(super) struct Capacity {
    pub(super) number: u64,
    pub(super) unit: &'static str,
}

impl Capacity {
    pub(super) fn of(bps: u64) -> Self {
        const UNITS: [(u64, &str); 3] =
            [(1_000_000_000_000, "Tbit/s"), (1_000_000_000, "Gbit/s"), (1_000_000, "Mbit/s")];
        let fits = |(size, _): &&(u64, &str)| bps >= *size && bps.is_multiple_of(*size);
        let (size, unit) = UNITS.iter().find(fits).copied().unwrap_or((1, "bit/s"));
        Self { number: bps / size, unit }
    }
}
