//! The direction table: every prefix with its class, the built-in layers below them, and what decided the
//! class of an address. The longest prefix over all inputs wins (L-DIR).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};
use sensor_common::direction::AddressClass;

use crate::direction::special::{SPECIAL, SpecialPrefix, special};
use crate::direction::{Family, Unnamed};
use crate::rejection::{Rejection, Requirement};

/// A prefix that a line of an input file names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    pub(super) network: IpNetwork,
    pub(super) class: AddressClass,
    pub(super) line: u32,
}

/// A named prefix with its file, by position in [`DirectionTable::files`].
#[derive(Clone, Copy, Debug)]
struct Entry {
    network: IpNetwork,
    class: AddressClass,
    file: u32,
    line: u32,
}

impl Entry {
    /// Painting order; equal prefixes in the order in which the inputs name them.
    fn key(&self) -> (u8, bool, u128, u32, u32) {
        let bits = bits(self.network.ip());
        (self.network.prefix(), self.network.is_ipv6(), bits, self.file, self.line)
    }
}

/// The class of every address, and why.
#[derive(Clone, Debug)]
pub struct DirectionTable {
    unnamed_v4: Unnamed,
    unnamed_v6: Unnamed,
    files: Vec<String>,
    /// The SHA-256 of each file, if it was read.
    digests: Vec<String>,
    /// In painting order, each prefix once.
    entries: Vec<Entry>,
    /// Where in `entries` the prefixes of each length are, by family, longest first.
    lengths: Vec<Lengths>,
}

#[derive(Clone, Debug)]
struct Lengths {
    v6: bool,
    length: u8,
    entries: Range<usize>,
}

/// Why an address has its class.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin<'a> {
    /// A line of an input file names this prefix.
    Input {
        /// The file, as it was given.
        file: &'a str,
        /// The line in it, from 1.
        line: u32,
        /// The longest prefix over all inputs that holds the address.
        prefix: IpNetwork,
    },
    /// No input names it, and it is special-purpose space.
    Special(&'static SpecialPrefix),
    /// No input names it, and it is global unicast.
    Default {
        /// The family's whole global unicast space.
        prefix: IpNetwork,
    },
}

impl Origin<'_> {
    /// The prefix that decided.
    pub const fn prefix(&self) -> IpNetwork {
        match self {
            Self::Input { prefix, .. } | Self::Default { prefix } => *prefix,
            Self::Special(special) => special.prefix,
        }
    }
}

/// The built-in layers, least specific first.
const ALL_IPV4: IpNetwork = v4_default();
const ALL_IPV6: IpNetwork = v6_default(0, 0);
/// RFC 4291 and the IANA IPv6 Address Space registry: the only global unicast space assigned yet.
const GLOBAL_UNICAST_IPV6: IpNetwork = v6_default(0x2000 << 112, 3);

const fn v4_default() -> IpNetwork {
    match Ipv4Network::new_checked(Ipv4Addr::UNSPECIFIED, 0) {
        Some(network) => IpNetwork::V4(network),
        // This runs only in the compiler: the callers are constants.
        None => panic!("bad prefix length"),
    }
}

const fn v6_default(bits: u128, length: u8) -> IpNetwork {
    match Ipv6Network::new_checked(Ipv6Addr::from_bits(bits), length) {
        Some(network) => IpNetwork::V6(network),
        None => panic!("bad prefix length"),
    }
}

impl DirectionTable {
    /// Combines the named prefixes of all files. A prefix that is named twice counts once; in two classes it
    /// is refused.
    pub(super) fn new(
        unnamed: impl Fn(Family) -> Unnamed,
        inputs: Vec<(String, Vec<Named>)>,
    ) -> Result<Self, Rejection> {
        let mut files = Vec::with_capacity(inputs.len());
        let mut entries = Vec::with_capacity(inputs.iter().map(|(_, named)| named.len()).sum());
        for ((name, named), file) in inputs.into_iter().zip(0_u32..) {
            files.push(name);
            entries.extend(named.into_iter().map(|Named { network, class, line }| Entry {
                network,
                class,
                file,
                line,
            }));
        }
        entries.sort_unstable_by_key(Entry::key);
        let clash = entries
            .windows(2)
            .find(|pair| pair[0].network == pair[1].network && pair[0].class != pair[1].class);
        if let Some([first, second]) = clash {
            return Err(refuse_clash(&files, first, second));
        }
        entries.dedup_by_key(|entry| entry.network);
        let lengths = lengths(&entries);
        let (unnamed_v4, unnamed_v6) = (unnamed(Family::Ipv4), unnamed(Family::Ipv6));
        Ok(Self { unnamed_v4, unnamed_v6, files, digests: Vec::new(), entries, lengths })
    }

