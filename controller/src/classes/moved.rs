//! What changed between two tables: how many addresses went from which class to which. These are numbers
//! because nobody reads a list of a hundred thousand prefixes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use sensor_common::direction::AddressClass::{self, Domestic, Foreign, Unclassified};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::ranges::{ClassRanges, Start};
use crate::compile::overlay;
use crate::direction::Family;

/// The share of a family's address space that may move without `--accept-change`, as its reciprocal.
const ONE_IN: u128 = 1_000;

/// From which class to which.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Move {
    DomesticToForeign,
    DomesticToUnclassified,
    ForeignToDomestic,
    ForeignToUnclassified,
    UnclassifiedToDomestic,
    UnclassifiedToForeign,
}

impl Move {
    const fn of(from: AddressClass, to: AddressClass) -> Option<Self> {
        match (from, to) {
            (Domestic, Foreign) => Some(Self::DomesticToForeign),
            (Domestic, Unclassified) => Some(Self::DomesticToUnclassified),
            (Foreign, Domestic) => Some(Self::ForeignToDomestic),
            (Foreign, Unclassified) => Some(Self::ForeignToUnclassified),
            (Unclassified, Domestic) => Some(Self::UnclassifiedToDomestic),
            (Unclassified, Foreign) => Some(Self::UnclassifiedToForeign),
            (Domestic, Domestic) | (Foreign, Foreign) | (Unclassified, Unclassified) => None,
        }
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DomesticToForeign => "from domestic to foreign",
            Self::DomesticToUnclassified => "from domestic to unclassified",
            Self::ForeignToDomestic => "from foreign to domestic",
            Self::ForeignToUnclassified => "from foreign to unclassified",
            Self::UnclassifiedToDomestic => "from unclassified to domestic",
            Self::UnclassifiedToForeign => "from unclassified to foreign",
        })
    }
}

/// A number of addresses; 2^128 - 1 for all of IPv6. In JSON it is a string of decimal digits, because most
/// readers round large numbers.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Addresses(pub u128);

impl Serialize for Addresses {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Addresses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str(&text).map(Self).map_err(de::Error::custom)
    }
}

/// How many addresses have another class than before, by family. Moves that did not occur are left out.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Moved(BTreeMap<Family, BTreeMap<Move, Addresses>>);

impl Moved {
    /// The difference between two tables.
    pub fn between(before: &ClassRanges, after: &ClassRanges) -> Self {
        let mut families = BTreeMap::new();
        for family in Family::ALL {
            let moves = moves(before.of_family(family), after.of_family(family), family.last());
            if !moves.is_empty() {
                families.insert(family, moves);
            }
        }
        Self(families)
    }

