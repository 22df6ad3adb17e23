//! Verified documents: which signatures make one. That no damage to an envelope makes another is a
//! test of its own, `tests/mutations.rs`.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::samples::{
    agreement, approval, key, order, revocation, sealed, set, trust, trust_file,
};
use super::*;

fn signed(order: &Value, signers: &[u8]) -> String {
    sealed(DocumentKind::Order, order.to_string().as_bytes(), signers)
}

fn refusal(envelope: &str) -> String {
    match verify_order("e.json", envelope.as_bytes(), &trust()) {
        Ok(_) => panic!("must be refused: {envelope}"),
        Err(rejections) => rejections.to_string(),
    }
}

fn changed(change: impl FnOnce(&mut Value)) -> String {
    let mut envelope: Value = serde_json::from_str(&signed(&order(), &[11, 12])).unwrap();
    change(&mut envelope);
    refusal(&envelope.to_string())
}

/// What any of the five kinds is refused for.
fn any(kind: DocumentKind, payload: &Value, signers: &[u8]) -> Result<VerifiedDocument, String> {
    let envelope = sealed(kind, payload.to_string().as_bytes(), signers);
    verify_any("e", envelope.as_bytes(), &trust()).map_err(|rejections| rejections.to_string())
}

#[test]
fn enough_signatures_of_the_role_make_an_order() {
    for signers in [&[11, 12][..], &[13, 11], &[11, 12, 13]] {
        let order = order();
        let verified = verify_order("e", signed(&order, signers).as_bytes(), &trust()).unwrap();
        assert_eq!(verified.order_id, "2027-17-0003");
        assert_eq!(verified.get().serial, 1);
        let holders: Vec<&str> =
            verified.signers().iter().map(|signer| signer.holder.as_str()).collect();
        let expected: Vec<String> = signers.iter().map(|n| format!("holder {n}")).collect();
        assert_eq!(holders, expected);
        assert!(verified.signers().iter().all(|signer| signer.role == Role::CabinetOffice));
        assert_eq!(verified.digest(), hex::encode(Sha256::digest(order.to_string())));
    }
}

#[test]
fn each_kind_is_signed_by_its_roles() {
    let (order, approval, agreement) = (order(), approval(), agreement());
    for (kind, payload, signers) in [
        (DocumentKind::Approval, &approval, &[1, 2, 3][..]),
        (DocumentKind::Approval, &approval, &[5, 4, 3, 2, 1]),
        (DocumentKind::Agreement, &agreement, &[11, 12, 31, 21]),
        (DocumentKind::Order, &order, &[12, 13]),
    ] {
        any(kind, payload, signers).unwrap_or_else(|error| panic!("{kind:?}: {error}"));
    }
    for (kind, payload, signers, expected) in [
        // One signature short, in every role.
        (
            DocumentKind::Approval,
            &approval,
            &[1, 2][..],
            "signatures: 2 of the 3 signatures needed of commission",
        ),
        (
            DocumentKind::Order,
            &order,
            &[11],
            "signatures: 1 of the 2 signatures needed of cabinet-office",
        ),
        (
            DocumentKind::Agreement,
            &agreement,
            &[11, 31, 21],
            "signatures: 1 of the 2 signatures needed of cabinet-office",
        ),
        (
            DocumentKind::Agreement,
            &agreement,
            &[11, 12, 21],
            "signatures: 0 of the 1 signatures needed of party:<id>",
        ),
        (
            DocumentKind::Agreement,
            &agreement,
            &[11, 12, 31],
            "signatures: 0 of the 1 signatures needed of carrier",
        ),
        // The right number in the wrong role.
        (
            DocumentKind::Approval,
            &approval,
            &[11, 12, 13],
            "signatures[0].keyid: holder 11 signs as cabinet-office, but an approval is signed by commission",
        ),
        (
            DocumentKind::Order,
            &order,
            &[1, 2],
            "signatures[0].keyid: holder 1 signs as commission, but an order is signed by cabinet-office",
        ),
        (
            DocumentKind::Order,
            &order,
            &[11, 21],
            "signatures[1].keyid: holder 21 signs as carrier, but an order is signed by cabinet-office",
        ),
        (
            DocumentKind::Agreement,
            &agreement,
            &[1, 2, 31, 21],
            "signatures[0].keyid: holder 1 signs as commission, but an agreement is signed by cabinet-office, party:acme and carrier",
        ),
    ] {
        let refusal = any(kind, payload, signers).unwrap_err();
        let line = format!("e: {expected} [L-APPROVE]");
        assert!(refusal.lines().any(|found| found == line), "{refusal}\n{line}");
    }
    // Everybody together is too many: each signature must mean something.
    let refusal = any(DocumentKind::Order, &order, &[1, 2, 3, 11, 12, 21, 31]).unwrap_err();
    assert_eq!(refusal.lines().count(), 5, "{refusal}");
}

