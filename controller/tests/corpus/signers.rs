//! Every role: one signature short, the right number in the wrong role, a key in two roles, a revoked key. And
//! envelopes that are none.

use controller::order::{DocumentKind, Envelope, Role, Trust, verify_any, verify_rotation};
use controller::rejection::Rejections;
use sekisho_kit::{
    CABINET_OFFICE, CARRIER, COMMISSION, PARTY, keyid, sealed, signers, trust_version,
};
use serde_json::{Value, json};

use crate::Case;
use crate::documents::{document, trust};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    documents(&mut cases);
    revoked(&mut cases);
    trust_files(&mut cases);
    rotations(&mut cases);
    envelopes(&mut cases);
    cases
}

fn verified(kind: DocumentKind, by: &[u8], trust: &Trust) -> Result<(), Rejections> {
    let envelope = sealed(kind, document(kind).to_string().as_bytes(), by);
    verify_any("f", envelope.as_bytes(), trust).map(drop)
}

fn case(name: String, field: &str, reason: &'static str, outcome: Result<(), Rejections>) -> Case {
    Case { name, field: (!field.is_empty()).then(|| field.to_owned()), reason, outcome }
}

/// The keys of each role, and how many must sign.
const ROLES: [(&str, &[u8], usize); 4] = [
    ("commission", &COMMISSION, 3),
    ("cabinet-office", &CABINET_OFFICE, 2),
    ("carrier", &[CARRIER], 1),
    ("party:acme", &[PARTY], 1),
];

/// The roles that sign a kind, by their names.
fn roles_of(kind: DocumentKind) -> &'static [&'static str] {
    match kind {
        DocumentKind::Approval => &["commission"],
        DocumentKind::Agreement => &["cabinet-office", "party:acme", "carrier"],
        _ => &["cabinet-office"],
    }
}

fn documents(cases: &mut Vec<Case>) {
    let trust = trust();
    for kind in [DocumentKind::Approval, DocumentKind::Agreement, DocumentKind::Order] {
        let all = signers(kind);
        for (role, keys, _) in ROLES.iter().filter(|(role, ..)| roles_of(kind).contains(role)) {
            let one = all.iter().position(|key| keys.contains(key)).unwrap();
            let mut fewer = all.to_vec();
            fewer.remove(one);
            let name = format!("{}: one signature of {role} short", kind.noun());
            cases.push(case(name, "signatures", "Signing.Short", verified(kind, &fewer, &trust)));
        }
        for (role, keys, _) in ROLES.iter().filter(|(role, ..)| !roles_of(kind).contains(role)) {
            // As many as there must be, by others.
            let own = all.len();
            let others: Vec<u8> = keys.iter().copied().take(own).collect();
            let mut mixed: Vec<u8> =
                all.iter().copied().take(own - others.len().min(own)).collect();
            let field = format!("signatures[{}].keyid", mixed.len());
            mixed.extend(&others);
            let name = format!("{}: the right number, {role} among them", kind.noun());
            cases.push(case(name, &field, "Signing.Role", verified(kind, &mixed, &trust)));
            let mut more = all.to_vec();
            more.push(keys[0]);
            let field = format!("signatures[{own}].keyid");
            let name = format!("{}: {role} besides", kind.noun());
            cases.push(case(name, &field, "Signing.Role", verified(kind, &more, &trust)));
        }
        let mut strange = all.to_vec();
        strange.push(99);
        let field = format!("signatures[{}].keyid", all.len());
        let name = format!("{}: a stranger besides", kind.noun());
        cases.push(case(name, &field, "Signing.Untrusted", verified(kind, &strange, &trust)));
        let sealed = sealed(kind, document(kind).to_string().as_bytes(), &strange);
        let mut nameless: Value = serde_json::from_str(&sealed).unwrap();
        nameless["signatures"][all.len()].as_object_mut().unwrap().remove("keyid");
        let outcome = verify_any("f", nameless.to_string().as_bytes(), &trust).map(drop);
        let name = format!("{}: a stranger without a name", kind.noun());
        let field = format!("signatures[{}]", all.len());
        cases.push(case(name, &field, "Signing.Nobody", outcome));
        let name = format!("{}: nobody", kind.noun());
        cases.push(case(name, "signatures", "Signing.Short", verified(kind, &[], &trust)));
    }
    for (by, name) in [
        (&[1, 2][..], "one of the commission short"),
        (&[11], "one of the Cabinet Office short"),
        (&[], "nobody"),
    ] {
        let name = format!("revocation: {name}");
        let outcome = verified(DocumentKind::Revocation, by, &trust);
        cases.push(case(name, "signatures", "Signing.NoRoleWhole", outcome));
    }
    for (by, role) in [(&[11, 12][..], "cabinet-office"), (&[21], "carrier"), (&[31], "party:acme")]
    {
        let name = format!("revocation of an approval: by {role}");
        let outcome = verified(DocumentKind::Revocation, by, &trust);
        cases.push(case(name, "signatures[0].keyid", "Signing.NotTheirs", outcome));
    }
    // A trust file without a carrier: nobody can conclude an agreement.
    let mut file: Value = serde_json::from_str(&sekisho_kit::trust_file()).unwrap();
    let keys = file["keys"].as_object_mut().unwrap();
    keys.remove(&keyid(CARRIER));
    file["roles"].as_object_mut().unwrap().remove("carrier");
    let without = Trust::parse("t", file.to_string().as_bytes()).unwrap();
    let outcome = verified(DocumentKind::Agreement, &[11, 12, 31], &without);
    cases.push(case("agreement: no carrier".into(), "signatures", "Signing.NobodyHas", outcome));
}

