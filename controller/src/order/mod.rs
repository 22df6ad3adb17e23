//! Orders: what an approval allows the sensor to select, and the proof that it was approved.

mod json;
