//! What a replay says on standard error: what could not be read, what was judged by another engine than asked
//! for, and how far it has come. It names frames by number and gives counts, and nothing of their contents
//! (L-AUTO).

use std::io::{self, IsTerminal as _};
use std::path::Path;

use super::super::CliError;
use super::output::is_standard;
use crate::engine::LONGEST_FRAME;
use crate::replay::{CaptureSummary, News, Noticed, Report};
use crate::shown::shown;

/// How many frames of a capture are reported one by one; further ones are counted.
const MOST: u64 = 10;

/// The reports about one capture.
pub(super) struct Telling {
    file: String,
    terminal: bool,
    frames_told: u64,
}

impl Telling {
    pub(super) fn new(path: &Path) -> Self {
        let terminal = io::stderr().is_terminal();
        let file = if is_standard(path) { "standard input".to_owned() } else { shown(path) };
        Self { file, terminal, frames_told: 0 }
    }

    pub(super) fn tell(&mut self, news: News<'_>) {
        const EVERY: u64 = 1_000_000;
        match news {
            News::Frames(frames) if self.terminal && frames % EVERY == 0 => {
                eprintln!("sekisho: {}: {frames} frames", self.file);
            }
            News::Frames(_) => {}
            News::Unreadable(error) => self.tell_frame(&error.to_string()),
            News::Ended(error) => eprintln!("sekisho: {error}"),
            News::TooLong { frame, length } => self.tell_frame(&format!(
                "{}: frame {frame}: its {length} bytes are more than BPF_PROG_TEST_RUN takes \
                 ({LONGEST_FRAME}); it was judged by the host engine",
                self.file
            )),
        }
    }

    fn tell_frame(&mut self, line: &str) {
        self.frames_told += 1;
        if self.frames_told <= MOST {
            eprintln!("sekisho: {line}");
        }
    }

    /// Says what became of the capture, the last one of the report.
    pub(super) fn end(&self, report: &Report<'_>, kernel: bool) {
        let Some(capture) = report.captures.last() else { return };
        for line in lines(capture, self.frames_told, kernel) {
            eprintln!("sekisho: {}: {line}", self.file);
        }
    }
}

fn lines(capture: &CaptureSummary, frames_told: u64, kernel: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if frames_told > MOST {
        lines.push(format!("frames like the ones above: {} more", frames_told - MOST));
    }
    let judged = if kernel { "; judged by the host engine" } else { "" };
    let mut note = |noticed: Noticed, what: &str, so: &str| {
        if let Noticed { count: count @ 1.., first } = noticed {
            lines.push(format!("{what}: {count}, the first is frame {first}; {so}{judged}"));
        }
    };
    note(capture.cut, "frames that were not captured whole", "no rule matches on what is missing");
    note(
        capture.unsegmented,
        "frames with IPv4 total length 0, as a host leaves it to its network card",
        "the frame's own length was used",
    );
    let mut summary = capture.counts.in_words();
    if capture.unreadable != 0 {
        summary = format!("{summary}; frames that could not be read: {}", capture.unreadable);
    }
    lines.push(summary);
    lines
}

/// Says what became of all captures.
///
/// # Errors
/// [`CliError::Failed`] if not everything was judged.
pub(super) fn end(report: &Report<'_>) -> Result<(), CliError> {
    let all = report.captures.len();
    if all > 1 {
        eprintln!("sekisho: all {all} captures: {}", report.sum.in_words());
    }
    match report.captures.iter().filter(|capture| !capture.complete).count() {
        0 => Ok(()),
        some => {
            Err(CliError::Failed(format!("captures that could not be read whole: {some} of {all}")))
        }
    }
}
