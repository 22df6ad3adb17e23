//! What a sensor in mode `tap` makes of default routes: it is not attached where one leads through its
//! interface, and says so when one comes later, without ending anything. Namespaces have routes of their
//! own, so nothing here touches the machine's.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use jiff::Timestamp;
use sekisho_tests::daemon::{Folder, order};
use sekisho_tests::health::{
    get, interface_events, served, told, until_healthy, until_recorded, until_told,
    until_unhealthy, wire,
};
use sekisho_tests::network::{SENDER, Wire};
use sekisho_tests::stream::Stream;
use sekisho_tests::wait::{after, until};
use serde_json::json;

/// A folder with an order that is in force throughout the test.
fn folder() -> Folder {
    let now = Timestamp::now();
    let order = order("one", after(now, -3_600_000), after(now, 3_600_000));
    served(Folder::with_order(&order))
}

/// Does these things in the receiver's namespace; `*` stands for the sender's address.
fn ip(wire: &Wire, commands: &[&str]) {
    for command in commands {
        wire.receiver.ip(&command.replace('*', SENDER));
    }
}

/// The kernel names next hops, and does not say where they lead.
fn hide_next_hops(wire: &Wire) {
    let hide = || std::fs::write("/proc/sys/net/ipv4/nexthop_compat_mode", "0").unwrap();
    wire.receiver.inside(hide);
}

fn metric(wire: &Wire) -> Option<String> {
    let answer = get(wire, "/metrics");
    let mut lines = answer.lines();
    let line = lines.find_map(|line| line.strip_prefix("sekisho_interface_default_route{"))?;
    Some(line.to_owned())
}

/// Asserts that a sensor is not attached, with one line that names these routes, unless it is meant.
fn assert_refused(commands: &[&str], routes: &str) {
    let wire = wire();
    hide_next_hops(&wire);
    ip(&wire, commands);
    let folder = folder();
    let (code, words) = folder.refusal(&wire);
    let expected = format!(
        "sekisho: far carries a default route ({routes}), and in mode tap every frame that it \
         receives is dropped; if that is meant, say --yes-drop-all\n"
    );
    assert_eq!((code, words), (Some(1), expected), "{commands:?}");
    assert!(folder.is_untouched() && !wire.has_program());
    folder.start(&wire, &["--yes-drop-all"]).finish();
}

#[test]
fn a_default_route_in_any_table() {
    assert_refused(&["route add default via * dev far table 100"], "0.0.0.0/0 in table 100");
    assert_refused(&["route add default via * dev far table 70000"], "0.0.0.0/0 in table 70000");
}

#[test]
fn routes_that_are_a_default_route_together() {
    assert_refused(
        &["route add 128.0.0.0/1 via * dev far", "route add 0.0.0.0/1 via * dev far"],
        "0.0.0.0/1 in table main, 128.0.0.0/1 in table main",
    );
    assert_refused(
        &["route add 128.0.0.0/1 dev far table 9", "route add 0.0.0.0/1 dev far"],
        "0.0.0.0/1 in table main, 128.0.0.0/1 in table 9",
    );
}

#[test]
fn a_default_route_of_ipv6() {
    assert_refused(&["-6 route add default dev far"], "::/0 in table main");
    assert_refused(&["-6 route add 2000::/3 dev far table 5"], "2000::/3 in table 5");
    assert_refused(
        &["-6 route add default from 2001:db8::/32 dev far", "route add default via *"],
        "0.0.0.0/0 in table main; ::/0 in table main",
    );
}

#[test]
fn one_of_several_ways_of_a_default_route() {
    let other = ["link add aside type ifb", "link set aside up"];
    let v4 = "route add default nexthop dev aside nexthop via * dev far";
    assert_refused(&[other[0], other[1], v4], "0.0.0.0/0 in table main");
    let v6 = "-6 route add default nexthop via fe80::1 dev aside nexthop via fe80::2 dev far";
    assert_refused(&[other[0], other[1], v6], "::/0 in table main");
}

#[test]
fn a_default_route_that_names_a_next_hop() {
    let one = "nexthop add id 7 via * dev far";
    assert_refused(&[one, "route add default nhid 7"], "0.0.0.0/0 in table main");
    let group = ["nexthop add id 8 blackhole", "nexthop add id 9 group 7"];
    assert_refused(
        &[one, group[0], group[1], "route add default nhid 9 table 6"],
        "0.0.0.0/0 in table 6",
    );
}

#[test]
fn a_default_route_through_what_stands_on_the_interface() {
    assert_refused(
        &[
            "link add link far name upper type macvlan",
            "link set upper up",
            "route add default dev upper",
        ],
        "0.0.0.0/0 in table main through upper",
    );
    assert_refused(
        &[
            "link add wide type bridge",
            "link set wide up",
            "link set far master wide",
            "route add default dev wide",
        ],
        "0.0.0.0/0 in table main through wide",
    );
}

