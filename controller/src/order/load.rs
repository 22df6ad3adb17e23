//! Trust files and signed documents from disk, for every command that uses them: what cannot be read is
//! refused like what is wrong.

use std::io;
use std::path::Path;

use super::{Order, Trust, Verified, VerifiedDocument, verify_any, verify_order};
use crate::files;
use crate::rejection::{Rejection, Requirement};
use crate::shown::shown;

/// Reads a trust file.
///
/// # Errors
/// A [`Rejection`] where it cannot be read or is refused.
pub fn trust(path: &Path) -> Result<Trust, Rejection> {
    let bytes = files::read_at_most(path, files::SMALL);
    Trust::parse(&shown(path), &bytes.map_err(|error| unreadable(path, &error))?)
}

/// Reads and verifies one order.
///
/// # Errors
/// A [`Rejection`] where it cannot be read or is refused.
pub fn order(path: &Path, trust: &Trust) -> Result<Verified<Order>, Rejection> {
    verify_order(&shown(path), &read(path)?, trust)
}

/// Reads and verifies an envelope of any kind.
///
/// # Errors
/// A [`Rejection`] where it cannot be read or is refused.
pub fn document(path: &Path, trust: &Trust) -> Result<VerifiedDocument, Rejection> {
    verify_any(&shown(path), &read(path)?, trust)
}

/// Reads and verifies orders that are to be in force together.
///
/// # Errors
/// One [`Rejection`] for each order that is refused, so that all of them can be seen to at once.
/// The same `order_id` twice is refused, whatever the serials: only one order of a name can be
/// meant (L-EXTEND).
pub fn orders<'a>(
    paths: impl IntoIterator<Item = &'a Path>,
    trust: &Trust,
) -> Result<Vec<Verified<Order>>, Vec<Rejection>> {
    let mut orders: Vec<Verified<Order>> = Vec::new();
    let mut rejections = Vec::new();
    for path in paths {
        match order(path, trust) {
            Ok(order) if orders.iter().any(|other| other.order_id == order.order_id) => {
                let reason = format!("another file names order {} too", order.order_id);
                let rejection = Rejection::new(shown(path), reason).at("order_id");
                rejections.push(rejection.under(Requirement::Extend));
            }
            Ok(order) => orders.push(order),
            Err(rejection) => rejections.push(rejection),
        }
    }
    if rejections.is_empty() { Ok(orders) } else { Err(rejections) }
}

fn read(path: &Path) -> Result<Vec<u8>, Rejection> {
    files::read(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> Rejection {
    Rejection::new(shown(path), format!("cannot be read: {error}"))
}
