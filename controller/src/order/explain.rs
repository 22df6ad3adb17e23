//! An order in plain English, for the person who is about to sign it, install it or inspect it.
//! It says only what the order says and what was verified; whether it is in force now depends on
//! a clock and is said elsewhere.

use std::fmt::{self, Display, Formatter};

use ipnetwork::IpNetwork;
use jiff::Timestamp;
use sensor_common::direction::Direction;

use super::document::{Order, Rule};
use super::measure::Measure;
use super::time;
use super::verified::Signer;

/// How many addresses of a set are listed; a set may hold millions.
const LISTED: usize = 5;

/// Displays an order in words.
pub struct Explanation<'a> {
    order: &'a Order,
    signers: Option<&'a [Signer]>,
}

impl<'a> Explanation<'a> {
    /// Explains `order`. `signers` are those whose signatures were verified; `None` says that
    /// none was.
    pub const fn new(order: &'a Order, signers: Option<&'a [Signer]>) -> Self {
        Self { order, signers }
    }
}

impl Display for Explanation<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let order = self.order;
        writeln!(f, "Order {}, serial {}", order.order_id, order.serial)?;
        signatures(f, self.signers)?;
        writeln!(f)?;
        measure(f, order)?;
        term(f, order)?;
        place(f, order)?;
        writeln!(
            f,
            "\nRules: a packet in that direction is recorded if one of these holds for it"
        )?;
        for rule in &order.rules {
            writeln!(f, "  {}: {}", rule.id, conditions(rule))?;
        }
        writeln!(f, "\nAddress sets")?;
        for (name, set) in &order.address_sets {
            writeln!(f, "  {name}: {}", listing(set))?;
        }
        let unused = order.unused_sets();
        if !unused.is_empty() {
            writeln!(f, "\nWarning: no rule uses {}", unused.join(", "))?;
        }
        Ok(())
    }
}

fn signatures(f: &mut Formatter<'_>, signers: Option<&[Signer]>) -> fmt::Result {
    let Some(signers) = signers else {
        return writeln!(
            f,
            "NOT VERIFIED: no trust file was given, so nobody's signature was checked"
        );
    };
    writeln!(f, "Verified: signed by {} trusted keys", signers.len())?;
    for signer in signers {
        writeln!(f, "  {} (key {})", signer.holder, signer.keyid)?;
    }
    Ok(())
}

fn measure(f: &mut Formatter<'_>, order: &Order) -> fmt::Result {
    let (measure, article) = (order.measure, order.measure.article());
    let title = match measure {
        Measure::Agreement => "party agreement (当事者協定)",
        Measure::ForeignToForeign => "foreign-to-foreign (外外通信目的送信措置)",
        Measure::ForeignToDomestic => "foreign-to-domestic (特定外内通信目的送信措置)",
        Measure::DomesticToForeign => "domestic-to-foreign (特定内外通信目的送信措置)",
    };
    let direction = match measure.direction() {
        Direction::ForeignToForeign => "from abroad to abroad",
        Direction::ForeignToDomestic => "from abroad into Japan",
        Direction::DomesticToForeign => "from Japan to abroad",
        Direction::DomesticToDomestic => "within Japan",
    };
    writeln!(f, "Measure    {title}, art. {article} of the Act")?;
    write!(f, "Direction  {}: only packets {direction}", measure.direction().name())?;
    match &order.party {
        None => writeln!(f),
        Some(party) => {
            writeln!(f, ", and only to the party's own addresses")?;
            writeln!(f, "Party      {}: {}", party.name, listing(&party.prefixes))
        }
    }
}

fn term(f: &mut Formatter<'_>, order: &Order) -> fmt::Result {
    let both = |time: Timestamp| format!("{} ({time})", time::tokyo(time));
    let approved = match order.measure {
        Measure::Agreement => "Concluded",
        _ => "Approved ",
    };
    writeln!(f, "{approved}  {}", both(order.approved_at))?;
    writeln!(f, "From       {}", both(order.not_before))?;
    writeln!(f, "Until      {}, this moment not included", both(order.not_after))?;
    writeln!(
        f,
        "Length     {}, of {} months at most",
        time::length(order.not_before, order.not_after),
        order.measure.longest_term_months()
    )?;
    match &order.extends {
        Some(earlier) => {
            writeln!(f, "Extends    order {}, serial {}", earlier.order_id, earlier.serial)
        }
        None => Ok(()),
    }
}

fn place(f: &mut Formatter<'_>, order: &Order) -> fmt::Result {
    let facility = &order.facility;
    writeln!(f, "Facility   {}, {}", facility.id, capacity(facility.capacity_bps))?;
    writeln!(f, "Share      at most {} % of it is inspected", facility.max_share_percent)
}

