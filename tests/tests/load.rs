//! A sensor under more hostile traffic than it can keep up with, for some seconds; `cargo xtask load` does so for
//! longer.

use sekisho_tests::load::{self, CEILING, GROWTH};
use sekisho_tests::seed::{seconds, seed};

#[test]
fn books_balance_and_memory_stays_flat_under_any_load() {
    let time = seconds(8);
    let report = load::bear(time, seed());
    eprintln!("{report}");
    assert!(report.records > 0 && report.lost > 0, "rings are to fill up: {report}");
    let first = report.first;
    let rest = report.rest.unwrap_or(first);
    for (what, before, after) in
        [("memory", first.resident, rest.resident), ("maps", first.maps, rest.maps)]
    {
        assert!(after <= before + GROWTH, "{what} grew from {before} to {after} bytes");
    }
    assert!(first.resident.max(rest.resident) <= CEILING, "{first}, then {rest}");
    assert!(rest.descriptors <= first.descriptors, "descriptors: {first}, then {rest}");
}