#[test]
fn an_agreement_is_signed_by_its_own_party() {
    let other = set(agreement(), &[("/party/id", json!("other"))]);
    assert_eq!(
        any(DocumentKind::Agreement, &other, &[11, 12, 31, 21]).unwrap_err(),
        "e: signatures[2].keyid: holder 31 signs as party:acme, but an agreement is signed by \
         cabinet-office, party:other and carrier [L-APPROVE]"
    );
}

#[test]
fn one_bad_signature_spoils_the_envelope() {
    let stranger = super::super::keys::keyid(&key(9).verifying_key());
    assert_eq!(
        refusal(&signed(&order(), &[11, 12, 9])),
        format!("e.json: signatures[2].keyid: the key {stranger} is not trusted [L-APPROVE]")
    );
    assert_eq!(
        changed(|e| {
            let again = e["signatures"][0].clone();
            e["signatures"].as_array_mut().unwrap().push(again);
        }),
        "e.json: signatures[2].keyid: holder 11 has signed twice [L-APPROVE]"
    );
    let upper_case = changed(|e| {
        let mut again = e["signatures"][0].clone();
        again["keyid"] = json!(again["keyid"].as_str().unwrap().to_uppercase());
        e["signatures"].as_array_mut().unwrap().push(again);
    });
    assert!(upper_case.contains("signatures[2].keyid: "), "{upper_case}");
    // A signature by a trusted key under another trusted key's name.
    assert_eq!(
        changed(|e| {
            let other = super::super::keys::keyid(&key(13).verifying_key());
            e["signatures"][0]["keyid"] = json!(other);
        }),
        "e.json: signatures[0].sig: is not a signature of this order by holder 13 [L-APPROVE]"
    );
    // Two good signatures do not outweigh a third that is of another order.
    let mut envelope: Value = serde_json::from_str(&signed(&order(), &[11, 12])).unwrap();
    let other: Value =
        serde_json::from_str(&signed(&set(order(), &[("/serial", json!(3))]), &[13])).unwrap();
    envelope["signatures"].as_array_mut().unwrap().push(other["signatures"][0].clone());
    assert_eq!(
        refusal(&envelope.to_string()),
        "e.json: signatures[2].sig: is not a signature of this order by holder 13 [L-APPROVE]"
    );
    // All that is wrong is said.
    let refusal = refusal(&signed(&order(), &[9, 1, 11]));
    assert_eq!(refusal.lines().count(), 3, "{refusal}");
}

#[test]
fn a_revoked_key_signs_nothing() {
    let mut file: Value = serde_json::from_str(&trust_file()).unwrap();
    file["version"] = json!(7);
    file["revoked"] = json!([crate::order::samples::kit::keyid(13)]);
    let trust = Trust::parse("t.json", file.to_string().as_bytes()).unwrap();
    assert!(verify_order("e", signed(&order(), &[11, 12]).as_bytes(), &trust).is_ok());
    for (signers, position) in [(&[11, 12, 13][..], 2), (&[13, 11, 12], 0)] {
        let refusal = verify_order("e", signed(&order(), signers).as_bytes(), &trust).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            format!(
                "e: signatures[{position}].keyid: the key of holder 13 is revoked by version 7 of \
                 the trust file [L-APPROVE]"
            )
        );
    }
}

#[test]
fn a_revocation_is_signed_by_one_role_that_signed_what_it_ends() {
    let ends = |id: &str| set(revocation(), &[("/ends", json!({id: "a", "serial": 1}))]);
    for (id, signers, right) in [
        ("approval_id", &[1, 2, 3][..], true),
        ("approval_id", &[1, 2], false),
        ("approval_id", &[11, 12], false),
        ("approval_id", &[21], false),
        ("agreement_id", &[11, 12], true),
        ("agreement_id", &[21], true),
        ("agreement_id", &[31], true),
        ("agreement_id", &[31, 21], true),
        // One role is whole, and the other may sign.
        ("agreement_id", &[31, 11], true),
        ("agreement_id", &[11], false),
        ("agreement_id", &[1, 2, 3], false),
        ("agreement_id", &[31, 1], false),
        ("order_id", &[11, 12], true),
        ("order_id", &[1, 2, 3], false),
        ("order_id", &[11, 12, 21], false),
    ] {
        let outcome = any(DocumentKind::Revocation, &ends(id), signers);
        assert_eq!(outcome.is_ok(), right, "{id} by {signers:?}: {outcome:?}");
    }
    assert_eq!(
        any(DocumentKind::Revocation, &ends("order_id"), &[1, 2]).unwrap_err(),
        "e: signatures: a revocation is signed by one role that signed what it ends (commission, \
         cabinet-office, carrier and party:acme), and none has: 2 of 3 of commission [L-APPROVE]"
    );
    assert_eq!(
        any(DocumentKind::Revocation, &ends("order_id"), &[21]).unwrap_err(),
        "e: signatures[0].keyid: carrier did not sign an order, and only who signed it revokes it \
         [L-APPROVE]"
    );
}

