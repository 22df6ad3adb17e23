//! A made-up internet: registry rows as many as all five RIRs have, read through the real reader
//! of direction inputs, and addresses inside it.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use anyhow::{Context as _, Result};
use controller::direction::{Country, DirectionInputs, DirectionTable};
use ipnetwork::IpNetwork;
use sensor_common::direction::AddressClass;

use crate::numbers::{Random, permute};

/// One in so many registry rows is domestic.
const DOMESTIC: usize = 20;
/// One in so many is neither allocated nor assigned.
const AVAILABLE: usize = 50;
/// IPv6 rows: every second one a provider's /32, the others /48.
const V6_ROWS: usize = 100_000;
/// Where the registries' IPv6 rows are (RFC 3513 space that IANA has given out), as first 16 bits.
const V6_BLOCKS: [u16; 5] = [0x2400, 0x2600, 0x2800, 0x2a00, 0x2c00];
/// How likely an IPv4 block is split in two, down to /24: gives about 200,000 rows.
const SPLIT_PERCENT: usize = 75;

/// The direction tables and what the generators need to know of them.
pub(crate) struct Internet {
    layers: [Vec<(IpNetwork, AddressClass)>; 2],
    /// The class of each IPv4 /24; no row is longer.
    v4: Vec<AddressClass>,
    /// Foreign IPv6 prefixes: the first 64 bits, and the length.
    v6: Vec<(u64, u8)>,
    /// Rows that the registries' file has.
    pub(crate) rows: usize,
}

/// From where in the space of arguments IPv4 addresses are drawn, so that kinds never meet.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Kind {
    Selector,
    Traffic,
}

impl Internet {
    /// Writes the registries' file and reads it back the way the controller does.
    pub(crate) fn build() -> Result<Self> {
        let mut random = Random::new(1);
        let mut rows = Vec::new();
        for block in 1..224_u32 {
            split(block << 24, 8, &mut random, &mut rows);
        }
        let v4_rows = rows.len();
        let mut v6 = Vec::new();
        for number in 0..V6_ROWS {
            let block = u64::from(V6_BLOCKS[number % V6_BLOCKS.len()]) << 48;
            let (length, bits) =
                if number % 2 == 0 { (32, random.next()) } else { (48, random.next()) };
            let first = (block | bits & 0x000f_ffff_ffff_ffff) & (u64::MAX << (64 - length));
            v6.push((first, length));
        }
        v6.sort_unstable();
        v6.dedup();
        let mut foreign = Vec::new();
        for (first, length) in &v6 {
            let (country, status) = fate(&mut random);
            if country == "US" {
                foreign.push((*first, *length));
            }
            let address = std::net::Ipv6Addr::from_bits(u128::from(*first) << 64);
            rows.push(format!("made-up|{country}|ipv6|{address}|{length}|20260101|{status}\n"));
        }
        let mut text = format!("2|made-up|20260101|{}|19830101|20260101|+0000\n", rows.len());
        writeln!(text, "made-up|*|asn|*|0|summary")?;
        writeln!(text, "made-up|*|ipv4|*|{v4_rows}|summary")?;
        writeln!(text, "made-up|*|ipv6|*|{}|summary", v6.len())?;
        text.extend(rows.iter().map(String::as_str));

        let directory = tempfile::tempdir()?;
        let file = directory.path().join("delegated-made-up-latest");
        std::fs::write(&file, text).context("writing the registries' file")?;
        let country: Country = "JP".parse().map_err(anyhow::Error::msg)?;
        let inputs = DirectionInputs {
            domestic: vec![file],
            country: Some(country),
            ..DirectionInputs::default()
        };
        let layers = DirectionTable::load(&inputs)?.layers();
        let v4 = paint(&layers);
        Ok(Self { layers, v4, v6: foreign, rows: rows.len() })
    }

    pub(crate) const fn layers(&self) -> &[Vec<(IpNetwork, AddressClass)>; 2] {
        &self.layers
    }

    fn class(&self, address: u32) -> AddressClass {
        self.v4[(address >> 8) as usize]
    }

