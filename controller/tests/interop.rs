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

use controller::order::keys;
use sekisho_kit::papers;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A directory with the keys of the kit, its trust file, and documents of every kind.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(TempDir::new().unwrap());
        for number in KEYS {
            let path = desk.path(&format!("k{number}.pem"));
            keys::write_new(&path, &sekisho_kit::key(number)).unwrap();
        }
        desk.put("trust.json", sekisho_kit::trust_file());
        let papers = papers(&plan());
        desk.put("approval.json", papers.basis.to_string());
        desk.put("order.json", papers.order.to_string());
        let mut agreed = plan();
        agreed["measure"] = json!("agreement");
        agreed["party"] = json!({"name": "電力", "prefixes": ["203.0.113.0/24"]});
        desk.put("agreement.json", sekisho_kit::papers(&agreed).basis.to_string());
        let ends = json!({"order_id": "2027-32-0001", "serial": 1});
        let mut revocation = sekisho_kit::revocation(&ends, "2027-02-01T00:00:00+09:00");
        revocation["reason"] = json!("協定が終了した");
        desk.put("revocation.json", revocation.to_string());
        desk.put("trust-2.json", sekisho_kit::trust_version(2, &[]));
        desk.signed_by_sekisho("approval.dsse", "approval.json", &[1, 2, 3]);
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

    /// What the other implementation makes of an envelope of which these roles must sign.
    fn verified_by_python(&self, name: &str, roles: &[&str]) -> Output {
        self.python(&[&["verify", "trust.json", name], roles].concat())
    }

    /// Demands that both sides refuse an order.
    fn both_refuse(&self, name: &str, by_sekisho: &str, by_python: &str) {
        let output =
            self.sekisho(&["order", "verify", "--trust", "trust.json", name, "approval.dsse"]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{error}");
        assert!(error.contains(by_sekisho), "{error}");
        let output = self.verified_by_python(name, &["cabinet-office"]);
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

fn plan() -> Value {
    json!({
        "order_id": "2027-32-0001", "serial": 1, "measure": "foreign-to-domestic",
        "not_before": "2027-01-01T00:00:00+09:00", "not_after": "2027-04-01T00:00:00+09:00",
        "facility": {"id": "tyo-gw-1", "capacity_bps": 1_000_000, "max_share_percent": 30},
        "address_sets": {"c2": {"ground": "解析の結果", "addresses": ["198.51.100.7", "2001:db8:5::/48"]}},
        "rules": [{"id": "r1", "source": "c2", "protocol": "tcp"}],
    })
}

/// Keys of all roles, and a stranger's.
const KEYS: [u8; 11] = [1, 2, 3, 4, 5, 11, 12, 13, 21, 31, 9];

/// Kind, file, the roles that sign it, and two sets of signers.
type Document = (&'static str, &'static str, &'static [&'static str], [&'static [u8]; 2]);

const DOCUMENTS: [Document; 5] = [
    ("approval", "approval.json", &["commission"], [&[1, 2, 3], &[5, 3, 1, 2]]),
    (
        "agreement",
        "agreement.json",
        &["cabinet-office", "party:acme", "carrier"],
        [&[11, 12, 31, 21], &[21, 13, 31, 12, 11]],
    ),
    ("order", "order.json", &["cabinet-office"], [&[11, 12], &[13, 12, 11]]),
    ("revocation", "revocation.json", &["cabinet-office"], [&[11, 12], &[13, 11]]),
    (
        "trust",
        "trust-2.json",
        &["commission", "cabinet-office"],
        [&[1, 2, 3, 11, 12], &[12, 5, 4, 3, 13]],
    ),
];

#[test]
#[ignore = "needs securesystemslib: cargo xtask test"]
fn what_securesystemslib_signs_sekisho_accepts() {
    let desk = Desk::new();
    for (kind, payload, _, sets) in DOCUMENTS {
        for signers in sets {
            desk.signed_by_python("signed.dsse", kind, payload, signers);
            let mut verify = vec!["order", "verify", "--trust", "trust.json", "signed.dsse"];
            if kind == "order" {
                verify.push("approval.dsse");
            }
            let lines = String::from_utf8(desk.good(&verify)).unwrap();
            let line = lines.lines().next().unwrap();
            assert!(line.starts_with("signed.dsse: accepted: "), "{line}");
            for number in signers {
                assert!(line.contains(&format!("holder {number} (")), "{line}");
            }
        }
    }
}

#[test]
#[ignore = "needs securesystemslib: cargo xtask test"]
fn what_sekisho_signs_securesystemslib_accepts() {
    let desk = Desk::new();
    for (_, payload, roles, sets) in DOCUMENTS {
        for signers in sets {
            desk.signed_by_sekisho("signed.dsse", payload, signers);
            let verified = printed(&desk.verified_by_python("signed.dsse", roles));
            // Byte for byte what the file was.
            assert_eq!(verified, fs::read(desk.path(payload)).unwrap());
        }
    }
}

#[test]
#[ignore = "needs securesystemslib: cargo xtask test"]
fn one_signs_after_the_other() {
    let desk = Desk::new();
    desk.signed_by_python("signed.dsse", "order", "order.json", &[11]);
    desk.signed_by_sekisho("signed.dsse", "signed.dsse", &[12]);
    desk.good(&["order", "verify", "--trust", "trust.json", "signed.dsse", "approval.dsse"]);
    printed(&desk.verified_by_python("signed.dsse", &["cabinet-office"]));
}

#[test]
#[ignore = "needs securesystemslib: cargo xtask test"]
fn what_is_wrong_both_refuse() {
    const FEW: &str = "Found: 1, Expected 2";
    const NONE: &str = "Found: 0, Expected 2";
    let desk = Desk::new();
    let by_python: fn(&Desk, &[u8]) = |desk, signers| {
        desk.signed_by_python("signed.dsse", "order", "order.json", signers);
    };
    let by_sekisho: fn(&Desk, &[u8]) = |desk, signers| {
        desk.signed_by_sekisho("signed.dsse", "order.json", signers);
    };
    for sign in [by_python, by_sekisho] {
        sign(&desk, &[11]);
        desk.both_refuse("signed.dsse", "1 of the 2 signatures needed of cabinet-office", FEW);
        sign(&desk, &[11, 9]);
        desk.both_refuse("signed.dsse", "is not trusted [L-APPROVE]", FEW);
        // The right number, of which one is of another role.
        sign(&desk, &[11, 1]);
        desk.both_refuse("signed.dsse", "signs as commission, but an order is signed by", FEW);

        sign(&desk, &[11, 12]);
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
        spoilt("/signatures/1/sig", whole["signatures"][0]["sig"].clone());
        desk.both_refuse("signed.dsse", "is not a signature of this order by holder 12", FEW);
    }
}
