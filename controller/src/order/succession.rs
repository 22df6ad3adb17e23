//! Whether one order may follow another (L-EXTEND, art. 19). Which orders there are, and whether an
//! earlier one was revoked, is the business of whoever keeps them.
//!
//! There are two ways, both new approvals that enough have signed:
//!
//! - An *extension* names in `extends` the order that it extends. It goes on with the same measure,
//!   at the same facility and, for an agreement, with the same party; it was approved no earlier than
//!   the earlier order; and it starts no earlier than that order, and no later than that order ends,
//!   so that there is no gap in which nothing was approved. It may end before the earlier order
//!   does. Its own term is at most six or three months again (`statute`, L-TERM).
//! - An *amendment* is a higher serial of the same order without `extends`. It may narrow, but never
//!   prolong: its term lies within that of the serial it replaces. For the rest it is held to the
//!   same as an extension.

use jiff::Timestamp;

use super::document::Order;
use super::time;
use crate::rejection::{Rejection, Requirement};

/// Checks that `new` may follow `old`: as its extension if it names one, else as its amendment.
///
/// # Errors
///
/// A [`Rejection`] of `new` under [`Requirement::Extend`] that names the field.
pub fn check(file: &str, new: &Order, old: &Order) -> Result<(), Rejection> {
    let refuse = |(field, reason): (&str, String)| {
        Rejection::new(file, reason).at(field).under(Requirement::Extend)
    };
    let extends = new.extends.is_some();
    if extends { named(new, old) } else { renumbered(new, old) }.map_err(refuse)?;
    goes_on(new, old).map_err(refuse)?;
    if extends { without_gap(new, old) } else { within(new, old) }.map_err(refuse)
}

