//! Envelopes: bytes that claim to be signed. An input that begins with 0xff is put together out of the
//! parts of true envelopes, or around a payload of its own; any other is the envelope.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use controller::order::{
    BasisKind, DocumentKind, Envelope, Signer, Trust, VerifiedDocument, read_document, verify_any,
    verify_basis, verify_order, verify_revocation, verify_rotation,
};
use controller::rejection::Rejections;
use sekisho_kit::{CABINET_OFFICE, CARRIER, COMMISSION, PARTY, papers};
use serde_json::{Value, json};

use crate::authority::{sealed, trust};
use crate::document::check_refusal;
use crate::words::check_line;

/// The roles of the kit.
static TRUST: LazyLock<Trust> = LazyLock::new(trust);

/// A key that no trust file names.
const STRANGER: u8 = 99;

/// A document and its kind.
struct Original {
    kind: DocumentKind,
    payload: Vec<u8>,
}

static ORIGINALS: LazyLock<[Original; 5]> = LazyLock::new(|| {
    let plan = |measure: &str| {
        json!({
            "order_id": "2027-0003", "serial": 2, "measure": measure,
            "not_before": "2027-11-01T00:00:00+09:00", "not_after": "2028-02-01T00:00:00+09:00",
            "facility": {"id": "tyo-gw-1", "capacity_bps": 1_000_000_000, "max_share_percent": 30},
            "party": {"name": "Acme", "prefixes": ["203.0.113.0/24"]},
            "address_sets": {"c2": ["198.51.100.7", "2001:db8:5::/48"]},
            "rules": [{"id": "r1", "source": "c2", "destination_ports": ["443"]}],
        })
    };
    let of = |kind, payload: String| Original { kind, payload: payload.into_bytes() };
    let [approved, agreed] = ["foreign-to-domestic", "agreement"].map(|name| papers(&plan(name)));
    let ends = json!({"order_id": "2027-0003", "serial": 2});
    [
        of(DocumentKind::Approval, approved.basis.to_string()),
        of(DocumentKind::Agreement, agreed.basis.to_string()),
        of(DocumentKind::Order, approved.order.to_string()),
        of(
            DocumentKind::Revocation,
            sekisho_kit::revocation(&ends, "2027-12-01T00:00:00Z").to_string(),
        ),
        of(DocumentKind::Trust, sekisho_kit::trust_version(2, &[])),
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
type Accepted = (DocumentKind, String, Vec<Signer>);

fn accepted(envelope: &[u8]) -> Option<Accepted> {
    let trust = &*TRUST;
    let one = match verify_any("e", envelope, trust) {
        Err(rejections) => {
            check_refusal(&rejections, "e");
            None
        }
        Ok(VerifiedDocument::Basis(basis)) => {
            let signers = basis.signers().to_vec();
            Some((basis.key.kind.kind(), basis.digest().to_owned(), signers))
        }
        Ok(VerifiedDocument::Order(order)) => {
            Some((DocumentKind::Order, order.digest().to_owned(), order.signers().to_vec()))
        }
        Ok(VerifiedDocument::Revocation(revocation)) => {
            let signers = revocation.signers().to_vec();
            Some((DocumentKind::Revocation, revocation.digest().to_owned(), signers))
        }
        Ok(VerifiedDocument::Trust(new)) => {
            Some((DocumentKind::Trust, new.digest().to_owned(), new.signers().to_vec()))
        }
    };
    // The same envelope where one kind is expected: accepted as that kind, and as no other.
    for kind in DocumentKind::ALL {
        let verified = verified_as(kind, envelope);
        let is_it = one.as_ref().is_some_and(|(found, ..)| *found == kind);
        assert_eq!(verified.is_ok(), is_it, "{kind:?}");
        if let Err(rejections) = verified {
            check_refusal(&rejections, "e");
        }
    }
    one
}

fn verified_as(kind: DocumentKind, envelope: &[u8]) -> Result<(), Rejections> {
    let trust = &*TRUST;
    match kind {
        DocumentKind::Approval => verify_basis(BasisKind::Approval, "e", envelope, trust).map(drop),
        DocumentKind::Agreement => {
            verify_basis(BasisKind::Agreement, "e", envelope, trust).map(drop)
        }
        DocumentKind::Order => verify_order("e", envelope, trust).map(drop),
        DocumentKind::Revocation => verify_revocation("e", envelope, trust).map(drop),
        DocumentKind::Trust => verify_rotation("e", envelope, trust).map(drop),
    }
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
    assert_eq!(keys.len(), signers.len());
    assert!(keys.iter().all(|keyid| TRUST.key(keyid).is_some()));
    for role in roles(kind) {
        let count = signers.iter().filter(|signer| role.0.contains(&key(&signer.keyid))).count();
        assert!(count >= role.1, "{kind:?}: {count} of {role:?}");
    }
}

/// The number of a key of the kit.
fn key(keyid: &str) -> u8 {
    numbers().find(|number| sekisho_kit::keyid(*number) == keyid).expect("a key of the kit")
}

fn numbers() -> impl Iterator<Item = u8> {
    COMMISSION.into_iter().chain(CABINET_OFFICE).chain([CARRIER, PARTY, STRANGER])
}

/// The keys of the roles that sign a document, and how many of each must.
fn roles(kind: DocumentKind) -> &'static [(&'static [u8], usize)] {
    match kind {
        DocumentKind::Approval => &[(&COMMISSION, 3)],
        DocumentKind::Agreement => &[(&CABINET_OFFICE, 2), (&[CARRIER], 1), (&[PARTY], 1)],
        DocumentKind::Order | DocumentKind::Revocation => &[(&CABINET_OFFICE, 2)],
        DocumentKind::Trust => &[(&COMMISSION, 3), (&CABINET_OFFICE, 2)],
    }
}

/// What is done to an envelope before it is judged.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Harm {
    None,
    /// The first signature stands there twice.
    Twice,
    /// The first signature is one of something else.
    Forged,
}

