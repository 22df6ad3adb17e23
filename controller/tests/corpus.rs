//! Documents that must be refused, and the one line that says why: `corpus/README.md` describes the
//! files. Three questions: is each refused in exactly these words, are there enough, and does every
//! message that the code can give stand in one of them?

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

#[path = "corpus/case.rs"]
mod case;
#[path = "corpus/messages.rs"]
mod messages;

use std::collections::BTreeSet;

use case::Case;
use common::{Bases, filled, sealed};
use controller::order::{
    Document, Kind, Trust, Verified, read_document, succession, verify_order, verify_revocation,
    verify_rotation,
};
use controller::rejection::Rejection;

/// The fewest documents that the corpus may hold.
const FEWEST: usize = 200;

/// A file of cases and what its documents go through.
struct Shelf {
    file: &'static str,
    lines: &'static str,
    kind: Kind,
    base: &'static str,
    signers: &'static [u8],
    refuse: fn(&Bases, &Case, &[u8]) -> Result<(), Rejection>,
}

const SHELVES: [Shelf; 6] = [
    Shelf {
        file: "orders.ndjson",
        lines: include_str!("corpus/orders.ndjson"),
        kind: Kind::Order,
        base: "order",
        signers: &[1, 2, 3],
        refuse: |bases, _, bytes| verify_order("f", bytes, &bases.trust).map(drop),
    },
    Shelf {
        file: "revocations.ndjson",
        lines: include_str!("corpus/revocations.ndjson"),
        kind: Kind::Revocation,
        base: "revocation",
        signers: &[1, 2, 3],
        refuse: |bases, _, bytes| verify_revocation("f", bytes, &bases.trust).map(drop),
    },
    Shelf {
        file: "trust.ndjson",
        lines: include_str!("corpus/trust.ndjson"),
        kind: Kind::Trust,
        base: "trust",
        signers: &[],
        refuse: |_, _, bytes| Trust::parse("f", bytes).map(drop),
    },
    Shelf {
        file: "rotations.ndjson",
        lines: include_str!("corpus/rotations.ndjson"),
        kind: Kind::Trust,
        base: "rotation",
        signers: &[1, 2, 3, 7],
        refuse: |bases, _, bytes| verify_rotation("f", bytes, &bases.trust).map(drop),
    },
    Shelf {
        file: "envelopes.ndjson",
        lines: include_str!("corpus/envelopes.ndjson"),
        kind: Kind::Order,
        base: "order",
        signers: &[1, 2, 3],
        refuse: |bases, _, bytes| verify_order("f", bytes, &bases.trust).map(drop),
    },
    Shelf {
        file: "successions.ndjson",
        lines: include_str!("corpus/successions.ndjson"),
        kind: Kind::Order,
        base: "extension",
        signers: &[1, 2, 3],
        refuse: |bases, case, bytes| {
            // The document itself is right; what is wrong is that it follows the other.
            let new = verify_order("f", bytes, &bases.trust).map_err(|error| unexpected(&error))?;
            let old = bases.text(case.after.as_deref().unwrap_or("order"));
            let Document::Order(old) = read_document("old", Kind::Order, old.as_bytes())? else {
                panic!("{}: {old} is no order", case.name)
            };
            succession::check("f", &new, &old)
        },
    },
];

fn unexpected(rejection: &Rejection) -> Rejection {
    Rejection::new("refused too early", rejection.to_string())
}

impl Shelf {
    fn cases(&self) -> Vec<Case> {
        let lines = self.lines.lines().enumerate();
        lines
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
            .map(|(number, line)| {
                serde_json::from_str(line)
                    .unwrap_or_else(|error| panic!("{}:{}: {error}", self.file, number + 1))
            })
            .collect()
    }

    /// What becomes of a case: its refusal without the file's name, or nothing.
    fn outcome(&self, bases: &Bases, case: &Case) -> Option<String> {
        let bytes = case.bytes(bases, self.kind, self.base, self.signers);
        let refusal = (self.refuse)(bases, case, &bytes).err()?.to_string();
        Some(refusal.strip_prefix("f: ").unwrap_or(&refusal).to_owned())
    }
}

#[test]
fn every_document_is_refused_in_these_words() {
    let bases = Bases::new();
    let mut wrong = Vec::new();
    let mut count = 0;
    for shelf in &SHELVES {
        for case in shelf.cases() {
            count += 1;
            let outcome = shelf.outcome(&bases, &case);
            let expected = filled(&case.refusal);
            if outcome.as_deref() != Some(&expected) {
                let outcome = outcome.unwrap_or_else(|| "accepted".to_owned());
                wrong.push(format!("{}: {}\n  {outcome}\n  {expected}", shelf.file, case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "found, then expected:\n{}", wrong.join("\n"));
    assert!(count >= FEWEST, "{count} documents");
}

#[test]
fn each_document_has_a_name_and_a_reason_of_its_own() {
    for shelf in &SHELVES {
        let (mut names, mut refusals) = (BTreeSet::new(), BTreeSet::new());
        for case in shelf.cases() {
            assert!(names.insert(case.name.clone()), "{}: two {}", shelf.file, case.name);
            let refusal = case.refusal;
            assert!(refusals.insert(refusal.clone()), "{}: twice {refusal}", shelf.file);
        }
        assert!(!names.is_empty(), "{} is empty", shelf.file);
    }
}

#[test]
fn what_is_not_changed_is_accepted() {
    let bases = Bases::new();
    let envelope = |kind, base: &str, signers: &[u8]| sealed(kind, bases.text(base), signers);
    let order = |base| -> Verified<_> {
        verify_order(base, &envelope(Kind::Order, base, &[1, 2, 3]), &bases.trust).unwrap()
    };
    for base in ["foreign-to-domestic", "domestic-to-foreign"] {
        let _ = order(base);
    }
    for (new, old) in
        [("extension", "order"), ("amendment", "order"), ("extended-agreement", "agreement")]
    {
        succession::check(new, &order(new), &order(old)).unwrap();
    }
    verify_revocation("r", &envelope(Kind::Revocation, "revocation", &[1, 2, 3]), &bases.trust)
        .unwrap();
    verify_rotation("t", &envelope(Kind::Trust, "rotation", &[1, 2, 3, 7]), &bases.trust).unwrap();
}

#[test]
fn every_message_of_the_code_is_in_the_corpus() {
    let refusals: Vec<String> =
        SHELVES.iter().flat_map(Shelf::cases).map(|case| filled(&case.refusal)).collect();
    let missing = messages::missing_from(&refusals);
    assert!(missing.is_empty(), "no case is refused with:\n{}", missing.join("\n"));
}
