//! Reading an object field by field. Reading goes on after a fault, so that one reading finds every fault of a
//! document. Each value is decoded by itself, straight from the text.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{as_text, fault, known, place, quote};
use crate::rejection::{FormFault, Reason, Rejection, Rejections};

/// The most faults of one document that are reported.
const MOST: usize = 50;

/// The faults found in a document so far.
#[derive(Debug)]
pub(in crate::order) struct Faults {
    file: String,
    found: Vec<Rejection>,
}

/// Where a fault lies, as a JSON path such as `rules[0].source`.
#[derive(Clone, Debug, Default)]
pub(in crate::order) struct JsonPath(String);

impl JsonPath {
    /// The document as a whole.
    pub(in crate::order) fn top() -> Self {
        Self::default()
    }

    /// A field of what is here.
    pub(in crate::order) fn field(&self, name: &str) -> Self {
        let dot = if self.0.is_empty() { "" } else { "." };
        Self(format!("{}{dot}{name}", self.0))
    }

    /// A member of the list that is here.
    pub(in crate::order) fn member(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    /// A path below this one, as `serde_path_to_error` writes it.
    fn below(&self, path: &str) -> Self {
        let dot =
            if path.is_empty() || path.starts_with('[') || self.0.is_empty() { "" } else { "." };
        Self(format!("{}{dot}{path}", self.0))
    }
}

impl Faults {
    /// No faults.
    pub(in crate::order) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), found: Vec::new() }
    }

    /// Adds a fault, unless there are too many already.
    pub(in crate::order) fn add(&mut self, place: &JsonPath, reason: impl Into<Reason>) {
        if self.found.len() >= MOST {
            return;
        }
        let rejection = Rejection::new(&self.file, reason);
        let field = &place.0;
        self.found.push(if field.is_empty() { rejection } else { rejection.at(field) });
    }

    /// Whether there are none.
    pub(in crate::order) const fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The value that was read, if there are no faults.
    pub(in crate::order) fn or<T>(self, value: Option<T>) -> Result<T, Rejections> {
        let Self { file, found } = self;
        Rejections::none(found)?;
        // Not reached: every missing value left a fault.
        value.ok_or_else(|| Rejection::new(file, FormFault::Missing).into())
    }

    /// Ends the reading: the faults as an error, if there are any.
    pub(in crate::order) fn end(self) -> Result<(), Rejections> {
        Rejections::none(self.found)
    }
}

