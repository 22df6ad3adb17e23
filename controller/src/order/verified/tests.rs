//! Verified documents: which signatures make one. That no damage to an envelope makes another is a
//! test of its own, `tests/mutations.rs`.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::samples::{key, order, revocation, signed, signed_as, trust, trust_file, with};
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
fn a_revoked_key_signs_nothing() {
    let mut file: Value = serde_json::from_str(&trust_file()).unwrap();
    file["version"] = json!(7);
    file["keys"][3]["revoked"] = json!(true);
    let trust = Trust::parse("t.json", file.to_string().as_bytes()).unwrap();
    assert!(verify_order("e", signed(&order(), &[1, 2, 3]).as_bytes(), &trust).is_ok());
    for (signers, position) in [(&[1, 2, 4][..], 2), (&[4, 1, 2, 3], 0)] {
        let refusal = verify_order("e", signed(&order(), signers).as_bytes(), &trust).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            format!(
                "e: signatures[{position}].keyid: the key of holder 4 is revoked by version 7 of \
                 the trust file [L-APPROVE]"
            )
        );
    }
}

#[test]
fn a_revocation_takes_as_many_signatures_as_an_order() {
    let text = revocation().to_string();
    let refusal = |envelope: &str| {
        verify_revocation("r.json", envelope.as_bytes(), &trust()).unwrap_err().to_string()
    };
    let envelope = signed_as(Kind::Revocation, &text, &[1, 2, 3]);
    let verified = verify_revocation("r.json", envelope.as_bytes(), &trust()).unwrap();
    assert_eq!((verified.serial, verified.signers().len()), (2, 3));
    assert_eq!(
        refusal(&signed_as(Kind::Revocation, &text, &[1, 2])),
        "r.json: signatures: 2 of the 3 signatures needed [L-APPROVE]"
    );
    let mut late: Value = serde_json::from_str(&envelope).unwrap();
    let other = revocation().to_string().replace("2027-12-01", "2028-04-01");
    let other: Value =
        serde_json::from_str(&signed_as(Kind::Revocation, &other, &[1, 2, 3])).unwrap();
    late["payload"] = other["payload"].clone();
    assert_eq!(
        refusal(&late.to_string()),
        "r.json: signatures[0].sig: is not a signature of this revocation by holder 1 [L-APPROVE]"
    );
}

#[test]
fn a_signature_under_one_kind_is_worth_nothing_under_another() {
    let order = signed(&order(), &[1, 2, 3]);
    let revocation = signed_as(Kind::Revocation, &revocation().to_string(), &[1, 2, 3]);
    assert_eq!(
        refusal(&revocation),
        "e.json: payloadType: is that of a revocation, but an order is expected"
    );
    for (error, noun) in [
        (verify_revocation("e", order.as_bytes(), &trust()).unwrap_err(), "a revocation"),
        (verify_rotation("e", order.as_bytes(), &trust()).unwrap_err(), "a trust file"),
    ] {
        let expected = format!("e: payloadType: is that of an order, but {noun} is expected");
        assert_eq!(error.to_string(), expected);
    }
    // With the label exchanged, each signature is one of something else.
    for (envelope, from, to) in [
        (&order, Kind::Order, Kind::Revocation),
        (&order, Kind::Order, Kind::Trust),
        (&revocation, Kind::Revocation, Kind::Order),
    ] {
        let relabelled = envelope.replace(from.payload_type(), to.payload_type());
        let refusal = verify_any("e", relabelled.as_bytes(), &trust()).unwrap_err().to_string();
        let expected = format!(
            "e: signatures[0].sig: is not a signature of this {} by holder 1 [L-APPROVE]",
            to.noun()
        );
        assert_eq!(refusal, expected);
    }
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

proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(verify_order("e", &bytes, &trust()).is_err());
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
