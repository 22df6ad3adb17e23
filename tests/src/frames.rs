//! Named frames, each with the outcome it must have under [`orders`] and [`layers`].

use controller::order::{Order, Verified, parse_network};
use etherparse::{EtherType, PacketBuilder, PacketBuilderStep, SingleVlanHeader, VlanId};
use ipnetwork::IpNetwork;
use sensor_common::direction::AddressClass;
use sensor_common::direction::Direction::{
    self, DomesticToDomestic as DD, DomesticToForeign as DF, ForeignToDomestic as FD,
    ForeignToForeign as FF,
};
use sensor_common::outcome::Outcome::{
    self, Domestic, Malformed, NonIp, Recorded, Unclassified, Unmatched,
};
use serde_json::json;

use crate::authority::{approved, payload};

/// A frame and what must become of it.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// What it shows.
    pub name: &'static str,
    /// The frame, from the Ethernet header on.
    pub frame: Vec<u8>,
    /// Its one outcome.
    pub outcome: Outcome,
    /// Its direction, if it has one.
    pub direction: Option<Direction>,
    /// `order_id/rule` of each record, in order.
    pub records: &'static [&'static str],
}

/// Domestic: 203.0.113.0/24 and `2001:db8:81::/48`. Foreign: the other documentation prefixes.
///
/// # Panics
/// Never: the prefixes are sound.
pub fn layers() -> Vec<(IpNetwork, AddressClass)> {
    [
        ("203.0.113.0/24", AddressClass::Domestic),
        ("2001:db8:81::/48", AddressClass::Domestic),
        ("198.51.100.0/24", AddressClass::Foreign),
        ("192.0.2.0/24", AddressClass::Foreign),
        ("192.0.2.128/25", AddressClass::Unclassified),
        ("2001:db8::/32", AddressClass::Foreign),
    ]
    .map(|(text, class)| (parse_network(text).expect("sound"), class))
    .into()
}

/// One order for each measure, and a second one under Art. 17.
pub fn orders() -> Vec<Verified<Order>> {
    let sets = json!({
        "c2": ["198.51.100.7", "198.51.100.64/26", "2001:db8:5::/48", "2001:db8:6::1"],
        "home": ["203.0.113.9", "2001:db8:81::/64"],
    });
    let ff = payload(
        "ff",
        "foreign-to-foreign",
        &sets,
        &json!([
            {"id": "web", "either": "c2", "protocol": "tcp", "destination_ports": ["443", "8000-8099"]},
            {"id": "any-tcp", "source": "c2", "protocol": "tcp"},
            {"id": "gre", "source": "c2", "protocol": 47},
            {"id": "low-udp", "destination": "c2", "protocol": "udp", "source_ports": ["0-1023"]},
        ]),
    );
    let ff2 = payload(
        "ff2",
        "foreign-to-foreign",
        &sets,
        &json!([
            {"id": "pair", "source": "c2", "destination": "c2", "destination_ports": ["443"]},
        ]),
    );
    let fd = payload("fd", "foreign-to-domestic", &sets, &json!([{"id": "in", "source": "c2"}]));
    let df =
        payload("df", "domestic-to-foreign", &sets, &json!([{"id": "out", "destination": "c2"}]));
    let mut agreement = payload(
        "ag",
        "agreement",
        &sets,
        &json!([
            {"id": "icmp", "source": "c2", "protocol": "icmp"},
            {"id": "icmpv6", "source": "c2", "protocol": "icmpv6"},
        ]),
    );
    agreement["party"] =
        json!({"name": "operator", "prefixes": ["203.0.113.0/28", "2001:db8:81::/64"]});
    [ff, ff2, fd, df, agreement].iter().map(approved).collect()
}

const C2: [u8; 4] = [198, 51, 100, 7];
const C2_NET: [u8; 4] = [198, 51, 100, 65];
const ABROAD: [u8; 4] = [192, 0, 2, 1];
const NOWHERE: [u8; 4] = [192, 0, 2, 200];
const PRIVATE: [u8; 4] = [10, 0, 0, 1];
const HOME: [u8; 4] = [203, 0, 113, 9];
const HOME_2: [u8; 4] = [203, 0, 113, 99];

fn v6(text: &str) -> [u8; 16] {
    text.parse::<std::net::Ipv6Addr>().expect("an address").octets()
}

type Builder = PacketBuilderStep<etherparse::IpHeaders>;

fn ip4(source: [u8; 4], destination: [u8; 4]) -> Builder {
    PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]).ipv4(source, destination, 64)
}

fn ip6(source: &str, destination: &str) -> Builder {
    PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]).ipv6(
        v6(source),
        v6(destination),
        64,
    )
}

fn tcp(builder: Builder, source: u16, destination: u16) -> Vec<u8> {
    let mut frame = Vec::new();
    builder.tcp(source, destination, 1, 1_024).write(&mut frame, b"payload").expect("a frame");
    frame
}

fn udp(builder: Builder, source: u16, destination: u16) -> Vec<u8> {
    let mut frame = Vec::new();
    builder.udp(source, destination).write(&mut frame, b"payload").expect("a frame");
    frame
}

fn raw(builder: Builder, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    builder.write(&mut frame, protocol.into(), payload).expect("a frame");
    frame
}

/// Puts VLAN tags in front of the frame's `EtherType`, the last one innermost.
fn tagged(mut frame: Vec<u8>, tags: &[u16]) -> Vec<u8> {
    for tag in tags.iter().rev() {
        let header = SingleVlanHeader {
            vlan_id: VlanId::try_new(7).expect("a VLAN"),
            ether_type: EtherType(u16::from_be_bytes([frame[12], frame[13]])),
            ..SingleVlanHeader::default()
        };
        frame.splice(12..14, tag.to_be_bytes().into_iter().chain(header.to_bytes()));
    }
    frame
}

fn patched(mut frame: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    frame[at..at + bytes.len()].copy_from_slice(bytes);
    frame
}

/// An IPv6 frame with `extensions` between the header and UDP.
fn extended(first: u8, extensions: &[u8]) -> Vec<u8> {
    let mut frame = udp(ip6("2001:db8:5::1", "2001:db8:81::9"), 5_353, 53);
    let length = u16::from_be_bytes([frame[18], frame[19]])
        + u16::try_from(extensions.len()).expect("short");
    frame[18..20].copy_from_slice(&length.to_be_bytes());
    frame[20] = first;
    frame.splice(54..54, extensions.iter().copied());
    frame
}

/// Every fixture. The frames of a group differ from each other in one thing.
#[expect(clippy::too_many_lines, reason = "a table")]
pub fn fixtures() -> Vec<Fixture> {
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
            raw(ip4(C2, ABROAD), 47, &[0; 8]),
            Recorded,
            Some(FF),
            &["ff/gre"],
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
        fixture("three tags", tagged(web(), &[0x8100, 0x8100, 0x8100]), NonIp, None, &[]),
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
        fixture("MPLS", patched(web(), 12, &[0x88, 0x47]), NonIp, None, &[]),
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
            raw(ip4(C2, ABROAD), 47, &[0; 9_000]),
            Recorded,
            Some(FF),
            &["ff/gre"],
        ),
        fixture("Ethernet padding", [web(), vec![0; 40]].concat(), Recorded, Some(FF), &["ff/web"]),
    ]
}
