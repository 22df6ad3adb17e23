//! The one gate of approval (L-APPROVE): signatures are checked here, and only here is a
//! [`Verified`] made.

use std::collections::HashSet;
use std::ops::Deref;

use sha2::{Digest, Sha256};

use super::document::Order;
use super::envelope::Envelope;
use super::read_order;
use super::trust::Trust;
use crate::rejection::{Rejection, Requirement};

/// Something that enough trusted keys have signed. The only way to one is [`verify_order`], so
/// whatever asks for a `Verified<Order>` cannot be given an unapproved order.
#[derive(Clone, Debug)]
pub struct Verified<T> {
    value: T,
    signers: Vec<Signer>,
    digest: String,
}

/// One of those who signed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signer {
    /// The name of the key.
    pub keyid: String,
    /// Who holds it, by the trust file.
    pub holder: String,
}

impl<T> Verified<T> {
    /// What was signed.
    pub const fn get(&self) -> &T {
        &self.value
    }

    /// Who signed, in the envelope's order; at least as many as the trust file asks for.
    pub fn signers(&self) -> &[Signer] {
        &self.signers
    }

    /// The SHA-256 of the payload bytes, in lower-case hexadecimal digits: names exactly what was
    /// signed, in logs and inspections (L-INSPECT).
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Verifies and reads an order: envelope, then signatures, and only then the payload, which is
/// checked by [`read_order`].
///
/// Our reading of L-APPROVE, stricter than DSSE, which skips signatures that do not verify:
/// *every* signature in the envelope must be by a distinct trusted key and must verify, and there
/// must be at least `threshold` of them. An envelope with one signature that is unknown, doubled
/// or wrong is refused whole: it is not what its signers sent, and someone should ask why.
///
/// # Errors
///
/// The first [`Rejection`]; those about signatures carry [`Requirement::Approve`].
pub fn verify_order(file: &str, bytes: &[u8], trust: &Trust) -> Result<Verified<Order>, Rejection> {
    let envelope = Envelope::parse(file, bytes)?;
    let signers = verify_signatures(file, &envelope, trust)?;
    let value = read_order(file, envelope.payload())?;
    let digest = hex::encode(Sha256::digest(envelope.payload()));
    Ok(Verified { value, signers, digest })
}

fn verify_signatures(
    file: &str,
    envelope: &Envelope,
    trust: &Trust,
) -> Result<Vec<Signer>, Rejection> {
    let refuse = |field: String, reason: String| {
        Err(Rejection::new(file, reason).at(field).under(Requirement::Approve))
    };
    // Who claims to have signed is checked first: it is cheap, and it bounds the work below.
    let mut seen = HashSet::new();
    let mut claimed = Vec::new();
    for (index, signature) in envelope.signatures().iter().enumerate() {
        let keyid = signature.keyid();
        let Some(key) = trust.key(keyid) else {
            return refuse(
                format!("signatures[{index}].keyid"),
                format!("the key {keyid} is not trusted"),
            );
        };
        if !seen.insert(keyid) {
            return refuse(
                format!("signatures[{index}].keyid"),
                format!("{} has signed twice", key.holder()),
            );
        }
        claimed.push((signature, key));
    }
    if claimed.len() < trust.threshold() {
        return refuse(
            "signatures".to_owned(),
            format!("{} of the {} signatures needed", claimed.len(), trust.threshold()),
        );
    }
    let message = envelope.message();
    let mut signers = Vec::new();
    for (index, (signature, key)) in claimed.into_iter().enumerate() {
        if key.key().verify_strict(&message, signature.signature()).is_err() {
            return refuse(
                format!("signatures[{index}].sig"),
                format!("is not a signature of this order by {}", key.holder()),
            );
        }
        signers.push(Signer { keyid: key.keyid().to_owned(), holder: key.holder().to_owned() });
    }
    Ok(signers)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::samples::{key, order, signed, trust, with};
    use super::*;

    fn refusal(envelope: &str) -> String {
        match verify_order("e.json", envelope.as_bytes(), &trust()) {
            Ok(_) => panic!("must be refused: {envelope}"),
            Err(rejection) => rejection.to_string(),
        }
    }

    fn changed(change: impl FnOnce(&mut Value)) -> String {
        let mut envelope: Value = serde_json::from_str(&signed(&order(), &[1, 2, 3])).unwrap();
        change(&mut envelope);
        refusal(&envelope.to_string())
    }

    #[test]
    fn enough_signatures_make_an_order() {
        for signers in [&[1, 2, 3][..], &[5, 1, 4], &[1, 2, 3, 4, 5]] {
            let order = order();
            let verified = verify_order("e", signed(&order, signers).as_bytes(), &trust()).unwrap();
            assert_eq!(verified.order_id, "2027-17-0003");
            assert_eq!(verified.get().serial, 2);
            let holders: Vec<&str> =
                verified.signers().iter().map(|signer| signer.holder.as_str()).collect();
            let expected: Vec<String> = signers.iter().map(|n| format!("holder {n}")).collect();
            assert_eq!(holders, expected);
            assert_eq!(verified.digest(), hex::encode(Sha256::digest(order.to_string())));
        }
    }

    #[test]
    fn one_signature_too_few() {
        for (signers, count) in [(&[][..], 0), (&[1], 1), (&[1, 2], 2)] {
            assert_eq!(
                refusal(&signed(&order(), signers)),
                format!("e.json: signatures: {count} of the 3 signatures needed [L-APPROVE]")
            );
        }
    }

    #[test]
    fn one_bad_signature_spoils_the_envelope() {
        let stranger = super::super::keys::keyid(&key(9).verifying_key());
        assert_eq!(
            refusal(&signed(&order(), &[1, 2, 3, 9])),
            format!("e.json: signatures[3].keyid: the key {stranger} is not trusted [L-APPROVE]")
        );
        assert_eq!(
            changed(|e| {
                let again = e["signatures"][0].clone();
                e["signatures"].as_array_mut().unwrap().push(again);
            }),
            "e.json: signatures[3].keyid: holder 1 has signed twice [L-APPROVE]"
        );
        let upper_case = changed(|e| {
            let mut again = e["signatures"][0].clone();
            again["keyid"] = json!(again["keyid"].as_str().unwrap().to_uppercase());
            e["signatures"].as_array_mut().unwrap().push(again);
        });
        assert!(upper_case.contains("signatures[3].keyid: "), "{upper_case}");
        assert!(upper_case.contains("is not 64 lower-case hexadecimal digits"), "{upper_case}");
        // A signature by a trusted key under another trusted key's name.
        assert_eq!(
            changed(|e| {
                let other = super::super::keys::keyid(&key(4).verifying_key());
                e["signatures"][0]["keyid"] = json!(other);
            }),
            "e.json: signatures[0].sig: is not a signature of this order by holder 4 [L-APPROVE]"
        );
        // Three good signatures do not outweigh a fourth that is of another order.
        let mut envelope: Value = serde_json::from_str(&signed(&order(), &[1, 2, 3])).unwrap();
        let other: Value =
            serde_json::from_str(&signed(&with(&[("/serial", json!(3))]), &[4])).unwrap();
        envelope["signatures"].as_array_mut().unwrap().push(other["signatures"][0].clone());
        assert_eq!(
            refusal(&envelope.to_string()),
            "e.json: signatures[3].sig: is not a signature of this order by holder 4 [L-APPROVE]"
        );
    }

    #[test]
    fn the_payload_is_not_read_before_it_is_verified() {
        let garbage = json!("[[[[[[");
        assert!(refusal(&signed(&garbage, &[1, 2])).contains("2 of the 3 signatures"));
        assert_eq!(
            refusal(&signed(&garbage, &[1, 2, 3])),
            "e.json: expected an object, found string \"[[[[[[\" (line 1, column 8)"
        );
    }

    #[test]
    fn signatures_do_not_make_an_unlawful_order_lawful() {
        let late = with(&[("/not_after", json!("2028-05-01T00:00:01+09:00"))]);
        assert!(refusal(&signed(&late, &[1, 2, 3, 4, 5])).ends_with("[L-TERM]"));
    }

    #[test]
    fn nothing_but_an_envelope_is_one() {
        let deep = "[".repeat(10_000_000);
        for text in ["", "{}", "[]", "null", "\u{feff}", &order().to_string(), &deep] {
            let refusal = refusal(text);
            assert!(refusal.starts_with("e.json: ") && refusal.len() < 500, "{refusal}");
        }
        let nested = signed(&order(), &[1, 2, 3]).replacen("\"signatures\": [", &deep, 1);
        assert!(refusal(&nested).starts_with("e.json: "));
    }

    /// Signed once: signing is slow without optimisation.
    static SIGNED: LazyLock<(String, Trust)> =
        LazyLock::new(|| (signed(&order(), &[1, 2, 3]), trust()));

    /// What a changed envelope may still be: refused, or the same order from the same signers.
    fn is_harmless(envelope: &[u8]) -> Result<(), TestCaseError> {
        if let Ok(verified) = verify_order("e.json", envelope, &SIGNED.1) {
            let original = order().to_string();
            prop_assert_eq!(verified.digest(), hex::encode(Sha256::digest(original)));
            let holders: HashSet<&str> =
                verified.signers().iter().map(|signer| signer.holder.as_str()).collect();
            prop_assert!(holders.len() >= 3);
            prop_assert!(holders.is_subset(&HashSet::from(["holder 1", "holder 2", "holder 3"])));
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn a_flipped_bit_never_makes_another_order(position in any::<usize>(), bit in 0u8..8) {
            let mut envelope = SIGNED.0.clone().into_bytes();
            let position = position % envelope.len();
            envelope[position] ^= 1 << bit;
            is_harmless(&envelope)?;
        }

        #[test]
        fn another_byte_never_makes_another_order(position in any::<usize>(), byte: u8) {
            let mut envelope = SIGNED.0.clone().into_bytes();
            let position = position % envelope.len();
            envelope[position] = byte;
            is_harmless(&envelope)?;
        }

        #[test]
        fn a_cut_envelope_is_refused(length in any::<usize>()) {
            let envelope = &SIGNED.0;
            // What is behind the last brace is only the end of the line.
            let length = length % (envelope.len() - 1);
            prop_assert!(verify_order("e", &envelope.as_bytes()[..length], &SIGNED.1).is_err());
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(verify_order("e", &bytes, &SIGNED.1).is_err());
        }

        #[test]
        fn payloads_with_a_changed_byte_never_panic(position in any::<usize>(), byte: u8) {
            let mut payload = order().to_string().into_bytes();
            let position = position % payload.len();
            payload[position] = byte;
            if let Err(rejection) = read_order("o", &payload) {
                prop_assert!(!rejection.to_string().contains('\n'));
            }
        }
    }
}