/// A key of each role that is revoked.
fn revoked(cases: &mut Vec<Case>) {
    for kind in [
        DocumentKind::Approval,
        DocumentKind::Agreement,
        DocumentKind::Order,
        DocumentKind::Revocation,
    ] {
        let all = if kind == DocumentKind::Revocation {
            signers(DocumentKind::Approval)
        } else {
            signers(kind)
        };
        for (index, key) in all.iter().enumerate() {
            // A role of one key has no other that could sign.
            if [CARRIER, PARTY].contains(key) {
                continue;
            }
            let trust = Trust::parse("t", trust_version(2, &[*key]).as_bytes()).unwrap();
            let field = format!("signatures[{index}].keyid");
            let name = format!("{}: key {key} is revoked", kind.noun());
            cases.push(case(name, &field, "Signing.Revoked", verified(kind, all, &trust)));
        }
    }
}

/// Keys and roles that do not go together.
fn trust_files(cases: &mut Vec<Case>) {
    let whole: Value = serde_json::from_str(&sekisho_kit::trust_file()).unwrap();
    let parsed = |file: &Value| Trust::parse("f", file.to_string().as_bytes()).map(drop);
    for (role, keys, _) in ROLES {
        for (other, ..) in ROLES.iter().filter(|(other, ..)| *other != role) {
            let mut file = whole.clone();
            let list = file["roles"][other]["keyids"].as_array_mut().unwrap();
            let position = list.len();
            list.push(json!(keyid(keys[0])));
            // Roles are read in the order of the text, in which they are sorted.
            let (place, index) = if *other < role {
                (role, keys.iter().position(|key| *key == keys[0]).unwrap())
            } else {
                (*other, position)
            };
            let field = format!("roles.{place}.keyids[{index}]");
            let name = format!("trust file: a key of {role} is of {other}, too");
            cases.push(case(name, &field, "Trust.TwoRoles", parsed(&file)));
        }
        let mut file = whole.clone();
        file["roles"][role]["keyids"].as_array_mut().unwrap().push(json!(keyid(77)));
        let field = format!("roles.{role}.keyids[{}]", keys.len());
        let name = format!("trust file: {role} has a key that is not there");
        cases.push(case(name, &field, "Trust.UnknownKey", parsed(&file)));
        let mut file = whole.clone();
        file["roles"][role]["keyids"].as_array_mut().unwrap().push(json!(keyid(keys[0])));
        let name = format!("trust file: {role} has a key twice");
        cases.push(case(name, &field, "Form.Again", parsed(&file)));
        let mut file = whole.clone();
        let all: Vec<String> = keys.iter().map(|key| keyid(*key)).collect();
        file["revoked"] = json!(all);
        let field = format!("roles.{role}.threshold");
        let name = format!("trust file: all keys of {role} are revoked");
        cases.push(case(name, &field, "Trust.Threshold", parsed(&file)));
    }
    for role in ["commission", "cabinet-office"] {
        let mut file = whole.clone();
        file["roles"].as_object_mut().unwrap().remove(role);
        let name = format!("trust file: no {role}");
        cases.push(case(name, "roles", "Trust.NoRole", parsed(&file)));
    }
    let first = keyid(1);
    for (name, field, value, at, reason) in [
        ("no name", "holder", json!(""), "holder", "Form.Text"),
        (
            "a name that looks like another",
            "holder",
            json!("h\u{43e}lder"),
            "holder",
            "Trust.Ascii",
        ),
        ("upper case", "ed25519", json!("AB".repeat(32)), "ed25519", "Trust.Hex"),
        (
            "no point",
            "ed25519",
            json!(format!("02{}", "00".repeat(31))),
            "ed25519",
            "Trust.NoPoint",
        ),
        ("a weak key", "ed25519", json!("00".repeat(32)), "ed25519", "Trust.Weak"),
        (
            "a key outside of the group",
            "ed25519",
            json!("16a567fe7d4ef5482ab4012c369bf8c5f11e8d0c2559dcda50fde59708f8aee5"),
            "ed25519",
            "Trust.Mixed",
        ),
        (
            "another key",
            "ed25519",
            json!(hex::encode(sekisho_kit::key(77).verifying_key().as_bytes())),
            "",
            "Trust.Keyid",
        ),
    ] {
        let mut file = whole.clone();
        file["keys"][&first][field] = value;
        let dot = if at.is_empty() { "" } else { "." };
        let at = format!("keys.{first}{dot}{at}");
        cases.push(case(format!("trust file: {name}"), &at, reason, parsed(&file)));
    }
    let mut file = whole.clone();
    let keys: Vec<String> = file["keys"].as_object().unwrap().keys().cloned().collect();
    for key in &keys {
        file["keys"][key]["holder"] = json!("one and the same");
    }
    let at = format!("keys.{}.holder", keys[1]);
    cases.push(case("trust file: one holder".into(), &at, "Trust.Holder", parsed(&file)));
    let mut file = whole.clone();
    file["roles"]["commission"]["keyids"].as_array_mut().unwrap().pop();
    let at = format!("keys.{}", keyid(5));
    cases.push(case("trust file: a key without a role".into(), &at, "Trust.Idle", parsed(&file)));
    let mut file = whole;
    file["revoked"] = json!([keyid(5), keyid(5)]);
    cases.push(case("trust file: revoked twice".into(), "revoked[1]", "Form.Again", parsed(&file)));
}

