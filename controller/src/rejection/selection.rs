//! Faults of orders: conditions that are none, that the Act does not allow, or that were not approved.

use super::Requirement;

/// What is wrong with what an order selects by.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SelectionFault {
    /// No rule.
    #[error("there is no rule, so nothing to select")]
    NoRule,
    /// More than one order may have.
    #[error("{count} {what}, but {limit} is the limit")]
    Many {
        /// How many.
        count: usize,
        /// What.
        what: &'static str,
        /// The most.
        limit: usize,
    },
    /// A rule without a condition.
    #[error("names no condition")]
    NoCondition,
    /// Fields that exclude each other.
    #[error("excludes source and destination")]
    Either,
    /// Two rules of one name, quoted.
    #[error("{0} names two rules")]
    RuleTwice(String),
    /// Ports of a protocol that has none.
    #[error("can never match: {0} has no ports, only tcp and udp have")]
    NoPorts(String),
    /// Payload of a protocol whose payload is not compared.
    #[error("can never match: only tcp and udp payloads are compared, not {0}")]
    NoPayload(String),
    /// A set that is not there; which kind, quoted name.
    #[error("there is no {0} {1}")]
    NoSet(&'static str, String),
    /// A set without members; quoted name.
    #[error("the address set {0} is empty")]
    EmptySet(String),
    /// Ports that exclude nothing.
    #[error("covers all 65,536 ports, which excludes nothing and is no condition")]
    AllPorts,
    /// A prefix that is wider than any criteria allow.
    #[error("{prefix} is wider than /{least}, the widest that any criteria allow")]
    Wide {
        /// The prefix.
        prefix: String,
        /// The shortest length.
        least: u8,
    },
    /// A set that covers too much, all its members together.
    #[error(
        "covers {thousandths} thousandths of the {family} address space; above 1 it is no condition"
    )]
    Broad {
        /// With one digit behind the point.
        thousandths: String,
        /// The IP version.
        family: &'static str,
    },
    /// A payload prefix that is shorter than any criteria allow.
    #[error("compares {length} bytes, but fewer than {least} exclude too little to be a condition")]
    ShortPayload {
        /// In bytes.
        length: usize,
        /// The least.
        least: u8,
    },
    /// A rule that combines too little.
    #[error("needs two of: addresses, payload, protocol and ports (which together are one){0}")]
    OneCondition(&'static str),
    /// A rule without a telling condition.
    #[error("needs an address set or a payload prefix among its conditions{0}")]
    NothingTelling(&'static str),
    /// A rule under art. 32 or 33 that does not name the foreign end.
    #[error("art. {article} needs `{field}` or `payload` among the conditions")]
    NotSpecific {
        /// The article.
        article: u8,
        /// The field.
        field: &'static str,
    },
    /// The same, with a set that either end may meet.
    #[error("art. {article} selects by the {field}: write `{field}` instead of `either`")]
    NotEither {
        /// The article.
        article: u8,
        /// The field.
        field: &'static str,
    },
    /// A condition of a kind that was not approved.
    #[error("is a condition of kind {kind}, and the criteria of {basis} allow {allowed}")]
    Kind {
        /// Its kind.
        kind: &'static str,
        /// Of what.
        basis: String,
        /// The kinds that were approved.
        allowed: String,
    },
    /// More than the criteria allow.
    #[error("{count} {what}, but the criteria of {basis} allow {most}")]
    BeyondCriteria {
        /// How many.
        count: usize,
        /// What.
        what: &'static str,
        /// Of what.
        basis: String,
        /// The most.
        most: u64,
    },
    /// A prefix that is wider than the criteria allow.
    #[error("{prefix} is wider than /{least}, the widest that the criteria of {basis} allow")]
    WiderThanCriteria {
        /// The prefix.
        prefix: String,
        /// The shortest length.
        least: u8,
        /// Of what.
        basis: String,
    },
    /// A payload prefix that is shorter than the criteria allow.
    #[error("compares {length} bytes, but the criteria of {basis} ask for {least}")]
    ShorterThanCriteria {
        /// In bytes.
        length: usize,
        /// The least.
        least: u8,
        /// Of what.
        basis: String,
    },
    /// A protocol that was not approved, or none where some were.
    #[error("{protocol}, but the criteria of {basis} allow only {allowed}")]
    Protocol {
        /// What the rule names.
        protocol: String,
        /// Of what.
        basis: String,
        /// What was approved.
        allowed: String,
    },
    /// A term that ends before it begins.
    #[error("the term ends at {end}, not after it begins at {start}")]
    Backwards {
        /// Its end.
        end: String,
        /// Its begin.
        start: String,
    },
    /// A term that begins before that of the basis.
    #[error("the term starts at {start}, before that of {basis} at {at}")]
    BeforeBasis {
        /// Its begin.
        start: String,
        /// Under what.
        basis: String,
        /// When that begins.
        at: String,
    },
    /// A term that ends after that of the basis.
    #[error("the term ends at {end}, after that of {basis} at {at}")]
    AfterBasis {
        /// Its end.
        end: String,
        /// Under what.
        basis: String,
        /// When that ends.
        at: String,
    },
    /// A basis that is not there.
    #[error("{0} is not there: give it with the order, or install it before")]
    NoBasis(String),
    /// A basis of that name with other contents.
    #[error("is not the SHA-256 of {basis}, which is {digest}")]
    OtherBasis {
        /// Under what.
        basis: String,
        /// Its digest.
        digest: String,
    },
}

impl SelectionFault {
    /// The requirement behind it.
    pub const fn requirement(&self) -> Option<Requirement> {
        Some(match self {
            Self::Many { .. }
            | Self::NoRule
            | Self::Either
            | Self::RuleTwice(_)
            | Self::NoPorts(_)
            | Self::NoPayload(_)
            | Self::NoSet(..)
            | Self::EmptySet(_) => return None,
            Self::NoCondition
            | Self::AllPorts
            | Self::Wide { .. }
            | Self::Broad { .. }
            | Self::ShortPayload { .. }
            | Self::OneCondition(_)
            | Self::NothingTelling(_)
            | Self::NotSpecific { .. }
            | Self::NotEither { .. } => Requirement::Select,
            Self::Kind { .. }
            | Self::BeyondCriteria { .. }
            | Self::WiderThanCriteria { .. }
            | Self::ShorterThanCriteria { .. }
            | Self::Protocol { .. }
            | Self::NoBasis(_)
            | Self::OtherBasis { .. } => Requirement::Approve,
            Self::Backwards { .. } | Self::BeforeBasis { .. } | Self::AfterBasis { .. } => {
                Requirement::Term
            }
        })
    }
}
