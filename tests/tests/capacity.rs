//! The capacity share in the kernel (L-CAP): how exactly it is kept, by real packets on the real
//! clock, and what it does not touch. The algorithm's own tests, in simulated time, are beside it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::fd::{AsFd as _, AsRawFd as _};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aya::maps::{Map, MapData, MapInfo, PerCpuArray};
use aya::programs::loaded_programs;
use controller::compile::{Slotted, compile};
use controller::kernel::{KernelTables, Mode, Program, Records, ShareStore, XdpAttach};
use controller::order::Mandate;
use etherparse::PacketBuilder;
use rustix::thread::{CpuSet, gettid, sched_setaffinity};
use sekisho_tests::authority::{approved, payload};
use sekisho_tests::frames::{fixtures, layers};
use sekisho_tests::network::{FAR, Wire};
use sekisho_tests::privilege::require_kernel;
use sekisho_tests::wait::until;
use sensor_common::boot_time::BootTime;
use sensor_common::counters::{self, Counters};
use sensor_common::direction::Direction::{
    self, DomesticToForeign, ForeignToDomestic, ForeignToForeign,
};
use sensor_common::outcome::Outcome;
use sensor_common::tables::{Slot, Term};
use serde_json::json;

const RING_BYTES: u32 = 1 << 16;

/// An order for the address of the fixtures, with a facility of `capacity` bits per second.
fn order(id: &str, measure: &str, capacity: u64) -> Mandate {
    let sets = json!({"c2": ["198.51.100.7"]});
    let side = if measure == "domestic-to-foreign" { "destination" } else { "source" };
    let mut payload =
        payload(id, measure, &sets, &json!([{"id": "r", side: "c2", "protocol": "tcp"}]));
    payload["facility"]["capacity_bps"] = json!(capacity);
    approved(&payload)
}

fn tables(number: u32, orders: &[Mandate], sensor: Option<&str>) -> KernelTables {
    let slotted = Slotted::in_turn(orders);
    let generation = compile(number, &[&layers()], &slotted, sensor).unwrap();
    KernelTables::create(&generation.lines).unwrap()
}

/// The program of a sensor that has the whole share.
fn program(orders: &[Mandate]) -> (Program, Records) {
    program_of(None, orders)
}

fn program_of(sensor: Option<&str>, orders: &[Mandate]) -> (Program, Records) {
    require_kernel();
    let (mut program, records) = Program::load(Mode::Tap, RING_BYTES).unwrap();
    program.publish(&tables(1, orders, sensor)).unwrap();
    for slot in Slot::all().take(4) {
        program.set_term(slot, Term::ALWAYS).unwrap();
    }
    program.set_lease(BootTime::MAX).unwrap();
    (program, records)
}

fn sum(program: &Program) -> Counters {
    let mut sum = Counters::default();
    program.counters().unwrap().iter().for_each(|cpu| sum.merge(cpu));
    sum
}

/// The fixture frame with this name.
fn frame(name: &str) -> Vec<u8> {
    fixtures().into_iter().find(|fixture| fixture.name == name).unwrap().frame
}

/// A 外外 frame of `length` bytes that no rule selects.
fn foreign(length: usize) -> Vec<u8> {
    let mut frame = Vec::new();
    let headers = 14 + 20 + 8;
    PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
        .ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64)
        .udp(40_000, 443)
        .write(&mut frame, &vec![0; length - headers])
        .unwrap();
    assert_eq!(frame.len(), length);
    frame
}

/// Bytes of 外外 packets that were inspected, and those that were not.
fn bytes(counters: &Counters) -> (u64, u64) {
    let of = |outcome| counters.bytes(outcome, Some(ForeignToForeign));
    let all: u64 = Outcome::ALL.iter().map(|outcome| of(*outcome)).sum();
    (all - of(Outcome::OverCapacity), of(Outcome::OverCapacity))
}

