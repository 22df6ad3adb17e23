//! Trust files that are read, and those that are refused, with the field.

use serde_json::{Value, json};

use super::super::samples;
use super::*;

fn sample() -> Value {
    serde_json::from_str(&samples::trust_file()).unwrap()
}

fn refusal(trust: &Value) -> String {
    Trust::parse("t.json", trust.to_string().as_bytes()).expect_err("must be refused").to_string()
}

fn keyid(number: u8) -> String {
    samples::kit::keyid(number)
}

#[test]
fn a_good_file() {
    let trust = Trust::parse("t.json", sample().to_string().as_bytes()).unwrap();
    assert_eq!((trust.version(), trust.keys().len(), trust.thresholds().len()), (1, 10, 4));
    assert_eq!(trust.threshold(&Role::Commission), Some(3));
    assert_eq!(trust.threshold(&Role::Party("other".into())), None);
    let key = trust.key(&keyid(12)).unwrap();
    assert_eq!((key.holder(), key.role()), ("holder 12", Some(&Role::CabinetOffice)));
    assert_eq!(trust.key("00"), None);
    assert_eq!(trust.keyids(&Role::Carrier).into_iter().collect::<Vec<_>>(), [keyid(21)]);
}

#[test]
fn one_holder_has_one_key() {
    for (name, refused) in
        [("holder 1", true), ("HOLDER  1", true), ("holder 11x", false), ("holder1", false)]
    {
        let mut file = sample();
        file["keys"][keyid(13)]["holder"] = json!(name);
        if refused {
            // Which of the two is told depends on the order of their names.
            let refusal = refusal(&file);
            assert!(refusal.contains(".holder: holds the key "), "{refusal}");
            assert!(
                refusal.ends_with("as well, and one holder has one key [L-APPROVE]"),
                "{refusal}"
            );
        } else {
            Trust::parse("t.json", file.to_string().as_bytes()).unwrap();
        }
        // The new key of one whose old key was revoked.
        file["revoked"] = json!([keyid(1)]);
        Trust::parse("t.json", file.to_string().as_bytes()).unwrap();
    }
}

#[test]
fn holders_look_like_what_they_are() {
    // A Cyrillic `о`, a full-width `1`, a name with a letter that folds to an ASCII one.
    for name in ["h\u{43e}lder 9", "holder \u{ff11}", "\u{212a}ato", "議長"] {
        let mut file = sample();
        file["keys"][keyid(3)]["holder"] = json!(name);
        let expected = format!(
            "t.json: keys.{}.holder: holds characters outside of ASCII, which can look like others \
             [L-APPROVE]",
            keyid(3)
        );
        assert_eq!(refusal(&file), expected, "{name}");
    }
}

#[test]
fn revoked_keys_do_not_count() {
    let mut file = sample();
    file["revoked"] = json!([keyid(2), keyid(3), keyid(99)]);
    let text = file.to_string();
    let trust = Trust::parse("t.json", text.as_bytes()).unwrap();
    assert_eq!(trust.bytes(), text.as_bytes());
    assert!(
        trust.key(&keyid(2)).unwrap().is_revoked() && !trust.key(&keyid(1)).unwrap().is_revoked()
    );
    assert!(trust.is_revoked(&keyid(99)) && !trust.is_revoked("00"));
    file["revoked"] = json!([keyid(2), keyid(3), keyid(4)]);
    assert_eq!(
        refusal(&file),
        "t.json: roles.commission.threshold: 3 is not within 1 to 2, the number of its keys that are \
         not revoked [L-APPROVE]"
    );
    // A revoked key needs no role.
    let mut file = sample();
    file["roles"]["commission"]["keyids"].as_array_mut().unwrap().pop();
    let refusal = refusal(&file);
    assert_eq!(
        refusal,
        format!("t.json: keys.{}: has no role, and is not revoked [L-APPROVE]", keyid(5))
    );
    file["revoked"] = json!([keyid(5)]);
    Trust::parse("t.json", file.to_string().as_bytes()).unwrap();
}

#[test]
fn a_key_has_one_role() {
    for (role, other) in [("carrier", "commission"), ("cabinet-office", "commission")] {
        let mut file = sample();
        file["roles"][role]["keyids"].as_array_mut().unwrap().push(json!(keyid(1)));
        let refusal = refusal(&file);
        let key = keyid(1);
        let one = format!(
            "the key {key} has the role {other} already, and a key has one role [L-APPROVE]"
        );
        let two = format!(
            "the key {key} has the role {role} already, and a key has one role [L-APPROVE]"
        );
        assert!(refusal.contains(&one) || refusal.contains(&two), "{refusal}");
    }
}

