//! `sekisho order` and `securesystemslib`, the implementation of DSSE by those who specify it, in
//! Python, against each other: what one signs the other accepts, and what is wrong both
//! refuse. `tests/interop/dsse.py` is the other side.
//!
//! These tests need that library, so `cargo test` shows them as ignored. `cargo xtask test` installs
//! it and runs them; it never leaves them out.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A directory with five keys, a trust file that asks for three of them, and a stranger's key.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(TempDir::new().unwrap());
        for number in 1..=6 {
            let (key, holder) = (format!("k{number}.pem"), format!("holder {number}"));
            let entry = desk.good(&["order", "keygen", "--output", &key, "--holder", &holder]);
            desk.put(&format!("k{number}.json"), entry);
        }
        let trust = desk.good(&[
            "order",
            "trust",
            "--threshold",
            "3",
            "k1.json",
            "k2.json",
            "k3.json",
            "k4.json",
            "k5.json",
        ]);
        desk.put("trust.json", trust);
        desk.put("order.json", order().to_string());
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap()
    }

    fn sekisho(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sekisho"));
        command.args(arguments).current_dir(&self.0).output().unwrap()
    }

    /// What a command of `sekisho` prints.
    fn good(&self, arguments: &[&str]) -> Vec<u8> {
        printed(&self.sekisho(arguments))
    }

    fn python(&self, arguments: &[&str]) -> Output {
        let python = std::env::var_os("SEKISHO_PYTHON").unwrap_or_else(|| {
            panic!("no SEKISHO_PYTHON: these tests need securesystemslib, which `cargo xtask test` installs")
        });
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/interop/dsse.py");
        let mut command = Command::new(python);
        command.arg(script).args(arguments).current_dir(&self.0).output().unwrap()
    }

    /// An envelope around a file, made by the other implementation.
    fn signed_by_python(&self, name: &str, kind: &str, payload: &str, signers: &[u8]) {
        let keys: Vec<String> = signers.iter().map(|number| format!("k{number}.pem")).collect();
        let payload_type = payload_type(kind);
        let mut arguments = vec!["sign", &payload_type, payload];
        arguments.extend(keys.iter().map(String::as_str));
        self.put(name, printed(&self.python(&arguments)));
    }

    /// The same, made by `sekisho`.
    fn signed_by_sekisho(&self, name: &str, payload: &str, signers: &[u8]) {
        let keys: Vec<String> = signers.iter().map(|number| format!("k{number}.pem")).collect();
        let mut arguments = vec!["order", "sign", "--output", name, payload];
        for key in &keys {
            arguments.extend(["--key", key]);
        }
        self.good(&arguments);
    }

    /// Demands that both sides refuse an envelope.
    fn both_refuse(&self, name: &str, by_sekisho: &str, by_python: &str) {
        let output = self.sekisho(&["order", "verify", "--trust", "trust.json", name]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{error}");
        assert!(error.contains(by_sekisho), "{error}");
        let output = self.python(&["verify", "trust.json", name]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), output.stdout.as_slice()),
            (Some(1), &b""[..]),
            "{error}"
        );
        assert!(error.contains(by_python), "{error}");
    }
}

fn payload_type(kind: &str) -> String {
    format!("application/vnd.sekisho.{kind}+json")
}

fn printed(output: &Output) -> Vec<u8> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout.clone()
}

fn order() -> Value {
    json!({
        "schema": "sekisho.order/v1", "order_id": "2027-15-0001", "serial": 1,
        "measure": "agreement", "approved_at": "2026-12-01T00:00:00+09:00",
        "not_before": "2027-01-01T00:00:00+09:00", "not_after": "2027-04-01T00:00:00+09:00",
        "facility": {"id": "東京第一", "capacity_bps": 1_000_000, "max_share_percent": 30},
        "party": {"name": "電力", "prefixes": ["203.0.113.0/24"]},
        "address_sets": {"c2": ["198.51.100.7", "2001:db8:5::/48"]},
        "rules": [{"id": "r1", "source": "c2", "protocol": "tcp"}],
    })
}

