//! Protocols and ports as rules write them. `consistency` checks whether a rule may combine them, and
//! `sensor-common` matches packets against them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

use super::json::{self, Faults, Fields, quote};
use crate::rejection::FormFault;

/// An IP protocol number (IANA "Assigned Internet Protocol Numbers").
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Protocol(pub u8);

impl Protocol {
    /// ICMP (RFC 792).
    pub const ICMP: Self = Self(1);
    /// TCP (RFC 9293).
    pub const TCP: Self = Self(6);
    /// UDP (RFC 768).
    pub const UDP: Self = Self(17);
    /// `ICMPv6` (RFC 4443).
    pub const ICMPV6: Self = Self(58);

    const NAMED: [(Self, &'static str); 4] =
        [(Self::TCP, "tcp"), (Self::UDP, "udp"), (Self::ICMP, "icmp"), (Self::ICMPV6, "icmpv6")];

    /// Whether the sensor reads ports in this protocol's header.
    pub const fn has_ports(self) -> bool {
        self.0 == Self::TCP.0 || self.0 == Self::UDP.0
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMED.iter().find(|(protocol, _)| protocol == self) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "protocol {}", self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Protocol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ProtocolVisitor;

        impl Visitor<'_> for ProtocolVisitor {
            type Value = Protocol;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("tcp, udp, icmp, icmpv6 or a number from 0 to 255")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Protocol, E> {
                Protocol::NAMED
                    .iter()
                    .find(|(_, name)| *name == text)
                    .map(|(protocol, _)| *protocol)
                    .ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Protocol, E> {
                u8::try_from(number)
                    .map(Protocol)
                    .map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
            }
        }

        // A string or a number, so the input decides on the type.
        deserializer.deserialize_any(ProtocolVisitor)
    }
}

/// A range of ports, both ends included; a single port has equal ends.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct PortRange {
    low: u16,
    high: u16,
}

/// Why a text is no port and no range of ports. Each quotes the text.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PortFault {
    /// It is not written as one.
    #[error("{0} is no port or range; write \"443\" or \"8000-8099\", from 0 to 65535")]
    Neither(String),
    /// The range ends below its start.
    #[error("{0} ends below its start")]
    Backwards(String),
}

impl PortRange {
    /// The lowest port of the range.
    pub const fn low(self) -> u16 {
        self.low
    }

    /// The highest port of the range, at least [`Self::low`].
    pub const fn high(self) -> u16 {
        self.high
    }

    /// Reads `443` or `8000-8099`: decimal digits, no sign, no leading zero, no space.
    ///
    /// # Errors
    ///
    /// [`PortFault`].
    pub fn parse(text: &str) -> Result<Self, PortFault> {
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        let (Some(low), Some(high)) = (port(low), port(high)) else {
            return Err(PortFault::Neither(quote(text)));
        };
        if low > high {
            return Err(PortFault::Backwards(quote(text)));
        }
        Ok(Self { low, high })
    }
}

fn port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || (text.len() > 1 && text.starts_with('0')) {
        return None;
    }
    text.parse().ok()
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.low == self.high {
            write!(f, "{}", self.low)
        } else {
            write!(f, "{}-{}", self.low, self.high)
        }
    }
}

impl<'de> Deserialize<'de> for PortRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        json::text(deserializer, "a port in quotes, such as \"443\" or \"8000-8099\"", Self::parse)
    }
}

/// The ports of a rule; empty if it names none. `None`: they are wrong.
pub(super) fn ports(
    fields: &mut Fields<'_>,
    field: &'static str,
    faults: &mut Faults,
) -> Option<Vec<PortRange>> {
    let Some(ports) = fields.may::<Vec<PortRange>>(field, faults)? else { return Some(Vec::new()) };
    if ports.is_empty() {
        faults.add(&fields.at(field), FormFault::NoPorts);
        return None;
    }
    Some(ports)
}

/// Whether ranges of ports hold every port between them.
pub(super) fn is_every_port(ports: &[PortRange]) -> bool {
    let mut ranges: Vec<(u32, u32)> =
        ports.iter().map(|range| (range.low.into(), range.high.into())).collect();
    ranges.sort_unstable();
    let reached = ranges.iter().fold(
        0,
        |next: u32, (low, high)| {
            if *low <= next { next.max(high + 1) } else { next }
        },
    );
    reached > u32::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_ranges() {
        for (text, low, high) in
            [("443", 443, 443), ("0", 0, 0), ("8000-8099", 8000, 8099), ("0-65535", 0, 65535)]
        {
            let range = PortRange::parse(text).unwrap();
            assert_eq!((range.low(), range.high()), (low, high));
            assert_eq!(range.to_string(), text);
        }
        for text in [
            "", "-", "65536", "99999", "1-65536", "-1", "1-", "+1", "01", "1-02", " 1", "1 ",
            "1 - 2", "1-2-3", "1..2", "0x50", "http", "１",
        ] {
            assert!(PortRange::parse(text).is_err(), "{text}");
        }
        assert_eq!(PortRange::parse("2-1"), Err(PortFault::Backwards("`2-1`".to_owned())));
    }

    #[test]
    fn every_port_is_every_port_in_whatever_pieces() {
        let is = |ranges: &[&str]| {
            let ranges: Vec<PortRange> =
                ranges.iter().map(|text| PortRange::parse(text).unwrap()).collect();
            is_every_port(&ranges)
        };
        assert!(is(&["0-65535"]) && is(&["1-65535", "0"]) && is(&["40000-65535", "0-50000"]));
        assert!(!is(&[]) && !is(&["0-65534"]) && !is(&["1-65535"]) && !is(&["0-9", "11-65535"]));
    }

    #[test]
    fn protocols() {
        for (json, number, name) in [
            ("\"tcp\"", 6, "tcp"),
            ("\"udp\"", 17, "udp"),
            ("\"icmp\"", 1, "icmp"),
            ("\"icmpv6\"", 58, "icmpv6"),
            ("0", 0, "protocol 0"),
            ("255", 255, "protocol 255"),
            ("6", 6, "tcp"),
        ] {
            let protocol: Protocol = serde_json::from_str(json).unwrap();
            assert_eq!(protocol, Protocol(number));
            assert_eq!(protocol.to_string(), name);
        }
        for json in ["\"TCP\"", "\"6\"", "256", "-1", "6.0", "null", "[6]", "{\"tcp\":null}"] {
            assert!(serde_json::from_str::<Protocol>(json).is_err(), "{json}");
        }
    }
}
