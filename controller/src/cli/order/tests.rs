//! The subcommands from their arguments to their output, over files in a temporary directory.

use std::fs;
use std::path::Path;

use clap::Parser;
use ed25519_dalek::pkcs8::EncodePublicKey as _;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{OrderCommand, OrderError, run};
use crate::order::samples;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: OrderCommand,
}

struct Desk(TempDir);

impl Desk {
    /// Keys `k1.pem` to `k4.pem`, a trust file that asks for two of the first three, an order.
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        for n in 1..=4 {
            let entry = desk.good(&[
                "keygen",
                "--output",
                &format!("@k{n}.pem"),
                "--holder",
                &format!("holder {n}"),
            ]);
            desk.write(&format!("k{n}.json"), &entry);
        }
        let trust = desk.good(&["trust", "--threshold", "2", "@k1.json", "@k2.json", "@k3.json"]);
        desk.write("trust.json", &trust);
        desk.write("order.json", &order().to_string());
        desk
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// Runs a command; `@name` stands for a file in the directory.
    fn run(&self, arguments: &[&str]) -> (String, Result<(), OrderError>) {
        let arguments = arguments.iter().map(|argument| match argument.strip_prefix('@') {
            Some(name) => self.path().join(name).display().to_string(),
            None => (*argument).to_owned(),
        });
        let cli = Cli::try_parse_from(["order".to_owned()].into_iter().chain(arguments)).unwrap();
        let mut out = Vec::new();
        let result = run(&cli.command, &mut out);
        (
            String::from_utf8(out).unwrap().replace(&format!("{}/", self.path().display()), "@"),
            result,
        )
    }

    fn good(&self, arguments: &[&str]) -> String {
        let (out, result) = self.run(arguments);
        result.unwrap();
        out
    }

    fn bad(&self, arguments: &[&str]) -> (&'static str, String) {
        let (_, result) = self.run(arguments);
        let error = result.expect_err("must fail");
        let kind = match &error {
            OrderError::Rejected(_) => "rejected",
            OrderError::Failed(_) => "failed",
            OrderError::Usage(_) => "usage",
            OrderError::Life(_) => "life",
        };
        (kind, error.to_string().replace(&format!("{}/", self.path().display()), "@"))
    }
}

fn order() -> Value {
    json!({
        "schema": "sekisho.order/v1", "order_id": "a-1", "serial": 1,
        "measure": "foreign-to-domestic",
        "approved_at": "2027-10-20T15:00:00+09:00",
        "not_before": "2027-11-01T00:00:00+09:00", "not_after": "2027-11-02T00:00:00+09:00",
        "facility": {"id": "tyo", "capacity_bps": 1000, "max_share_percent": 50},
        "address_sets": {"c2": ["198.51.100.7"]},
        "rules": [{"id": "r", "source": "c2"}],
    })
}

#[test]
fn holders_sign_one_after_another() {
    let desk = Desk::new();
    desk.good(&["sign", "--key", "@k1.pem", "--output", "@signed.json", "@order.json"]);
    assert_eq!(
        desk.bad(&["verify", "--trust", "@trust.json", "@signed.json"]),
        (
            "rejected",
            "@signed.json: signatures: 1 of the 2 signatures needed [L-APPROVE]".to_owned()
        )
    );
    desk.good(&["sign", "--key", "@k3.pem", "--output", "@signed.json", "@signed.json"]);
    let line = "@signed.json: accepted: order a-1, serial 1, foreign-to-domestic, from \
                2027-11-01T00:00:00+09:00 until 2027-11-02T00:00:00+09:00, signed by holder 1, \
                holder 3\n";
    assert_eq!(desk.good(&["verify", "--trust", "@trust.json", "@signed.json"]), line);
    assert_eq!(desk.good(&["verify", "--trust", "@trust.json", "--order", "@signed.json"]), line);
    assert!(
        desk.good(&["show", "--trust", "@trust.json", "@signed.json"])
            .contains("Verified: signed by 2 trusted keys\n  holder 1 (key ")
    );

    let before = desk.text("signed.json");
    let (kind, message) = desk.bad(&[
        "sign",
        "--key",
        "@k2.pem",
        "--key",
        "@k1.pem",
        "--output",
        "@signed.json",
        "@signed.json",
    ]);
    assert_eq!(kind, "failed");
    assert!(message.starts_with("@k1.pem: the key ") && message.ends_with(" has already signed"));
    assert_eq!(desk.text("signed.json"), before);
}