/// The fields of an object, not yet decoded.
#[expect(clippy::struct_field_names, reason = "`fields` holds the fields")]
#[derive(Debug)]
pub(in crate::order) struct Fields<'a> {
    place: JsonPath,
    fields: Vec<(String, &'a RawValue)>,
    asked: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// The fields of a document.
    pub(in crate::order) fn of_document(bytes: &'a [u8], faults: &mut Faults) -> Option<Self> {
        let text = match as_text(bytes) {
            Ok(text) => text,
            Err(fault) => {
                faults.add(&JsonPath::top(), fault);
                return None;
            }
        };
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let listed = Listed::deserialize(&mut deserializer).and_then(|listed| {
            deserializer.end().map(|()| Ok(listed)).or_else(|error| Ok(Err(error)))
        });
        match listed {
            Ok(Ok(listed)) => Some(Self::listed(JsonPath::top(), listed, faults)),
            Ok(Err(error)) => {
                faults.add(&JsonPath::top(), FormFault::Trailing(place(&error)));
                None
            }
            Err(error) => {
                faults.add(&JsonPath::top(), fault(&error, &place(&error)).1);
                None
            }
        }
    }

    /// The fields of an object within a document.
    pub(in crate::order) fn of_value(
        here: JsonPath,
        value: &'a RawValue,
        faults: &mut Faults,
    ) -> Option<Self> {
        let listed = decode(&here, value, faults)?;
        Some(Self::listed(here, listed, faults))
    }

    fn listed(here: JsonPath, listed: Listed<'a>, faults: &mut Faults) -> Self {
        for name in listed.twice {
            faults.add(&here.field(&shortened(&name)), FormFault::Twice);
        }
        Self { place: here, fields: listed.fields, asked: Vec::new() }
    }

    /// Where the object is.
    pub(in crate::order) fn place(&self) -> JsonPath {
        self.place.clone()
    }

    /// Where one of the fields is.
    pub(in crate::order) fn at(&self, name: &str) -> JsonPath {
        self.place.field(name)
    }

    /// The undecoded value of a field, if the field is there.
    pub(in crate::order) fn raw(&mut self, name: &'static str) -> Option<&'a RawValue> {
        self.asked.push(name);
        let index = self.fields.iter().position(|(known, _)| known == name)?;
        Some(self.fields.swap_remove(index).1)
    }

    /// The undecoded value of a required field.
    pub(in crate::order) fn must(
        &mut self,
        name: &'static str,
        faults: &mut Faults,
    ) -> Option<&'a RawValue> {
        let raw = self.raw(name);
        if raw.is_none() {
            faults.add(&self.at(name), FormFault::Missing);
        }
        raw
    }

    /// The value of a required field.
    pub(in crate::order) fn take<T: Deserialize<'a>>(
        &mut self,
        name: &'static str,
        faults: &mut Faults,
    ) -> Option<T> {
        let raw = self.must(name, faults)?;
        decode(&self.at(name), raw, faults)
    }

    /// The value of an optional field. The outer `None`: the value is wrong.
    #[expect(clippy::option_option, reason = "wrong, absent and present are three outcomes")]
    pub(in crate::order) fn may<T: Deserialize<'a>>(
        &mut self,
        name: &'static str,
        faults: &mut Faults,
    ) -> Option<Option<T>> {
        match self.raw(name) {
            None => Some(None),
            Some(raw) => decode(&self.at(name), raw, faults).map(Some),
        }
    }

    /// The object in a required field.
    pub(in crate::order) fn object(
        &mut self,
        name: &'static str,
        faults: &mut Faults,
    ) -> Option<Self> {
        let raw = self.must(name, faults)?;
        Self::of_value(self.at(name), raw, faults)
    }

    /// The undecoded members of the list in a required field, each with its path.
    pub(in crate::order) fn list(
        &mut self,
        name: &'static str,
        faults: &mut Faults,
    ) -> Option<Vec<(JsonPath, &'a RawValue)>> {
        let raw = self.must(name, faults)?;
        let here = self.at(name);
        let list: Vec<&'a RawValue> = decode(&here, raw, faults)?;
        Some(list.into_iter().enumerate().map(|(n, raw)| (here.member(n), raw)).collect())
    }

    /// The fields of an object whose keys are names, each with its path.
    pub(in crate::order) fn names(self) -> Vec<(String, JsonPath, &'a RawValue)> {
        let Self { place, fields, .. } = self;
        fields
            .into_iter()
            .map(|(name, raw)| {
                let here = place.field(&shortened(&name));
                (name, here, raw)
            })
            .collect()
    }

    /// Reports the fields that nobody asked for.
    pub(in crate::order) fn end(self, faults: &mut Faults) {
        for (name, _) in &self.fields {
            let known = FormFault::Unknown(self.asked.join(", "));
            faults.add(&self.place.field(&shortened(name)), known);
        }
    }
}

/// A name in a path, cut to a bounded length.
fn shortened(name: &str) -> String {
    const LONGEST: usize = 64;
    match name.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
        None => name.to_owned(),
    }
}

/// Decodes a value into the type of its field.
pub(in crate::order) fn decode<'a, T: Deserialize<'a>>(
    here: &JsonPath,
    value: &'a RawValue,
    faults: &mut Faults,
) -> Option<T> {
    let mut deserializer = serde_json::Deserializer::from_str(value.get());
    let read: Result<T, serde_path_to_error::Error<serde_json::Error>> =
        serde_path_to_error::deserialize(&mut deserializer);
    match read {
        Ok(value) => Some(value),
        Err(error) => {
            let below = here.below(&known(&error.path().to_string()));
            let (name, fault) = fault(error.inner(), "");
            faults.add(&name.map_or_else(|| below.clone(), |name| below.field(&name)), fault);
            None
        }
    }
}

/// The names and values of an object in file order, and the names that stand there twice.
#[derive(Debug)]
struct Listed<'a> {
    fields: Vec<(String, &'a RawValue)>,
    twice: Vec<String>,
}

impl<'de> Deserialize<'de> for Listed<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListedVisitor;

        impl<'de> Visitor<'de> for ListedVisitor {
            type Value = Listed<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields: Vec<(String, &'de RawValue)> = Vec::new();
                let mut seen = std::collections::HashSet::new();
                let mut twice = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    if seen.insert(name.clone()) {
                        fields.push((name, value));
                    } else {
                        twice.push(name);
                    }
                }
                Ok(Listed { fields, twice })
            }
        }

        deserializer.deserialize_map(ListedVisitor)
    }
}

/// Checks the schema that a document names. For a document of version 1 it reports what to do instead, and
/// returns `false`: nothing else of it is worth reporting.
pub(in crate::order) fn schema(
    fields: &mut Fields<'_>,
    own: &'static str,
    faults: &mut Faults,
) -> bool {
    let Some(found) = fields.take::<String>("schema", faults) else { return true };
    let here = fields.at("schema");
    if let Some(instead) = super::super::kind::outdated(&found) {
        faults.add(&here, FormFault::Outdated { found: quote(&found), instead });
        return false;
    }
    if found != own {
        faults.add(&here, FormFault::Schema { found: quote(&found), known: own });
    }
    true
}
