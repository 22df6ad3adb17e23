//! Points in time as orders write them (RFC 3339), and the calendar months in which the Act
//! counts terms. `measure` says how long the term of a measure may be. Nothing here reads a clock.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, Timestamp, Unit};
use serde::{Deserialize, Deserializer};

use super::json::{self, Faults, Fields};

/// Japan Standard Time; terms are counted in it (L-TERM).
const TOKYO: &str = "Asia/Tokyo";

/// A text that is no timestamp.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{text} is not an RFC 3339 timestamp: {why}")]
pub struct TimeFault {
    /// The text, quoted.
    pub text: String,
    /// Why it is none.
    pub why: TimeFlaw,
}

/// Why a text is no timestamp.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TimeFlaw {
    /// It does not have the form of one.
    #[error("write YYYY-MM-DDThh:mm:ss, then Z or an offset such as +09:00")]
    Form,
    /// It has a 60th second or a later one.
    #[error("seconds run from 00 to 59")]
    Seconds,
    /// The offset is a day or longer.
    #[error("the offset runs from -23:59 to +23:59")]
    Offset,
    /// The calendar or the clock does not have it.
    #[error("there is no such day or time")]
    NoSuchTime,
}

/// Reads a timestamp of RFC 3339, section 5.6, in its strictest form: upper-case `T` and `Z`,
/// seconds always present, a fraction of at most nine digits, an offset of hours and minutes.
///
/// A leap second (`:60`) is refused: our clocks cannot represent it, and reading it as the second before or
/// after would shift a term silently.
///
/// # Errors
///
/// [`TimeFault`].
pub fn parse_timestamp(text: &str) -> Result<Timestamp, TimeFault> {
    let wrong = |why| TimeFault { text: json::quote(text), why };
    if !has_form(text.as_bytes()) {
        return Err(wrong(TimeFlaw::Form));
    }
    let digits = |start: usize| text.get(start..start + 2).unwrap_or_default();
    if digits(17) >= "60" {
        return Err(wrong(TimeFlaw::Seconds));
    }
    if !text.ends_with('Z') {
        let offset = digits(text.len() - 5);
        if offset >= "24" || digits(text.len() - 2) >= "60" {
            return Err(wrong(TimeFlaw::Offset));
        }
    }
    text.parse().map_err(|_| wrong(TimeFlaw::NoSuchTime))
}

/// Checks `dddd-dd-ddTdd:dd:dd[.d{1,9}](Z|±dd:dd)` by shape alone.
fn has_form(text: &[u8]) -> bool {
    const DATE_TIME: &[u8] = b"0000-00-00T00:00:00";
    const OFFSET: &[u8] = b"00:00";
    let matches = |text: &[u8], pattern: &[u8]| {
        text.len() == pattern.len()
            && text.iter().zip(pattern).all(|(byte, pattern)| match pattern {
                b'0' => byte.is_ascii_digit(),
                other => byte == other,
            })
    };
    let Some((date_time, mut rest)) = text.split_at_checked(DATE_TIME.len()) else {
        return false;
    };
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=9).contains(&digits) {
            return false;
        }
        rest = fraction.get(digits..).unwrap_or_default();
    }
    matches(date_time, DATE_TIME)
        && match rest {
            [b'Z'] => true,
            [b'+' | b'-', offset @ ..] => matches(offset, OFFSET),
            _ => false,
        }
}

/// Takes a timestamp from a required field.
pub(super) fn take(
    fields: &mut Fields<'_>,
    field: &'static str,
    faults: &mut Faults,
) -> Option<Timestamp> {
    struct Rfc3339(Timestamp);

    impl<'de> Deserialize<'de> for Rfc3339 {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            json::text(deserializer, "a timestamp", parse_timestamp).map(Self)
        }
    }

    fields.take(field, faults).map(|Rfc3339(timestamp)| timestamp)
}

/// The latest end of a term of `months` calendar months in Asia/Tokyo that starts at `not_before`
/// (L-TERM). `None` beyond the year 9999.
///
/// If the last month has no such day, the term ends on that month's last day *at the time of day it began*:
/// 30 November 10:00 plus three months is 28 (29) February 10:00. The Civil Code counts otherwise (arts. 140 and
/// 143: the first day does not count, the last counts whole), so that the term would run on to midnight. Our
/// reading is shorter.
pub fn latest_end(not_before: Timestamp, months: u8) -> Option<Timestamp> {
    let zone = TimeZone::get(TOKYO).ok()?;
    let end = not_before.to_zoned(zone).checked_add(Span::new().months(months)).ok()?;
    Some(end.timestamp())
}

/// Writes a timestamp in Japan Standard Time, RFC 3339.
pub fn tokyo(timestamp: Timestamp) -> String {
    timestamp.display_with_offset(Offset::constant(9)).to_string()
}

/// A point in time by the calendar and clock of Japan.
pub fn tokyo_civil(timestamp: Timestamp) -> DateTime {
    Offset::constant(9).to_datetime(timestamp)
}

/// The length of a term in calendar units of Asia/Tokyo, each as large as it can be.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Length {
    /// Whole months.
    pub months: i64,
    /// Whole days beyond them.
    pub days: i64,
    /// Whole hours beyond them.
    pub hours: i64,
    /// Whole minutes beyond them.
    pub minutes: i64,
    /// Whole seconds beyond them.
    pub seconds: i64,
}

