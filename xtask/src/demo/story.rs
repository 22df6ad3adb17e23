//! How the demo looks on a terminal: numbered steps, short sentences, indented blocks.

use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};

use crate::guard;

/// Prints the story as it goes.
#[derive(Debug)]
pub(super) struct Story {
    bold: bool,
    steps: u32,
    /// Whether the last line was blank.
    blank: bool,
}

impl Story {
    /// Opens the story with a title.
    pub(super) fn new(title: &str) -> Self {
        let bold = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let mut story = Self { bold, steps: 0, blank: false };
        story.heading(title);
        story
    }

    /// Begins the next step.
    pub(super) fn step(&mut self, what: &str) {
        self.steps += 1;
        self.heading(&format!("{}. {what}", self.steps));
    }

    /// A sentence or two.
    pub(super) fn say(&mut self, text: impl Display) {
        self.lines("   ", &text.to_string());
    }

    /// Lines to look at: output, tables, files.
    pub(super) fn show(&mut self, lines: impl Display) {
        self.gap();
        self.lines("     ", &lines.to_string());
        self.gap();
    }

    /// Closes the story.
    pub(super) fn end(&mut self, text: &str) {
        self.heading(text);
    }

    fn heading(&mut self, text: &str) {
        let (on, off) = if self.bold { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
        self.gap();
        print(&format!("{on}{text}{off}"));
        self.blank = false;
    }

    fn lines(&mut self, indent: &str, text: &str) {
        for line in text.lines() {
            print(&format!("{indent}{line}"));
            self.blank = false;
        }
    }

    fn gap(&mut self) {
        if !self.blank {
            print("");
        }
        self.blank = true;
    }
}

/// Prints a line. A reader that has gone away (`| head`) has stopped the demo.
fn print(line: &str) {
    let mut stdout = std::io::stdout().lock();
    if writeln!(stdout, "{line}").and_then(|()| stdout.flush()).is_err() {
        guard::interrupt();
    }
}
