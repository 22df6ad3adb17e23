//! Payload prefixes in the kernel: SipHash-2-4 against its reference vectors, prefixes of every
//! length, and random payloads under orders of every kind, each in both engines.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;

use controller::compile::{Generation, Slotted, compile};
use controller::engine::{Engine, HostEngine, KernelEngine};
use etherparse::PacketBuilder;
use sekisho_tests::authority::{approved, payload};
use sekisho_tests::frames::layers;
use sekisho_tests::privilege::require_kernel;
use sensor_common::boot_time::BootTime;
use sensor_common::record::Record;
use sensor_common::siphash;
use serde_json::{Value, json};

/// The reference outputs: line n is of n bytes.
const VECTORS: &str = include_str!("../../sensor-common/vectors/siphash24.txt");

/// The key of the reference vectors.
const KEY: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

const ABROAD: [u8; 4] = [192, 0, 2, 1];
const C2: [u8; 4] = [198, 51, 100, 7];
const HOME: [u8; 4] = [203, 0, 113, 9];

fn frame(source: [u8; 4], destination: [u8; 4], udp: bool, payload: &[u8]) -> Vec<u8> {
    let ip = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]).ipv4(
        source,
        destination,
        64,
    );
    let mut frame = Vec::new();
    if udp {
        ip.udp(40_000, 53).write(&mut frame, payload).unwrap();
    } else {
        ip.tcp(40_000, 443, 1, 2).write(&mut frame, payload).unwrap();
    }
    frame
}

/// An order with payload prefixes, compiled with others.
fn order(id: &str, measure: &str, prefixes: &Value, rules: &Value) -> Value {
    let sets = json!({"c2": ["198.51.100.7"], "home": ["203.0.113.0/28"]});
    let mut order = payload(id, measure, &sets, rules);
    order["payload_prefixes"] = prefixes.clone();
    order
}

/// Both engines over the same tables.
struct Engines {
    generation: Generation,
    host: HostEngine,
    kernel: KernelEngine,
}

impl Engines {
    fn new(orders: &[Value]) -> Self {
        require_kernel();
        let orders: Vec<_> = orders.iter().map(approved).collect();
        let slotted = Slotted::in_turn(&orders);
        let generation = compile(5, &[&layers()], &slotted, None).unwrap();
        let host = HostEngine::new(generation.lines.clone());
        let kernel = KernelEngine::new(&generation.lines).unwrap();
        Self { generation, host, kernel }
    }

    /// The rules that both engines made records of.
    fn rules(&mut self, frame: &[u8]) -> Vec<String> {
        let timeless = |mut records: Vec<Record>| {
            for record in &mut records {
                record.time = BootTime::ZERO;
            }
            records
        };
        let records = timeless(self.host.judge(frame).unwrap());
        assert_eq!(timeless(self.kernel.judge(frame).unwrap()), records, "{frame:02x?}");
        assert_eq!(self.kernel.counters().unwrap(), self.host.counters().unwrap());
        let name = |record: &Record| self.generation.names.rule(record.rule).unwrap().rule.clone();
        records.iter().map(name).collect()
    }
}

/// The bytes 0, 1, 2, … as the reference vectors have them.
fn counting(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at).unwrap()).collect()
}

