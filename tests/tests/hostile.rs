//! A sensor under attack for a minute; `cargo xtask hostile` lays siege to it for longer.

use std::time::Duration;

use sekisho_tests::siege;

/// For how long, in seconds, if it is not the usual time.
const SECONDS: &str = "SEKISHO_HOSTILE_SECONDS";

/// Which attacks.
const SEED: &str = "SEKISHO_SEED";

fn number(name: &str, usual: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name}: {text}: no number")))
}

#[test]
fn nothing_outside_stops_blinds_or_outlasts_a_halt() {
    let time = Duration::from_secs(number(SECONDS, 60));
    let report = siege::lay(time, number(SEED, 1));
    eprintln!("{report}");
    assert!(report.halts > 0 && report.records > 0, "{report}");
}
