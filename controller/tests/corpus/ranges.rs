//! Values of the right type that are none: out of range, out of the Act, out of what was approved.

use controller::order::DocumentKind;
use serde_json::{Value, json};

use crate::Case;
use crate::documents::{document, put, signed_and_judged};

type Row = (&'static str, Value, &'static str, &'static str);

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (kind, rows) in [
        (DocumentKind::Approval, approval()),
        (DocumentKind::Approval, basis()),
        (DocumentKind::Agreement, basis()),
        (DocumentKind::Agreement, agreement()),
        (DocumentKind::Order, order()),
        (DocumentKind::Order, selection()),
        (DocumentKind::Revocation, revocation()),
        (DocumentKind::Trust, trust()),
    ] {
        for (pointer, value, field, reason) in rows {
            let mut document = document(kind);
            put(&mut document, pointer, value.clone());
            let text = value.to_string();
            let text: String = text.chars().take(60).collect();
            cases.push(Case {
                name: format!("{}: {pointer} = {text}", kind.noun()),
                field: (!field.is_empty()).then(|| field.to_owned()),
                reason,
                outcome: signed_and_judged(kind, document.to_string().as_bytes()),
            });
        }
    }
    cases
}

/// What is out of range in approvals and agreements alike.
fn basis() -> Vec<Row> {
    let long = "x".repeat(65);
    vec![
        ("/schema", json!("sekisho.order/v2"), "schema", "Form.Schema"),
        ("/schema", json!("sekisho.approval/v9"), "schema", "Form.Schema"),
        ("/serial", json!(0), "serial", "Form.Zero"),
        ("/serial", json!(-1), "serial", "Form.Wrong"),
        ("/not_before", json!("2027-11-01"), "not_before", "Form.Value"),
        ("/not_before", json!("2027-13-01T00:00:00+09:00"), "not_before", "Form.Value"),
        ("/not_after", json!("2028-05-01T00:00:60+09:00"), "not_after", "Form.Value"),
        ("/not_after", json!("2027-11-01T00:00:00+09:00"), "not_after", "Basis.Backwards"),
        ("/not_after", json!("2028-05-01T00:00:01+09:00"), "not_after", "Basis.TooLong"),
        ("/not_before", json!("9999-12-01T00:00:00Z"), "not_after", "Basis.Backwards"),
        ("/extends/serial", json!(0), "extends.serial", "Form.Zero"),
        ("/facility/id", json!(""), "facility.id", "Form.Id"),
        ("/facility/id", json!("東京"), "facility.id", "Form.Id"),
        ("/facility/id", json!(long), "facility.id", "Form.Id"),
        ("/facility/capacity_bps", json!(0), "facility.capacity_bps", "Basis.NoCapacity"),
        ("/facility/capacity_bps", json!(-1), "facility.capacity_bps", "Form.Wrong"),
        ("/facility/max_share_percent", json!(0), "facility.max_share_percent", "Basis.Share"),
        ("/facility/max_share_percent", json!(101), "facility.max_share_percent", "Basis.Share"),
        ("/facility/max_share_percent", json!(29), "facility.sensors", "Basis.Together"),
        ("/facility/sensors", json!({}), "facility.sensors", "Basis.NoSensor"),
        ("/facility/sensors", json!({"a b": 1}), "facility.sensors.a b", "Form.Id"),
        ("/facility/sensors/a", json!(0), "facility.sensors.a", "Basis.SensorShare"),
        ("/facility/sensors/a", json!(101), "facility.sensors.a", "Basis.SensorShare"),
        ("/facility/sensors/a", json!(21), "facility.sensors", "Basis.Together"),
        ("/criteria/conditions", json!([]), "criteria.conditions", "Form.Empty"),
        ("/criteria/conditions", json!(["content"]), "criteria.conditions[0]", "Basis.Condition"),
        ("/criteria/conditions/-", json!("payload"), "criteria.conditions[3]", "Form.Again"),
        ("/criteria/max_selectors", json!(0), "criteria.max_selectors", "Form.Zero"),
        ("/criteria/max_rules", json!(0), "criteria.max_rules", "Form.Zero"),
        (
            "/criteria/min_prefix_length/ipv4",
            json!(7),
            "criteria.min_prefix_length.ipv4",
            "Form.Range",
        ),
        (
            "/criteria/min_prefix_length/ipv4",
            json!(33),
            "criteria.min_prefix_length.ipv4",
            "Form.Range",
        ),
        (
            "/criteria/min_prefix_length/ipv6",
            json!(15),
            "criteria.min_prefix_length.ipv6",
            "Form.Range",
        ),
        (
            "/criteria/min_prefix_length/ipv6",
            json!(129),
            "criteria.min_prefix_length.ipv6",
            "Form.Range",
        ),
        ("/criteria/min_payload_length", json!(3), "criteria.min_payload_length", "Form.Range"),
        ("/criteria/min_payload_length", json!(65), "criteria.min_payload_length", "Form.Range"),
        ("/criteria/protocols", json!([]), "criteria.protocols", "Form.Empty"),
        ("/criteria/protocols", json!(["http"]), "criteria.protocols[0]", "Form.Wrong"),
        ("/criteria/protocols", json!([256]), "criteria.protocols[0]", "Form.Wrong"),
        ("/criteria/protocols", json!(["tcp", 6]), "criteria.protocols[1]", "Form.Again"),
        ("/handling/retention_years", json!(0), "handling.retention_years", "Basis.Retention"),
        ("/handling/retention_years", json!(3), "handling.retention_years", "Basis.Retention"),
        ("/handling/barred_grounds", json!(["99"]), "handling.barred_grounds[0]", "Basis.Ground"),
        (
            "/handling/barred_grounds",
            json!(["28", "28"]),
            "handling.barred_grounds[1]",
            "Form.Again",
        ),
    ]
}

