//! No change of a valid envelope makes another document out of it: whatever is done to its bytes, it
//! is refused, or it still holds the same payload, of the same kind, under enough of the signatures
//! that it had (L-APPROVE). Approvals, agreements, orders, revocations and new trust files alike.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use controller::order::{DocumentKind, Role, Signer, Trust, VerifiedDocument, verify_any};
use proptest::collection::vec;
use proptest::prelude::*;
use sekisho_kit::{papers, revocation, role, roles, trust_version};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Keys that sign: those of the kit but for the revoked one, which signs too, two that only the new trust file
/// knows, a stranger.
const EVERYONE: [u8; 12] = [1, 2, 3, 4, 5, 11, 12, 13, 21, 31, 7, 9];

/// A document and its envelope, signed once.
#[derive(Debug)]
struct Original {
    kind: DocumentKind,
    payload: String,
    /// As many have signed as it takes, and not one more.
    envelope: Vec<u8>,
    /// Each key's signature of this document.
    signatures: Vec<(u8, Value)>,
}

fn sealed(kind: DocumentKind, payload: &str, signers: &[u8]) -> Vec<u8> {
    sekisho_kit::sealed(kind, payload.as_bytes(), signers).into_bytes()
}

impl Original {
    fn new(kind: DocumentKind, payload: String, signers: &[u8]) -> Self {
        let mut all: Value = serde_json::from_slice(&sealed(kind, &payload, &EVERYONE)).unwrap();
        let Value::Array(signatures) = all["signatures"].take() else { panic!() };
        let signatures = EVERYONE.into_iter().zip(signatures).collect();
        let envelope = sealed(kind, &payload, signers);
        Self { kind, payload, envelope, signatures }
    }

    fn digest(&self) -> String {
        hex::encode(Sha256::digest(&self.payload))
    }

    /// The signature of a key.
    fn by(&self, key: u8) -> &Value {
        &self.signatures.iter().find(|(number, _)| *number == key).unwrap().1
    }
}

/// In the trust file that judges, key 5 is revoked.
static TRUST: LazyLock<Trust> =
    LazyLock::new(|| Trust::parse("t", trust_version(1, &[5]).as_bytes()).unwrap());

/// What the next trust file has for a commission: two of the old keys, and a new one.
const NEXT: [u8; 3] = [1, 2, 7];

/// An approval, an agreement, an order, a revocation and a new trust file.
static ORIGINALS: LazyLock<[Original; 5]> = LazyLock::new(|| {
    let mut plan = json!({
        "order_id": "o", "serial": 1, "measure": "foreign-to-domestic",
        "not_before": "2027-11-01T00:00:00Z", "not_after": "2027-12-01T00:00:00Z",
        "facility": {"id": "f", "capacity_bps": 1000, "max_share_percent": 30},
        "address_sets": {"c2": ["198.51.100.7"]},
        "rules": [{"id": "r", "source": "c2", "protocol": "tcp"}],
    });
    let approved = papers(&plan);
    plan["measure"] = json!("agreement");
    plan["party"] = json!({"name": "p", "prefixes": ["203.0.113.0/24"]});
    let ends = json!({"order_id": "o", "serial": 1});
    let mut next = roles();
    next[0] = role(Role::Commission, 2, &NEXT);
    let next = Trust::draft(2, &next, &[sekisho_kit::keyid(5)]).unwrap();
    [
        Original::new(DocumentKind::Approval, approved.basis.to_string(), &[1, 2, 3]),
        Original::new(DocumentKind::Agreement, papers(&plan).basis.to_string(), &[11, 13, 21, 31]),
        Original::new(DocumentKind::Order, approved.order.to_string(), &[12, 13]),
        Original::new(
            DocumentKind::Revocation,
            revocation(&ends, "2027-11-02T00:00:00Z").to_string(),
            &[11, 12],
        ),
        Original::new(DocumentKind::Trust, next, &[1, 2, 3, 11, 12]),
    ]
});

