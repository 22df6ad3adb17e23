//! Drafts of documents: templates with comments, and orders filled from a list of addresses.

use std::io::Write;

use serde_json::{Map, Value, json};

use super::papers::Paper;
use super::text::{name, print, read};
use super::{DraftArgs, OrderError, TemplateArgs, TemplateKind};
use crate::order::{DocumentKind, Measure, Order, check_draft, parse_network};
use crate::rejection::{FormFault, Rejection};

pub(super) fn template(args: &TemplateArgs, out: &mut dyn Write) -> Result<(), OrderError> {
    print(out, text(args.kind))
}

pub(super) const fn text(kind: TemplateKind) -> &'static str {
    match kind {
        TemplateKind::Approval => include_str!("templates/approval.txt"),
        TemplateKind::Agreement => include_str!("templates/agreement.txt"),
        TemplateKind::Order => include_str!("templates/order.txt"),
        TemplateKind::Revocation => include_str!("templates/revocation.txt"),
    }
}

pub(super) fn draft(args: &DraftArgs, out: &mut dyn Write) -> Result<(), OrderError> {
    let paper = Paper::read(&args.under)?;
    let (basis, digest) = paper.basis()?;
    let mut rule = Map::new();
    rule.insert("id".to_owned(), json!("r1"));
    rule.insert(end(basis.measure()).to_owned(), json!("c2"));
    if let Some(protocol) = &args.protocol {
        let number = protocol.parse::<u8>().ok();
        rule.insert("protocol".to_owned(), number.map_or_else(|| json!(protocol), |n| json!(n)));
    }
    for (field, ports) in
        [("source_ports", &args.source_ports), ("destination_ports", &args.destination_ports)]
    {
        if !ports.is_empty() {
            rule.insert(field.to_owned(), json!(ports));
        }
    }
    let order = json!({
        "schema": DocumentKind::Order.schema(),
        "order_id": args.order_id,
        "serial": args.serial,
        "basis": {
            basis.key.kind.field(): basis.key.id,
            "serial": basis.key.serial,
            "sha256": digest,
        },
        "not_before": args.not_before.unwrap_or(basis.not_before),
        "not_after": args.not_after.unwrap_or(basis.not_after),
        "address_sets": {"c2": {"ground": args.ground, "addresses": addresses(args)?}},
        "payload_prefixes": {},
        "rules": [Value::Object(rule)],
    });
    let text = serde_json::to_string_pretty(&order)? + "\n";
    // Check what is printed as a carrier will.
    let file = "the new order";
    check_draft(file, &Order::read(file, text.as_bytes())?, basis, digest)?;
    print(out, &text)
}

/// The end of a packet at which a measure looks for equipment (L-SELECT).
const fn end(measure: Measure) -> &'static str {
    match measure {
        Measure::ForeignToForeign => "either",
        Measure::Agreement | Measure::ForeignToDomestic => "source",
        Measure::DomesticToForeign => "destination",
    }
}

/// The addresses of the list. Each wrong line is reported.
fn addresses(args: &DraftArgs) -> Result<Vec<String>, OrderError> {
    let (file, bytes) = (name(&args.list), read(&args.list)?);
    let text = std::str::from_utf8(&bytes)
        .map_err(|error| Rejection::new(&file, FormFault::NotText(error.valid_up_to())))?;
    let (mut addresses, mut wrong) = (Vec::new(), Vec::new());
    for (number, line) in (1_u32..).zip(text.lines()) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        match parse_network(line) {
            Ok(_) => addresses.push(line.to_owned()),
            Err(reason) => {
                let rejection = Rejection::new(&file, FormFault::Address(reason));
                wrong.push(rejection.at(format!("line {number}")));
            }
        }
    }
    if wrong.is_empty() { Ok(addresses) } else { Err(OrderError::Rejected(wrong)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::order::text::without_comments;
    use crate::order::{Document, read_document};

    #[test]
    fn a_template_is_a_document_with_comments() {
        for (kind, of) in [
            (TemplateKind::Approval, DocumentKind::Approval),
            (TemplateKind::Agreement, DocumentKind::Agreement),
            (TemplateKind::Order, DocumentKind::Order),
            (TemplateKind::Revocation, DocumentKind::Revocation),
        ] {
            let text = text(kind);
            assert!(text.lines().any(|line| line.trim_start().starts_with("//")), "{kind:?}");
            let bytes = without_comments(text.as_bytes().to_vec());
            read_document("t", of, &bytes).unwrap_or_else(|error| panic!("{error}"));
        }
    }

    #[test]
    fn the_templates_belong_together() {
        let read = |kind, template| {
            let bytes = without_comments(text(template).as_bytes().to_vec());
            (read_document("t", kind, &bytes).unwrap(), crate::digest::sha256(&bytes))
        };
        let (approval, digest) = read(DocumentKind::Approval, TemplateKind::Approval);
        let (order, _) = read(DocumentKind::Order, TemplateKind::Order);
        let (Document::Basis(basis), Document::Order(order)) = (approval, order) else {
            panic!("of their kinds");
        };
        assert_eq!(order.basis.sha256, digest, "the digest of the approval without its comments");
        check_draft("t", &order, &basis, &digest).unwrap();
    }
}