/// A revocation of the order, and the trust file that is to follow, in `revocation.json` and
/// `trust-2.json`.
fn other_documents(desk: &Desk) {
    let revocation = json!({
        "schema": "sekisho.revocation/v1", "order_id": "2027-15-0001", "serial": 1,
        "effective_at": "2027-02-01T00:00:00+09:00", "reason": "協定が終了した",
    });
    desk.put("revocation.json", revocation.to_string());
    let mut trust = desk.json("trust.json");
    trust["version"] = json!(2);
    desk.put("trust-2.json", trust.to_string());
}

const DOCUMENTS: [(&str, &str); 3] =
    [("order", "order.json"), ("revocation", "revocation.json"), ("trust", "trust-2.json")];

#[test]
#[ignore = "needs securesystemslib: cargo xtask test"]
fn what_securesystemslib_signs_sekisho_accepts() {
    let desk = Desk::new();
    other_documents(&desk);
    for (kind, payload) in DOCUMENTS {
        for signers in [&[1, 2, 3][..], &[5, 3, 1, 2]] {
            desk.signed_by_python("signed.dsse", kind, payload, signers);
            let verify = ["order", "verify", "--trust", "trust.json", "signed.dsse"];
            let line = String::from_utf8(desk.good(&verify)).unwrap();
            assert!(line.starts_with("signed.dsse: accepted: "), "{line}");
            let holders: Vec<String> = signers.iter().map(|n| format!("holder {n}")).collect();
            assert!(line.ends_with(&format!("signed by {}\n", holders.join(", "))), "{line}");
        }
    }
}

#[test]
#[ignore = "needs securesystemslib: cargo xtask test"]
fn what_sekisho_signs_securesystemslib_accepts() {
    let desk = Desk::new();
    other_documents(&desk);
    for (_, payload) in DOCUMENTS {
        desk.signed_by_sekisho("signed.dsse", payload, &[4, 1, 2]);
        let verified = printed(&desk.python(&["verify", "trust.json", "signed.dsse"]));
        // Byte for byte what the file was.
        assert_eq!(verified, fs::read(desk.path(payload)).unwrap());
    }
}

#[test]
#[ignore = "needs securesystemslib: cargo xtask test"]
fn one_signs_after_the_other() {
    let desk = Desk::new();
    desk.signed_by_python("signed.dsse", "order", "order.json", &[1, 2]);
    desk.signed_by_sekisho("signed.dsse", "signed.dsse", &[3]);
    desk.good(&["order", "verify", "--trust", "trust.json", "signed.dsse"]);
    printed(&desk.python(&["verify", "trust.json", "signed.dsse"]));
}

#[test]
#[ignore = "needs securesystemslib: cargo xtask test"]
fn what_is_wrong_both_refuse() {
    const FEW: &str = "Found: 2, Expected 3";
    const NONE: &str = "Found: 0, Expected 3";
    let desk = Desk::new();
    let by_python: fn(&Desk, &[u8]) = |desk, signers| {
        desk.signed_by_python("signed.dsse", "order", "order.json", signers);
    };
    let by_sekisho: fn(&Desk, &[u8]) = |desk, signers| {
        desk.signed_by_sekisho("signed.dsse", "order.json", signers);
    };
    for sign in [by_python, by_sekisho] {
        sign(&desk, &[1, 2]);
        desk.both_refuse("signed.dsse", "2 of the 3 signatures needed [L-APPROVE]", FEW);
        sign(&desk, &[1, 2, 6]);
        desk.both_refuse("signed.dsse", "is not trusted [L-APPROVE]", FEW);

        sign(&desk, &[1, 2, 3]);
        let whole = desk.json("signed.dsse");
        let spoilt = |pointer: &str, value: Value| {
            let mut envelope = whole.clone();
            *envelope.pointer_mut(pointer).unwrap() = value;
            desk.put("signed.dsse", envelope.to_string());
        };
        spoilt("/payload", json!("e30="));
        desk.both_refuse("signed.dsse", "is not a signature of this order", NONE);
        // The type is signed too.
        spoilt("/payloadType", json!(payload_type("revocation")));
        desk.both_refuse("signed.dsse", "is not a signature of this revocation", NONE);
        spoilt("/signatures/2/sig", whole["signatures"][1]["sig"].clone());
        desk.both_refuse("signed.dsse", "is not a signature of this order by holder 3", FEW);
    }
}
