//! Reading the records that came out, and showing a few of them.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde_json::Value;

/// One line of the sensor's output.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) time: Timestamp,
    json: Value,
    line: String,
}

/// Reads every whole line of a file of records; a last line without its end is still being written.
pub(super) fn read(path: &Path) -> Result<Vec<Record>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    parse(&text)
}

/// Reads every whole line of a text.
pub(super) fn parse(text: &str) -> Result<Vec<Record>> {
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole
        .lines()
        .enumerate()
        .map(|(number, line)| {
            record(line).with_context(|| format!("record {} cannot be read: {line}", number + 1))
        })
        .collect()
}

fn record(line: &str) -> Result<Record> {
    let json: Value = serde_json::from_str(line)?;
    let time = json["@timestamp"].as_str().context("there is no @timestamp")?.parse()?;
    Ok(Record { time, json, line: line.to_owned() })
}

impl Record {
    /// The direction, in the record's own word (`external`, `inbound`, `outbound`).
    pub(super) fn direction(&self) -> &str {
        self.json["network"]["direction"].as_str().unwrap_or("?")
    }

    /// Whether an address occurs anywhere in the record.
    pub(super) fn names(&self, address: &str) -> bool {
        self.line.contains(&format!("\"{address}\""))
    }

    fn endpoint(&self, side: &str) -> String {
        let end = &self.json[side];
        let ip = end["ip"].as_str().unwrap_or("?");
        match end["port"].as_u64() {
            Some(port) if ip.contains(':') => format!("[{ip}]:{port}"),
            Some(port) => format!("{ip}:{port}"),
            None => ip.to_owned(),
        }
    }

    /// The record as a short row of cells.
    fn cells(&self) -> [String; 5] {
        let text = |group: &str, field: &str| self.json[group][field].as_str().unwrap_or("?");
        let order = format!("{} {}", text("sekisho", "order_id"), text("sekisho", "rule"));
        [
            self.direction().to_owned(),
            format!("{} → {}", self.endpoint("source"), self.endpoint("destination")),
            text("network", "transport").to_owned(),
            format!("{} bytes", self.json["network"]["bytes"]),
            order,
        ]
    }

    /// The kind of a record: direction, transport, order and rule.
    fn kind(&self) -> [String; 3] {
        let [direction, _, transport, _, order] = self.cells();
        [direction, transport, order]
    }

    /// The record as it was written, with line breaks between its groups.
    pub(super) fn broken_up(&self) -> String {
        let (mut depth, mut quoted) = (0_usize, false);
        let mut text = String::new();
        for character in self.line.chars() {
            text.push(character);
            match character {
                '"' => quoted = !quoted,
                '{' if !quoted => depth += 1,
                '}' if !quoted => depth = depth.saturating_sub(1),
                ',' if !quoted && depth == 1 => text.push('\n'),
                _ => {}
            }
        }
        text
    }
}

/// At most `most` records as rows: the first of each kind.
pub(super) fn rows(records: &[Record], most: usize) -> String {
    let mut firsts: Vec<&Record> = Vec::new();
    for record in records {
        if firsts.len() < most && firsts.iter().all(|first| first.kind() != record.kind()) {
            firsts.push(record);
        }
    }
    let cells: Vec<_> = firsts.into_iter().map(Record::cells).collect();
    let width = |column: usize| {
        cells.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let widths = [0, 1, 2, 3].map(width);
    let row = |[direction, ends, transport, bytes, order]: &[String; 5]| {
        let [w0, w1, w2, w3] = widths;
        format!("{direction:w0$}  {ends:w1$}  {transport:w2$}  {bytes:>w3$}  {order}\n")
    };
    cells.iter().map(row).collect()
}

/// A time of day in UTC, to the millisecond.
pub(super) fn clock(time: Timestamp) -> String {
    time.strftime("%H:%M:%S%.3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"@timestamp":"2027-11-01T00:00:01.25Z","event":{"sequence":17},"source":{"ip":"203.0.113.9","port":50000},"destination":{"ip":"2001:db8:a::7","port":443},"network":{"transport":"tcp","type":"ipv4","bytes":74,"direction":"external"},"sekisho":{"order_id":"o-1","serial":1,"measure":"foreign-to-foreign","rule":"r1","sensor":"s","interface":"i"}}"#;

    #[test]
    fn a_record_becomes_a_row() {
        let records = parse(&format!("{LINE}\n{LINE}\n")).unwrap();
        let rows = rows(&records, 5);
        assert_eq!(rows.lines().count(), 1, "one row per kind");
        for part in ["external", "203.0.113.9:50000", "[2001:db8:a::7]:443", "o-1"] {
            assert!(rows.contains(part), "{part}: {rows}");
        }
    }

    #[test]
    fn a_record_is_broken_up_between_its_groups() {
        let [record] = &parse(&format!("{LINE}\n")).unwrap()[..] else { panic!("one record") };
        let text = record.broken_up();
        assert_eq!(text.lines().count(), 6);
        assert_eq!(text.replace('\n', ""), LINE);
        assert!(text.contains("\n\"sekisho\":{"), "{text}");
    }

    #[test]
    fn a_line_still_being_written_is_left_out() {
        let half = LINE.split_at(40).0;
        assert_eq!(parse(&format!("{LINE}\n{half}")).unwrap().len(), 1);
        assert_eq!(parse("").unwrap().len(), 0);
    }

    #[test]
    fn what_is_no_record_is_named() {
        let error = parse("{}\n").unwrap_err();
        assert_eq!(error.to_string(), "record 1 cannot be read: {}");
    }

    #[test]
    fn an_address_is_found_whole() {
        let [record] = &parse(&format!("{LINE}\n")).unwrap()[..] else { panic!("one record") };
        assert!(record.names("203.0.113.9") && !record.names("203.0.113"));
    }
}
