//! Payload prefixes, the command information of art. 22(2)(ii), as orders write them. `compile` makes the tables
//! that packets are compared with.

use serde::{Deserialize, Deserializer};

use super::json::{self, Faults, Fields, JsonPath};
use crate::rejection::FormFault;

/// The longest payload prefix that is compared, in bytes.
pub const LONGEST: usize = sensor_common::payload::LONGEST as usize;

/// A set of payload prefixes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PayloadPrefixes {
    /// SipHash-2-4 of the first `length` bytes under `key`, so that the order does not spell out
    /// the command information.
    Hashed {
        /// How many bytes are hashed, 1 to [`LONGEST`].
        length: u8,
        /// The order's own key.
        key: [u8; 16],
        /// The 64-bit results that match; never empty.
        hashes: Vec<u64>,
    },
    /// The prefixes themselves, 1 to [`LONGEST`] bytes each; never empty.
    Raw(Vec<Vec<u8>>),
}

impl PayloadPrefixes {
    /// How many bytes the shortest of them compares.
    pub fn shortest(&self) -> usize {
        match self {
            Self::Hashed { length, .. } => usize::from(*length),
            Self::Raw(list) => list.iter().map(Vec::len).min().unwrap_or_default(),
        }
    }

    /// How many prefixes the set lists.
    pub const fn count(&self) -> usize {
        match self {
            Self::Hashed { hashes, .. } => hashes.len(),
            Self::Raw(list) => list.len(),
        }
    }
}

/// 1 to [`LONGEST`] bytes, written in lower-case hexadecimal digits.
struct Hex(Vec<u8>);

/// Why a text is no [`Hex`].
#[derive(Debug, thiserror::Error)]
enum HexFault {
    #[error("hexadecimal digits are written in lower case")]
    UpperCase,
    #[error("{0} is not pairs of hexadecimal digits")]
    Pairs(String),
    #[error("is {0} bytes long, not 1 to {LONGEST}")]
    Length(usize),
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        json::text(deserializer, "hexadecimal digits", |text| {
            // A value has one spelling.
            if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
                return Err(HexFault::UpperCase);
            }
            let bytes = hex::decode(text).map_err(|_| HexFault::Pairs(json::quote(text)))?;
            if bytes.is_empty() || bytes.len() > LONGEST {
                return Err(HexFault::Length(bytes.len()));
            }
            Ok(Self(bytes))
        })
    }
}

/// Reads the prefixes of a set: either `length`, `key` and `siphash24`, or `hex` alone.
pub(super) fn take(fields: &mut Fields<'_>, faults: &mut Faults) -> Option<PayloadPrefixes> {
    let raw = fields.may::<Vec<Hex>>("hex", faults);
    let length = fields.may::<u64>("length", faults);
    let key = fields.may::<Hex>("key", faults);
    let hashes = fields.may::<Vec<Hex>>("siphash24", faults);
    match (raw?, length?, key?, hashes?) {
        (Some(list), None, None, None) => {
            if list.is_empty() {
                faults.add(&fields.at("hex"), FormFault::Empty);
                return None;
            }
            Some(PayloadPrefixes::Raw(list.into_iter().map(|Hex(bytes)| bytes).collect()))
        }
        (None, Some(length), Some(key), Some(hashes)) => {
            let length = in_range(length, &fields.at("length"), faults);
            let key = exactly(key, &fields.at("key"), faults);
            let here = fields.at("siphash24");
            if hashes.is_empty() {
                faults.add(&here, FormFault::Empty);
                return None;
            }
            let hash =
                |(index, hash)| exactly(hash, &here.member(index), faults).map(u64::from_be_bytes);
            let hashes: Option<Vec<u64>> = hashes.into_iter().enumerate().map(hash).collect();
            Some(PayloadPrefixes::Hashed { length: length?, key: key?, hashes: hashes? })
        }
        _ => {
            let both = "`hex` alone, and `length` with `key` and `siphash24`";
            faults.add(&fields.place(), FormFault::OneOf(both));
            None
        }
    }
}