    pub(crate) fn is_foreign(&self, address: u32) -> bool {
        self.class(address) == AddressClass::Foreign
    }

    /// Foreign IPv4 addresses, each once, random over the whole space.
    pub(crate) fn v4(&self, kind: Kind) -> impl Iterator<Item = u32> {
        self.v4_that(kind, |_| true)
    }

    /// Those of them that fit.
    pub(crate) fn v4_that(
        &self,
        kind: Kind,
        fits: impl Fn(u32) -> bool,
    ) -> impl Iterator<Item = u32> {
        const HALF: u32 = 1 << 31;
        let arguments = if kind == Kind::Selector { 0..=HALF - 1 } else { HALF..=u32::MAX };
        arguments.map(permute).filter(move |address| fits(*address) && self.is_foreign(*address))
    }

    /// Pairs of IPv4 addresses that are no selectors and have a direction other than 内内: like the
    /// ends of packets that cross the border.
    pub(crate) fn v4_pairs(&self) -> impl Iterator<Item = [u32; 2]> {
        let mut addresses = (1_u32 << 31..=u32::MAX).map(permute).filter(|address| {
            matches!(self.class(*address), AddressClass::Foreign | AddressClass::Domestic)
        });
        std::iter::from_fn(move || Some([addresses.next()?, addresses.next()?]))
            .filter(|ends| ends.iter().any(|address| self.is_foreign(*address)))
    }

    /// Blocks of 2,048 foreign IPv4 addresses.
    pub(crate) fn v4_blocks(&self) -> impl Iterator<Item = u32> {
        let blocks = (0..1_u32 << 21).map(|block| block << 11);
        blocks.filter(|first| (0..8).all(|part| self.is_foreign(first | part << 8)))
    }

    /// A foreign IPv6 address inside a registry row, and the row's length.
    pub(crate) fn v6(&self, random: &mut Random) -> (u128, u8) {
        let (first, length) = self.v6[random.below(self.v6.len())];
        let high = first | random.next() & (u64::MAX >> length);
        (u128::from(high) << 64 | u128::from(random.next()), length)
    }
}

/// Splits a block of IPv4 addresses into registry rows.
fn split(first: u32, length: u32, random: &mut Random, rows: &mut Vec<String>) {
    if length < 24 && random.below(100) < SPLIT_PERCENT {
        split(first, length + 1, random, rows);
        split(first | 1 << (31 - length), length + 1, random, rows);
        return;
    }
    // Special-purpose space is in no registry's file.
    if matches!(first >> 24, 0 | 10 | 100 | 127 | 169 | 172 | 192 | 198 | 203) {
        return;
    }
    let (country, status) = fate(random);
    let (address, count) = (Ipv4Addr::from(first), 1_u64 << (32 - length));
    rows.push(format!("made-up|{country}|ipv4|{address}|{count}|20260101|{status}\n"));
}

/// Country and status of a row.
fn fate(random: &mut Random) -> (&'static str, &'static str) {
    if random.one_in(AVAILABLE) {
        ("", "available")
    } else if random.one_in(DOMESTIC) {
        ("JP", "allocated")
    } else {
        ("US", "allocated")
    }
}

/// The class of each IPv4 /24. Special-purpose space that is smaller spoils all of its /24.
fn paint(layers: &[Vec<(IpNetwork, AddressClass)>; 2]) -> Vec<AddressClass> {
    let mut classes = vec![AddressClass::Unclassified; 1 << 24];
    for layer in layers {
        let mut prefixes: Vec<_> = layer
            .iter()
            .filter_map(|(network, class)| match network {
                IpNetwork::V4(network) => {
                    Some((network.prefix(), u32::from(network.network()) >> 8, *class))
                }
                IpNetwork::V6(_) => None,
            })
            .collect();
        // Longer prefixes are painted over shorter ones.
        prefixes.sort_by_key(|(length, ..)| *length);
        for (length, first, class) in prefixes {
            let first = first as usize;
            let count = 1_usize << 24_u32.saturating_sub(u32::from(length));
            classes[first..first + count].fill(class);
        }
    }
    classes
}
