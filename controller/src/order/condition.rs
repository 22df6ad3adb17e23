//! The conditions of a rule, for all code that carries out, checks or explains a rule.
//!
//! A rule selects more if code forgets one of its conditions. So [`Rule::conditions`](super::selection::Rule::conditions) names every field of a
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
