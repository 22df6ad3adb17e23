//! The program stays within reach of the verifier: it counts the instructions that it walks through
//! to accept the program, and stops at a million.

use controller::kernel::{Mode, Program};
use sekisho_tests::privilege::require_kernel;

/// The budgets: what the program took on each kernel when someone last looked. A change that costs
/// more than a fifth on top has to change this file, and say why.
const BUDGETS: &str = include_str!("../verifier-budget");

/// A kernel series, such as 6.1.
type Series = (u32, u32);

/// The series of a kernel release such as `6.1.0-56-cloud-amd64`.
fn series(release: &str) -> Option<Series> {
    let mut numbers = release.trim().split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The budget of the newest kernel that is not newer than this one: verifiers get better at seeing
/// that they need not walk a path again.
fn budget(budgets: &str, kernel: Series) -> Option<u32> {
    let lines = budgets.lines().filter(|line| !line.starts_with('#'));
    let entries = lines.filter_map(|line| {
        let (release, budget) = line.split_once(' ')?;
        Some((series(release)?, budget.trim().parse().ok()?))
    });
    entries.filter(|(listed, _)| *listed <= kernel).max().map(|(_, budget)| budget)
}

#[test]
fn verified_instructions_stay_within_the_budget() {
    require_kernel();
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("procfs is mounted");
    let budget = series(&release).and_then(|kernel| budget(BUDGETS, kernel));
    let budget = budget.expect("a kernel no older than those in tests/verifier-budget");
    let (mut program, _records) = Program::load(Mode::Tap, 4_096).unwrap();
    let verified = program.verified_instructions().unwrap().expect("kernel 5.16 or later");
    eprintln!("{verified} verified instructions, budget {budget}");
    assert!(
        verified <= budget + budget / 5,
        "{verified} verified instructions: more than a fifth over the budget of {budget}"
    );
}

#[test]
fn a_kernel_has_the_budget_of_the_newest_listed_one_before_it() {
    let budgets = "# comment 1.0\n6.1 300\n6.18 100\n";
    let of = |release| budget(budgets, series(release).unwrap());
    assert_eq!(of("5.15.0-generic"), None);
    assert_eq!(of("6.1.0-56-cloud-amd64\n"), Some(300));
    assert_eq!(of("6.12.1+deb13"), Some(300));
    assert_eq!(of("6.18-rc1"), Some(100));
    assert_eq!(of("7.0.1"), Some(100));
    assert_eq!(series("unknown"), None);
    assert!(budget(BUDGETS, (6, 1)) > Some(0), "the oldest kernel supported has a budget");
}
