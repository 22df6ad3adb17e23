//! A case of the corpus: a document that is accepted, what is changed in it, and the refusal.

use std::collections::BTreeMap;

use controller::order::Kind;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::common::{Bases, filled, sealed};

/// One line of a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) base: Option<String>,
    pub(crate) after: Option<String>,
    pub(crate) signers: Option<Vec<u8>>,
    #[serde(default)]
    document: Change,
    #[serde(default)]
    envelope: Change,
    pub(crate) refusal: String,
}

/// What is done to a JSON text.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Change {
    set: BTreeMap<String, Value>,
    copy: BTreeMap<String, String>,
    remove: Vec<String>,
    swap: Option<(String, String)>,
    text: Option<String>,
    hex: Option<String>,
}

impl Case {
    /// The case's document; in an envelope, unless nobody signs its kind.
    pub(crate) fn bytes(&self, bases: &Bases, kind: Kind, base: &str, signers: &[u8]) -> Vec<u8> {
        let base = self.base.as_deref().unwrap_or(base);
        let document = self.document.apply(&self.name, bases.documents[base].clone());
        if signers.is_empty() {
            return document;
        }
        let signers = self.signers.as_deref().unwrap_or(signers);
        let sealed = sealed(kind, document, signers);
        self.envelope.apply(&self.name, serde_json::from_slice(&sealed).unwrap())
    }
}

impl Change {
    fn apply(&self, name: &str, mut document: Value) -> Vec<u8> {
        if let Some(digits) = &self.hex {
            return hex::decode(digits).unwrap();
        }
        if let Some(text) = &self.text {
            return filled(text).into_bytes();
        }
        for (pointer, value) in &self.set {
            let value: Value = serde_json::from_str(&filled(&expanded(value).to_string())).unwrap();
            put(&mut document, pointer, value);
        }
        for (pointer, from) in &self.copy {
            let value = document.pointer(from).unwrap_or_else(|| panic!("{name}: no {from}"));
            let value = value.clone();
            put(&mut document, pointer, value);
        }
        for pointer in &self.remove {
            let (parent, field) = pointer.rsplit_once('/').unwrap();
            let parent = document.pointer_mut(parent).unwrap().as_object_mut().unwrap();
            parent.remove(field).unwrap_or_else(|| panic!("{name}: no {pointer}"));
        }
        let text = document.to_string();
        let Some((old, new)) = &self.swap else { return text.into_bytes() };
        let swapped = text.replacen(old, new, 1);
        assert_ne!(swapped, text, "{name}: {old} is not in {text}");
        swapped.into_bytes()
    }
}

fn put(document: &mut Value, pointer: &str, value: Value) {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Array(list) if field == "-" => list.push(value),
        Value::Array(list) => list[field.parse::<usize>().unwrap()] = value,
        parent => parent[field] = value,
    }
}

/// `{"$times": N, "$of": V}` written out, at any depth.
fn expanded(value: &Value) -> Value {
    match value {
        Value::Object(fields) => match (fields.get("$times"), fields.get("$of")) {
            (Some(times), Some(Value::String(text))) => {
                json!(text.repeat(usize::try_from(times.as_u64().unwrap()).unwrap()))
            }
            (Some(times), Some(item)) => {
                (0..times.as_u64().unwrap()).map(|number| numbered(item, number)).collect()
            }
            _ => fields.iter().map(|(name, value)| (name.clone(), expanded(value))).collect(),
        },
        Value::Array(list) => list.iter().map(expanded).collect(),
        other => other.clone(),
    }
}

fn numbered(value: &Value, number: u64) -> Value {
    let text = value.to_string().replace('#', &number.to_string());
    serde_json::from_str(&text).unwrap()
}
