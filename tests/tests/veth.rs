//! The program on an interface: attached in the driver of a veth pair, under real traffic.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use controller::compile::{Slotted, compile};
use controller::kernel::{KernelTables, Mode, Program, Records, XdpAttach};
use sekisho_tests::authority::{approved, payload};
use sekisho_tests::frames::layers;
use sekisho_tests::network::{FAR, RECEIVER, SENDER, Wire};
use sekisho_tests::privilege::require_kernel;
use sensor_common::boot_time::BootTime;
use sensor_common::counters::Counters;
use sensor_common::direction::Direction::ForeignToForeign;
use sensor_common::outcome::Outcome;
use sensor_common::tables::{Slot, Term};
use serde_json::json;

/// Generous: traffic over a veth pair takes microseconds, in an emulated machine too.
const LIMIT: Duration = Duration::from_secs(10);

const SELECTED_PORT: u16 = 443;
const OTHER_PORT: u16 = 80;

/// So few that all of them fit into a socket's buffer, where each takes a page and more.
const PACKETS: u16 = 32;

/// A program under one order, which selects what the sender sends to one port.
fn program(mode: Mode) -> (Program, Records) {
    let sets = json!({"c2": [SENDER]});
    let rules = json!([{
        "id": "r", "source": "c2", "protocol": "udp",
        "destination_ports": [SELECTED_PORT.to_string()],
    }]);
    let order = approved(&payload("one", "foreign-to-foreign", &sets, &rules));
    let generation = compile(7, &[&layers()], &Slotted::in_turn([&order]), None).unwrap();
    let (mut program, records) = Program::load(mode, 1 << 16).unwrap();
    program.publish(&KernelTables::create(&generation.lines).unwrap()).unwrap();
    program.set_term(Slot::new(0), Term::ALWAYS).unwrap();
    program.set_lease(BootTime::MAX).unwrap();
    (program, records)
}

fn counters(program: &Program) -> Counters {
    let mut sum = Counters::default();
    for cpu in program.counters().unwrap() {
        sum.merge(&cpu);
    }
    sum
}

fn judged(program: &Program, outcome: Outcome) -> u64 {
    counters(program).packets(outcome, Some(ForeignToForeign))
}

/// Sends `PACKETS` datagrams to each port, and waits until the program has judged them all.
fn send(from: &UdpSocket, program: &Program) {
    for _ in 0..PACKETS {
        for port in [SELECTED_PORT, OTHER_PORT] {
            from.send_to(b"hello", (RECEIVER, port)).unwrap();
        }
    }
    let start = Instant::now();
    let outcomes = || [Outcome::Recorded, Outcome::Unmatched].map(|kind| judged(program, kind));
    while outcomes() != [u64::from(PACKETS); 2] {
        assert!(start.elapsed() < LIMIT, "recorded and unmatched: {:?}", outcomes());
        std::thread::yield_now();
    }
}

fn traffic_through(mode: Mode) {
    require_kernel();
    let wire = Wire::new();
    let Wire { sender, receiver, .. } = &wire;
    let (mut program, mut records) = program(mode);
    receiver.inside(|| program.attach(FAR, XdpAttach::Native)).unwrap();
    let shown = receiver.ip("link show dev far");
    assert!(shown.contains("prog/xdp id"), "in the driver, not generic: {shown}");

    let bind = |host: &str, port| UdpSocket::bind((host, port)).unwrap();
    let from = sender.inside(|| bind(SENDER, 0));
    let to = receiver.inside(|| bind(RECEIVER, SELECTED_PORT));
    send(&from, &program);

    let source_port = from.local_addr().map(|address| address.port()).unwrap();
    for number in 0..PACKETS {
        let record = records.next_record().unwrap_or_else(|| panic!("record {number} is missing"));
        assert_eq!(
            (record.source_port, record.destination_port, record.generation, record.length),
            // Ethernet, IPv4 and UDP headers, and the payload.
            (source_port, SELECTED_PORT, 7, 14 + 20 + 8 + 5)
        );
    }
    assert_eq!(records.next_record(), None);

    match mode {
        Mode::Tap => {
            to.set_nonblocking(true).unwrap();
            assert_eq!(receive(&to), Err(ErrorKind::WouldBlock), "tap drops every frame");
        }
        Mode::Inline => {
            to.set_read_timeout(Some(LIMIT)).unwrap();
            for _ in 0..PACKETS {
                assert_eq!(receive(&to), from.local_addr().map_err(|error| error.kind()));
            }
        }
    }
    drop(program);
    assert!(!wire.has_program(), "a program that is gone selects nothing");
}

fn receive(socket: &UdpSocket) -> Result<SocketAddr, ErrorKind> {
    let mut buffer = [0; 16];
    socket.recv_from(&mut buffer).map(|(_, sender)| sender).map_err(|error| error.kind())
}

#[test]
fn a_tap_records_and_drops_real_traffic() {
    traffic_through(Mode::Tap);
}

#[test]
fn inline_records_real_traffic_and_lets_it_pass() {
    traffic_through(Mode::Inline);
}

/// Payloads of datagrams in frames of one buffer and of several, up to a whole link's.
const JUMBO: [usize; 6] = [1_472, 3_400, 3_520, 4_096, 8_000, 9_000 - 28];

/// With links for jumbo frames, the driver hands frames over in several buffers: all of one is counted, recorded
/// and let through.
#[test]
fn jumbo_frames_are_judged_and_pass_whole() {
    require_kernel();
    let wire = Wire::new();
    let Wire { sender, receiver, .. } = &wire;
    sender.ip("link set near mtu 9000");
    receiver.ip(&format!("link set {FAR} mtu 9000"));
    let (mut program, mut records) = program(Mode::Inline);
    receiver.inside(|| program.attach(FAR, XdpAttach::Native)).unwrap();

    let from = sender.inside(|| UdpSocket::bind((SENDER, 0))).unwrap();
    let to = receiver.inside(|| UdpSocket::bind((RECEIVER, SELECTED_PORT))).unwrap();
    to.set_read_timeout(Some(LIMIT)).unwrap();
    let mut bytes = 0;
    for length in JUMBO {
        let payload: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
        from.send_to(&payload, (RECEIVER, SELECTED_PORT)).unwrap();
        let mut received = vec![0; 10_000];
        let count = to.recv(&mut received).unwrap();
        assert!(received[..count] == payload, "{count} of {length} bytes");
        // Ethernet, IPv4 and UDP headers.
        let frame = u32::try_from(14 + 20 + 8 + length).unwrap();
        let record = records.next_record().unwrap_or_else(|| panic!("{length}: no record"));
        assert_eq!((record.length, record.destination_port), (frame, SELECTED_PORT));
        bytes += u64::from(frame);
    }
    assert_eq!(records.next_record(), None);
    assert_eq!(counters(&program).bytes(Outcome::Recorded, Some(ForeignToForeign)), bytes);
}
