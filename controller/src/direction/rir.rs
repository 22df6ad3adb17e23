//! RIR statistics files, `delegated-<rir>-latest` and `delegated-<rir>-extended-latest`, and the NRO's
//! combined file of all five registries, `nro-delegated-stats`.
//!
//! Sources: "RIR statistics exchange format" (APNIC, version 2) and "NRO extended allocation and assignment
//! reports" (version 2.3). In short: a version line; summary lines of six fields
//! (`apnic|*|ipv4|*|33141|summary`); rows `registry|cc|type|start|value|date|status[|opaque-id…]`, in which
//! `value` is a count of addresses for `ipv4`, not always a power of two, and a prefix length for `ipv6`.
//!
//! Readings:
//! - Rows that are allocated or assigned are domestic in the country asked for and foreign elsewhere, the
//!   regional codes `AP` and `EU` included. Rows without a country (empty or `ZZ`) are unclassified, as
//!   `available` and `reserved` rows are.
//! - The combined file also has `iana|ZZ|…` rows of the IETF and of IANA's pool, whose status or holder is
//!   `ietf` or `ianapool`. Nobody holds them, so they are unclassified.
//! - The country is the holder's, not that of the equipment (L-DIR); `docs/operating.md` says what follows
//!   from that.
//! - There must be as many rows of each type as its summary line says. So half a file is refused, which would
//!   leave part of Japan to the default.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::IpNetwork;
use sensor_common::direction::AddressClass;

use crate::direction::cidr::prefix_length;
use crate::direction::source::Source;
use crate::direction::table::Named;
use crate::direction::{Country, NoCountry};
use crate::rejection::Rejection;

/// Reads a statistics file from the point of view of one country.
pub(super) fn read(source: &Source, country: Option<Country>) -> Result<Vec<Named>, Rejection> {
    let Some(country) = country else {
        return Err(source.refused(
            "this is an RIR statistics file: add --country (for example --country JP) to say \
             whose rows are domestic",
        ));
    };
    let mut reader =
        Reader { country, version_seen: false, counts: [Count::default(); 3], named: Vec::new() };
    for line in source.lines() {
        let (number, line) = line?;
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        reader.line(number, line).map_err(|fault| source.refused_at(number, fault))?;
    }
    reader.finish().map_err(|fault| source.refused(fault))
}

/// What is wrong with a statistics file, or with one line of it.
#[derive(Debug, thiserror::Error)]
enum RirFault {
    #[error("an RIR statistics file begins with its version line")]
    NoVersion,
    #[error("version `{0}` of the format is not known; 2 and 2.3 are")]
    Version(String),
    #[error("a row has at least seven fields; this one has {0}")]
    Fields(usize),
    #[error("unknown type `{0}`; known are asn, ipv4 and ipv6")]
    Type(String),
    #[error(
        "unknown status `{0}`; known are allocated, assigned, available, reserved, ietf and ianapool"
    )]
    Status(String),
    #[error(transparent)]
    Country(#[from] NoCountry),
    #[error("`{0}` is no IPv4 address")]
    Ipv4Address(String),
    #[error("`{count}` is no count of IPv4 addresses from {start}")]
    Ipv4Count { start: String, count: String },
    #[error("`{0}` is no IPv6 address")]
    Ipv6Address(String),
    #[error("`{0}` is no IPv6 prefix length")]
    Ipv6Length(String),
    #[error("`{0}` has host bits set")]
    HostBits(String),
    #[error("summary count `{0}` is not a number")]
    SummaryCount(String),
    #[error("a second summary line for {}", .0.name())]
    SecondSummary(Kind),
    #[error("no summary line for {}, so nothing shows that the file is whole", .0.name())]
    NoSummary(Kind),
    #[error("the summary promises {promised} {} rows, but the file has {read}: is it cut off?", .kind.name())]
    Cut { kind: Kind, promised: u64, read: u64 },
    #[error("names no prefix")]
    Empty,
}

/// The resource types that a registry keeps.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Asn,
    Ipv4,
    Ipv6,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Asn, Self::Ipv4, Self::Ipv6];

    const fn name(self) -> &'static str {
        match self {
            Self::Asn => "asn",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }

    fn of(name: &str) -> Result<Self, RirFault> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| RirFault::Type(name.to_owned()))
    }
}

/// The number of rows of one type: those read, and those that the summary promises.
#[derive(Clone, Copy, Default)]
struct Count {
    read: u64,
    promised: Option<u64>,
}

/// The fields of a line: those of a row, and the holder's opaque id of the extended format.
type Fields<'a> = [&'a str; 8];

/// The status or holder, in the NRO's combined file, of rows that nobody holds.
const NOBODY: [&str; 2] = ["ietf", "ianapool"];

struct Reader {
    country: Country,
    version_seen: bool,
    counts: [Count; 3],
    named: Vec<Named>,
}

