//! What the daemon tells the service manager that started it: `sd_notify(3)` of systemd.
//!
//! A message is a datagram to the socket that `NOTIFY_SOCKET` names. It is sent without waiting, because the
//! thread that renews the lease must not hang on a manager that does not read. The crate `sd-notify`
//! has a blocking socket. A message that could not be sent is sent again with the next one; a lost watchdog
//! sign does not matter, as it is one of several.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use crate::kernel::clock::monotonic_time;

/// The service manager, if there is one.
#[derive(Debug, Default)]
pub struct ServiceManager {
    socket: Option<UnixDatagram>,
    /// After so long without a sign of life the manager takes the service for hung.
    watchdog: Option<Duration>,
    /// Monotonic nanoseconds of the last sign.
    last_sign: Option<u64>,
    stage: ServiceStage,
    /// Messages that could not be sent yet.
    unsaid: String,
    status: String,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum ServiceStage {
    #[default]
    Starting,
    Ready,
    Reloading,
    Stopping,
}

impl ServiceManager {
    /// The manager that the environment names. If its socket cannot be reached, it is as if there were no
    /// manager: only the manager misses something.
    pub fn from_environment() -> Self {
        let get = |name: &str| std::env::var_os(name);
        Self::new(
            get("NOTIFY_SOCKET").as_deref(),
            watchdog(get("WATCHDOG_USEC"), get("WATCHDOG_PID"), std::process::id()),
        )
    }

    fn new(socket: Option<&OsStr>, watchdog: Option<Duration>) -> Self {
        let socket = socket.and_then(connect);
        // Without a socket there is no one to wait for signs of life.
        let watchdog = watchdog.filter(|_| socket.is_some());
        Self { socket, watchdog, ..Self::default() }
    }

    /// The longest time between two calls of [`Self::alive`], if there is a watchdog: half of its time, as
    /// `sd_watchdog_enabled(3)` advises.
    pub fn longest_pause(&self) -> Option<Duration> {
        self.watchdog.map(|watchdog| watchdog / 2)
    }

    /// Gives a sign of life, to be called after the daemon has done its work. At most four signs are sent in
    /// the watchdog's time.
    pub fn alive(&mut self) {
        let Some(watchdog) = self.watchdog else { return };
        let now = monotonic_time();
        let quarter = u64::try_from((watchdog / 4).as_nanos()).unwrap_or(u64::MAX);
        if self.last_sign.is_some_and(|last| now.saturating_sub(last) < quarter) {
            return;
        }
        // A lost sign is not repeated: the next one will do.
        if self.send("WATCHDOG=1\n") {
            self.last_sign = Some(now);
        }
    }

    /// The first lease is set: the service has started, or has been reloaded.
    pub fn ready(&mut self) {
        if !matches!(self.stage, ServiceStage::Ready | ServiceStage::Stopping) {
            self.enter(ServiceStage::Ready, "READY=1\n");
        }
    }

    /// The configuration is being read again. [`Self::ready`] ends that, whether it was applied or refused.
    pub fn reloading(&mut self) {
        if self.stage == ServiceStage::Ready {
            // The time tells this reload from an earlier one (systemd 253 and later).
            let microseconds = monotonic_time() / 1_000;
            self.enter(
                ServiceStage::Reloading,
                &format!("RELOADING=1\nMONOTONIC_USEC={microseconds}\n"),
            );
        }
    }

    /// Selection has ended, or is about to.
    pub fn stopping(&mut self) {
        if self.stage != ServiceStage::Stopping {
            self.enter(ServiceStage::Stopping, "STOPPING=1\n");
        }
    }

    /// What the sensor does, in one line, for `systemctl status`.
    pub fn status(&mut self, status: &str) {
        if self.status != status {
            self.status = status.replace('\n', " ");
            // Writing to a `String` cannot fail.
            let _ = writeln!(self.unsaid, "STATUS={}", self.status);
        }
        self.say();
    }

    fn enter(&mut self, stage: ServiceStage, message: &str) {
        self.stage = stage;
        self.unsaid.push_str(message);
        self.say();
    }

    fn say(&mut self) {
        /// The most that is kept for a manager that does not read.
        const LONGEST: usize = 16 << 10;
        if !self.unsaid.is_empty() && (self.send(&self.unsaid) || self.unsaid.len() > LONGEST) {
            self.unsaid.clear();
        }
    }

    fn send(&self, message: &str) -> bool {
        let Some(socket) = &self.socket else { return true };
        socket.send(message.as_bytes()).is_ok()
    }
}

/// A path, or a name in the abstract namespace after an `@`.
fn connect(name: &OsStr) -> Option<UnixDatagram> {
    let address = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(name),
    };
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    socket.connect_addr(&address.ok()?).ok()?;
    Some(socket)
}

