//! Captures through `sekisho replay`, by both engines: what was not captured is not there, the link type makes
//! no difference, and one bad frame costs itself.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use etherparse::PacketBuilder;
use sekisho_stack::capture::{self, Captured};
use sekisho_tests::authority::{Signed, payload, signed, trust_file};
use sekisho_tests::captures::files;
use sekisho_tests::daemon::{Answer, sekisho};
use sekisho_tests::privilege::require_kernel;
use serde_json::{Value, json};
use tempfile::TempDir;

/// An order's rules over the foreign set `c2`, and the payload prefixes that they name.
fn order(rules: &Value, prefixes: &Value) -> Signed {
    let sets = json!({"c2": ["198.51.100.7", "2001:db8:5::1"]});
    let mut order = payload("o1", "foreign-to-domestic", &sets, rules);
    order["payload_prefixes"] = prefixes.clone();
    signed(&order)
}

/// Anything from `c2`.
fn anything() -> Signed {
    order(&json!([{"id": "addr", "source": "c2"}]), &json!({}))
}

/// A packet in a frame of Ethernet: from `c2`, with a payload.
fn tcp(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
        .ipv4([198, 51, 100, 7], [203, 0, 113, 9], 64)
        .tcp(40_000, 443, 1, 1_024)
        .write(&mut frame, payload)
        .unwrap();
    frame
}

fn udp6(payload: &[u8]) -> Vec<u8> {
    let address = |text: &str| text.parse::<std::net::Ipv6Addr>().unwrap().octets();
    let mut frame = Vec::new();
    PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
        .ipv6(address("2001:db8:5::1"), address("2001:db8:81::9"), 64)
        .udp(5_353, 53)
        .write(&mut frame, payload)
        .unwrap();
    frame
}

/// A pcap: frames, each with its length on the wire.
fn pcap(link_type: u32, frames: &[(Vec<u8>, usize)]) -> Vec<u8> {
    let frames = frames.iter().map(|(bytes, length)| Captured {
        time: (1_800_000_000, 42),
        bytes,
        length: u32::try_from(*length).unwrap(),
    });
    capture::pcap(link_type, frames)
}

/// What a replay gives.
struct Replayed {
    answer: Answer,
    records: Vec<Value>,
    summary: Value,
}

impl Replayed {
    /// The rule that each record names.
    fn rules(&self) -> Vec<&str> {
        self.records.iter().map(|record| record["sekisho"]["rule"].as_str().unwrap()).collect()
    }
}