fn in_range(value: u64, here: &JsonPath, faults: &mut Faults) -> Option<u8> {
    let high = LONGEST as u64;
    let length = u8::try_from(value).ok().filter(|length| (1..=high).contains(&(*length).into()));
    if length.is_none() {
        faults.add(here, FormFault::Range { value, low: 1, high });
    }
    length
}

/// Turns bytes into a value of `N` bytes.
fn exactly<const N: usize>(
    Hex(bytes): Hex,
    here: &JsonPath,
    faults: &mut Faults,
) -> Option<[u8; N]> {
    let read = bytes.try_into().ok();
    if read.is_none() {
        faults.add(here, FormFault::Digits(2 * N));
    }
    read
}

#[cfg(test)]
mod tests {
    use super::super::selection::PayloadSet;
    use super::*;

    fn read(json: &str) -> Result<PayloadPrefixes, String> {
        let mut faults = Faults::new("f");
        let set = Fields::of_document(json.as_bytes(), &mut faults)
            .and_then(|fields| PayloadSet::read(fields, &mut faults));
        faults.or(set).map(|set| set.prefixes).map_err(|faults| faults.to_string())
    }

    #[test]
    fn both_forms() {
        let key = "00112233445566778899aabbccddeeff";
        let json = format!(
            r#"{{"ground":"g","length":16,"key":"{key}","siphash24":["0123456789abcdef"]}}"#
        );
        let PayloadPrefixes::Hashed { length, hashes, key } = read(&json).unwrap() else {
            panic!("must be hashed");
        };
        assert_eq!((length, key[1], hashes), (16, 0x11, vec![0x0123_4567_89ab_cdef]));
        assert_eq!(
            read(r#"{"ground":"g","hex":["474554202f"]}"#).unwrap(),
            PayloadPrefixes::Raw(vec![b"GET /".to_vec()])
        );
    }

    #[test]
    fn refusals() {
        let key = "00112233445566778899aabbccddeeff";
        let long = "ab".repeat(65);
        for (json, why) in [
            (String::new(), "f: needs exactly one of `hex` alone"),
            (r#","hex":[]"#.to_owned(), "f: hex: is an empty list"),
            (r#","hex":["4"]"#.to_owned(), "f: hex[0]: `4` is not pairs of hexadecimal digits"),
            (r#","hex":["4G"]"#.to_owned(), "lower case"),
            (r#","hex":["AB"]"#.to_owned(), "lower case"),
            (r#","hex":[""]"#.to_owned(), "is 0 bytes long"),
            (format!(r#","hex":["{long}"]"#), "is 65 bytes long"),
            (r#","hex":["abababab"],"length":1"#.to_owned(), "needs exactly one of"),
            (r#","hex":null"#.to_owned(), "expected a list, found null"),
            (format!(r#","length":16,"key":"{key}""#), "needs exactly one of"),
            (format!(r#","length":16,"key":"{key}","siphash24":[]"#), "siphash24: is an empty"),
            (
                format!(r#","length":0,"key":"{key}","siphash24":["0123456789abcdef"]"#),
                "length: 0 is not within 1 to 64",
            ),
            (
                format!(r#","length":65,"key":"{key}","siphash24":["0123456789abcdef"]"#),
                "length: 65 is not within 1 to 64",
            ),
            (
                format!(r#","length":16,"key":"{key}00","siphash24":["0123456789abcdef"]"#),
                "key: is not 32 hexadecimal digits",
            ),
            (
                format!(r#","length":16,"key":"{key}","siphash24":["0123456789abcd"]"#),
                "siphash24[0]: is not 16 hexadecimal digits",
            ),
        ] {
            let error = read(&format!(r#"{{"ground":"g"{json}}}"#)).expect_err(&json);
            assert!(error.contains(why), "{error}");
        }
    }
}
