//! The explanation in English.

use jiff::Timestamp;

use super::facts::{CriteriaFact, Fact, FutureFact, GroundsFact, SetFact};
use super::listing::Listing;
use crate::order::condition::{Condition, ConditionKind};
use crate::order::measure::Measure;
use crate::order::time::{self, Length};
use crate::order::traffic::{PortRange, Protocol};
use crate::order::verified::Signer;

/// The line of a fact.
pub(super) fn line(fact: &Fact<'_>) -> String {
    match fact {
        Fact::Gap => String::new(),
        Fact::Order { id, serial } => format!("Order {id}, serial {serial}"),
        Fact::Basis(key) => capital(&key.to_string()),
        Fact::NotVerified => {
            "NOT VERIFIED: no trust file was given, so nobody's signature was checked".to_owned()
        }
        Fact::Verified(signers) => format!("Verified: signed by {signers} trusted keys"),
        Fact::Signer(Signer { keyid, holder, role }) => {
            format!("  {holder} as {role} (key {keyid})")
        }
        Fact::Under(basis) => format!("Under      {} (SHA-256 {})", basis.key, basis.sha256),
        Fact::UnderUnknown => {
            "           which is not at hand: measure and criteria, and whether the order is within \
             them, cannot be said"
                .to_owned()
        }
        Fact::UnderVerified(signers) => format!("           signed by {signers} trusted keys:"),
        Fact::Grounds(fact) => grounds(fact),
        Fact::BasisTerm { from, until } => {
            format!("Its term   from {} until {}", both(*from), both(*until))
        }
        Fact::From(at) => format!("From       {}", both(*at)),
        Fact::Until(at) => format!("Until      {}, this moment not included", both(*at)),
        Fact::Length { length, most_months: Some(months) } => {
            format!("Length     {}, of {months} months at most", term(length))
        }
        Fact::Length { length, most_months: None } => format!("Length     {}", term(length)),
        Fact::Extends(earlier) => format!("Extends    {earlier}"),
        Fact::Facility { id, capacity } => {
            format!("Facility   {id}, {} {}", capacity.number, capacity.unit)
        }
        Fact::Share(percent) => format!("Share      at most {percent} % of it is inspected"),
        Fact::Sensor { name, share } => format!("           of that {share} % by sensor {name}"),
        Fact::Retention(years) => format!("Kept       for at most {years} years (art. 25)"),
        Fact::Barred(grounds) => {
            format!("Barred     records are not provided on: {}", grounds.join(", "))
        }
        Fact::Criteria(limit) => criteria(limit),
        Fact::Future(event) => future(event),
        Fact::Rules(measure) => {
            let article = measure.map(|measure| format!(" (art. {}(2))", measure.conditions_article()));
            format!(
                "Rules: a packet in that direction is recorded if one of these holds for it{}",
                article.unwrap_or_default()
            )
        }
        Fact::Rule { id, conditions } => {
            let words: Vec<String> = conditions.iter().map(condition).collect();
            format!("  {id}: {}", words.join(", and "))
        }
        Fact::Sets(fact) => sets(fact),
    }
}

/// A line of what a measure is, and why it is lawful.
fn grounds(fact: &GroundsFact<'_>) -> String {
    match fact {
        GroundsFact::Measure(measure) => {
            format!("Measure    {}, art. {} of the Act", title(*measure), measure.article())
        }
        GroundsFact::Act(act) => format!("Act        {}: {}", act.id, act.title),
        GroundsFact::Article(article) => format!("Agreement  under art. {article}"),
        GroundsFact::Direction(measure) => direction(*measure),
        GroundsFact::Party { id, name, prefixes } => {
            format!("Party      {id}, {name}: {}", listing(prefixes))
        }
        GroundsFact::Analysis(analysis) => format!("Analysis   {analysis}"),
        GroundsFact::Consents(consents) => format!("Consents   {}", or_none(consents)),
        GroundsFact::Given { measure, at } => given(*measure, *at),
    }
}

/// A line of the sets of an order.
fn sets(fact: &SetFact<'_>) -> String {
    match fact {
        SetFact::AddressSets => "Address sets".to_owned(),
        SetFact::AddressSet { name, ground, listing: set } => {
            format!("  {name}: {}: {ground}", listing(set))
        }
        SetFact::PayloadSets => "Payload prefix sets".to_owned(),
        SetFact::RawPayloads { name, ground, listing: set } => {
            format!("  {name}: beginnings of a payload, in hexadecimal: {}: {ground}", listing(set))
        }
        SetFact::HashedPayloads { name, ground, length, hashes } => format!(
            "  {name}: beginnings of {length} bytes of a payload, known only by their SipHash-2-4: \
             {hashes}: {ground}"
        ),
        SetFact::Unused(sets) => format!("Warning: no rule uses {}", sets.join(", ")),
    }
}

