//! The ranges as a text, schema `sekisho.classes/v1`: one line for each range, with its first address and its
//! class. Equal ranges have equal texts, so the SHA-256 of the text stands for the class of every address.
//!
//! ```text
//! sekisho.classes/v1
//! ipv4 0.0.0.0 unclassified
//! ipv4 1.0.16.0 domestic
//! ipv4 1.0.32.0 unclassified
//! ipv6 :: unclassified
//! ```

use std::fmt::Write as _;
use std::net::IpAddr;

use sensor_common::direction::AddressClass;

use super::ranges::{ClassRanges, Start, address};
use crate::direction::Family;

const SCHEMA: &str = "sekisho.classes/v1";
/// The longest text that is kept and read: about four million ranges.
pub const LARGEST: usize = 128 << 20;

/// Why bytes are not the text of ranges. Completes a sentence that begins with the file's name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeptFault {
    /// Not text.
    #[error("is not UTF-8 text")]
    NotText,
    /// Another schema.
    #[error("does not begin with {SCHEMA}")]
    Schema,
    /// A line of another form; its number, from 1.
    #[error("line {0} names no range")]
    Line(usize),
    /// Such ranges have another text, or cannot exist.
    #[error("is not how ranges are written")]
    Spelling,
}

impl ClassRanges {
    /// Writes the ranges.
    pub fn written(&self) -> String {
        let mut text = format!("{SCHEMA}\n");
        for family in Family::ALL {
            for (start, class) in self.of_family(family) {
                let address = address(family == Family::Ipv6, *start);
                // Writing to a `String` cannot fail.
                let _ = writeln!(text, "{} {address} {}", family.name(), class.name());
            }
        }
        text
    }

    /// Reads ranges that were written.
    ///
    /// # Errors
    /// [`KeptFault`].
    pub fn read(bytes: &[u8]) -> Result<Self, KeptFault> {
        let text = std::str::from_utf8(bytes).map_err(|_| KeptFault::NotText)?;
        let mut lines = text.lines();
        if lines.next() != Some(SCHEMA) {
            return Err(KeptFault::Schema);
        }
        let mut ranges = Self { v4: Vec::new(), v6: Vec::new() };
        for (number, line) in (2..).zip(lines) {
            let (family, start) = start(line).ok_or(KeptFault::Line(number))?;
            let starts = match family {
                Family::Ipv4 => &mut ranges.v4,
                Family::Ipv6 => &mut ranges.v6,
            };
            starts.push(start);
        }
        let begins = |starts: &[Start]| starts.first().is_some_and(|(start, _)| *start == 0);
        // An address is looked up by binary search.
        let ascends = |starts: &[Start]| starts.is_sorted_by(|a, b| a.0 < b.0 && a.1 != b.1);
        let sound = [&ranges.v4, &ranges.v6].into_iter().all(|s| begins(s) && ascends(s));
        // This also checks the order of families and the spelling of addresses: equal ranges have equal
        // texts.
        if !sound || ranges.written() != text {
            return Err(KeptFault::Spelling);
        }
        Ok(ranges)
    }
}

fn start(line: &str) -> Option<(Family, Start)> {
    let mut words = line.split(' ');
    let (family, address, class) = (words.next()?, words.next()?, words.next()?);
    let family = Family::ALL.into_iter().find(|known| known.name() == family)?;
    let number = match (family, address.parse().ok()?) {
        (Family::Ipv4, IpAddr::V4(v4)) => v4.to_bits().into(),
        (Family::Ipv6, IpAddr::V6(v6)) => v6.to_bits(),
        _ => return None,
    };
    let classes = [AddressClass::Unclassified, AddressClass::Domestic, AddressClass::Foreign];
    let class = classes.into_iter().find(|known| known.name() == class)?;
    Some((family, (number, class)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::ranges::tests::{any_ranges, ranges};
    use super::*;

    #[test]
    fn the_text_is_what_it_says_above() {
        let ranges = ranges(
            &[("0.0.0.0", "unclassified"), ("1.0.16.0", "domestic"), ("1.0.32.0", "unclassified")],
            &[("::", "unclassified")],
        );
        let text = "sekisho.classes/v1\nipv4 0.0.0.0 unclassified\nipv4 1.0.16.0 domestic\n\
                    ipv4 1.0.32.0 unclassified\nipv6 :: unclassified\n";
        assert_eq!(ranges.written(), text);
        assert_eq!(ClassRanges::read(text.as_bytes()), Ok(ranges));
    }

    #[test]
    fn anything_else_is_no_text_of_ranges() {
        let good =
            "sekisho.classes/v1\nipv4 0.0.0.0 foreign\nipv4 1.0.0.0 domestic\nipv6 :: foreign\n";
        ClassRanges::read(good.as_bytes()).unwrap();
        for (from, to, reason) in [
            ("/v1", "/v2", "does not begin with sekisho.classes/v1"),
            ("ipv4 1", "ipv5 1", "line 3 names no range"),
            ("1.0.0.0", "::1", "line 3 names no range"),
            ("domestic", "abroad", "line 3 names no range"),
            (" domestic", "", "line 3 names no range"),
            ("domestic", "domestic ", "is not how ranges are written"),
            ("0.0.0.0 foreign", "0.0.0.1 foreign", "is not how ranges are written"),
            ("domestic", "foreign", "is not how ranges are written"),
            ("1.0.0.0", "0.0.0.0", "is not how ranges are written"),
            ("ipv6 :: foreign\n", "", "is not how ranges are written"),
            ("ipv6 :: foreign\n", "ipv6 :: foreign", "is not how ranges are written"),
            ("::", "0::0", "is not how ranges are written"),
        ] {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good);
            let fault = ClassRanges::read(text.as_bytes()).unwrap_err();
            assert_eq!(fault.to_string(), reason, "{text}");
        }
        assert!(ClassRanges::read(b"\xff").is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(ranges in any_ranges()) {
            prop_assert_eq!(ClassRanges::read(ranges.written().as_bytes()), Ok(ranges));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = ClassRanges::read(&bytes);
        }
    }
}
