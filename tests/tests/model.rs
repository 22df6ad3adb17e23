//! The model of the life of orders (`sekisho-model`) over the real program: after each of
//! many random steps, the program judges a packet for every order there may be, and its records are
//! for orders in force by the model, and for nothing else (L-APPROVE, L-TERM, L-EXTEND).
//!
//! The kernel's clock cannot be set. So time passes the other way round: what the maps say of time is
//! moved to where it would be. The daemon is killed between any two steps on the disk.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, BufRead};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use controller::compile::{Names, compile};
use controller::daemon::sensor::{Enforce, SensorError};
use controller::durable::disk::{Disk, RealDisk, Steps};
use controller::kernel::clock::boot_time;
use controller::kernel::{KernelError, KernelTables, Mode, Program, Records};
use controller::registry::StatePaths;
use etherparse::PacketBuilder;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestError, TestRng, TestRunner};
use sekisho_model::documents::source;
use sekisho_model::law::{IDS, MOST_SERIAL, Step, step};
use sekisho_model::ports::{Medium, Port};
use sekisho_model::stories::{a_long_life, handed_over};
use sekisho_model::world::World;
use sekisho_tests::frames::layers;
use sekisho_tests::privilege::require_kernel;
use sensor_common::boot_time::BootTime;
use sensor_common::tables::{Line, Slot, Term};
use tempfile::TempDir;

/// How long sequences are tried.
const TIME: Duration = Duration::from_secs(20);

/// How many there must be, in an emulated machine too.
const FEWEST: usize = 3;

/// What each sequence begins with: an order in force, so that there is something to go wrong.
const FIRST: [Step; 3] = [
    Step::Compiled,
    Step::Install { id: 0, serial: 1, from: -1, length: 60, slack: 0, extends: false, signers: 2 },
    Step::Compiled,
];

/// Most steps of a sequence.
const STEPS: usize = 40;

/// A moment that is now was this long ago by the kernel's clock, so that it has come, and the next
/// second has not. Nanoseconds.
const SINCE: u64 = 10_000_000;

/// The program and its rings.
struct Kernel {
    program: Program,
    records: Records,
    /// A generation without orders.
    empty: KernelTables,
    /// What the records of the generation in force mean.
    names: Option<Arc<Names>>,
    /// What has to be added to a time of the model's boot clock to have one of the kernel's.
    ahead: i64,
    /// A packet for each order that there may be.
    frames: Vec<(usize, u64, Vec<u8>)>,
}

impl Kernel {
    fn load() -> Self {
        require_kernel();
        let (program, records) = Program::load(Mode::Tap, 1 << 16).unwrap();
        let orders =
            (0..IDS.len()).flat_map(|id| (1..=MOST_SERIAL).map(move |serial| (id, serial)));
        let frames = orders.map(|(id, serial)| (id, serial, frame(id, serial))).collect();
        let empty = compile(0, &[&layers()], &[], None).unwrap();
        let empty = KernelTables::create(&empty.lines).unwrap();
        Self { program, records, empty, names: None, ahead: 0, frames }
    }

    /// A time of the model's in the kernel's.
    fn real(&self, time: BootTime) -> BootTime {
        moved(time, self.ahead)
    }

    fn real_term(&self, term: Term) -> Term {
        Term { begin: self.real(term.begin), end: self.real(term.end) }
    }
}

/// A time, moved; what stands for never and always stays. A machine that was booted just now knows no
/// time as early as some of the model's: then it is the first one that it knows.
fn moved(time: BootTime, by: i64) -> BootTime {
    if time == BootTime::ZERO || time == BootTime::MAX {
        return time;
    }
    BootTime::from_nanos(time.as_nanos().saturating_add_signed(by).max(1))
}

/// A packet that the order selects.
fn frame(id: usize, serial: u64) -> Vec<u8> {
    let mut frame = Vec::new();
    let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let builder = builder.ipv4(source(id, serial).octets(), [203, 0, 113, 9], 64).udp(1, 2);
    builder.write(&mut frame, b"hello").unwrap();
    frame
}

