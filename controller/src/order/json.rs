//! Strict reading of JSON (RFC 8259), shared by envelopes, orders and trust files: duplicate,
//! unknown and missing fields, wrong types and trailing data are refused, and each refusal names
//! the field. `shapes` holds the shapes that fields may have. `fields` reads an object field by field and
//! goes on after a fault, so that a document with four faults gets four lines. Nothing here knows what fields
//! mean.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::files::LARGEST;
use crate::rejection::{FormFault, Rejection};

mod fields;
mod shapes;

pub(super) use fields::{Faults, Fields, JsonPath, decode, schema};
use shapes::Object;
pub(super) use shapes::{objects, text};

/// Reads one JSON object from `bytes`.
///
/// Nothing is skipped over: each value is read into the type that its field has, so an unwanted
/// nesting of any depth ends at its first bracket.
pub(super) fn parse<'de, T: Deserialize<'de>>(
    file: &str,
    bytes: &'de [u8],
) -> Result<T, Rejection> {
    let text = as_text(bytes).map_err(|fault| Rejection::new(file, fault))?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let Object(value) = serde_path_to_error::deserialize(&mut deserializer).map_err(
        |error: serde_path_to_error::Error<serde_json::Error>| {
            rejection(file, &known(&error.path().to_string()), error.inner())
        },
    )?;
    deserializer.end().map_err(|error| Rejection::new(file, FormFault::Trailing(place(&error))))?;
    Ok(value)
}

/// The text that JSON is written in.
fn as_text(bytes: &[u8]) -> Result<&str, FormFault> {
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST) {
        return Err(FormFault::TooLarge);
    }
    std::str::from_utf8(bytes).map_err(|error| FormFault::NotText(error.valid_up_to()))
}

/// The first key of a JSON object; `None` without an object or a key. It tells kinds of file apart before one
/// is read in full.
pub(super) fn first_key(bytes: &[u8]) -> Option<String> {
    struct FirstKey<'a>(&'a mut Option<String>);

    impl<'de> Visitor<'de> for FirstKey<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            *self.0 = map.next_key()?;
            Ok(())
        }
    }

    let mut key = None;
    // Always an error, because the rest of the object is left unread.
    let _ = serde_json::Deserializer::from_slice(bytes).deserialize_map(FirstKey(&mut key));
    key
}

/// The value of a field of a JSON object, if it is a string; `None` also if the JSON is wrong before it. It
/// tells kinds of file apart before one is read in full.
pub(super) fn string_field(bytes: &[u8], name: &str) -> Option<String> {
    struct Field<'a>(&'a str, &'a mut Option<String>);

    impl<'de> Visitor<'de> for Field<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(key) = map.next_key::<String>()? {
                if key == self.0 {
                    *self.1 = Some(map.next_value()?);
                    return Ok(());
                }
                map.next_value::<IgnoredAny>()?;
            }
            Ok(())
        }
    }

    let mut value = None;
    // Mostly an error, because the rest of the object is left unread.
    let _ = serde_json::Deserializer::from_slice(bytes).deserialize_map(Field(name, &mut value));
    value
}

/// A path without the parts that `serde_path_to_error` cannot name: `.` for the whole document, and `?` for a
/// name that could not be read.
fn known(path: &str) -> String {
    let path = path.strip_suffix('?').unwrap_or(path);
    path.strip_suffix('.').unwrap_or(path).to_owned()
}

/// Turns serde's message into one that a person can act on.
fn rejection(file: &str, path: &str, error: &serde_json::Error) -> Rejection {
    let (name, fault) = fault(error, &place(error));
    let field = name.map_or_else(|| path.to_owned(), |name| join(path, &name));
    let rejection = Rejection::new(file, fault);
    if field.is_empty() { rejection } else { rejection.at(field) }
}

/// The fault that serde reports, and the field below the path that it lies in. `place`: line and column.
fn fault(error: &serde_json::Error, place: &str) -> (Option<String>, FormFault) {
    let message = error.to_string();
    let message = message
        .strip_suffix(&format!(" at line {} column {}", error.line(), error.column()))
        .unwrap_or(&message);
    if error.is_eof() {
        (None, FormFault::Cut(place.to_owned()))
    } else if error.is_syntax() {
        (None, FormFault::NoJson(format!("{message}{place}")))
    } else if let Some(name) = named(message, "missing field `") {
        (Some(name.to_owned()), FormFault::Missing)
    } else if let Some(name) = named(message, "duplicate field `") {
        (Some(name.to_owned()), FormFault::Twice)
    } else if let Some(unknown) = message.strip_prefix("unknown field `") {
        let known = unknown.rsplit_once("`, expected ").map_or("none", |(_, known)| known);
        let known = known.strip_prefix("one of ").unwrap_or(known).replace('`', "");
        (None, FormFault::Unknown(known))
    } else {
        (None, plain(message))
    }
}