fn approval() -> Vec<Row> {
    let earlier = json!({"approval_id": "2027-17-0003", "serial": 2});
    vec![
        ("/approval_id", json!("a b"), "approval_id", "Form.Id"),
        ("/approval_id", json!(""), "approval_id", "Form.Id"),
        ("/measure", json!("agreement"), "measure", "Basis.Measure"),
        ("/measure", json!("domestic-to-domestic"), "measure", "Basis.Measure"),
        ("/measure", json!("foreign-to-domestic"), "not_after", "Basis.TooLong"),
        ("/measure", json!("domestic-to-foreign"), "not_after", "Basis.TooLong"),
        ("/act/id", json!("x/y"), "act.id", "Form.Id"),
        ("/act/title", json!(""), "act.title", "Form.Text"),
        ("/act/title", json!("a\nb"), "act.title", "Form.Text"),
        ("/act/title", json!("a\u{202e}b"), "act.title", "Form.Text"),
        ("/approved_at", json!("2027-11-01T00:00:01+09:00"), "not_before", "Basis.Early"),
        ("/approved_at", json!("2027-10-01T23:59:59+09:00"), "not_before", "Basis.Late"),
        ("/facility/max_share_percent", json!(31), "facility.max_share_percent", "Basis.Share"),
        ("/extends/approval_id", json!("a b"), "extends.approval_id", "Form.Id"),
        ("/extends", earlier, "extends.serial", "Basis.NotEarlier"),
        (
            "/extends",
            json!({"agreement_id": "a", "serial": 1}),
            "extends.approval_id",
            "Form.Missing",
        ),
    ]
}

