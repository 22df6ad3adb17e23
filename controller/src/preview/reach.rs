//! Finds members of address sets that can never match, because the measure's direction demands another class
//! at that end of a packet (L-MEASURE), or an agreement another destination.

use std::collections::BTreeMap;

use ipnetwork::IpNetwork;
use sensor_common::direction::{AddressClass, Direction};

use super::{Spaces, Warning};
use crate::classes::ClassRanges;
use crate::order::condition::Condition;
use crate::order::space::Space;
use crate::order::{Mandate, Measure};
use crate::rejection::Requirement;

/// The classes that a measure's direction demands: of the source, then of the destination.
const fn ends(measure: Measure) -> (AddressClass, AddressClass) {
    use AddressClass::{Domestic, Foreign};
    match measure.direction() {
        Direction::ForeignToForeign => (Foreign, Foreign),
        Direction::ForeignToDomestic => (Foreign, Domestic),
        Direction::DomesticToForeign => (Domestic, Foreign),
        Direction::DomesticToDomestic => (Domestic, Domestic),
    }
}

pub(super) fn warn(
    file: &str,
    order: &Mandate,
    spaces: &Spaces<'_>,
    classes: &ClassRanges,
    warnings: &mut Vec<Warning>,
) {
    let mut found: Vec<(usize, Warning)> = Vec::new();
    for ((field, set), (rule, condition)) in first_uses(order) {
        let Some(set_of) = order.address_sets.get(set) else { continue };
        let networks = &set_of.addresses;
        let reaches = |network: &&IpNetwork| reaches(order, spaces, classes, condition, network);
        let mut idle = networks.iter().filter(|network| !reaches(network));
        let Some(example) = idle.next() else { continue };
        let text = format!(
            "{} of {set} can never match: {}",
            members(1 + idle.count(), networks.len()),
            because(order, field, example, classes)
        );
        let warning = Warning::new(file, format!("rules[{rule}].{field}"), text);
        found.push((rule, warning.under(Requirement::Measure)));
    }
    found.sort_by_key(|(rule, _)| *rule);
    warnings.extend(found.into_iter().map(|(_, warning)| warning));
}

/// The first rule that names each set in each field, and its condition. A set may occur in a thousand rules
/// and hold a million addresses, so it is searched only once for each field.
fn first_uses(order: &Mandate) -> BTreeMap<(&str, &str), (usize, Condition<'_>)> {
    let mut uses = BTreeMap::new();
    for (index, rule) in order.rules.iter().enumerate() {
        for condition in rule.conditions() {
            if let Some(set) = condition.address_set() {
                uses.entry((condition.field(), set)).or_insert((index, condition));
            }
        }
    }
    uses
}

/// Whether any packet of the order's direction has an address of `network` where the condition wants it.
fn reaches(
    order: &Mandate,
    spaces: &Spaces<'_>,
    classes: &ClassRanges,
    condition: Condition<'_>,
    network: &IpNetwork,
) -> bool {
    let (source, destination) = ends(order.measure());
    let as_source = || has(classes, network, source);
    let as_destination = || {
        has(classes, network, destination)
            && spaces.party.as_ref().is_none_or(|party| meets(party, network))
    };
    match condition {
        Condition::Source(_) => as_source(),
        Condition::Destination(_) => as_destination(),
        Condition::Either(_) => as_source() || as_destination(),
        // These conditions name no address set.
        Condition::Payload(_)
        | Condition::Protocol(_)
        | Condition::SourcePorts(_)
        | Condition::DestinationPorts(_) => true,
    }
}

/// `count` of all members of a set, in words.
fn members(count: usize, all: usize) -> String {
    match (count, all) {
        (_, 1) => "the only member".to_owned(),
        (count, all) if count == all => format!("all {count} members"),
        (count, all) => format!("{count} of the {all} members"),
    }
}

fn has(classes: &ClassRanges, network: &IpNetwork, class: AddressClass) -> bool {
    classes.within(network).any(|(_, found)| found == class)
}

fn meets(party: &Space, network: &IpNetwork) -> bool {
    party.meets_range(&network.into())
}

/// Why the example cannot match.
fn because(order: &Mandate, field: &str, example: &IpNetwork, classes: &ClassRanges) -> String {
    let (source, destination) = ends(order.measure());
    let mut is: Vec<&str> = classes.within(example).map(|(_, class)| class.name()).collect();
    is.sort_unstable();
    is.dedup();
    let party = if order.party().is_some() { " and the party's" } else { "" };
    let asked = match field {
        "source" => format!("its sources are {}", source.name()),
        "destination" => format!("its destinations are {}{party}", destination.name()),
        _ if source == destination => format!("both of its ends are {}", source.name()),
        _ => format!(
            "its sources are {} and its destinations {}{party}",
            source.name(),
            destination.name()
        ),
    };
    format!("{example} is {}, but the measure is {} and {asked}", is.join(" and "), order.measure())
}