impl Harm {
    const fn of(number: u8) -> Self {
        match number {
            1 => Self::Twice,
            2 => Self::Forged,
            _ => Self::None,
        }
    }

    /// The envelope after it. `other`: an envelope around something else, by the same signers.
    fn done_to(self, envelope: Vec<u8>, other: &[u8]) -> Vec<u8> {
        let read = |envelope: &[u8]| -> Value {
            serde_json::from_slice(envelope).expect("our own envelope")
        };
        let mut value = read(&envelope);
        let list = value["signatures"].as_array_mut().expect("a list");
        let Some(first) = list.first_mut() else { return envelope };
        match self {
            Self::None => {}
            Self::Twice => {
                let again = first.clone();
                list.push(again);
            }
            Self::Forged => first["sig"] = read(other)["signatures"][0]["sig"].clone(),
        }
        value.to_string().into_bytes()
    }
}

/// Label, payload, a bit for each signer of eleven, and harm: accepted if and only if all belongs together, is
/// enough of each role, and of no other, and nothing was done to it.
fn composed(recipe: &[u8]) {
    let Some((&[label, which, high, low], own)) = recipe.split_first_chunk() else { return };
    let label = DocumentKind::ALL[usize::from(label) % 5];
    let original = ORIGINALS.get(usize::from(which) % 6);
    let payload = original.map_or(own, |original| &original.payload);
    let bits = u16::from_be_bytes([high, low]);
    let signers: Vec<u8> =
        numbers().enumerate().filter(|(at, _)| bits >> at & 1 != 0).map(|(_, one)| one).collect();
    let harm = own.first().filter(|_| original.is_some()).map_or(Harm::None, |one| Harm::of(*one));
    let other = sealed(label, b"something else", &signers);
    let envelope = harm.done_to(sealed(label, payload, &signers), &other);
    let signed = |keys: &[u8]| signers.iter().filter(|number| keys.contains(number)).count();
    let enough = roles(label).iter().all(|(keys, threshold)| signed(keys) >= *threshold);
    // A trust file may be signed by every key of either.
    let may = |number: &u8| match label {
        DocumentKind::Trust => *number != STRANGER,
        _ => roles(label).iter().any(|(keys, _)| keys.contains(number)),
    };
    let others = !signers.iter().all(may);
    let is_sound = read_document("e", label, payload).is_ok();
    let found = accepted(&envelope).is_some();
    // Of an input's own document the roles may be others: its party's, those of what it ends, its keys'.
    if original.is_none() && !matches!(label, DocumentKind::Approval | DocumentKind::Order) {
        assert!(!found || is_sound);
    } else {
        let is_whole = harm == Harm::None;
        assert_eq!(found, enough && !others && is_sound && is_whole, "{label:?} by {signers:?}");
    }
}
