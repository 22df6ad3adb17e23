//! The host's engine and the kernel's side by side: every frame goes through both, and must end alike.

use controller::engine::{Engine, HostEngine, HostGate, KernelEngine, LONGEST_FRAME};
use controller::kernel::KernelTables;
use sensor_common::boot_time::BootTime;
use sensor_common::counters::{Counters, column_name, columns};
use sensor_common::outcome::Outcome;
use sensor_common::record::Record;
use sensor_common::tables::{Slot, Term};

/// An outcome, a direction, and the packets and bytes that were added there.
pub type Added = (Outcome, &'static str, u64, u64);

/// What has become of one frame.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Judged {
    /// Its records, without their time, which is each engine's own.
    pub records: Vec<Record>,
    /// What it added to the counters of outcomes.
    pub added: Vec<Added>,
    /// What it added to those of records and of lost records.
    pub submitted: (u64, u64),
}

/// Puts a frame through one engine.
///
/// # Panics
/// Where the engine fails.
pub fn judged(engine: &mut dyn Engine, frame: &[u8]) -> Judged {
    let before = engine.counters().expect("counters can be read");
    let records = engine.judge(frame).expect("the frame can be judged");
    let after = engine.counters().expect("counters can be read");
    Judged {
        records: timeless(records),
        added: added(&before, &after),
        submitted: (after.records() - before.records(), after.lost() - before.lost()),
    }
}

/// The time is each engine's own; everything else must be the same.
pub fn timeless(mut records: Vec<Record>) -> Vec<Record> {
    for record in &mut records {
        record.time = BootTime::ZERO;
    }
    records
}

fn added(before: &Counters, after: &Counters) -> Vec<Added> {
    let mut added = Vec::new();
    for outcome in Outcome::ALL {
        for direction in columns() {
            let packets = after.packets(*outcome, direction) - before.packets(*outcome, direction);
            let bytes = after.bytes(*outcome, direction) - before.bytes(*outcome, direction);
            if packets + bytes != 0 {
                added.push((*outcome, column_name(direction), packets, bytes));
            }
        }
    }
    added
}

/// Puts a frame through both engines. `None` where it is longer than the kernel's takes.
///
/// # Panics
/// Where they differ: in records, byte for byte, or in what the frame added to any counter.
pub fn alike(
    host: &mut HostEngine,
    kernel: &mut KernelEngine,
    frame: &[u8],
    name: &dyn Fn() -> String,
) -> Option<Judged> {
    if frame.len() > LONGEST_FRAME {
        return None;
    }
    let expected = judged(host, frame);
    let actual = judged(kernel, frame);
    assert_eq!(actual, expected, "the kernel's, then the host's: {}: {frame:02x?}", name());
    Some(expected)
}

/// Gives the kernel's engine the tables of the host's, and a gate that is open for the same: the host's clock
/// is set, the kernel's runs. So what was over by the one is long over by the other, and what was to come never
/// comes.
///
/// # Panics
/// Where the kernel refuses them.
pub fn follow(kernel: &mut KernelEngine, host: &mut HostEngine) {
    let program = kernel.program();
    let tables = KernelTables::create(host.lines()).expect("tables can be made");
    program.publish(&tables).expect("tables can be published");
    let HostGate { terms, lease, halted, now } = host.gate().clone();
    for (slot, term) in Slot::all().zip(terms) {
        let [begin, end] = term.words().map(|moment| around_now(moment, now));
        program.set_term(slot, Term::from([begin, end])).expect("a term can be written");
    }
    let lease = BootTime::from_nanos(around_now(lease.as_nanos(), now));
    program.set_lease(lease).expect("a lease can be written");
    program.set_halted(halted).expect("a halt can be written");
}

/// A moment as far in the past or the future as can be. 0 stays what it is: no moment.
const fn around_now(moment: u64, now: BootTime) -> u64 {
    match moment {
        0 => 0,
        past if past <= now.as_nanos() => BootTime::FIRST.as_nanos(),
        _ => BootTime::MAX.as_nanos(),
    }
}
