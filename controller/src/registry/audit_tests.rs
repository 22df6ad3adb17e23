//! The audit file: every edit is refused, and what a crash leaves is completed.

use proptest::prelude::*;

use super::super::named::NamedOrder;
use super::*;
use crate::order::OrderKey;

fn event(sequence: u64) -> Event {
    let named = NamedOrder { key: OrderKey::new("a", sequence), digest: "00".into() };
    let at = jiff::Timestamp::from_second(i64::try_from(sequence).unwrap()).unwrap();
    Event { sequence, at, what: What::Installed(named) }
}

/// The lines of `count` events, and what a state says of them whose change made the last `recent`.
fn chain(count: u64, recent: usize) -> (Vec<String>, Expected) {
    let events: Vec<Event> = (1..=count).map(event).collect();
    let lines = lines(NOTHING, &events).unwrap();
    let digest =
        lines.last().map_or(NOTHING.to_owned(), |line| crate::registry::digest(line.as_bytes()));
    let recent = lines[lines.len() - recent..].to_vec();
    (lines, Expected { last: count, digest, lines: recent })
}

fn examined(text: &[u8], expected: &Expected) -> Result<Chain, String> {
    examine("e", &mut &text[..], expected).unwrap().map_err(|rejection| rejection.to_string())
}

#[test]
fn a_whole_chain_is_accepted_whatever_the_last_change_was() {
    for recent in 0..=5 {
        let (lines, expected) = chain(5, recent);
        let chain = examined(&text(&lines), &expected).unwrap();
        assert!(chain.is_complete());
        assert_eq!((chain.events, &chain.digest), (5, &expected.digest));
        assert_eq!(chain.first.as_deref(), Some("1970-01-01T00:00:01Z"));
        assert_eq!(chain.last.as_deref(), Some("1970-01-01T00:00:05Z"));
    }
    let (_, none) = chain(0, 0);
    assert_eq!(examined(b"", &none).unwrap().first, None);
}

