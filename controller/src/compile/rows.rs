//! The rows: for each dimension and each value in it, the rules that hold there.

use ipnetwork::IpNetwork;
use sensor_common::direction::Direction;
use sensor_common::layout::RuleWord;

use super::addresses::{self, Sources};
use super::bits::Bits;
use super::image::Tables;
use super::membership::{Memberships, Set};
use super::ports;
use super::{CompileError, Layer, MOST_COMBINATIONS};
use crate::order::document::Rule;
use crate::order::traffic::PortRange;
use crate::order::{Measure, Order};

/// A rule with its sets numbered over all orders. `None`: any address.
struct NumberedRule<'a> {
    rule: &'a Rule,
    measure: Measure,
    source: Option<Set>,
    destination: Option<Set>,
    either: Option<Set>,
    /// The agreement party's own prefixes, which its packets must go to (L-MEASURE).
    party: Option<Set>,
}

/// Compiles all tables.
pub(super) fn tables(
    number: u32,
    layers: &[Layer<'_>],
    orders: &[(u32, &Order)],
) -> Result<Tables, CompileError> {
    let mut sets = Sets::default();
    let mut rules = Vec::new();
    let mut rule_words = Vec::new();
    for (slot, order) in orders {
        rules.extend(sets.number(order));
        let order_end = u32::try_from(rules.len()).map_err(|_| CompileError::Rules(rules.len()))?;
        rule_words.resize(rules.len(), RuleWord::new(*slot, order_end));
    }

    let mut memberships = Memberships::new();
    let sources = Sources { layers, sets: &sets.prefixes };
    let addresses = addresses::compile(&sources, &mut memberships)?;
    let combinations = memberships.all();
    if combinations.len() > MOST_COMBINATIONS {
        return Err(CompileError::Combinations(combinations.len()));
    }

    let row = |holds: &dyn Fn(&NumberedRule<'_>) -> bool| {
        Bits::of(rules.len(), |number| holds(&rules[number]))
    };
    // For each combination of sets: the rules that let an address in it stand on this side.
    let side = |admits: &dyn Fn(&NumberedRule<'_>, &[Set]) -> bool| -> Vec<Bits> {
        combinations.iter().map(|sets| row(&|rule| admits(rule, sets))).collect()
    };
    let within =
        |set: Option<Set>, sets: &[Set]| set.is_none_or(|set| sets.binary_search(&set).is_ok());
    let ports_of = |side: fn(&Rule) -> &[PortRange]| {
        let ranges: Vec<&[PortRange]> = rules.iter().map(|rule| side(rule.rule)).collect();
        ports::classify(&ranges)
    };
    Ok(Tables {
        number,
        addresses,
        source_rows: side(&|rule, sets| within(rule.source, sets)),
        destination_rows: side(&|rule, sets| {
            within(rule.destination, sets) && within(rule.party, sets)
        }),
        either_rows: side(&|rule, sets| within(rule.either, sets)),
        // 内内 is nobody's direction: its row is empty, whatever an order says (L-DIR).
        direction_rows: Direction::ALL
            .map(|direction| row(&|rule| rule.measure.direction() == direction))
            .into(),
        protocol_rows: (0..=u8::MAX)
            .map(|number| row(&|rule| rule.rule.protocol.is_none_or(|named| named.0 == number)))
            .collect(),
        source_ports: ports_of(|rule| &rule.source_ports)?,
        destination_ports: ports_of(|rule| &rule.destination_ports)?,
        rules: rule_words,
    })
}

/// Numbers for the address sets of all orders.
#[derive(Default)]
struct Sets {
    count: Set,
    prefixes: Vec<(Set, IpNetwork)>,
}

impl Sets {
    /// Numbers the sets that an order's rules name; sets that no rule names stay out of the tables
    /// (L-MIN).
    fn number<'a>(&mut self, order: &'a Order) -> Vec<NumberedRule<'a>> {
        let party = order.party.as_ref().map(|party| self.add(&party.prefixes));
        let mut numbers = std::collections::BTreeMap::new();
        for (_, name) in order.rules.iter().flat_map(Rule::addresses) {
            if !numbers.contains_key(name)
                && let Some(prefixes) = order.address_sets.get(name)
            {
                numbers.insert(name.to_owned(), self.add(prefixes));
            }
        }
        // A rule whose set does not exist never comes this far; were it to, the number is that of
        // no set, so that the rule would never hold.
        let set = |name: &Option<String>| {
            name.as_ref().map(|name| numbers.get(name).copied().unwrap_or(Set::MAX))
        };
        let rule = |rule: &'a Rule| NumberedRule {
            rule,
            measure: order.measure,
            source: set(&rule.source),
            destination: set(&rule.destination),
            either: set(&rule.either),
            party,
        };
        order.rules.iter().map(rule).collect()
    }

    fn add(&mut self, prefixes: &[IpNetwork]) -> Set {
        let number = self.count;
        self.count += 1;
        self.prefixes.extend(prefixes.iter().map(|prefix| (number, *prefix)));
        number
    }
}
