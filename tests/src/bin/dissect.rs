//! What the sensor reads in the frames of captures, one line to a frame, for `tests/interop/encapsulation.py`:
//! number, how the parse ended, source, destination, transport, ports, encapsulations, and the first bytes of the
//! payload, between tabs. It is for laboratories: the sensor itself shows nothing of a packet that no order names.

#![expect(clippy::print_stdout, reason = "its output")]

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

use anyhow::{Context as _, Result};
use controller::capture::{Capture, LinkType, Next};
use sensor_common::parse::tunnel::{Entered, Tunnel};
use sensor_common::parse::{Address, Flow, Unparsed, Version, parse, payload, transport};
use sensor_common::repeat::Loop;

/// So many bytes of a payload are compared.
const SHOWN: usize = 16;

fn main() -> Result<()> {
    for path in std::env::args().skip(1) {
        let mut capture = Capture::open(Path::new(&path))?;
        while let Some(next) = capture.next_frame().with_context(|| path.clone())? {
            let Next::Frame(frame) = next else { continue };
            let is_cut = frame.wire_length as usize > frame.data.len();
            let is_left_out = is_cut || frame.link != LinkType::Ethernet;
            let line = if is_left_out { "left out".to_owned() } else { reading(frame.data) };
            println!("{}\t{line}", frame.number);
        }
    }
    Ok(())
}

fn reading(frame: &[u8]) -> String {
    match parse(&frame, Entered::ALL, &Loop, &mut None) {
        Err(Unparsed::NonIp) => "non-ip".to_owned(),
        Err(Unparsed::Malformed) => "malformed".to_owned(),
        Ok(flow) => {
            let address = |address| address_of(flow.version(), address);
            let transport = match (flow.ports(), flow.protocol) {
                (Some(_), transport::TCP) => "tcp",
                (Some(_), _) => "udp",
                (None, _) => "",
            };
            let ports = flow.ports().map_or((0, 0), |ports| (ports.source, ports.destination));
            let around: Vec<&str> = flow.encapsulation.layers().map(Tunnel::name).collect();
            format!(
                "flow\t{}\t{}\t{transport}\t{}\t{}\t{}\t{}",
                address(flow.source),
                address(flow.destination),
                ports.0,
                ports.1,
                around.join(","),
                beginning(frame, &flow),
            )
        }
    }
}

fn address_of(version: Version, address: Address) -> String {
    match version {
        Version::V4 => Ipv4Addr::from_bits(address.v4()).to_string(),
        Version::V6 => {
            Ipv6Addr::from_bits(u128::from(address.high) << 64 | u128::from(address.low))
                .to_string()
        }
    }
}

/// The first bytes of the payload.
fn beginning(frame: &[u8], flow: &Flow) -> String {
    let Some(found) = payload::find(&frame, flow) else { return String::new() };
    let start = found.start as usize;
    let bytes = frame.get(start..start + SHOWN.min(found.length as usize)).unwrap_or_default();
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
