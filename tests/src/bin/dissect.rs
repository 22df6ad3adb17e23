//! What the sensor reads in the frames of a capture, one line to a frame, for `tests/interop/encapsulation.py`:
//! number, how the parse ended, source, destination, protocol, ports, encapsulations, and the first bytes of the
//! payload, between tabs. It is for laboratories: the sensor itself shows nothing of a packet that no order names.

#![expect(clippy::print_stdout, reason = "its output")]

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

use anyhow::{Context as _, Result};
use controller::capture::{Capture, Next};
use controller::replay::as_ethernet;
use sensor_common::packet::{Captured, Packet as _};
use sensor_common::parse::tunnel::{Entered, Tunnel};
use sensor_common::parse::{Address, Flow, Unparsed, Version, parse, payload};
use sensor_common::repeat::Loop;

/// So many bytes of a payload are compared.
const SHOWN: usize = 16;

fn main() -> Result<()> {
    let path = std::env::args().nth(1).context("which capture?")?;
    let mut capture = Capture::open(Path::new(&path))?;
    let (mut number, mut buffer) = (0, Vec::new());
    while let Some(next) = capture.next_frame()? {
        number += 1;
        let line = match next {
            Next::Frame(frame) => reading(as_ethernet(&frame, &mut buffer)),
            Next::Unreadable(_) => "unreadable".to_owned(),
        };
        println!("{number}\t{line}");
    }
    Ok(())
}

fn reading(frame: Captured<'_>) -> String {
    match parse(&frame, Entered::ALL, &Loop, &mut None) {
        Err(Unparsed::NonIp) => "non-ip".to_owned(),
        Err(Unparsed::Malformed) => "malformed".to_owned(),
        Ok(flow) => {
            let address = |address| address_of(flow.version(), address);
            let ports = flow.ports().map(|ports| format!("{},{}", ports.source, ports.destination));
            let around: Vec<&str> = flow.encapsulation.layers().map(Tunnel::name).collect();
            format!(
                "flow\t{}\t{}\t{}\t{}\t{}\t{}",
                address(flow.source),
                address(flow.destination),
                flow.protocol,
                ports.unwrap_or_default(),
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

/// The first bytes of the payload, as far as they were captured.
fn beginning(frame: Captured<'_>, flow: &Flow) -> String {
    let Some(found) = payload::find(&frame, flow) else { return String::new() };
    let end = (found.start + found.length).min(frame.bytes.length());
    let bytes = frame.bytes.get(found.start as usize..end as usize).unwrap_or_default();
    bytes.iter().take(SHOWN).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
