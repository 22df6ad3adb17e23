//! A small internet: four hosts and the carrier's gateway between them, each a network namespace.
//!
//! Addresses come from the documentation prefixes (RFC 5737, RFC 3849). The direction lists of the
//! demo name them as foreign and domestic.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::guard;

/// Where `ip netns` keeps the names of namespaces.
const NAMED: &str = "/run/netns";
const NAME: &str = "sekisho-demo";

const GATEWAY: &str = "gateway";

/// The list that names a host's prefixes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Side {
    Foreign,
    Domestic,
}

/// A host, and the network between it and the gateway.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: &'static str,
    pub(super) side: Side,
    pub(super) role: &'static str,
    pub(super) v4: &'static str,
    gateway_v4: &'static str,
    prefix_v4: &'static str,
    pub(super) v6: &'static str,
    gateway_v6: &'static str,
    prefix_v6: &'static str,
}

impl Host {
    /// The gateway's interface to this host, where the sensor sits.
    pub(super) fn interface(&self) -> String {
        format!("to-{}", self.name)
    }
}

pub(super) static C2: Host = Host {
    name: "c2",
    side: Side::Foreign,
    role: "the attacker's server",
    v4: "198.51.100.7",
    gateway_v4: "198.51.100.1",
    prefix_v4: "198.51.100.0/24",
    v6: "2001:db8:a::7",
    gateway_v6: "2001:db8:a::1",
    prefix_v6: "2001:db8:a::/64",
};
pub(super) static RELAY: Host = Host {
    name: "relay",
    side: Side::Foreign,
    role: "a hijacked router abroad",
    v4: "203.0.113.9",
    gateway_v4: "203.0.113.1",
    prefix_v4: "203.0.113.0/24",
    v6: "2001:db8:b::9",
    gateway_v6: "2001:db8:b::1",
    prefix_v6: "2001:db8:b::/64",
};
pub(super) static PLANT: Host = Host {
    name: "plant",
    side: Side::Domestic,
    role: "a power plant",
    v4: "192.0.2.10",
    gateway_v4: "192.0.2.1",
    prefix_v4: "192.0.2.0/25",
    v6: "2001:db8:c::10",
    gateway_v6: "2001:db8:c::1",
    prefix_v6: "2001:db8:c::/64",
};
pub(super) static CLINIC: Host = Host {
    name: "clinic",
    side: Side::Domestic,
    role: "a hospital",
    v4: "192.0.2.130",
    gateway_v4: "192.0.2.129",
    prefix_v4: "192.0.2.128/25",
    v6: "2001:db8:d::10",
    gateway_v6: "2001:db8:d::1",
    prefix_v6: "2001:db8:d::/64",
};

/// Every host.
pub(super) static HOSTS: [&Host; 4] = [&C2, &RELAY, &PLANT, &CLINIC];

