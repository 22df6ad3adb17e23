//! The checks that are law: each function is one requirement of `docs/law.md` and refuses what
//! the Act would not allow, whoever signed it. Form and sense were checked before; directions are
//! enforced in the kernel, packet by packet (L-DIR).

use super::condition::{Condition, ConditionKind};
use super::document::{Order, Rule};
use super::measure::Measure;
use super::space::Space;
use super::time;
use crate::rejection::{Rejection, Requirement};

pub(super) fn check(file: &str, order: &Order) -> Result<(), Rejection> {
    party(file, order)?;
    approval(file, order)?;
    term(file, order)?;
    capacity(file, order)?;
    let party = order.party.as_ref().map(|party| Space::of(&party.prefixes));
    for (index, rule) in order.rules.iter().enumerate() {
        selection(order, party.as_ref(), rule).map_err(|reason| {
            Rejection::new(file, reason).at(format!("rules[{index}]")).under(Requirement::Select)
        })?;
    }
    Ok(())
}

/// L-MEASURE: an agreement has a party whose own addresses bound it; no other measure has one.
fn party(file: &str, order: &Order) -> Result<(), Rejection> {
    let refuse = |field, reason: &str| {
        Err(Rejection::new(file, reason).at(field).under(Requirement::Measure))
    };
    match (&order.party, order.measure) {
        (None, Measure::Agreement) => {
            refuse("party", "an agreement needs its party and the party's prefixes")
        }
        (Some(party), Measure::Agreement) if party.prefixes.is_empty() => refuse(
            "party.prefixes",
            "an agreement selects only packets to the party's addresses, and there are none",
        ),
        (Some(_), measure) if measure != Measure::Agreement => {
            refuse("party", "only an agreement has a party")
        }
        _ => Ok(()),
    }
}

/// L-APPROVE: no measure starts before its approval. Approval in the very moment of the start is
/// in time.
fn approval(file: &str, order: &Order) -> Result<(), Rejection> {
    if order.approved_at <= order.not_before {
        return Ok(());
    }
    Err(Rejection::new(
        file,
        format!(
            "the term starts at {}, before the approval at {}",
            time::tokyo(order.not_before),
            time::tokyo(order.approved_at)
        ),
    )
    .at("not_before")
    .under(Requirement::Approve))
}

/// L-TERM: a term ends after it begins, and no later than the Act's calendar months allow. An
/// order that is too long is invalid, not shortened: it is not the one that was approved.
fn term(file: &str, order: &Order) -> Result<(), Rejection> {
    let refuse =
        |reason| Err(Rejection::new(file, reason).at("not_after").under(Requirement::Term));
    if order.not_after <= order.not_before {
        return refuse(format!(
            "the term ends at {}, not after it begins at {}",
            time::tokyo(order.not_after),
            time::tokyo(order.not_before)
        ));
    }
    let months = order.measure.longest_term_months();
    match time::latest_end(order.not_before, months) {
        Some(latest) if order.not_after <= latest => Ok(()),
        Some(latest) => refuse(format!(
            "the term ends at {}, but {months} calendar months end at {}",
            time::tokyo(order.not_after),
            time::tokyo(latest)
        )),
        None => refuse("the calendar ends before the longest term does".to_owned()),
    }
}

/// L-CAP: at most 30 % of the facility's capacity under art. 17(1). A share or a capacity of 0
/// would make the limit meaningless.
fn capacity(file: &str, order: &Order) -> Result<(), Rejection> {
    let refuse =
        |field, reason: String| Err(Rejection::new(file, reason).at(field).under(Requirement::Cap));
    let share = order.facility.max_share_percent;
    let largest = order.measure.largest_share_percent();
    if order.facility.capacity_bps == 0 {
        return refuse("facility.capacity_bps", "must be above 0".to_owned());
    }
    if !(1..=largest).contains(&share) {
        return refuse(
            "facility.max_share_percent",
            format!("{share} % is not within 1 to {largest} % for {}", order.measure),
        );
    }
    Ok(())
}