/// The kind, the payload's digest and the signers of what is accepted.
fn accepted(envelope: &[u8]) -> Option<(DocumentKind, String, Vec<Signer>)> {
    let (kind, digest, signers) = match verify_any("e", envelope, &TRUST).ok()? {
        VerifiedDocument::Basis(basis) => {
            (basis.key.kind.kind(), basis.digest().to_owned(), basis.signers().to_vec())
        }
        VerifiedDocument::Order(order) => {
            (DocumentKind::Order, order.digest().to_owned(), order.signers().to_vec())
        }
        VerifiedDocument::Revocation(revocation) => (
            DocumentKind::Revocation,
            revocation.digest().to_owned(),
            revocation.signers().to_vec(),
        ),
        VerifiedDocument::Trust(trust) => {
            (DocumentKind::Trust, trust.digest().to_owned(), trust.signers().to_vec())
        }
    };
    Some((kind, digest, signers))
}

/// Whether enough keys, and no wrong one, have signed a document of this kind.
fn is_enough(kind: DocumentKind, keys: &BTreeSet<u8>) -> bool {
    let count = |of: &[u8]| keys.iter().filter(|key| of.contains(key)).count();
    let only = |of: &[u8]| keys.iter().all(|key| of.contains(key));
    // Of the commission 3 of the keys 1 to 4, of the Cabinet Office 2 of 11 to 13.
    match kind {
        DocumentKind::Approval => count(&[1, 2, 3, 4]) >= 3 && only(&[1, 2, 3, 4]),
        DocumentKind::Agreement => {
            count(&[11, 12, 13]) >= 2
                && count(&[21]) == 1
                && count(&[31]) == 1
                && only(&[11, 12, 13, 21, 31])
        }
        DocumentKind::Order | DocumentKind::Revocation => {
            count(&[11, 12, 13]) >= 2 && only(&[11, 12, 13])
        }
        // In the next version two of `NEXT`; the carrier and the party may sign, and need not.
        DocumentKind::Trust => {
            count(&[1, 2, 3, 4]) >= 3
                && count(&NEXT) >= 2
                && count(&[11, 12, 13]) >= 2
                && only(&[1, 2, 3, 4, 7, 11, 12, 13, 21, 31])
        }
    }
}

/// What an envelope that was made out of `originals` may be: refused, or one of them, signed by
/// enough of those who signed it.
fn is_harmless(envelope: &[u8], originals: &[&Original]) -> Result<(), TestCaseError> {
    let Some((kind, digest, signers)) = accepted(envelope) else { return Ok(()) };
    let original = originals.iter().find(|original| original.digest() == digest);
    let Some(original) = original else {
        return Err(TestCaseError::fail(format!("a payload that nobody signed: {digest}")));
    };
    prop_assert_eq!(kind, original.kind);
    let before: Value = serde_json::from_slice(&original.envelope).unwrap();
    let before: BTreeSet<&str> = before["signatures"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|s| s["keyid"].as_str())
        .collect();
    let after: BTreeSet<&str> = signers.iter().map(|signer| signer.keyid.as_str()).collect();
    prop_assert_eq!(after.len(), signers.len());
    let numbers: BTreeSet<u8> =
        EVERYONE.into_iter().filter(|n| after.contains(sekisho_kit::keyid(*n).as_str())).collect();
    prop_assert!(is_enough(kind, &numbers));
    prop_assert!(after.is_subset(&before));
    Ok(())
}

fn original() -> impl Strategy<Value = &'static Original> {
    (0..ORIGINALS.len()).prop_map(|index| &ORIGINALS[index])
}

/// A position in a list of this length.
fn within(position: usize, length: usize) -> usize {
    position % length.max(1)
}

