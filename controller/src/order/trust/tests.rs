//! Trust files that are read, and those that are refused, with the field.

use serde_json::{Value, json};

use super::super::samples;
use super::*;

fn sample() -> Value {
    let entries: Vec<KeyEntry> = (1..=5)
        .map(|n| KeyEntry::new(&samples::key(n).verifying_key(), format!("holder {n}")))
        .collect();
    serde_json::from_str(&Trust::draft(1, 3, entries).unwrap()).unwrap()
}

fn refusal(trust: &Value) -> String {
    Trust::parse("t.json", trust.to_string().as_bytes()).expect_err("must be refused").to_string()
}

#[test]
fn a_good_file() {
    let trust = Trust::parse("t.json", sample().to_string().as_bytes()).unwrap();
    assert_eq!((trust.version(), trust.threshold(), trust.keys().len()), (1, 3, 5));
    let key = &trust.keys()[1];
    assert_eq!(key.holder(), "holder 2");
    assert_eq!(trust.key(key.keyid()), Some(key));
    assert_eq!(trust.key("00"), None);
}

#[test]
fn one_holder_has_one_key() {
    for (name, refused) in
        [("holder 1", true), ("HOLDER  1", true), ("holder 11", false), ("holder1", false)]
    {
        let mut file = sample();
        file["keys"][3]["holder"] = json!(name);
        if refused {
            let expected = "t.json: keys[3].holder: holds keys[0] as well, and one holder has one key \
                            [L-APPROVE]";
            assert_eq!(refusal(&file), expected, "{name}");
        } else {
            Trust::parse("t.json", file.to_string().as_bytes()).unwrap();
        }
        // The new key of one whose old key was revoked.
        file["keys"][0]["revoked"] = json!(true);
        Trust::parse("t.json", file.to_string().as_bytes()).unwrap();
    }
}

#[test]
fn holders_look_like_what_they_are() {
    // A Cyrillic `о`, a full-width `1`, a name with a letter that folds to an ASCII one.
    for name in ["h\u{43e}lder 9", "holder \u{ff11}", "\u{212a}ato", "議長"] {
        let mut file = sample();
        file["keys"][3]["holder"] = json!(name);
        let expected =
            "t.json: keys[3].holder: holds characters outside of ASCII, which can look like others";
        assert_eq!(refusal(&file), expected, "{name}");
    }
}

#[test]
fn revoked_keys_stay_in_the_file_but_do_not_count() {
    let mut file = sample();
    file["keys"][1]["revoked"] = json!(true);
    file["keys"][2]["revoked"] = json!(false);
    let text = file.to_string();
    let trust = Trust::parse("t.json", text.as_bytes()).unwrap();
    assert_eq!(trust.bytes(), text.as_bytes());
    let revoked: Vec<bool> = trust.keys().iter().map(|key| trust.is_revoked(key.keyid())).collect();
    assert_eq!(revoked, [false, true, false, false, false]);
    assert!(!trust.is_revoked("00"));
    // What is written again says the same, and says nothing of keys that are in use.
    let entries = trust.keys().iter().map(TrustedKey::entry).collect();
    let again = Trust::draft(1, 3, entries).unwrap();
    assert_eq!(again.matches("revoked").count(), 1);
    assert!(Trust::parse("t.json", again.as_bytes()).unwrap().keys()[1].is_revoked());
    for index in [2, 3] {
        file["keys"][index]["revoked"] = json!(true);
    }
    assert_eq!(
        refusal(&file),
        "t.json: threshold: 3 is not within 1 to 2, the number of keys that are not revoked \
         [L-APPROVE]"
    );
}

#[test]
fn bad_files() {
    let other_key = hex::encode(samples::key(9).verifying_key().as_bytes());
    let table: Vec<(&str, Value, &str)> = vec![
        (
            "/schema",
            json!("sekisho.trust/v2"),
            "t.json: schema: is `sekisho.trust/v2`, but only `sekisho.trust/v1` is known",
        ),
        ("/version", json!(0), "t.json: version: versions count from 1"),
        ("/version", json!("1"), "t.json: version: expected a whole number, found string \"1\""),
        (
            "/threshold",
            json!(0),
            "t.json: threshold: 0 is not within 1 to 5, the number of keys that are not revoked [L-APPROVE]",
        ),
        (
            "/threshold",
            json!(6),
            "t.json: threshold: 6 is not within 1 to 5, the number of keys that are not revoked [L-APPROVE]",
        ),
        (
            "/keys",
            json!([]),
            "t.json: threshold: 3 is not within 1 to 0, the number of keys that are not revoked [L-APPROVE]",
        ),
        (
            "/keys/1",
            sample()["keys"][0].clone(),
            "t.json: keys[1].keyid: is the same key as keys[0] [L-APPROVE]",
        ),
        ("/keys/1/holder", json!(" "), "t.json: keys[1].holder: is empty"),
        (
            "/keys/1/revoked",
            json!("yes"),
            "t.json: keys[1].revoked: expected a boolean, found string \"yes\"",
        ),
        ("/keys/1/revoked", json!(null), "t.json: keys[1].revoked: expected a boolean, found null"),
        ("/keys/1/holder", json!("a\u{1b}[2J"), "t.json: keys[1].holder: holds control characters"),
        (
            "/keys/1/keyid",
            json!(""),
            "t.json: keys[1].keyid: is not the SHA-256 of the key, which is ",
        ),
        (
            "/keys/1/ed25519",
            json!(other_key),
            "t.json: keys[1].keyid: is not the SHA-256 of the key, which is ",
        ),
        (
            "/keys/1/ed25519",
            json!("AB".repeat(32)),
            "t.json: keys[1].ed25519: is not 64 lower-case hexadecimal digits",
        ),
        (
            "/keys/1/ed25519",
            json!("ab"),
            "t.json: keys[1].ed25519: is not 64 lower-case hexadecimal digits",
        ),
    ];
    for (pointer, value, expected) in table {
        let mut trust = sample();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        match trust.pointer_mut(parent).unwrap() {
            Value::Array(list) => list[field.parse::<usize>().unwrap()] = value,
            parent => parent[field] = value,
        }
        let refusal = refusal(&trust);
        assert!(refusal.starts_with(expected), "{refusal}\n{expected}");
    }
    let mut unknown = sample();
    unknown["keys"][2]["comment"] = json!("x");
    assert!(refusal(&unknown).starts_with("t.json: keys[2].comment: unknown field `comment`"));
    let mut missing = sample();
    missing.as_object_mut().unwrap().remove("threshold");
    assert!(refusal(&missing).starts_with("t.json: threshold: is missing"));
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
        trust["keys"][0]["ed25519"] = json!(key);
        let refusal = refusal(&trust);
        assert!(refusal.starts_with("t.json: keys[0].ed25519: is "), "{refusal}");
        assert!(refusal.contains(why), "{refusal}");
    }
}
