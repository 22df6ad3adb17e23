//! Text that people write and that the program repeats on terminals, in logs, in lists and in the audit file.
//! One rule holds for all of it, so that no text can pass for something else.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::shown::{misleads, shown};

/// The longest text, in characters.
const LONGEST: usize = 200;

/// A text of 1 to 200 characters on one line that looks like what it is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text(String);

impl Text {
    /// A file's name for messages: characters that are not visible are escaped, and a long name keeps its
    /// end.
    pub fn of_path(path: &Path) -> Self {
        let name = shown(path);
        let name = name.trim();
        let name = match name.char_indices().rev().nth(LONGEST - 1) {
            Some((begin, _)) if begin > 0 => {
                let rest = name.get(begin..).unwrap_or_default();
                format!("…{}", rest.chars().skip(1).collect::<String>().trim_start())
            }
            _ => name.to_owned(),
        };
        Self(if name.is_empty() { "?".to_owned() } else { name })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is refused. Completes a sentence that begins with the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TextFault {
    /// Nothing, or white space only.
    #[error("is empty")]
    Empty,
    /// It would steer a terminal, or take more than one line.
    #[error("holds control characters")]
    Control,
    /// It does not look like what it is.
    #[error("holds characters that are invisible or change the direction of writing")]
    Misleading,
    /// White space at an end, which nobody sees.
    #[error("begins or ends with white space")]
    Padded,
    /// More than 200 characters.
    #[error("is longer than {LONGEST} characters")]
    Long,
}

impl TryFrom<String> for Text {
    type Error = TextFault;

    fn try_from(text: String) -> Result<Self, TextFault> {
        check(&text).map(|()| Self(text))
    }
}

impl FromStr for Text {
    type Err = TextFault;

    fn from_str(text: &str) -> Result<Self, TextFault> {
        Self::try_from(text.to_owned())
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0
    }
}

/// Checks a text that a person wrote and another will read.
///
/// # Errors
/// [`TextFault`].
pub(crate) fn check(text: &str) -> Result<(), TextFault> {
    if text.trim().is_empty() {
        return Err(TextFault::Empty);
    }
    if text.chars().any(char::is_control) {
        return Err(TextFault::Control);
    }
    if text.chars().any(misleads) {
        return Err(TextFault::Misleading);
    }
    if text.trim() != text {
        return Err(TextFault::Padded);
    }
    if text.chars().count() > LONGEST {
        return Err(TextFault::Long);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_pass_for_something_else_is_refused() {
        for text in ["N. Sato", "苦情 2027-113", &"x".repeat(LONGEST), "root (uid 0)"] {
            assert_eq!(Text::from_str(text).unwrap().as_str(), text);
        }
        for (text, reason) in [
            ("", "is empty"),
            ("\u{3000}", "is empty"),
            ("a\nsekisho: ready", "holds control characters"),
            ("\u{1b}[2J", "holds control characters"),
            ("\u{7f}", "holds control characters"),
            ("\u{9b}2J", "holds control characters"),
            ("a\u{202e}b", "holds characters that are invisible"),
            ("a\u{200b}b", "holds characters that are invisible"),
            ("a\u{2028}b", "holds characters that are invisible"),
            (" a", "begins or ends with white space"),
            ("a\u{3000}", "begins or ends with white space"),
            (&"x".repeat(LONGEST + 1), "is longer than 200 characters"),
        ] {
            let refusal = Text::from_str(text).unwrap_err().to_string();
            assert!(refusal.starts_with(reason), "{text:?}: {refusal}");
            let json = serde_json::to_string(text).unwrap();
            assert!(serde_json::from_str::<Text>(&json).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_name_of_a_file_is_a_text() {
        let long = format!("/{}/order.dsse", "日".repeat(300));
        for (path, name) in [
            ("order.dsse", "order.dsse"),
            (" a\nb ", "a\\nb"),
            ("", "?"),
            (&long, &format!("…{}/order.dsse", "日".repeat(188))),
        ] {
            let text = Text::of_path(Path::new(path));
            assert_eq!(text.as_str(), name);
            check(text.as_str()).unwrap();
        }
    }
}
