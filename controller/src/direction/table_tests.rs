//! The table against a search that looks at every prefix, and by hand where the law cares.

use AddressClass::{Domestic, Foreign, Unclassified};
use proptest::prelude::*;

use super::*;

fn table(
    unnamed: Unnamed,
    inputs: &[(&str, &[(&str, AddressClass)])],
) -> Result<DirectionTable, Rejection> {
    let inputs = inputs
        .iter()
        .map(|(name, prefixes)| {
            let named = prefixes.iter().zip(1..).map(|(&(network, class), line)| Named {
                network: network.parse().unwrap(),
                class,
                line,
            });
            ((*name).to_owned(), named.collect())
        })
        .collect();
    DirectionTable::new(|_| unnamed, inputs)
}

fn class(table: &DirectionTable, address: &str) -> AddressClass {
    table.class_of(address.parse().unwrap()).0
}

#[test]
fn the_longest_prefix_wins_over_all_inputs() {
    let table = table(
        Unnamed::Foreign,
        &[
            ("jp", &[("20.0.0.0/8", Domestic), ("20.1.1.1/32", Domestic), ("2400::/12", Domestic)]),
            ("abroad", &[("20.1.0.0/16", Foreign), ("20.2.0.0/16", Unclassified)]),
        ],
    )
    .unwrap();
    assert_eq!(class(&table, "20.0.0.1"), Domestic);
    assert_eq!(class(&table, "20.1.0.1"), Foreign);
    assert_eq!(class(&table, "20.1.1.1"), Domestic);
    assert_eq!(class(&table, "20.2.0.1"), Unclassified);
    assert_eq!(class(&table, "240f::1"), Domestic);
    let (_, origin) = table.class_of("20.1.0.1".parse().unwrap());
    let prefix = "20.1.0.0/16".parse().unwrap();
    assert_eq!(origin, Origin::Input { file: "abroad", line: 1, prefix });
}

#[test]
fn what_no_input_names_has_a_default() {
    for (unnamed, expected) in [(Unnamed::Foreign, Foreign), (Unnamed::Unclassified, Unclassified)]
    {
        let table = table(unnamed, &[("jp", &[("20.0.0.0/8", Domestic)])]).unwrap();
        for global in ["8.8.8.8", "2a00::1", "3fff:1000::1"] {
            assert_eq!(class(&table, global), expected, "{global}");
        }
        for nowhere in ["10.0.0.1", "100.64.0.1", "224.0.0.1", "::1", "fe80::1", "4000::1"] {
            assert_eq!(class(&table, nowhere), Unclassified, "{nowhere}");
        }
        let (_, origin) = table.class_of("8.8.8.8".parse().unwrap());
        assert_eq!(origin, Origin::Default { prefix: "0.0.0.0/0".parse().unwrap() });
        let (_, origin) = table.class_of("2a00::1".parse().unwrap());
        assert_eq!(origin.prefix(), "2000::/3".parse().unwrap());
        let (_, origin) = table.class_of("10.0.0.1".parse().unwrap());
        assert!(matches!(origin, Origin::Special(entry) if entry.name == "Private-Use"));
    }
}

#[test]
fn the_default_is_of_a_family() {
    let unnamed = |family| match family {
        Family::Ipv4 => Unnamed::Foreign,
        Family::Ipv6 => Unnamed::Unclassified,
    };
    let table = DirectionTable::new(unnamed, Vec::new()).unwrap();
    assert_eq!((class(&table, "8.8.8.8"), class(&table, "2a00::1")), (Foreign, Unclassified));
    let [defaults, _] = table.layers();
    let class_of = |prefix: &str| {
        let found = defaults.iter().find(|(network, _)| network.to_string() == prefix);
        found.map(|(_, class)| *class)
    };
    assert_eq!(class_of("0.0.0.0/0"), Some(Foreign));
    assert_eq!(class_of("2000::/3"), Some(Unclassified));
}

#[test]
fn prefixes_are_counted_by_family_and_class() {
    let jp = [("20.0.0.0/8", Domestic), ("2400::/12", Domestic), ("20.1.0.0/16", Foreign)];
    let table = table(Unnamed::Foreign, &[("jp", &jp), ("jp2", &jp)]).unwrap();
    let count = |class| Family::ALL.map(|family| table.prefixes(family, class));
    assert_eq!((count(Domestic), count(Foreign), count(Unclassified)), ([1, 1], [1, 0], [0, 0]));
    assert_eq!(table.first_domestic(Family::Ipv6), Some(("jp", 2)));
}

#[test]
fn an_input_overrides_the_special_space_that_it_covers() {
    let everything = table(Unnamed::Foreign, &[("jp", &[("0.0.0.0/0", Domestic)])]).unwrap();
    assert_eq!(class(&everything, "10.0.0.1"), Domestic);
    assert_eq!(class(&everything, "fe80::1"), Unclassified);
    let inside = table(Unnamed::Foreign, &[("jp", &[("10.1.0.0/16", Domestic)])]).unwrap();
    assert_eq!(class(&inside, "10.1.0.1"), Domestic);
    assert_eq!(class(&inside, "10.2.0.1"), Unclassified);
}

