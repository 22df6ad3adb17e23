//! The documents that are accepted, and the way that each goes.

use controller::order::together::{Given, judge};
use controller::order::{DocumentKind, Trust};
use controller::rejection::Rejections;
use sekisho_kit::{papers, sealed, signers, trust_file};
use serde_json::{Value, json};

/// A document by its kind.
pub(crate) fn document(kind: DocumentKind) -> Value {
    match kind {
        DocumentKind::Approval => approved().basis,
        DocumentKind::Order => approved().order,
        DocumentKind::Agreement => agreed().basis,
        DocumentKind::Revocation => sekisho_kit::revocation(
            &json!({"approval_id": "2027-17-0003", "serial": 1}),
            "2027-12-01T09:00:00+09:00",
        ),
        DocumentKind::Trust => serde_json::from_str(&trust_file()).unwrap(),
    }
}

/// Every kind.
pub(crate) const KINDS: [DocumentKind; 5] = DocumentKind::ALL;

pub(crate) fn plan() -> Value {
    let mut criteria = sekisho_kit::everything();
    criteria["protocols"] = json!(["tcp", "udp"]);
    json!({
        "order_id": "2027-17-0003-c2", "serial": 2, "measure": "foreign-to-foreign",
        "not_before": "2027-11-01T00:00:00+09:00", "not_after": "2028-05-01T00:00:00+09:00",
        "facility": {
            "id": "tyo-gw-1", "capacity_bps": 100_000_000_000_u64, "max_share_percent": 30,
            "sensors": {"a": 20, "b": 10},
        },
        "address_sets": {"c2": ["198.51.100.7", "2001:db8:5::/48"]},
        "payload_prefixes": {
            "hello": {"hex": ["474554202f"]},
            "beacon": {"length": 16, "key": "00".repeat(16), "siphash24": ["0123456789abcdef"]},
        },
        "rules": [
            {"id": "r1", "either": "c2", "protocol": "tcp", "destination_ports": ["443", "8000-8099"]},
            {"id": "r2", "source": "c2", "destination": "c2", "payload": "beacon", "protocol": "udp",
             "source_ports": ["53"]},
        ],
        "under": {
            "id": "2027-17-0003", "serial": 2, "criteria": criteria,
            "extends": {"id": "2027-17-0002", "serial": 1},
        },
    })
}

fn approved() -> sekisho_kit::Papers {
    let mut papers = papers(&plan());
    papers.basis["handling"] = json!({"retention_years": 2, "barred_grounds": ["28"]});
    rebound(papers)
}

/// The digest of a basis that was changed, in its order.
fn rebound(mut papers: sekisho_kit::Papers) -> sekisho_kit::Papers {
    papers.order["basis"]["sha256"] = json!(sekisho_kit::digest(&papers.basis));
    papers
}

fn agreed() -> sekisho_kit::Papers {
    let mut plan = plan();
    plan["measure"] = json!("agreement");
    plan["party"] = json!({"name": "電力", "prefixes": ["203.0.113.0/24", "2001:db8:1::/48"]});
    let mut papers = papers(&plan);
    papers.basis["consents"] = json!(["23(4)(i)"]);
    papers.basis["handling"] = json!({"retention_years": 1, "barred_grounds": ["28", "38(1)"]});
    papers
}

pub(crate) fn trust() -> Trust {
    Trust::parse("trust", trust_file().as_bytes()).unwrap()
}

/// Judges files together under the kit's trust file.
pub(crate) fn judged(files: &[&str]) -> Result<(), Rejections> {
    let given: Vec<Given> = files
        .iter()
        .map(|text| Given { file: "f".into(), bytes: (*text).to_owned().into() })
        .collect();
    judge(&given, &trust(), &[]).map(drop)
}

/// A document as bytes, signed by those who must, on its whole way; an order with its approval.
pub(crate) fn signed_and_judged(kind: DocumentKind, payload: &[u8]) -> Result<(), Rejections> {
    if kind == DocumentKind::Trust {
        return Trust::parse("f", payload).map(drop);
    }
    let by: &[u8] = if kind == DocumentKind::Revocation { &[1, 2, 3] } else { signers(kind) };
    let envelope = sealed(kind, payload, by);
    if kind == DocumentKind::Order {
        let basis = document(DocumentKind::Approval).to_string();
        let basis =
            sealed(DocumentKind::Approval, basis.as_bytes(), signers(DocumentKind::Approval));
        return judged(&[&envelope, &basis]);
    }
    judged(&[&envelope])
}

pub(crate) fn all_are_accepted() {
    for kind in KINDS {
        let text = document(kind).to_string();
        signed_and_judged(kind, text.as_bytes())
            .unwrap_or_else(|rejections| panic!("{}: {rejections}", kind.noun()));
    }
    let agreed = agreed().basis.to_string();
    signed_and_judged(DocumentKind::Agreement, agreed.as_bytes()).unwrap();
}

/// Sets a field of a document; a pointer that ends in `/-` appends.
pub(crate) fn put(document: &mut Value, pointer: &str, value: Value) {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}")) {
        Value::Array(list) if field == "-" => list.push(value),
        Value::Array(list) => list[field.parse::<usize>().unwrap()] = value,
        parent => parent[field] = value,
    }
}