#[test]
fn bad_files() {
    let first = keyid(1);
    let key = |field: &str| format!("/keys/{first}/{field}");
    let table: Vec<(String, Value, String)> = vec![
        (
            "/schema".into(),
            json!("sekisho.trust/v3"),
            "schema: is `sekisho.trust/v3`, but only".into(),
        ),
        (
            "/schema".into(),
            json!("sekisho.trust/v1"),
            "schema: is `sekisho.trust/v1`, which is not".into(),
        ),
        ("/version".into(), json!(0), "version: counts from 1".into()),
        (
            "/version".into(),
            json!("1"),
            "version: expected a whole number, found string \"1\"".into(),
        ),
        (
            "/roles/commission/threshold".into(),
            json!(0),
            "roles.commission.threshold: 0 is not within 1 to 5, the number of its keys".into(),
        ),
        (
            "/roles/commission/threshold".into(),
            json!(6),
            "roles.commission.threshold: 6 is not within 1 to 5, the number of its keys".into(),
        ),
        (
            "/roles/carrier/keyids".into(),
            json!([keyid(21), keyid(22)]),
            format!("roles.carrier.keyids[1]: the key `{}…` is not among `keys`", &keyid(22)[..60]),
        ),
        (
            "/roles/carrier/keyids".into(),
            json!([keyid(21), keyid(21)]),
            "roles.carrier.keyids[1]: `".into(),
        ),
        (
            "/roles/root".into(),
            json!({"threshold": 1, "keyids": []}),
            "roles.root: `root` is no role".into(),
        ),
        ("/roles/carrier/note".into(), json!(1), "roles.carrier.note: is no field that is".into()),
        ("/revoked".into(), json!(["x"]), "revoked[0]: is not 64 lower-case".into()),
        ("/revoked".into(), json!(null), "revoked: expected a list, found null".into()),
        (key("holder"), json!(" "), format!("keys.{first}.holder: is empty")),
        (
            key("holder"),
            json!("a\u{1b}[2J"),
            format!("keys.{first}.holder: holds control characters"),
        ),
        (
            key("ed25519"),
            json!("AB".repeat(32)),
            format!("keys.{first}.ed25519: is not 64 lower-case"),
        ),
        (key("ed25519"), json!("ab"), format!("keys.{first}.ed25519: is not 64 lower-case")),
        (
            key("ed25519"),
            json!(hex::encode(samples::key(9).verifying_key().as_bytes())),
            format!("keys.{first}: is not the SHA-256 of the key, which is "),
        ),
        (key("revoked"), json!(true), format!("keys.{first}.revoked: is no field that is known")),
    ];
    for (pointer, value, expected) in table {
        let refusal = refusal(&samples::set(sample(), &[(&pointer, value)]));
        let found = refusal.lines().any(|line| line.starts_with(&format!("t.json: {expected}")));
        assert!(found, "{refusal}\n{expected}");
    }
    for field in ["schema", "version", "keys", "roles", "revoked"] {
        let mut missing = sample();
        missing.as_object_mut().unwrap().remove(field);
        assert!(refusal(&missing).contains(&format!("t.json: {field}: is missing")));
    }
    for role in ["commission", "cabinet-office"] {
        let mut missing = sample();
        missing["roles"].as_object_mut().unwrap().remove(role);
        assert!(
            refusal(&missing).contains(&format!("t.json: roles: the role {role} must be there"))
        );
    }
}

#[test]
fn weak_and_impossible_keys() {
    for (key, why) in [
        ("0000000000000000000000000000000000000000000000000000000000000000", "weak"),
        ("0100000000000000000000000000000000000000000000000000000000000000", "weak"),
        // The neutral element again, y written as p + 1.
        ("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "weak"),
        ("0200000000000000000000000000000000000000000000000000000000000000", "not a point"),
        // y = 3, written as p + 3.
        ("f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "key generation"),
        // The key of RFC 8032, section 7.1, TEST 1, plus the point of order 2.
        ("16a567fe7d4ef5482ab4012c369bf8c5f11e8d0c2559dcda50fde59708f8aee5", "key generation"),
    ] {
        let mut trust = sample();
        trust["keys"][keyid(1)]["ed25519"] = json!(key);
        let refusal = refusal(&trust);
        assert!(
            refusal.starts_with(&format!("t.json: keys.{}.ed25519: is ", keyid(1))),
            "{refusal}"
        );
        assert!(refusal.contains(why), "{refusal}");
    }
}
