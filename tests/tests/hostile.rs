//! A sensor under attack for a minute; `cargo xtask hostile` lays siege to it for longer.

use sekisho_tests::seed::{seconds, seed};
use sekisho_tests::siege;

#[test]
fn nothing_outside_stops_blinds_or_outlasts_a_halt() {
    let time = seconds(60);
    let report = siege::lay(time, seed());
    eprintln!("{report}");
    assert!(report.halts > 0 && report.records > 0, "{report}");
}
