//! Frames with tunnels. The outer headers of all of them are 外外, so that a frame that was judged by one of
//! them would be seen.

use sekisho_stack::{Mirror, Outer, Piece, TEREDO_INDICATIONS};
use sensor_common::direction::Direction::{
    DomesticToDomestic as DD, ForeignToDomestic as FD, ForeignToForeign as FF,
};
use sensor_common::outcome::Outcome::{Domestic, Malformed, NonIp, Recorded, Unmatched};

use super::Fixture;
use super::build::{C2, HOME, HOME_2, ip4, ip6, patched, raw, tcp, udp};

/// From a member of the set to a domestic address.
fn inward() -> Piece {
    Piece::packet(tcp(ip4(C2, HOME), 1, 443).split_off(14))
}

/// The same in IPv6.
fn inward_v6() -> Piece {
    Piece::packet(udp(ip6("2001:db8:5::1", "2001:db8:81::9"), 1, 2).split_off(14))
}

fn domestic() -> Piece {
    Piece::packet(tcp(ip4(HOME, HOME_2), 1, 443).split_off(14))
}

/// Entered, and judged by the innermost packet, which is 外内 and selected.
fn entered() -> Vec<(&'static str, Piece)> {
    vec![
        ("a priority tag", inward().frame(&[0x8100])),
        ("one label", inward().labels(1, false)),
        ("six labels", inward_v6().labels(6, false)),
        ("a pseudowire with a control word", inward().frame(&[0x8100]).labels(2, true)),
        ("a pseudowire without one", inward_v6().frame(&[]).labels(2, false)),
        ("PPPoE", inward().session().frame(&[0x88a8, 0x8100])),
        ("PPPoE with IPv6", inward_v6().session()),
        ("GRE", inward().gre(Outer::V4, 0)),
        ("GRE with all fields", inward_v6().gre(Outer::V6Extended(1), 0xb000)),
        ("GRE with Ethernet", inward().frame(&[0x8100]).gre(Outer::V4, 0x2000)),
        ("GRE with MPLS", inward().labels(1, false).gre(Outer::V6, 0)),
        ("ERSPAN I", inward().frame(&[]).mirrored(Outer::V4, Mirror::I)),
        ("ERSPAN II", inward().frame(&[]).mirrored(Outer::V4, Mirror::II)),
        ("ERSPAN III", inward().frame(&[]).mirrored(Outer::V6, Mirror::III)),
        ("ERSPAN III, subheader", inward().frame(&[]).mirrored(Outer::V4, Mirror::IIIExtended)),
        ("IPIP", inward().ip_in_ip(Outer::V4)),
        ("DS-Lite", inward().ip_in_ip(Outer::V6)),
        ("6in4", inward_v6().ip_in_ip(Outer::V4)),
        ("IPv6 in IPv6", inward_v6().ip_in_ip(Outer::V6Extended(1))),
        ("behind an Authentication Header", inward().ip_in_ip(Outer::V4Authenticated)),
        ("EtherIP", inward().frame(&[]).etherip(Outer::V4)),
        ("VXLAN", inward().frame(&[]).vxlan(Outer::V4, 4_789)),
        ("VXLAN on its old port", inward_v6().frame(&[0x8100]).vxlan(Outer::V6, 8_472)),
        ("Geneve", inward().frame(&[]).geneve(Outer::V4, 2)),
        ("Geneve with IP", inward_v6().geneve(Outer::V6, 0)),
        ("GTP-U", inward().gtp(Outer::V4, &[])),
        ("GTP-U, extension headers", inward_v6().gtp(Outer::V6, &[1, 2])),
        ("Teredo", inward_v6().teredo(Outer::V4, false, &[])),
        ("Teredo, answer", inward_v6().teredo(Outer::V4, true, &TEREDO_INDICATIONS)),
        (
            "eight encapsulations",
            inward()
                .session()
                .frame(&[0x8100])
                .vxlan(Outer::V6, 4_789)
                .gre(Outer::V4, 0)
                .ip_in_ip(Outer::V6)
                .gtp(Outer::V4, &[1])
                .labels(3, false)
                .frame(&[0x8100]),
        ),
    ]
}