#[test]
fn the_reference_vectors_in_the_kernel() {
    let published = VECTORS.lines().filter(|line| !line.starts_with('#'));
    let published: Vec<u64> =
        published.map(|line| u64::from_str_radix(line, 16).unwrap().swap_bytes()).collect();
    // Length 64 is not among the published ones; the host's code is checked against those.
    let hash = |length: usize| match published.get(length) {
        Some(hash) => *hash,
        None => siphash::hash(siphash::key(KEY), &counting(length)),
    };
    // Fewer bytes than four are no condition, and in no order.
    let lengths: Vec<usize> = (4..=64).collect();
    // As many groups as a generation takes; once under one key, once each under its own.
    for chunk in lengths.chunks(8) {
        let mut prefixes = json!({});
        let mut rules = Vec::new();
        for length in chunk {
            let hash = format!("{:016x}", hash(*length));
            prefixes[format!("p{length}")] =
                json!({"length": length, "key": hex(&KEY), "siphash24": [hash]});
            rules.push(json!({"id": format!("r{length}"), "payload": format!("p{length}")}));
        }
        // The first rule of an order that holds is recorded: the longest first.
        rules.reverse();
        let mut engines =
            Engines::new(&[order("o", "foreign-to-domestic", &prefixes, &json!(rules))]);
        for length in chunk {
            for udp in [false, true] {
                let bytes = counting(*length);
                let expected = [format!("r{length}")];
                assert_eq!(engines.rules(&frame(ABROAD, HOME, udp, &bytes)), expected);
                // More of the payload makes no difference, unless it is a longer prefix.
                let mut longer = bytes.clone();
                longer.extend([0xff; 30]);
                assert_eq!(engines.rules(&frame(ABROAD, HOME, udp, &longer)), expected);
                // Another last byte leaves the shorter prefixes.
                let mut other = bytes;
                other[length - 1] ^= 0x80;
                let shorter = chunk.iter().rev().find(|shorter| *shorter < length);
                let expected: Vec<String> = shorter.iter().map(|n| format!("r{n}")).collect();
                assert_eq!(engines.rules(&frame(ABROAD, HOME, udp, &other)), expected);
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Rules of every kind: by payload alone, with addresses, with protocol and ports, for a party.
fn orders() -> Vec<Value> {
    let key = [0x5e; 16];
    let hash = |text: &[u8]| format!("{:016x}", siphash::hash(siphash::key(key), text));
    let prefixes = json!({
        "get": {"hex": [hex(b"GET /"), hex(b"POST /x"), hex(b"PUT /"), hex(&[0x16; 64])]},
        "beacon": {"length": 8, "key": hex(&key), "siphash24": [hash(b"beacon-1"), hash(b"beacon-2")]},
        "long": {"length": 16, "key": hex(&key), "siphash24": [hash(b"beacon-1beacon-1")]},
        "other": {"length": 8, "key": hex(&[7; 16]), "siphash24": [format!(
            "{:016x}", siphash::hash(siphash::key([7; 16]), b"beacon-2")
        )]},
    });
    // So many rules that do not hold that the others lie in several words of a row.
    let many: Vec<Value> = (0..150)
        .map(|n| match n {
            70 => json!({"id": "late", "source": "c2", "payload": "beacon"}),
            130 => json!({"id": "last", "payload": "long", "protocol": "udp"}),
            140 => json!({"id": "any", "source": "c2"}),
            n => json!({"id": format!("n{n}"), "source": "home", "payload": "get"}),
        })
        .collect();
    let mut agreement = order(
        "agreement",
        "agreement",
        &prefixes,
        &json!([{"id": "party", "payload": "get", "protocol": "tcp"}]),
    );
    agreement["party"] = json!({"name": "operator", "prefixes": ["203.0.113.0/28"]});
    vec![
        order(
            "ff",
            "foreign-to-foreign",
            &prefixes,
            &json!([
                {"id": "either", "either": "c2", "payload": "beacon"},
                {"id": "ports", "payload": "get", "destination_ports": ["443"]},
            ]),
        ),
        order("fd", "foreign-to-domestic", &prefixes, &json!(many)),
        order(
            "df",
            "domestic-to-foreign",
            &prefixes,
            &json!([
                {"id": "tcp", "payload": "other", "protocol": "tcp"},
                {"id": "both", "destination": "c2", "payload": "get"},
                {"id": "all", "payload": "long"},
            ]),
        ),
        agreement,
    ]
}

/// Source, destination, UDP or else TCP, payload, and the rules that must have a record.
type Case = ([u8; 4], [u8; 4], bool, &'static [u8], &'static [&'static str]);

#[test]
fn a_rule_holds_if_all_it_names_holds() {
    let mut engines = Engines::new(&orders());
    let cases: [Case; 22] = [
        (C2, ABROAD, false, b"beacon-1 and more", &["either"]),
        (ABROAD, C2, true, b"beacon-2", &["either"]),
        (ABROAD, ABROAD, true, b"beacon-2", &[]),
        (ABROAD, C2, true, b"beacon-", &[]),
        (ABROAD, C2, true, b"", &[]),
        (ABROAD, C2, false, b"beacon-3", &[]),
        (ABROAD, ABROAD, false, b"GET /index", &["ports"]),
        (ABROAD, ABROAD, true, b"GET /index", &[]),
        (C2, ABROAD, false, b"PUT /", &["ports"]),
        (ABROAD, ABROAD, false, &[0x16; 64], &["ports"]),
        (ABROAD, ABROAD, false, &[0x16; 63], &[]),
        (C2, HOME, true, b"beacon-1", &["late"]),
        (C2, HOME, true, b"beacon-1beacon-1", &["late"]),
        (ABROAD, HOME, true, b"beacon-1beacon-1", &["last"]),
        (ABROAD, HOME, false, b"beacon-1beacon-1", &[]),
        (C2, HOME, false, b"nothing", &["any"]),
        (C2, HOME, false, b"GET /", &["any", "party"]),
        (ABROAD, HOME, false, b"POST /xyz", &["party"]),
        (ABROAD, [203, 0, 113, 99], false, b"POST /xyz", &[]),
        (HOME, ABROAD, false, b"beacon-2", &["tcp"]),
        (HOME, C2, true, b"GET /beacon", &["both"]),
        (HOME, C2, true, b"beacon-1beacon-1", &["all"]),
    ];
    for (source, destination, udp, payload, expected) in cases {
        let rules = engines.rules(&frame(source, destination, udp, payload));
        let text = String::from_utf8_lossy(payload);
        assert_eq!(rules, expected, "{source:?} {destination:?} udp {udp} {text}");
    }
}

#[test]
fn what_is_not_payload_is_not_compared() {
    let mut engines = Engines::new(&orders());
    // Ethernet padding behind the packet.
    let mut padded = frame(ABROAD, C2, true, b"beacon-");
    padded.push(b'1');
    assert!(engines.rules(&padded).is_empty());
    // TCP options in front of the payload.
    let mut options = frame(ABROAD, C2, false, b"\x01\x01\x01\x00beacon-1");
    assert!(engines.rules(&options).is_empty());
    options[14 + 20 + 12] = 6 << 4;
    assert_eq!(engines.rules(&options), ["either"]);
    // A data offset that is too small, or leads out of the packet.
    for words in [0, 4, 15] {
        options[14 + 20 + 12] = words << 4;
        assert!(engines.rules(&options).is_empty(), "{words}");
    }
    // A later fragment.
    let mut fragment = frame(ABROAD, C2, true, b"beacon-1");
    fragment[14 + 6..14 + 8].copy_from_slice(&[0, 1]);
    assert!(engines.rules(&fragment).is_empty());
    fragment[14 + 6..14 + 8].copy_from_slice(&[0x20, 0]);
    assert_eq!(engines.rules(&fragment), ["either"]);
}

/// A small generator (xorshift64*): the same frames in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap() % limit
    }
}

#[test]
fn mutated_payloads_end_alike_in_both_engines() {
    let mut engines = Engines::new(&orders());
    let payloads: [&[u8]; 6] =
        [b"beacon-1beacon-1", b"beacon-2 0", b"GET /", b"POST /xyz", &[0x16; 70], b""];
    let ends = [ABROAD, C2, HOME, [203, 0, 113, 99]];
    let mut random = Random(0x5e15_5e15_5e15_5e15);
    let mut seen = std::collections::BTreeMap::new();
    for _ in 0..20_000 {
        let (source, destination) = (ends[random.below(4)], ends[random.below(4)]);
        let payload = payloads[random.below(payloads.len())];
        let mut frame = frame(source, destination, random.below(2) == 0, payload);
        for _ in 0..random.below(3) {
            let at = 14 + random.below(frame.len() - 14);
            match random.below(8) {
                0 => frame.truncate(at.max(20)),
                1 => frame.push(0x16),
                _ => frame[at] ^= 1 << random.below(8),
            }
        }
        for rule in engines.rules(&frame) {
            *seen.entry(rule).or_insert(0) += 1;
        }
    }
    for rule in ["either", "ports", "late", "last", "any", "tcp", "both", "all", "party"] {
        assert!(seen.get(rule).is_some_and(|count| *count > 20), "{rule}: {seen:?}");
    }
}