#[test]
fn several_keys_sign_at_once() {
    let desk = Desk::new();
    let signed = desk.good(&["sign", "--key", "@k1.pem", "--key", "@k2.pem", "@order.json"]);
    desk.write("signed.json", &signed);
    desk.good(&["verify", "--trust", "@trust.json", "@signed.json"]);
    // The payload is signed byte for byte as it stood in the file.
    let envelope: Value = serde_json::from_str(&signed).unwrap();
    let payload = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        envelope["payload"].as_str().unwrap(),
    );
    assert_eq!(payload.unwrap(), desk.text("order.json").into_bytes());
}

#[test]
fn revocations_are_signed_and_verified_like_orders() {
    let desk = Desk::new();
    let revocation = json!({
        "schema": "sekisho.revocation/v1", "order_id": "a-1", "serial": 1,
        "effective_at": "2027-11-01T12:00:00+09:00", "reason": "the servers are gone",
    });
    desk.write("revocation.json", &revocation.to_string());
    let sign =
        ["sign", "--key", "@k1.pem", "--key", "@k2.pem", "--output", "@r.dsse", "@revocation.json"];
    desk.good(&sign);
    assert_eq!(
        desk.good(&["verify", "--trust", "@trust.json", "@r.dsse"]),
        "@r.dsse: accepted: revocation of order a-1 up to serial 1, effective at \
         2027-11-01T12:00:00+09:00, signed by holder 1, holder 2\n"
    );
    assert!(desk.good(&["show", "--trust", "@trust.json", "@r.dsse"]).starts_with(
        "Revocation of order a-1, serial 1 and every lower one\nVerified: signed by 2 trusted"
    ));
    for file in ["@r.dsse", "@revocation.json"] {
        assert!(desk.good(&["show", file]).contains("\nNOT VERIFIED"));
    }
    assert_eq!(
        desk.bad(&["show", "--trust", "@trust.json", "@revocation.json"]).1,
        "@revocation.json: is a revocation without an envelope: nobody has signed it [L-APPROVE]"
    );
    desk.write("revocation.json", &revocation.to_string().replace("the servers are gone", ""));
    assert_eq!(desk.bad(&sign), ("rejected", "@revocation.json: reason: is empty".to_owned()));
    desk.write("revocation.json", &revocation.to_string().replace("revocation/v1", "recall/v1"));
    let (kind, message) = desk.bad(&sign);
    assert_eq!(kind, "rejected");
    assert!(message.starts_with("@revocation.json: schema: is `sekisho.recall/v1`, but only"));
}

#[test]
fn a_new_trust_file_is_signed_by_old_and_new_keys() {
    let desk = Desk::new();
    let new = desk.good(&[
        "trust",
        "--threshold",
        "2",
        "--version",
        "2",
        "--revoked",
        "@k2.json",
        "@k1.json",
        "@k3.json",
        "@k4.json",
    ]);
    desk.write("new.json", &new);
    desk.good(&[
        "sign",
        "--key",
        "@k1.pem",
        "--key",
        "@k3.pem",
        "--output",
        "@t.dsse",
        "@new.json",
    ]);
    assert_eq!(
        desk.good(&["verify", "--trust", "@trust.json", "@t.dsse"]),
        "@t.dsse: accepted: trust file version 2, to replace version 1, 2 of 3 keys must sign, \
         signed by holder 1, holder 3\n"
    );
    for file in ["@t.dsse", "@new.json"] {
        assert!(desk.good(&["show", file]).starts_with("Trust file, version 2\nNOT VERIFIED"));
    }
    // Nothing follows itself, and the revoked key is of no use.
    assert_eq!(
        desk.bad(&["verify", "--trust", "@new.json", "@t.dsse"]),
        (
            "rejected",
            "@t.dsse: version: 2 is not above 2, the version it is to replace [L-APPROVE]".into()
        )
    );
    desk.good(&["sign", "--key", "@k2.pem", "--output", "@t.dsse", "@t.dsse"]);
    assert_eq!(
        desk.bad(&["verify", "--trust", "@trust.json", "@t.dsse"]),
        (
            "rejected",
            "@t.dsse: signatures[2].keyid: the key of holder 2 is revoked by version 2 of the \
             trust file [L-APPROVE]"
                .into()
        )
    );
}