/// The counters of a program, to be read while another thread runs it.
struct Books(PerCpuArray<MapData, [u64; counters::WORDS]>);

impl Books {
    fn of(program: &mut Program) -> Self {
        let descriptor = program.descriptor().unwrap().as_fd().as_raw_fd();
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{descriptor}")).unwrap();
        let id = info.lines().find_map(|line| line.strip_prefix("prog_id:")).unwrap();
        let id: u32 = id.trim().parse().unwrap();
        let program = loaded_programs().flatten().find(|program| program.id() == id).unwrap();
        let maps = program.map_ids().unwrap().unwrap();
        let is_counters =
            |id: &u32| MapInfo::from_id(*id).unwrap().name_as_str() == Some("COUNTERS");
        let map = MapData::from_id(maps.into_iter().find(is_counters).unwrap()).unwrap();
        Self(Map::from_map_data(map).unwrap().try_into().unwrap())
    }

    fn read(&self) -> Counters {
        let mut sum = Counters::default();
        self.0.get(&0, 0).unwrap().iter().for_each(|words| sum.merge(&Counters::new(*words)));
        sum
    }
}

/// Between two batches. It only sets their size: nothing waits for it.
const PAUSE: Duration = Duration::from_millis(1);

/// Sends twice the share through a program until told to stop. The program is attached somewhere:
/// otherwise the kernel waits for tens of milliseconds before and after each batch.
fn offer(program: &mut Program, frame: &[u8], share: u64, stop: &AtomicBool) {
    let mut last = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        // After an interruption no more than a store can have saved up.
        let time = last.elapsed().min(Duration::from_millis(10));
        last = Instant::now();
        let bytes = 2 * u128::from(share) * time.as_nanos() / 1_000_000_000;
        let packets = u32::try_from(bytes / frame.len() as u128).unwrap();
        program.test_run(frame, packets + 1).unwrap();
        std::thread::sleep(PAUSE);
    }
}

/// Puts this thread before all others, on a CPU of its own if it names one and the machine has it:
/// what else runs here must not keep it waiting for longer than the store saves up for.
fn urgent(cpu: Option<usize>) {
    if let Some(cpu) = cpu {
        let mut set = CpuSet::new();
        set.set(cpu);
        let _ = sched_setaffinity(None, &set);
    }
    let thread = gettid().as_raw_nonzero().to_string();
    // A virtual machine that runs the tests alone has no such command, and no need of it.
    let _ = Command::new("chrt").args(["--fifo", "--pid", "10", &thread]).status();
}

/// A moment, and the bytes that two programs have inspected and refused up to then.
fn moment(books: &[Books; 2]) -> (Instant, u64, u64) {
    loop {
        let before = Instant::now();
        let sums = books.each_ref().map(|books| bytes(&books.read()));
        let took = before.elapsed();
        // Otherwise something came in between.
        if took < Duration::from_millis(1) {
            return (before + took / 2, sums[0].0 + sums[1].0, sums[0].1 + sums[1].1);
        }
    }
}

/// Seconds, bytes inspected and bytes refused: a bit more than a second, in the middle of a flood.
fn second(books: &[Books; 2]) -> (f64, u64, u64) {
    let (_, _, none) = moment(books);
    until("the share to be used up", || (moment(books).2 > none).then_some(()));
    let (from, inspected, refused) = moment(books);
    until("a second", || (from.elapsed() > Duration::from_millis(1_050)).then_some(()));
    let (to, inspected_then, refused_then) = moment(books);
    ((to - from).as_secs_f64(), inspected_then - inspected, refused_then - refused)
}

