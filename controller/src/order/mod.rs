//! Orders: what an approval allows the sensor to select, and the proof that it was approved.

pub mod files;
pub mod keys;
pub mod measure;
pub mod payload;
pub mod time;
pub mod traffic;

mod address;
mod json;

pub use address::parse_network;
pub use measure::Measure;
