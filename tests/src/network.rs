//! Network namespaces and what connects them: a network that is a test's own, and is gone after it.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A network namespace. Dropping it removes it, with all interfaces in it.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// A new namespace, in which only loopback exists.
    ///
    /// # Panics
    /// Where `ip` cannot make it.
    #[expect(clippy::new_without_default, reason = "it makes something outside of this program")]
    pub fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("sekisho-test-{}-{number}", std::process::id());
        ip(&format!("netns add {name}"));
        Self { name }
    }

    /// Its name, as `ip netns` knows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `ip` in this namespace and returns what it printed.
    ///
    /// # Panics
    /// Where `ip` fails.
    pub fn ip(&self, arguments: &str) -> String {
        ip(&format!("-n {} {arguments}", self.name))
    }

    /// What an interface of this namespace has counted.
    ///
    /// # Panics
    /// Where `ip` says nothing of it.
    pub fn counts(&self, link: &str) -> LinkCounts {
        let shown = self.ip(&format!("-s -j link show dev {link}"));
        let shown: serde_json::Value = serde_json::from_str(&shown).expect("`ip -j` prints JSON");
        let count = |direction: &str, name: &str| {
            shown[0]["stats64"][direction][name].as_u64().expect("a count of packets")
        };
        LinkCounts {
            received: count("rx", "packets"),
            receive_dropped: count("rx", "dropped"),
            send_dropped: count("tx", "dropped"),
        }
    }

    /// Does something in this namespace. Sockets and attached programs stay in it; the calling
    /// thread does not.
    ///
    /// # Panics
    /// Where the namespace cannot be entered, and where `work` panics.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(format!("/var/run/netns/{}", self.name)).expect("it is there");
        let enter_and_work = || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("root may enter it");
            work()
        };
        std::thread::scope(|scope| scope.spawn(enter_and_work).join())
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Not a reason to panic within a panic.
        let _ = Command::new("ip").args(["netns", "delete", &self.name]).status();
    }
}

/// The address of the sender on a [`Wire`].
pub const SENDER: &str = "198.51.100.7";

/// The address of the receiver on a [`Wire`].
pub const RECEIVER: &str = "192.0.2.9";

/// The sender's end of a [`Wire`].
pub const NEAR: &str = "near";

/// The receiver's end of a [`Wire`], where a sensor stands.
pub const FAR: &str = "far";

/// A sender and a receiver, joined by a veth pair, over which nothing goes but what a test sends:
/// both know each other's link address, and the links have no IPv6 address to announce.
#[derive(Debug)]
pub struct Wire {
    /// Sends from [`SENDER`].
    pub sender: Namespace,
    /// Receives at [`RECEIVER`], on [`FAR`].
    pub receiver: Namespace,
    /// What else `ip` is told of either end.
    properties: String,
}

/// What an end of a [`Wire`] has counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LinkCounts {
    /// Packets that it has taken off the wire.
    pub received: u64,
    /// Of those, the ones that it dropped before anybody saw them.
    pub receive_dropped: u64,
    /// Packets that it was to send and dropped, because the wire had no room.
    pub send_dropped: u64,
}

impl Wire {
    /// A new pair.
    ///
    /// # Panics
    /// Where `ip` cannot make it.
    #[expect(clippy::new_without_default, reason = "it makes something outside of this program")]
    pub fn new() -> Self {
        Self::with(String::new())
    }

    /// A new pair with so many queues at either end, for frames of so many bytes after their Ethernet header.
    ///
    /// # Panics
    /// Where `ip` cannot make it.
    pub fn wide(queues: usize, mtu: u16) -> Self {
        Self::with(format!(" mtu {mtu} numtxqueues {queues} numrxqueues {queues}"))
    }

    fn with(properties: String) -> Self {
        let wire = Self { sender: Namespace::new(), receiver: Namespace::new(), properties };
        wire.connect();
        wire
    }

    /// Joins the two, for the first time or after one end was deleted, which takes both away.
    ///
    /// # Panics
    /// Where `ip` cannot.
    pub fn connect(&self) {
        let Self { sender, receiver, properties } = self;
        let receiver_name = receiver.name();
        sender.ip(&format!(
            "link add {NEAR} address 02:00:00:00:00:01{properties} type veth peer name {FAR} address \
             02:00:00:00:00:02{properties} netns {receiver_name}"
        ));
        for (host, link, own, other, other_network, other_link) in [
            (sender, NEAR, SENDER, RECEIVER, "192.0.2.0/24", "02:00:00:00:00:02"),
            (receiver, FAR, RECEIVER, SENDER, "198.51.100.0/24", "02:00:00:00:00:01"),
        ] {
            host.ip(&format!("address add {own}/24 dev {link}"));
            host.ip(&format!("link set {link} addrgenmode none up"));
            host.ip(&format!("route add {other_network} dev {link}"));
            host.ip(&format!("neighbour add {other} lladdr {other_link} dev {link}"));
        }
    }

    /// Whether an XDP program is attached to the receiver's end.
    pub fn has_program(&self) -> bool {
        self.receiver.ip(&format!("-d link show dev {FAR}")).contains("xdp")
    }

    /// Packets that the receiver's end has taken, by the kernel's own count.
    ///
    /// # Panics
    /// Where `ip` says nothing of them.
    pub fn packets(&self) -> u64 {
        self.receiver.counts(FAR).received
    }
}

fn ip(arguments: &str) -> String {
    let output = Command::new("ip").args(arguments.split(' ')).output().expect("iproute2 is here");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`ip {arguments}`: {}", errors.trim());
    String::from_utf8_lossy(&output.stdout).into_owned()
}