/// The share of one second, by two interfaces and two CPUs at once. Other load on the machine can only
/// make it less, so the best of ten seconds counts for that; no second may have more.
fn shared_second(programs: &mut [Program; 2], share: u64, length: usize) {
    let orders = [order("one", "foreign-to-foreign", (share * 8 * 100).div_ceil(30))];
    let tables = tables(1, &orders, None);
    for program in programs.iter_mut() {
        program.publish(&tables).unwrap();
    }
    let books = programs.each_mut().map(Books::of);
    let (frame, stop) = (foreign(length), AtomicBool::new(false));
    let ratios = std::thread::scope(|scope| {
        for (cpu, program) in programs.iter_mut().enumerate() {
            let (frame, stop) = (&frame, &stop);
            scope.spawn(move || {
                urgent(Some(cpu));
                offer(program, frame, share, stop);
            });
        }
        let mut ratios = Vec::new();
        while ratios.len() < 10 && ratios.last().is_none_or(|ratio| *ratio < 0.99) {
            let (seconds, inspected, refused) = second(&books);
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
            let ratio = inspected as f64 / (share as f64 * seconds);
            eprintln!(
                "{length} B at {share} B/s: {ratio:.4} in {seconds:.3} s, {refused} B refused"
            );
            ratios.push(ratio);
        }
        stop.store(true, Ordering::Relaxed);
        ratios
    });
    assert!(ratios.iter().all(|ratio| *ratio <= 1.01), "{ratios:?}");
    assert!(ratios.iter().any(|ratio| *ratio >= 0.99), "{ratios:?}");
}

#[test]
fn the_share_is_kept_to_within_one_percent() {
    let store = ShareStore::create(2).unwrap();
    let wires = [Wire::new(), Wire::new()];
    let mut programs = wires.each_ref().map(|wire| {
        let (mut program, _) = program(&[]);
        program.share(&store).unwrap();
        wire.receiver.inside(|| program.attach(FAR, XdpAttach::Native)).unwrap();
        program
    });
    urgent(None);
    // Not more than an emulated machine can offer, and at least two hundred packets a second: no
    // bucket is more exact than a packet.
    for (length, shares) in [
        (64, [100_000, 10_000_000]),
        (512, [100_000, 50_000_000]),
        (1_514, [500_000, 150_000_000]),
        (9_000, [2_000_000, 500_000_000]),
    ] {
        for share in shares {
            shared_second(&mut programs, share, length);
        }
    }
}

/// One byte a second: the first packet takes the share of a minute.
const NEXT_TO_NOTHING: u64 = 27;

#[test]
fn what_is_over_the_share_is_counted_and_not_looked_at() {
    let orders = [
        order("ff", "foreign-to-foreign", NEXT_TO_NOTHING),
        order("fd", "foreign-to-domestic", NEXT_TO_NOTHING),
        order("df", "domestic-to-foreign", NEXT_TO_NOTHING),
    ];
    let (program, mut records) = program(&orders);
    let abroad = frame("外外");
    // The second packet finds the debt of the first.
    let over = 10;
    program.test_run(&abroad, 1 + over).unwrap();
    let mut rules =
        || std::iter::from_fn(|| records.next_record().map(|r| r.rule)).collect::<Vec<_>>();
    assert_eq!(rules(), [0]);
    let counters = sum(&program);
    let of = |outcome, direction| {
        (counters.packets(outcome, direction), counters.bytes(outcome, direction))
    };
    let length = abroad.len() as u64;
    assert_eq!(of(Outcome::Recorded, Some(ForeignToForeign)), (1, length));
    let over = u64::from(over);
    assert_eq!(of(Outcome::OverCapacity, Some(ForeignToForeign)), (over, over * length));

    // Other directions have no share, and lose nothing.
    let others: [(&str, Direction); 2] = [("外内", ForeignToDomestic), ("内外", DomesticToForeign)];
    for (name, _) in others {
        program.test_run(&frame(name), 100).unwrap();
    }
    // Each CPU has a ring of its own, and the runs may have been on two.
    let mut selected = rules();
    selected.sort_unstable();
    assert_eq!(selected, [[1; 100], [2; 100]].concat());
    let counters = sum(&program);
    for (_, direction) in others {
        assert_eq!(counters.packets(Outcome::Recorded, Some(direction)), 100);
        assert_eq!(counters.packets(Outcome::OverCapacity, Some(direction)), 0);
    }
}

