//! Writes a record as one line of NDJSON with names of the Elastic Common Schema, for `sekisho run` and
//! `sekisho replay`. Everything in a line comes from the record's fixed fields and from the order that
//! selected the packet (L-MECH).

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use jiff::Timestamp;
use jiff::fmt::StdFmtWrite;
use jiff::fmt::temporal::DateTimePrinter;
use sensor_common::direction::Direction;
use sensor_common::parse::flag;
use sensor_common::parse::tunnel::Tunnel;
use sensor_common::record::Record;
use serde::{Serialize, Serializer};

use crate::compile::Names;
use crate::record::transport::transport_name;

/// Digits after the second. They are always written, so that lines sort by time as text.
const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(9));

/// What a line says besides the record itself.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The sensor's name.
    pub sensor: &'a str,
    /// The interface, or the capture's file name in a replay.
    pub interface: &'a str,
    /// `event.sequence`.
    pub sequence: u64,
    /// `@timestamp`: when the packet was judged or captured. Some captures do not say.
    pub time: Option<Timestamp>,
}

/// Why a record cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The names belong to another generation.
    #[error("a record of generation {record} cannot be named by generation {names}")]
    Generation {
        /// The record's generation.
        record: u32,
        /// The names' generation.
        names: u32,
    },
    /// The generation has no such rule.
    #[error("a record names rule {rule} of generation {generation}, which has no such rule")]
    Rule {
        /// The rule's number.
        rule: u32,
        /// The generation.
        generation: u32,
    },
    /// The direction is one in which nothing is ever selected (L-DIR), or unknown.
    #[error("a record has direction {0}, in which nothing can be selected")]
    Direction(u8),
    /// The line could not be put together.
    #[error("writing a record: {0}")]
    Json(#[from] serde_json::Error),
}

/// Appends a record to `line`, with a line feed. After an error `line` may end in the middle of a record and
/// must not be used.
///
/// # Errors
/// [`RecordError`] if the record cannot be from the generation of `names`.
pub fn write(
    line: &mut impl io::Write,
    record: &Record,
    names: &Names,
    context: &Context<'_>,
) -> Result<(), RecordError> {
    if record.generation != names.generation {
        let (record, names) = (record.generation, names.generation);
        return Err(RecordError::Generation { record, names });
    }
    let name = names
        .rule(record.rule)
        .ok_or(RecordError::Rule { rule: record.rule, generation: record.generation })?;
    let direction = record
        .direction()
        .and_then(Direction::ecs)
        .ok_or(RecordError::Direction(record.direction))?;
    let v6 = record.flags & flag::V6 != 0;
    let ports = record.flags & flag::PORTS != 0;
    let end = |address, port| End { ip: ip(address, v6), port: ports.then_some(port) };
    let written = Line {
        timestamp: context.time.map(Time),
        event: Event { sequence: context.sequence },
        source: end(record.source, record.source_port),
        destination: end(record.destination, record.destination_port),
        network: Network {
            transport: transport_name(record.protocol),
            version: if v6 { "ipv6" } else { "ipv4" },
            bytes: record.length,
            direction,
        },
        sekisho: Sekisho {
            order_id: &name.order.order_id,
            serial: name.order.serial,
            measure: name.order.measure.name(),
            rule: &name.rule,
            sensor: context.sensor,
            interface: context.interface,
            encapsulation: record.encapsulation().layers().map(Tunnel::name).collect(),
        },
    };
    serde_json::to_writer(&mut *line, &written)?;
    line.write_all(b"\n").map_err(serde_json::Error::io)?;
    Ok(())
}

/// An IPv4 address stands in the last four bytes (IPv4-mapped).
fn ip(address: [u8; 16], v6: bool) -> IpAddr {
    if v6 {
        return Ipv6Addr::from(address).into();
    }
    let [.., a, b, c, d] = address;
    Ipv4Addr::new(a, b, c, d).into()
}

// The order of the fields is the order in the line.

#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "@timestamp", skip_serializing_if = "Option::is_none")]
    timestamp: Option<Time>,
    event: Event,
    source: End,
    destination: End,
    network: Network,
    sekisho: Sekisho<'a>,
}

#[derive(Serialize)]
struct Event {
    sequence: u64,
}

#[derive(Serialize)]
struct End {
    ip: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
}

#[derive(Serialize)]
struct Network {
    transport: Cow<'static, str>,
    #[serde(rename = "type")]
    version: &'static str,
    bytes: u32,
    direction: &'static str,
}

#[derive(Serialize)]
struct Sekisho<'a> {
    order_id: &'a str,
    serial: u64,
    measure: &'static str,
    rule: &'a str,
    sensor: &'a str,
    interface: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    encapsulation: Vec<&'static str>,
}

