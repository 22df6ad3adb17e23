//! Records: what leaves the sensor about a packet, and how it is written.

pub mod ndjson;
pub mod transport;