#[test]
fn every_file_is_verified_also_after_a_refusal() {
    let desk = Desk::new();
    let sign = |name: &str, keys: &[&str]| {
        let mut arguments = vec!["sign"];
        for key in keys {
            arguments.extend(["--key", key]);
        }
        arguments.push("@order.json");
        desk.write(name, &desk.good(&arguments));
    };
    sign("few.json", &["@k1.pem"]);
    sign("good.json", &["@k1.pem", "@k2.pem"]);
    sign("stranger.json", &["@k1.pem", "@k2.pem", "@k4.pem"]);
    let (out, result) = desk.run(&[
        "verify",
        "--trust",
        "@trust.json",
        "@few.json",
        "@none.json",
        "@good.json",
        "@stranger.json",
    ]);
    assert_eq!(out.lines().count(), 1);
    assert!(out.starts_with("@good.json: accepted: "));
    let Err(OrderError::Rejected(rejections)) = result else { panic!("must be rejected") };
    assert_eq!(rejections.len(), 3);
    assert!(rejections[1].to_string().contains("none.json: cannot be read: "));
    assert!(rejections[2].to_string().ends_with(" is not trusted [L-APPROVE]"));
}

#[test]
fn an_unlawful_order_cannot_be_signed() {
    let desk = Desk::new();
    let mut long = order();
    long["not_after"] = json!("2028-02-01T00:00:01+09:00");
    desk.write("order.json", &long.to_string());
    let (kind, message) =
        desk.bad(&["sign", "--key", "@k1.pem", "--output", "@signed.json", "@order.json"]);
    assert_eq!(kind, "rejected");
    assert!(message.starts_with("@order.json: not_after: ") && message.ends_with(" [L-TERM]"));
    assert!(!desk.path().join("signed.json").exists());
}

#[test]
fn showing_says_what_was_not_verified() {
    let desk = Desk::new();
    let signed = desk.good(&["sign", "--key", "@k1.pem", "@order.json"]);
    desk.write("signed.json", &signed);
    for file in ["@order.json", "@signed.json"] {
        let text = desk.good(&["show", file]);
        assert!(text.contains("\nNOT VERIFIED: no trust file was given"), "{text}");
        assert!(!text.contains("Verified:"));
    }
    assert_eq!(
        desk.bad(&["show", "--trust", "@trust.json", "@order.json"]),
        (
            "rejected",
            "@order.json: is an order without an envelope: nobody has signed it [L-APPROVE]".into()
        )
    );
    assert_eq!(desk.bad(&["show", "--trust", "@trust.json", "@signed.json"]).0, "rejected");
}

#[test]
fn keys_and_trust_files() {
    let desk = Desk::new();
    assert_eq!(
        desk.good(&["entry", "--key", "@k1.pem", "--holder", "holder 1"]),
        desk.text("k1.json")
    );
    let public = samples::key(1).verifying_key().to_public_key_pem(LineEnding::LF).unwrap();
    desk.write("public.pem", &public);
    let entry: Value =
        serde_json::from_str(&desk.good(&["entry", "--key", "@public.pem", "--holder", "x"]))
            .unwrap();
    assert_eq!(entry["keyid"], crate::order::keys::keyid(&samples::key(1).verifying_key()));
    assert!(
        desk.bad(&["sign", "--key", "@public.pem", "@order.json"])
            .1
            .ends_with(": this is a public key")
    );
    let entry: Value = serde_json::from_str(&desk.text("k1.json")).unwrap();
    assert_eq!(entry.as_object().unwrap().len(), 3);
    assert_eq!(
        desk.bad(&["keygen", "--output", "@k9.pem", "--holder", ""]),
        ("usage", "--holder is empty".to_owned())
    );
    assert!(!desk.path().join("k9.pem").exists());
    let key = desk.text("k1.pem");
    assert_eq!(desk.bad(&["keygen", "--output", "@k1.pem", "--holder", "x"]).0, "failed");
    assert_eq!(desk.text("k1.pem"), key);
    assert_eq!(
        desk.bad(&["trust", "--threshold", "2", "@k1.json"]),
        (
            "rejected",
            "the new trust file: threshold: 2 is not within 1 to 1, the number of keys that are not \
             revoked [L-APPROVE]"
                .to_owned()
        )
    );
    let (kind, message) = desk.bad(&["trust", "--threshold", "1", "@k1.json", "@order.json"]);
    assert_eq!(kind, "rejected");
    assert!(message.starts_with("@order.json: "), "{message}");
    assert_eq!(desk.bad(&["trust", "--threshold", "1", "@none.json"]).0, "failed");
    assert_eq!(desk.bad(&["sign", "--key", "@k1.json", "@order.json"]).0, "failed");
    let versioned = desk.good(&["trust", "--threshold", "1", "--version", "7", "@k1.json"]);
    assert_eq!(serde_json::from_str::<Value>(&versioned).unwrap()["version"], 7);
}