/// Replays captures by name, through one engine.
fn replay_with(engine: &str, order: &Signed, captures: &[(&str, &[u8])]) -> Replayed {
    let folder = TempDir::new().unwrap();
    for (name, bytes) in captures {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let names: Vec<PathBuf> = captures.iter().map(|(name, _)| PathBuf::from(name)).collect();
    replay_in(folder.path(), engine, order, &names)
}

fn replay_in(folder: &Path, engine: &str, order: &Signed, captures: &[PathBuf]) -> Replayed {
    let aside = TempDir::new().unwrap();
    let put = |name: &str, text: &str| {
        let path = aside.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let summary = aside.path().join("summary.json");
    let mut command = sekisho();
    command.current_dir(folder).args([
        "replay",
        "--engine",
        engine,
        "--at",
        "2027-02-01T00:00:00Z",
    ]);
    command.arg("--trust").arg(put("trust.json", &trust_file()));
    command.arg("--order").arg(put("basis.dsse", &order.basis));
    command.arg("--order").arg(put("order.dsse", &order.order));
    command.arg("--domestic").arg(put("domestic.txt", "203.0.113.0/24\n2001:db8:81::/48\n"));
    command.arg("--foreign").arg(put("foreign.txt", "198.51.100.0/24\n2001:db8:5::/48\n"));
    command.arg("--summary").arg(&summary).arg("--pcap").args(captures);
    let answer = Answer::of(&mut command);
    let records = answer.output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let summary = fs::read(&summary).unwrap_or_else(|_| panic!("{}", answer.errors));
    Replayed { answer, records, summary: serde_json::from_slice(&summary).unwrap() }
}

/// The same through both engines, which must agree on everything but on who judged.
fn replay(order: &Signed, captures: &[(&str, &[u8])]) -> Replayed {
    require_kernel();
    let host = replay_with("host", order, captures);
    let kernel = replay_with("kernel", order, captures);
    assert_eq!(kernel.answer.output, host.answer.output);
    assert_eq!(kernel.summary, host.summary);
    assert_eq!(kernel.answer.status, host.answer.status, "{}", kernel.answer.errors);
    kernel
}

#[test]
fn what_was_not_captured_is_not_there() {
    let frame = tcp(b"GET /index");
    let rules = json!([
        {"id": "zeros", "source": "c2", "payload": "zeros"},
        {"id": "get", "source": "c2", "payload": "get"},
        {"id": "port-0", "source": "c2", "protocol": "tcp", "source_ports": ["0"]},
        {"id": "port", "source": "c2", "protocol": "tcp", "destination_ports": ["443"]},
        {"id": "addr", "source": "c2"},
    ]);
    let prefixes = json!({"zeros": {"hex": ["47450000"]}, "get": {"hex": ["474554202f"]}});
    let order = order(&rules, &prefixes);
    // Up to the IP header, the ports, two bytes of the payload, five, all.
    for (held, rule, ports) in [
        (34, "addr", false),
        (37, "addr", false),
        (38, "port", true),
        (56, "port", true),
        (58, "port", true),
        (59, "get", true),
        (64, "get", true),
    ] {
        let file = pcap(1, &[(frame[..held].to_vec(), frame.len())]);
        let replayed = replay(&order, &[("snap.pcap", &file)]);
        assert_eq!(replayed.rules(), [rule], "{held}");
        let record = &replayed.records[0];
        assert_eq!(record["source"].get("port").is_some(), ports, "{held}");
        // The length is the wire's.
        assert_eq!(
            (&record["network"]["bytes"], &replayed.summary["bytes"]),
            (&json!(64), &json!(64))
        );
        assert_eq!(replayed.answer.status, Some(0));
        let told =
            replayed.answer.errors.contains("were not captured whole: 1, the first is frame 1; ");
        assert_eq!(told, held != 64, "{}", replayed.answer.errors);
    }
    // Without its addresses it is malformed.
    let file = pcap(1, &[(frame[..33].to_vec(), frame.len())]);
    let replayed = replay(&order, &[("snap.pcap", &file)]);
    assert_eq!(replayed.summary["outcomes"]["malformed"], 1);
}

#[test]
fn an_offloading_hosts_packet_is_as_long_as_its_frame() {
    let mut frame = tcp(&[b"GET /"[..].to_vec(), vec![b'x'; 3_000]].concat());
    frame[16..18].fill(0);
    let rules = json!([{"id": "get", "source": "c2", "payload": "get"}]);
    let order = order(&rules, &json!({"get": {"hex": ["474554202f"]}}));
    let length = frame.len();
    let replayed = replay(&order, &[("tso.pcap", &pcap(1, &[(frame, length)]))]);
    assert_eq!(replayed.rules(), ["get"]);
    assert_eq!(replayed.records[0]["network"]["bytes"], length);
    assert!(
        replayed.answer.errors.contains("frames with IPv4 total length 0"),
        "{}",
        replayed.answer.errors
    );
    assert!(replayed.answer.errors.contains("judged by the host engine"));
}

/// What stands in front of an IP packet, by link type.
fn link_types(v6: bool) -> Vec<(u32, Vec<u8>)> {
    let [ether_type, ppp] = if v6 { [[0x86, 0xdd], [0, 0x57]] } else { [[8, 0], [0, 0x21]] };
    let family = if v6 { 30_u32 } else { 2 };
    let with = |first: &[u8], then: &[u8]| [first, then].concat();
    let mut types = vec![
        (0, family.to_le_bytes().to_vec()),
        (0, family.to_be_bytes().to_vec()),
        (108, family.to_be_bytes().to_vec()),
        (9, ppp.to_vec()),
        (9, with(&[0xff, 3], &ppp)),
        (50, with(&[0xff, 3], &ppp)),
        (50, with(&[0x0f, 0], &ether_type)),
        (104, with(&[0x0f, 0], &ether_type)),
        (204, with(&[1, 0xff, 3], &ppp)),
        (12, vec![]),
        (101, vec![]),
        (if v6 { 229 } else { 228 }, vec![]),
        (113, with(&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0], &ether_type)),
        (276, with(&ether_type, &[0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0])),
    ];
    // Behind a tag.
    types
        .push((113, with(&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x81, 0, 0, 7], &ether_type)));
    types
}

#[test]
fn the_link_type_makes_no_difference() {
    let order = anything();
    for (v6, frame) in [(false, tcp(b"GET /")), (true, udp6(b"hello"))] {
        let length = frame.len();
        let ethernet = replay(&order, &[("one.pcap", &pcap(1, &[(frame.clone(), length)]))]);
        assert_eq!(ethernet.records[0]["network"]["bytes"], length);
        // A frame check sequence is none of the frame.
        let checked = [&frame[..], &[1, 2, 3, 4]].concat();
        let file = pcap(0x2400_0001, &[(checked, length + 4)]);
        assert_eq!(replay(&order, &[("one.pcap", &file)]).records, ethernet.records);
        for (number, header) in link_types(v6) {
            let tag = if header.len() == 20 && number == 113 { 4 } else { 0 };
            let data = [&header[..], &frame[14..]].concat();
            let wire = data.len();
            let replayed = replay(&order, &[("one.pcap", &pcap(number, &[(data.clone(), wire)]))]);
            let mut expected = ethernet.records.clone();
            expected[0]["network"]["bytes"] = json!(length + tag);
            if tag > 0 {
                expected[0]["sekisho"]["encapsulation"] = json!(["vlan"]);
            }
            assert_eq!(replayed.records, expected, "{number} {header:02x?}");
            assert_eq!(replayed.summary["bytes"], length + tag);
            // Cut inside of its header it is malformed, as it would be on Ethernet.
            for cut in [0, header.len().saturating_sub(1)] {
                let file = pcap(number, &[(data[..cut].to_vec(), wire)]);
                let replayed = replay_with("host", &order, &[("one.pcap", &file)]);
                let outcomes = &replayed.summary["outcomes"];
                assert_eq!(outcomes["malformed"], 1, "{number} {header:02x?} {cut}");
            }
        }
    }
}