/// L-SELECT: the conditions that a rule must combine.
fn selection(order: &Order, party: Option<&Space>, rule: &Rule) -> Result<(), String> {
    match order.measure {
        Measure::Agreement => {
            let others = names_others_address(order, party, rule);
            two_conditions(rule, others).map_err(|reason| {
                if others || !rule.names(ConditionKind::Address) {
                    reason
                } else {
                    format!("{reason}; the party's own addresses are none of them")
                }
            })
        }
        Measure::ForeignToForeign => two_conditions(rule, rule.names(ConditionKind::Address)),
        Measure::ForeignToDomestic => specific_equipment(rule, "source", "32"),
        Measure::DomesticToForeign => specific_equipment(rule, "destination", "33"),
    }
}

/// Whether a rule of an agreement names addresses of others than its party.
///
/// Every packet under an agreement goes to the party (L-MEASURE), so a `destination` among its
/// addresses says nothing of the equipment that art. 22(2)(i) means, nor does an `either` that the
/// party's own end can meet. Of the readings that the text leaves, the one that selects less: they
/// narrow a rule, but do not count as a condition.
fn names_others_address(order: &Order, party: Option<&Space>, rule: &Rule) -> bool {
    let others = |set: &str| {
        let set = order.address_sets.get(set);
        set.zip(party).is_some_and(|(set, party)| !party.meets(&Space::of(set)))
    };
    rule.conditions().any(|condition| match condition {
        Condition::Source(_) => true,
        Condition::Either(set) => others(set),
        Condition::Destination(_)
        | Condition::Payload(_)
        | Condition::Protocol(_)
        | Condition::SourcePorts(_)
        | Condition::DestinationPorts(_) => false,
    })
}

/// Art. 22(2): two of addresses, command information, and other information. Two address fields
/// are one condition, as are protocol and ports, and one of the two must be more telling than
/// the latter.
fn two_conditions(rule: &Rule, address: bool) -> Result<(), String> {
    let payload = rule.names(ConditionKind::Payload);
    let traffic = rule.names(ConditionKind::Traffic);
    let count = u8::from(address) + u8::from(payload) + u8::from(traffic);
    if !address && !payload {
        return Err("needs an address set or a payload prefix among its conditions".to_owned());
    }
    if count < 2 {
        return Err(
            "needs two of: addresses, payload, protocol and ports (which together are one)"
                .to_owned(),
        );
    }
    Ok(())
}

