//! The audit file: what its lines are, and what a crash can have left of them (L-INSPECT).

use super::event::Event;
use crate::rejection::Rejection;

/// The lines of some events.
pub(super) fn lines(events: &[Event]) -> Vec<u8> {
    let mut lines = Vec::new();
    for event in events {
        // Plain values: there is nothing in them that JSON could not say.
        if let Ok(line) = serde_json::to_vec(event) {
            lines.extend_from_slice(&line);
            lines.push(b'\n');
        }
    }
    lines
}

/// What has to be done to an audit file.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Repair {
    /// How much of it is whole lines, in bytes.
    pub(super) whole: u64,
    /// What is missing behind them.
    pub(super) missing: Vec<u8>,
}

/// Compares an audit file with the events of the last change, which ends with event `last`.
///
/// # Errors
/// A [`Rejection`] where more is missing than a crash can have taken, or more is there than happened.
pub(super) fn repair(
    file: &str,
    text: &[u8],
    last: u64,
    events: &[Event],
) -> Result<Repair, Rejection> {
    // What follows the last line feed is a torn line.
    let mut whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let mut noted = 0;
    while let Some(line) = text.get(..whole).and_then(last_line) {
        // A power cut can leave a hole where a line was to be.
        if let Ok(event) = serde_json::from_slice::<Event>(line) {
            noted = event.sequence;
            break;
        }
        whole = whole.saturating_sub(line.len()).saturating_sub(1);
    }
    let before = last.saturating_sub(events.len() as u64);
    if noted < before || noted > last {
        let reason = format!("ends with event {noted}, but the state is that after event {last}");
        return Err(Rejection::new(file, reason));
    }
    let missing: Vec<Event> =
        events.iter().filter(|event| event.sequence > noted).cloned().collect();
    Ok(Repair { whole: whole as u64, missing: lines(&missing) })
}

/// The last line, without its line feed.
fn last_line(text: &[u8]) -> Option<&[u8]> {
    let text = text.strip_suffix(b"\n")?;
    let start = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    text.get(start..)
}

#[cfg(test)]
mod tests {
    use super::super::event::{Named, What};
    use super::*;

    fn event(sequence: u64) -> Event {
        let named = Named { order_id: "a".into(), serial: sequence, digest: String::new() };
        Event { sequence, at: jiff::Timestamp::UNIX_EPOCH, what: What::Installed(named) }
    }

    #[test]
    fn what_a_crash_left_is_completed() {
        let all = lines(&[event(1), event(2), event(3)]);
        let events = [event(2), event(3)];
        let first = lines(&[event(1)]).len();
        for length in first..=all.len() {
            let repair = repair("e", &all[..length], 3, &events).unwrap();
            let whole = usize::try_from(repair.whole).unwrap();
            assert_eq!([&all[..whole], &repair.missing].concat(), all, "{length}");
        }
        let hole = [&all[..first], &[0; 40][..], b"\n"].concat();
        let repaired = repair("e", &hole, 3, &events).unwrap();
        assert_eq!(repaired, Repair { whole: first as u64, missing: lines(&events) });
    }

    #[test]
    fn what_no_crash_leaves_is_refused() {
        let text = lines(&[event(1)]);
        for (last, events) in [(3, vec![event(3)]), (0, vec![])] {
            let refusal = repair("e", &text, last, &events).unwrap_err().to_string();
            let words = format!("e: ends with event 1, but the state is that after event {last}");
            assert_eq!(refusal, words);
        }
    }
}