#[test]
fn every_line_names_the_one_before_by_its_digest() {
    let (lines, _) = chain(3, 0);
    let digest = crate::registry::digest(lines[1].as_bytes());
    assert!(lines[0].contains(&format!(r#""previous":"{NOTHING}""#)), "{}", lines[0]);
    assert!(lines[2].contains(&format!(r#""previous":"{digest}""#)), "{}", lines[2]);
    assert!(lines[2].ends_with(r#""event":"installed","order_id":"a","serial":3,"digest":"00"}"#));
}

#[test]
fn every_kind_of_edit_is_refused() {
    type Edit = fn(&mut Vec<String>);
    let edits: [(&str, Edit, &str); 9] = [
        (
            "a middle line removed",
            |lines| drop(lines.remove(2)),
            "e: line 3: is event 4, where event 3 must stand: lines were removed, added or moved",
        ),
        (
            "the tail cut",
            |lines| lines.truncate(3),
            "e: ends with event 3, but the state is that after event 6: lines were cut off",
        ),
        (
            "emptied",
            Vec::clear,
            "e: ends with event 0, but the state is that after event 6: lines were cut off",
        ),
        (
            "a value changed",
            |lines| lines[1] = lines[1].replace("\"a\"", "\"b\""),
            "e: line 3: names another line before it than line 2: one was changed",
        ),
        (
            "the last line before the last change changed",
            |lines| lines[4] = lines[4].replace("\"a\"", "\"b\""),
            "e: line 5: is not the line that the state names: it was changed",
        ),
        (
            "a line of the last change changed",
            |lines| lines[5] = lines[5].replace("\"a\"", "\"b\""),
            "e: line 6: is not what the state says that it is",
        ),
        (
            "a forged line appended",
            |lines| {
                let previous = crate::registry::digest(lines[5].as_bytes());
                lines.extend(super::lines(&previous, &[event(7)]).unwrap());
            },
            "e: line 7: comes after event 6, the last one of the state: it was added",
        ),
        (
            "a forged line in the middle",
            |lines| {
                let previous = crate::registry::digest(lines[1].as_bytes());
                let forged =
                    Event { what: What::Rotated { version: 9, digest: String::new() }, ..event(3) };
                lines[2] = super::lines(&previous, &[forged]).unwrap().remove(0);
            },
            "e: line 4: names another line before it than line 3: one was changed",
        ),
        (
            "lines in another order",
            |lines| lines.swap(1, 2),
            "e: line 2: is event 3, where event 2 must stand: lines were removed, added or moved",
        ),
    ];
    let (whole, expected) = chain(6, 1);
    for (what, edit, refusal) in edits {
        let mut lines = whole.clone();
        edit(&mut lines);
        assert_eq!(examined(&text(&lines), &expected).unwrap_err(), refusal, "{what}");
    }
    let mut lines = whole.clone();
    lines[0] = "{}".into();
    let refusal = examined(&text(&lines), &expected).unwrap_err();
    assert!(refusal.starts_with("e: line 1: is no event: missing field"), "{refusal}");
    // A chain that begins elsewhere, whole in itself.
    let other = super::lines(&"1".repeat(64), &(1..=6).map(event).collect::<Vec<_>>()).unwrap();
    let refusal = examined(&text(&other), &expected).unwrap_err();
    assert_eq!(refusal, "e: line 1: names a line before it, but is the first");
}

#[test]
fn what_a_crash_left_is_completed() {
    for recent in 1..=3 {
        let (lines, expected) = chain(4, recent);
        let all = text(&lines);
        let before = text(&lines[..4 - recent]).len();
        for length in before..=all.len() {
            // Cut off, or a block that never arrived.
            let mut hole = all.clone();
            hole[length..].fill(0);
            for found in [&all[..length], &hole] {
                let chain = examined(found, &expected).unwrap();
                let Some(repair) = chain.repair else {
                    assert_eq!(found, all);
                    continue;
                };
                let whole = usize::try_from(repair.whole).unwrap();
                assert_eq!(repair.torn, found.len() > whole);
                assert_eq!([&found[..whole], &repair.missing].concat(), all, "{length}");
            }
        }
    }
}

#[test]
fn lines_that_only_look_torn_are_refused() {
    let (lines, expected) = chain(4, 2);
    let all = text(&lines);
    let refusal = examined(&[&all[..], b"{"].concat(), &expected).unwrap_err();
    assert_eq!(refusal, "e: line 5: comes after event 4, the last one of the state: it was added");
    let earlier = text(&lines[..2]).len() - 1;
    let refusal = examined(&all[..earlier], &expected).unwrap_err();
    assert!(refusal.starts_with("e: ends with event 1, but"), "{refusal}");
}

#[test]
fn a_state_that_is_no_end_of_a_chain_is_refused() {
    let (lines, mut expected) = chain(4, 2);
    expected.lines.swap(0, 1);
    let refusal = examined(&text(&lines), &expected).unwrap_err();
    assert_eq!(refusal, "e: cannot be checked: the state holds another line than event 4");
}

/// `cargo test --release -p controller --lib a_million_lines -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn a_million_lines() {
    let (lines, expected) = chain(1_000_000, 1);
    let text = text(&lines);
    let begun = std::time::Instant::now();
    assert!(examined(&text, &expected).unwrap().is_complete());
    let took = begun.elapsed();
    assert!(took.as_secs() < 10, "{} bytes in {took:?}", text.len());
    eprintln!("{} bytes in {took:?}", text.len());
}

proptest! {
    #[test]
    fn no_byte_of_a_line_can_be_changed(paths in any::<prop::sample::Index>(), byte in 1_u8.., recent in 0_usize..4) {
        let (lines, expected) = chain(5, recent);
        let mut text = text(&lines);
        let paths = paths.index(text.len());
        prop_assume!(text[paths] != byte);
        text[paths] = byte;
        prop_assert!(examined(&text, &expected).is_err());
    }
}
