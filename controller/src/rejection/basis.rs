//! Faults of approvals and agreements: what the Act does not allow them to say, whoever signed them.

use super::Requirement;

/// What is wrong with an approval or an agreement.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BasisFault {
    /// Not a measure that can be approved: the quoted text, and the measures that can.
    #[error("{0} is no measure that is approved; there are {1}")]
    Measure(String, String),
    /// An agreement under another article than 11 and 12.
    #[error("is {0}, but an agreement rests on article 11 or 12")]
    Article(u64),
    /// A term that ends before it begins.
    #[error("the term ends at {end}, not after it begins at {start}")]
    Backwards {
        /// When it ends.
        end: String,
        /// When it begins.
        start: String,
    },
    /// A term that is longer than the Act allows.
    #[error("the term ends at {end}, but {months} calendar months end at {latest}")]
    TooLong {
        /// When it ends.
        end: String,
        /// The longest term, in calendar months.
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
        /// When it begins.
        start: String,
        /// What comes later: the approval or the conclusion.
        what: &'static str,
        /// When that was.
        at: String,
    },
    /// A term that begins long after the approval.
    #[error("the term starts at {start}, more than 30 days after the approval at {at}")]
    Late {
        /// When it begins.
        start: String,
        /// When it was approved.
        at: String,
    },
    /// A capacity of 0.
    #[error("must be above 0")]
    NoCapacity,
    /// A share that the Act does not allow.
    #[error("{share} % is not within 1 to {largest} % for {measure}")]
    Share {
        /// The share, in percent.
        share: u64,
        /// The largest share that the Act allows, in percent.
        largest: u8,
        /// The measure.
        measure: &'static str,
    },
    /// A facility that names no sensor.
    #[error("names no sensor, so that none could select")]
    NoSensor,
    /// A sensor's share, in percent, that is 0 or above 100.
    #[error("{0} % is not within 1 to 100 %")]
    SensorShare(u64),
    /// Shares of sensors whose sum is above the approved share.
    #[error(
        "the sensors' shares are {together} % together, more than the {share} % of the facility"
    )]
    Together {
        /// Their sum, in percent.
        together: u64,
        /// The approved share, in percent.
        share: u64,
    },
    /// Not the name of a kind of conditions; quoted.
    #[error("{0} is no condition; there are address, payload and protocol-ports")]
    Condition(String),
    /// A retention period, in years, that the Act does not allow.
    #[error("{0} is not within 1 to 2 years")]
    Retention(u64),
    /// Not a ground of the Act's list: the quoted text, and the list.
    #[error("{0} is no ground of the Act's list; there are {1}")]
    Ground(String, String),
    /// Not a consent that the Act asks for; quoted.
    #[error("{0} is no consent that the Act asks for; there are 23(4)(i) and 38(3)")]
    Consent(String),
    /// A prefix that is too wide to be a party's own.
    #[error("{prefix} is wider than /{least}, and no party's")]
    Wide {
        /// The prefix.
        prefix: String,
        /// The shortest length allowed.
        least: u8,
    },
    /// An agreement whose party has no addresses.
    #[error("an agreement selects only packets to the party's addresses, and there are none")]
    NoPrefix,
    /// A basis that extends its own serial or a higher one.
    #[error(
        "extends an earlier one, and serial {earlier} is not earlier than its own serial {own}"
    )]
    NotEarlier {
        /// The serial that it extends.
        earlier: u64,
        /// Its own serial.
        own: u64,
    },
}

impl BasisFault {
    /// The requirement of the Act behind it.
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
