//! Messages as the kernel sends them, and such as it never would.

use proptest::prelude::*;

use super::*;

const V4: u8 = 2;
const V6: u8 = 10;
const UNICAST: u8 = 1;

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap();
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn number(kind: u16, number: u32) -> Vec<u8> {
    attribute(kind, &number.to_ne_bytes())
}

/// struct rtmsg: family, lengths of destination and source, type of service, table, protocol, scope,
/// type, flags.
fn route(family: u8, length: u8, table: u8, kind: u8, attributes: &[Vec<u8>]) -> Vec<u8> {
    let header = vec![family, length, 0, 0, table, 3, 0, kind, 0, 0, 0, 0];
    [header, attributes.concat()].concat()
}

fn next_hop_message(attributes: &[Vec<u8>]) -> Vec<u8> {
    [vec![0; NEXT_HOP_HEADER], attributes.concat()].concat()
}

fn hop(index: u32, attributes: &[Vec<u8>]) -> Vec<u8> {
    let rest = attributes.concat();
    let length = u16::try_from(HOP + rest.len()).unwrap();
    [&length.to_ne_bytes()[..], &[0, 0], &index.to_ne_bytes(), &rest].concat()
}

fn add(routes: &mut Routes, body: &[u8]) -> io::Result<()> {
    let family = if body.first() == Some(&V6) { AddressFamily::Inet6 } else { AddressFamily::Inet };
    routes.add(family, &ListEntry { kind: RTM_NEWROUTE, body })
}

fn read(bodies: &[Vec<u8>]) -> Routes {
    let mut routes = Routes::default();
    for body in bodies {
        add(&mut routes, body).unwrap();
    }
    routes
}

/// `network@table` by interface.
fn through(routes: &Routes) -> Vec<(u32, Vec<String>)> {
    let words =
        |routes: &Vec<Route>| routes.iter().map(|r| format!("{}@{}", r.network, r.table)).collect();
    routes.by_interface.iter().map(|(index, routes)| (*index, words(routes))).collect()
}

fn list(of: &[(u32, &[&str])]) -> Vec<(u32, Vec<String>)> {
    of.iter()
        .map(|(index, routes)| (*index, routes.iter().map(|r| (*r).to_owned()).collect()))
        .collect()
}

#[test]
fn routes_lead_through_interfaces() {
    let routes = read(&[
        route(V4, 0, 254, UNICAST, &[number(RTA_OIF, 2)]),
        // The header has no room for the number of this table.
        route(
            V4,
            1,
            252,
            UNICAST,
            &[number(RTA_TABLE, 1_000), attribute(RTA_DST, &[128, 0, 0, 0]), number(RTA_OIF, 2)],
        ),
        route(
            V6,
            3,
            100,
            UNICAST,
            &[attribute(RTA_DST, &[&[0x20][..], &[0; 15]].concat()), number(RTA_OIF, 3)],
        ),
        // An unknown attribute, and an encapsulation without its type.
        route(
            V6,
            0,
            254,
            UNICAST,
            &[attribute(99, &[1, 2, 3]), attribute(22, &[1]), number(RTA_OIF, 3)],
        ),
    ]);
    let expected =
        [(2, &["0.0.0.0/0@254", "128.0.0.0/1@1000"][..]), (3, &["2000::/3@100", "::/0@254"])];
    assert_eq!(through(&routes), list(&expected));
    assert_eq!((routes.by_next_hop.len(), routes.doubtful.len()), (0, 0));
}

#[test]
fn a_route_with_several_ways_leads_through_each_interface_once() {
    let ways = [hop(2, &[attribute(5, &[192, 0, 2, 1])]), hop(3, &[]), hop(2, &[])].concat();
    let routes = read(&[route(V4, 0, 254, UNICAST, &[attribute(RTA_MULTIPATH, &ways)])]);
    assert_eq!(through(&routes), list(&[(2, &["0.0.0.0/0@254"]), (3, &["0.0.0.0/0@254"])]));
}

#[test]
fn what_sends_nothing_anywhere_does_not_count() {
    let default = [number(RTA_OIF, 2)];
    // Local, broadcast, anycast, multicast, blackhole, unreachable, prohibit, throw.
    let mut bodies: Vec<Vec<u8>> = (2..=9).map(|kind| route(V4, 0, 254, kind, &default)).collect();
    let mut cloned = route(V6, 128, 254, UNICAST, &default);
    cloned[8..12].copy_from_slice(&0x200_u32.to_ne_bytes());
    bodies.push(cloned);
    assert_eq!(read(&bodies), Routes::default());
    // Of a family that was not asked for.
    let mut routes = Routes::default();
    let body = route(28, 0, 254, UNICAST, &default);
    routes.add(AddressFamily::Inet6, &ListEntry { kind: RTM_NEWROUTE, body: &body }).unwrap();
    let body = route(V4, 0, 254, UNICAST, &default);
    routes.add(AddressFamily::Inet6, &ListEntry { kind: RTM_NEWROUTE, body: &body }).unwrap();
    routes.add(AddressFamily::Inet, &ListEntry { kind: 25, body: &body }).unwrap();
    assert_eq!(routes, Routes::default());
}

