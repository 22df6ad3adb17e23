//! What an order may lawfully ask, but this version cannot do. Such an order is refused whole:
//! applied in part it would select more than was approved. Each function goes when its feature
//! comes.

use super::document::Order;
use crate::rejection::Rejection;

pub(super) fn check(file: &str, order: &Order) -> Result<(), Rejection> {
    payload_prefixes(file, order)
}

/// Without its payload condition a rule would match every packet that meets the others.
fn payload_prefixes(file: &str, order: &Order) -> Result<(), Rejection> {
    match order.rules.iter().position(|rule| rule.payload.is_some()) {
        Some(index) => Err(Rejection::new(
            file,
            "payload prefixes are not supported by this version; the order would be applied only \
             in part",
        )
        .at(format!("rules[{index}].payload"))),
        None => Ok(()),
    }
}
