//! Envelopes: bytes that claim to be signed. An input that begins with 0xff is put together out of the
//! parts of true envelopes, or around a payload of its own; any other is the envelope.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use controller::order::{
    Envelope, Kind, Signer, Trust, VerifiedDocument, read_document, verify_any, verify_order,
    verify_revocation, verify_rotation,
};

use crate::authority::{sealed, trust, trust_text};
use crate::words::check_line;

/// Two of four keys must sign.
static TRUST: LazyLock<Trust> = LazyLock::new(|| trust(2, 4));

/// A document and its kind.
struct Original {
    kind: Kind,
    payload: Vec<u8>,
}

static ORIGINALS: LazyLock<[Original; 3]> = LazyLock::new(|| {
    let of = |kind, payload: &str| Original { kind, payload: payload.as_bytes().to_vec() };
    [
        of(Kind::Order, include_str!("../corpus/document/order.json")),
        of(Kind::Revocation, include_str!("../corpus/document/revocation.json")),
        of(Kind::Trust, &trust_text(2, 2, 5)),
    ]
});

/// Judges an input.
///
/// # Panics
/// Where something does not hold.
pub fn run(input: &[u8]) {
    match input.split_first() {
        Some((0xff, recipe)) => composed(recipe),
        _ => judge(input),
    }
}

/// What is in an accepted envelope.
type Accepted = (Kind, String, Vec<Signer>);

fn accepted(envelope: &[u8]) -> Option<Accepted> {
    let trust = &*TRUST;
    let one = match verify_any("e", envelope, trust) {
        Err(rejection) => {
            check_line(rejection, "e");
            None
        }
        Ok(VerifiedDocument::Order(order)) => {
            Some((Kind::Order, order.digest().to_owned(), order.signers().to_vec()))
        }
        Ok(VerifiedDocument::Revocation(revocation)) => {
            let signers = revocation.signers().to_vec();
            Some((Kind::Revocation, revocation.digest().to_owned(), signers))
        }
        Ok(VerifiedDocument::Trust(new)) => {
            Some((Kind::Trust, new.digest().to_owned(), new.signers().to_vec()))
        }
    };
    // The same envelope where one kind is expected: accepted as that kind, and as no other.
    let each = [
        (Kind::Order, verify_order("e", envelope, trust).map(drop)),
        (Kind::Revocation, verify_revocation("e", envelope, trust).map(drop)),
        (Kind::Trust, verify_rotation("e", envelope, trust).map(drop)),
    ];
    for (kind, verified) in each {
        let is_it = one.as_ref().is_some_and(|(found, ..)| *found == kind);
        assert_eq!(verified.is_ok(), is_it, "{kind:?}");
        if let Err(rejection) = verified {
            check_line(rejection, "e");
        }
    }
    one
}

fn judge(envelope: &[u8]) {
    let parsed = match Envelope::parse("e", envelope) {
        Ok(parsed) => parsed,
        Err(rejection) => {
            check_line(rejection, "e");
            assert!(accepted(envelope).is_none());
            return;
        }
    };
    assert!(Envelope::is_likely(envelope));
    // Written anew it says the same.
    let text = parsed.to_json().expect("plain JSON");
    let again = Envelope::parse("e", text.as_bytes()).expect("our own envelope");
    assert_eq!((again.kind(), again.payload()), (parsed.kind(), parsed.payload()));
    let signatures = |envelope: &Envelope| -> Vec<_> {
        let list = envelope.signatures().iter();
        list.map(|one| (one.keyid().map(str::to_owned), one.signature().to_bytes())).collect()
    };
    assert_eq!(signatures(&again), signatures(&parsed));
    let Some((kind, _, signers)) = accepted(envelope) else { return };
    // Nobody signs but the keys of the corpus, and they signed nothing but the originals.
    let is_original = |one: &Original| one.kind == parsed.kind() && one.payload == parsed.payload();
    assert!(kind == parsed.kind() && ORIGINALS.iter().any(is_original), "nobody signed this");
    let keys: BTreeSet<&str> = signers.iter().map(|signer| signer.keyid.as_str()).collect();
    assert!(keys.len() == signers.len() && keys.len() >= TRUST.threshold());
    assert!(keys.iter().all(|keyid| TRUST.key(keyid).is_some()));
}

/// Label, payload, and a bit for each signer of seven: accepted if and only if all belongs together and
/// is enough.
fn composed(recipe: &[u8]) {
    let Some((&[label, which, signers], own)) = recipe.split_first_chunk() else { return };
    let label = Kind::ALL[usize::from(label) % 3];
    let original = ORIGINALS.get(usize::from(which) % 4);
    let payload = original.map_or(own, |original| &original.payload);
    let signers: Vec<u8> = (1..=7).filter(|number| signers >> number & 1 != 0).collect();
    let envelope = sealed(label, payload, &signers);
    // The keys 1 to 4 are trusted; 5 is by the new trust file, which counts under that alone.
    let known = if label == Kind::Trust { 5 } else { 4 };
    let enough = signers.iter().filter(|number| **number <= 4).count() >= 2
        && signers.iter().all(|number| *number <= known);
    let is_sound = read_document("e", label, payload).is_ok();
    let found = accepted(&envelope);
    if label == Kind::Trust && original.is_none_or(|original| original.kind != Kind::Trust) {
        // A trust file of the input's own has keys and a version of its own.
        assert!(found.is_none() || is_sound);
    } else {
        assert_eq!(found.is_some(), enough && is_sound, "{label:?} by {signers:?}");
    }
}