#[test]
fn routes_that_name_a_next_hop_lead_where_that_leads() {
    let by = |id| route(V4, 0, u8::try_from(id).unwrap(), UNICAST, &[number(RTA_NH_ID, id)]);
    let mut routes = read(&[by(1), by(2), by(3), by(4), by(5), by(6), by(7)]);
    assert_eq!(routes.by_next_hop.len(), 7);
    let member = |id: u32| [&id.to_ne_bytes()[..], &[0; 4]].concat();
    let group = |ids: &[u32]| {
        attribute(NHA_GROUP, &ids.iter().map(|id| member(*id)).collect::<Vec<_>>().concat())
    };
    let mut next_hops = NextHops::default();
    for attributes in [
        vec![number(NHA_ID, 1), number(NHA_OIF, 10), attribute(99, &[])],
        vec![number(NHA_ID, 2), attribute(NHA_BLACKHOLE, &[])],
        vec![number(NHA_ID, 3), group(&[1, 2, 1])],
        vec![number(NHA_ID, 4), group(&[1, 8])],
        vec![number(NHA_ID, 5), group(&[3])],
        vec![number(NHA_ID, 6)],
        vec![number(NHA_OIF, 11)],
    ] {
        let body = next_hop_message(&attributes);
        next_hop(&mut next_hops, &ListEntry { kind: RTM_NEWNEXTHOP, body: &body }).unwrap();
    }
    routes.resolve(&next_hops);
    assert_eq!(through(&routes), list(&[(10, &["0.0.0.0/0@1", "0.0.0.0/0@3"])]));
    // A member that is not there, a group in a group, nothing, and none at all.
    let tables: Vec<u32> = routes.doubtful.iter().map(|route| route.table).collect();
    assert_eq!(tables, [4, 5, 6, 7]);
    assert!(routes.by_next_hop.is_empty());
    // Where the kernel says both, nothing has to be found out.
    let both = read(&[route(V4, 0, 254, UNICAST, &[number(RTA_NH_ID, 9), number(RTA_OIF, 2)])]);
    assert_eq!(through(&both), list(&[(2, &["0.0.0.0/0@254"])]));
}

#[test]
fn a_route_that_leads_nobody_knows_where_is_in_doubt() {
    let routes = read(&[route(V6, 0, 254, UNICAST, &[])]);
    assert_eq!(routes.doubtful.len(), 1);
    let empty = read(&[route(V6, 0, 254, UNICAST, &[attribute(RTA_MULTIPATH, &[])])]);
    assert_eq!(empty, routes);
}

#[test]
fn what_makes_no_sense_is_an_error() {
    let cut = hop(2, &[number(5, 1)]);
    for body in [
        vec![],
        vec![V4, 0, 0],
        route(V4, 33, 254, UNICAST, &[number(RTA_OIF, 2)]),
        route(V6, 0, 254, UNICAST, &[attribute(RTA_DST, &[0; 4]), number(RTA_OIF, 2)]),
        route(V4, 0, 254, UNICAST, &[attribute(RTA_DST, &[0; 3])]),
        route(V4, 0, 254, UNICAST, &[attribute(RTA_OIF, &[0; 2])]),
        route(V4, 0, 254, UNICAST, &[attribute(RTA_TABLE, &[])]),
        route(V4, 0, 254, UNICAST, &[attribute(RTA_MULTIPATH, &cut[..7])]),
        route(V4, 0, 254, UNICAST, &[attribute(RTA_MULTIPATH, &cut[..12])]),
        route(V4, 0, 254, UNICAST, &[attribute(RTA_MULTIPATH, &[0; 8])]),
        // An attribute that is longer than the message, one that is shorter than its own header.
        route(V4, 0, 254, UNICAST, &[vec![9, 0, 4, 0, 0, 0, 0, 0]]),
        route(V4, 0, 254, UNICAST, &[vec![3, 0, 4, 0]]),
    ] {
        let error = add(&mut Routes::default(), &body).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{body:?}");
    }
    for attributes in [
        vec![attribute(NHA_ID, &[0; 2])],
        vec![attribute(NHA_OIF, &[])],
        vec![attribute(NHA_GROUP, &[0; 12])],
        vec![vec![3, 0, 4, 0]],
    ] {
        let body = next_hop_message(&attributes);
        let entry = ListEntry { kind: RTM_NEWNEXTHOP, body: &body };
        let error = next_hop(&mut NextHops::default(), &entry).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{attributes:?}");
    }
    let short = ListEntry { kind: RTM_NEWNEXTHOP, body: &[0; 3] };
    assert!(next_hop(&mut NextHops::default(), &short).is_ok());
}

#[test]
fn the_routes_of_this_machine_can_be_read() {
    Routes::read().unwrap();
}

proptest! {
    #[test]
    fn no_message_is_too_bad(
        noise in proptest::collection::vec(any::<u8>(), 0..96),
        hits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<proptest::sample::Index>(),
        sensible in any::<bool>(),
    ) {
        let ways = [hop(2, &[attribute(5, &[192, 0, 2, 1])]), hop(3, &[])].concat();
        let good = route(V4, 1, 254, UNICAST, &[
            attribute(RTA_DST, &[128, 0, 0, 0]),
            number(RTA_TABLE, 100),
            number(RTA_NH_ID, 3),
            attribute(RTA_MULTIPATH, &ways),
        ]);
        let mut body = if sensible { good } else { [vec![V6, 0, 0, 0, 0, 0, 0, UNICAST], noise].concat() };
        for (place, byte) in hits {
            let place = place.index(body.len());
            body[place] = byte;
        }
        body.truncate(cut.index(body.len() + 1));
        let mut routes = Routes::default();
        if add(&mut routes, &body).is_ok() {
            routes.resolve(&NextHops::default());
            prop_assert!(routes.by_next_hop.is_empty());
        } else {
            prop_assert_eq!(routes, Routes::default(), "all of a route or nothing");
        }
        // Whatever the one reader takes, the other must survive.
        let _ = next_hop(&mut NextHops::default(), &ListEntry { kind: RTM_NEWNEXTHOP, body: &body });
    }
}