fn place(error: &serde_json::Error) -> String {
    // Line 0 is serde_json's "unknown".
    if error.line() == 0 {
        String::new()
    } else {
        format!(" (line {}, column {})", error.line(), error.column())
    }
}

fn named<'a>(message: &'a str, prefix: &str) -> Option<&'a str> {
    message.strip_prefix(prefix)?.strip_suffix('`')
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// "invalid type: sequence, expected u8" in words that need no knowledge of Rust.
fn plain(message: &str) -> FormFault {
    let mismatch =
        message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    let Some((found, expected)) = mismatch.and_then(|rest| rest.rsplit_once(", expected ")) else {
        return FormFault::Value(shorten(message));
    };
    let found = match found {
        "sequence" => "a list".to_owned(),
        "map" => "an object".to_owned(),
        other => shorten(other),
    };
    let expected = match expected {
        "a sequence" => "a list",
        "u8" => "a whole number from 0 to 255",
        "u64" => "a whole number",
        other => other,
    };
    FormFault::Wrong { expected: expected.to_owned(), found }
}

/// Cuts the middle out of a text that an attacker may have made long; the reason stands at one of its ends.
fn shorten(text: &str) -> String {
    const HEAD: usize = 120;
    const TAIL: usize = 140;
    let count = text.chars().count();
    if count <= HEAD + TAIL + 8 {
        return text.to_owned();
    }
    let head: String = text.chars().take(HEAD).collect();
    let tail: String = text.chars().skip(count - TAIL).collect();
    format!("{head} … {tail}")
}

/// Quotes a value from a file for a message, cut to a bounded length.
pub(super) fn quote(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("`{}…`", text.get(..end).unwrap_or_default()),
        None => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[serde(deserialize_with = "objects")]
        items: Vec<Item>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Item {
        share: u8,
        #[expect(dead_code, reason = "only its type matters")]
        name: String,
    }

    fn refusal(json: &[u8]) -> String {
        parse::<Sample>("f", json).expect_err("must be refused").to_string()
    }

    #[test]
    fn reads_what_is_right() {
        let sample: Sample = parse("f", br#"{"items":[{"share":3,"name":"a"}]} "#).unwrap();
        assert_eq!(sample.items[0].share, 3);
    }

    #[test]
    fn refusals_name_the_field() {
        let table: &[(&[u8], &str)] = &[
            (b"", "f: the file ends in the middle of the JSON (line 1, column 0)"),
            (b"\xff{}", "f: is not UTF-8 text: byte 0 is wrong"),
            (b"[]", "f: expected an object, found a list"),
            (b"{}", "f: items: is missing"),
            (
                b"{\"items\":[]} {}",
                "f: something follows the end of the JSON object (line 1, column 14)",
            ),
            (b"{\"items\":[],\"items\":[]}", "f: items: stands twice"),
            (b"{\"items\":[],\"x\":1}", "f: x: is no field that is known here; there are items"),
            (b"{\"items\":[[1,\"a\"]]}", "f: items[0]: expected an object, found a list"),
            (b"{\"items\":[{\"share\":1}]}", "f: items[0].name: is missing"),
            (
                b"{\"items\":[{\"share\":300}]}",
                "f: items[0].share: expected a whole number from 0 to 255, found integer `300`",
            ),
            (
                b"{\"items\":[{\"share\":1,\"name\":null}]}",
                "f: items[0].name: expected a string, found null",
            ),
            (b"{'items'}", "f: not valid JSON: key must be a string (line 1, column 2)"),
            (
                b"{\"items\":[{\"share\":1,}]}",
                "f: items[0]: not valid JSON: trailing comma (line 1, column 22)",
            ),
            (b"{\"items\":[,]}", "f: items[0]: not valid JSON: expected value (line 1, column 11)"),
        ];
        for (json, expected) in table {
            assert_eq!(refusal(json), *expected, "{}", String::from_utf8_lossy(json));
        }
    }

    #[test]
    fn deep_nesting_ends_at_its_first_bracket() {
        let deep = vec![b'['; 10_000_000];
        assert_eq!(refusal(&deep), "f: expected an object, found a list");
        let mut inside = br#"{"items":[{"name":"#.to_vec();
        inside.extend_from_slice(&deep);
        assert_eq!(refusal(&inside), "f: items[0].name: expected a string, found a list");
    }

    #[test]
    fn long_values_keep_the_reason_readable() {
        let json = format!("{{\"items\":[{{\"share\":\"{}\"}}]}}", "あ".repeat(100_000));
        let refusal = refusal(json.as_bytes());
        assert!(
            refusal.contains("expected a whole number from 0 to 255, found string"),
            "{refusal}"
        );
        assert!(refusal.chars().count() < 500);
    }

    #[test]
    fn the_first_key_tells_files_apart() {
        assert_eq!(first_key(br#" {"payload":[[["#).as_deref(), Some("payload"));
        for none in ["", "[]", "{}", "{1:2}", "\u{feff}{}"] {
            assert_eq!(first_key(none.as_bytes()), None, "{none}");
        }
    }
}
