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

fn ip(arguments: &str) -> String {
    let output = Command::new("ip").args(arguments.split(' ')).output().expect("iproute2 is here");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`ip {arguments}`: {}", errors.trim());
    String::from_utf8_lossy(&output.stdout).into_owned()
}
