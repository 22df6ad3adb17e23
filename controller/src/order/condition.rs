//! The conditions of a rule, for all code that carries out, checks or explains a rule.
//!
//! A rule selects more if code forgets one of its conditions. So [`Rule::conditions`] names every field of a
//! rule, and code matches every [`Condition`] without a wildcard: a new field does not compile until all of it
//! handles the field.
//!
//! ```compile_fail,E0004
//! use controller::order::condition::Condition;
//!
//! fn field(condition: Condition<'_>) -> &'static str {
//!     match condition {
//!         Condition::Source(_) => "source",
//!         Condition::Destination(_) => "destination",
//!         Condition::Either(_) => "either",
//!         Condition::Payload(_) => "payload",
//!         // The protocol and the ports are forgotten.
//!     }
//! }
//! ```

use super::document::Rule;
use super::traffic::{PortRange, Protocol};

/// One condition of a rule. A rule matches if all of its conditions hold (L-SELECT).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Condition<'a> {
    /// The source is in this address set.
    Source(&'a str),
    /// The destination is in this address set.
    Destination(&'a str),
    /// Source or destination is in this address set.
    Either(&'a str),
    /// The payload begins with a member of this payload prefix set.
    Payload(&'a str),
    /// The IP protocol is this one.
    Protocol(Protocol),
    /// The source port is in one of these ranges; never empty.
    SourcePorts(&'a [PortRange]),
    /// The destination port is in one of these ranges; never empty.
    DestinationPorts(&'a [PortRange]),
}

/// The kind of a condition, as art. 22(2) counts conditions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConditionKind {
    /// Addresses of equipment: 22(2)(i).
    Address,
    /// Command information: 22(2)(ii).
    Payload,
    /// Protocol and ports, which together are one condition: 22(2)(iii).
    Traffic,
}

impl ConditionKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Address, Self::Payload, Self::Traffic];

    /// The name in criteria.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Payload => "payload",
            Self::Traffic => "protocol-ports",
        }
    }
}

impl<'a> Condition<'a> {
    /// The field of the rule that holds it.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Source(_) => "source",
            Self::Destination(_) => "destination",
            Self::Either(_) => "either",
            Self::Payload(_) => "payload",
            Self::Protocol(_) => "protocol",
            Self::SourcePorts(_) => "source_ports",
            Self::DestinationPorts(_) => "destination_ports",
        }
    }

    /// Its kind.
    pub const fn kind(self) -> ConditionKind {
        match self {
            Self::Source(_) | Self::Destination(_) | Self::Either(_) => ConditionKind::Address,
            Self::Payload(_) => ConditionKind::Payload,
            Self::Protocol(_) | Self::SourcePorts(_) | Self::DestinationPorts(_) => {
                ConditionKind::Traffic
            }
        }
    }

    /// The address set that it names, if it names one.
    pub const fn address_set(self) -> Option<&'a str> {
        match self {
            Self::Source(set) | Self::Destination(set) | Self::Either(set) => Some(set),
            Self::Payload(_)
            | Self::Protocol(_)
            | Self::SourcePorts(_)
            | Self::DestinationPorts(_) => None,
        }
    }

    /// The payload prefix set that it names, if it names one.
    pub const fn payload_set(self) -> Option<&'a str> {
        match self {
            Self::Payload(set) => Some(set),
            Self::Source(_)
            | Self::Destination(_)
            | Self::Either(_)
            | Self::Protocol(_)
            | Self::SourcePorts(_)
            | Self::DestinationPorts(_) => None,
        }
    }
}

impl Rule {
    /// All of its conditions, in the order in which they are explained to people.
    pub fn conditions(&self) -> impl Iterator<Item = Condition<'_>> {
        // Without `..`: a new field does not compile until it is handled here.
        let Self {
            id: _,
            source,
            destination,
            either,
            payload,
            protocol,
            source_ports,
            destination_ports,
        } = self;
        let ports = |ranges: &[PortRange]| !ranges.is_empty();
        [
            source.as_deref().map(Condition::Source),
            destination.as_deref().map(Condition::Destination),
            either.as_deref().map(Condition::Either),
            payload.as_deref().map(Condition::Payload),
            protocol.map(Condition::Protocol),
            ports(source_ports).then_some(Condition::SourcePorts(source_ports)),
            ports(destination_ports).then_some(Condition::DestinationPorts(destination_ports)),
        ]
        .into_iter()
        .flatten()
    }

    /// Whether one of its conditions is of this kind.
    pub fn names(&self, kind: ConditionKind) -> bool {
        self.conditions().any(|condition| condition.kind() == kind)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::order;
    use super::*;

    #[test]
    fn a_rule_has_the_conditions_that_are_written_in_it() {
        let order = super::super::Order::read("o.json", order().to_string().as_bytes()).unwrap();
        let rule = &order.rules[0];
        let written = order_fields();
        let named: Vec<&str> = rule.conditions().map(Condition::field).collect();
        assert_eq!(named, written);
        assert!(rule.names(ConditionKind::Address) && rule.names(ConditionKind::Traffic));
    }

    /// The fields of the sample's first rule, in the order of conditions.
    fn order_fields() -> Vec<&'static str> {
        let rule = order()["rules"][0].clone();
        let fields = [
            "source",
            "destination",
            "either",
            "payload",
            "protocol",
            "source_ports",
            "destination_ports",
        ];
        fields.into_iter().filter(|field| rule.get(field).is_some()).collect()
    }
}
