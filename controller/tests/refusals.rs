//! What the command line does with bad input: one clear line, the documented exit status, nothing
//! half done. Every case starts from files that are accepted and spoils one thing.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/examples.rs"]
mod examples;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use controller::order::DocumentKind;
use sekisho_kit::{Papers, keyid, papers, sealed, signers};
use sekisho_stack::capture::{Captured, ETHERNET, pcap};
use serde_json::{Value, json};
use sha2::Digest as _;
use tempfile::TempDir;

fn trust() -> Value {
    serde_json::from_str(&sekisho_kit::trust_file()).unwrap()
}

fn plan() -> Value {
    json!({
        "order_id": "2027-32-0001", "serial": 1, "measure": "foreign-to-domestic",
        "not_before": "2027-01-01T00:00:00+09:00", "not_after": "2027-04-01T00:00:00+09:00",
        "facility": {
            "id": "tyo-gw-1", "capacity_bps": 1_000_000, "max_share_percent": 30,
            "sensors": {"tyo-gw-1a": 20},
        },
        "address_sets": {"c2": ["198.51.100.7", "2001:db8:5::/48"]},
        "rules": [{"id": "r1", "source": "c2", "destination_ports": ["443"]}],
    })
}

fn order() -> Value {
    papers(&plan()).order
}

fn signed(payload: &[u8], signers: &[u8]) -> String {
    sealed(DocumentKind::Order, payload, signers)
}

/// A UDP packet from 198.51.100.7 to port 443 of 203.0.113.9, alone in a pcap file.
fn capture() -> Vec<u8> {
    let mut frame = Vec::new();
    etherparse::PacketBuilder::ethernet2([1; 6], [2; 6])
        .ipv4([198, 51, 100, 7], [203, 0, 113, 9], 64)
        .udp(40_000, 443)
        .write(&mut frame, b"hello")
        .unwrap();
    pcap(ETHERNET, [Captured::whole((1_800_000_000, 42), &frame)])
}

/// A folder with files that `replay` accepts.
struct Scene(TempDir);

impl Scene {
    fn new() -> Self {
        let scene = Self(TempDir::new().unwrap());
        scene.put("trust.json", trust().to_string());
        scene.papers(&papers(&plan()));
        scene.put("domestic.txt", "203.0.113.0/24\n2001:db8:d::/48\n");
        scene.put("foreign.txt", "198.51.100.0/24\n2001:db8::/32\n");
        scene.put("one.pcap", capture());
        scene
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Puts an order and what it rests on, signed.
    fn papers(&self, Papers { kind, basis, order }: &Papers) {
        self.put("basis.json", sealed(*kind, basis.to_string().as_bytes(), signers(*kind)));
        self.put("order.json", signed(order.to_string().as_bytes(), &[11, 12]));
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path().join(name), bytes).unwrap();
    }

    fn sekisho(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_sekisho"))
            .args(arguments)
            .current_dir(self.path())
            .output()
            .unwrap()
    }

    fn replay(&self, more: &[&str]) -> Output {
        self.replay_at("2027-02-01T00:00:00Z", more)
    }

    fn replay_at(&self, at: &str, more: &[&str]) -> Output {
        let base = [
            "replay",
            "--engine",
            "host",
            "--trust",
            "trust.json",
            "--order",
            "order.json",
            "basis.json",
            "--domestic",
            "domestic.txt",
            "--foreign",
            "foreign.txt",
            "--pcap",
            "one.pcap",
            "--at",
            at,
        ];
        self.sekisho(&[&base, more].concat())
    }

    /// The refusal that `replay` must end with: its exit status, and one line with `message`.
    fn refused(&self, name: &str, status: i32, message: &str) {
        let lines = self.refusal(name, status, message);
        assert_eq!(lines, 1, "{name}");
    }