fn rotations(cases: &mut Vec<Case>) {
    let old = Trust::parse("t", trust_version(3, &[4]).as_bytes()).unwrap();
    let rotated = |file: &str, by: &[u8]| {
        verify_rotation("f", sealed(DocumentKind::Trust, file.as_bytes(), by).as_bytes(), &old)
            .map(drop)
    };
    let next = trust_version(4, &[4]);
    rotated(&next, &[1, 2, 3, 11, 12]).unwrap();
    for (name, file, by, field, reason) in [
        (
            "one of the commission short",
            next.clone(),
            &[1, 2, 11, 12][..],
            "signatures",
            "Signing.Short",
        ),
        (
            "one of the Cabinet Office short",
            next.clone(),
            &[1, 2, 3, 11],
            "signatures",
            "Signing.Short",
        ),
        (
            "a revoked key",
            next.clone(),
            &[1, 2, 3, 11, 12, 4],
            "signatures[5].keyid",
            "Signing.Revoked",
        ),
        (
            "a stranger",
            next.clone(),
            &[1, 2, 3, 11, 12, 77],
            "signatures[5].keyid",
            "Signing.Untrusted",
        ),
        (
            "the same version",
            trust_version(3, &[4]),
            &[1, 2, 3, 11, 12],
            "version",
            "Trust.Version",
        ),
        (
            "an older version",
            trust_version(2, &[4]),
            &[1, 2, 3, 11, 12],
            "version",
            "Trust.Version",
        ),
        (
            "a revoked key that comes back",
            trust_version(4, &[]),
            &[1, 2, 3, 11, 12],
            "revoked",
            "Trust.Forgotten",
        ),
        (
            "by a key that it revokes",
            trust_version(4, &[4, 3]),
            &[1, 2, 3, 11, 12],
            "signatures[2].keyid",
            "Signing.Revoked",
        ),
    ] {
        cases.push(case(format!("rotation: {name}"), field, reason, rotated(&file, by)));
    }
    // Other keys for the carrier, for the party, and a new party.
    for (name, role, keys) in [
        ("carrier", Role::Carrier, &[22][..]),
        ("party", Role::Party("acme".into()), &[32]),
        ("new party", Role::Party("beta".into()), &[41]),
    ] {
        let mut roles = sekisho_kit::roles();
        roles.retain(|one| one.role != role);
        roles.push(sekisho_kit::role(role, 1, keys));
        let file = Trust::draft(4, &roles, &[keyid(4)]).unwrap();
        let outcome = rotated(&file, &[1, 2, 3, 11, 12]);
        cases.push(case(
            format!("rotation: {name} unasked"),
            "signatures",
            "Signing.Short",
            outcome,
        ));
    }
    let plain = verify_rotation("f", next.as_bytes(), &old).map(drop);
    cases.push(case("rotation: unsigned".into(), "", "Signing.Unsigned", plain));
}