/// The lists that tell foreign from domestic: (file name, content).
pub(super) fn direction_lists() -> [(&'static str, String); 2] {
    let list = |side| {
        let listed = HOSTS.into_iter().filter(|host| host.side == side);
        let prefixes = listed.flat_map(|host| [host.prefix_v4, host.prefix_v6]);
        ["# made for the demo"].into_iter().chain(prefixes).collect::<Vec<_>>().join("\n") + "\n"
    };
    [("foreign.txt", list(Side::Foreign)), ("domestic.txt", list(Side::Domestic))]
}

/// The hosts as a table.
pub(super) fn table() -> String {
    let row = |host: &&Host| {
        let side = if host.side == Side::Foreign { "foreign" } else { "domestic" };
        format!("{:8}{:15}{:17}{side:10}{}\n", host.name, host.v4, host.v6, host.role)
    };
    HOSTS.iter().map(row).collect()
}

/// The namespaces, named after this process. Dropping them removes them.
#[derive(Debug)]
pub(super) struct Internet {
    id: u32,
}

impl Internet {
    /// Makes the namespaces, joins them, and waits until every host reaches every other one.
    pub(super) fn build() -> Result<Self> {
        remove_abandoned()?;
        let internet = Self { id: std::process::id() };
        internet.add_namespace(GATEWAY)?;
        for host in HOSTS {
            internet.add_namespace(host.name)?;
            internet.join(host).with_context(|| format!("host {} of the demo", host.name))?;
        }
        let forward = "echo 1 > /proc/sys/net/ipv4/ip_forward && \
                       echo 1 > /proc/sys/net/ipv6/conf/all/forwarding";
        guard::succeed(internet.command(GATEWAY, "sh").args(["-c", forward]))?;
        internet.wait_until_reachable()?;
        Ok(internet)
    }

    /// A command that will run on a host.
    pub(super) fn on(&self, host: &Host, program: impl AsRef<Path>) -> Command {
        self.command(host.name, program)
    }

    /// A command that will run on the gateway.
    ///
    /// `ip netns exec` gives it its own `/sys`, without the BPF file system. This mounts one there, which is
    /// its own too, so that no pin is left behind.
    pub(super) fn on_gateway(&self, program: impl AsRef<Path>) -> Command {
        let mut command = self.command(GATEWAY, "sh");
        command.args(["-c", "mount -t bpf bpf /sys/fs/bpf && exec \"$0\" \"$@\""]);
        command.arg(program.as_ref());
        command
    }

    fn command(&self, namespace: &str, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(namespace)]).arg(program.as_ref());
        command
    }

    fn namespace(&self, name: &str) -> String {
        format!("{NAME}-{}-{name}", self.id)
    }

    fn add_namespace(&self, name: &str) -> Result<()> {
        ip(&format!("netns add {}", self.namespace(name)))?;
        ip(&format!("-n {} link set dev lo up", self.namespace(name)))?;
        // Duplicate address detection would keep addresses from working for a second or two.
        let at_once = "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad";
        guard::succeed(self.command(name, "sh").args(["-c", at_once]))?;
        Ok(())
    }

    fn join(&self, host: &Host) -> Result<()> {
        let (there, here) = (self.namespace(host.name), self.namespace(GATEWAY));
        let interface = host.interface();
        let Host { v4, v6, gateway_v4, gateway_v6, prefix_v4, .. } = host;
        let length = prefix_v4.rsplit('/').next().unwrap_or("24");
        ip(&format!(
            "link add name {interface} netns {here} type veth peer name up0 netns {there}"
        ))?;
        ip(&format!("-n {here} addr add {gateway_v4}/{length} dev {interface}"))?;
        ip(&format!("-n {here} addr add {gateway_v6}/64 dev {interface}"))?;
        ip(&format!("-n {there} addr add {v4}/{length} dev up0"))?;
        ip(&format!("-n {there} addr add {v6}/64 dev up0"))?;
        ip(&format!("-n {here} link set dev {interface} up"))?;
        ip(&format!("-n {there} link set dev up0 up"))?;
        ip(&format!("-n {there} route add default via {gateway_v4}"))?;
        ip(&format!("-n {there} -6 route add default via {gateway_v6}"))
    }

    fn wait_until_reachable(&self) -> Result<()> {
        let from = &RELAY;
        for to in HOSTS.into_iter().filter(|to| to.name != from.name) {
            for address in [to.v4, to.v6] {
                let what = format!("{} to reach {address}", from.name);
                guard::wait_for(&what, Duration::from_secs(10), || {
                    let mut ping = self.on(from, "ping");
                    ping.args(["-n", "-q", "-c", "1", "-W", "1", address]);
                    let reply = guard::finish(&mut ping, std::process::Stdio::null())?;
                    Ok(reply.status.success().then_some(()))
                })?;
            }
        }
        Ok(())
    }
}

impl Drop for Internet {
    fn drop(&mut self) {
        for name in HOSTS.iter().map(|host| host.name).chain([GATEWAY]) {
            let namespace = self.namespace(name);
            if Path::new(NAMED).join(&namespace).exists() {
                // This bypasses the guard, which does nothing more once the user has stopped the demo.
                let removed = Command::new("ip").args(["netns", "delete", &namespace]).status();
                if !removed.is_ok_and(|status| status.success()) {
                    eprintln!("xtask: namespace {namespace} could not be removed");
                }
            }
        }
    }
}

/// Removes the namespaces of demos that were killed before they could clean up.
fn remove_abandoned() -> Result<()> {
    let Ok(names) = fs::read_dir(NAMED) else { return Ok(()) };
    for name in names.flatten() {
        let name = name.file_name();
        let Some(owner) = name.to_str().and_then(owner) else { continue };
        if !Path::new("/proc").join(owner.to_string()).exists() {
            ip(&format!("netns delete {}", name.to_string_lossy()))?;
        }
    }
    Ok(())
}

/// The process after which a namespace of the demo is named.
fn owner(namespace: &str) -> Option<u32> {
    let (id, host) = namespace.strip_prefix(NAME)?.strip_prefix('-')?.split_once('-')?;
    let known = host == GATEWAY || HOSTS.iter().any(|one| one.name == host);
    known.then(|| id.parse().ok())?
}

/// Runs `ip` with arguments that hold no spaces.
fn ip(arguments: &str) -> Result<()> {
    guard::succeed(Command::new("ip").args(arguments.split(' ')))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_demos_own_namespaces_have_an_owner() {
        assert_eq!(owner("sekisho-demo-4711-c2"), Some(4711));
        assert_eq!(owner("sekisho-demo-4711-gateway"), Some(4711));
        for other in ["sekisho-demo-4711-db", "sekisho-demo-x-c2", "demo-4711-c2", "c2", ""] {
            assert_eq!(owner(other), None, "{other}");
        }
    }

    #[test]
    fn interface_names_fit_the_kernel() {
        assert!(HOSTS.iter().all(|host| host.interface().len() < 16));
    }

    #[test]
    fn each_host_is_in_exactly_one_list() {
        let [(_, foreign), (_, domestic)] = direction_lists();
        for host in HOSTS {
            for prefix in [host.prefix_v4, host.prefix_v6] {
                let listed = |list: &str| list.lines().any(|line| line == prefix);
                assert_eq!(listed(&foreign), host.side == Side::Foreign, "{prefix}");
                assert_eq!(listed(&domestic), host.side == Side::Domestic, "{prefix}");
            }
        }
    }
}