    /// Notes the SHA-256 of every file.
    pub(super) fn read_from(mut self, digests: Vec<String>) -> Self {
        self.digests = digests;
        self
    }

    /// The files that were read, each with its SHA-256.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(String::as_str).zip(self.digests.iter().map(String::as_str))
    }

    /// The class of an address, and what decided it.
    pub fn class_of(&self, address: IpAddr) -> (AddressClass, Origin<'_>) {
        if let Some(entry) = self.longest(address) {
            let file = self.files.get(entry.file as usize).map_or("", String::as_str);
            let origin = Origin::Input { file, line: entry.line, prefix: entry.network };
            return (entry.class, origin);
        }
        if let Some(special) = special(address) {
            return (AddressClass::Unclassified, Origin::Special(special));
        }
        let (unnamed, prefix) = if address.is_ipv4() {
            (self.unnamed_v4, ALL_IPV4)
        } else {
            (self.unnamed_v6, GLOBAL_UNICAST_IPV6)
        };
        (unnamed.class(), Origin::Default { prefix })
    }

    /// Two layers of prefixes with their classes: the built-in one, and above it what the inputs name. In
    /// each layer the longest prefix that covers an address decides. The inputs hide the built-in layer even
    /// where their prefix is the shorter one, because special-purpose space covers only what no input names.
    pub fn layers(&self) -> [Vec<(IpNetwork, AddressClass)>; 2] {
        let defaults = [
            (ALL_IPV4, self.unnamed_v4.class()),
            (ALL_IPV6, AddressClass::Unclassified),
            (GLOBAL_UNICAST_IPV6, self.unnamed_v6.class()),
        ];
        let special = SPECIAL.iter().map(|entry| (entry.prefix, AddressClass::Unclassified));
        let inputs = self.entries.iter().map(|entry| (entry.network, entry.class));
        [defaults.into_iter().chain(special).collect(), inputs.collect()]
    }

    /// How many prefixes the inputs name, each counted once.
    pub const fn named_prefixes(&self) -> usize {
        self.entries.len()
    }

    /// How many prefixes of a family and a class the inputs name, each counted once.
    pub fn prefixes(&self, family: Family, class: AddressClass) -> usize {
        let counted = |entry: &&Entry| entry.class == class && Family::of(&entry.network) == family;
        self.entries.iter().filter(counted).count()
    }

    /// File and line of a domestic prefix of a family, if any input names one.
    pub(super) fn first_domestic(&self, family: Family) -> Option<(&str, u32)> {
        let domestic = |entry: &&Entry| {
            entry.class == AddressClass::Domestic && Family::of(&entry.network) == family
        };
        let entry = self.entries.iter().find(domestic)?;
        Some((self.files.get(entry.file as usize).map_or("", String::as_str), entry.line))
    }

    fn longest(&self, address: IpAddr) -> Option<&Entry> {
        let wanted = bits(address);
        self.lengths.iter().filter(|lengths| lengths.v6 == address.is_ipv6()).find_map(|lengths| {
            let entries = self.entries.get(lengths.entries.clone())?;
            let masked = wanted & mask(lengths.length);
            let found = entries.binary_search_by_key(&masked, |entry| bits(entry.network.ip()));
            entries.get(found.ok()?)
        })
    }
}

fn refuse_clash(files: &[String], first: &Entry, second: &Entry) -> Rejection {
    let name = |entry: &Entry| files.get(entry.file as usize).map_or("", String::as_str);
    let reason = format!(
        "{} is {} here, but {} in {} line {}",
        second.network,
        second.class.name(),
        first.class.name(),
        name(first),
        first.line
    );
    Rejection::new(name(second), reason).at(format!("line {}", second.line)).under(Requirement::Dir)
}

fn lengths(entries: &[Entry]) -> Vec<Lengths> {
    let mut found = Vec::new();
    let mut start = 0;
    for run in entries.chunk_by(|a, b| (a.key().0, a.key().1) == (b.key().0, b.key().1)) {
        let end = start + run.len();
        if let Some(entry) = run.first() {
            let (length, v6, ..) = entry.key();
            found.push(Lengths { v6, length, entries: start..end });
        }
        start = end;
    }
    found.reverse();
    found
}

/// An address as a number whose top bit is the address's first bit, in both families.
const fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => (v4.to_bits() as u128) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The first `length` bits.
const fn mask(length: u8) -> u128 {
    match u128::MAX.checked_shr(length as u32) {
        Some(rest) => !rest,
        None => u128::MAX,
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