fn envelopes(cases: &mut Vec<Case>) {
    let trust = trust();
    let whole: Value = {
        let order = document(DocumentKind::Order).to_string();
        serde_json::from_str(&sealed(DocumentKind::Order, order.as_bytes(), &[11, 12])).unwrap()
    };
    let opened = |text: &str| verify_any("f", text.as_bytes(), &trust).map(drop);
    for kind in DocumentKind::ALL {
        let outcome = opened(&document(kind).to_string());
        cases.push(case(
            format!("{}: without an envelope", kind.noun()),
            "",
            "Signing.Unsigned",
            outcome,
        ));
    }
    let outcome = opened("{\"schema\":\"sekisho.other/v1\"}");
    cases.push(case(
        "a schema that no document has".to_owned(),
        "schema",
        "Form.Unlisted",
        outcome,
    ));
    for old in ["order", "revocation", "trust"] {
        let text = format!("{{\"schema\":\"sekisho.{old}/v1\"}}");
        let kind = DocumentKind::ALL
            .into_iter()
            .find(|kind| kind.schema().contains(&format!(".{old}/")))
            .unwrap();
        let outcome = opened(&sealed(kind, text.as_bytes(), &[1, 2, 3]));
        cases.push(case(
            format!("{old} of version 1 in an envelope"),
            "schema",
            "Form.Outdated",
            outcome,
        ));
        let outcome = opened(&text);
        cases.push(case(
            format!("{old} of version 1 without one"),
            "schema",
            "Form.Outdated",
            outcome,
        ));
    }
    for (name, pointer, value, field, reason) in [
        ("another type", "/payloadType", json!("text/plain"), "payloadType", "Form.Value"),
        ("no base64", "/payload", json!("%%%"), "payload", "Form.Value"),
        ("a payload that is no text", "/payload", json!(7), "payload", "Form.Wrong"),
        ("signatures in an object", "/signatures", json!({}), "signatures", "Form.Wrong"),
        (
            "a short signature",
            "/signatures/0/sig",
            json!("e30="),
            "signatures[0].sig",
            "Form.Value",
        ),
        ("another field", "/signatures/0/cert", json!(""), "signatures[0].cert", "Form.Unknown"),
        ("another payload", "/payload", json!("e30="), "signatures[0].sig", "Signing.Bad"),
        (
            "another's signature",
            "/signatures/1/sig",
            whole["signatures"][0]["sig"].clone(),
            "signatures[1].sig",
            "Signing.Bad",
        ),
    ] {
        let mut envelope = whole.clone();
        crate::documents::put(&mut envelope, pointer, value);
        cases.push(case(format!("envelope: {name}"), field, reason, opened(&envelope.to_string())));
    }
    for field in ["payload", "payloadType", "signatures"] {
        let mut envelope = whole.clone();
        envelope.as_object_mut().unwrap().remove(field);
        let outcome = opened(&envelope.to_string());
        cases.push(case(format!("envelope: no {field}"), field, "Form.Missing", outcome));
    }
    let mut twice = whole.clone();
    let again = twice["signatures"][0].clone();
    twice["signatures"].as_array_mut().unwrap().push(again);
    let outcome = opened(&twice.to_string());
    cases.push(case(
        "envelope: a signature twice".into(),
        "signatures[2].keyid",
        "Signing.Twice",
        outcome,
    ));
    let other = sealed(DocumentKind::Order, b"{}", &[11, 12]);
    assert!(Envelope::parse("f", other.as_bytes()).is_ok());
    let outcome = controller::order::verify_revocation("f", other.as_bytes(), &trust).map(drop);
    cases.push(case("envelope: of another kind".into(), "payloadType", "Signing.Kind", outcome));
}
