//! The program stays within reach of the verifier: it counts the instructions that it walks through
//! to accept the program, and stops at a million.

use controller::kernel::{Mode, Program};
use sekisho_tests::privilege::require_kernel;

/// The budget: what the program took when someone last looked. A change that costs more than a
/// fifth on top has to change this file, and say why.
const BUDGET: &str = include_str!("../verifier-budget");

#[test]
fn verified_instructions_stay_within_the_budget() {
    require_kernel();
    let budget: u32 = BUDGET.trim().parse().expect("one number");
    let (mut program, _records) = Program::load(Mode::Tap, 4_096).unwrap();
    let verified = program.verified_instructions().unwrap().expect("kernel 5.16 or later");
    eprintln!("{verified} verified instructions, budget {budget}");
    assert!(
        verified <= budget + budget / 5,
        "{verified} verified instructions: more than a fifth over the budget of {budget}"
    );
}
