//! Whether networks together lead everywhere.

use std::cmp::Reverse;

use ipnetwork::IpNetwork;

use crate::direction::special::SPECIAL;
use crate::order::space::Range;

/// The fewest networks of one IP version that together cover its global unicast space, with the values that
/// belong to them; `None` if they leave out any address. Special-purpose space ([`SPECIAL`]) need not be
/// covered: a machine that loses all of the global space is cut off.
pub(super) fn cover<T: Copy>(v6: bool, networks: &[(IpNetwork, T)]) -> Option<Vec<(IpNetwork, T)>> {
    let special = SPECIAL.iter().map(|entry| Range::from(&entry.prefix));
    let special: Vec<Range> = special.filter(|range| range.v6 == v6).collect();
    let networks = networks.iter().filter(|(network, _)| network.is_ipv6() == v6);
    let mut networks: Vec<_> = networks.map(|named| (Range::from(&named.0), named)).collect();
    // The sort is stable: of equal networks the first one is taken.
    networks.sort_by_key(|(range, _)| (range.first, Reverse(range.last)));
    let mut networks = networks.into_iter().peekable();
    let end = if v6 { u128::MAX } else { u32::MAX.into() };
    // Every address before `next` is covered, or need not be. Of the networks that hold `next`, the one that
    // reaches farthest is taken.
    let (mut next, mut best, mut taken) = (0, None::<(Range, _)>, Vec::new());
    loop {
        let around = special.iter().filter(|range| (range.first..=range.last).contains(&next));
        let last = if let Some(last) = around.map(|range| range.last).max() {
            last
        } else {
            while let Some(network) = networks.next_if(|(range, _)| range.first <= next) {
                if best.is_none_or(|(range, _)| range.last < network.0.last) {
                    best = Some(network);
                }
            }
            let (range, named) = best.filter(|(range, _)| range.last >= next)?;
            taken.push(*named);
            range.last
        };
        if last >= end {
            return Some(taken);
        }
        next = last + 1;
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;
    use crate::direction::special::special;

    fn networks(texts: &str) -> Vec<(IpNetwork, ())> {
        texts.split_whitespace().map(|text| (text.parse().unwrap(), ())).collect()
    }

    fn taken(v6: bool, texts: &str) -> Option<String> {
        let cover = cover(v6, &networks(texts))?;
        let texts: Vec<String> = cover.iter().map(|(network, ())| network.to_string()).collect();
        Some(texts.join(" "))
    }

    #[test]
    fn what_leads_everywhere() {
        for (v6, texts, expected) in [
            (false, "0.0.0.0/0", Some("0.0.0.0/0")),
            (false, "10.0.0.0/8 0.0.0.0/0 8.8.8.8/32", Some("0.0.0.0/0")),
            (false, "128.0.0.0/1 0.0.0.0/1", Some("0.0.0.0/1 128.0.0.0/1")),
            (
                false,
                "0.0.0.0/2 64.0.0.0/2 128.0.0.0/2 192.0.0.0/2 64.0.0.0/3",
                Some("0.0.0.0/2 64.0.0.0/2 128.0.0.0/2 192.0.0.0/2"),
            ),
            // Multicast, reserved and private space need not be covered.
            (false, "0.0.0.0/1 128.0.0.0/2 192.0.0.0/3", Some("0.0.0.0/1 128.0.0.0/2 192.0.0.0/3")),
            (
                false,
                "0.0.0.0/5 8.0.0.0/7 11.0.0.0/8 12.0.0.0/6 16.0.0.0/4 32.0.0.0/3 64.0.0.0/2 128.0.0.0/1",
                Some(
                    "0.0.0.0/5 8.0.0.0/7 11.0.0.0/8 12.0.0.0/6 16.0.0.0/4 32.0.0.0/3 64.0.0.0/2 128.0.0.0/1",
                ),
            ),
            (false, "0.0.0.0/1", None),
            (false, "0.0.0.0/1 128.0.0.0/2 192.0.0.0/4", None),
            (false, "1.0.0.0/8", None),
            (false, "::/0", None),
            (false, "", None),
            (true, "::/0", Some("::/0")),
            (true, "8000::/1 ::/1", Some("::/1")),
            (true, "2000::/3", Some("2000::/3")),
            (true, "2000::/4 3000::/4 fe80::/64", Some("2000::/4 3000::/4")),
            (true, "3000::/4 2001:db8::/32", None),
            (true, "fe80::/64 ff00::/8 fc00::/7", None),
            (true, "0.0.0.0/0", None),
        ] {
            assert_eq!(taken(v6, texts).as_deref(), expected, "{texts}");
        }
    }

    #[test]
    fn of_the_same_networks_the_first_one_is_taken() {
        let twice: Vec<_> =
            ["::/0", "::/0"].iter().map(|text| text.parse().unwrap()).zip(1..).collect();
        assert_eq!(cover(true, &twice), Some(vec![(twice[0].0, 1)]));
    }

    fn address(v6: bool, number: u128) -> IpAddr {
        match u32::try_from(number) {
            Ok(number) if !v6 => Ipv4Addr::from_bits(number).into(),
            _ => Ipv6Addr::from_bits(number).into(),
        }
    }

    /// An address that no network holds and that is not special. If there is one, there is also one at the
    /// beginning of the space or right after the end of a prefix.
    fn gap(v6: bool, networks: &[IpNetwork]) -> Option<IpAddr> {
        let end = if v6 { u128::MAX } else { u32::MAX.into() };
        let prefixes = networks.iter().chain(SPECIAL.iter().map(|entry| &entry.prefix));
        let ends = prefixes.map(Range::from).filter(|range| range.v6 == v6 && range.last < end);
        let starts = std::iter::once(0).chain(ends.map(|range| range.last + 1));
        starts.map(|number| address(v6, number)).find(|address| {
            special(*address).is_none()
                && !networks.iter().any(|network| network.contains(*address))
        })
    }

    fn network(v6: bool, number: u128, length: u8) -> IpNetwork {
        let network = IpNetwork::new(address(v6, number), length).unwrap();
        IpNetwork::new(network.network(), length).unwrap()
    }

    /// Parts that make up the whole space, split at random; usually one of them is left out.
    fn parts(v6: bool, splits: &[u16], lost: usize) -> Vec<IpNetwork> {
        let bits = if v6 { 128 } else { 32 };
        let mut parts = vec![(0_u128, 0_u8)];
        for split in splits {
            let (number, length) = parts.remove(usize::from(*split) % parts.len());
            let half = if length < bits { length + 1 } else { continue };
            parts.extend([(number, half), (number | 1 << (bits - half), half)]);
        }
        if lost < parts.len() {
            parts.remove(lost);
        }
        parts.into_iter().map(|(number, length)| network(v6, number, length)).collect()
    }

    proptest! {
        #[test]
        fn as_looking_for_a_gap_says(
            v6 in any::<bool>(),
            splits in proptest::collection::vec(any::<u16>(), 0..24),
            lost in 0_usize..32,
            more in proptest::collection::vec((any::<bool>(), any::<u128>(), 0_u8..=32), 0..4),
        ) {
            let mut networks = parts(v6, &splits, lost);
            networks.extend(more.iter().map(|(six, number, length)| {
                network(*six, if *six { *number } else { number >> 96 }, *length)
            }));
            let named: Vec<_> = networks.iter().copied().zip(0..).collect();
            let cover = cover(v6, &named);
            let own: Vec<IpNetwork> =
                networks.iter().copied().filter(|network| network.is_ipv6() == v6).collect();
            // Without a network there is always a gap.
            prop_assert_eq!(cover.is_some(), gap(v6, &own).is_none());
            if let Some(cover) = cover {
                let chosen: Vec<IpNetwork> = cover.iter().map(|(network, _)| *network).collect();
                prop_assert_eq!(gap(v6, &chosen), None, "what is named leads everywhere");
                for left_out in 0..chosen.len() {
                    let mut fewer = chosen.clone();
                    fewer.remove(left_out);
                    prop_assert!(gap(v6, &fewer).is_some(), "and nothing of it is superfluous");
                }
                prop_assert!(cover.iter().all(|(network, place)| named[*place].0 == *network));
            }
        }
    }
}