#[test]
fn the_same_prefix_in_two_classes_names_both_lines() {
    let error = table(
        Unnamed::Foreign,
        &[
            ("jp", &[("20.0.0.0/8", Domestic), ("21.0.0.0/8", Domestic)]),
            ("jp2", &[("21.0.0.0/8", Domestic)]),
            ("abroad", &[("22.0.0.0/8", Foreign), ("21.0.0.0/8", Foreign)]),
        ],
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "abroad: line 2: 21.0.0.0/8 is foreign here, but domestic in jp2 line 1 [L-DIR]"
    );
    let unclassified = [("21.0.0.0/8", Unclassified), ("21.0.0.0/8", Domestic)];
    assert!(table(Unnamed::Foreign, &[("rir", &unclassified)]).is_err());
}

#[test]
fn the_same_prefix_twice_in_one_class_is_one() {
    let twice = table(
        Unnamed::Foreign,
        &[("jp", &[("20.0.0.0/8", Domestic)]), ("jp2", &[("20.0.0.0/8", Domestic)])],
    )
    .unwrap();
    assert_eq!(twice.named_prefixes(), 1);
    let (_, origin) = twice.class_of("20.0.0.1".parse().unwrap());
    assert!(matches!(origin, Origin::Input { file: "jp", line: 1, .. }));
}

#[test]
fn the_families_do_not_mix() {
    let table =
        table(Unnamed::Foreign, &[("jp", &[("32.0.0.0/8", Domestic), ("2100::/8", Domestic)])])
            .unwrap();
    assert_eq!(class(&table, "33.0.0.1"), Foreign);
    assert_eq!(class(&table, "2000::1"), Foreign);
    assert_eq!(class(&table, "32.0.0.1"), Domestic);
    assert_eq!(class(&table, "2100::1"), Domestic);
}

/// Addresses and prefixes crowded into little space, so that they meet.
fn address() -> impl Strategy<Value = IpAddr> {
    let v4 = prop_oneof![
        any::<u32>(),
        (0_u32..4, 0_u32..1 << 10).prop_map(|(high, low)| (8 + high) << 24 | low),
    ];
    let v6 = prop_oneof![
        any::<u128>(),
        (0_u128..4, 0_u128..1 << 10).prop_map(|(high, low)| (0x2000 + high) << 112 | low),
    ];
    prop_oneof![
        v4.prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
        v6.prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
    ]
}

fn named() -> impl Strategy<Value = Named> {
    let class = prop_oneof![Just(Domestic), Just(Foreign), Just(Unclassified)];
    (address(), 0_u8..=128, class).prop_map(|(address, length, class)| {
        let length = if address.is_ipv4() { length % 33 } else { length };
        let network = IpNetwork::new(address, length).unwrap();
        let network = IpNetwork::new(network.network(), length).unwrap();
        Named { network, class, line: 1 }
    })
}

/// By the definition: of all prefixes over all files the longest that holds the address; else what is
/// special-purpose, or no global unicast; else the default of the family.
fn naive(prefixes: &[Named], unnamed: [Unnamed; 2], address: IpAddr) -> AddressClass {
    let holding = prefixes.iter().filter(|named| named.network.contains(address));
    if let Some(named) = holding.max_by_key(|named| named.network.prefix()) {
        return named.class;
    }
    let is_special = SPECIAL.iter().any(|special| special.prefix.contains(address));
    match (is_special, address) {
        (true, _) => Unclassified,
        (false, IpAddr::V4(_)) => unnamed[0].class(),
        (false, IpAddr::V6(_)) => unnamed[1].class(),
    }
}

proptest! {
    #[test]
    fn agrees_with_a_search_of_every_prefix(
        mut prefixes in proptest::collection::vec(named(), 0..60),
        addresses in proptest::collection::vec(address(), 1..40),
        files in 1_usize..5,
        foreign: [bool; 2],
    ) {
        // The first class given to a prefix stands, so that no two clash.
        let mut seen = std::collections::HashSet::new();
        prefixes.retain(|named| seen.insert(named.network));
        let unnamed = foreign.map(|yes| if yes { Unnamed::Foreign } else { Unnamed::Unclassified });
        let mut inputs: Vec<_> = (0..files).map(|file| (file.to_string(), Vec::new())).collect();
        for (index, named) in prefixes.iter().enumerate() {
            inputs[index % files].1.push(*named);
        }
        let of_family = |family| match family {
            Family::Ipv4 => unnamed[0],
            Family::Ipv6 => unnamed[1],
        };
        let table = DirectionTable::new(of_family, inputs).unwrap();
        let layers = table.layers();
        let probes = prefixes.iter().flat_map(|n| [n.network.network(), n.network.broadcast()]);
        for address in addresses.into_iter().chain(probes) {
            let (class, origin) = table.class_of(address);
            prop_assert_eq!(class, naive(&prefixes, unnamed, address), "{}", address);
            prop_assert!(origin.prefix().contains(address));
            let is_named = prefixes.iter().any(|named| named.network.contains(address));
            prop_assert_eq!(matches!(origin, Origin::Input { .. }), is_named);
            let layered = layers.iter().rev().find_map(|layer| {
                let covering = layer.iter().filter(|(prefix, _)| prefix.contains(address));
                covering.max_by_key(|(prefix, _)| prefix.prefix()).map(|(_, class)| *class)
            });
            prop_assert_eq!(layered, Some(class));
        }
    }
}