fn failed(error: KernelError) -> SensorError {
    SensorError { interface: "test run".to_owned(), error }
}

impl Enforce for &mut Kernel {
    type Tables = KernelTables;

    fn tables(lines: &[Line]) -> Result<KernelTables, SensorError> {
        KernelTables::create(lines).map_err(failed)
    }

    fn publish(&mut self, tables: KernelTables) -> Result<(), SensorError> {
        self.program.publish(&tables).map_err(failed)
    }

    fn set_term(&mut self, slot: Slot, term: Term) -> Result<(), SensorError> {
        let term = self.real_term(term);
        self.program.set_term(slot, term).map_err(failed)
    }

    fn narrow_term(&mut self, slot: Slot, limit: Term) -> Result<(), SensorError> {
        let limit = self.real_term(limit);
        self.program.narrow_term(slot, limit).map_err(failed)
    }

    fn set_lease(&mut self, until: BootTime) -> Result<(), SensorError> {
        let until = self.real(until);
        self.program.set_lease(until).map_err(failed)
    }

    fn set_halted(&mut self, halted: bool) -> Result<(), SensorError> {
        self.program.set_halted(halted).map_err(failed)
    }

    fn is_halted(&self) -> Result<bool, SensorError> {
        self.program.is_halted().map_err(failed)
    }
}

impl Port for &mut Kernel {
    fn set_now(&mut self, boot: BootTime) {
        // Times that fit into 63 bits, as all do that any machine shows.
        let ahead = boot_time().as_nanos().wrapping_sub(boot.as_nanos() + SINCE).cast_signed();
        let by = ahead - self.ahead;
        self.ahead = ahead;
        for slot in Slot::all() {
            let Term { begin, end } = self.program.term(slot).unwrap();
            let term = Term { begin: moved(begin, by), end: moved(end, by) };
            self.program.set_term(slot, term).unwrap();
        }
        let lease = moved(self.program.lease().unwrap(), by);
        self.program.set_lease(lease).unwrap();
    }

    fn judges_by(&mut self, names: Arc<Names>) {
        self.names = Some(names);
    }

    fn live(&mut self) -> Vec<(usize, u64)> {
        let mut live = Vec::new();
        let start = Instant::now();
        let Kernel { program, records, frames, names, .. } = &mut **self;
        for (id, serial, frame) in frames {
            program.test_run(frame, 1).unwrap();
            while let Some(record) = records.next_record() {
                let names = names.as_ref().expect("a record without a generation");
                assert_eq!(record.generation, names.generation, "not the generation in force");
                let order = &names.rule(record.rule).expect("a rule of it").order;
                let of = (order.order_id.as_str(), order.serial);
                assert_eq!(of, (IDS[*id], *serial), "a record for another order's packet");
                live.push((*id, *serial));
            }
        }
        let took = start.elapsed();
        assert!(
            took < Duration::from_millis(900),
            "the machine is too slow for this test: {took:?}"
        );
        let once: BTreeSet<&(usize, u64)> = live.iter().collect();
        assert_eq!(once.len(), live.len(), "two records of one packet");
        live
    }

    fn forget(&mut self) {
        self.program.set_lease(BootTime::ZERO).unwrap();
        self.program.set_halted(false).unwrap();
        for slot in Slot::all() {
            self.program.set_term(slot, Term::NEVER).unwrap();
        }
        self.program.publish(&self.empty).unwrap();
        self.names = None;
    }
}

/// A directory whose only writer is killed before a step. What it has written stays, so nothing needs
/// to be brought to the disk. A clone is the same directory.
#[derive(Clone, Debug)]
struct KilledDisk {
    directory: Rc<TempDir>,
    left: Rc<Cell<Option<usize>>>,
}

