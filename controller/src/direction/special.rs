//! Space that is never foreign by default, in one table: the IANA special-purpose registries, multicast,
//! reserved IPv4 space, and all IPv6 space outside global unicast.
//!
//! Sources: RFC 6890 and RFC 8190 with the IANA IPv4 and IPv6 Special-Purpose Address Registries
//! (as of October 2025); the IANA IPv6 Address Space registry (RFC 4291) for `Reserved by IETF`;
//! RFC 1112 and RFC 5771 for multicast.
//!
//! Reading of L-DIR: entries that the registries call globally reachable (AS112, AMT, 6to4, Teredo, the
//! anycast addresses of RFC 7723 and RFC 8155, …) are unclassified too. They stand for no single place in the
//! world, so the direction of a packet cannot be judged from them. Leaving them alone is the reading that
//! selects less. An input may still name them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};

/// One special-purpose prefix.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SpecialPrefix {
    /// The address block.
    pub prefix: IpNetwork,
    /// Its name in the registry.
    pub name: &'static str,
    /// The document that reserves it, for example `RFC 1918`.
    pub rfc: &'static str,
}

/// The most specific special-purpose prefix that holds an address.
pub fn special(address: IpAddr) -> Option<&'static SpecialPrefix> {
    SPECIAL
        .iter()
        .filter(|entry| entry.prefix.contains(address))
        .max_by_key(|entry| entry.prefix.prefix())
}

const fn v4(
    [a, b, c, d]: [u8; 4],
    length: u8,
    name: &'static str,
    rfc: &'static str,
) -> SpecialPrefix {
    match Ipv4Network::new_checked(Ipv4Addr::new(a, b, c, d), length) {
        Some(network) => SpecialPrefix { prefix: IpNetwork::V4(network), name, rfc },
        // This runs only in the compiler: the table is a constant.
        None => panic!("bad prefix length"),
    }
}

const fn v6(bits: u128, length: u8, name: &'static str, rfc: &'static str) -> SpecialPrefix {
    match Ipv6Network::new_checked(Ipv6Addr::from_bits(bits), length) {
        Some(network) => SpecialPrefix { prefix: IpNetwork::V6(network), name, rfc },
        None => panic!("bad prefix length"),
    }
}

/// The first two groups of an IPv6 address, all others zero.
const fn high(groups: u32) -> u128 {
    (groups as u128) << 96
}

