//! The explanation of an order in English.

use jiff::Timestamp;

use super::facts::{Fact, Listing};
use crate::order::condition::Condition;
use crate::order::measure::Measure;
use crate::order::time::{self, Length};
use crate::order::traffic::PortRange;

/// One fact, one line.
pub(super) fn line(fact: &Fact<'_>) -> String {
    match fact {
        Fact::Gap => String::new(),
        Fact::Order { id, serial } => format!("Order {id}, serial {serial}"),
        Fact::NotVerified => {
            "NOT VERIFIED: no trust file was given, so nobody's signature was checked".to_owned()
        }
        Fact::Verified(signers) => format!("Verified: signed by {signers} trusted keys"),
        Fact::Signer(signer) => format!("  {} (key {})", signer.holder, signer.keyid),
        Fact::Measure(measure) => {
            format!("Measure    {}, art. {} of the Act", title(*measure), measure.article())
        }
        Fact::Direction(measure) => direction(*measure),
        Fact::Party { name, prefixes } => format!("Party      {name}: {}", listing(prefixes)),
        Fact::Approved { measure, at } => approved(*measure, *at),
        Fact::From(at) => format!("From       {}", both(*at)),
        Fact::Until(at) => format!("Until      {}, this moment not included", both(*at)),
        Fact::Length { length, most_months } => {
            format!("Length     {}, of {most_months} months at most", term(length))
        }
        Fact::Extends(earlier) => format!("Extends    {earlier}"),
        Fact::Facility { id, capacity } => {
            format!("Facility   {id}, {} {}", capacity.number, capacity.unit)
        }
        Fact::Share(percent) => format!("Share      at most {percent} % of it is inspected"),
        Fact::Rules(measure) => format!(
            "Rules: a packet in that direction is recorded if one of these holds for it (art. {}(2))",
            measure.conditions_article()
        ),
        Fact::Rule { id, conditions } => {
            let words: Vec<String> = conditions.iter().map(condition).collect();
            format!("  {id}: {}", words.join(", and "))
        }
        Fact::AddressSets => "Address sets".to_owned(),
        Fact::AddressSet { name, listing: set } => format!("  {name}: {}", listing(set)),
        Fact::PayloadSets => "Payload prefix sets".to_owned(),
        Fact::RawPayloads { name, listing: set } => {
            format!("  {name}: beginnings of a payload, in hexadecimal: {}", listing(set))
        }
        Fact::HashedPayloads { name, length, hashes } => format!(
            "  {name}: beginnings of {length} bytes of a payload, known only by their SipHash-2-4: \
             {hashes}"
        ),
        Fact::Unused(sets) => format!("Warning: no rule uses {}", sets.join(", ")),
    }
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

fn approved(measure: Measure, at: Timestamp) -> String {
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
