//! Frames as drivers hand them over: up to the longest, over several buffers, with a short first one, and shorter
//! than any frame should be. What cannot be judged is malformed; nothing is selected that would not be if all of
//! the frame were read.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::net::Ipv6Addr;
use std::sync::Arc;

use controller::compile::{Generation, Names, Slotted, compile};
use controller::engine::{Engine, HostEngine, KernelEngine, LONGEST_FRAME, SHORTEST_FRAME};
use controller::kernel::KernelError;
use etherparse::PacketBuilder;
use sekisho_stack::{Outer, Piece};
use sekisho_tests::authority::{approved, payload};
use sekisho_tests::both::{Judged, alike, judged};
use sekisho_tests::frames::{fixtures, layers, orders};
use sekisho_tests::privilege::require_kernel;
use sensor_common::counters::Counters;
use sensor_common::outcome::Outcome;
use sensor_common::packet::Captured;
use sensor_common::record::Record;
use serde_json::json;

/// The orders of the fixtures, and one that goes by payloads.
fn generation() -> Generation {
    let mut beginning = payload(
        "get",
        "foreign-to-foreign",
        &json!({"c2": ["198.51.100.7"]}),
        &json!([{"id": "get", "payload": "get", "protocol": "tcp"}]),
    );
    beginning["payload_prefixes"] = json!({"get": {"hex": ["474554202f696e6465782e68746d6c"]}});
    let mut orders = orders();
    orders.push(approved(&beginning));
    compile(3, &[&layers()], &Slotted::in_turn(&orders), None).unwrap()
}

fn engines() -> (Arc<Names>, HostEngine, KernelEngine) {
    require_kernel();
    let Generation { names, lines, .. } = generation();
    let kernel = KernelEngine::new(&lines).unwrap();
    (names, HostEngine::new(lines), kernel)
}

/// The orders that records name. With fewer of its bytes, a packet may be one of an order's later rule.
fn orders_of(names: &Names, records: &[Record]) -> BTreeSet<u32> {
    records.iter().map(|record| names.rule(record.rule).unwrap().order.slot.number()).collect()
}

/// A TCP packet that is selected, with a payload so long that its frame is. `c2` is its source.
fn packet(length: usize) -> Vec<u8> {
    let mut content = b"GET /index.html HTTP/1.1\r\n".to_vec();
    content.resize(length.saturating_sub(54), b'x');
    let mut frame = Vec::new();
    PacketBuilder::ethernet2([2; 6], [2; 6])
        .ipv4([198, 51, 100, 7], [192, 0, 2, 1], 64)
        .tcp(40_000, 443, 1, 1_024)
        .write(&mut frame, &content)
        .unwrap();
    frame.split_off(14)
}

/// Frames of this length: plain, behind tags and in tunnels.
fn frames(length: usize) -> Vec<Vec<u8>> {
    let wrappers: [fn(Piece) -> Piece; 5] = [
        |piece| piece,
        |piece| piece.frame(&[0x88a8, 0x8100]),
        |piece| piece.ip_in_ip(Outer::V6),
        |piece| piece.frame(&[]).vxlan(Outer::V4, 4_789),
        |piece| piece.gtp(Outer::V4, &[]).frame(&[]).labels(2, true),
    ];
    let around = |wrap: fn(Piece) -> Piece| {
        let empty = wrap(Piece::packet(packet(80))).on_the_wire().bytes.len() - 80;
        wrap(Piece::packet(packet(length - empty))).on_the_wire().bytes
    };
    let mut frames: Vec<Vec<u8>> = wrappers.map(around).into();
    // Most of it is padding.
    let mut padded = Piece::packet(packet(100)).on_the_wire().bytes;
    padded.resize(length, 0);
    frames.push(padded);
    frames
}

/// Frames of IPv6 with an extension header of more than a kilobyte: then TCP, and then an IPv4 packet.
fn far_frames() -> [Vec<u8>; 2] {
    let inner = packet(120);
    let behind = |next: u8, rest: &[u8]| {
        let address = |text: &str| text.parse::<Ipv6Addr>().unwrap().octets();
        let mut options = vec![next, 130];
        options.resize(131 * 8, 0);
        let length = u16::try_from(options.len() + rest.len()).unwrap().to_be_bytes();
        let fixed = [0x60, 0, 0, 0, length[0], length[1], 60, 64];
        let ends = [address("2001:db8:5::1"), address("2001:db8:1::1")].concat();
        Piece::packet([&fixed[..], &ends, &options, rest].concat()).on_the_wire().bytes
    };
    [behind(6, &inner[20..]), behind(4, &inner)]
}

/// Lengths of Ethernet's usual frames, of pages and of what `BPF_PROG_TEST_RUN` puts into a first buffer, and
/// beside them.
const LENGTHS: [usize; 14] = [
    512,
    1_023,
    1_024,
    1_514,
    2_048,
    3_519,
    3_520,
    3_521,
    4_096,
    9_014,
    9_216,
    16_384,
    65_535,
    LONGEST_FRAME,
];

#[test]
fn frames_up_to_the_longest_end_alike_in_both_engines() {
    let (_, mut host, mut kernel) = engines();
    for length in LENGTHS {
        for (number, frame) in frames(length).iter().enumerate() {
            assert_eq!(frame.len(), length);
            let name = || format!("{number} of {length}");
            let Judged { records, added, .. } =
                alike(&mut host, &mut kernel, frame, &name).unwrap();
            // An order by addresses and ports, and the one by payloads.
            assert_eq!(records.len(), 2, "{}", name());
            let bytes = u64::try_from(length).unwrap();
            assert_eq!(added, [(Outcome::Recorded, "foreign-to-foreign", 1, bytes)], "{}", name());
            assert!(records.iter().all(|record| u64::from(record.length) == bytes));
        }
    }
    let long = vec![0; LONGEST_FRAME + 1];
    assert!(matches!(kernel.judge(&long), Err(KernelError::FrameTooLong(_))));
}