/// Art. 35(2): the specific foreign equipment at the foreign end, or specific mechanical
/// information (here: a payload prefix).
///
/// An `either` set does not count. The Act binds art. 32 to equipment as the *source* and art. 33
/// to equipment as the *destination*; `either` would also be met by the domestic end, and the
/// reading that selects less is the one that asks for the foreign end by name.
fn specific_equipment(rule: &Rule, field: &str, article: &str) -> Result<(), String> {
    let specific = |condition: Condition<'_>| match condition {
        Condition::Source(_) | Condition::Destination(_) => condition.field() == field,
        Condition::Payload(_) => true,
        Condition::Either(_)
        | Condition::Protocol(_)
        | Condition::SourcePorts(_)
        | Condition::DestinationPorts(_) => false,
    };
    if rule.conditions().any(specific) {
        return Ok(());
    }
    if rule.conditions().any(|condition| matches!(condition, Condition::Either(_))) {
        return Err(format!(
            "art. {article} selects by the {field}: write `{field}` instead of `either`"
        ));
    }
    Err(format!("art. {article} needs `{field}` or `payload` among the conditions"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::read_order;
    use super::super::samples::{refusal, with};

    fn accepted(changes: &[(&str, Value)]) {
        let order = with(changes);
        if let Err(rejection) = read_order("o.json", order.to_string().as_bytes()) {
            panic!("{rejection}: {order}");
        }
    }

    fn refused(changes: &[(&str, Value)], expected: &str) {
        assert_eq!(refusal(&with(changes)), format!("o.json: {expected}"));
    }

    /// Changes that make the sample an order under another measure, three months long.
    fn measure(name: &str) -> Vec<(&'static str, Value)> {
        let mut changes =
            vec![("/measure", json!(name)), ("/not_after", json!("2028-02-01T00:00:00+09:00"))];
        if name == "agreement" {
            changes.push(("/party", json!({"name": "電力", "prefixes": ["203.0.113.0/24"]})));
        }
        changes
    }

    #[test]
    fn an_agreement_has_a_party_and_no_other_measure_has_one() {
        accepted(&measure("agreement"));
        let party = json!({"name": "a", "prefixes": ["203.0.113.0/24"]});
        refused(&[("/party", party)], "party: only an agreement has a party [L-MEASURE]");
        let mut alone = measure("agreement");
        alone.push(("/party", Value::Null));
        refused(&alone, "party: an agreement needs its party and the party's prefixes [L-MEASURE]");
        let mut empty = measure("agreement");
        empty.push(("/party/prefixes", json!([])));
        refused(
            &empty,
            "party.prefixes: an agreement selects only packets to the party's addresses, and there are none [L-MEASURE]",
        );
        let mut everything = measure("agreement");
        everything.push(("/party/prefixes", json!(["0.0.0.0/0"])));
        refused(
            &everything,
            "party.prefixes[0]: a prefix of length 0 covers every address [L-MEASURE]",
        );
    }

    #[test]
    fn nothing_starts_before_its_approval() {
        accepted(&[("/approved_at", json!("2027-10-31T15:00:00Z"))]);
        refused(
            &[("/approved_at", json!("2027-11-01T00:00:01+09:00"))],
            "not_before: the term starts at 2027-11-01T00:00:00+09:00, before the approval at \
             2027-11-01T00:00:01+09:00 [L-APPROVE]",
        );
    }

    #[test]
    fn terms_end_to_the_second() {
        for (name, latest, late) in [
            ("foreign-to-foreign", "2028-05-01T00:00:00+09:00", "2028-05-01T00:00:01+09:00"),
            ("agreement", "2028-05-01T00:00:00+09:00", "2028-05-01T00:00:01+09:00"),
            ("foreign-to-domestic", "2028-02-01T00:00:00+09:00", "2028-02-01T00:00:01+09:00"),
            ("domestic-to-foreign", "2028-02-01T00:00:00+09:00", "2028-02-01T00:00:01+09:00"),
        ] {
            let mut changes = measure(name);
            let rule = json!({"id": "r", "source": "c2", "destination": "c2", "protocol": "tcp"});
            changes.push(("/rules/0", rule));
            changes.push(("/not_after", json!(latest)));
            accepted(&changes);
            changes.push(("/not_after", json!(late)));
            let months =
                if name.ends_with("domestic") || name.starts_with("domestic") { 3 } else { 6 };
            refused(
                &changes,
                &format!(
                    "not_after: the term ends at {late}, but {months} calendar months end at \
                     {latest} [L-TERM]"
                ),
            );
        }
        // A fraction of a second is too long, too.
        assert!(
            refusal(&with(&[("/not_after", json!("2028-05-01T00:00:00.000000001+09:00"))]))
                .ends_with("[L-TERM]")
        );
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
                ("/not_before", json!("9999-12-01T00:00:00Z")),
                ("/not_after", json!("9999-12-02T00:00:00Z")),
            ],
            "not_after: the calendar ends before the longest term does [L-TERM]",
        );
    }

    #[test]
    fn capacity_shares() {
        let share = "/facility/max_share_percent";
        for percent in [1, 30] {
            accepted(&[(share, json!(percent))]);
        }
        for percent in [0, 31, 100] {
            refused(
                &[(share, json!(percent))],
                &format!(
                    "facility.max_share_percent: {percent} % is not within 1 to 30 % for \
                     foreign-to-foreign [L-CAP]"
                ),
            );
        }
        let mut whole = measure("agreement");
        whole.push((share, json!(100)));
        accepted(&whole);
        whole.push((share, json!(101)));
        refused(
            &whole,
            "facility.max_share_percent: 101 % is not within 1 to 100 % for agreement [L-CAP]",
        );
        refused(
            &[("/facility/capacity_bps", json!(0))],
            "facility.capacity_bps: must be above 0 [L-CAP]",
        );
    }

    #[test]
    fn conditions_of_a_rule() {
        const TWO: &str = "rules[0]: needs two of: addresses, payload, protocol and ports (which \
                           together are one) [L-SELECT]";
        const TELLING: &str =
            "rules[0]: needs an address set or a payload prefix among its conditions [L-SELECT]";
        const SOURCE: &str =
            "rules[0]: art. 32 needs `source` or `payload` among the conditions [L-SELECT]";
        const NOT_EITHER: &str = "rules[0]: art. 32 selects by the source: write `source` instead of `either` [L-SELECT]";
        const DESTINATION: &str =
            "rules[0]: art. 33 needs `destination` or `payload` among the conditions [L-SELECT]";
        const NOT_EITHER_33: &str = "rules[0]: art. 33 selects by the destination: write `destination` instead of `either` [L-SELECT]";
        // The party's own addresses are 203.0.113.0/24, of which `own` is one.
        const PARTY: &str = "rules[0]: needs an address set or a payload prefix among its \
                             conditions; the party's own addresses are none of them [L-SELECT]";
        const PARTY_TWO: &str = "rules[0]: needs two of: addresses, payload, protocol and ports \
                                 (which together are one); the party's own addresses are none of \
                                 them [L-SELECT]";
        let two: &[(Value, Option<&str>)] = &[
            (json!({"either": "c2", "protocol": "tcp"}), None),
            (json!({"source": "c2", "destination_ports": ["443"]}), None),
            (json!({"either": "c2", "payload": "hello"}), None),
            (json!({"payload": "hello", "protocol": "udp"}), None),
            (json!({"either": "c2"}), Some(TWO)),
            (json!({"source": "c2", "destination": "c2"}), Some(TWO)),
            (json!({"payload": "hello"}), Some(TWO)),
            (json!({"protocol": "tcp", "source_ports": ["1"]}), Some(TELLING)),
            (json!({"protocol": "icmp"}), Some(TELLING)),
        ];
        let source: &[(Value, Option<&str>)] = &[
            (json!({"source": "c2"}), None),
            (json!({"source": "c2", "destination": "c2"}), None),
            (json!({"payload": "hello"}), None),
            (json!({"either": "c2", "payload": "hello"}), None),
            (json!({"destination": "c2", "protocol": "tcp"}), Some(SOURCE)),
            (json!({"protocol": "tcp", "source_ports": ["1"]}), Some(SOURCE)),
            (json!({"either": "c2", "protocol": "tcp"}), Some(NOT_EITHER)),
        ];
        let destination: &[(Value, Option<&str>)] = &[
            (json!({"destination": "c2"}), None),
            (json!({"payload": "hello"}), None),
            (json!({"source": "c2", "protocol": "tcp"}), Some(DESTINATION)),
            (json!({"either": "c2"}), Some(NOT_EITHER_33)),
        ];
        let party: &[(Value, Option<&str>)] = &[
            (json!({"destination": "own", "protocol": "tcp"}), Some(PARTY)),
            (json!({"destination": "c2", "protocol": "tcp"}), Some(PARTY)),
            (json!({"either": "own", "protocol": "tcp"}), Some(PARTY)),
            (json!({"destination": "own", "payload": "hello"}), Some(PARTY_TWO)),
            (json!({"source": "c2", "destination": "own", "protocol": "tcp"}), None),
            (json!({"destination": "own", "payload": "hello", "protocol": "tcp"}), None),
        ];
        for (name, table) in [
            ("foreign-to-foreign", two),
            ("agreement", two),
            ("agreement", party),
            ("foreign-to-domestic", source),
            ("domestic-to-foreign", destination),
        ] {
            for (conditions, expected) in table {
                let mut rule = conditions.clone();
                rule["id"] = json!("r1");
                let mut changes = measure(name);
                changes.push(("/rules/0", rule));
                changes.push(("/address_sets/own", json!(["203.0.113.7"])));
                match expected {
                    None => accepted(&changes),
                    Some(expected) => refused(&changes, expected),
                }
            }
        }
    }
}