proptest! {
    #[test]
    fn a_flipped_bit(original in original(), position: usize, bit in 0u8..8) {
        let mut envelope = original.envelope.clone();
        let position = within(position, envelope.len());
        envelope[position] ^= 1 << bit;
        is_harmless(&envelope, &[original])?;
    }

    #[test]
    fn other_bytes(original in original(), changes in vec((any::<usize>(), any::<u8>()), 1..4)) {
        let mut envelope = original.envelope.clone();
        for (position, byte) in changes {
            let position = within(position, envelope.len());
            envelope[position] = byte;
        }
        is_harmless(&envelope, &[original])?;
    }

    #[test]
    fn bytes_put_in_and_taken_out(
        original in original(), position: usize, length in 0usize..20, new in vec(any::<u8>(), 0..20),
    ) {
        let mut envelope = original.envelope.clone();
        let start = within(position, envelope.len());
        let end = (start + length).min(envelope.len());
        envelope.splice(start..end, new);
        is_harmless(&envelope, &[original])?;
    }

    #[test]
    fn a_cut_envelope_is_refused(original in original(), length: usize) {
        // What is behind the last brace is only the end of the line.
        let length = within(length, original.envelope.len() - 1);
        prop_assert!(accepted(&original.envelope[..length]).is_none());
    }

    #[test]
    fn the_start_of_one_and_the_end_of_another(
        first in original(), second in original(), cut: usize, shift in -3isize..=3,
    ) {
        // Near the same position in both, so that the whole is likely to be an envelope.
        let start = within(cut, first.envelope.len());
        let end = start.saturating_add_signed(shift).min(second.envelope.len());
        let envelope = [&first.envelope[..start], &second.envelope[end..]].concat();
        is_harmless(&envelope, &[first, second])?;
    }

    #[test]
    fn lines_of_two_envelopes(first in original(), second in original(), take in vec(any::<bool>(), 24)) {
        let lines = |original: &'static Original| {
            std::str::from_utf8(&original.envelope).unwrap().lines().collect::<Vec<_>>()
        };
        let (first_lines, second_lines) = (lines(first), lines(second));
        let envelope: Vec<&str> = (0..first_lines.len())
            .map(|row| if take[within(row, take.len())] { second_lines.get(row) } else { None }
                .unwrap_or(&first_lines[row]))
            .copied()
            .collect();
        is_harmless(envelope.join("\n").as_bytes(), &[first, second])?;
    }

    #[test]
    fn a_field_that_stands_twice_is_refused(original in original(), field: usize, other in original()) {
        let text = String::from_utf8(original.envelope.clone()).unwrap();
        let fields = ["payload", "payloadType", "signatures", "keyid", "sig"];
        let field = fields[within(field, fields.len())];
        let envelope: Value = serde_json::from_slice(&other.envelope).unwrap();
        let value = match field {
            "keyid" | "sig" => envelope["signatures"][0][field].clone(),
            _ => envelope[field].clone(),
        };
        let quoted = format!("\"{field}\":");
        let doubled = text.replacen(&quoted, &format!("{quoted} {value}, {quoted}"), 1);
        prop_assert_ne!(&doubled, &text);
        prop_assert!(accepted(doubled.as_bytes()).is_none());
    }

    /// DSSE: base64 may be in the URL-safe alphabet, and a `keyid` may be empty or left out.
    #[test]
    fn another_writing_of_the_same_is_the_same(
        original in original(), nameless in vec(0u8..3, 8), url_safe in vec(any::<bool>(), 9),
    ) {
        let mut envelope: Value = serde_json::from_slice(&original.envelope).unwrap();
        let rewrite = |text: &mut Value| {
            *text = json!(text.as_str().unwrap().replace('+', "-").replace('/', "_"));
        };
        if url_safe[8] {
            rewrite(&mut envelope["payload"]);
        }
        let signatures = envelope["signatures"].as_array_mut().unwrap();
        for (index, signature) in signatures.iter_mut().enumerate() {
            if url_safe[index] {
                rewrite(&mut signature["sig"]);
            }
            match nameless[index] {
                0 => drop(signature.as_object_mut().unwrap().remove("keyid")),
                1 => signature["keyid"] = json!(""),
                _ => {}
            }
        }
        let found = accepted(envelope.to_string().as_bytes());
        prop_assert_eq!(found, accepted(&original.envelope));
    }

    /// The order of fields and of signatures carries no meaning.
    #[test]
    fn another_order_of_the_same_is_the_same(
        original in original(), fields in Just([0, 1, 2]).prop_shuffle(), turn in 0usize..4,
    ) {
        let mut envelope: Value = serde_json::from_slice(&original.envelope).unwrap();
        let signatures = envelope["signatures"].as_array_mut().unwrap();
        let turn = within(turn, signatures.len());
        signatures.rotate_left(turn);
        let names = ["payload", "payloadType", "signatures"];
        let fields = fields.map(|index| format!("\"{}\":{}", names[index], envelope[names[index]]));
        let text = format!("{{{}}}", fields.join(","));
        let (_, digest, signers) = accepted(text.as_bytes()).unwrap();
        prop_assert_eq!(digest, original.digest());
        let order: Vec<&str> = signers.iter().map(|signer| signer.keyid.as_str()).collect();
        let expected: Vec<&str> = envelope["signatures"].as_array().unwrap().iter()
            .filter_map(|signature| signature["keyid"].as_str()).collect();
        prop_assert_eq!(order, expected);
    }
}

