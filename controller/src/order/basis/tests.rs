use serde_json::{Value, json};

use super::super::samples::{agreement, approval, set};
use super::*;

fn read(kind: BasisKind, document: &Value) -> Result<Basis, String> {
    Basis::read(kind, "b.json", document.to_string().as_bytes()).map_err(|error| error.to_string())
}

fn accepted(changes: &[(&str, Value)]) -> Basis {
    let document = set(approval(), changes);
    read(BasisKind::Approval, &document).unwrap_or_else(|error| panic!("{error}: {document}"))
}

fn refused(changes: &[(&str, Value)], expected: &str) {
    let refusal = read(BasisKind::Approval, &set(approval(), changes)).expect_err(expected);
    assert_eq!(refusal, format!("b.json: {expected}"));
}

#[test]
fn an_approval_is_read_in_full() {
    let basis = accepted(&[
        ("/handling", json!({"retention_years": 2, "barred_grounds": ["28", "38(1)"]})),
        ("/criteria/protocols", json!(["tcp", 132])),
    ]);
    assert_eq!(basis.key.to_string(), "approval 2027-17-0003, serial 1");
    assert_eq!((basis.measure(), basis.party()), (Measure::ForeignToForeign, None));
    assert_eq!(basis.facility.share(Some("tyo-gw-1-b")), Some(10));
    assert_eq!(basis.facility.share(Some("tyo-gw-1-c")), None);
    assert_eq!(basis.facility.share(None), Some(30));
    assert_eq!(basis.criteria.protocols.as_ref().unwrap().len(), 2);
    assert_eq!(basis.handling.retention_years, Some(2));
    assert_eq!(basis.roles(), [Role::Commission]);
}

#[test]
fn an_agreement_has_three_who_sign_it() {
    let basis = read(BasisKind::Agreement, &agreement()).unwrap();
    assert_eq!(basis.measure(), Measure::Agreement);
    let roles: Vec<String> = basis.roles().iter().map(ToString::to_string).collect();
    assert_eq!(roles, ["cabinet-office", "party:acme", "carrier"]);
    for (pointer, value, expected) in [
        (
            "/article",
            json!(13),
            "article: is 13, but an agreement rests on article 11 or 12 [L-AGREE]",
        ),
        (
            "/party/prefixes",
            json!([]),
            "party.prefixes: an agreement selects only packets to the party's addresses, and there are \
             none [L-MEASURE]",
        ),
        (
            "/party/prefixes",
            json!(["0.0.0.0/0"]),
            "party.prefixes[0]: 0.0.0.0/0 is wider than /8, and no party's [L-MEASURE]",
        ),
        (
            "/consents",
            json!(["38(3)", "28"]),
            "consents[1]: `28` is no consent that the Act asks for; there are 23(4)(i) and 38(3) \
             [L-AGREE]",
        ),
        ("/analysis", json!(""), "analysis: is empty"),
    ] {
        let refusal = read(BasisKind::Agreement, &set(agreement(), &[(pointer, value)]));
        assert_eq!(refusal.unwrap_err(), format!("b.json: {expected}"));
    }
    let mut without = agreement();
    without.as_object_mut().unwrap().remove("consents");
    read(BasisKind::Agreement, &without).unwrap();
}

#[test]
fn an_approval_begins_within_30_days() {
    accepted(&[("/approved_at", json!("2027-11-01T00:00:00+09:00"))]);
    accepted(&[("/approved_at", json!("2027-10-02T00:00:00+09:00"))]);
    refused(
        &[("/approved_at", json!("2027-10-01T23:59:59+09:00"))],
        "not_before: the term starts at 2027-11-01T00:00:00+09:00, more than 30 days after the approval \
         at 2027-10-01T23:59:59+09:00 [L-TERM]",
    );
    refused(
        &[("/approved_at", json!("2027-11-01T00:00:01+09:00"))],
        "not_before: the term starts at 2027-11-01T00:00:00+09:00, before the approval at \
         2027-11-01T00:00:01+09:00 [L-APPROVE]",
    );
    // When an agreement begins is for its parties to say.
    let early = set(agreement(), &[("/concluded_at", json!("2026-01-01T00:00:00+09:00"))]);
    read(BasisKind::Agreement, &early).unwrap();
}

#[test]
fn terms_end_to_the_second() {
    for (name, latest, late, months) in [
        ("foreign-to-foreign", "2028-05-01T00:00:00+09:00", "2028-05-01T00:00:01+09:00", 6),
        ("foreign-to-domestic", "2028-02-01T00:00:00+09:00", "2028-02-01T00:00:01+09:00", 3),
        ("domestic-to-foreign", "2028-02-01T00:00:00+09:00", "2028-02-01T00:00:01+09:00", 3),
    ] {
        let measure = ("/measure", json!(name));
        accepted(&[measure.clone(), ("/not_after", json!(latest))]);
        refused(
            &[measure, ("/not_after", json!(late))],
            &format!(
                "not_after: the term ends at {late}, but {months} calendar months end at {latest} \
                 [L-TERM]"
            ),
        );
    }
    let late = set(agreement(), &[("/not_after", json!("2028-05-01T00:00:00.000000001+09:00"))]);
    assert!(read(BasisKind::Agreement, &late).unwrap_err().ends_with("[L-TERM]"));
}

