use crate::order::samples::kit::{COMMISSION, keyid, role, sealed};
use serde_json::Value;

use super::*;
use crate::order::trust::RoleDraft;

/// A trust file with these keys of the commission, the Cabinet Office, the carrier and the party.
fn file(version: u64, keys: [&[u8]; 4], revoked: &[u8]) -> String {
    let [commission, cabinet, carrier, party] = keys;
    let mut roles: Vec<RoleDraft> = vec![
        role(Role::Commission, 3, commission),
        role(Role::CabinetOffice, 2, cabinet),
        role(Role::Carrier, 1, carrier),
    ];
    if !party.is_empty() {
        roles.push(role(Role::Party("acme".to_owned()), 1, party));
    }
    let revoked: Vec<String> = revoked.iter().map(|number| keyid(*number)).collect();
    Trust::draft(version, &roles, &revoked).unwrap()
}

const C: &[u8] = &COMMISSION;
const P: &[u8] = &[11, 12, 13];

fn old() -> Trust {
    Trust::parse("old.json", file(4, [C, P, &[21], &[31]], &[6]).as_bytes()).unwrap()
}

fn rotate(new: &str, signers: &[u8]) -> Result<Verified<Trust>, String> {
    let envelope = sealed(DocumentKind::Trust, new.as_bytes(), signers);
    verify_rotation("t.json", envelope.as_bytes(), &old()).map_err(|error| error.to_string())
}

#[test]
fn the_roles_of_both_files_make_a_new_one() {
    for (new, signers) in [
        // The same keys, another commission, other Cabinet Office keys.
        (file(5, [C, P, &[21], &[31]], &[6]), &[1, 2, 3, 11, 12][..]),
        (file(9, [&[1, 2, 3, 7, 8], P, &[21], &[31]], &[6]), &[1, 2, 3, 11, 13]),
        (file(5, [&[7, 8, 9], P, &[21], &[31]], &[6]), &[1, 2, 3, 7, 8, 9, 11, 12]),
        (file(5, [C, &[14, 15], &[21], &[31]], &[6]), &[1, 2, 3, 11, 12, 14, 15]),
        // Other keys of the carrier, old and new.
        (file(5, [C, P, &[22], &[31]], &[6]), &[1, 2, 3, 11, 12, 21, 22]),
        // A party that goes, by its old key.
        (file(5, [C, P, &[21], &[]], &[6]), &[1, 2, 3, 11, 12, 31]),
        // A key is revoked by the others.
        (file(5, [C, P, &[21], &[31]], &[6, 4]), &[1, 2, 3, 11, 12]),
        // The carrier's only key was stolen: it is not asked.
        (file(5, [C, P, &[22], &[31]], &[6, 21]), &[1, 2, 3, 11, 12, 22]),
    ] {
        let trust = rotate(&new, signers).unwrap_or_else(|error| panic!("{error}\n{new}"));
        assert_eq!(trust.bytes(), new.as_bytes());
        let by: Vec<&str> = trust.signers().iter().map(|s| s.holder.as_str()).collect();
        let expected: Vec<String> = signers.iter().map(|n| format!("holder {n}")).collect();
        assert_eq!(by, expected);
    }
    // A new role, by its new keys.
    let without = Trust::parse("old", file(1, [C, P, &[21], &[]], &[]).as_bytes()).unwrap();
    let new = file(2, [C, P, &[21], &[31]], &[]);
    for (signers, right) in [(&[1, 2, 3, 11, 12, 31][..], true), (&[1, 2, 3, 11, 12], false)] {
        let envelope = sealed(DocumentKind::Trust, new.as_bytes(), signers);
        assert_eq!(verify_rotation("t", envelope.as_bytes(), &without).is_ok(), right);
    }
}

