//! Documents that must be refused, made by field and by role: for every field of every document missing,
//! doubled, of a wrong type, out of range and beside an unknown one; for every role one signature short, the
//! right number in the wrong role, a revoked key. Each refusal is a typed reason at a field.
//!
//! Three questions: is each refused for this reason at this field, are there enough, and does every reason
//! that the code can give come up?

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "corpus/documents.rs"]
mod documents;
#[path = "corpus/fields.rs"]
mod fields;
#[path = "corpus/following.rs"]
mod following;
#[path = "corpus/ranges.rs"]
mod ranges;
#[path = "corpus/signers.rs"]
mod signers;

use std::collections::BTreeSet;

use controller::rejection::{Reason, Rejections};

/// The fewest documents that the corpus may hold.
const FEWEST: usize = 600;

/// A document that must be refused.
pub(crate) struct Case {
    /// What was done to it.
    pub(crate) name: String,
    /// Where it must be refused; `None`: as a whole.
    pub(crate) field: Option<String>,
    /// Why, as [`name_of`] says it.
    pub(crate) reason: &'static str,
    /// What came of it.
    pub(crate) outcome: Result<(), Rejections>,
}

/// The name of a reason: its area and the reason in it.
pub(crate) fn name_of(reason: &Reason) -> String {
    let text = format!("{reason:?}");
    let (area, inner) = text.split_once('(').unwrap_or((&text, ""));
    let inner: String = inner.chars().take_while(char::is_ascii_alphanumeric).collect();
    format!("{area}.{inner}")
}

fn cases() -> Vec<Case> {
    [fields::cases(), ranges::cases(), signers::cases(), following::cases()]
        .into_iter()
        .flatten()
        .collect()
}

#[test]
fn every_document_is_refused_for_its_reason_at_its_field() {
    let mut wrong = Vec::new();
    let cases = cases();
    for Case { name, field, reason, outcome } in &cases {
        let Err(rejections) = outcome else {
            wrong.push(format!("{name}: accepted"));
            continue;
        };
        let found = rejections.iter().any(|rejection| {
            rejection.field() == field.as_deref() && name_of(rejection.reason()) == *reason
        });
        let lines = rejections.to_string();
        if !found {
            wrong.push(format!("{name}: expected {reason} at {field:?}\n  {lines}"));
        }
        if lines.lines().count() != rejections.iter().count() {
            wrong.push(format!("{name}: not one line for each reason\n  {lines}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(cases.len() >= FEWEST, "{} documents", cases.len());
}

#[test]
fn each_document_has_a_name_of_its_own() {
    let mut names = BTreeSet::new();
    for case in cases() {
        assert!(names.insert(case.name.clone()), "two {}", case.name);
    }
}

#[test]
fn what_is_not_spoilt_is_accepted() {
    documents::all_are_accepted();
}

/// The areas of reasons, and the files in which they stand.
const AREAS: [(&str, &str); 6] = [
    ("Form", include_str!("../src/rejection/form.rs")),
    ("Trust", include_str!("../src/rejection/trust.rs")),
    ("Signing", include_str!("../src/rejection/signing.rs")),
    ("Basis", include_str!("../src/rejection/basis.rs")),
    ("Selection", include_str!("../src/rejection/selection.rs")),
    ("Following", include_str!("../src/rejection/following.rs")),
];

/// Reasons that no document of the corpus can have: they need a file of a gigabyte, a million members, or
/// a registry that has seen something, and are tested beside the code.
const ELSEWHERE: [&str; 9] = [
    "Form.TooLarge",
    "Trust.NotRotated",
    "Trust.OtherContents",
    "Following.Unknown",
    "Following.Revoked",
    "Following.Ended",
    "Following.Followed",
    "Following.Seen",
    "Following.Facility",
];

#[test]
fn every_reason_of_the_code_is_in_the_corpus() {
    let found: BTreeSet<String> = cases()
        .iter()
        .filter_map(|case| case.outcome.as_ref().err())
        .flatten()
        .map(|rejection| name_of(rejection.reason()))
        .collect();
    let mut missing = Vec::new();
    for (area, source) in AREAS {
        let body = source.split_once("pub enum ").unwrap().1.split_once("\n}").unwrap().0;
        // A variant is the only line of four spaces that begins with a capital.
        let variants = body.lines().filter_map(|line| line.strip_prefix("    "));
        for line in variants.filter(|line| line.starts_with(char::is_uppercase)) {
            let variant: String = line.chars().take_while(char::is_ascii_alphanumeric).collect();
            let name = format!("{area}.{variant}");
            if !found.contains(&name) && !ELSEWHERE.contains(&name.as_str()) {
                missing.push(name);
            }
        }
    }
    assert!(missing.is_empty(), "no document is refused for: {}", missing.join(", "));
}
