//! Faults of orders: conditions that exclude nothing, that the Act does not allow, or that were not approved.

use super::Requirement;

/// What is wrong with what an order selects by.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SelectionFault {
    /// An order without rules.
    #[error("there is no rule, so nothing to select")]
    NoRule,
    /// More of something than one order may have.
    #[error("{count} {what}, but {limit} is the limit")]
    Many {
        /// How many.
        count: usize,
        /// What they are.
        what: &'static str,
        /// The most that are allowed.
        limit: usize,
    },
    /// A rule without a condition.
    #[error("names no condition")]
    NoCondition,
    /// A rule with `either` beside `source` or `destination`.
    #[error("excludes source and destination")]
    Either,
    /// Two rules of one name; quoted.
    #[error("{0} names two rules")]
    RuleTwice(String),
    /// Ports of a protocol that has none; its name.
    #[error("can never match: {0} has no ports, only tcp and udp have")]
    NoPorts(String),
    /// Payload of a protocol whose payload is not compared; its name.
    #[error("can never match: only tcp and udp payloads are compared, not {0}")]
    NoPayload(String),
    /// A rule names a set that the order does not have: its kind, and its quoted name.
    #[error("there is no {0} {1}")]
    NoSet(&'static str, String),
    /// A rule names an address set without members; its quoted name.
    #[error("the address set {0} is empty")]
    EmptySet(String),
    /// A list of ports that excludes no port.
    #[error("covers all 65,536 ports, which excludes nothing and is no condition")]
    AllPorts,
    /// A prefix that is wider than any criteria allow.
    #[error("{prefix} is wider than /{least}, the widest that any criteria allow")]
    Wide {
        /// The prefix.
        prefix: String,
        /// The shortest length allowed.
        least: u8,
    },
    /// A set that covers too much, all its members together.
    #[error(
        "covers {thousandths} thousandths of the {family} address space; above 1 it is no condition"
    )]
    Broad {
        /// The share of the address space, in thousandths, with one decimal.
        thousandths: String,
        /// The IP version.
        family: &'static str,
    },
    /// A payload prefix that is shorter than any criteria allow.
    #[error("compares {length} bytes, but fewer than {least} exclude too little to be a condition")]
    ShortPayload {
        /// What it compares, in bytes.
        length: usize,
        /// The fewest bytes allowed.
        least: u8,
    },
    /// A rule with one condition where two are needed; a note that completes the sentence.
    #[error("needs two of: addresses, payload, protocol and ports (which together are one){0}")]
    OneCondition(&'static str),
    /// A rule with neither addresses nor payload; a note that completes the sentence.
    #[error("needs an address set or a payload prefix among its conditions{0}")]
    NothingTelling(&'static str),
    /// A rule under art. 32 or 33 that does not name the foreign end.
    #[error("art. {article} needs `{field}` or `payload` among the conditions")]
    NotSpecific {
        /// The article.
        article: u8,
        /// The field that names the foreign end.
        field: &'static str,
    },
    /// The same for a rule with `either`, which the domestic end may meet as well.
    #[error("art. {article} selects by the {field}: write `{field}` instead of `either`")]
    NotEither {
        /// The article.
        article: u8,
        /// The field that names the foreign end.
        field: &'static str,
    },
    /// A condition of a kind that was not approved.
    #[error("is a condition of kind {kind}, and the criteria of {basis} allow {allowed}")]
    Kind {
        /// Its kind.
        kind: &'static str,
        /// The name of the basis whose criteria these are.
        basis: String,
        /// The kinds that were approved.
        allowed: String,
    },
    /// More than the criteria allow.
    #[error("{count} {what}, but the criteria of {basis} allow {most}")]
    BeyondCriteria {
        /// How many.
        count: usize,
        /// What they are.
        what: &'static str,
        /// The name of the basis whose criteria these are.
        basis: String,
        /// The most that are allowed.
        most: u64,
    },
    /// A prefix that is wider than the criteria allow.
    #[error("{prefix} is wider than /{least}, the widest that the criteria of {basis} allow")]
    WiderThanCriteria {
        /// The prefix.
        prefix: String,
        /// The shortest length allowed.
        least: u8,
        /// The name of the basis whose criteria these are.
        basis: String,
    },
    /// A payload prefix that is shorter than the criteria allow.
    #[error("compares {length} bytes, but the criteria of {basis} ask for {least}")]
    ShorterThanCriteria {
        /// What it compares, in bytes.
        length: usize,
        /// The fewest bytes allowed.
        least: u8,
        /// The name of the basis whose criteria these are.
        basis: String,
    },
    /// A protocol that was not approved, or no protocol where criteria ask for one.
    #[error("{protocol}, but the criteria of {basis} allow only {allowed}")]
    Protocol {
        /// What the rule says, as the beginning of the sentence.
        protocol: String,
        /// The name of the basis whose criteria these are.
        basis: String,
        /// The protocols that were approved.
        allowed: String,
    },
    /// A term that ends before it begins.
    #[error("the term ends at {end}, not after it begins at {start}")]
    Backwards {
        /// When it ends.
        end: String,
        /// When it begins.
        start: String,
    },
    /// A term that begins before that of the basis.
    #[error("the term starts at {start}, before that of {basis} at {at}")]
    BeforeBasis {
        /// When it begins.
        start: String,
        /// The name of the basis.
        basis: String,
        /// When the term of the basis begins.
        at: String,
    },
    /// A term that ends after that of the basis.
    #[error("the term ends at {end}, after that of {basis} at {at}")]
    AfterBasis {
        /// When it ends.
        end: String,
        /// The name of the basis.
        basis: String,
        /// When the term of the basis ends.
        at: String,
    },
    /// A basis that was neither given nor installed; its name.
    #[error("{0} is not there: give it with the order, or install it before")]
    NoBasis(String),
    /// The digest in the order is not that of its basis.
    #[error("is not the SHA-256 of {basis}, which is {digest}")]
    OtherBasis {
        /// The name of the basis.
        basis: String,
        /// The digest of the basis.
        digest: String,
    },
}

impl SelectionFault {
    /// The requirement of the Act behind it.
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
