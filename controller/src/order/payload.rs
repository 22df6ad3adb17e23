//! Payload prefixes, the command information of art. 22(2)(ii): what an order may write, checked
//! in full. The tables that packets are compared with are made in `compile`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::json::{self, UniqueMap};

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
    /// How many the set lists.
    pub const fn count(&self) -> usize {
        match self {
            Self::Hashed { hashes, .. } => hashes.len(),
            Self::Raw(list) => list.len(),
        }
    }
}

/// As it stands in the file; which fields belong together is decided afterwards.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default, deserialize_with = "json::present")]
    length: Option<u8>,
    #[serde(default, deserialize_with = "json::present")]
    key: Option<Hex>,
    #[serde(default, deserialize_with = "json::present")]
    siphash24: Option<Vec<Hex>>,
    #[serde(default, deserialize_with = "json::present")]
    hex: Option<Vec<Hex>>,
}

/// Bytes in lower-case hexadecimal digits, between 1 and [`LONGEST`] of them.
struct Hex(Vec<u8>);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        json::text(deserializer, "hexadecimal digits", |text| {
            // One spelling for one value: upper case is refused.
            if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
                return Err("hexadecimal digits are written in lower case".to_owned());
            }
            let bytes = hex::decode(text)
                .map_err(|_| format!("{} is not pairs of hexadecimal digits", json::quote(text)))?;
            if bytes.is_empty() || bytes.len() > LONGEST {
                return Err(format!("is {} bytes long, not 1 to {LONGEST}", bytes.len()));
            }
            Ok(Self(bytes))
        })
    }
}

impl TryFrom<Written> for PayloadPrefixes {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written { length: Some(length), key: Some(key), siphash24: Some(list), hex: None } => {
                if length == 0 || usize::from(length) > LONGEST {
                    return Err(format!("length is {length}, not 1 to {LONGEST}"));
                }
                let key = key.0.try_into().map_err(|_| "key is not 32 hexadecimal digits")?;
                let hashes: Result<Vec<u64>, String> =
                    list.into_iter()
                        .enumerate()
                        .map(|(index, hash)| {
                            hash.0.try_into().map(u64::from_be_bytes).map_err(|_| {
                                format!("siphash24[{index}] is not 16 hexadecimal digits")
                            })
                        })
                        .collect();
                let hashes = hashes?;
                if hashes.is_empty() {
                    return Err("siphash24 is empty and can never match".to_owned());
                }
                Ok(Self::Hashed { length, key, hashes })
            }
            Written { length: None, key: None, siphash24: None, hex: Some(list) } => {
                if list.is_empty() {
                    return Err("hex is empty and can never match".to_owned());
                }
                Ok(Self::Raw(list.into_iter().map(|Hex(bytes)| bytes).collect()))
            }
            _ => Err("needs either length, key and siphash24, or hex alone".to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for PayloadPrefixes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written: Written = json::object(deserializer)?;
        Self::try_from(written).map_err(serde::de::Error::custom)
    }
}

/// `deserialize_with` for named prefix sets; `null` is none.
pub(super) fn named_prefixes<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, PayloadPrefixes>, D::Error> {
    let sets: Option<UniqueMap<PayloadPrefixes>> = Option::deserialize(deserializer)?;
    Ok(sets.map(|UniqueMap(sets)| sets).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<PayloadPrefixes, String> {
        json::parse("f", json.as_bytes()).map_err(|rejection| rejection.to_string())
    }

    #[test]
    fn both_forms() {
        let key = "00112233445566778899aabbccddeeff";
        let json = format!(r#"{{"length":16,"key":"{key}","siphash24":["0123456789abcdef"]}}"#);
        let PayloadPrefixes::Hashed { length, hashes, key } = read(&json).unwrap() else {
            panic!("must be hashed");
        };
        assert_eq!((length, key[1], hashes), (16, 0x11, vec![0x0123_4567_89ab_cdef]));
        assert_eq!(
            read(r#"{"hex":["474554202f"]}"#).unwrap(),
            PayloadPrefixes::Raw(vec![b"GET /".to_vec()])
        );
    }

    #[test]
    fn refusals() {
        let key = "00112233445566778899aabbccddeeff";
        let long = "ab".repeat(65);
        for (json, why) in [
            ("{}".to_owned(), "needs either length"),
            (r#"{"hex":[]}"#.to_owned(), "hex is empty"),
            (r#"{"hex":["4"]}"#.to_owned(), "hex[0]: `4` is not pairs of hexadecimal digits"),
            (r#"{"hex":["4G"]}"#.to_owned(), "lower case"),
            (r#"{"hex":["AB"]}"#.to_owned(), "lower case"),
            (r#"{"hex":[""]}"#.to_owned(), "is 0 bytes long"),
            (format!(r#"{{"hex":["{long}"]}}"#), "is 65 bytes long"),
            (r#"{"hex":["ab"],"length":1}"#.to_owned(), "needs either length"),
            (r#"{"hex":null}"#.to_owned(), "expected a list, found null"),
            (format!(r#"{{"length":16,"key":"{key}"}}"#), "needs either length"),
            (format!(r#"{{"length":16,"key":"{key}","siphash24":[]}}"#), "siphash24 is empty"),
            (
                format!(r#"{{"length":0,"key":"{key}","siphash24":["0123456789abcdef"]}}"#),
                "length is 0",
            ),
            (
                format!(r#"{{"length":65,"key":"{key}","siphash24":["0123456789abcdef"]}}"#),
                "length is 65",
            ),
            (
                format!(r#"{{"length":16,"key":"{key}00","siphash24":["0123456789abcdef"]}}"#),
                "key is not 32",
            ),
            (
                format!(r#"{{"length":16,"key":"{key}","siphash24":["0123456789abcd"]}}"#),
                "siphash24[0] is not 16",
            ),
        ] {
            let error = read(&json).expect_err(&json);
            assert!(error.contains(why), "{error}");
        }
    }
}