#[test]
fn one_signature_short_is_not_enough() {
    let version = |n| format!(" by version {n} of the trust file [L-APPROVE]");
    for (new, signers, words) in [
        (
            file(5, [C, P, &[21], &[31]], &[6]),
            &[1, 2, 11, 12][..],
            format!("2 of the 3 signatures needed of commission{}", version(4)),
        ),
        (
            file(5, [C, P, &[21], &[31]], &[6]),
            &[1, 2, 3, 11],
            format!("1 of the 2 signatures needed of cabinet-office{}", version(4)),
        ),
        (
            file(5, [&[7, 8, 9], P, &[21], &[31]], &[6]),
            &[1, 2, 3, 7, 8, 11, 12],
            format!("2 of the 3 signatures needed of commission{}", version(5)),
        ),
        (
            file(5, [C, P, &[22], &[31]], &[6]),
            &[1, 2, 3, 11, 12, 22],
            format!("0 of the 1 signatures needed of carrier{}", version(4)),
        ),
        (
            file(5, [C, P, &[22], &[31]], &[6]),
            &[1, 2, 3, 11, 12, 21],
            format!("0 of the 1 signatures needed of carrier{}", version(5)),
        ),
        (
            file(5, [C, P, &[21], &[]], &[6]),
            &[1, 2, 3, 11, 12],
            format!("0 of the 1 signatures needed of party:acme{}", version(4)),
        ),
    ] {
        let refusal = rotate(&new, signers).unwrap_err();
        assert_eq!(refusal, format!("t.json: signatures: {words}"));
    }
}

#[test]
fn signatures_by_others_spoil_it() {
    let new = file(5, [&[1, 2, 3, 7], P, &[21], &[31]], &[6]);
    assert_eq!(
        rotate(&new, &[1, 2, 3, 11, 12, 9]).unwrap_err(),
        format!("t.json: signatures[5].keyid: the key {} is not trusted [L-APPROVE]", keyid(9))
    );
    assert_eq!(
        rotate(&new, &[1, 2, 3, 11, 12, 6]).unwrap_err(),
        format!(
            "t.json: signatures[5].keyid: the key of {} is revoked by version 4 of the trust file \
             [L-APPROVE]",
            keyid(6)
        )
    );
    // Whom the new file revokes cannot help to bring it in.
    assert_eq!(
        rotate(&file(5, [C, P, &[21], &[31]], &[6, 3]), &[1, 2, 4, 11, 12, 3]).unwrap_err(),
        "t.json: signatures[5].keyid: the key of holder 3 is revoked by version 5 of the trust file \
         [L-APPROVE]"
    );
    // New keys are held to the same: each once, and each its own signature.
    for (again, expected) in [
        (true, format!("t.json: signatures[6].keyid: the key {} has signed twice [L-APPROVE]", keyid(7))),
        (
            false,
            "t.json: signatures[5].sig: is not a signature of this trust file by holder 7 [L-APPROVE]"
                .to_owned(),
        ),
    ] {
        let envelope = sealed(DocumentKind::Trust, new.as_bytes(), &[1, 2, 3, 11, 12, 7]);
        let mut envelope: Value = serde_json::from_str(&envelope).unwrap();
        let list = envelope["signatures"].as_array_mut().unwrap();
        if again {
            list.push(list[5].clone());
        } else {
            list[5]["sig"] = list[0]["sig"].clone();
        }
        let text = envelope.to_string();
        let refusal = verify_rotation("t.json", text.as_bytes(), &old()).unwrap_err().to_string();
        assert!(refusal.lines().any(|line| line == expected), "{refusal}\n{expected}");
    }
}

#[test]
fn versions_only_rise_and_a_revoked_key_never_comes_back() {
    for version in [1, 3, 4] {
        assert_eq!(
            rotate(&file(version, [C, P, &[21], &[31]], &[6]), &[1, 2, 3, 11, 12]).unwrap_err(),
            format!(
                "t.json: version: {version} is not above 4, the version it is to replace [L-APPROVE]"
            )
        );
    }
    assert_eq!(
        rotate(&file(5, [C, P, &[21], &[31]], &[]), &[1, 2, 3, 11, 12]).unwrap_err(),
        format!(
            "t.json: revoked: the key {}, revoked by version 4, must stay revoked [L-APPROVE]",
            keyid(6)
        )
    );
}

#[test]
fn the_payload_is_not_read_before_the_old_keys_have_signed_it() {
    assert!(rotate("[[[", &[1, 2, 11, 12]).unwrap_err().contains("2 of the 3 signatures needed"));
    assert!(rotate("[[[", &[1, 2, 3, 11, 12]).unwrap_err().contains("expected an object"));
    let plain = verify_rotation("t", file(5, [C, P, &[21], &[31]], &[6]).as_bytes(), &old());
    assert!(
        plain.unwrap_err().to_string().starts_with("t: is a trust file that nobody has signed")
    );
}