/// A time, written without a `String` of its own.
struct Time(Timestamp);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        PRINTER.print_timestamp(&self.0, StdFmtWrite(f)).map_err(|_| fmt::Error)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sensor_common::record::LENGTH;

    use sensor_common::boot_time::BootTime;

    use super::*;
    use crate::compile::{Slotted, compile};
    use crate::order::samples;

    fn names(number: u32) -> std::sync::Arc<Names> {
        let order = samples::verified(&samples::plan());
        compile(number, &[], &Slotted::in_turn([&order]), None).unwrap().names
    }

    fn record() -> Record {
        let mapped = |address: [u8; 4]| Ipv4Addr::from(address).to_ipv6_mapped().octets();
        Record {
            time: BootTime::from_nanos(1),
            source: mapped([198, 51, 100, 7]),
            destination: mapped([192, 0, 2, 1]),
            length: 1514,
            generation: 3,
            rule: 0,
            source_port: 51_000,
            destination_port: 443,
            protocol: 6,
            direction: 0,
            flags: flag::PORTS,
            reserved: 0,
            encapsulation: 0,
        }
    }

    fn context(time: &str) -> Context<'static> {
        let time = Some(time.parse().unwrap());
        Context { sensor: "tyo-gw-1a", interface: "eth1", sequence: 17, time }
    }

    fn line(record: &Record, time: &str) -> String {
        let mut line = Vec::new();
        write(&mut line, record, &names(3), &context(time)).unwrap();
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn a_tcp_packet() {
        assert_eq!(
            line(&record(), "2027-11-01T09:00:00.5+09:00"),
            concat!(
                r#"{"@timestamp":"2027-11-01T00:00:00.500000000Z","event":{"sequence":17},"#,
                r#""source":{"ip":"198.51.100.7","port":51000},"#,
                r#""destination":{"ip":"192.0.2.1","port":443},"#,
                r#""network":{"transport":"tcp","type":"ipv4","bytes":1514,"direction":"external"},"#,
                r#""sekisho":{"order_id":"2027-17-0003","serial":1,"#,
                r#""measure":"foreign-to-foreign","rule":"r1","sensor":"tyo-gw-1a","#,
                r#""interface":"eth1"}}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_packet_without_ports() {
        let v6 = |text: &str| text.parse::<Ipv6Addr>().unwrap().octets();
        let record = Record {
            source: v6("2001:db8:5::1"),
            destination: v6("2001:db8::2"),
            source_port: 0,
            destination_port: 0,
            protocol: 58,
            direction: 2,
            flags: flag::V6 | flag::FRAGMENT,
            ..record()
        };
        assert_eq!(
            line(&record, "2027-11-01T00:00:00Z"),
            concat!(
                r#"{"@timestamp":"2027-11-01T00:00:00.000000000Z","event":{"sequence":17},"#,
                r#""source":{"ip":"2001:db8:5::1"},"destination":{"ip":"2001:db8::2"},"#,
                r#""network":{"transport":"ipv6-icmp","type":"ipv6","bytes":1514,"#,
                r#""direction":"outbound"},"#,
                r#""sekisho":{"order_id":"2027-17-0003","serial":1,"#,
                r#""measure":"foreign-to-foreign","rule":"r1","sensor":"tyo-gw-1a","#,
                r#""interface":"eth1"}}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_packet_inside_of_others_names_them_from_the_outside_in() {
        let record = Record { encapsulation: 0x148, ..record() };
        let line = line(&record, "2027-11-01T00:00:00Z");
        let end = "\"interface\":\"eth1\",\"encapsulation\":[\"vlan\",\"gre\",\"vxlan\"]}}\n";
        assert!(line.ends_with(end), "{line}");
    }

    #[test]
    fn what_no_order_can_have_selected_is_an_error() {
        for (record, message) in [
            (
                Record { generation: 4, ..record() },
                "a record of generation 4 cannot be named by generation 3",
            ),
            (
                Record { rule: 1, ..record() },
                "a record names rule 1 of generation 3, which has no such rule",
            ),
            (
                Record { direction: 3, ..record() },
                "a record has direction 3, in which nothing can be selected",
            ),
        ] {
            let context = context("2027-11-01T00:00:00Z");
            let error = write(&mut Vec::new(), &record, &names(3), &context).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_line_of_json_or_an_error(
            bytes in prop::array::uniform32(any::<u8>()),
            more in prop::array::uniform32(any::<u8>()),
        ) {
            let mut all = [0; LENGTH];
            for (target, byte) in all.iter_mut().zip(bytes.into_iter().chain(more)) {
                *target = byte;
            }
            let record = Record { generation: 3, rule: 0, ..Record::from_bytes(&all) };
            let mut line = Vec::new();
            let context = context("2027-11-01T00:00:00Z");
            if write(&mut line, &record, &names(3), &context).is_ok() {
                prop_assert_eq!(line.last(), Some(&b'\n'));
                prop_assert_eq!(line.split(|byte| *byte == b'\n').count(), 2);
                serde_json::from_slice::<serde_json::Value>(&line).unwrap();
            }
        }
    }
}
