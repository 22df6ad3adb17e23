//! Reads a sensor's output from its pipe, and sees that its lines are numbered without gaps.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use serde_json::Value;

/// Every so manieth line is read as JSON; of the others only the number.
const WHOLE: u64 = 1_009;

/// What stands before the number.
const BEFORE: &[u8] = b"\"sequence\":";

/// How far into a line the number is looked for.
const HEAD: usize = 128;

/// Reads in a thread until the pipe's writer has ended.
pub(super) struct Reader {
    lines: Arc<AtomicU64>,
    thread: JoinHandle<u64>,
}

impl Reader {
    /// Starts to read a pipe that has a writer.
    pub(super) fn start(pipe: File) -> Self {
        let lines = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&lines);
        let thread = std::thread::spawn(move || read(pipe, &counted));
        Self { lines, thread }
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
    let head = &line[..line.len().min(HEAD)];
    let at = head.windows(BEFORE.len()).position(|window| window == BEFORE)? + BEFORE.len();
    let digits = line[at..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(Some(0_u64), |sum, digit| sum?.checked_mul(10)?.checked_add((digit - b'0').into()))
}
