//! Sekisho's development tasks.
fn main() {}
