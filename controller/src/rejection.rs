//! Why an input file was refused: one line that names the file, the field, the reason and the requirement of the
//! Act behind it. Every order, trust, direction or configuration file that is refused gets a [`Rejection`], and
//! `main` turns it into exit status 3.

use std::collections::HashSet;
use std::fmt;

mod audit;
mod basis;
mod following;
mod form;
mod selection;
mod signing;
mod state;
mod trust;

pub use audit::AuditFault;
pub use basis::BasisFault;
pub use following::FollowingFault;
pub use form::FormFault;
pub use selection::SelectionFault;
pub use signing::SigningFault;
pub use state::StateFault;
pub use trust::TrustFault;

use crate::shown::misleads;

/// A requirement derived from the Act (Act No. 42 of 2025); `docs/law.md` states each.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Requirement {
    /// Arts. 11, 17, 32, 33: every packet has one direction, judged from its IP addresses.
    Dir,
    /// Arts. 15, 17, 32, 33: each measure is bound to one direction.
    Measure,
    /// Arts. 17, 18, 32, 33: nothing is selected without an approval or outside of one.
    Approve,
    /// Arts. 11-15: three conclude an agreement, and its contents bind the measure.
    Agree,
    /// Arts. 17(3), 32(2), 33(2): at most six or three calendar months.
    Term,
    /// Art. 19: only a new approval or agreement extends a term.
    Extend,
    /// Arts. 22(2), 35(2): the conditions that a selection rule must combine.
    Select,
    /// Art. 17(1): at most 30 % of the facility's capacity.
    Cap,
    /// Art. 23: records are provided only on grounds of a closed list.
    Use,
    /// Art. 25: records are kept for a fixed period of at most two years.
    Keep,
    /// Art. 2-2: the minimum necessary.
    Min,
}

impl Requirement {
    /// The stable identifier, for example `L-TERM`.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Dir => "L-DIR",
            Self::Measure => "L-MEASURE",
            Self::Approve => "L-APPROVE",
            Self::Agree => "L-AGREE",
            Self::Term => "L-TERM",
            Self::Extend => "L-EXTEND",
            Self::Select => "L-SELECT",
            Self::Cap => "L-CAP",
            Self::Use => "L-USE",
            Self::Keep => "L-KEEP",
            Self::Min => "L-MIN",
        }
    }
}

