//! The criteria under which the Cabinet Office sets the conditions of selection (選別条件設定基準): what was
//! approved, in a form that a machine can check (L-APPROVE). `statute` checks whether an order is within them.

use crate::order::condition::ConditionKind;
use crate::order::json::{Faults, Fields, quote};
use crate::order::traffic::Protocol;
use crate::order::{name, payload};
use crate::rejection::{BasisFault, FormFault};

/// The shortest prefix that any criteria may allow in IPv4.
pub const LEAST_IPV4: u8 = 8;
/// The shortest prefix that any criteria may allow in IPv6.
pub const LEAST_IPV6: u8 = 16;
/// The shortest payload prefix that any criteria may allow, in bytes.
pub const LEAST_PAYLOAD: u8 = 4;

/// What orders may select by.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Criteria {
    /// The kinds of conditions that their rules may name; never empty.
    pub conditions: Vec<ConditionKind>,
    /// The most addresses, prefixes and payload prefixes that an order may list.
    pub max_selectors: u64,
    /// The most rules that an order may have.
    pub max_rules: u64,
    /// The shortest prefixes that an order may list.
    pub min_prefix_length: PrefixLengths,
    /// The fewest bytes of payload that a payload prefix may compare.
    pub min_payload_length: u8,
    /// The protocols of which every rule must name one. `None`: a rule may name any protocol, or none.
    pub protocols: Option<Vec<Protocol>>,
}

/// A prefix length for each IP version.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PrefixLengths {
    /// In IPv4.
    pub ipv4: u8,
    /// In IPv6.
    pub ipv6: u8,
}

impl PrefixLengths {
    /// The length for the IP version of a prefix.
    pub const fn of(self, network: &ipnetwork::IpNetwork) -> u8 {
        match network {
            ipnetwork::IpNetwork::V4(_) => self.ipv4,
            ipnetwork::IpNetwork::V6(_) => self.ipv6,
        }
    }
}

pub(super) fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Option<Criteria> {
    let conditions = conditions(&mut fields, faults);
    let max_selectors = name::count(&mut fields, "max_selectors", faults);
    let max_rules = name::count(&mut fields, "max_rules", faults);
    let lengths = fields.object("min_prefix_length", faults).and_then(|mut lengths| {
        let ipv4 = within(&mut lengths, "ipv4", LEAST_IPV4, 32, faults);
        let ipv6 = within(&mut lengths, "ipv6", LEAST_IPV6, 128, faults);
        lengths.end(faults);
        Some(PrefixLengths { ipv4: ipv4?, ipv6: ipv6? })
    });
    let longest = u8::try_from(payload::LONGEST).unwrap_or(u8::MAX);
    let payload = within(&mut fields, "min_payload_length", LEAST_PAYLOAD, longest, faults);
    let protocols = protocols(&mut fields, faults);
    fields.end(faults);
    Some(Criteria {
        conditions: conditions?,
        max_selectors: max_selectors?,
        max_rules: max_rules?,
        min_prefix_length: lengths?,
        min_payload_length: payload?,
        protocols: protocols?,
    })
}

fn within(
    fields: &mut Fields<'_>,
    field: &'static str,
    low: u8,
    high: u8,
    faults: &mut Faults,
) -> Option<u8> {
    let value: u64 = fields.take(field, faults)?;
    match u8::try_from(value) {
        Ok(number) if (low..=high).contains(&number) => Some(number),
        _ => {
            let fault = FormFault::Range { value, low: low.into(), high: high.into() };
            faults.add(&fields.at(field), fault);
            None
        }
    }
}

fn conditions(fields: &mut Fields<'_>, faults: &mut Faults) -> Option<Vec<ConditionKind>> {
    let list: Vec<String> = fields.take("conditions", faults)?;
    let here = fields.at("conditions");
    if list.is_empty() {
        faults.add(&here, FormFault::Empty);
    }
    let mut kinds = Vec::new();
    for (index, text) in list.iter().enumerate() {
        match ConditionKind::ALL.into_iter().find(|kind| kind.name() == text) {
            None => faults.add(&here.member(index), BasisFault::Condition(quote(text))),
            Some(kind) if kinds.contains(&kind) => {
                faults.add(&here.member(index), FormFault::Again(quote(text)));
            }
            Some(kind) => kinds.push(kind),
        }
    }
    Some(kinds)
}

#[expect(clippy::option_option, reason = "wrong, absent and present are three outcomes")]
fn protocols(fields: &mut Fields<'_>, faults: &mut Faults) -> Option<Option<Vec<Protocol>>> {
    let Some(list) = fields.may::<Vec<Protocol>>("protocols", faults)? else { return Some(None) };
    let here = fields.at("protocols");
    if list.is_empty() {
        faults.add(&here, FormFault::Empty);
    }
    for (index, protocol) in list.iter().enumerate() {
        if list.iter().take(index).any(|before| before == protocol) {
            faults.add(&here.member(index), FormFault::Again(quote(&protocol.to_string())));
        }
    }
    Some(Some(list))
}