    /// The same where more than one thing may be wrong: how many lines there are.
    fn refusal(&self, name: &str, status: i32, message: &str) -> usize {
        let output = self.replay(&["--output", "records.ndjson", "--summary", "summary.json"]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{name}: {error}");
        assert!(error.contains(message), "{name}: {message:?} is not in {error:?}");
        assert!(error.lines().all(|line| line.starts_with("sekisho: ")), "{name}: {error:?}");
        assert!(error.lines().all(|line| line.len() < 1_000), "{name}: {error:?}");
        assert_eq!(output.stdout, b"", "{name}");
        for file in ["records.ndjson", "records.ndjson.partial", "summary.json"] {
            assert!(!self.path().join(file).exists(), "{name}: {file} was left behind");
        }
        error.lines().count()
    }
}

#[test]
fn what_is_not_spoilt_is_accepted() {
    let scene = Scene::new();
    let output = scene.replay(&["--summary", "summary.json"]);
    let error = String::from_utf8(output.stderr).unwrap();
    let notes = "sekisho: one.pcap: packets 1, bytes 47, records 1: recorded 1\n\
                 sekisho: this replay was entered in no audit file; --state names one\n";
    assert_eq!((output.status.code(), error.as_str()), (Some(0), notes));
    let record: Value = serde_json::from_slice(&output.stdout).unwrap();
    let shown: Value = serde_json::from_str(examples::examples("record")[0]).unwrap();
    assert_eq!(record, shown, "as docs/formats.md shows it");
    let summary: Value =
        serde_json::from_slice(&fs::read(scene.path().join("summary.json")).unwrap()).unwrap();
    assert_eq!((&summary["packets"], &summary["records"]), (&json!(1), &json!(1)));
    assert_eq!(summary["outcomes"]["recorded"], json!(1));
}

#[test]
fn a_replay_is_entered_in_an_audit_file() {
    let scene = Scene::new();
    let init = ["trust", "init", "--state", "state", "--facility", "tyo-gw-1", "trust.json"];
    assert_eq!(scene.sekisho(&init).status.code(), Some(0));
    let entered = ["--state", "state", "--output", "records.ndjson"];
    assert_eq!(scene.replay(&entered).status.code(), Some(0));
    let records = fs::read(scene.path().join("records.ndjson")).unwrap();
    let capture = fs::read(scene.path().join("one.pcap")).unwrap();
    scene.put("one.pcap", &capture[..capture.len() - 1]);
    assert_eq!(scene.replay(&entered).status.code(), Some(1), "a capture that is cut short");

    let events = fs::read_to_string(scene.path().join("state/events.ndjson")).unwrap();
    let events: Vec<Value> =
        events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [_, whole, cut] = events.as_slice() else { panic!("{events:?}") };
    let digest = |bytes: &[u8]| json!(hex::encode(sha2::Sha256::digest(bytes)));
    let digest_of = |name: &str| digest(&fs::read(scene.path().join(name)).unwrap());
    assert_eq!((&whole["event"], &whole["complete"]), (&json!("replayed"), &json!(true)));
    assert_eq!(whole["captures"], json!([{"file": "one.pcap", "sha256": digest(&capture)}]));
    assert_eq!(whole["output"]["sha256"], digest(&records));
    assert_eq!(cut["output"]["sha256"], digest_of("records.ndjson"));
    assert_eq!(whole["trust"]["sha256"], digest_of("trust.json"));
    assert_eq!(whole["direction"][0]["sha256"], digest_of("domestic.txt"));
    assert_eq!(whole["orders"][0]["order_id"], "2027-32-0001");
    assert_eq!((&whole["engine"], &whole["records"]), (&json!("host"), &json!(1)));
    assert_eq!((&cut["event"], &cut["complete"]), (&json!("replayed"), &json!(false)));
    assert_eq!(cut["captures"][0]["sha256"], digest_of("one.pcap"));
    let verified = scene.sekisho(&["audit", "verify", "--state", "state"]);
    assert_eq!(verified.status.code(), Some(0));
}

#[test]
fn an_order_outside_its_term_selects_nothing() {
    let scene = Scene::new();
    for at in ["2026-12-31T14:59:59.999Z", "2027-04-01T00:00:00+09:00"] {
        let output = scene.replay_at(at, &["--summary", "-"]);
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(summary["outcomes"]["unmatched"], json!(1), "{at}");
        let warning = String::from_utf8(output.stderr).unwrap();
        assert!(warning.contains("order 2027-32-0001, serial 1 is not in force at"), "{warning}");
        assert_eq!(output.status.code(), Some(0));
    }
}

#[test]
fn bad_payloads() {
    // What is changed (a JSON pointer and the new value), and what a line must say. The corpus has the rest.
    let cases: [(&str, Value, &str); 10] = [
        ("/unknown", json!(1), "order.json: unknown: is no field that is known here"),
        (
            "/schema",
            json!("sekisho.order/v1"),
            "order.json: schema: is `sekisho.order/v1`, which is not",
        ),
        ("/serial", json!("1"), "order.json: serial: "),
        ("/not_after", json!("2027-04-01T00:00:01+09:00"), "[L-TERM]"),
        ("/basis/sha256", json!("0".repeat(64)), "[L-APPROVE]"),
        (
            "/address_sets/c2/addresses/1",
            json!("2001:db8:5::1/48"),
            "order.json: address_sets.c2.addresses[1]: ",
        ),
        ("/address_sets/c2/addresses/0", json!("0.0.0.0/0"), "[L-SELECT]"),
        ("/rules/0/destination_ports", json!(["0-65535"]), "[L-SELECT]"),
        ("/rules/0/source", json!("c3"), "order.json: rules[0].source: "),
        ("/rules/0", json!({"id": "r1", "destination": "c2", "protocol": "tcp"}), "[L-SELECT]"),
    ];
    for (pointer, value, message) in cases {
        let scene = Scene::new();
        let mut payload = order();
        if let Some(place) = payload.pointer_mut(pointer) {
            *place = value.clone();
        } else {
            let (parent, field) = pointer.rsplit_once('/').unwrap();
            payload.pointer_mut(parent).unwrap()[field] = value.clone();
        }
        scene.put("order.json", signed(payload.to_string().as_bytes(), &[11, 12]));
        scene.refusal(&format!("{pointer} = {value}"), 3, message);
    }
    let scene = Scene::new();
    let mut four = order();
    four["serial"] = json!(0);
    four["order_id"] = json!("a b");
    four["note"] = json!(1);
    four["rules"][0]["destination_ports"] = json!(["0-65535"]);
    scene.put("order.json", signed(four.to_string().as_bytes(), &[11, 12]));
    assert_eq!(scene.refusal("four faults", 3, "order.json: note: "), 4);
    scene.put("order.json", order().to_string());
    scene.refused("no envelope", 3, "order.json: is an order that nobody has signed");
}

/// A sensor that the approval does not name selects nothing; one that it names does.
#[test]
fn captures_are_judged_as_the_sensor_that_is_named() {
    let scene = Scene::new();
    for (sensor, records) in [("tyo-gw-1a", 1), ("tyo-gw-1b", 0)] {
        let output = scene.replay(&["--sensor", sensor]);
        let error = String::from_utf8(output.stderr).unwrap();
        let lines = String::from_utf8(output.stdout).unwrap();
        assert_eq!(lines.lines().count(), records, "{error}");
        let warned =
            error.contains("selects nothing at sensor tyo-gw-1b: approval 2027-32-0001, serial 1");
        assert_eq!(warned, records == 0, "{error}");
    }
}

#[test]
fn bad_json() {
    let text = order().to_string();
    let deep = "[".repeat(10_000_000);
    let cases: [(&str, Vec<u8>, &str); 7] = [
        (
            "a duplicate key",
            text.replacen("\"order_id\":", "\"order_id\":\"a\",\"order_id\":", 1).into(),
            "order_id",
        ),
        ("a duplicate set", text.replacen("\"c2\":{", "\"c2\":{},\"c2\":{", 1).into(), "c2"),
        (
            "a missing field",
            text.replacen(",\"not_after\":", ",\"nought\":", 1).into(),
            "not_after",
        ),
        ("not UTF-8", [b"{\"schema\": \"\xff\"}".as_slice()].concat(), "UTF-8"),
        ("nested arrays", deep.clone().into(), "order.json: "),
        ("data behind the end", format!("{text} x").into(), "order.json: "),
        ("nothing", Vec::new(), "order.json: "),
    ];
    for (name, payload, message) in cases {
        let scene = Scene::new();
        scene.put("order.json", signed(&payload, &[11, 12]));
        scene.refusal(name, 3, message);
    }
    let scene = Scene::new();
    scene.put("order.json", deep);
    scene.refused("an envelope of nested arrays", 3, "order.json: ");
}

#[test]
fn bad_envelopes() {
    let payload = order().to_string();
    let good: Value = serde_json::from_str(&signed(payload.as_bytes(), &[11, 12])).unwrap();
    let spoilt = |change: &dyn Fn(&mut Value)| {
        let mut envelope = good.clone();
        change(&mut envelope);
        envelope.to_string()
    };
    let cases: [(&str, String, &str); 9] = [
        (
            "one signature",
            signed(payload.as_bytes(), &[11]),
            "1 of the 2 signatures needed of cabinet-office [L-APPROVE]",
        ),
        (
            "the wrong role",
            signed(payload.as_bytes(), &[1, 2]),
            "holder 1 signs as commission, but an order is signed by cabinet-office [L-APPROVE]",
        ),
        ("an unknown key", signed(payload.as_bytes(), &[11, 12, 9]), "is not trusted [L-APPROVE]"),
        (
            "a key twice",
            spoilt(&|e| e["signatures"][1] = e["signatures"][0].clone()),
            "has signed twice [L-APPROVE]",
        ),
        (
            "another's signature",
            spoilt(&|e| e["signatures"][1]["sig"] = e["signatures"][0]["sig"].clone()),
            "[L-APPROVE]",
        ),
        (
            "another payload type",
            spoilt(&|e| e["payloadType"] = json!("text/plain")),
            "payloadType",
        ),
        (
            "base64 with a line feed",
            spoilt(&|e| e["payload"] = json!(format!("{}\n", e["payload"].as_str().unwrap()))),
            "payload",
        ),
        (
            "base64 without padding",
            spoilt(&|e| {
                e["signatures"][0]["sig"] =
                    json!(e["signatures"][0]["sig"].as_str().unwrap().trim_end_matches('='));
            }),
            "signatures[0].sig",
        ),
        (
            "base64 in two alphabets",
            spoilt(&|e| {
                let sig = e["signatures"][0]["sig"].as_str().unwrap();
                e["signatures"][0]["sig"] = json!(format!("-+{}", &sig[2..]));
            }),
            "signatures[0].sig",
        ),
    ];
    for (name, envelope, message) in cases {
        let scene = Scene::new();
        scene.put("order.json", envelope);
        scene.refusal(name, 3, message);
    }
}

#[test]
fn bad_trust_and_direction_files() {
    let mut low = trust();
    low["roles"]["carrier"]["threshold"] = json!(0);
    let mut twice = trust();
    twice["roles"]["carrier"]["keyids"] = json!([keyid(21), keyid(1)]);
    let mut weak = trust();
    weak["keys"][keyid(1)]["ed25519"] = json!("00".repeat(32));
    let old = json!({"schema": "sekisho.trust/v1", "version": 1, "threshold": 1, "keys": []});
    let cases: [(&str, &str, Vec<u8>, &str); 11] = [
        ("a threshold of 0", "trust.json", low.to_string().into(), "trust.json: roles.carrier.threshold: "),
        ("a key in two roles", "trust.json", twice.to_string().into(), "and a key has one role [L-APPROVE]"),
        ("a weak key", "trust.json", weak.to_string().into(), ".ed25519: is a weak key"),
        ("version 1", "trust.json", old.to_string().into(), "give every key a role in a `sekisho.trust/v2`"),
        ("host bits", "domestic.txt", b"203.0.113.1/24\n".to_vec(), "domestic.txt: line 1: "),
        ("garbage in a list", "foreign.txt", b"198.51.100.0/24\nfoo\n".to_vec(), "foreign.txt: line 2: "),
        ("bytes that are no text", "foreign.txt", b"\xff\xfe".to_vec(), "foreign.txt: "),
        ("a list without IPv6", "domestic.txt", b"203.0.113.0/24\n".to_vec(), "--without-domestic ipv6"),
        ("an empty list", "domestic.txt", b"# nothing\n".to_vec(), "domestic.txt: "),
        ("a prefix in two classes", "foreign.txt", b"203.0.113.0/24\n".to_vec(), "[L-DIR]"),
        ("a cut RIR file", "domestic.txt", b"2|apnic|20270101|2|19850701|20270101|+1000\napnic|*|ipv4|*|2|summary\napnic|JP|ipv4|203.0.113.0|256|20000101|allocated\n".to_vec(), "domestic.txt: "),
    ];
    for (name, file, bytes, message) in cases {
        let scene = Scene::new();
        scene.put(file, bytes);
        scene.refused(name, 3, message);
    }
    for file in ["trust.json", "order.json", "basis.json", "domestic.txt", "foreign.txt"] {
        let scene = Scene::new();
        fs::remove_file(scene.path().join(file)).unwrap();
        scene.refused(file, 3, &format!("{file}: cannot be read: "));
    }
}

#[test]
fn bad_captures_are_told_and_cost_themselves() {
    let whole = capture();
    let mut wifi = whole.clone();
    wifi[20] = 105;
    let mut absurd = whole.clone();
    absurd[32..36].copy_from_slice(&u32::MAX.to_le_bytes());
    let cases: [(Vec<u8>, &str); 6] = [
        (whole[..whole.len() - 1].to_vec(), "frame 1, byte 86: the capture is cut off here"),
        (whole[..30].to_vec(), "frame 1, byte 30: the capture is cut off here"),
        (b"this is not a capture at all".to_vec(), "not a pcap or pcapng capture: "),
        (Vec::new(), "not a pcap or pcapng capture: it is empty"),
        (wifi, "header, byte 0: link type 105 (IEEE802_11) is not read"),
        (absurd, "frame 1, byte 24: a frame of 4294967295 bytes; at most 262144 are read"),
    ];
    let files = ["--output", "records.ndjson", "--summary", "summary.json"];
    for (bytes, message) in cases {
        let scene = Scene::new();
        scene.put("one.pcap", bytes);
        scene.put("other.pcap", &whole);
        let output = scene.replay(&[&["--pcap", "none.pcap", "other.pcap"][..], &files].concat());
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{error}");
        let said: Vec<&str> = error.lines().collect();
        assert!(said[0].starts_with(&format!("sekisho: one.pcap: {message}")), "{error}");
        assert!(error.contains("sekisho: none.pcap: cannot be read: "), "{error}");
        assert_eq!(said.last().unwrap(), &"sekisho: captures that could not be read whole: 2 of 3");
        let read = |name: &str| fs::read_to_string(scene.path().join(name)).unwrap();
        assert_eq!(read("records.ndjson").lines().count(), 1, "the other capture's record");
        let summary: Value = serde_json::from_str(&read("summary.json")).unwrap();
        assert_eq!(summary["records"], 1);
        let complete = [0, 1, 2].map(|one| summary["captures"][one]["complete"].clone());
        assert_eq!(complete, [json!(false), json!(false), json!(true)]);
    }
}

#[test]
fn standard_input_is_a_capture() {
    let scene = Scene::new();
    for (arguments, message) in [
        (&["--pcap", "-", "-"][..], "--pcap: standard input (-) can be read only once"),
        (&["--pcap", "-", "--state", "state"], "--pcap: with --state captures are read twice"),
    ] {
        let output = scene.replay(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]));
        assert!(error.starts_with(&format!("sekisho: {message}")), "{error}");
    }
    let arguments = ["replay", "--engine", "host", "--trust", "trust.json"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_sekisho"));
    let command = command.args(arguments).args(["--order", "order.json", "basis.json"]);
    let command = command.args(["--domestic", "domestic.txt", "--foreign"]);
    let command = command.args(["foreign.txt", "--at", "2027-02-01T00:00:00Z", "--pcap", "-"]);
    let input = fs::File::open(scene.path().join("one.pcap")).unwrap();
    let output = command.current_dir(scene.path()).stdin(input).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{error}");
    let record: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(record["sekisho"]["interface"], "-");
}

