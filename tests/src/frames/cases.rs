//! The table of all fixtures.

use sensor_common::direction::Direction::{
    DomesticToDomestic as DD, DomesticToForeign as DF, ForeignToDomestic as FD,
    ForeignToForeign as FF,
};
use sensor_common::outcome::Outcome::{
    Domestic, Malformed, NonIp, Recorded, Unclassified, Unmatched,
};

use super::Fixture;
use super::build::{
    ABROAD, C2, C2_NET, HOME, HOME_2, NOWHERE, PRIVATE, extended, ip4, ip6, patched, raw, tagged,
    tcp, udp,
};

/// Frames without tunnels. The frames of a group differ from each other in one thing.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn fixtures() -> Vec<Fixture> {
    let web = || tcp(ip4(C2, ABROAD), 40_000, 443);
    let fixture = |name, frame, outcome, direction, records| Fixture {
        name,
        frame,
        outcome,
        direction,
        records,
    };
    let hop = [60_u8, 0, 1, 4, 0, 0, 0, 0];
    let last = [17_u8, 0, 1, 4, 0, 0, 0, 0];
    let chain = |count: usize| [hop.repeat(count - 1), last.to_vec()].concat();
    vec![
        // Directions.
        fixture("外外", web(), Recorded, Some(FF), &["ff/web"]),
        fixture("外内", tcp(ip4(C2, HOME), 1, 443), Recorded, Some(FD), &["fd/in"]),
        fixture("内外", tcp(ip4(HOME, C2), 1, 443), Recorded, Some(DF), &["df/out"]),
        fixture("内内", tcp(ip4(HOME, HOME_2), 1, 443), Domestic, Some(DD), &[]),
        fixture("from private space", tcp(ip4(PRIVATE, C2), 1, 443), Unclassified, None, &[]),
        fixture("to private space", tcp(ip4(C2, PRIVATE), 1, 443), Unclassified, None, &[]),
        fixture(
            "unclassified by the longer prefix",
            tcp(ip4(C2, NOWHERE), 1, 443),
            Unclassified,
            None,
            &[],
        ),
        // Address sets.
        fixture(
            "either, as destination",
            tcp(ip4(ABROAD, C2), 1, 443),
            Recorded,
            Some(FF),
            &["ff/web"],
        ),
        fixture(
            "inside a prefix of the set",
            tcp(ip4(C2_NET, ABROAD), 1, 443),
            Recorded,
            Some(FF),
            &["ff/web"],
        ),
        fixture(
            "one address beside the set",
            tcp(ip4([198, 51, 100, 8], ABROAD), 1, 443),
            Unmatched,
            Some(FF),
            &[],
        ),
        fixture(
            "the prefix's first address",
            tcp(ip4([198, 51, 100, 64], ABROAD), 1, 443),
            Recorded,
            Some(FF),
            &["ff/web"],
        ),
        fixture(
            "the prefix's last address",
            tcp(ip4([198, 51, 100, 127], ABROAD), 1, 443),
            Recorded,
            Some(FF),
            &["ff/web"],
        ),
        fixture(
            "behind the prefix",
            tcp(ip4([198, 51, 100, 128], ABROAD), 1, 443),
            Unmatched,
            Some(FF),
            &[],
        ),
        fixture(
            "two orders at once",
            tcp(ip4(C2, C2_NET), 1, 443),
            Recorded,
            Some(FF),
            &["ff/web", "ff2/pair"],
        ),
        fixture(
            "two orders, udp: only the one without a protocol",
            udp(ip4(C2, C2_NET), 5_000, 443),
            Recorded,
            Some(FF),
            &["ff2/pair"],
        ),
        // Protocols and ports.
        fixture(
            "a port range's first",
            tcp(ip4(ABROAD, C2), 1, 8_000),
            Recorded,
            Some(FF),
            &["ff/web"],
        ),
        fixture(
            "a port range's last",
            tcp(ip4(ABROAD, C2), 1, 8_099),
            Recorded,
            Some(FF),
            &["ff/web"],
        ),
        fixture("behind a port range", tcp(ip4(ABROAD, C2), 1, 8_100), Unmatched, Some(FF), &[]),
        fixture(
            "the first rule that holds",
            tcp(ip4(C2, ABROAD), 1, 8_100),
            Recorded,
            Some(FF),
            &["ff/any-tcp"],
        ),
        fixture(
            "udp by source port",
            udp(ip4(ABROAD, C2), 1_023, 9),
            Recorded,
            Some(FF),
            &["ff/low-udp"],
        ),
        fixture(
            "udp from too high a port",
            udp(ip4(ABROAD, C2), 1_024, 9),
            Unmatched,
            Some(FF),
            &[],
        ),
        fixture(
            "a protocol by number",
            raw(ip4(C2, ABROAD), 50, &[0; 8]),
            Recorded,
            Some(FF),
            &["ff/esp"],
        ),
        fixture(
            "sctp has no ports here",
            raw(ip4(C2, C2_NET), 132, &[0, 1, 1, 187, 0, 0, 0, 0]),
            Unmatched,
            Some(FF),
            &[],
        ),
        // The agreement.
        fixture(
            "agreement, to the party",
            raw(ip4(C2, HOME), 1, &[8, 0, 0, 0, 0, 0, 0, 0]),
            Recorded,
            Some(FD),
            &["fd/in", "ag/icmp"],
        ),
        fixture(
            "agreement, beside the party",
            raw(ip4(C2, HOME_2), 1, &[8, 0, 0, 0, 0, 0, 0, 0]),
            Recorded,
            Some(FD),
            &["fd/in"],
        ),
        // IPv6.
        fixture(
            "IPv6 外外",
            tcp(ip6("2001:db8:5::1", "2001:db8:7::1"), 1, 443),
            Recorded,
            Some(FF),
            &["ff/web"],
        ),
        fixture(
            "IPv6 外内",
            udp(ip6("2001:db8:5:ffff::1", "2001:db8:81::9"), 1, 2),
            Recorded,
            Some(FD),
            &["fd/in"],
        ),
        fixture(
            "IPv6 single address",
            tcp(ip6("2001:db8:6::1", "2001:db8:7::1"), 1, 443),
            Recorded,
            Some(FF),
            &["ff/web"],
        ),
        fixture(
            "IPv6 beside the single address",
            tcp(ip6("2001:db8:6::2", "2001:db8:7::1"), 1, 443),
            Unmatched,
            Some(FF),
            &[],
        ),
        fixture(
            "IPv6 内内",
            udp(ip6("2001:db8:81::1", "2001:db8:81::9"), 1, 2),
            Domestic,
            Some(DD),
            &[],
        ),
        fixture(
            "IPv6 link-local",
            udp(ip6("fe80::1", "2001:db8:5::1"), 1, 2),
            Unclassified,
            None,
            &[],
        ),
        fixture(
            "ICMPv6 to the party",
            raw(ip6("2001:db8:5::1", "2001:db8:81::9"), 58, &[128, 0, 0, 0, 0, 0, 0, 0]),
            Recorded,
            Some(FD),
            &["fd/in", "ag/icmpv6"],
        ),
        // Tags.
        fixture("one customer tag", tagged(web(), &[0x8100]), Recorded, Some(FF), &["ff/web"]),
        fixture(
            "service and customer tag",
            tagged(web(), &[0x88a8, 0x8100]),
            Recorded,
            Some(FF),
            &["ff/web"],
        ),
        fixture(
            "three tags, one of each type",
            tagged(web(), &[0x9100, 0x88a8, 0x8100]),
            Recorded,
            Some(FF),
            &["ff/web"],
        ),
        fixture(
            "four tags",
            tagged(web(), &[0x8100, 0x8100, 0x8100, 0x8100]),
            Malformed,
            None,
            &[],
        ),
        fixture(
            "a frame that ends in its tag",
            tagged(web(), &[0x8100])[..16].to_vec(),
            Malformed,
            None,
            &[],
        ),
        // Fragments.
        fixture("first fragment", patched(web(), 20, &[0x20, 0]), Recorded, Some(FF), &["ff/web"]),
        fixture(
            "later fragment has no ports",
            patched(web(), 20, &[0, 1]),
            Recorded,
            Some(FF),
            &["ff/any-tcp"],
        ),
        fixture(
            "later fragment of udp",
            patched(udp(ip4(ABROAD, C2), 1_023, 9), 20, &[0, 1]),
            Unmatched,
            Some(FF),
            &[],
        ),
        fixture(
            "IPv6 atomic fragment",
            extended(44, &[17, 0, 0, 0, 0, 0, 0, 1]),
            Recorded,
            Some(FD),
            &["fd/in"],
        ),
        fixture(
            "IPv6 later fragment",
            extended(44, &[17, 0, 0, 8, 0, 0, 0, 1]),
            Recorded,
            Some(FD),
            &["fd/in"],
        ),
        // Extension headers.
        fixture("eight extension headers", extended(0, &chain(8)), Recorded, Some(FD), &["fd/in"]),
        fixture("nine extension headers", extended(0, &chain(9)), Malformed, None, &[]),
        fixture(
            "an extension header beyond the packet",
            extended(60, &[17, 255, 0, 0, 0, 0, 0, 0]),
            Malformed,
            None,
            &[],
        ),
        // Not IP.
        fixture("ARP", patched(web(), 12, &[8, 6]), NonIp, None, &[]),
        fixture("PPPoE discovery", patched(web(), 12, &[0x88, 0x63]), NonIp, None, &[]),
        fixture(
            "an Ethernet header alone",
            patched(web(), 12, &[8, 6])[..14].to_vec(),
            NonIp,
            None,
            &[],
        ),
        // Malformed.
        fixture("an IPv4 header cut short", web()[..33].to_vec(), Malformed, None, &[]),
        fixture(
            "version 6 under EtherType IPv4",
            patched(web(), 14, &[0x65]),
            Malformed,
            None,
            &[],
        ),
        fixture("header length 4", patched(web(), 14, &[0x44]), Malformed, None, &[]),
        fixture(
            "total length beyond the frame",
            patched(web(), 16, &[0xff, 0xff]),
            Malformed,
            None,
            &[],
        ),
        fixture(
            "total length within the header",
            patched(web(), 16, &[0, 19]),
            Malformed,
            None,
            &[],
        ),
        fixture(
            "total length within the TCP header",
            patched(web(), 16, &[0, 39]),
            Malformed,
            None,
            &[],
        ),
        fixture(
            "IPv6 payload beyond the frame",
            patched(extended(17, &[]), 18, &[0xff, 0xff]),
            Malformed,
            None,
            &[],
        ),
        fixture("shorter than an Ethernet header", web()[..13].to_vec(), Malformed, None, &[]),
        fixture("nothing", Vec::new(), Malformed, None, &[]),
        // Sizes.
        fixture(
            "a jumbo frame over several buffers",
            raw(ip4(C2, ABROAD), 50, &[0; 9_000]),
            Recorded,
            Some(FF),
            &["ff/esp"],
        ),
        fixture("Ethernet padding", [web(), vec![0; 40]].concat(), Recorded, Some(FF), &["ff/web"]),
    ]
}