#[test]
fn arguments_are_consistent() {
    use clap::CommandFactory;
    Cli::command().debug_assert();
    assert!(Cli::try_parse_from(["order", "verify", "--trust", "t"]).is_err());
    assert!(Cli::try_parse_from(["order", "sign", "f"]).is_err());
}

#[test]
fn warnings_and_what_strict_makes_of_them() {
    let desk = Desk::new();
    let mut idle = order();
    idle["address_sets"]["c2"] = json!(["198.51.100.7", "203.0.113.7"]);
    desk.write("order.json", &idle.to_string());
    let signed = desk.good(&["sign", "--key", "@k1.pem", "--key", "@k2.pem", "@order.json"]);
    desk.write("signed.json", &signed);
    desk.write("jp.txt", "203.0.113.0/24\n2001:db8::/48\n");
    desk.write("abroad.txt", "198.51.100.0/24\n");
    let verify = ["verify", "--trust", "@trust.json", "@signed.json"];
    let tables = ["--domestic", "@jp.txt", "--foreign", "@abroad.txt"];
    let with = |more: &[&'static str]| [&verify[..], more].concat();

    assert!(desk.good(&verify).starts_with("@signed.json: accepted: "));
    assert!(desk.good(&with(&tables)).starts_with("@signed.json: accepted: "));
    desk.good(&with(&["--strict"]));
    assert_eq!(
        desk.bad(&[&with(&tables)[..], &["--strict"]].concat()),
        (
            "rejected",
            "@signed.json: rules[0].source: 1 of the 2 members of c2 can never match: \
             203.0.113.7/32 is domestic, but the measure is foreign-to-domestic and its sources \
             are foreign [L-MEASURE]"
                .to_owned()
        )
    );
    assert_eq!(desk.bad(&with(&["--country", "JP"])).0, "usage");
    let missing = desk.bad(&with(&["--domestic", "@none.txt"]));
    assert!(missing.0 == "rejected" && missing.1.starts_with("@none.txt: cannot be read: "));
}

#[test]
fn an_agreement_with_a_foreign_party_is_refused_where_there_are_tables() {
    let desk = Desk::new();
    let mut agreement = order();
    agreement["measure"] = json!("agreement");
    agreement["party"] = json!({"name": "電力", "prefixes": ["203.0.113.0/24", "8.8.8.8"]});
    agreement["rules"][0]["protocol"] = json!("tcp");
    desk.write("order.json", &agreement.to_string());
    let signed = desk.good(&["sign", "--key", "@k1.pem", "--key", "@k2.pem", "@order.json"]);
    desk.write("signed.json", &signed);
    desk.write("jp.txt", "203.0.113.0/24\n2001:db8::/48\n");
    let verify = ["verify", "--trust", "@trust.json", "@signed.json"];
    desk.good(&verify);
    let (out, result) = desk.run(&[&verify[..], &["--domestic", "@jp.txt"]].concat());
    assert_eq!(out, "", "nothing is accepted");
    assert!(result.unwrap_err().to_string().ends_with(
        "party.prefixes[1]: 8.8.8.8/32 is not wholly domestic, but a party's own addresses \
             are: 8.8.8.8 is unclassified [L-MEASURE]"
    ));
}

#[test]
fn showing_in_japanese() {
    let desk = Desk::new();
    let text = desk.good(&["show", "--lang", "ja", "@order.json"]);
    assert!(text.starts_with("指示書 a-1、通番 1\n【未検証】"), "{text}");
    assert_eq!(
        desk.good(&["show", "--lang", "en", "@order.json"]),
        desk.good(&["show", "@order.json"])
    );
    assert!(Cli::try_parse_from(["order", "show", "--lang", "fr", "f"]).is_err());
}
