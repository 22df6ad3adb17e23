//! The table of `sekisho order list`.

use std::fmt::Write as _;

use super::table::aligned;
use crate::registry::{OrderList, OrderView};

/// The list of orders, for people.
pub(super) fn table(register: &OrderList) -> String {
    let mut text = String::new();
    if let Some(act) = &register.halted {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "ALL SELECTION IS HALTED since {}, {act}\n", act.since);
    }
    let heading = ["order", "serial", "measure", "state", "from", "until", "remaining", "records"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(register.orders.iter().map(row));
    text += &aligned(&rows, 6);
    for order in &register.orders {
        for rule in &order.idle_rules {
            let _ = writeln!(text, "{}: rule {rule} has selected nothing for long", order.key);
        }
    }
    text
}

fn row(order: &OrderView) -> Vec<String> {
    let state = match order.reason {
        Some(reason) => format!("{} ({})", order.state, reason.name()),
        None => order.state.clone(),
    };
    let ended = order.reason.is_some();
    vec![
        order.key.order_id.clone(),
        order.key.serial.to_string(),
        order.measure.clone(),
        state,
        order.not_before.clone(),
        order.not_after.clone(),
        if ended { "-".to_owned() } else { remaining(order.remaining_seconds) },
        order.records.to_string(),
    ]
}

/// A length of time in its two largest units.
fn remaining(seconds: u64) -> String {
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest}s"),
        (0, 0, _) => format!("{minutes}m {rest:02}s"),
        (0, _, _) => format!("{hours}h {minutes:02}m"),
        _ => format!("{days}d {hours:02}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::OrderKey;
    use crate::order::{BasisKey, BasisKind};
    use crate::registry::act::{Act, Caller, Said};
    use crate::registry::event::EndReason;

    #[test]
    fn the_table_is_stable() {
        let listed = |order_id: &str, state: &str, reason, seconds| OrderView {
            key: OrderKey::new(order_id, 1),
            measure: "foreign-to-foreign".into(),
            basis: BasisKey { kind: BasisKind::Approval, id: "p".into(), serial: 1 }.into(),
            state: state.into(),
            reason,
            not_before: "2027-11-01T00:00:00+09:00".into(),
            not_after: "2028-05-01T00:00:00+09:00".into(),
            remaining_seconds: seconds,
            records: 7,
            idle_rules: if order_id == "a" { vec!["r2".into()] } else { Vec::new() },
            digest: String::new(),
        };
        let register = OrderList {
            facility: "f".into(),
            trust_version: 1,
            bases: Vec::new(),
            halted: Some(Act::new(
                Said::default(),
                Caller { uid: Some(0), login_uid: None },
                "2027-11-01T00:00:00Z".parse().unwrap(),
            )),
            orders: vec![
                listed("a", "halted", None, 90_061),
                listed("long", "ended", Some(EndReason::Superseded), 0),
            ],
        };
        assert_eq!(
            table(&register),
            "\
ALL SELECTION IS HALTED since 2027-11-01T00:00:00Z, by uid 0

  order  serial  measure             state               from                       until                      remaining  records
  a      1       foreign-to-foreign  halted              2027-11-01T00:00:00+09:00  2028-05-01T00:00:00+09:00     1d 01h        7
  long   1       foreign-to-foreign  ended (superseded)  2027-11-01T00:00:00+09:00  2028-05-01T00:00:00+09:00          -        7
order a, serial 1: rule r2 has selected nothing for long
"
        );
        for (seconds, text) in [(0, "0s"), (61, "1m 01s"), (7_260, "2h 01m")] {
            assert_eq!(remaining(seconds), text);
        }
    }
}