type Check = Result<(), (&'static str, String)>;

fn named(new: &Order, old: &Order) -> Check {
    match &new.extends {
        Some(extends) if extends.names(old) => Ok(()),
        Some(extends) => Err(("extends", format!("names {extends}, not {}", old.key()))),
        None => Ok(()),
    }
}

fn renumbered(new: &Order, old: &Order) -> Check {
    if new.order_id != old.order_id {
        return Err((
            "order_id",
            format!("is another order than {} and does not extend it", old.order_id),
        ));
    }
    if new.serial <= old.serial {
        return Err(("serial", format!("{} is not above {}", new.serial, old.serial)));
    }
    Ok(())
}

/// What stays the same from an order to the one that follows it.
fn goes_on(new: &Order, old: &Order) -> Check {
    let earlier = old.key();
    if new.measure != old.measure {
        return Err((
            "measure",
            format!("is {}, but that of {earlier} is {}", new.measure, old.measure),
        ));
    }
    if new.facility.id != old.facility.id {
        return Err((
            "facility.id",
            format!("is {}, but that of {earlier} is {}", new.facility.id, old.facility.id),
        ));
    }
    let parties = (new.party.as_ref(), old.party.as_ref());
    if let (Some(new), Some(old)) = parties
        && new.name != old.name
    {
        return Err((
            "party.name",
            format!("is {}, but that of {earlier} is {}", new.name, old.name),
        ));
    }
    if new.approved_at < old.approved_at {
        return Err((
            "approved_at",
            format!(
                "the approval at {} comes before that of {earlier} at {}",
                at(new.approved_at),
                at(old.approved_at)
            ),
        ));
    }
    if new.not_before < old.not_before {
        return Err((
            "not_before",
            format!(
                "the term starts at {}, before that of {earlier}, which starts at {}",
                at(new.not_before),
                at(old.not_before)
            ),
        ));
    }
    Ok(())
}

fn without_gap(new: &Order, old: &Order) -> Check {
    if new.not_before <= old.not_after {
        return Ok(());
    }
    Err((
        "not_before",
        format!(
            "the term starts at {}, after the order that it extends has ended at {}",
            at(new.not_before),
            at(old.not_after)
        ),
    ))
}

fn within(new: &Order, old: &Order) -> Check {
    if new.not_after <= old.not_after {
        return Ok(());
    }
    Err((
        "not_after",
        format!(
            "the term ends at {}, later than that of serial {} at {}; only an order that extends \
             it may prolong it",
            at(new.not_after),
            old.serial,
            at(old.not_after)
        ),
    ))
}

fn at(time: Timestamp) -> String {
    time::tokyo(time)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::read_order;
    use super::super::samples::with;
    use super::*;

    fn read(changes: &[(&str, Value)]) -> Order {
        read_order("o.json", with(changes).to_string().as_bytes()).unwrap()
    }

    /// The order that is there: serial 2, November to April.
    fn old() -> Order {
        read(&[])
    }

    /// An extension by another order, May to October, with some fields changed.
    fn extension(changes: &[(&str, Value)]) -> Order {
        let mut all = vec![
            ("/order_id", json!("2028-17-0009")),
            ("/serial", json!(1)),
            ("/extends", json!({"order_id": "2027-17-0003", "serial": 2})),
            ("/approved_at", json!("2028-04-10T00:00:00+09:00")),
            ("/not_before", json!("2028-05-01T00:00:00+09:00")),
            ("/not_after", json!("2028-11-01T00:00:00+09:00")),
        ];
        all.extend_from_slice(changes);
        read(&all)
    }

    /// The same order, serial 3, November to March, with some fields changed.
    fn amendment(changes: &[(&str, Value)]) -> Order {
        let mut all =
            vec![("/serial", json!(3)), ("/not_after", json!("2028-04-01T00:00:00+09:00"))];
        all.extend_from_slice(changes);
        read(&all)
    }

    fn agreement(party: &str) -> [(&'static str, Value); 2] {
        let prefixes = ["203.0.113.0/24"];
        [("/measure", json!("agreement")), ("/party", json!({"name": party, "prefixes": prefixes}))]
    }

    fn refused(new: &Order, old: &Order, expected: &str) {
        let refusal = check("n.json", new, old).expect_err(expected).to_string();
        assert_eq!(refusal, format!("n.json: {expected} [L-EXTEND]"));
    }

    #[test]
    fn what_may_follow() {
        for new in [
            extension(&[]),
            // It starts before the other ends, as the other starts, and it ends with it.
            extension(&[
                ("/not_before", json!("2028-04-20T00:00:00+09:00")),
                ("/not_after", json!("2028-05-01T00:00:00+09:00")),
            ]),
            extension(&[
                ("/approved_at", json!("2027-10-20T15:00:00+09:00")),
                ("/not_before", json!("2027-11-01T00:00:00+09:00")),
                ("/not_after", json!("2027-12-01T00:00:00+09:00")),
            ]),
            // A later serial of the same name.
            extension(&[("/order_id", json!("2027-17-0003")), ("/serial", json!(3))]),
            // Other rules and another share: that is what was approved anew.
            extension(&[
                ("/address_sets/c2", json!(["192.0.2.1"])),
                ("/facility/max_share_percent", json!(1)),
            ]),
            amendment(&[]),
            amendment(&[("/not_after", json!("2028-05-01T00:00:00+09:00"))]),
            amendment(&[
                ("/serial", json!(9)),
                ("/not_before", json!("2027-12-01T00:00:00+09:00")),
            ]),
        ] {
            check("n.json", &new, &old()).unwrap();
        }
        let [a, b] = [extension(&agreement("a")), read(&agreement("a"))];
        check("n.json", &a, &b).unwrap();
    }

    #[test]
    fn an_extension_names_what_it_extends() {
        for (named, words) in [
            (json!({"order_id": "2027-17-0003", "serial": 1}), "order 2027-17-0003, serial 1"),
            (json!({"order_id": "2027-17-0004", "serial": 2}), "order 2027-17-0004, serial 2"),
        ] {
            refused(
                &extension(&[("/extends", named)]),
                &old(),
                &format!("extends: names {words}, not order 2027-17-0003, serial 2"),
            );
        }
    }

    #[test]
    fn there_is_no_gap() {
        refused(
            &extension(&[("/not_before", json!("2028-05-01T00:00:01+09:00"))]),
            &old(),
            "not_before: the term starts at 2028-05-01T00:00:01+09:00, after the order that it \
             extends has ended at 2028-05-01T00:00:00+09:00",
        );
    }

    #[test]
    fn an_amendment_never_prolongs() {
        // Within six months of its own start, but later than what was approved.
        refused(
            &amendment(&[
                ("/not_before", json!("2027-12-01T00:00:00+09:00")),
                ("/not_after", json!("2028-05-01T00:00:00.000000001+09:00")),
            ]),
            &old(),
            "not_after: the term ends at 2028-05-01T00:00:00.000000001+09:00, later than that of \
             serial 2 at 2028-05-01T00:00:00+09:00; only an order that extends it may prolong it",
        );
        refused(&amendment(&[("/serial", json!(2))]), &old(), "serial: 2 is not above 2");
        refused(&amendment(&[("/serial", json!(1))]), &old(), "serial: 1 is not above 2");
        refused(
            &amendment(&[("/order_id", json!("x"))]),
            &old(),
            "order_id: is another order than 2027-17-0003 and does not extend it",
        );
    }

    #[test]
    fn what_follows_goes_on_with_the_same() {
        let three_months = json!("2028-02-01T00:00:00+09:00");
        let rule = json!({"id": "r", "source": "c2"});
        for follow in [extension, amendment] {
            let mut other = vec![
                ("/measure", json!("foreign-to-domestic")),
                ("/rules/0", rule.clone()),
                ("/approved_at", json!("2027-10-20T15:00:00+09:00")),
                ("/not_before", json!("2027-11-01T00:00:00+09:00")),
                ("/not_after", three_months.clone()),
            ];
            refused(
                &follow(&other),
                &old(),
                "measure: is foreign-to-domestic, but that of order 2027-17-0003, serial 2 is \
                 foreign-to-foreign",
            );
            refused(
                &follow(&[("/facility/id", json!("osa-gw-1"))]),
                &old(),
                "facility.id: is osa-gw-1, but that of order 2027-17-0003, serial 2 is tyo-gw-1",
            );
            refused(
                &follow(&agreement("b")),
                &read(&agreement("a")),
                "party.name: is b, but that of order 2027-17-0003, serial 2 is a",
            );
            refused(
                &follow(&[("/approved_at", json!("2027-10-20T14:59:59+09:00"))]),
                &old(),
                "approved_at: the approval at 2027-10-20T14:59:59+09:00 comes before that of order \
                 2027-17-0003, serial 2 at 2027-10-20T15:00:00+09:00",
            );
            // The sample's own measure and rule, one second too early.
            other.drain(..2);
            other[1].1 = json!("2027-10-31T23:59:59+09:00");
            refused(
                &follow(&other),
                &old(),
                "not_before: the term starts at 2027-10-31T23:59:59+09:00, before that of order \
                 2027-17-0003, serial 2, which starts at 2027-11-01T00:00:00+09:00",
            );
        }
    }
}