impl Reader {
    fn line(&mut self, number: u32, line: &str) -> Result<(), RirFault> {
        let mut fields = [""; 8];
        let mut count = 0;
        for field in line.split('|') {
            if let Some(place) = fields.get_mut(count) {
                *place = field.trim();
            }
            count += 1;
        }
        if !self.version_seen {
            self.version_seen = true;
            return version(count, fields);
        }
        if count == 6 && fields[5] == "summary" {
            return self.summary(fields);
        }
        if count < 7 {
            return Err(RirFault::Fields(count));
        }
        self.row(number, fields)
    }

    fn summary(&mut self, fields: Fields<'_>) -> Result<(), RirFault> {
        let kind = Kind::of(fields[2])?;
        let promised =
            decimal(fields[4]).ok_or_else(|| RirFault::SummaryCount(fields[4].to_owned()))?;
        let count = &mut self.counts[kind as usize];
        if count.promised.is_some() {
            return Err(RirFault::SecondSummary(kind));
        }
        count.promised = Some(promised);
        Ok(())
    }

    fn row(&mut self, number: u32, fields: Fields<'_>) -> Result<(), RirFault> {
        let [_, country, kind, start, value, _, status, holder] = fields;
        let kind = Kind::of(kind)?;
        self.counts[kind as usize].read += 1;
        if matches!(kind, Kind::Asn) {
            return Ok(());
        }
        let class = self.class(country, status, holder)?;
        if matches!(kind, Kind::Ipv4) {
            let (first, count) = ipv4_block(start, value)?;
            self.named.extend(prefixes(first, count).map(|network| Named {
                network,
                class,
                line: number,
            }));
        } else {
            let network = ipv6_block(start, value)?;
            self.named.push(Named { network, class, line: number });
        }
        Ok(())
    }

    fn class(&self, country: &str, status: &str, holder: &str) -> Result<AddressClass, RirFault> {
        let is = |names: [&str; 2]| names.iter().any(|name| status.eq_ignore_ascii_case(name));
        if is(["available", "reserved"]) || is(NOBODY) {
            return Ok(AddressClass::Unclassified);
        }
        if !is(["allocated", "assigned"]) {
            return Err(RirFault::Status(status.to_owned()));
        }
        if NOBODY.contains(&holder) {
            return Ok(AddressClass::Unclassified);
        }
        if country.is_empty() || country == "ZZ" {
            return Ok(AddressClass::Unclassified);
        }
        let country: Country = country.parse()?;
        let domestic = country == self.country;
        Ok(if domestic { AddressClass::Domestic } else { AddressClass::Foreign })
    }

    fn finish(self) -> Result<Vec<Named>, RirFault> {
        for (kind, count) in Kind::ALL.into_iter().zip(self.counts) {
            let Count { read, promised } = count;
            match promised {
                Some(promised) if promised != read => {
                    return Err(RirFault::Cut { kind, promised, read });
                }
                None if read > 0 => return Err(RirFault::NoSummary(kind)),
                _ => {}
            }
        }
        if self.named.is_empty() {
            return Err(RirFault::Empty);
        }
        Ok(self.named)
    }
}

/// Checks `version|registry|serial|records|startdate|enddate|UTCoffset`.
fn version(count: usize, fields: Fields<'_>) -> Result<(), RirFault> {
    let version = fields[0];
    if count < 4 || !version.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(RirFault::NoVersion);
    }
    match version.split('.').next() {
        Some("2") => Ok(()),
        _ => Err(RirFault::Version(version.to_owned())),
    }
}

fn decimal(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn ipv4_block(start: &str, count: &str) -> Result<(u32, u64), RirFault> {
    let first: Ipv4Addr = start.parse().map_err(|_| RirFault::Ipv4Address(start.to_owned()))?;
    let first = first.to_bits();
    let room = (1_u64 << 32) - u64::from(first);
    match decimal(count) {
        Some(count) if (1..=room).contains(&count) => Ok((first, count)),
        _ => Err(RirFault::Ipv4Count { start: start.to_owned(), count: count.to_owned() }),
    }
}

/// Cuts a run of IPv4 addresses into the fewest prefixes.
fn prefixes(first: u32, count: u64) -> impl Iterator<Item = IpNetwork> {
    let (mut next, mut left) = (u64::from(first), count);
    std::iter::from_fn(move || {
        // The largest block that is aligned here and not larger than the rest.
        let host_bits = next.trailing_zeros().min(left.checked_ilog2()?).min(32);
        let address = Ipv4Addr::from_bits(u32::try_from(next).ok()?);
        let length = u8::try_from(32 - host_bits).ok()?;
        next += 1 << host_bits;
        left -= 1 << host_bits;
        IpNetwork::new(IpAddr::V4(address), length).ok()
    })
}

fn ipv6_block(start: &str, length: &str) -> Result<IpNetwork, RirFault> {
    let first: Ipv6Addr = start.parse().map_err(|_| RirFault::Ipv6Address(start.to_owned()))?;
    let network = prefix_length(length, 128)
        .and_then(|length| IpNetwork::new(IpAddr::V6(first), length).ok())
        .ok_or_else(|| RirFault::Ipv6Length(length.to_owned()))?;
    if network.network() != network.ip() {
        return Err(RirFault::HostBits(format!("{start}/{length}")));
    }
    Ok(network)
}

#[cfg(test)]
#[path = "rir_tests.rs"]
mod tests;