    /// Whether no address has moved.
    pub fn is_nothing(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether more than a thousandth of the address space of a family has moved (L-DIR).
    pub fn is_much(&self) -> bool {
        // 2^125 is not a multiple of 1000, so a number that equals the quotient is not above the share.
        self.0.iter().any(|(family, moves)| total(moves) > family.space() / ONE_IN)
    }
}

fn total(moves: &BTreeMap<Move, Addresses>) -> u128 {
    moves.values().fold(0, |sum, Addresses(number)| sum.saturating_add(*number))
}

fn moves(before: &[Start], after: &[Start], last: u128) -> BTreeMap<Move, Addresses> {
    let both = overlay(before, after, Move::of);
    let ends = both.iter().skip(1).map(|(next, _)| next.saturating_sub(1)).chain([last]);
    let mut moves: BTreeMap<Move, Addresses> = BTreeMap::new();
    for ((start, moved), end) in both.iter().zip(ends) {
        if let Some(moved) = moved {
            let Addresses(number) = moves.entry(*moved).or_default();
            *number = number.saturating_add(end.saturating_sub(*start)).saturating_add(1);
        }
    }
    moves
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_nothing() {
            return f.write_str("no address");
        }
        let all = self.0.iter().flat_map(|(family, moves)| {
            moves.iter().map(move |(moved, Addresses(number))| (family, moved, *number))
        });
        for (index, (family, moved, number)) in all.enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let share = percent(number, family.space());
            let noun = if number == 1 { "address" } else { "addresses" };
            write!(f, "{comma}{number} {family} {noun} {moved} ({share:.4} %)")?;
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with four digits after the point")]
fn percent(number: u128, space: u128) -> f64 {
    number as f64 / space as f64 * 100.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::ranges::tests::{any_ranges, class_of, ranges};
    use super::*;

    fn v4(starts: &[(&str, &str)]) -> ClassRanges {
        ranges(starts, &[("::", "unclassified")])
    }

    #[test]
    fn nothing_has_moved() {
        let table = v4(&[("0.0.0.0", "foreign"), ("1.0.0.0", "domestic")]);
        let moved = Moved::between(&table, &table);
        assert!(moved.is_nothing() && !moved.is_much());
        assert_eq!(moved.to_string(), "no address");
        assert_eq!(serde_json::to_string(&moved).unwrap(), "{}");
    }

    #[test]
    fn what_has_moved_is_counted_and_told() {
        let before = ranges(
            &[("0.0.0.0", "unclassified"), ("1.0.0.0", "domestic"), ("1.1.0.0", "foreign")],
            &[("::", "unclassified"), ("2001:200::", "domestic"), ("2001:201::", "foreign")],
        );
        let after = ranges(
            &[("0.0.0.0", "unclassified"), ("1.0.1.0", "domestic"), ("1.0.255.255", "foreign")],
            &[("::", "unclassified"), ("2001:201::", "foreign")],
        );
        let moved = Moved::between(&before, &after);
        assert_eq!(
            moved.to_string(),
            "1 IPv4 address from domestic to foreign (0.0000 %), 256 IPv4 addresses from domestic \
             to unclassified (0.0000 %), 79228162514264337593543950336 IPv6 addresses from domestic \
             to unclassified (0.0000 %)"
        );
        let json = r#"{"ipv4":{"domestic-to-foreign":"1","domestic-to-unclassified":"256"},"ipv6":{"domestic-to-unclassified":"79228162514264337593543950336"}}"#;
        assert_eq!(serde_json::to_string(&moved).unwrap(), json);
        assert_eq!(serde_json::from_str::<Moved>(json).unwrap(), moved);
    }

    #[test]
    fn more_than_a_thousandth_is_much() {
        let nothing = ranges(&[("0.0.0.0", "unclassified")], &[("::", "unclassified")]);
        // A thousandth of 2^32 is 4294967.3 addresses.
        let upto = |address: &str| {
            v4(&[("0.0.0.0", "unclassified"), ("16.0.0.0", "foreign"), (address, "unclassified")])
        };
        for (end, is_much) in [("16.65.137.55", false), ("16.65.137.56", true)] {
            for (before, after) in [(&nothing, &upto(end)), (&upto(end), &nothing)] {
                assert_eq!(Moved::between(before, after).is_much(), is_much, "{end}");
            }
        }
        // Moves of several kinds count together.
        let both = v4(&[
            ("0.0.0.0", "unclassified"),
            ("16.0.0.0", "foreign"),
            ("16.48.0.0", "domestic"),
            ("16.80.0.0", "unclassified"),
        ]);
        assert!(Moved::between(&nothing, &both).is_much());
        // A thousandth of 2000::/3 is a little more than a /13, which has eight of 8192 /16.
        for (end, is_much) in [("2008::", false), ("2009::", true)] {
            let v6 = [("::", "unclassified"), ("2000::", "domestic"), (end, "unclassified")];
            let after = ranges(&[("0.0.0.0", "unclassified")], &v6);
            let moved = Moved::between(&nothing, &after);
            assert_eq!(moved.is_much(), is_much, "{end}: {moved}");
        }
        let all = ranges(&[("0.0.0.0", "foreign")], &[("::", "foreign")]);
        let moved = Moved::between(&nothing, &all);
        let words = "4294967296 IPv4 addresses from unclassified to foreign (100.0000 %)";
        assert!(moved.is_much() && moved.to_string().starts_with(words), "{moved}");
    }

    proptest! {
        /// Against counting: every range of either table, looked up in both.
        #[test]
        fn agrees_with_looking_up(before in any_ranges(), after in any_ranges()) {
            let moved = Moved::between(&before, &after);
            for family in Family::ALL {
                let mut edges: Vec<u128> = [&before, &after]
                    .into_iter()
                    .flat_map(|ranges| ranges.of_family(family).iter().map(|(start, _)| *start))
                    .collect();
                edges.sort_unstable();
                edges.dedup();
                let ends = edges.iter().skip(1).map(|next| next - 1).chain([family.last()]);
                let mut expected: BTreeMap<Move, Addresses> = BTreeMap::new();
                for (start, end) in edges.iter().zip(ends) {
                    let from = class_of(&before, family, *start);
                    if let Some(one) = Move::of(from, class_of(&after, family, *start)) {
                        let sum = expected.entry(one).or_default();
                        sum.0 = sum.0.saturating_add(end - start).saturating_add(1);
                    }
                }
                let found = moved.0.get(&family).cloned().unwrap_or_default();
                prop_assert_eq!(found, expected);
            }
            let json = serde_json::to_string(&moved).unwrap();
            prop_assert_eq!(serde_json::from_str::<Moved>(&json).unwrap(), moved);
        }
    }
}
