//! Reads the records of a stream from an output.

use jiff::Timestamp;
use serde_json::Value;

use crate::stream::FIRST_PORT;

/// One record of a packet of a stream.
#[derive(Clone, Debug)]
pub struct Line {
    /// `event.sequence`.
    pub sequence: u64,
    /// `@timestamp`.
    pub time: Timestamp,
    /// The packet's number in its stream.
    pub packet: usize,
    /// The order that selected it.
    pub order: String,
    /// Its serial.
    pub serial: u64,
}

impl Line {
    /// The records of a text of whole lines.
    ///
    /// # Panics
    /// If one of them is not a record.
    pub fn read_all(text: &str) -> Vec<Self> {
        text.lines().map(Self::read).collect()
    }

    fn read(line: &str) -> Self {
        let read = || {
            let record: Value = serde_json::from_str(line).ok()?;
            let port = record["destination"]["port"].as_u64()?;
            Some(Self {
                sequence: record["event"]["sequence"].as_u64()?,
                time: record["@timestamp"].as_str()?.parse().ok()?,
                packet: usize::try_from(port.checked_sub(FIRST_PORT.into())?).ok()?,
                order: record["sekisho"]["order_id"].as_str()?.to_owned(),
                serial: record["sekisho"]["serial"].as_u64()?,
            })
        };
        read().unwrap_or_else(|| panic!("no record of a stream: {line}"))
    }
}