#[test]
fn the_same_order_twice() {
    let scene = Scene::new();
    scene.put("again.json", signed(order().to_string().as_bytes(), &[12, 13]));
    let output = scene.replay(&["--order", "again.json"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{error}");
    assert!(
        error.contains("again.json: serial: another file is order 2027-32-0001, serial 1 too"),
        "{error}"
    );
}

/// The order under an agreement with a party of this address.
fn agreement(party: &str) -> Papers {
    let mut plan = plan();
    plan["measure"] = json!("agreement");
    plan["party"] = json!({"name": "operator", "prefixes": [party]});
    papers(&plan)
}

#[test]
fn an_agreement_with_a_party_abroad() {
    let scene = Scene::new();
    scene.papers(&agreement("203.0.113.9"));
    let output = scene.replay(&[]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout.split(|byte| *byte == b'\n').count(), 2, "one record");
    // Domestic, but not where the packet goes.
    scene.papers(&agreement("203.0.113.10"));
    assert_eq!(scene.replay(&[]).stdout, b"");

    scene.papers(&agreement("198.51.100.0/24"));
    scene.refused("a party abroad", 3, "basis.json: party.prefixes[0]: 198.51.100.0/24 is not");
}

#[test]
fn a_warning_is_no_refusal_unless_it_shall_be() {
    let scene = Scene::new();
    let mut idle = plan();
    idle["address_sets"]["c2"] = json!(["203.0.113.7"]);
    scene.papers(&papers(&idle));
    let line = "order.json: rules[0].source: the only member of c2 can never match: 203.0.113.7/32 is \
                domestic, but the measure is foreign-to-domestic and its sources are foreign \
                [L-MEASURE]\n";
    let verify = [
        "order",
        "verify",
        "--trust",
        "trust.json",
        "order.json",
        "basis.json",
        "--domestic",
        "domestic.txt",
    ];
    let output = scene.sekisho(&verify);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), format!("sekisho: warning: {line}"));
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.starts_with(b"order.json: accepted: "));

    let output = scene.sekisho(&[&verify[..], &["--strict"]].concat());
    assert_eq!(String::from_utf8(output.stderr).unwrap(), format!("sekisho: {line}"));
    assert_eq!(output.status.code(), Some(3));
    assert!(output.stdout.starts_with(b"basis.json: accepted: "), "what it rests on is right");
}

#[test]
fn usage_errors() {
    let scene = Scene::new();
    for arguments in [&[][..], &["replay"], &["unknown"], &["replay", "--at", "tomorrow"]] {
        assert_eq!(scene.sekisho(arguments).status.code(), Some(2), "{arguments:?}");
    }
    assert_eq!(scene.sekisho(&["--help"]).status.code(), Some(0));
}

#[test]
fn what_people_write_is_one_line_that_looks_like_what_it_is() {
    let scene = Scene::new();
    for (operator, reason, refusal) in [
        ("op", "a\nsekisho: ready", "--reason: holds control characters"),
        ("\u{1b}[2Jroot", "a", "--operator: holds control characters"),
        ("op\u{202e}", "a", "--operator: holds characters that are invisible or change"),
        (" ", "a", "--operator: is empty"),
    ] {
        for command in ["halt", "resume"] {
            let output = scene.sekisho(&[command, "--operator", operator, "--reason", reason]);
            assert_eq!(output.status.code(), Some(2), "{command}");
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(said.starts_with(&format!("sekisho: {refusal}")), "{said:?}");
            assert_eq!(said.matches('\n').count(), 1, "{said:?}");
        }
    }
}
