//! Every field of every document: missing, doubled, of a wrong type, beside an unknown one.

use controller::order::DocumentKind;
use serde_json::{Map, Value, json};

use crate::Case;
use crate::documents::{KINDS, document, signed_and_judged};

/// A field of a document: where its object is, and what it is called.
struct Field {
    /// JSON pointer of the object.
    parent: String,
    name: String,
    /// As refusals write it.
    path: String,
    /// Whether the object's keys are names that somebody chose.
    is_named: bool,
}

/// Objects whose keys are names.
const NAMED: [&str; 5] = ["sensors", "address_sets", "payload_prefixes", "keys", "roles"];

/// Fields that may be absent.
fn is_optional(kind: DocumentKind, path: &str) -> bool {
    let basis =
        ["extends", "criteria.protocols", "handling.retention_years", "handling.barred_grounds"];
    let in_rule =
        ["protocol", "destination_ports", "source_ports", "destination", "payload", "source"];
    match kind {
        DocumentKind::Approval => basis.contains(&path),
        DocumentKind::Agreement => basis.contains(&path) || path == "consents",
        DocumentKind::Order => {
            path == "payload_prefixes"
                || path.split_once("].").is_some_and(|(_, field)| in_rule.contains(&field))
        }
        DocumentKind::Revocation | DocumentKind::Trust => false,
    }
}

/// Fields that are absent only together with others, for a reason of its own at another place.
fn missing_is_told_elsewhere(path: &str) -> bool {
    path.ends_with("approval_id")
        && !path.starts_with("approval_id")
        && !path.starts_with("extends")
        || path.starts_with("payload_prefixes.") && !path.ends_with(".ground")
        || path.ends_with("].either")
}

fn fields_of(value: &Value, parent: &str, path: &str, is_named: bool, found: &mut Vec<Field>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                let inner = format!("{path}{dot}{name}");
                let (parent_of, name_of) = (parent.to_owned(), name.clone());
                found.push(Field {
                    parent: parent_of,
                    name: name_of,
                    path: inner.clone(),
                    is_named,
                });
                let pointer = format!("{parent}/{name}");
                // A role `party:acme` and a key's name hold nothing that a pointer would escape.
                fields_of(value, &pointer, &inner, NAMED.contains(&name.as_str()), found);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                fields_of(
                    value,
                    &format!("{parent}/{index}"),
                    &format!("{path}[{index}]"),
                    false,
                    found,
                );
            }
        }
        _ => {}
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in KINDS {
        let whole = document(kind);
        let mut fields = Vec::new();
        fields_of(&whole, "", "", false, &mut fields);
        let mut objects: Vec<(String, String)> = Vec::new();
        for field in &fields {
            missing(kind, &whole, field, &mut cases);
            doubled(kind, &whole, field, &mut cases);
            wrong_types(kind, &whole, field, &mut cases);
            let object = (field.parent.clone(), field.path.clone());
            if !field.is_named && !objects.iter().any(|(parent, _)| *parent == object.0) {
                unknown(kind, &whole, field, &mut cases);
                objects.push(object);
            }
        }
        texts(kind, &whole, &mut cases);
    }
    cases
}

fn object<'a>(whole: &'a mut Value, field: &Field) -> &'a mut Map<String, Value> {
    whole.pointer_mut(&field.parent).unwrap().as_object_mut().unwrap()
}

fn missing(kind: DocumentKind, whole: &Value, field: &Field, cases: &mut Vec<Case>) {
    let Field { path, name, is_named, .. } = field;
    if *is_named || is_optional(kind, path) || missing_is_told_elsewhere(path) {
        return;
    }
    let mut document = whole.clone();
    object(&mut document, field).remove(name);
    cases.push(Case {
        name: format!("{}: {path} is missing", kind.noun()),
        field: Some(path.clone()),
        reason: "Form.Missing",
        outcome: signed_and_judged(kind, document.to_string().as_bytes()),
    });
}

fn doubled(kind: DocumentKind, whole: &Value, field: &Field, cases: &mut Vec<Case>) {
    let mut document = whole.clone();
    let fields = object(&mut document, field);
    // A field under a name that stands for its own, so that the text can be changed at that place.
    let value = fields.remove(&field.name).unwrap();
    fields.insert("\u{1}".to_owned(), value.clone());
    let (name, value) = (json!(field.name).to_string(), value.to_string());
    let text = document.to_string().replacen("\"\\u0001\":", &format!("{name}:{value},{name}:"), 1);
    cases.push(Case {
        name: format!("{}: {} stands twice", kind.noun(), field.path),
        field: Some(field.path.clone()),
        reason: "Form.Twice",
        outcome: signed_and_judged(kind, text.as_bytes()),
    });
}

fn wrong_types(kind: DocumentKind, whole: &Value, field: &Field, cases: &mut Vec<Case>) {
    let before = object(&mut whole.clone(), field)[&field.name].clone();
    for (what, value) in [
        ("null", Value::Null),
        ("a boolean", json!(true)),
        ("a fraction", json!(1.5)),
        ("a list", json!([[]])),
        ("an object", json!({"": 0})),
    ] {
        let may_be_null =
            value.is_null() && ["extends", "payload_prefixes"].contains(&field.name.as_str());
        let same = |value: &Value| {
            value.is_array() && before.is_array() || value.is_object() && before.is_object()
        };
        if may_be_null || same(&value) {
            continue;
        }
        let mut document = whole.clone();
        object(&mut document, field).insert(field.name.clone(), value);
        cases.push(Case {
            name: format!("{}: {} is {what}", kind.noun(), field.path),
            field: Some(field.path.clone()),
            reason: "Form.Wrong",
            outcome: signed_and_judged(kind, document.to_string().as_bytes()),
        });
    }
}

fn unknown(kind: DocumentKind, whole: &Value, field: &Field, cases: &mut Vec<Case>) {
    let mut document = whole.clone();
    object(&mut document, field).insert("neighbour".to_owned(), json!(1));
    let place = field.path.strip_suffix(&field.name).unwrap();
    cases.push(Case {
        name: format!("{}: {place}neighbour is unknown", kind.noun()),
        field: Some(format!("{place}neighbour")),
        reason: "Form.Unknown",
        outcome: signed_and_judged(kind, document.to_string().as_bytes()),
    });
}

/// What is no document at all.
fn texts(kind: DocumentKind, whole: &Value, cases: &mut Vec<Case>) {
    let text = whole.to_string();
    for (what, bytes, reason) in [
        ("nothing", Vec::new(), "Form.Cut"),
        ("a list", b"[]".to_vec(), "Form.Wrong"),
        ("cut", text[..text.len() - 1].into(), "Form.Cut"),
        ("with something behind it", format!("{text} x").into_bytes(), "Form.Trailing"),
        ("no JSON", b"{'a': 1}".to_vec(), "Form.NoJson"),
        ("no text", b"{\"schema\":\"\xff\"}".to_vec(), "Form.NotText"),
    ] {
        cases.push(Case {
            name: format!("{}: {what}", kind.noun()),
            field: None,
            reason,
            outcome: signed_and_judged(kind, &bytes),
        });
    }
}
