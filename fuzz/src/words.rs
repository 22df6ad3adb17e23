//! What every message for people must be.

use std::fmt::Display;

/// Checks that a refusal is one line of bounded length, names its file first and hides nothing.
pub(crate) fn check_line(message: impl Display, file: &str) {
    let text = message.to_string();
    assert!(text.starts_with(&format!("{file}: ")), "does not name its file: {text:?}");
    check_text(&text);
}

/// Checks that a message is one line of bounded length in which nothing is hidden.
pub(crate) fn check_text(text: &str) {
    assert!(!text.chars().any(char::is_control), "a control character: {text:?}");
    // Zero-width characters and those that turn the direction of writing.
    let hidden = |c| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{feff}');
    assert!(!text.chars().any(hidden), "a hidden character: {text:?}");
    assert!(text.len() <= 4_096, "{} bytes: {text:?}", text.len());
    assert!(!text.is_empty() && text.trim() == text, "blank at an end: {text:?}");
}