#[test]
fn frames_below_the_shortest_end_alike_in_both_engines() {
    let (names, mut host, mut kernel) = engines();
    for fixture in fixtures() {
        let whole = judged(&mut host, &fixture.frame);
        for length in 0..=fixture.frame.len().min(60) {
            let frame = &fixture.frame[..length];
            let name = || format!("{}, {length}", fixture.name);
            let Judged { records, added, .. } =
                alike(&mut host, &mut kernel, frame, &name).unwrap();
            assert!(length >= SHORTEST_FRAME || added[0].0 == Outcome::Malformed, "{}", name());
            assert!(
                orders_of(&names, &records).is_subset(&orders_of(&names, &whole.records)),
                "{}",
                name()
            );
        }
    }
}

/// A length that a header claims, at every value that it can have close to the truth, and far from it.
#[test]
fn lengths_that_disagree_are_malformed_or_have_no_payload() {
    let (_, mut host, mut kernel) = engines();
    let frame = Piece::packet(packet(120)).on_the_wire().bytes;
    let packet = u16::try_from(frame.len() - 14).unwrap();
    for claimed in (0..packet + 80).chain([1_500, 0x7fff, 0x8000, u16::MAX]) {
        let mut frame = frame.clone();
        frame[16..18].copy_from_slice(&claimed.to_be_bytes());
        let name = || format!("total length {claimed} of {packet}");
        let Judged { records, added, .. } = alike(&mut host, &mut kernel, &frame, &name).unwrap();
        // The headers of IPv4 and TCP, then the prefix of 15 bytes.
        let (outcome, selected) = match claimed {
            0..40 => (Outcome::Malformed, 0),
            40..55 => (Outcome::Recorded, 1),
            _ if claimed <= packet => (Outcome::Recorded, 2),
            _ => (Outcome::Malformed, 0),
        };
        assert_eq!((added[0].0, records.len()), (outcome, selected), "{}", name());
    }
    for words in 0..=15 {
        let mut frame = frame.clone();
        frame[34 + 12] = words << 4;
        let name = || format!("data offset {words}");
        let Judged { records, .. } = alike(&mut host, &mut kernel, &frame, &name).unwrap();
        assert_eq!(records.len(), if words == 5 { 2 } else { 1 }, "{}", name());
    }
}

/// The kernel's engine over frames whose first buffer has so many bytes.
struct Split<'a> {
    kernel: &'a mut KernelEngine,
    first: usize,
}

impl Engine for Split<'_> {
    fn judge(&mut self, frame: &[u8]) -> Result<Vec<Record>, KernelError> {
        self.kernel.judge_split(frame, u32::try_from(self.first).unwrap())
    }

    fn counters(&self) -> Result<Counters, KernelError> {
        self.kernel.counters()
    }
}

/// The host's engine over what is in a first buffer, of a frame that is as long as `length`.
struct Beginning<'a> {
    host: &'a mut HostEngine,
    first: usize,
    length: usize,
}

impl Engine for Beginning<'_> {
    fn judge(&mut self, frame: &[u8]) -> Result<Vec<Record>, KernelError> {
        let length = u32::try_from(self.length).unwrap();
        Ok(self.host.judge_captured(&Captured { bytes: &frame[..self.first], length }))
    }

    fn counters(&self) -> Result<Counters, KernelError> {
        self.host.counters()
    }
}

/// The first buffer that drivers fill before they start the next has more bytes than this.
const FULL_BUFFER: usize = 1_024;

/// Whether this kernel makes first buffers short where it is asked to.
fn splits(kernel: &mut KernelEngine) -> bool {
    kernel.judge_split(&frames(512)[0], 64).is_ok()
}

#[test]
fn a_short_first_buffer_selects_nothing_that_the_whole_frame_would_not() {
    let (names, mut host, mut kernel) = engines();
    if !splits(&mut kernel) {
        eprintln!(
            "this kernel makes no short first buffers (Linux 6.18 does): there is no proof of them here"
        );
        return;
    }
    let long = [600, 1_514, 2_600, 9_014].into_iter().flat_map(frames);
    let short = fixtures().into_iter().map(|fixture| fixture.frame);
    let mut seen = BTreeSet::new();
    for frame in long.chain(far_frames()).chain(short).filter(|frame| frame.len() > SHORTEST_FRAME)
    {
        let whole = judged(&mut host, &frame);
        let ends = (SHORTEST_FRAME..200).chain((200..3_400).step_by(37)).chain(1_000..1_160);
        for first in ends.filter(|first| *first < frame.len()) {
            let length = if first < FULL_BUFFER { first } else { frame.len() };
            let mut expected = judged(&mut Beginning { host: &mut host, first, length }, &frame);
            let actual = judged(&mut Split { kernel: &mut kernel, first }, &frame);
            for (outcome, _, _, bytes) in &mut expected.added {
                // The books have all bytes of it.
                if *outcome == Outcome::Malformed {
                    *bytes = frame.len() as u64;
                }
            }
            assert_eq!(actual, expected, "{first} of {}: {:02x?}", frame.len(), &frame[..first]);
            assert!(
                orders_of(&names, &actual.records).is_subset(&orders_of(&names, &whole.records)),
                "{first}: {frame:02x?}"
            );
            seen.extend(
                actual.added.iter().map(|(outcome, ..)| (first < FULL_BUFFER, outcome.name())),
            );
        }
    }
    for outcome in [Outcome::Recorded, Outcome::Malformed] {
        assert!(seen.contains(&(true, outcome.name())) && seen.contains(&(false, outcome.name())));
    }
}
