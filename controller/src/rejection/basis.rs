//! Faults of approvals and agreements: what the Act does not allow, whoever signed it.

use super::Requirement;

/// What is wrong with an approval or an agreement.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BasisFault {
    /// No measure that an approval can approve.
    #[error("{0} is no measure that is approved; there are {1}")]
    Measure(String, String),
    /// Another article than 11 and 12.
    #[error("is {0}, but an agreement rests on article 11 or 12")]
    Article(u64),
    /// A term that ends before it begins.
    #[error("the term ends at {end}, not after it begins at {start}")]
    Backwards {
        /// Its end.
        end: String,
        /// Its begin.
        start: String,
    },
    /// A term that is longer than the Act allows.
    #[error("the term ends at {end}, but {months} calendar months end at {latest}")]
    TooLong {
        /// Its end.
        end: String,
        /// The most months.
        months: u8,
        /// The latest end.
        latest: String,
    },
    /// A term beyond the calendar.
    #[error("the calendar ends before the longest term does")]
    Calendar,
    /// A term that begins before it was approved or concluded.
    #[error("the term starts at {start}, before the {what} at {at}")]
    Early {
        /// Its begin.
        start: String,
        /// What comes later than that.
        what: &'static str,
        /// When.
        at: String,
    },
    /// A term that begins long after the approval.
    #[error("the term starts at {start}, more than 30 days after the approval at {at}")]
    Late {
        /// Its begin.
        start: String,
        /// When it was approved.
        at: String,
    },
    /// No capacity.
    #[error("must be above 0")]
    NoCapacity,
    /// A share that the Act does not allow.
    #[error("{share} % is not within 1 to {largest} % for {measure}")]
    Share {
        /// In percent.
        share: u64,
        /// In percent.
        largest: u8,
        /// The measure.
        measure: &'static str,
    },
    /// No sensor.
    #[error("names no sensor, so that none could select")]
    NoSensor,
    /// A sensor's share that is nothing, or more than everything.
    #[error("{0} % is not within 1 to 100 %")]
    SensorShare(u64),
    /// Shares that together are more than the approved one.
    #[error(
        "the sensors' shares are {together} % together, more than the {share} % of the facility"
    )]
    Together {
        /// In percent.
        together: u64,
        /// In percent.
        share: u64,
    },
    /// No condition of that name.
    #[error("{0} is no condition; there are address, payload and protocol-ports")]
    Condition(String),
    /// A retention period that the Act does not know.
    #[error("{0} is not within 1 to 2 years")]
    Retention(u64),
    /// No ground of provision.
    #[error("{0} is no ground of the Act's list; there are {1}")]
    Ground(String, String),
    /// No consent that the Act asks for.
    #[error("{0} is no consent that the Act asks for; there are 23(4)(i) and 38(3)")]
    Consent(String),
    /// A prefix that covers everything, or nearly.
    #[error("{prefix} is wider than /{least}, and no party's")]
    Wide {
        /// The prefix.
        prefix: String,
        /// The shortest length.
        least: u8,
    },
    /// An agreement without addresses.
    #[error("an agreement selects only packets to the party's addresses, and there are none")]
    NoPrefix,
    /// An extension of itself, or of what comes later.
    #[error(
        "extends an earlier one, and serial {earlier} is not earlier than its own serial {own}"
    )]
    NotEarlier {
        /// The serial that it names.
        earlier: u64,
        /// Its own.
        own: u64,
    },
}

impl BasisFault {
    /// The requirement behind it.
    pub const fn requirement(&self) -> Option<Requirement> {
        Some(match self {
            Self::Measure(..) | Self::Wide { .. } | Self::NoPrefix => Requirement::Measure,
            Self::Article(_) | Self::Consent(_) => Requirement::Agree,
            Self::Backwards { .. } | Self::TooLong { .. } | Self::Calendar | Self::Late { .. } => {
                Requirement::Term
            }
            Self::Early { .. } => Requirement::Approve,
            Self::NoCapacity
            | Self::Share { .. }
            | Self::NoSensor
            | Self::SensorShare(_)
            | Self::Together { .. } => Requirement::Cap,
            Self::Condition(_) => Requirement::Select,
            Self::Retention(_) => Requirement::Keep,
            Self::Ground(..) => Requirement::Use,
            Self::NotEarlier { .. } => Requirement::Extend,
        })
    }
}