/// Why a file was refused. There is one enum for each area, so that a tool can tell reasons apart without reading
/// English.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Reason {
    /// A reason without a type of its own, of a file that is no signed document.
    #[error("{0}")]
    Other(String),
    /// The form of any JSON document.
    #[error(transparent)]
    Form(#[from] FormFault),
    /// What a trust file says.
    #[error(transparent)]
    Trust(#[from] TrustFault),
    /// Who signed what.
    #[error(transparent)]
    Signing(#[from] SigningFault),
    /// What an approval or an agreement says.
    #[error(transparent)]
    Basis(#[from] BasisFault),
    /// What an order says.
    #[error(transparent)]
    Selection(#[from] SelectionFault),
    /// What a document follows, and what was accepted before it.
    #[error(transparent)]
    Following(#[from] FollowingFault),
    /// A state directory.
    #[error(transparent)]
    State(#[from] StateFault),
    /// An audit file.
    #[error(transparent)]
    Audit(#[from] AuditFault),
}

impl Reason {
    /// The requirement of the Act behind it, if there is one.
    pub const fn requirement(&self) -> Option<Requirement> {
        match self {
            Self::Other(_) | Self::Audit(_) => None,
            Self::Form(fault) => fault.requirement(),
            Self::Trust(_) | Self::Signing(_) => Some(Requirement::Approve),
            Self::Basis(fault) => fault.requirement(),
            Self::Selection(fault) => fault.requirement(),
            Self::Following(fault) => Some(fault.requirement()),
            Self::State(fault) => fault.requirement(),
        }
    }
}

impl From<String> for Reason {
    fn from(text: String) -> Self {
        Self::Other(text)
    }
}

impl From<&str> for Reason {
    fn from(text: &str) -> Self {
        Self::Other(text.to_owned())
    }
}

/// An input file that was refused whole.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub struct Rejection {
    file: String,
    field: Option<String>,
    reason: Box<Reason>,
    requirement: Option<Requirement>,
}

impl Rejection {
    /// Refuses `file` for `reason`, which is one line without a full stop.
    pub fn new(file: impl Into<String>, reason: impl Into<Reason>) -> Self {
        let reason = reason.into();
        let requirement = reason.requirement();
        Self { file: file.into(), field: None, reason: Box::new(reason), requirement }
    }

    /// Why the file was refused.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// Where in the file the reason lies.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// Names where in the file the reason lies: a JSON path (`rules[0].source`) or a line
    /// (`line 7`).
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Names the requirement of the Act that the file would break.
    #[must_use]
    pub const fn under(mut self, requirement: Requirement) -> Self {
        self.requirement = Some(requirement);
        self
    }

    /// The requirement of the Act that the file would break, if there is one.
    pub const fn requirement(&self) -> Option<Requirement> {
        self.requirement
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Text from a file may hold control characters, but a message must stay on one line.
        write!(f, "{}: ", OneLine(&self.file))?;
        if let Some(field) = &self.field {
            write!(f, "{}: ", OneLine(field))?;
        }
        write!(f, "{}", OneLine(&self.reason.to_string()))?;
        if let Some(requirement) = self.requirement {
            write!(f, " [{}]", requirement.id())?;
        }
        Ok(())
    }
}

/// Prints a text with its control characters escaped and its length bounded.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 400;
        for (position, character) in self.0.chars().enumerate() {
            if position == LONGEST {
                return f.write_str("…");
            }
            if character.is_control() || misleads(character) {
                write!(f, "{}", character.escape_debug())?;
            } else {
                write!(f, "{character}")?;
            }
        }
        Ok(())
    }
}

/// All rejections of one attempt; never empty. Displayed on one line each.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Rejections(Vec<Rejection>);

impl Rejections {
    /// Succeeds if nothing was rejected. Of rejections that read the same, because a name stands often or was cut,
    /// the first remains.
    ///
    /// # Errors
    /// All rejections, if there are any.
    pub fn none(mut found: Vec<Rejection>) -> Result<(), Self> {
        let mut lines = HashSet::new();
        found.retain(|rejection| lines.insert(rejection.to_string()));
        if found.is_empty() { Ok(()) } else { Err(Self(found)) }
    }

    /// Iterates over the rejections.
    pub fn iter(&self) -> std::slice::Iter<'_, Rejection> {
        self.0.iter()
    }
}

impl AsRef<[Rejection]> for Rejections {
    fn as_ref(&self) -> &[Rejection] {
        &self.0
    }
}

impl From<Rejection> for Rejections {
    fn from(rejection: Rejection) -> Self {
        Self(vec![rejection])
    }
}

impl IntoIterator for Rejections {
    type Item = Rejection;
    type IntoIter = std::vec::IntoIter<Rejection>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Rejections {
    type Item = &'a Rejection;
    type IntoIter = std::slice::Iter<'a, Rejection>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// Why something was not done: a file was refused, or the system or another process prevents it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Files were refused.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Rejected(Vec<Rejection>),
    /// The system refuses, or another process holds the state.
    #[error("{0}")]
    Failed(String),
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(vec![rejection])
    }
}

impl From<Rejections> for Failure {
    fn from(rejections: Rejections) -> Self {
        Self::Rejected(rejections.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_file_field_reason_and_requirement() {
        let rejection =
            Rejection::new("a.json", "ends too late").at("not_after").under(Requirement::Term);
        assert_eq!(rejection.to_string(), "a.json: not_after: ends too late [L-TERM]");
    }

    #[test]
    fn stays_on_one_line_whatever_the_file_holds() {
        let rejection = Rejection::new("a.json", "unknown field `x\ny\u{1b}[2J`");
        assert_eq!(rejection.to_string(), "a.json: unknown field `x\\ny\\u{1b}[2J`");
        // Nor does it look like another line: U+202E would write the rest from right to left.
        let turned = Rejection::new("a.json", "is `\u{202e}b`").to_string();
        assert_eq!(turned, "a.json: is `\\u{202e}b`");
        let long = Rejection::new("a.json", "x".repeat(10_000)).to_string();
        assert!(long.chars().count() < 500, "{}", long.len());
    }
}
