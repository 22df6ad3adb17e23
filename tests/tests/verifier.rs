//! The program stays within reach of the verifier: it counts the instructions that it walks through
//! to accept the program, and stops at a million. What else the program needs of a kernel is known, too.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use aya::maps::MapType;
use aya::sys::BpfHelper;
use aya_obj::generated::{BPF_CALL, BPF_JMP, bpf_insn, bpf_map_type};
use controller::kernel::{Mode, Need, Object, Program};
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

/// The budget of this kernel; of one between two that are listed, the larger of theirs: a verifier that sees more
/// often that it need not walk a path again is followed by one that sees it less often, too.
fn budget(budgets: &str, kernel: Series) -> Option<u32> {
    let lines = budgets.lines().filter(|line| !line.starts_with('#'));
    let entries = lines.filter_map(|line| {
        let (release, budget) = line.split_once(' ')?;
        Some((series(release)?, budget.trim().parse().ok()?))
    });
    let listed: BTreeMap<Series, u32> = entries.collect();
    let (_, before) = listed.range(..=kernel).next_back()?;
    let after = listed.range(kernel..).next().map(|(_, budget)| budget);
    after.max(Some(before)).copied()
}

#[test]
fn verified_instructions_stay_within_the_budget() {
    require_kernel();
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("procfs is mounted");
    let budget = series(&release).and_then(|kernel| budget(BUDGETS, kernel));
    let budget = budget.expect("a kernel no older than those in tests/verifier-budget");
    let (mut program, _records) = Program::load(Mode::Tap, 4_096).unwrap();
    let verified = program.verified_instructions().unwrap().expect("kernel 5.16 or later");
    // Not through the harness, which keeps to itself what a passed test prints.
    let release = release.trim_end();
    let told = format!("{verified} verified instructions under {release}, budget {budget}\n");
    std::io::stderr().write_all(told.as_bytes()).expect("standard error");
    assert!(
        verified <= budget + budget / 5,
        "{verified} verified instructions: more than a fifth over the budget of {budget}"
    );
}

#[test]
fn a_kernel_has_its_budget_or_the_larger_one_of_its_neighbours() {
    let budgets = "# comment 1.0\n6.1 300\n6.12 50\n6.18 100\n";
    let of = |release| budget(budgets, series(release).unwrap());
    assert_eq!(of("5.15.0-generic"), None);
    assert_eq!(of("6.1.0-56-cloud-amd64\n"), Some(300));
    assert_eq!(of("6.6.1"), Some(300));
    assert_eq!(of("6.12.1+deb13"), Some(50));
    assert_eq!(of("6.15.0"), Some(100));
    assert_eq!(of("6.18-rc1"), Some(100));
    assert_eq!(of("7.0.1"), Some(100));
    assert_eq!(series("unknown"), None);
    assert!(budget(BUDGETS, (6, 1)) > Some(0), "the oldest kernel supported has a budget");
}

#[test]
fn this_kernel_has_all_that_the_program_needs() {
    require_kernel();
    for need in Need::ALL {
        assert_eq!(need.met(), Some(true), "{need}");
    }
    // A helper that no XDP program may call: the kernel does say no.
    assert_eq!(Need::Helper(BpfHelper::BPF_FUNC_msg_redirect_map).met(), Some(false));
}

#[test]
fn what_the_program_needs_is_what_is_in_it() {
    let carried = Object::Embedded;
    let object = aya_obj::Object::parse(carried.bytes().expect("the kernel program")).unwrap();
    let instructions = object.functions.values().flat_map(|function| &function.instructions);
    let called: BTreeSet<u32> = instructions
        .filter(|one| calls_a_helper(**one))
        .map(|one| one.imm.cast_unsigned())
        .collect();
    let maps: BTreeSet<String> = object
        .maps
        .values()
        .map(|map| bpf_map_type::try_from(map.map_type()).ok().expect("a known type of maps"))
        .map(|kind| format!("{:?}", MapType::try_from(kind).expect("a known type of maps")))
        .collect();
    let (mut helpers, mut kinds) = (BTreeSet::new(), BTreeSet::new());
    for need in Need::ALL {
        match need {
            Need::Helper(helper) => {
                assert!(helpers.insert(helper as u32), "{need} is listed twice");
            }
            Need::Map(kind) => assert!(kinds.insert(format!("{kind:?}")), "{need} is listed twice"),
        }
    }
    assert_eq!((called, maps), (helpers, kinds));
}

/// A call of the kernel, and not of another function of the program (linux/bpf.h, `BPF_PSEUDO_CALL`).
fn calls_a_helper(instruction: bpf_insn) -> bool {
    u32::from(instruction.code) == BPF_JMP | BPF_CALL && instruction.src_reg() == 0
}