impl Length {
    /// The length of the term from `from` until `until`.
    pub fn between(from: Timestamp, until: Timestamp) -> Self {
        let span = TimeZone::get(TOKYO).and_then(|zone| {
            from.to_zoned(zone.clone()).until((Unit::Month, &until.to_zoned(zone)))
        });
        // Fails only for a term that ends after the calendar does.
        let Ok(span) = span else {
            let seconds = until.duration_since(from).as_secs();
            return Self { seconds, ..Self::default() };
        };
        Self {
            months: span.get_months().into(),
            days: span.get_days().into(),
            hours: span.get_hours().into(),
            minutes: span.get_minutes(),
            seconds: span.get_seconds(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        parse_timestamp(text).unwrap()
    }

    #[test]
    fn strict_rfc_3339() {
        for (text, same) in [
            ("2027-11-01T00:00:00+09:00", "2027-10-31T15:00:00Z"),
            ("2027-11-01T00:00:00.5-00:30", "2027-11-01T00:30:00.5Z"),
            ("2028-02-29T23:59:59.123456789Z", "2028-02-29T23:59:59.123456789Z"),
            ("2028-02-29T23:59:59+23:59", "2028-02-29T00:00:59Z"),
        ] {
            assert_eq!(at(text).to_string(), same);
        }
        for text in [
            "",
            "2027-11-01",
            "2027-11-01T00:00:00",
            "2027-11-01T00:00Z",
            "2027-11-01t00:00:00Z",
            "2027-11-01T00:00:00z",
            "2027-11-01 00:00:00Z",
            "2027-11-01T00:00:00 Z",
            " 2027-11-01T00:00:00Z",
            "2027-11-01T00:00:00Z ",
            "2027-11-01T00:00:00.Z",
            "2027-11-01T00:00:00.1234567890Z",
            "2027-11-01T00:00:00,5Z",
            "2027-11-01T00:00:00+0900",
            "2027-11-01T00:00:00+09",
            "2027-11-01T00:00:00+9:00",
            "2027-11-01T00:00:00+09:00[Asia/Tokyo]",
            "2027-11-01T00:00:00Z[UTC]",
            "20271101T000000Z",
            "+002027-11-01T00:00:00Z",
            "-2027-11-01T00:00:00Z",
            "2027-02-29T00:00:00Z",
            "2027-13-01T00:00:00Z",
            "2027-00-01T00:00:00Z",
            "2027-11-31T00:00:00Z",
            "2027-11-01T24:00:00Z",
            "2027-11-01T00:60:00Z",
            "2016-12-31T23:59:60Z",
            "2027-11-01T00:00:00+24:00",
            "2027-11-01T00:00:00+09:60",
            "2027-11-01T00:00:00−09:00",
            "2027-11-01T00:00:00+09:00:00",
            "2027-W44-1T00:00:00Z",
            "２027-11-01T00:00:00Z",
            "9999-12-31T23:59:59-23:59",
            "now",
            "1700000000",
        ] {
            let reason = parse_timestamp(text).expect_err(text).to_string();
            assert!(reason.contains("is not an RFC 3339 timestamp"), "{reason}");
        }
    }

    #[test]
    fn months_are_counted_by_the_calendar_in_tokyo() {
        for (from, months, latest) in [
            // law.md's reading note, in a common and in a leap year.
            ("2026-11-30T10:00:00+09:00", 3, "2027-02-28T10:00:00+09:00"),
            ("2027-11-30T10:00:00+09:00", 3, "2028-02-29T10:00:00+09:00"),
            ("2027-11-01T00:00:00+09:00", 6, "2028-05-01T00:00:00+09:00"),
            ("2027-08-31T23:59:59+09:00", 6, "2028-02-29T23:59:59+09:00"),
            // 30 November in UTC is already 1 December in Tokyo.
            ("2026-11-30T15:00:00Z", 3, "2027-03-01T00:00:00+09:00"),
            ("2026-11-30T14:59:59Z", 3, "2027-02-28T23:59:59+09:00"),
        ] {
            assert_eq!(tokyo(latest_end(at(from), months).unwrap()), latest, "{from}");
        }
        assert_eq!(latest_end(at("9999-12-01T00:00:00Z"), 3), None);
    }

    #[test]
    fn lengths_by_the_calendar() {
        let from = at("2027-11-01T00:00:00+09:00");
        let nothing = Length::default();
        for (until, length) in [
            ("2028-05-01T00:00:00+09:00", Length { months: 6, ..nothing }),
            ("2027-11-02T02:00:01+09:00", Length { days: 1, hours: 2, seconds: 1, ..nothing }),
            ("2027-11-01T00:00:20+09:00", Length { seconds: 20, ..nothing }),
            ("2027-11-01T00:00:00.1+09:00", nothing),
        ] {
            assert_eq!(Length::between(from, at(until)), length);
        }
        assert_eq!(tokyo_civil(from).to_string(), "2027-11-01T00:00:00");
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,40}") {
            let _ = parse_timestamp(&text);
        }

        #[test]
        fn near_misses_never_panic(position in 0usize..35, byte in any::<char>()) {
            let text: String = "2027-11-01T00:00:00.123456789+09:00"
                .chars()
                .enumerate()
                .map(|(index, old)| if index == position { byte } else { old })
                .collect();
            let _ = parse_timestamp(&text);
        }
    }
}
