//! Sets of prefixes as disjoint ranges of addresses: which set holds which, and how large a set is. `statute` and
//! [`preview`](crate::preview) decide what follows from that.

use ipnetwork::IpNetwork;

/// Addresses of one IP version, both ends included, as numbers.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Range {
    pub(crate) v6: bool,
    pub(crate) first: u128,
    pub(crate) last: u128,
}

impl From<&IpNetwork> for Range {
    fn from(network: &IpNetwork) -> Self {
        match network {
            IpNetwork::V4(network) => Self {
                v6: false,
                first: u32::from(network.network()).into(),
                last: u32::from(network.broadcast()).into(),
            },
            IpNetwork::V6(network) => {
                Self { v6: true, first: network.network().into(), last: network.broadcast().into() }
            }
        }
    }
}

/// A set of addresses: ranges in ascending order, no two of which touch.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Space(Vec<Range>);

impl Space {
    /// The addresses of all these prefixes together.
    pub(crate) fn of(networks: &[IpNetwork]) -> Self {
        let mut ranges: Vec<Range> = networks.iter().map(Range::from).collect();
        ranges.sort_unstable();
        let mut merged: Vec<Range> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(before)
                    if before.v6 == range.v6
                        && before.last.checked_add(1).is_none_or(|next| next >= range.first) =>
                {
                    before.last = before.last.max(range.last);
                }
                _ => merged.push(range),
            }
        }
        Self(merged)
    }

    /// Whether every address of `other` is in this set.
    pub(crate) fn holds(&self, other: &Self) -> bool {
        other.0.iter().all(|range| {
            self.at(range)
                .is_some_and(|around| around.first <= range.first && range.last <= around.last)
        })
    }

    /// Whether any address is in both sets.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        let (few, many) = if self.0.len() < other.0.len() { (self, other) } else { (other, self) };
        few.0.iter().any(|range| many.meets_range(range))
    }

    /// Whether any address of the range is in this set.
    pub(crate) fn meets_range(&self, range: &Range) -> bool {
        self.at(range).is_some_and(|near| near.first <= range.last)
    }

    /// How many addresses of an IP version there are in this set; 2^128 - 1 for all of IPv6.
    pub(crate) fn size(&self, v6: bool) -> u128 {
        let sizes = self.0.iter().filter(|range| range.v6 == v6);
        sizes.fold(0, |sum: u128, range| {
            sum.saturating_add(range.last - range.first).saturating_add(1)
        })
    }

    /// The first range of this set that does not end before `range` begins, in its IP version.
    fn at(&self, range: &Range) -> Option<&Range> {
        let next = self.0.partition_point(|own| (own.v6, own.last) < (range.v6, range.first));
        self.0.get(next).filter(|own| own.v6 == range.v6)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn space(prefixes: &[&str]) -> Space {
        let networks: Vec<IpNetwork> = prefixes.iter().map(|text| text.parse().unwrap()).collect();
        Space::of(&networks)
    }

    #[test]
    fn neighbours_and_nested_prefixes_are_one_range() {
        let halves = space(&["192.0.2.128/25", "192.0.2.0/25", "192.0.2.7/32"]);
        assert_eq!(halves, space(&["192.0.2.0/24"]));
        assert_eq!(halves.size(false), 256);
        assert_eq!(space(&["::/1", "8000::/1"]).size(true), u128::MAX);
        // The last IPv4 address and the first IPv6 address are no neighbours.
        let both = space(&["255.255.255.255/32", "::/128"]);
        assert_eq!((both.size(false), both.size(true)), (1, 1));
    }

    #[test]
    fn what_holds_and_what_meets() {
        let set = space(&["192.0.2.0/24", "198.51.100.0/24", "2001:db8::/32"]);
        for (prefixes, holds, meets) in [
            (&["192.0.2.7/32"][..], true, true),
            (&["192.0.2.0/24", "2001:db8:5::/48"], true, true),
            (&["192.0.2.7/32", "203.0.113.7/32"], false, true),
            (&["192.0.0.0/16"], false, true),
            (&["203.0.113.0/24"], false, false),
            // The same number as an address of the other IP version.
            (&["::c000:207/128"], false, false),
            (&[], true, false),
        ] {
            let other = space(prefixes);
            assert_eq!((set.holds(&other), set.meets(&other)), (holds, meets), "{prefixes:?}");
            assert_eq!(other.meets(&set), meets, "{prefixes:?}");
        }
    }

    fn small() -> impl Strategy<Value = Vec<IpNetwork>> {
        let prefix = (0u8..16, 28u8..=32).prop_map(|(low, length)| {
            let network = ipnetwork::Ipv4Network::new([192, 0, 2, low].into(), length).unwrap();
            IpNetwork::V4(ipnetwork::Ipv4Network::new(network.network(), length).unwrap())
        });
        proptest::collection::vec(prefix, 0..5)
    }

    proptest! {
        #[test]
        fn as_counting_every_address_says(one in small(), two in small()) {
            let all = || (0u8..16).map(|low| std::net::IpAddr::from([192, 0, 2, low]));
            let within = |set: &[IpNetwork], address| set.iter().any(|net| net.contains(address));
            let (a, b) = (Space::of(&one), Space::of(&two));
            let holds = all().all(|address| !within(&two, address) || within(&one, address));
            let meets = all().any(|address| within(&two, address) && within(&one, address));
            let size = all().filter(|address| within(&one, *address)).count() as u128;
            prop_assert_eq!((a.holds(&b), a.meets(&b), a.size(false)), (holds, meets, size));
        }
    }
}