fn agreement() -> Vec<Row> {
    vec![
        ("/agreement_id", json!("a b"), "agreement_id", "Form.Id"),
        ("/article", json!(10), "article", "Basis.Article"),
        ("/article", json!(13), "article", "Basis.Article"),
        ("/party/id", json!("a:b"), "party.id", "Form.Id"),
        ("/party/id", json!("other"), "signatures[2].keyid", "Signing.Role"),
        ("/party/name", json!(" "), "party.name", "Form.Text"),
        ("/party/prefixes", json!([]), "party.prefixes", "Basis.NoPrefix"),
        ("/party/prefixes", json!(["0.0.0.0/0"]), "party.prefixes[0]", "Basis.Wide"),
        ("/party/prefixes", json!(["2000::/3"]), "party.prefixes[0]", "Basis.Wide"),
        ("/party/prefixes", json!(["203.0.113.1/24"]), "party.prefixes[0]", "Form.Address"),
        ("/party/prefixes", json!(["x"]), "party.prefixes[0]", "Form.Address"),
        ("/concluded_at", json!("2027-11-01T00:00:01+09:00"), "not_before", "Basis.Early"),
        ("/analysis", json!(""), "analysis", "Form.Text"),
        ("/consents", json!(["28"]), "consents[0]", "Basis.Consent"),
        ("/consents", json!(["38(3)", "38(3)"]), "consents[1]", "Form.Again"),
        (
            "/extends",
            json!({"approval_id": "a", "serial": 1}),
            "extends.agreement_id",
            "Form.Missing",
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn order() -> Vec<Row> {
    vec![
        ("/schema", json!("sekisho.order/v1"), "schema", "Form.Outdated"),
        ("/schema", json!("sekisho.order/v3"), "schema", "Form.Schema"),
        ("/order_id", json!("a b"), "order_id", "Form.Id"),
        ("/serial", json!(0), "serial", "Form.Zero"),
        ("/basis/sha256", json!("00"), "basis.sha256", "Form.Sha256"),
        ("/basis/sha256", json!("AB".repeat(32)), "basis.sha256", "Form.Sha256"),
        ("/basis/sha256", json!("0".repeat(64)), "basis.sha256", "Selection.OtherBasis"),
        ("/basis/serial", json!(0), "basis.serial", "Form.Zero"),
        ("/basis/serial", json!(9), "basis", "Selection.NoBasis"),
        ("/basis/approval_id", json!("a b"), "basis.approval_id", "Form.Id"),
        ("/basis/approval_id", json!("other"), "basis", "Selection.NoBasis"),
        ("/basis/agreement_id", json!("a"), "basis", "Form.OneOf"),
        ("/basis/order_id", json!("a"), "basis.order_id", "Form.Unknown"),
        ("/basis", json!({"serial": 1, "sha256": "0".repeat(64)}), "basis", "Form.OneOf"),
        ("/not_before", json!("2027-10-31T23:59:59+09:00"), "not_before", "Selection.BeforeBasis"),
        ("/not_after", json!("2028-05-01T00:00:01+09:00"), "not_after", "Selection.AfterBasis"),
        ("/not_after", json!("2027-11-01T00:00:00+09:00"), "not_after", "Selection.Backwards"),
        (
            "/address_sets/a b",
            json!({"ground": "g", "addresses": []}),
            "address_sets.a b",
            "Form.Id",
        ),
        ("/address_sets/c2/ground", json!(""), "address_sets.c2.ground", "Form.Text"),
        (
            "/address_sets/c2/addresses/0",
            json!("::ffff:1.2.3.4"),
            "address_sets.c2.addresses[0]",
            "Form.Address",
        ),
        (
            "/address_sets/c2/addresses/0",
            json!("198.51.100.7/33"),
            "address_sets.c2.addresses[0]",
            "Form.Address",
        ),
        (
            "/address_sets/c2/addresses/0",
            json!("198.51.100.7/8"),
            "address_sets.c2.addresses[0]",
            "Form.Address",
        ),
        (
            "/address_sets/c2/addresses/0",
            json!("fe80::1%eth0"),
            "address_sets.c2.addresses[0]",
            "Form.Address",
        ),
        ("/address_sets/c2/addresses", json!([]), "rules[0].either", "Selection.EmptySet"),
        (
            "/payload_prefixes/hello/ground",
            json!("\u{200b}"),
            "payload_prefixes.hello.ground",
            "Form.Text",
        ),
        ("/payload_prefixes/hello/hex", json!([]), "payload_prefixes.hello.hex", "Form.Empty"),
        (
            "/payload_prefixes/hello/hex",
            json!(["4G"]),
            "payload_prefixes.hello.hex[0]",
            "Form.Value",
        ),
        (
            "/payload_prefixes/hello/hex",
            json!(["474"]),
            "payload_prefixes.hello.hex[0]",
            "Form.Value",
        ),
        (
            "/payload_prefixes/hello/hex",
            json!(["ab".repeat(65)]),
            "payload_prefixes.hello.hex[0]",
            "Form.Value",
        ),
        ("/payload_prefixes/hello/length", json!(8), "payload_prefixes.hello", "Form.OneOf"),
        (
            "/payload_prefixes/beacon/length",
            json!(0),
            "payload_prefixes.beacon.length",
            "Form.Range",
        ),
        (
            "/payload_prefixes/beacon/length",
            json!(65),
            "payload_prefixes.beacon.length",
            "Form.Range",
        ),
        ("/payload_prefixes/beacon/key", json!("00"), "payload_prefixes.beacon.key", "Form.Digits"),
        (
            "/payload_prefixes/beacon/siphash24",
            json!([]),
            "payload_prefixes.beacon.siphash24",
            "Form.Empty",
        ),
        (
            "/payload_prefixes/beacon/siphash24",
            json!(["00"]),
            "payload_prefixes.beacon.siphash24[0]",
            "Form.Digits",
        ),
        ("/rules", json!([]), "rules", "Selection.NoRule"),
        ("/rules/0/id", json!("r 1"), "rules[0].id", "Form.Id"),
        ("/rules/0/id", json!("r2"), "rules[1].id", "Selection.RuleTwice"),
        ("/rules/0", json!({"id": "r1"}), "rules[0]", "Selection.NoCondition"),
        ("/rules/0/source", json!("c2"), "rules[0].either", "Selection.Either"),
        ("/rules/0/either", json!("c3"), "rules[0].either", "Selection.NoSet"),
        ("/rules/1/payload", json!("c2"), "rules[1].payload", "Selection.NoSet"),
        ("/rules/0/protocol", json!("http"), "rules[0].protocol", "Form.Wrong"),
        ("/rules/0/protocol", json!("icmp"), "rules[0].destination_ports", "Selection.NoPorts"),
        ("/rules/1/protocol", json!("icmpv6"), "rules[1].payload", "Selection.NoPayload"),
        ("/rules/0/destination_ports", json!([]), "rules[0].destination_ports", "Form.NoPorts"),
        (
            "/rules/0/destination_ports",
            json!(["65536"]),
            "rules[0].destination_ports[0]",
            "Form.Value",
        ),
        (
            "/rules/0/destination_ports",
            json!(["2-1"]),
            "rules[0].destination_ports[0]",
            "Form.Value",
        ),
        ("/rules/1/source_ports", json!(["053"]), "rules[1].source_ports[0]", "Form.Value"),
    ]
}

/// What excludes nothing, what the Act does not allow, and what was not approved.
fn selection() -> Vec<Row> {
    let all: Vec<String> = (0..=255).map(|byte| format!("{byte:02x}")).collect();
    let addresses = "/address_sets/c2/addresses";
    let of_set = "address_sets.c2.addresses";
    let two: Vec<Value> = (0..1025)
        .map(|n| json!({"id": format!("r{n}"), "either": "c2", "protocol": "tcp"}))
        .collect();
    vec![
        (addresses, json!(["0.0.0.0/1", "128.0.0.0/1"]), of_set, "Selection.Broad"),
        (addresses, json!(["0.0.0.0/0"]), of_set, "Selection.Broad"),
        (addresses, json!(["::/0"]), of_set, "Selection.Broad"),
        (addresses, json!(["11.0.0.0/10", "12.0.0.0/10"]), of_set, "Selection.Broad"),
        (addresses, json!(["2400::/12"]), "address_sets.c2.addresses[0]", "Selection.Wide"),
        (addresses, json!(["10.0.0.0/7"]), "address_sets.c2.addresses[0]", "Selection.Wide"),
        (
            "/payload_prefixes/hello/hex",
            json!(all),
            "payload_prefixes.hello.hex[0]",
            "Selection.ShortPayload",
        ),
        (
            "/payload_prefixes/hello/hex",
            json!(["474554"]),
            "payload_prefixes.hello.hex[0]",
            "Selection.ShortPayload",
        ),
        (
            "/payload_prefixes/beacon/length",
            json!(3),
            "payload_prefixes.beacon.length",
            "Selection.ShorterThanCriteria",
        ),
        (
            "/rules/0/destination_ports",
            json!(["0-65535"]),
            "rules[0].destination_ports",
            "Selection.AllPorts",
        ),
        (
            "/rules/0/destination_ports",
            json!(["0-40000", "30000-65535"]),
            "rules[0].destination_ports",
            "Selection.AllPorts",
        ),
        (
            "/rules/1/source_ports",
            json!(["1-65535", "0"]),
            "rules[1].source_ports",
            "Selection.AllPorts",
        ),
        ("/rules/0", json!({"id": "r1", "either": "c2"}), "rules[0]", "Selection.OneCondition"),
        (
            "/rules/0",
            json!({"id": "r1", "source": "c2", "destination": "c2"}),
            "rules[0]",
            "Selection.OneCondition",
        ),
        (
            "/rules/0",
            json!({"id": "r1", "protocol": "tcp", "source_ports": ["53"]}),
            "rules[0]",
            "Selection.NothingTelling",
        ),
        ("/rules/0/protocol", json!(132), "rules[0].protocol", "Selection.Protocol"),
        (
            "/rules/0",
            json!({"id": "r1", "either": "c2", "destination_ports": ["443"]}),
            "rules[0].protocol",
            "Selection.Protocol",
        ),
        ("/rules", json!(two), "rules", "Selection.Many"),
    ]
}

fn revocation() -> Vec<Row> {
    vec![
        ("/schema", json!("sekisho.revocation/v1"), "schema", "Form.Outdated"),
        ("/ends/approval_id", json!("a b"), "ends.approval_id", "Form.Id"),
        ("/ends/serial", json!(0), "ends.serial", "Form.Zero"),
        ("/ends/order_id", json!("a"), "ends", "Form.OneOf"),
        ("/ends", json!({"serial": 1}), "ends", "Form.OneOf"),
        (
            "/ends",
            json!({"order_id": "a", "serial": 1}),
            "signatures[0].keyid",
            "Signing.NotTheirs",
        ),
        (
            "/ends",
            json!({"agreement_id": "a", "serial": 1}),
            "signatures[0].keyid",
            "Signing.NotTheirs",
        ),
        ("/effective_at", json!("now"), "effective_at", "Form.Value"),
        ("/effective_at", json!("2027-12-01T09:00:00"), "effective_at", "Form.Value"),
        ("/reason", json!(""), "reason", "Form.Text"),
        ("/reason", json!("a\u{1b}[2J"), "reason", "Form.Text"),
    ]
}

fn trust() -> Vec<Row> {
    vec![
        ("/schema", json!("sekisho.trust/v1"), "schema", "Form.Outdated"),
        ("/version", json!(0), "version", "Form.Zero"),
        ("/roles/commission/threshold", json!(0), "roles.commission.threshold", "Trust.Threshold"),
        ("/roles/commission/threshold", json!(6), "roles.commission.threshold", "Trust.Threshold"),
        (
            "/roles/cabinet-office/threshold",
            json!(4),
            "roles.cabinet-office.threshold",
            "Trust.Threshold",
        ),
        ("/roles/carrier/threshold", json!(2), "roles.carrier.threshold", "Trust.Threshold"),
        ("/roles/party:acme/threshold", json!(2), "roles.party:acme.threshold", "Trust.Threshold"),
        ("/roles/root", json!({"threshold": 1, "keyids": []}), "roles.root", "Trust.Role"),
        (
            "/roles/party:a b",
            json!({"threshold": 1, "keyids": []}),
            "roles.party:a b",
            "Trust.Role",
        ),
        ("/roles/carrier/keyids", json!(["00"]), "roles.carrier.keyids[0]", "Trust.Hex"),
        ("/revoked", json!(["AB"]), "revoked[0]", "Trust.Hex"),
    ]
}