/// Bits per second with the largest unit that leaves a whole number.
fn capacity(bps: u64) -> String {
    for (unit, name) in
        [(1_000_000_000_000, "Tbit/s"), (1_000_000_000, "Gbit/s"), (1_000_000, "Mbit/s")]
    {
        if bps >= unit && bps.is_multiple_of(unit) {
            return format!("{} {name}", bps / unit);
        }
    }
    format!("{bps} bit/s")
}

fn conditions(rule: &Rule) -> String {
    let mut words = Vec::new();
    if let Some(set) = &rule.source {
        words.push(format!("its source is in {set}"));
    }
    if let Some(set) = &rule.destination {
        words.push(format!("its destination is in {set}"));
    }
    if let Some(set) = &rule.either {
        words.push(format!("its source or its destination is in {set}"));
    }
    if let Some(set) = &rule.payload {
        words.push(format!("its payload begins with one of {set}"));
    }
    if let Some(protocol) = rule.protocol {
        words.push(match protocol.to_string() {
            // "protocol 132" needs no second "protocol".
            name if name.starts_with("protocol") => format!("it is IP {name}"),
            name => format!("it is {name}"),
        });
    }
    for (end, ports) in [("source", &rule.source_ports), ("destination", &rule.destination_ports)] {
        if !ports.is_empty() {
            let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
            words.push(format!("its {end} port is {}", ports.join(" or ")));
        }
    }
    words.join(", and ")
}

/// "7 (192.0.2.1, 192.0.2.2, …)".
fn listing(set: &[IpNetwork]) -> String {
    let shown = set.iter().take(LISTED).map(|network| {
        // A prefix of full length is an address.
        let full = if network.is_ipv4() { 32 } else { 128 };
        if network.prefix() == full { network.ip().to_string() } else { network.to_string() }
    });
    let mut words: Vec<String> = shown.collect();
    if set.len() > LISTED {
        words.push("…".to_owned());
    }
    if words.is_empty() {
        "empty".to_owned()
    } else {
        format!("{} ({})", set.len(), words.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::read_order;
    use super::super::samples::{order, signed, trust, with};
    use super::super::verify_order;
    use super::*;

    #[test]
    fn an_order_that_nobody_verified() {
        let order = read_order("o", order().to_string().as_bytes()).unwrap();
        assert_eq!(
            Explanation::new(&order, None).to_string(),
            "\
Order 2027-17-0003, serial 2
NOT VERIFIED: no trust file was given, so nobody's signature was checked

Measure    foreign-to-foreign (外外通信目的送信措置), art. 17 of the Act
Direction  foreign-to-foreign: only packets from abroad to abroad
Approved   2027-10-20T15:00:00+09:00 (2027-10-20T06:00:00Z)
From       2027-11-01T00:00:00+09:00 (2027-10-31T15:00:00Z)
Until      2028-05-01T00:00:00+09:00 (2028-04-30T15:00:00Z), this moment not included
Length     6 months, of 6 months at most
Facility   tyo-gw-1, 100 Gbit/s
Share      at most 30 % of it is inspected

Rules: a packet in that direction is recorded if one of these holds for it
  r1: its source or its destination is in c2, and it is tcp, and its destination port is 443 or 8000-8099

Address sets
  c2: 2 (198.51.100.7, 2001:db8:5::/48)

Warning: no rule uses payload_prefixes.hello
"
        );
    }

    #[test]
    fn a_verified_agreement() {
        let many: Vec<String> = (1..=7).map(|n| format!("192.0.2.{n}")).collect();
        let order = with(&[
            ("/measure", json!("agreement")),
            ("/party", json!({"name": "電力", "prefixes": ["203.0.113.0/24"]})),
            ("/extends", json!({"order_id": "a", "serial": 1})),
            ("/address_sets/c2", json!(many)),
            ("/facility/capacity_bps", json!(1_500_000_000)),
            ("/rules/0", json!({"id": "r", "source": "c2", "destination": "c2", "protocol": 132})),
        ]);
        let verified = verify_order("e", signed(&order, &[1, 2, 3]).as_bytes(), &trust()).unwrap();
        let text = Explanation::new(&verified, Some(verified.signers())).to_string();
        for line in [
            "Verified: signed by 3 trusted keys",
            &format!("  holder 1 (key {})", trust().keys()[0].keyid()),
            "Measure    party agreement (当事者協定), art. 15 of the Act",
            "Direction  foreign-to-domestic: only packets from abroad into Japan, and only to the party's own addresses",
            "Party      電力: 1 (203.0.113.0/24)",
            "Concluded  2027-10-20T15:00:00+09:00 (2027-10-20T06:00:00Z)",
            "Extends    order a, serial 1",
            "Facility   tyo-gw-1, 1500 Mbit/s",
            "  r: its source is in c2, and its destination is in c2, and it is IP protocol 132",
            "  c2: 7 (192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4, 192.0.2.5, …)",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(!text.contains("NOT VERIFIED"));
    }
}