/// Each ends as `malformed`.
fn unjudged() -> Vec<(&'static str, Piece)> {
    let nested = |count| (0..count).fold(inward(), |piece, _| piece.ip_in_ip(Outer::V4));
    let with = |mut piece: Piece, at: usize, value: u8| {
        piece.bytes[at] = value;
        piece
    };
    vec![
        ("nine encapsulations", nested(9)),
        ("seven labels", inward().labels(7, false)),
        ("PPPoE longer than its frame", with(inward().session(), 5, 99)),
        ("GRE with ARP", with(inward().gre(Outer::V4, 0), 23, 6)),
        ("GRE of another version", with(inward().gre(Outer::V4, 0), 21, 1)),
        ("VXLAN with ARP", with(inward().frame(&[]).vxlan(Outer::V4, 4_789), 49, 6)),
        ("an inner packet longer than the outer", with(inward().ip_in_ip(Outer::V4), 22, 9)),
        ("a datagram longer than its packet", with(inward().gtp(Outer::V4, &[]), 24, 9)),
        ("GTP-U longer than its datagram", with(inward().gtp(Outer::V4, &[]), 30, 9)),
        ("GTP-U with neither version", with(inward().gtp(Outer::V4, &[]), 36, 0x75)),
        ("EtherIP of another version", with(inward().frame(&[]).etherip(Outer::V4), 20, 0x20)),
        ("a later fragment of GRE", with(inward().gre(Outer::V4, 0), 7, 1)),
        ("a later fragment of DS-Lite", {
            let fragment = inward().behind(sekisho_stack::Nature::Ipv4, &[4, 0, 0, 8, 0, 0, 0, 1]);
            fragment.ip(Outer::V6, 44)
        }),
    ]
}

/// Tunnels: what is entered, what is no tunnel, and what cannot be judged.
pub(super) fn fixtures() -> Vec<Fixture> {
    let fixture = |name, piece: Piece, outcome, direction, records| Fixture {
        name,
        frame: piece.on_the_wire().bytes,
        outcome,
        direction,
        records,
    };
    let inward_is = |(name, piece)| fixture(name, piece, Recorded, Some(FD), &["fd/in"]);
    let malformed = |(name, piece)| fixture(name, piece, Malformed, None, &[]);
    let mut fixtures: Vec<Fixture> = entered().into_iter().map(inward_is).collect();
    fixtures.extend(unjudged().into_iter().map(malformed));
    let other = |port| Piece::packet(vec![1; 60]).udp(Outer::V4, 1_023, port);
    fixtures.extend([
        fixture("内内 in a tunnel abroad", domestic().gre(Outer::V4, 0), Domestic, Some(DD), &[]),
        fixture(
            "内内 in a tunnel in a tunnel",
            domestic().frame(&[]).vxlan(Outer::V4, 4_789).ip_in_ip(Outer::V6),
            Domestic,
            Some(DD),
            &[],
        ),
        fixture("another protocol on VXLAN's port", other(4_789), Unmatched, Some(FF), &[]),
        fixture("another protocol on Geneve's port", other(6_081), Unmatched, Some(FF), &[]),
        fixture("another protocol on GTP-U's port", other(2_152), Unmatched, Some(FF), &[]),
        fixture("another protocol on Teredo's port", other(3_544), Unmatched, Some(FF), &[]),
        fixture(
            "a pseudowire with ARP",
            {
                let mut arp = inward().frame(&[]);
                arp.bytes[13] = 6;
                arp.labels(1, true)
            },
            NonIp,
            None,
            &[],
        ),
        fixture(
            "PPP's own packets",
            {
                let mut session = inward().session();
                session.bytes[6..8].copy_from_slice(&[0xc0, 0x21]);
                session
            },
            NonIp,
            None,
            &[],
        ),
    ]);
    // A first fragment: what there is of the inner packet, up to the fragment's end.
    let whole = Piece::packet(tcp(ip4(C2, HOME), 1, 443).split_off(14)).ip_in_ip(Outer::V4);
    let first = patched(patched(whole.on_the_wire().bytes, 20, &[0x20, 0]), 16, &[0, 62]);
    let (outcome, records) = (Recorded, &["fd/in"] as &[_]);
    let name = "a first fragment of a tunnel";
    fixtures.push(Fixture { name, frame: first, outcome, direction: Some(FD), records });
    let long = raw(
        ip6("2001:db8:5::1", "2001:db8:81::9"),
        60,
        &[[6, 255].as_slice(), &[0; 2_300]].concat(),
    );
    let name = "TCP behind what is too long to step over";
    fixtures.push(Fixture { name, frame: long, outcome, direction: Some(FD), records });
    fixtures
}
