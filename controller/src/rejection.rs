//! Why an input file was refused: one line that names the file, the field, the reason and the
//! requirement of the Act behind it. Every refused order, trust, direction or configuration file
//! ends here, and `main` turns it into exit status 3.

use std::fmt;

use crate::shown::misleads;

/// A requirement derived from the Act (Act No. 42 of 2025); `docs/law.md` states each.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Requirement {
    /// Arts. 11, 17, 32, 33: every packet has one direction, judged from its IP addresses.
    Dir,
    /// Arts. 15, 17, 32, 33: each measure is bound to one direction.
    Measure,
    /// Art. 18: no selection without an approval.
    Approve,
    /// Arts. 17(3), 32(2), 33(2): at most six or three calendar months.
    Term,
    /// Art. 19: only a new approval extends a term.
    Extend,
    /// Arts. 22(2), 35(2): the conditions that a selection rule must combine.
    Select,
    /// Art. 17(1): at most 30 % of the facility's capacity.
    Cap,
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
            Self::Term => "L-TERM",
            Self::Extend => "L-EXTEND",
            Self::Select => "L-SELECT",
            Self::Cap => "L-CAP",
            Self::Min => "L-MIN",
        }
    }
}

/// An input file that was refused whole.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub struct Rejection {
    file: String,
    field: Option<String>,
    reason: String,
    requirement: Option<Requirement>,
}

impl Rejection {
    /// Refuses `file` for `reason`, which is one line without a full stop.
    pub fn new(file: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { file: file.into(), field: None, reason: reason.into(), requirement: None }
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

    /// The requirement that the file would break, if the reason is one of law.
    pub const fn requirement(&self) -> Option<Requirement> {
        self.requirement
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What comes out of a file may hold control characters; a message is always one line.
        write!(f, "{}: ", OneLine(&self.file))?;
        if let Some(field) = &self.field {
            write!(f, "{}: ", OneLine(field))?;
        }
        write!(f, "{}", OneLine(&self.reason))?;
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

/// Why something was not done: a file was refused, or the system or another process stands in the way.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// What is wrong: the first thing, but every order that is refused.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Rejected(Vec<Rejection>),
    /// The system refuses, or another process has the state.
    #[error("{0}")]
    Failed(String),
}

impl From<Rejection> for Fault {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(vec![rejection])
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