proptest! {
    // Cheap, and only some of the combinations come near to being accepted.
    #![proptest_config(ProptestConfig::with_cases(4096))]

    /// Labels, payloads and signatures of all documents in any combination: accepted if and only if
    /// they belong together and are enough.
    #[test]
    fn parts_of_several(label in 0usize..10, payload in 0usize..5, picks in picks()) {
        // Half of the time the label that belongs to it.
        let original = &ORIGINALS[payload];
        let kind = DocumentKind::ALL.get(label).copied().unwrap_or(original.kind);
        let signatures: Vec<&Value> = picks
            .iter()
            .map(|(foreign, key)| ORIGINALS.get(*foreign).unwrap_or(original).by(*key))
            .collect();
        let envelope = json!({
            "payloadType": kind.payload_type(),
            "payload": STANDARD.encode(&original.payload),
            "signatures": signatures,
        });
        let own = |foreign: &usize| *foreign >= ORIGINALS.len() || *foreign == payload;
        let keys: BTreeSet<u8> = picks.iter().map(|(_, key)| *key).collect();
        let belongs = kind == original.kind
            && picks.iter().all(|(foreign, _)| own(foreign))
            && keys.len() == picks.len();
        let found = accepted(envelope.to_string().as_bytes());
        prop_assert_eq!(found.is_some(), belongs && is_enough(kind, &keys), "{}", envelope);
    }
}

/// Signatures to put into an envelope: whose document (0 to 4; else its own) and which key. Most are
/// of the document itself and by keys of the right roles, so that a good part is accepted.
fn picks() -> impl Strategy<Value = Vec<(usize, u8)>> {
    let own = prop_oneof![20 => Just(5usize), 1 => 0usize..5];
    let keys = prop_oneof![
        3 => Just(vec![1u8, 2, 3, 4]).prop_shuffle(),
        3 => Just(vec![11u8, 12, 13]).prop_shuffle(),
        3 => Just(vec![11u8, 12, 13, 21, 31]).prop_shuffle(),
        3 => Just(vec![1u8, 2, 3, 4, 7, 11, 12, 13]).prop_shuffle(),
        1 => Just(EVERYONE.to_vec()).prop_shuffle(),
        1 => Just(vec![1u8, 1, 2, 3, 4, 11, 11, 12]).prop_shuffle(),
    ];
    (vec(own, 12), keys, 2usize..=8)
        .prop_map(|(own, keys, count)| own.into_iter().zip(keys).take(count).collect())
}

#[test]
fn the_originals_are_accepted() {
    for original in ORIGINALS.iter() {
        let (kind, digest, signers) = accepted(&original.envelope).unwrap();
        assert_eq!((kind, digest), (original.kind, original.digest()));
        is_harmless(&original.envelope, &[original]).unwrap();
        assert!(signers.len() >= 2);
    }
}

/// Every bit of one envelope: the revocation's, which is the smallest.
#[test]
fn every_bit_of_a_revocation() {
    let original = &ORIGINALS[3];
    for position in 0..original.envelope.len() {
        for bit in 0..8 {
            let mut envelope = original.envelope.clone();
            envelope[position] ^= 1 << bit;
            is_harmless(&envelope, &[original]).unwrap();
        }
    }
}

/// Every signature less, one after the other, is too few.
#[test]
fn not_one_signature_can_be_spared() {
    for original in ORIGINALS.iter() {
        let envelope: Value = serde_json::from_slice(&original.envelope).unwrap();
        let count = envelope["signatures"].as_array().unwrap().len();
        for index in 0..count {
            let mut fewer = envelope.clone();
            fewer["signatures"].as_array_mut().unwrap().remove(index);
            assert!(accepted(fewer.to_string().as_bytes()).is_none(), "{index}");
        }
    }
}
