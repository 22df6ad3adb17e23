//! L-SELECT: the conditions that a rule must combine, and the end of a connection that it must name.

use crate::order::condition::{Condition, ConditionKind};
use crate::order::document::Order;
use crate::order::measure::Measure;
use crate::order::selection::Rule;
use crate::order::space::Space;
use crate::rejection::SelectionFault;

/// L-SELECT: the conditions that a rule must combine.
pub(super) fn check(
    order: &Order,
    measure: Measure,
    party: Option<&Space>,
    rule: &Rule,
) -> Result<(), SelectionFault> {
    match measure {
        Measure::Agreement => {
            let others = names_others_address(order, party, rule);
            let note = if others || !rule.names(ConditionKind::Address) {
                ""
            } else {
                "; the party's own addresses are none of them"
            };
            two_conditions(rule, others, note)
        }
        Measure::ForeignToForeign => two_conditions(rule, rule.names(ConditionKind::Address), ""),
        Measure::ForeignToDomestic => specific_equipment(rule, "source", 32),
        Measure::DomesticToForeign => specific_equipment(rule, "destination", 33),
    }
}

/// Whether a rule under an agreement names addresses other than its party's.
///
/// Every packet under an agreement goes to the party (L-MEASURE), so a `destination` among its
/// addresses says nothing about the equipment that art. 22(2)(i) means. Neither does an `either` set that the
/// party's own end can meet. Our reading, which selects less: they narrow a rule, but do not count as a
/// condition.
fn names_others_address(order: &Order, party: Option<&Space>, rule: &Rule) -> bool {
    let others = |set: &str| {
        let set = order.address_sets.get(set);
        set.zip(party).is_some_and(|(set, party)| !party.meets(&Space::of(&set.addresses)))
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

/// Art. 22(2): two of addresses, command information, and other information. Two address fields count as one
/// condition, and so do protocol and ports. Protocol and ports alone tell too little: one of the two conditions
/// must be addresses or command information.
fn two_conditions(rule: &Rule, address: bool, note: &'static str) -> Result<(), SelectionFault> {
    let payload = rule.names(ConditionKind::Payload);
    let traffic = rule.names(ConditionKind::Traffic);
    let count = u8::from(address) + u8::from(payload) + u8::from(traffic);
    if !address && !payload {
        return Err(SelectionFault::NothingTelling(note));
    }
    if count < 2 {
        return Err(SelectionFault::OneCondition(note));
    }
    Ok(())
}

/// Art. 35(2): the specific foreign equipment at the foreign end, or specific mechanical
/// information (here: a payload prefix).
///
/// An `either` set does not count. The Act binds art. 32 to equipment as the *source* and art. 33
/// to equipment as the *destination*; The domestic end could meet `either` as well, so
/// our reading, which selects less, asks for the foreign end by name.
fn specific_equipment(rule: &Rule, field: &'static str, article: u8) -> Result<(), SelectionFault> {
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
        return Err(SelectionFault::NotEither { article, field });
    }
    Err(SelectionFault::NotSpecific { article, field })
}