impl KilledDisk {
    fn new() -> Self {
        Self { directory: Rc::new(tempfile::tempdir().unwrap()), left: Rc::default() }
    }

    fn step(&self) -> io::Result<()> {
        if let Some(left) = self.left.get() {
            let left = left.checked_sub(1).ok_or_else(|| io::Error::other("killed"))?;
            self.left.set(Some(left));
        }
        Ok(())
    }
}

impl Steps for KilledDisk {
    fn write(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.step()?;
        RealDisk.write(path, &bytes[..bytes.len() / 2])?;
        self.step()?;
        RealDisk.write(path, bytes)
    }

    fn sync(&mut self, _: &Path) -> io::Result<()> {
        self.step()
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.rename(from, to)
    }

    fn sync_directory(&mut self, _: &Path) -> io::Result<()> {
        self.step()
    }
}

impl Disk for KilledDisk {
    fn read(&mut self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        RealDisk.read(path)
    }

    fn stream(&mut self, path: &Path) -> io::Result<Option<Box<dyn BufRead>>> {
        RealDisk.stream(path)
    }

    fn names(&mut self, path: &Path) -> io::Result<Vec<OsString>> {
        RealDisk.names(path)
    }

    fn create_directory(&mut self, path: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.create_directory(path)
    }

    fn append(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let (first, second) = bytes.split_at(bytes.len() / 2);
        self.step()?;
        RealDisk.append(path, first)?;
        self.step()?;
        RealDisk.append(path, second)
    }

    fn truncate(&mut self, path: &Path, length: u64) -> io::Result<()> {
        self.step()?;
        RealDisk.truncate(path, length)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.remove(path)
    }
}

impl Medium for KilledDisk {
    fn cut_after(&self, steps: Option<usize>) {
        self.left.set(steps);
    }

    fn after_cut(&self, _: u64) -> Self {
        Self { directory: Rc::clone(&self.directory), left: Rc::default() }
    }

    fn place(&self) -> StatePaths {
        StatePaths::new(&self.directory.path().join("state"), None)
    }
}

/// A sensor without orders over an empty kernel.
fn world(mut kernel: &mut Kernel) -> World<&mut Kernel, KilledDisk> {
    kernel.forget();
    World::new(kernel, KilledDisk::new(), Arc::new(vec![layers()]))
}

#[test]
fn orders_in_force_select_and_no_others() {
    let mut kernel = Kernel::load();
    for story in [a_long_life(), handed_over()] {
        world(&mut kernel).tell(story);
    }
}

#[test]
fn the_kernel_selects_for_nothing_that_is_not_in_force() {
    let mut kernel = Kernel::load();
    // The same sequences every time, or other ones, or those that failed.
    let seed: u64 = std::env::var("SEKISHO_SEED").map_or(1, |seed| seed.parse().unwrap());
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = ProptestConfig {
        cases: u32::MAX,
        failure_persistence: None,
        max_shrink_time: 20_000,
        ..ProptestConfig::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let steps = prop::collection::vec(step(), STEPS / 2..STEPS);
    let (start, mut sequences, records) = (Instant::now(), 0, Cell::new(0));
    while start.elapsed() < TIME || sequences < FEWEST {
        let tree = steps.new_tree(&mut runner).unwrap();
        let kernel = RefCell::new(&mut kernel);
        let result = runner.run_one(tree, |steps| {
            let mut kernel = kernel.borrow_mut();
            let mut world = world(&mut kernel);
            for step in FIRST.into_iter().chain(steps) {
                world.carry_out(step);
                records.set(records.get() + world.check(&step).len());
            }
            Ok(())
        });
        if let Err(TestError::Fail(reason, steps)) = result {
            panic!("SEKISHO_SEED={seed}: {reason}, after {steps:#?}");
        }
        sequences += 1;
    }
    let records = records.get();
    eprintln!("{sequences} sequences, {records} records");
    assert!(records > 2 * sequences, "hardly anything was ever in force: {records} records");
}
