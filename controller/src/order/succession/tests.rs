use serde_json::{Value, json};

use super::super::samples::{agreement, approval, set};
use super::*;

fn read(kind: BasisKind, document: Value, changes: &[(&str, Value)]) -> Basis {
    let document = set(document, changes);
    Basis::read(kind, "b", document.to_string().as_bytes()).unwrap()
}

/// The approval that is there: November to April.
fn old() -> Basis {
    read(BasisKind::Approval, approval(), &[])
}

/// An extension by another approval, May to October, with some fields changed.
fn extension(changes: &[(&str, Value)]) -> Basis {
    let mut all = vec![
        ("/approval_id", json!("2028-17-0009")),
        ("/extends", json!({"approval_id": "2027-17-0003", "serial": 1})),
        ("/approved_at", json!("2028-04-10T00:00:00+09:00")),
        ("/not_before", json!("2028-05-01T00:00:00+09:00")),
        ("/not_after", json!("2028-11-01T00:00:00+09:00")),
    ];
    all.extend_from_slice(changes);
    read(BasisKind::Approval, approval(), &all)
}

/// The same approval, serial 2, November to March, with some fields changed.
fn amendment(changes: &[(&str, Value)]) -> Basis {
    let mut all = vec![("/serial", json!(2)), ("/not_after", json!("2028-04-01T00:00:00+09:00"))];
    all.extend_from_slice(changes);
    read(BasisKind::Approval, approval(), &all)
}

fn refused(new: &Basis, old: &Basis, expected: &str) {
    let refusal = check("n.json", new, old).expect_err(expected).to_string();
    assert_eq!(refusal, format!("n.json: {expected} [L-EXTEND]"));
}

#[test]
fn what_may_follow() {
    for new in [
        extension(&[]),
        // It starts before the other ends, and it ends with it.
        extension(&[
            ("/not_before", json!("2028-04-20T00:00:00+09:00")),
            ("/not_after", json!("2028-05-01T00:00:00+09:00")),
        ]),
        // A later serial of the same id, other criteria and another share: that is what was approved anew.
        extension(&[("/approval_id", json!("2027-17-0003")), ("/serial", json!(2))]),
        extension(&[
            ("/criteria/max_rules", json!(1)),
            ("/facility/max_share_percent", json!(1)),
            ("/facility/sensors", json!({"other": 1})),
        ]),
        amendment(&[]),
        amendment(&[("/not_after", json!("2028-05-01T00:00:00+09:00"))]),
    ] {
        assert!(new.follows(&old()));
        check("n.json", &new, &old()).unwrap();
    }
}

#[test]
fn there_is_no_gap_and_an_amendment_never_prolongs() {
    refused(
        &extension(&[("/not_before", json!("2028-05-01T00:00:01+09:00"))]),
        &old(),
        "not_before: the term starts at 2028-05-01T00:00:01+09:00, after approval 2027-17-0003, serial 1 \
         has ended at 2028-05-01T00:00:00+09:00",
    );
    refused(
        &amendment(&[
            ("/approved_at", json!("2027-11-20T00:00:00+09:00")),
            ("/not_before", json!("2027-12-01T00:00:00+09:00")),
            ("/not_after", json!("2028-05-01T00:00:00.000000001+09:00")),
        ]),
        &old(),
        "not_after: the term ends at 2028-05-01T00:00:00.000000001+09:00, later than that of approval \
         2027-17-0003, serial 1 at 2028-05-01T00:00:00+09:00; only what extends it may prolong it",
    );
}

#[test]
fn what_follows_goes_on_with_the_same() {
    for follow in [extension, amendment] {
        let earlier = "that of approval 2027-17-0003, serial 1";
        refused(
            &follow(&[("/act/id", json!("other"))]),
            &old(),
            &format!("act.id: is other, but {earlier} is 2027-act-11"),
        );
        refused(
            &follow(&[("/facility/id", json!("osa-gw-1"))]),
            &old(),
            &format!("facility.id: is osa-gw-1, but {earlier} is tyo-gw-1"),
        );
        let months = [
            ("/measure", json!("foreign-to-domestic")),
            ("/approved_at", json!("2028-01-01T00:00:00+09:00")),
            ("/not_before", json!("2028-01-01T00:00:00+09:00")),
            ("/not_after", json!("2028-02-01T00:00:00+09:00")),
        ];
        refused(
            &follow(&months),
            &old(),
            &format!("measure: is foreign-to-domestic, but {earlier} is foreign-to-foreign"),
        );
        let early = [
            ("/approved_at", json!("2027-10-31T23:59:59+09:00")),
            ("/not_before", json!("2027-10-31T23:59:59+09:00")),
            ("/not_after", json!("2028-02-01T00:00:00+09:00")),
        ];
        let refusal = check("n", &follow(&early), &old()).unwrap_err().to_string();
        let lines: Vec<&str> =
            refusal.lines().map(|line| line.split(": ").nth(1).unwrap()).collect();
        assert_eq!(lines, ["approved_at", "not_before"], "{refusal}");
    }
    let party = |id: &str, changes: &[(&str, Value)]| {
        let mut all = vec![("/party/id", json!(id))];
        all.extend_from_slice(changes);
        read(BasisKind::Agreement, agreement(), &all)
    };
    let earlier = json!({"agreement_id": "2027-17-0003", "serial": 1});
    refused(
        &party("b", &[("/serial", json!(2)), ("/extends", earlier)]),
        &party("a", &[]),
        "party.id: is b, but that of agreement 2027-17-0003, serial 1 is a",
    );
}