#[test]
fn terms_begin_before_they_end() {
    for end in ["2027-11-01T00:00:00+09:00", "2027-10-31T23:59:59+09:00"] {
        refused(
            &[("/not_after", json!(end))],
            &format!(
                "not_after: the term ends at {end}, not after it begins at \
                 2027-11-01T00:00:00+09:00 [L-TERM]"
            ),
        );
    }
    refused(
        &[
            ("/approved_at", json!("9999-12-01T00:00:00Z")),
            ("/not_before", json!("9999-12-01T00:00:00Z")),
            ("/not_after", json!("9999-12-02T00:00:00Z")),
        ],
        "not_after: the calendar ends before the longest term does [L-TERM]",
    );
}

#[test]
fn shares_are_divided_among_the_sensors() {
    let share = "/facility/max_share_percent";
    let sensors = |value: Value| ("/facility/sensors", value);
    for percent in [1, 30] {
        accepted(&[(share, json!(percent)), sensors(json!({"a": 1}))]);
    }
    for percent in [0, 31, 100, 300] {
        let changes = [(share, json!(percent)), sensors(json!({"a": 1}))];
        let refusal = read(BasisKind::Approval, &set(approval(), &changes)).unwrap_err();
        let words = format!(
            "b.json: facility.max_share_percent: {percent} % is not within 1 to 30 % for \
             foreign-to-foreign [L-CAP]"
        );
        assert!(refusal.lines().any(|line| line == words), "{refusal}");
    }
    refused(
        &[sensors(json!({"a": 20, "b": 11}))],
        "facility.sensors: the sensors' shares are 31 % together, more than the 30 % of the facility \
         [L-CAP]",
    );
    refused(
        &[sensors(json!({}))],
        "facility.sensors: names no sensor, so that none could select [L-CAP]",
    );
    refused(
        &[sensors(json!({"a": 0}))],
        "facility.sensors.a: 0 % is not within 1 to 100 % [L-CAP]",
    );
    refused(
        &[("/facility/capacity_bps", json!(0))],
        "facility.capacity_bps: must be above 0 [L-CAP]",
    );
    let whole =
        set(agreement(), &[(share, json!(100)), ("/facility/sensors", json!({"a": 50, "b": 50}))]);
    read(BasisKind::Agreement, &whole).unwrap();
}

#[test]
fn criteria_have_limits_of_their_own() {
    for (pointer, value, expected) in [
        ("/criteria/conditions", json!([]), "criteria.conditions: is an empty list"),
        (
            "/criteria/conditions",
            json!(["address", "content"]),
            "criteria.conditions[1]: `content` is no condition; there are address, payload and \
             protocol-ports [L-SELECT]",
        ),
        (
            "/criteria/conditions",
            json!(["address", "address"]),
            "criteria.conditions[1]: `address` stands in the list twice",
        ),
        ("/criteria/max_selectors", json!(0), "criteria.max_selectors: counts from 1"),
        ("/criteria/max_rules", json!(0), "criteria.max_rules: counts from 1"),
        (
            "/criteria/min_prefix_length/ipv4",
            json!(7),
            "criteria.min_prefix_length.ipv4: 7 is not within 8 to 32",
        ),
        (
            "/criteria/min_prefix_length/ipv6",
            json!(129),
            "criteria.min_prefix_length.ipv6: 129 is not within 16 to 128",
        ),
        (
            "/criteria/min_payload_length",
            json!(3),
            "criteria.min_payload_length: 3 is not within 4 to 64",
        ),
        ("/criteria/protocols", json!([]), "criteria.protocols: is an empty list"),
        (
            "/criteria/protocols",
            json!(["tcp", 6]),
            "criteria.protocols[1]: `tcp` stands in the list twice",
        ),
        (
            "/handling/retention_years",
            json!(3),
            "handling.retention_years: 3 is not within 1 to 2 years [L-KEEP]",
        ),
    ] {
        refused(&[(pointer, value)], expected);
    }
    let refusal =
        read(BasisKind::Approval, &set(approval(), &[("/handling/barred_grounds", json!(["99"]))]));
    let refusal = refusal.unwrap_err();
    assert!(
        refusal.starts_with("b.json: handling.barred_grounds[0]: `99` is no ground of the Act's")
    );
    assert!(refusal.ends_with("72(3) [L-USE]"), "{refusal}");
}

#[test]
fn only_an_earlier_one_is_extended() {
    for earlier in [
        json!({"approval_id": "2027-17-0002", "serial": 9}),
        json!({"approval_id": "2027-17-0003", "serial": 1}),
    ] {
        accepted(&[("/serial", json!(2)), ("/extends", earlier)]);
    }
    refused(
        &[("/extends", json!({"approval_id": "2027-17-0003", "serial": 1}))],
        "extends.serial: extends an earlier one, and serial 1 is not earlier than its own serial 1 \
         [L-EXTEND]",
    );
    refused(
        &[("/measure", json!("agreement"))],
        "measure: `agreement` is no measure that is approved; there are foreign-to-foreign, \
         foreign-to-domestic, domestic-to-foreign [L-MEASURE]",
    );
}

#[test]
fn what_may_be_absent() {
    for (kind, full, optional) in [
        (BasisKind::Approval, approval(), &["extends"][..]),
        (BasisKind::Agreement, agreement(), &["extends", "consents"]),
    ] {
        for field in full.as_object().unwrap().keys() {
            let mut document = full.clone();
            document.as_object_mut().unwrap().remove(field);
            match read(kind, &document) {
                Ok(_) => assert!(optional.contains(&field.as_str()), "{field}"),
                Err(refusal) => {
                    assert!(!optional.contains(&field.as_str()), "{refusal}");
                    assert!(refusal.contains(&format!("b.json: {field}: is missing")), "{refusal}");
                }
            }
        }
    }
}