#[test]
fn routes_that_are_no_default_route_through_the_interface() {
    let wire = wire();
    hide_next_hops(&wire);
    ip(
        &wire,
        &[
            "link add aside type ifb",
            "link set aside up",
            "route add default dev aside",
            "-6 route add default dev aside",
            "route add unreachable default table 100",
            "route add local default dev far table 101",
            "route add 0.0.0.0/1 dev far",
            "route add 128.0.0.0/2 dev far",
            "-6 route add 8000::/1 dev far",
            "nexthop add id 8 blackhole",
            "route add default nhid 8 table 102",
            "nexthop add id 9 dev aside",
            "route add default nhid 9 table 103",
        ],
    );
    let mut daemon = folder().start(&wire, &[]);
    until_healthy(&wire);
    assert_eq!(metric(&wire).unwrap(), "interface=\"far\"} 0");
    // The last quarter.
    ip(&wire, &["route add 192.0.0.0/2 dev far table 104"]);
    until_told(
        &daemon,
        "far: carries a default route (0.0.0.0/1 in table main, 128.0.0.0/2 in table main, \
         192.0.0.0/2 in table 104), and what the machine receives by it is dropped",
    );
    daemon.finish();
}

#[test]
fn a_default_route_that_comes_later_is_told_once_and_ends_nothing() {
    let wire = wire();
    let mut daemon = folder().start(&wire, &[]);
    until_healthy(&wire);
    let carries = "far: carries a default route (0.0.0.0/0 in table 100), and what the machine \
                   receives by it is dropped";
    let none = "far: carries no default route any more";
    let stream = Stream::start(&wire);
    let add = "route add default via * dev far table 100";
    for times in 1..=2 {
        until_recorded(&daemon, 5);
        ip(&wire, &[add]);
        until_unhealthy(&wire, carries);
        assert_eq!(metric(&wire).unwrap(), "interface=\"far\"} 1");
        let status = daemon.status();
        assert_eq!(status.default_route().as_deref(), Some("0.0.0.0/0 in table 100"));
        until_recorded(&daemon, 5);
        assert!(wire.has_program(), "and it is not detached");
        // Another route changes nothing about it.
        ip(&wire, &["-6 route add default dev far"]);
        until("both to be shown", || {
            let shown = daemon.status().default_route()?;
            (shown == "0.0.0.0/0 in table 100; ::/0 in table main").then_some(())
        });
        ip(&wire, &["-6 route delete default dev far", "route delete default table 100"]);
        until_healthy(&wire);
        assert_eq!(metric(&wire).unwrap(), "interface=\"far\"} 0");
        assert_eq!([told(&daemon, carries), told(&daemon, none)], [times, times]);
        until_recorded(&daemon, 5);
    }
    drop(stream);
    let events = ["default-route far", "no-default-route far"].repeat(2);
    assert_eq!(interface_events(&daemon), events);
    daemon.finish();
}

#[test]
fn a_default_route_goes_with_its_interface() {
    let wire = wire();
    let mut daemon = folder().start(&wire, &[]);
    ip(&wire, &["route add default via * dev far"]);
    let carries = "far: carries a default route (0.0.0.0/0 in table main), and what the machine \
                   receives by it is dropped";
    until_unhealthy(&wire, carries);
    // The kernel says nothing of the routes that an interface takes along when it goes down.
    ip(&wire, &["link set far down"]);
    until_told(&daemon, "far: carries no default route any more");
    until_unhealthy(&wire, "far: is down");
    ip(&wire, &["link set far name wan0", "link set wan0 up", "route add default dev wan0"]);
    until_unhealthy(&wire, carries);
    // A new interface has none of it.
    ip(&wire, &["link delete wan0"]);
    until_unhealthy(&wire, "far: is not there");
    wire.connect();
    until_healthy(&wire);
    assert_eq!(told(&daemon, carries), 2);
    assert_eq!(told(&daemon, "far: carries no default route any more"), 2);
    daemon.finish();
}

#[test]
fn where_it_is_meant_or_frames_pass_no_default_route_is_minded() {
    for (folder, options) in
        [(folder(), &["--yes-drop-all"][..]), (folder().set("mode", json!("inline")), &[])]
    {
        let wire = wire();
        ip(&wire, &["route add default via * dev far"]);
        let mut daemon = folder.start(&wire, options);
        until_healthy(&wire);
        assert_eq!(metric(&wire), None);
        assert_eq!(daemon.status().default_route(), None);
        daemon.finish();
    }
}
