//! The traffic of the demo without root: frames, and a capture of them.

use std::net::IpAddr;

use anyhow::{Result, bail};
use etherparse::{IpHeaders, PacketBuilder, PacketBuilderStep};
use jiff::{SignedDuration, Timestamp};
use sekisho_stack::capture::{Captured, ETHERNET, pcap};

/// The time between two frames.
const PAUSE: SignedDuration = SignedDuration::from_millis(1);

/// What a frame carries above IP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Carries {
    Tcp {
        source: u16,
        destination: u16,
    },
    Udp {
        source: u16,
        destination: u16,
    },
    /// An ICMP echo request of the addresses' version.
    Ping,
}

/// A frame between two addresses.
///
/// # Errors
/// If they are of different IP versions.
pub(super) fn frame(source: IpAddr, destination: IpAddr, carries: Carries) -> Result<Vec<u8>> {
    let ip = ip(source, destination)?;
    let mut frame = Vec::new();
    match carries {
        Carries::Tcp { source, destination } => {
            ip.tcp(source, destination, 1, 65_535).syn().write(&mut frame, b"")?;
        }
        Carries::Udp { source, destination } => {
            ip.udp(source, destination).write(&mut frame, b"demo")?;
        }
        Carries::Ping if source.is_ipv4() => ip.icmpv4_echo_request(1, 1).write(&mut frame, b"")?,
        Carries::Ping => ip.icmpv6_echo_request(1, 1).write(&mut frame, b"")?,
    }
    Ok(frame)
}

fn ip(source: IpAddr, destination: IpAddr) -> Result<PacketBuilderStep<IpHeaders>> {
    let ethernet = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 2], [2, 0, 0, 0, 0, 1]);
    Ok(match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            ethernet.ipv4(source.octets(), destination.octets(), 64)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            ethernet.ipv6(source.octets(), destination.octets(), 64)
        }
        _ => bail!("{source} and {destination} are not of one version of IP"),
    })
}

/// A capture of `frames`, one millisecond apart from `start` on.
///
/// # Errors
/// If a pcap cannot hold such times.
pub(super) fn capture(start: Timestamp, frames: &[Vec<u8>]) -> Result<Vec<u8>> {
    let mut time = start;
    let mut captured = Vec::new();
    for frame in frames {
        let seconds = u32::try_from(time.as_second())?;
        let microseconds = u32::try_from(time.subsec_microsecond())?;
        captured.push(Captured::whole((seconds, microseconds), frame));
        time += PAUSE;
    }
    Ok(pcap(ETHERNET, captured))
}
