//! What the units for systemd say of the daemon is true of it. How it fares under them is in
//! `tests/tests/unit.rs`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use controller::daemon::descriptors::WANTED;
use controller::daemon::privilege::{OPENING, RUNNING};
use rustix::thread::CapabilitySet;

const UNIT: &str = include_str!("../../packaging/systemd/sekisho.service");
const MOUNT: &str = include_str!("../../packaging/systemd/run-bpf-sekisho.mount");
const INSTALLING: &str = include_str!("../../docs/installing.md");

/// The settings of a section of the service, each of which stands there once.
fn section(wanted: &str) -> BTreeMap<&'static str, &'static str> {
    section_of(UNIT, wanted)
}

fn section_of(unit: &'static str, wanted: &str) -> BTreeMap<&'static str, &'static str> {
    let mut section = "";
    let mut settings = BTreeMap::new();
    for line in unit.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[') {
            section = name.strip_suffix(']').unwrap();
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("no setting: {line}"));
        if section == wanted {
            assert_eq!(settings.insert(key, value), None, "{key} stands twice");
        }
    }
    settings
}

fn capabilities(names: &str) -> CapabilitySet {
    let one = |name: &str| {
        let name = name.strip_prefix("CAP_").unwrap();
        CapabilitySet::from_name(name).unwrap_or_else(|| panic!("no capability: {name}"))
    };
    names.split(' ').map(one).collect()
}

#[test]
fn the_unit_gives_what_the_daemon_needs_and_nothing_that_it_would_not_use() {
    let service = section("Service");
    let given = capabilities(service["AmbientCapabilities"]);
    assert_eq!(given, capabilities(service["CapabilityBoundingSet"]));
    assert!(given.contains(RUNNING));
    // Its sockets belong to its own group, and its ports are no privileged ones.
    let not_needed = CapabilitySet::CHOWN | CapabilitySet::NET_BIND_SERVICE;
    assert_eq!(given, OPENING.difference(not_needed));
    assert_eq!(service["NoNewPrivileges"], "yes");
}

#[test]
fn the_unit_speaks_the_daemons_language() {
    let service = section("Service");
    assert_eq!(service["Type"], "notify");
    assert!(service["ExecStart"].starts_with("/usr/bin/sekisho run --config /etc/sekisho/"));
    assert_eq!(service["ExecReload"], "/bin/kill -HUP $MAINPID");
    assert_eq!(service["Restart"], "always");
    assert_eq!(service["RestartPreventExitStatus"], "2 3", "as the exit statuses are documented");
    assert!(service.contains_key("WatchdogSec"));
    let socket = controller::control::DEFAULT_SOCKET;
    assert!(socket.starts_with(&format!("/run/{}/", service["RuntimeDirectory"])), "{socket}");
    assert_eq!(section("Install")["WantedBy"], "multi-user.target");
}

#[test]
fn the_units_agree_on_where_pins_are() {
    let place = section_of(MOUNT, "Mount")["Where"];
    // systemd finds the unit of a mount by its name.
    assert_eq!(place[1..].replace('/', "-"), "run-bpf-sekisho");
    assert_eq!(section("Unit")["RequiresMountsFor"], place);
    let service = section("Service");
    assert_eq!(service["ReadWritePaths"], place);
    let owner = format!("{}:{}", service["User"], service["Group"]);
    assert_eq!(service["ExecStartPre"], format!("+/bin/chown {owner} {place}"));
    assert!(INSTALLING.contains(&format!("\n    pin = \"{place}\"\n")), "as the docs have it");
}

#[test]
fn the_unit_keeps_nothing_from_the_daemon_that_it_asks_for() {
    let service = section("Service");
    assert_eq!(service["LimitNOFILE"], WANTED.to_string());
    // Changes of interfaces are heard over netlink, and the login of who asks is read in /proc.
    assert!(service["RestrictAddressFamilies"].split(' ').any(|family| family == "AF_NETLINK"));
    assert_eq!(service.get("ProtectProc"), None);
    assert_eq!(service.get("ProcSubset"), None);
    // `sekisho halt` finds the state through it when no daemon runs.
    assert_eq!(service["RuntimeDirectoryPreserve"], "yes");
}
