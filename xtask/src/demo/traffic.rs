//! Real traffic in all four directions, sent with ordinary tools, and checked to have arrived.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;

use super::internet::{C2, CLINIC, Host, Internet, PLANT, RELAY};
use crate::guard::{self, Background};
use crate::setup;

/// The port that the rule of the first order names.
pub(super) const PORT: u16 = 443;

/// A direction, and two hosts between which traffic has this direction. Answers have the opposite one.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) direction: &'static str,
    pub(super) kanji: &'static str,
    pub(super) from: &'static Host,
    pub(super) to: &'static Host,
}

/// All four directions.
pub(super) static FLOWS: [Flow; 4] = [
    Flow { direction: "foreign-to-foreign", kanji: "外外", from: &RELAY, to: &C2 },
    Flow { direction: "foreign-to-domestic", kanji: "外内", from: &C2, to: &PLANT },
    Flow { direction: "domestic-to-foreign", kanji: "内外", from: &PLANT, to: &C2 },
    Flow { direction: "domestic-to-domestic", kanji: "内内", from: &PLANT, to: &CLINIC },
];

/// The two transports that `nc` speaks, over both versions of IP.
const SOCKETS: [(&str, &[&str]); 4] = [
    ("tcp-v4", &["-4"]),
    ("tcp-v6", &["-6"]),
    ("udp-v4", &["-4", "-u"]),
    ("udp-v6", &["-6", "-u"]),
];

/// Listeners on every receiving host, which write what they receive to files.
#[derive(Debug)]
pub(super) struct Listeners {
    netcat: PathBuf,
    directory: PathBuf,
    // Ended when dropped.
    _processes: Vec<Background>,
}

impl Listeners {
    /// Starts the listeners and waits until each one listens.
    pub(super) fn start(internet: &Internet, directory: &Path) -> Result<Self> {
        let netcat = setup::netcat().context("nc is not there")?;
        let mut processes = Vec::new();
        for host in [&C2, &PLANT, &CLINIC] {
            for (name, options) in SOCKETS {
                let mut listener = guard::tied(internet.on(host, &netcat).args(options).args([
                    "-l",
                    "-k",
                    &PORT.to_string(),
                ]));
                listener.stdin(Stdio::null()).stderr(Stdio::null());
                listener.stdout(File::create(received(directory, host, name))?);
                processes.push(Background::start("a listener", &mut listener)?);
            }
            let what = format!("{} listeners on {}", SOCKETS.len(), host.name);
            guard::wait_for(&what, Duration::from_secs(5), || {
                let filter = format!(":{PORT}");
                let mut sockets = internet.on(host, "ss");
                sockets.args(["-Hltun", "sport", "=", &filter]);
                let open = guard::succeed(&mut sockets)?.lines().count();
                Ok((open >= SOCKETS.len()).then_some(()))
            })?;
        }
        Ok(Self { netcat, directory: directory.to_owned(), _processes: processes })
    }

    /// Sends TCP, UDP and ICMP over IPv4 and IPv6 along a flow; all of it must arrive.
    pub(super) fn send(&self, internet: &Internet, flow: &Flow) -> Result<()> {
        for (name, options) in SOCKETS {
            let address = if name.ends_with("v4") { flow.to.v4 } else { flow.to.v6 };
            let message = format!("{} to {} by {name}\n", flow.from.name, flow.to.name);
            let (reader, mut writer) = std::io::pipe()?;
            writer.write_all(message.as_bytes())?;
            drop(writer);
            let mut send = internet.on(flow.from, &self.netcat);
            // `nc` ends with its input: -N for TCP, -q 0 for UDP.
            send.args(options).args(["-N", "-q", "0", "-w", "2", address, &PORT.to_string()]);
            let finished = guard::finish(&mut send, reader.into())?;
            if !finished.status.success() {
                bail!("{} could not reach {address} by {name}", flow.from.name);
            }
            let file = received(&self.directory, flow.to, name);
            let what = format!("{} to receive from {} by {name}", flow.to.name, flow.from.name);
            guard::wait_for(&what, Duration::from_secs(3), || {
                Ok(fs::read_to_string(&file)?.contains(&message).then_some(()))
            })?;
        }
        for address in [flow.to.v4, flow.to.v6] {
            let mut ping = internet.on(flow.from, "ping");
            guard::succeed(ping.args(["-n", "-q", "-c", "1", "-W", "2", address]))?;
        }
        Ok(())
    }
}

fn received(directory: &Path, host: &Host, socket: &str) -> PathBuf {
    directory.join(format!("received-{}-{socket}", host.name))
}

/// A `ping` that goes on, five times a second, until it is dropped (or for a minute: a program
/// with capabilities of its own, as `ping` may be, is not tied to the demo's life).
#[derive(Debug)]
pub(super) struct Pinging {
    process: Background,
    log: PathBuf,
}

impl Pinging {
    pub(super) fn start(
        internet: &Internet,
        directory: &Path,
        from: &Host,
        to: &str,
    ) -> Result<Self> {
        let log = directory.join("ping.log");
        let mut ping = internet.on(from, "ping");
        ping.args(["-n", "-D", "-i", "0.2", "-w", "60", to]);
        ping.stdin(Stdio::null()).stderr(Stdio::null()).stdout(File::create(&log)?);
        Ok(Self { process: Background::start("ping", &mut ping)?, log })
    }

    /// When each answer came.
    pub(super) fn replies(&mut self) -> Result<Vec<Timestamp>> {
        self.process.check_alive()?;
        Ok(fs::read_to_string(&self.log)?.lines().filter_map(reply_time).collect())
    }
}

/// The time that `ping -D` prints before an answer: `[1700000000.123456] 64 bytes from …`.
fn reply_time(line: &str) -> Option<Timestamp> {
    let (time, rest) = line.strip_prefix('[')?.split_once("] ")?;
    let (seconds, micros) = time.split_once('.')?;
    rest.contains(" bytes from ").then_some(())?;
    (micros.len() == 6).then_some(())?;
    Timestamp::from_microsecond(format!("{seconds}{micros}").parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_an_answer_is_read() {
        let line = "[1700000000.123456] 64 bytes from 198.51.100.7: icmp_seq=1 ttl=63 time=0.1 ms";
        assert_eq!(reply_time(line).unwrap().to_string(), "2023-11-14T22:13:20.123456Z");
        for other in
            ["", "PING 198.51.100.7", "[1700000000.123456] no answer", "[x] 64 bytes from y"]
        {
            assert_eq!(reply_time(other), None, "{other}");
        }
    }

    #[test]
    fn the_flows_cover_all_four_directions() {
        let name = |host: &Host| format!("{:?}", host.side).to_lowercase();
        for flow in &FLOWS {
            assert_eq!(flow.direction, format!("{}-to-{}", name(flow.from), name(flow.to)));
        }
    }
}