/// Every special-purpose prefix, by family and address.
#[rustfmt::skip]
pub const SPECIAL: &[SpecialPrefix] = &[
    v4([0, 0, 0, 0], 8, "This network", "RFC 791"),
    v4([0, 0, 0, 0], 32, "This host on this network", "RFC 1122"),
    v4([10, 0, 0, 0], 8, "Private-Use", "RFC 1918"),
    v4([100, 64, 0, 0], 10, "Shared Address Space", "RFC 6598"),
    v4([127, 0, 0, 0], 8, "Loopback", "RFC 1122"),
    v4([169, 254, 0, 0], 16, "Link Local", "RFC 3927"),
    v4([172, 16, 0, 0], 12, "Private-Use", "RFC 1918"),
    v4([192, 0, 0, 0], 24, "IETF Protocol Assignments", "RFC 6890"),
    v4([192, 0, 0, 0], 29, "IPv4 Service Continuity Prefix", "RFC 7335"),
    v4([192, 0, 0, 8], 32, "IPv4 dummy address", "RFC 7600"),
    v4([192, 0, 0, 9], 32, "Port Control Protocol Anycast", "RFC 7723"),
    v4([192, 0, 0, 10], 32, "Traversal Using Relays around NAT Anycast", "RFC 8155"),
    v4([192, 0, 0, 170], 32, "NAT64/DNS64 Discovery", "RFC 8880"),
    v4([192, 0, 0, 171], 32, "NAT64/DNS64 Discovery", "RFC 8880"),
    v4([192, 0, 2, 0], 24, "Documentation (TEST-NET-1)", "RFC 5737"),
    v4([192, 31, 196, 0], 24, "AS112-v4", "RFC 7535"),
    v4([192, 52, 193, 0], 24, "AMT", "RFC 7450"),
    v4([192, 88, 99, 0], 24, "Deprecated (6to4 Relay Anycast)", "RFC 7526"),
    v4([192, 88, 99, 2], 32, "6a44-relay anycast address", "RFC 6751"),
    v4([192, 168, 0, 0], 16, "Private-Use", "RFC 1918"),
    v4([192, 175, 48, 0], 24, "Direct Delegation AS112 Service", "RFC 7534"),
    v4([198, 18, 0, 0], 15, "Benchmarking", "RFC 2544"),
    v4([198, 51, 100, 0], 24, "Documentation (TEST-NET-2)", "RFC 5737"),
    v4([203, 0, 113, 0], 24, "Documentation (TEST-NET-3)", "RFC 5737"),
    v4([224, 0, 0, 0], 4, "Multicast", "RFC 5771"),
    v4([240, 0, 0, 0], 4, "Reserved", "RFC 1112"),
    v4([255, 255, 255, 255], 32, "Limited Broadcast", "RFC 8190"),

    v6(high(0x0000_0000), 8, "Reserved by IETF", "RFC 4291"),
    v6(0, 128, "Unspecified Address", "RFC 4291"),
    v6(1, 128, "Loopback Address", "RFC 4291"),
    v6(0, 96, "IPv4-Compatible Address (deprecated)", "RFC 4291"),
    v6(0xffff << 32, 96, "IPv4-mapped Address", "RFC 4291"),
    v6(high(0x0064_ff9b), 96, "IPv4-IPv6 Translation", "RFC 6052"),
    v6(high(0x0064_ff9b) | 1 << 80, 48, "IPv4-IPv6 Translation", "RFC 8215"),
    v6(high(0x0100_0000), 8, "Reserved by IETF", "RFC 4291"),
    v6(high(0x0100_0000), 64, "Discard-Only Address Block", "RFC 6666"),
    v6(high(0x0100_0000) | 1 << 64, 64, "Dummy IPv6 Prefix", "RFC 9780"),
    v6(high(0x0200_0000), 7, "Reserved by IETF", "RFC 4048"),
    v6(high(0x0400_0000), 6, "Reserved by IETF", "RFC 4291"),
    v6(high(0x0800_0000), 5, "Reserved by IETF", "RFC 4291"),
    v6(high(0x1000_0000), 4, "Reserved by IETF", "RFC 4291"),
    v6(high(0x2001_0000), 23, "IETF Protocol Assignments", "RFC 2928"),
    v6(high(0x2001_0000), 32, "TEREDO", "RFC 4380"),
    v6(high(0x2001_0001) | 1, 128, "Port Control Protocol Anycast", "RFC 7723"),
    v6(high(0x2001_0001) | 2, 128, "Traversal Using Relays around NAT Anycast", "RFC 8155"),
    v6(high(0x2001_0001) | 3, 128, "DNS-SD Service Registration Protocol Anycast", "RFC 9665"),
    v6(high(0x2001_0002), 48, "Benchmarking", "RFC 5180"),
    v6(high(0x2001_0003), 32, "AMT", "RFC 7450"),
    v6(high(0x2001_0004) | 0x112 << 80, 48, "AS112-v6", "RFC 7535"),
    v6(high(0x2001_0010), 28, "Deprecated (previously ORCHID)", "RFC 4843"),
    v6(high(0x2001_0020), 28, "ORCHIDv2", "RFC 7343"),
    v6(high(0x2001_0030), 28, "Drone Remote ID Protocol Entity Tags (DETs) Prefix", "RFC 9374"),
    v6(high(0x2001_0db8), 32, "Documentation", "RFC 3849"),
    v6(high(0x2002_0000), 16, "6to4", "RFC 3056"),
    v6(high(0x2620_004f) | 0x8000 << 80, 48, "Direct Delegation AS112 Service", "RFC 7534"),
    v6(high(0x3fff_0000), 20, "Documentation", "RFC 9637"),
    v6(high(0x4000_0000), 3, "Reserved by IETF", "RFC 4291"),
    v6(high(0x5f00_0000), 16, "Segment Routing (SRv6) SIDs", "RFC 9602"),
    v6(high(0x6000_0000), 3, "Reserved by IETF", "RFC 4291"),
    v6(high(0x8000_0000), 3, "Reserved by IETF", "RFC 4291"),
    v6(high(0xa000_0000), 3, "Reserved by IETF", "RFC 4291"),
    v6(high(0xc000_0000), 3, "Reserved by IETF", "RFC 4291"),
    v6(high(0xe000_0000), 4, "Reserved by IETF", "RFC 4291"),
    v6(high(0xf000_0000), 5, "Reserved by IETF", "RFC 4291"),
    v6(high(0xf800_0000), 6, "Reserved by IETF", "RFC 4291"),
    v6(high(0xfc00_0000), 7, "Unique-Local", "RFC 4193"),
    v6(high(0xfe00_0000), 9, "Reserved by IETF", "RFC 4291"),
    v6(high(0xfe80_0000), 10, "Link-Local Unicast", "RFC 4291"),
    v6(high(0xfec0_0000), 10, "Reserved by IETF (previously Site-Local)", "RFC 3879"),
    v6(high(0xff00_0000), 8, "Multicast", "RFC 4291"),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_entry_has_host_bits_or_stands_twice() {
        for (position, entry) in SPECIAL.iter().enumerate() {
            assert_eq!(entry.prefix.ip(), entry.prefix.network(), "{entry:?}");
            assert!(entry.rfc.starts_with("RFC "), "{entry:?}");
            let twin = SPECIAL[..position].iter().find(|other| other.prefix == entry.prefix);
            assert_eq!(twin, None);
        }
    }

    #[test]
    fn the_most_specific_entry_names_an_address() {
        for (address, prefix) in [
            ("10.1.2.3", "10.0.0.0/8"),
            ("100.64.0.1", "100.64.0.0/10"),
            ("192.0.0.9", "192.0.0.9/32"),
            ("192.0.0.77", "192.0.0.0/24"),
            ("255.255.255.255", "255.255.255.255/32"),
            ("239.1.1.1", "224.0.0.0/4"),
            ("::1", "::1/128"),
            ("::ffff:8.8.8.8", "::ffff:0:0/96"),
            ("64:ff9b::1", "64:ff9b::/96"),
            ("64:ff9b:1::1", "64:ff9b:1::/48"),
            ("100:0:0:1::1", "100:0:0:1::/64"),
            ("2001::1", "2001::/32"),
            ("2001:1::2", "2001:1::2/128"),
            ("2001:4:112::1", "2001:4:112::/48"),
            ("2001:2f::1", "2001:20::/28"),
            ("2001:1ff::1", "2001::/23"),
            ("2001:db8::1", "2001:db8::/32"),
            ("2620:4f:8000::1", "2620:4f:8000::/48"),
            ("3fff:fff::1", "3fff::/20"),
            ("5f00::1", "5f00::/16"),
            ("fe80::1", "fe80::/10"),
            ("ff02::1", "ff00::/8"),
        ] {
            let entry = special(address.parse().unwrap()).unwrap();
            assert_eq!(entry.prefix, prefix.parse().unwrap(), "{address}");
        }
        for address in ["8.8.8.8", "100.128.0.1", "192.0.1.1", "2001:200::1", "3fff:1000::1"] {
            assert_eq!(special(address.parse().unwrap()), None, "{address}");
        }
    }

    proptest! {
        #[test]
        fn all_of_ipv6_outside_global_unicast_is_special(bits in any::<u128>()) {
            prop_assume!(bits >> 125 != 1);
            prop_assert!(special(IpAddr::V6(Ipv6Addr::from_bits(bits))).is_some());
        }

        #[test]
        fn the_top_eighth_of_ipv4_is_special(bits in 0xe000_0000_u32..) {
            prop_assert!(special(IpAddr::V4(Ipv4Addr::from_bits(bits))).is_some());
        }
    }
}