/// The watchdog's time, if it is meant for the process `own`.
fn watchdog(microseconds: Option<OsString>, pid: Option<OsString>, own: u32) -> Option<Duration> {
    let number = |text: OsString| text.to_str()?.parse::<u64>().ok();
    if let Some(pid) = pid
        && number(pid) != Some(own.into())
    {
        return None;
    }
    microseconds.and_then(number).filter(|time| *time > 0).map(Duration::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Manager {
        socket: UnixDatagram,
        _folder: tempfile::TempDir,
    }

    impl Manager {
        fn new(watchdog: Option<Duration>) -> (Self, ServiceManager) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("notify");
            let socket = UnixDatagram::bind(&path).unwrap();
            socket.set_nonblocking(true).unwrap();
            let service = ServiceManager::new(Some(path.as_os_str()), watchdog);
            (Self { socket, _folder: folder }, service)
        }

        fn heard(&self) -> Vec<String> {
            let mut buffer = vec![0; 32 << 10];
            let mut messages = Vec::new();
            while let Ok(length) = self.socket.recv(&mut buffer) {
                messages.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
            }
            messages
        }
    }

    #[test]
    fn the_stages_of_a_service() {
        let (manager, mut service) = Manager::new(None);
        service.status("no order is in force");
        service.ready();
        service.ready();
        service.status("no order is in force");
        assert_eq!(manager.heard(), ["STATUS=no order is in force\n", "READY=1\n"]);
        service.reloading();
        service.ready();
        let heard = manager.heard();
        let [reloading, ready] = heard.as_slice() else { panic!("{heard:?}") };
        let time = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        assert!(time.trim_end().parse::<u64>().unwrap() > 0);
        assert_eq!(ready, "READY=1\n");
        service.stopping();
        service.ready();
        service.reloading();
        service.stopping();
        assert_eq!(manager.heard(), ["STOPPING=1\n"]);
        service.alive();
        assert_eq!(manager.heard(), Vec::<String>::new(), "nobody asked for signs");
    }

    #[test]
    fn signs_are_given_no_more_often_than_needed() {
        let hour = Duration::from_secs(3_600);
        let (manager, mut service) = Manager::new(Some(hour));
        assert_eq!(service.longest_pause(), Some(hour / 2));
        (0..10).for_each(|_| service.alive());
        assert_eq!(manager.heard(), ["WATCHDOG=1\n"]);
        let (manager, mut service) = Manager::new(Some(Duration::from_nanos(4)));
        (0..10).for_each(|_| service.alive());
        assert!(manager.heard().len() > 1);
    }

    #[test]
    fn a_manager_that_does_not_read_holds_nobody_up() {
        let (manager, mut service) = Manager::new(None);
        // Far more than any queue takes.
        for number in 0..2_000 {
            service.status(&format!("status {number}"));
        }
        service.stopping();
        let heard = manager.heard();
        assert!(!heard.is_empty() && heard.len() < 2_000, "{}", heard.len());
        // What had no room is sent as soon as there is room.
        service.status("the end");
        assert!(manager.heard().concat().ends_with("STATUS=the end\n"));
    }

    #[test]
    fn sockets_that_are_none() {
        for name in ["", "@", "/nonexistent/notify", "relative", &"x".repeat(200)] {
            let mut service = ServiceManager::new(Some(OsStr::new(name)), Some(Duration::MAX));
            assert_eq!(service.longest_pause(), None, "{name}");
            service.ready();
            service.stopping();
        }
    }

    #[test]
    fn an_abstract_socket() {
        let name = format!("sekisho-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        ServiceManager::new(Some(OsStr::new(&format!("@{name}"))), None).ready();
        let mut buffer = [0; 16];
        assert_eq!(manager.recv(&mut buffer).unwrap(), b"READY=1\n".len());
    }

    #[test]
    fn whose_watchdog_it_is() {
        let of =
            |time: &str, pid: Option<&str>| watchdog(Some(time.into()), pid.map(Into::into), 7);
        assert_eq!(of("2000000", None), Some(Duration::from_secs(2)));
        assert_eq!(of("2000000", Some("7")), Some(Duration::from_secs(2)));
        for (time, pid) in
            [("2000000", Some("8")), ("2000000", Some("x")), ("0", None), ("x", None)]
        {
            assert_eq!(of(time, pid), None);
        }
        assert_eq!(watchdog(None, None, 7), None);
    }
}
