//! Reads a sensor's output from its pipe, and sees that its lines are numbered without gaps.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use serde_json::Value;

/// Every so manieth line is read as JSON; of the others only the number.
const WHOLE: u64 = 1_009;

/// What stands before the number; the time always has as many digits.
const HEAD: &[u8] = br#"{"@timestamp":"2027-11-01T00:00:00.000000000Z","event":{"sequence":"#;

/// How much of it is not about the time.
const BEFORE: usize = br#"","event":{"sequence":"#.len();

/// Reads in a thread from when it is told to until the pipe's writer has ended.
pub(super) struct Reader {
    /// Closed once it reads.
    waits: Option<Sender<()>>,
    lines: Arc<AtomicU64>,
    thread: JoinHandle<u64>,
}

impl Reader {
    /// Of a pipe that has a writer.
    pub(super) fn new(pipe: File) -> Self {
        let lines = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&lines);
        let (waits, begin) = channel::<()>();
        let thread = std::thread::spawn(move || {
            // It ends when the sender is gone.
            let _ = begin.recv();
            read(pipe, &counted)
        });
        Self { waits: Some(waits), lines, thread }
    }

    /// Whether it has not been told to read.
    pub(super) const fn waits(&self) -> bool {
        self.waits.is_some()
    }

    /// From now on it reads.
    pub(super) fn begin(&mut self) {
        self.waits = None;
    }

    /// Lines so far, all of them in sequence.
    pub(super) fn lines(&self) -> u64 {
        self.lines.load(Ordering::Acquire)
    }

    /// Whether it reads no more: the writer has ended, or a line was wrong.
    pub(super) fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for the end of the output: how many lines it had.
    ///
    /// # Panics
    /// Where a line was not what it must be.
    pub(super) fn finish(self) -> u64 {
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

fn read(pipe: File, lines: &AtomicU64) -> u64 {
    let mut pipe = BufReader::with_capacity(1 << 20, pipe);
    let (mut line, mut count) = (Vec::new(), 0);
    loop {
        line.clear();
        if pipe.read_until(b'\n', &mut line).expect("a pipe can be read") == 0 {
            return count;
        }
        count += 1;
        let text = || String::from_utf8_lossy(&line);
        assert_eq!(number(&line), Some(count), "line {count}: {}", text());
        assert_eq!(line.last(), Some(&b'\n'), "the last line is not whole: {}", text());
        if count % WHOLE == 0 {
            let record: Value = serde_json::from_slice(&line).expect("a line of JSON");
            assert_eq!(record["event"]["sequence"], count, "{record}");
        }
        lines.store(count, Ordering::Release);
    }
}

/// `event.sequence` of a line.
fn number(line: &[u8]) -> Option<u64> {
    let (head, rest) = line.split_at_checked(HEAD.len())?;
    let is_head = head.ends_with(&HEAD[HEAD.len() - BEFORE..]);
    let mut digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
    let number = digits
        .try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add((digit - b'0').into()));
    number.filter(|_| is_head)
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn a_number_stands_where_it_must() {
        let line = |number: &str| {
            format!(
                r#"{{"@timestamp":"2026-11-28T18:00:00.123456789Z","event":{{"sequence":{number}}},"#
            )
        };
        assert_eq!(number(line("1048").as_bytes()), Some(1_048));
        assert_eq!(number(b"{\"@timestamp\":\"2026\"}"), None, "too short");
        assert_eq!(number(line("7").replace("event", "other").as_bytes()), None);
    }
}