#[test]
fn a_signature_under_one_kind_is_worth_nothing_under_another() {
    let order = signed(&order(), &[11, 12]);
    let revocation =
        sealed(DocumentKind::Revocation, revocation().to_string().as_bytes(), &[11, 12]);
    assert_eq!(
        refusal(&revocation),
        "e.json: payloadType: is that of a revocation, but an order is expected [L-APPROVE]"
    );
    for (error, noun) in [
        (verify_revocation("e", order.as_bytes(), &trust()).unwrap_err(), "a revocation"),
        (verify_rotation("e", order.as_bytes(), &trust()).unwrap_err(), "a trust file"),
        (
            verify_basis(BasisKind::Approval, "e", order.as_bytes(), &trust()).unwrap_err(),
            "an approval",
        ),
    ] {
        let expected =
            format!("e: payloadType: is that of an order, but {noun} is expected [L-APPROVE]");
        assert_eq!(error.to_string(), expected);
    }
    // With the label exchanged, each signature is one of something else.
    let relabelled =
        order.replace(DocumentKind::Order.payload_type(), DocumentKind::Revocation.payload_type());
    let refusal = verify_any("e", relabelled.as_bytes(), &trust()).unwrap_err().to_string();
    let expected =
        "e: signatures[0].sig: is not a signature of this revocation by holder 11 [L-APPROVE]";
    assert!(refusal.starts_with(expected), "{refusal}");
}

#[test]
fn the_payload_is_not_read_before_it_is_verified() {
    let garbage = json!("[[[[[[");
    assert!(refusal(&signed(&garbage, &[11])).contains("1 of the 2 signatures"));
    assert_eq!(
        refusal(&signed(&garbage, &[11, 12])),
        "e.json: expected an object, found string \"[[[[[[\""
    );
}

#[test]
fn signatures_do_not_make_an_unlawful_approval_lawful() {
    let late = set(approval(), &[("/not_after", json!("2028-05-01T00:00:01+09:00"))]);
    assert!(
        any(DocumentKind::Approval, &late, &[1, 2, 3, 4, 5]).unwrap_err().ends_with("[L-TERM]")
    );
}

#[test]
fn a_document_without_an_envelope_is_told_what_it_is() {
    assert_eq!(
        refusal(&order().to_string()),
        "e.json: is an order that nobody has signed: sign it with `sekisho order sign` [L-APPROVE]"
    );
    let agreement = agreement().to_string();
    let unsigned = verify_any("e", agreement.as_bytes(), &trust()).unwrap_err().to_string();
    assert!(unsigned.starts_with("e: is an agreement that nobody has signed"), "{unsigned}");
    for text in
        [r#"{"schema":"sekisho.order/v1"}"#, &signed(&json!({"schema":"sekisho.order/v1"}), &[1])]
    {
        let refusal = refusal(text);
        assert!(
            refusal
                .starts_with("e.json: schema: is `sekisho.order/v1`, which is not read any more")
        );
        assert!(!refusal.contains('\n'), "{refusal}");
    }
}

#[test]
fn nothing_but_an_envelope_is_one() {
    let deep = "[".repeat(10_000_000);
    for text in ["", "{}", "[]", "null", "\u{feff}", &deep] {
        let refusal = refusal(text);
        assert!(refusal.starts_with("e.json: ") && refusal.len() < 500, "{refusal}");
    }
    let nested = signed(&order(), &[11, 12]).replacen("\"signatures\": [", &deep, 1);
    assert!(refusal(&nested).starts_with("e.json: "));
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        prop_assert!(verify_order("e", &bytes, &trust()).is_err());
    }

    #[test]
    fn payloads_with_a_changed_byte_never_panic(
        position in proptest::prelude::any::<usize>(),
        byte in proptest::prelude::any::<u8>(),
    ) {
        for document in [order(), approval()] {
            let mut payload = document.to_string().into_bytes();
            let position = position % payload.len();
            payload[position] = byte;
            let refusals = [
                Order::read("o", &payload).err(),
                Basis::read(BasisKind::Approval, "o", &payload).err(),
            ];
            for rejection in refusals.iter().flatten().flatten() {
                prop_assert!(!rejection.to_string().contains('\n'));
            }
        }
    }
}