#[test]
fn a_packet_without_a_time_has_none() {
    let frame = tcp(b"GET /");
    let mut file = Vec::new();
    let mut block = |kind: u32, body: &[u8]| {
        let padded = body.len().next_multiple_of(4);
        let length = u32::try_from(12 + padded).unwrap().to_be_bytes();
        file.extend(kind.to_be_bytes());
        file.extend(length);
        file.extend(body);
        file.resize(file.len() + padded - body.len(), 0);
        file.extend(length);
    };
    let version = [0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255];
    block(0x0a0d_0d0a, &version);
    block(1, &[0, 1, 0, 0, 0, 0, 0, 0]);
    block(3, &[&u32::try_from(frame.len()).unwrap().to_be_bytes()[..], &frame].concat());
    let replayed = replay(&anything(), &[("simple.pcapng", &file)]);
    assert_eq!(replayed.rules(), ["addr"]);
    assert!(replayed.records[0].get("@timestamp").is_none(), "{:?}", replayed.records);
}

#[test]
fn a_frame_that_is_too_long_for_the_kernel_is_named_and_judged() {
    let frame = tcp(b"GET /");
    let long = [frame.clone(), vec![0; 65_537 - frame.len()]].concat();
    let frames = [(frame.clone(), frame.len()), (long, 65_537), (frame.clone(), frame.len())];
    let file = pcap(1, &frames);
    let replayed = replay(&anything(), &[("long.pcap", &file)]);
    assert_eq!(replayed.answer.status, Some(0));
    let sequence: Vec<&Value> =
        replayed.records.iter().map(|record| &record["event"]["sequence"]).collect();
    assert_eq!(sequence, [1, 2, 3]);
    let line = "sekisho: long.pcap: frame 2: its 65537 bytes are more than BPF_PROG_TEST_RUN takes \
                (65536); it was judged by the host engine\n";
    assert!(replayed.answer.errors.contains(line), "{}", replayed.answer.errors);
}

#[test]
fn one_bad_frame_or_file_costs_itself() {
    let frame = tcp(b"GET /");
    let whole = pcap(1, &[(frame.clone(), frame.len()), (frame.clone(), frame.len())]);
    let cut = &whole[..whole.len() - 1];
    let files: [(&str, &[u8]); 3] = [("a.pcap", cut), ("b.pcap", b"garbage"), ("c.pcap", &whole)];
    let replayed = replay(&anything(), &files);
    assert_eq!(replayed.answer.status, Some(1));
    assert_eq!(replayed.rules().len(), 3);
    let errors = &replayed.answer.errors;
    for line in [
        "sekisho: a.pcap: frame 2, byte 173: the capture is cut off here\n",
        "sekisho: a.pcap: packets 1, bytes 59, records 1: recorded 1\n",
        "sekisho: b.pcap: not a pcap or pcapng capture: it begins neither as pcap nor as pcapng\n",
        "sekisho: b.pcap: packets 0, bytes 0, records 0\n",
        "sekisho: c.pcap: packets 2, bytes 118, records 2: recorded 2\n",
        "sekisho: all 3 captures: packets 3, bytes 177, records 3: recorded 3\n",
        "sekisho: captures that could not be read whole: 2 of 3\n",
    ] {
        assert!(errors.contains(line), "{line:?} is not in {errors}");
    }
}

/// Whatever captures somebody has: both engines say the same of each.
#[test]
fn both_engines_agree_on_captures() {
    require_kernel();
    let rules = json!([{"id": "addr", "source": "all"}]);
    let sets = json!({"all": ["198.51.100.7"]});
    let order = signed(&payload("o1", "foreign-to-domestic", &sets, &rules));
    for file in files() {
        let path = fs::canonicalize(&file).unwrap();
        let [host, kernel] = ["host", "kernel"].map(|engine| {
            replay_in(path.parent().unwrap(), engine, &order, std::slice::from_ref(&path))
        });
        assert_eq!(kernel.answer.output, host.answer.output, "{}", path.display());
        assert_eq!(kernel.summary, host.summary, "{}", path.display());
    }
}