#[test]
fn a_new_generation_does_not_fill_the_share() {
    let orders = [order("ff", "foreign-to-foreign", NEXT_TO_NOTHING)];
    let (mut program, _records) = program(&orders);
    let abroad = frame("外外");
    program.test_run(&abroad, 1).unwrap();
    for number in 2..12 {
        program.publish(&tables(number, &orders, None)).unwrap();
        program.test_run(&abroad, 5).unwrap();
    }
    let counters = sum(&program);
    assert_eq!(counters.packets(Outcome::Recorded, Some(ForeignToForeign)), 1);
    assert_eq!(counters.packets(Outcome::OverCapacity, Some(ForeignToForeign)), 50);
}

#[test]
fn one_share_is_for_all_interfaces() {
    let orders = [order("ff", "foreign-to-foreign", NEXT_TO_NOTHING)];
    let abroad = frame("外外");
    let store = ShareStore::create(3).unwrap();
    for (interface, inspected) in [1, 0, 0].into_iter().enumerate() {
        let (mut program, _records) = program(&orders);
        program.share(&store).unwrap();
        program.test_run(&abroad, 1).unwrap();
        let counters = sum(&program);
        let recorded = counters.packets(Outcome::Recorded, Some(ForeignToForeign));
        assert_eq!(recorded, inspected, "interface {interface}");
    }
}

/// Two sensors of a facility at the same time, each offered more than the whole facility may inspect: each
/// keeps to its own share, so that together they keep to the approved one.
#[test]
fn two_sensors_of_a_facility_stay_within_its_share_together() {
    let mut plan = payload(
        "ff",
        "foreign-to-foreign",
        &json!({"c2": ["198.51.100.7"]}),
        &json!([{"id": "r", "source": "c2", "protocol": "tcp"}]),
    );
    // 10 MB/s: 2 MB/s for the one, 1 MB/s for the other.
    plan["facility"] = json!({
        "id": "f", "capacity_bps": 80_000_000, "max_share_percent": 30,
        "sensors": {"a": 20, "b": 10},
    });
    let (orders, frame) = ([approved(&plan)], foreign(1_000));
    let start = Instant::now();
    let inspect = |sensor: &'static str| {
        let (mut program, _records) = program_of(Some(sensor), &orders);
        let store = ShareStore::create(1).unwrap();
        program.share(&store).unwrap();
        // 20 MB, which would take either of them ten seconds.
        for _ in 0..20 {
            program.test_run(&frame, 1_000).unwrap();
        }
        bytes(&sum(&program))
    };
    let [(a, a_left), (b, b_left)] = std::thread::scope(|scope| {
        ["a", "b"].map(|sensor| scope.spawn(move || inspect(sensor))).map(|run| run.join().unwrap())
    });
    // No more than has accrued since before the start, and what a store may have saved up.
    let time = start.elapsed() + Duration::from_millis(100);
    let most = |rate: u128| u64::try_from(rate * time.as_nanos() / 1_000_000_000).unwrap();
    assert!(0 < a && a <= most(2_000_000), "{a} in {time:?}");
    assert!(0 < b && b <= most(1_000_000), "{b} in {time:?}");
    assert!(a + b <= most(3_000_000), "{a} and {b} in {time:?}");
    assert!(a_left > 0 && b_left > 0, "each was offered more than its share");
}

#[test]
fn without_an_art_17_order_nothing_is_over_the_share() {
    let (program, _records) = program(&[order("fd", "foreign-to-domestic", NEXT_TO_NOTHING)]);
    program.test_run(&frame("外外"), 100_000).unwrap();
    let counters = sum(&program);
    assert_eq!(counters.packets(Outcome::Unmatched, Some(ForeignToForeign)), 100_000);
}
