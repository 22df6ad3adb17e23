//! What orders rest on: the commission's approval (schema `sekisho.approval/v1`, L-APPROVE) or an agreement
//! (schema `sekisho.agreement/v1`, L-AGREE). Both fix a measure's term, facility and criteria; they
//! differ in their [`Grounds`].
//!
//! | file | job |
//! |---|---|
//! | `reading` | both documents, field by field |
//! | `facility` | where, and how much of it (L-CAP) |
//! | `criteria` | what an order under it may select by (選別条件設定基準) |
//! | `statute` | what the Act allows |

use ipnetwork::IpNetwork;
use jiff::Timestamp;

use super::measure::Measure;
use super::name::{BasisKey, BasisKind};
use super::role::Role;
use crate::rejection::Rejections;

pub mod criteria;
mod facility;
mod reading;
mod statute;

pub use criteria::Criteria;
pub use facility::Facility;

/// The closed list of grounds on which records may be provided (23(4); `docs/law.md`).
pub const GROUNDS: [&str; 15] = [
    "16",
    "23(4)(i)",
    "23(4)(iii)",
    "23(4)(iv)",
    "27(3)",
    "28",
    "38(1)",
    "38(2)",
    "38(4)",
    "39",
    "40",
    "41",
    "42",
    "45(3)",
    "72(3)",
];

/// An approval or an agreement: one measure, at one facility, for one term, under criteria.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Basis {
    /// Its name.
    pub key: BasisKey,
    /// Why the measure is lawful.
    pub grounds: Grounds,
    /// When the commission approved it, or the three parties concluded it.
    pub given_at: Timestamp,
    /// The first moment of the term.
    pub not_before: Timestamp,
    /// The first moment after the term (L-TERM).
    pub not_after: Timestamp,
    /// The earlier basis that this one extends (L-EXTEND).
    pub extends: Option<BasisKey>,
    /// Where the measure is carried out.
    pub facility: Facility,
    /// What orders under it may select by.
    pub criteria: Criteria,
    /// What may be done with the records.
    pub handling: Handling,
}

/// What only an approval says, or only an agreement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Grounds {
    /// An approval (arts. 18, 32, 33).
    Approval {
        /// The measure; never [`Measure::Agreement`].
        measure: Measure,
        /// The act that the measure is against (対象不正行為).
        act: TargetAct,
    },
    /// An agreement (arts. 11-13).
    Agreement {
        /// 11 or 12.
        article: u8,
        /// The party.
        party: Party,
        /// What is analysed, and for what purpose (L-AGREE): free text on one line.
        analysis: String,
        /// What else the party has consented to: `23(4)(i)`, `38(3)`.
        consents: Vec<String>,
    },
}

/// The act that a measure is against (対象不正行為).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TargetAct {
    /// Its name.
    pub id: String,
    /// What it is: free text on one line.
    pub title: String,
}

/// The party of an agreement (協定当事者).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Party {
    /// Its id, as the role `party:<id>` names it.
    pub id: String,
    /// Its name: free text on one line.
    pub name: String,
    /// Its own addresses; never empty.
    pub prefixes: Vec<IpNetwork>,
}

/// Conditions on the handling of records.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Handling {
    /// How many years they are kept at most, counted as L-KEEP says.
    pub retention_years: Option<u8>,
    /// Grounds of [`GROUNDS`] on which they are not provided.
    pub barred_grounds: Vec<String>,
}

impl Basis {
    /// Reads the payload of an approval or an agreement and makes every check but the signatures.
    ///
    /// # Errors
    ///
    /// All that is wrong, with the fields that are wrong.
    pub fn read(kind: BasisKind, file: &str, payload: &[u8]) -> Result<Self, Rejections> {
        reading::basis(kind, file, payload)
    }

    /// The measure, which fixes direction and longest term (L-MEASURE, L-TERM).
    pub const fn measure(&self) -> Measure {
        match &self.grounds {
            Grounds::Approval { measure, .. } => *measure,
            Grounds::Agreement { .. } => Measure::Agreement,
        }
    }

    /// The party, whose own addresses are the only destination (L-MEASURE).
    pub const fn party(&self) -> Option<&Party> {
        match &self.grounds {
            Grounds::Approval { .. } => None,
            Grounds::Agreement { party, .. } => Some(party),
        }
    }

    /// The roles that must sign it.
    pub fn roles(&self) -> Vec<Role> {
        match &self.grounds {
            Grounds::Approval { .. } => vec![Role::Commission],
            Grounds::Agreement { party, .. } => {
                vec![Role::CabinetOffice, Role::Party(party.id.clone()), Role::Carrier]
            }
        }
    }

    /// Whether it is a higher serial of `earlier` that does not extend it. Such a basis only narrows (L-EXTEND).
    pub fn amends(&self, earlier: &Self) -> bool {
        self.key.kind == earlier.key.kind
            && self.key.id == earlier.key.id
            && self.key.serial > earlier.key.serial
            && self.extends.as_ref() != Some(&earlier.key)
    }

    /// Whether it follows `earlier`: as its extension, or as a higher serial of it.
    pub fn follows(&self, earlier: &Self) -> bool {
        self.extends.as_ref() == Some(&earlier.key) || self.amends(earlier)
    }
}

#[cfg(test)]
mod tests;