/// A line of the criteria, and what an order uses of them.
fn criteria(fact: &CriteriaFact<'_>) -> String {
    let used =
        |text: Option<String>| text.map_or_else(String::new, |text| format!("; here {text}"));
    match fact {
        CriteriaFact::Conditions { allowed, used: here } => format!(
            "  conditions on {}{}",
            kinds(allowed),
            used(here.as_ref().map(|here| kinds(here)))
        ),
        CriteriaFact::Selectors { most, used: here } => format!(
            "  at most {most} addresses and payload prefixes{}",
            used(here.map(|here| here.to_string()))
        ),
        CriteriaFact::RuleCount { most, used: here } => {
            format!("  at most {most} rules{}", used(here.map(|here| here.to_string())))
        }
        CriteriaFact::Prefixes { ipv4, ipv6, used: here } => {
            let here = here.map(|lengths| {
                let words: Vec<String> =
                    lengths.iter().flatten().map(|length| format!("/{length}")).collect();
                if words.is_empty() { "none".to_owned() } else { words.join(" and ") }
            });
            format!("  prefixes no wider than /{ipv4} and /{ipv6}{}", used(here))
        }
        CriteriaFact::PayloadLength { least, used: here } => {
            let here = here.map(|length| match length {
                Some(length) => format!("{length} and more"),
                None => "none".to_owned(),
            });
            format!("  payload prefixes of at least {least} bytes{}", used(here))
        }
        CriteriaFact::Protocols { allowed, used: here } => {
            let names = |list: &[Protocol]| {
                let names: Vec<String> = list.iter().map(ToString::to_string).collect();
                if names.is_empty() { "none is named".to_owned() } else { names.join(", ") }
            };
            let allowed = allowed
                .map_or_else(|| "any protocol".to_owned(), |list| format!("only {}", names(list)));
            format!("  {allowed}{}", used(here.as_ref().map(|here| names(here))))
        }
        CriteriaFact::Heading => "Criteria: an order under it may select by".to_owned(),
    }
}

/// A line of what will happen, and when.
fn future(fact: &FutureFact) -> String {
    match fact {
        FutureFact::Begins(at) => format!("  {}: its term begins", both(*at)),
        FutureFact::Ends(at) => {
            format!("  {}: its term is over, and selection stops by itself", both(*at))
        }
        FutureFact::Replaced => {
            "  when the term of a higher serial begins, that takes its place".to_owned()
        }
        FutureFact::EndsWithBasis => {
            "  when what it rests on ends or is revoked, it ends at once as well".to_owned()
        }
        FutureFact::Revocable(roles) => {
            let names: Vec<String> = roles.iter().map(ToString::to_string).collect();
            format!("  a revocation signed by {} ends it before", names.join(" or "))
        }
        FutureFact::Heading => "What will happen".to_owned(),
    }
}

fn kinds(kinds: &[ConditionKind]) -> String {
    kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
}

fn or_none(list: &[String]) -> String {
    if list.is_empty() { "none".to_owned() } else { list.join(", ") }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

const fn title(measure: Measure) -> &'static str {
    match measure {
        Measure::Agreement => "party agreement (当事者協定)",
        Measure::ForeignToForeign => "foreign-to-foreign (外外通信目的送信措置)",
        Measure::ForeignToDomestic => "foreign-to-domestic (特定外内通信目的送信措置)",
        Measure::DomesticToForeign => "domestic-to-foreign (特定内外通信目的送信措置)",
    }
}

fn direction(measure: Measure) -> String {
    let only = match measure {
        Measure::Agreement => "from abroad into Japan, and only to the party's own addresses",
        Measure::ForeignToForeign => "from abroad to abroad",
        Measure::ForeignToDomestic => "from abroad into Japan",
        Measure::DomesticToForeign => "from Japan to abroad",
    };
    format!("Direction  {}: only packets {only}", measure.direction().name())
}

fn given(measure: Measure, at: Timestamp) -> String {
    const COMMISSION: &str = "by the commission (サイバー通信情報監理委員会)";
    let at = both(at);
    match measure {
        Measure::Agreement => {
            format!("Concluded  {at}, by its parties (arts. 11 to 13), notified under art. 14")
        }
        Measure::ForeignToForeign => format!("Approved   {at}, {COMMISSION}, art. 18"),
        Measure::ForeignToDomestic | Measure::DomesticToForeign => {
            format!("Approved   {at}, {COMMISSION}, arts. {}(2), 18", measure.article())
        }
    }
}

fn both(time: Timestamp) -> String {
    format!("{} ({time})", time::tokyo(time))
}

/// "6 months", "1 day 2 hours".
fn term(length: &Length) -> String {
    let parts = [
        (length.months, "month"),
        (length.days, "day"),
        (length.hours, "hour"),
        (length.minutes, "minute"),
        (length.seconds, "second"),
    ];
    let words: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count != 0)
        .map(|(count, unit)| format!("{count} {unit}{}", if *count == 1 { "" } else { "s" }))
        .collect();
    if words.is_empty() { "less than a second".to_owned() } else { words.join(" ") }
}

fn condition(condition: &Condition<'_>) -> String {
    match condition {
        Condition::Source(set) => format!("its source is in {set}"),
        Condition::Destination(set) => format!("its destination is in {set}"),
        Condition::Either(set) => format!("its source or its destination is in {set}"),
        Condition::Payload(set) => format!("its payload begins with one of {set}"),
        Condition::Protocol(protocol) => match protocol.to_string() {
            // "protocol 132" needs no second "protocol".
            name if name.starts_with("protocol") => format!("it is IP {name}"),
            name => format!("it is {name}"),
        },
        Condition::SourcePorts(ranges) => format!("its source port is {}", ports(ranges)),
        Condition::DestinationPorts(ranges) => format!("its destination port is {}", ports(ranges)),
    }
}

fn ports(ranges: &[PortRange]) -> String {
    ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

/// "7 (192.0.2.1, 192.0.2.2, …)".
fn listing(set: &Listing) -> String {
    let more = if set.is_cut() { ", …" } else { "" };
    match set.count {
        0 => "empty".to_owned(),
        count => format!("{count} ({}{more})", set.first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_in_words() {
        let length = |months, days, hours| Length { months, days, hours, ..Length::default() };
        for (length, words) in [
            (length(6, 0, 0), "6 months"),
            (length(1, 1, 2), "1 month 1 day 2 hours"),
            (length(0, 0, 0), "less than a second"),
        ] {
            assert_eq!(term(&length), words);
        }
    }
}
