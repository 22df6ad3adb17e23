//! The subcommands from their arguments to their output, over files in a temporary directory.

use std::fs;
use std::path::Path;

use clap::Parser;
use ed25519_dalek::pkcs8::EncodePublicKey as _;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{OrderCommand, OrderError, run};
use crate::order::{keys, samples};

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: OrderCommand,
}

struct Desk(TempDir);

impl Desk {
    /// The keys of the kit as `1.pem` and so on, its trust file, an approval and an order under it.
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        for number in [1, 2, 3, 4, 11, 12, 21, 31, 9] {
            let path = desk.path().join(format!("{number}.pem"));
            keys::write_new(&path, &samples::key(number)).unwrap();
        }
        desk.write("trust.json", &samples::trust_file());
        desk.papers(&plan());
        desk
    }

    /// Writes the documents of a plan.
    fn papers(&self, plan: &Value) {
        let papers = samples::papers(plan);
        self.write("approval.json", &papers.basis.to_string());
        self.write("order.json", &papers.order.to_string());
    }

    /// Signs a file with the keys of these numbers.
    fn sign(&self, file: &str, output: &str, keys: &[u8]) {
        let keys: Vec<String> = keys.iter().map(|number| format!("@{number}.pem")).collect();
        let mut arguments = vec!["sign", "--output", output];
        for key in &keys {
            arguments.extend(["--key", key]);
        }
        arguments.push(file);
        self.good(&arguments);
    }

    /// Signs approval and order as they have to be.
    fn sign_both(&self) {
        self.sign("@approval.json", "@approval.dsse", &[1, 2, 3]);
        self.sign("@order.json", "@order.dsse", &[11, 12]);
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

fn plan() -> Value {
    json!({
        "order_id": "a-1", "serial": 1, "measure": "foreign-to-domestic",
        "not_before": "2027-11-01T00:00:00+09:00", "not_after": "2027-11-02T00:00:00+09:00",
        "facility": {"id": "tyo", "capacity_bps": 1000, "max_share_percent": 50},
        "address_sets": {"c2": ["198.51.100.7"]},
        "rules": [{"id": "r", "source": "c2"}],
    })
}

const VERIFY: [&str; 5] = ["verify", "--trust", "@trust.json", "@order.dsse", "@approval.dsse"];

#[test]
fn holders_sign_one_after_another() {
    let desk = Desk::new();
    desk.sign("@approval.json", "@approval.dsse", &[1, 2, 3]);
    desk.sign("@order.json", "@order.dsse", &[11]);
    assert_eq!(
        desk.bad(&VERIFY),
        (
            "rejected",
            "@order.dsse: signatures: 1 of the 2 signatures needed of cabinet-office [L-APPROVE]"
                .to_owned()
        )
    );
    desk.sign("@order.dsse", "@order.dsse", &[12]);
    let term = "from 2027-11-01T00:00:00+09:00 until 2027-11-02T00:00:00+09:00";
    let lines = format!(
        "@order.dsse: accepted: order a-1, serial 1, foreign-to-domestic, under approval a-1, serial 1, \
         {term}, signed by holder 11 (cabinet-office), holder 12 (cabinet-office)\n\
         @approval.dsse: accepted: approval a-1, serial 1, foreign-to-domestic, {term}, signed by \
         holder 1 (commission), holder 2 (commission), holder 3 (commission)\n"
    );
    assert_eq!(desk.good(&VERIFY), lines);
    let by_option =
        ["verify", "--trust", "@trust.json", "--order", "@order.dsse", "--order", "@approval.dsse"];
    assert_eq!(desk.good(&by_option), lines);
    let shown = desk.good(&["show", "--trust", "@trust.json", "@order.dsse", "@approval.dsse"]);
    assert!(
        shown.contains("Verified: signed by 2 trusted keys\n  holder 11 as cabinet-office (key ")
    );
    assert!(shown.contains("signed by 3 trusted keys:\n  holder 1 as commission (key "), "{shown}");

    let before = desk.text("order.dsse");
    let (kind, message) = desk.bad(&[
        "sign",
        "--key",
        "@4.pem",
        "--key",
        "@11.pem",
        "--output",
        "@order.dsse",
        "@order.dsse",
    ]);
    assert_eq!(kind, "failed");
    assert!(message.starts_with("@11.pem: the key ") && message.ends_with(" has already signed"));
    assert_eq!(desk.text("order.dsse"), before);
}

#[test]
fn what_is_signed_is_the_file_byte_for_byte_but_for_its_comments() {
    let desk = Desk::new();
    let payload = |name: &str| {
        let envelope: Value = serde_json::from_str(&desk.text(name)).unwrap();
        let text = envelope["payload"].as_str().unwrap();
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap()
    };
    desk.sign_both();
    assert_eq!(payload("order.dsse"), desk.text("order.json").into_bytes());
    let commented = format!("// why\n{}\n  // and how\n", desk.text("order.json"));
    desk.write("order.json", &commented);
    desk.sign_both();
    desk.good(&VERIFY);
    assert!(desk.good(&["show", "@order.json", "@approval.json"]).contains("foreign-to-domestic"));
    let expected = format!("{}\n", samples::papers(&plan()).order);
    assert_eq!(payload("order.dsse"), expected.into_bytes());
}

#[test]
fn templates_and_drafts_can_be_signed() {
    let desk = Desk::new();
    for kind in ["approval", "agreement", "order", "revocation"] {
        let text = desk.good(&["template", kind]);
        assert!(text.contains("\n  // "), "{text}");
        desk.write("t.json", &text);
        desk.sign("@t.json", "@t.dsse", &[1]);
        desk.good(&["show", "@t.json"]);
    }
    desk.write("approval.json", &desk.good(&["template", "approval"]));
    desk.write("list.txt", "# servers\n198.51.100.7 # one\n\n203.0.113.0/24\n2001:db8:5::/48\n");
    desk.sign("@approval.json", "@approval.dsse", &[1, 2, 3]);
    let draft = [
        "draft",
        "--under",
        "@approval.dsse",
        "--order-id",
        "c2",
        "--ground",
        "servers of botnet X",
        "--protocol",
        "tcp",
        "--destination-port",
        "443",
        "@list.txt",
    ];
    desk.write("order.json", &desk.good(&draft));
    desk.sign("@order.json", "@order.dsse", &[11, 12]);
    assert!(desk.good(&VERIFY).contains("order c2, serial 1, foreign-to-foreign"));
    // What a carrier would refuse is no draft: nothing but addresses, and a prefix that is too wide.
    let alone = desk.bad(&[&draft[..7], &["@list.txt"]].concat());
    assert_eq!(alone.0, "rejected");
    assert!(
        alone.1.contains("rules[0]: needs two of: addresses, payload, protocol"),
        "{}",
        alone.1
    );
    desk.write("list.txt", "198.51.0.0/16\nx\n10.0.0.1/8\n");
    let (_, wrong) = desk.bad(&draft);
    assert!(wrong.starts_with("@list.txt: line 2: `x` is neither"), "{wrong}");
    assert!(wrong.contains("\n@list.txt: line 3: `10.0.0.1/8` has host bits set"), "{wrong}");
    desk.write("list.txt", "198.51.0.0/16\n");
    let (_, wide) = desk.bad(&draft);
    assert!(
        wide.contains("198.51.0.0/16 is wider than /24, the widest that the criteria of"),
        "{wide}"
    );
}

#[test]
fn revocations_are_signed_by_a_role_and_verified() {
    let desk = Desk::new();
    let revocation = json!({
        "schema": "sekisho.revocation/v2", "ends": {"order_id": "a-1", "serial": 1},
        "effective_at": "2027-11-01T12:00:00+09:00", "reason": "the servers are gone",
    });
    desk.write("revocation.json", &revocation.to_string());
    desk.sign("@revocation.json", "@r.dsse", &[11, 12]);
    assert_eq!(
        desk.good(&["verify", "--trust", "@trust.json", "@r.dsse"]),
        "@r.dsse: accepted: revocation of order a-1, serial 1 and every lower one, effective at \
         2027-11-01T12:00:00+09:00, signed by holder 11 (cabinet-office), holder 12 \
         (cabinet-office)\n"
    );
    assert!(desk.good(&["show", "--trust", "@trust.json", "@r.dsse"]).starts_with(
        "Revocation of order a-1, serial 1 and every lower one\nVerified: signed by 2 trusted"
    ));
    for file in ["@r.dsse", "@revocation.json"] {
        assert!(desk.good(&["show", file]).contains("\nNOT VERIFIED"));
    }
    assert_eq!(
        desk.bad(&["show", "--trust", "@trust.json", "@revocation.json"]).1,
        "@revocation.json: is a revocation that nobody has signed: sign it with `sekisho order sign` \
         [L-APPROVE]"
    );
    let sign = ["sign", "--key", "@11.pem", "@revocation.json"];
    for (from, to, refusal) in [
        ("the servers are gone", "", "reason: is empty"),
        ("revocation/v2", "recall/v1", "schema: is `sekisho.recall/v1`, but only"),
        ("revocation/v2", "revocation/v1", "schema: is `sekisho.revocation/v1`, which is not read"),
    ] {
        desk.write("revocation.json", &revocation.to_string().replace(from, to));
        let (kind, message) = desk.bad(&sign);
        assert_eq!(kind, "rejected");
        assert!(message.starts_with(&format!("@revocation.json: {refusal}")), "{message}");
    }
}

#[test]
fn a_new_trust_file_is_put_together_signed_and_verified() {
    let desk = Desk::new();
    for number in [1, 2, 3, 4, 11, 12, 21, 31] {
        let key = format!("@{number}.pem");
        let entry = desk.good(&["entry", "--key", &key, "--holder", &format!("holder {number}")]);
        desk.write(&format!("{number}.json"), &entry);
    }
    let folder = format!("{}/", desk.path().display());
    let role = |text: &str| text.replace('@', &folder);
    let commission = role("commission=2:@1.json,@2.json,@3.json");
    let cabinet = role("cabinet-office=2:@11.json,@12.json");
    let first = desk.good(&["trust", "--role", &commission, "--role", &cabinet]);
    desk.write("first.json", &first);
    let carrier = role("carrier=1:@21.json");
    let party = role("party:acme=1:@31.json");
    let commission = role("commission=2:@1.json,@3.json,@4.json");
    let more = [
        "trust",
        "--version",
        "2",
        "--revoked",
        "@2.json",
        "--role",
        &commission,
        "--role",
        &cabinet,
        "--role",
        &carrier,
        "--role",
        &party,
    ];
    desk.write("second.json", &desk.good(&more));
    desk.sign("@second.json", "@t.dsse", &[1, 3, 11, 12, 21, 31]);
    assert_eq!(
        desk.good(&["verify", "--trust", "@first.json", "@t.dsse"]).split(", signed by").next(),
        Some(
            "@t.dsse: accepted: trust file version 2, to replace version 1, 2 of commission, 2 of \
             cabinet-office, 1 of carrier, 1 of party:acme"
        )
    );
    for file in ["@t.dsse", "@second.json"] {
        assert!(desk.good(&["show", file]).starts_with("Trust file, version 2\nNOT VERIFIED"));
    }
    // Nothing follows itself, and the revoked key is of no use.
    assert_eq!(
        desk.bad(&["verify", "--trust", "@second.json", "@t.dsse"]),
        (
            "rejected",
            "@t.dsse: version: 2 is not above 2, the version it is to replace [L-APPROVE]".into()
        )
    );
    desk.sign("@t.dsse", "@t.dsse", &[2]);
    let (_, message) = desk.bad(&["verify", "--trust", "@first.json", "@t.dsse"]);
    assert!(message.starts_with("@t.dsse: signatures[6].keyid: the key of "), "{message}");
    assert!(
        message.ends_with(" is revoked by version 2 of the trust file [L-APPROVE]"),
        "{message}"
    );
    let (kind, message) = desk.bad(&["trust", "--role", &commission, "--role", &carrier]);
    assert_eq!(kind, "rejected");
    assert!(
        message.ends_with("roles: the role cabinet-office must be there [L-APPROVE]"),
        "{message}"
    );
    let few = role("commission=4:@1.json,@2.json,@3.json");
    let (_, message) = desk.bad(&["trust", "--role", &few, "--role", &cabinet]);
    assert!(message.contains("4 is not within 1 to 3, the number of its keys"), "{message}");
    for wrong in ["commission", "commission=2", "root=1:a", "commission=x:a"] {
        let parsed = Cli::try_parse_from(["order", "trust", "--role", wrong]);
        assert!(parsed.is_err(), "{wrong}");
    }
    assert_eq!(desk.bad(&["trust", "--role", &role("commission=1:@none.json")]).0, "failed");
}

#[test]
fn every_file_is_verified_also_after_a_refusal() {
    let desk = Desk::new();
    desk.sign("@approval.json", "@approval.dsse", &[1, 2, 3]);
    desk.sign("@order.json", "@few.dsse", &[11]);
    desk.sign("@order.json", "@order.dsse", &[11, 12]);
    desk.sign("@order.json", "@stranger.dsse", &[11, 12, 9]);
    let (out, result) = desk.run(&[
        "verify",
        "--trust",
        "@trust.json",
        "@few.dsse",
        "@none.dsse",
        "@order.dsse",
        "@stranger.dsse",
        "@approval.dsse",
        "@approval.json",
    ]);
    assert_eq!(out.lines().count(), 2, "{out}");
    assert!(out.starts_with("@order.dsse: accepted: "));
    let Err(OrderError::Rejected(rejections)) = result else { panic!("must be rejected") };
    let lines: Vec<String> = rejections.iter().map(ToString::to_string).collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[0].contains("none.dsse: cannot be read: "));
    assert!(lines[2].ends_with(" is not trusted [L-APPROVE]"));
    assert!(lines[3].contains("approval.json: is an approval that nobody has signed"));
    // An order without what it rests on cannot be judged.
    let (kind, message) = desk.bad(&["verify", "--trust", "@trust.json", "@order.dsse"]);
    assert_eq!(kind, "rejected");
    assert!(
        message.contains("basis: approval a-1, serial 1 is not there: give it with"),
        "{message}"
    );
}

#[test]
fn what_is_unlawful_cannot_be_signed() {
    let desk = Desk::new();
    let mut long = samples::papers(&plan()).basis;
    long["not_after"] = json!("2028-02-01T00:00:01+09:00");
    desk.write("approval.json", &long.to_string());
    let sign = |file| ["sign", "--key", "@1.pem", "--output", "@signed.dsse", file];
    let (kind, message) = desk.bad(&sign("@approval.json"));
    assert_eq!(kind, "rejected");
    assert!(message.starts_with("@approval.json: not_after: ") && message.ends_with(" [L-TERM]"));
    assert!(!desk.path().join("signed.dsse").exists());
    // Whether an order is within what it rests on is checked where that is given.
    let mut narrow = plan();
    narrow["under"] = json!({"not_after": "2027-11-01T12:00:00+09:00"});
    desk.papers(&narrow);
    desk.good(&sign("@order.json"));
    let under = ["sign", "--key", "@1.pem", "--under", "@approval.json", "@order.json"];
    let (kind, message) = desk.bad(&under);
    assert_eq!(kind, "rejected");
    assert!(
        message.starts_with("@order.json: not_after: the term ends at 2027-11-02"),
        "{message}"
    );
    assert_eq!(
        desk.bad(&["sign", "--key", "@1.pem", "--under", "@order.json", "@approval.json"]).0,
        "usage"
    );
}

#[test]
fn showing_says_what_was_not_verified() {
    let desk = Desk::new();
    desk.sign("@order.json", "@signed.dsse", &[11]);
    for file in ["@order.json", "@signed.dsse"] {
        let text = desk.good(&["show", file]);
        assert!(text.contains("\nNOT VERIFIED: no trust file was given"), "{text}");
        assert!(text.contains("which is not at hand: measure and criteria"), "{text}");
        assert!(!text.contains("Verified:"));
        let both = desk.good(&["show", file, "@approval.json"]);
        assert!(both.contains("foreign-to-domestic (特定外内通信目的送信措置)"), "{both}");
    }
    assert_eq!(
        desk.bad(&["show", "--trust", "@trust.json", "@order.json"]).1,
        "@order.json: is an order that nobody has signed: sign it with `sekisho order sign` [L-APPROVE]"
    );
    assert_eq!(desk.bad(&["show", "--trust", "@trust.json", "@signed.dsse"]).0, "rejected");
}

#[test]
fn keys() {
    let desk = Desk::new();
    let entry = desk.good(&["keygen", "--output", "@k.pem", "--holder", "chair"]);
    assert_eq!(desk.good(&["entry", "--key", "@k.pem", "--holder", "chair"]), entry);
    let read: Value = serde_json::from_str(&entry).unwrap();
    assert_eq!(read.as_object().unwrap().len(), 3);
    let public = samples::key(1).verifying_key().to_public_key_pem(LineEnding::LF).unwrap();
    desk.write("public.pem", &public);
    let entry: Value =
        serde_json::from_str(&desk.good(&["entry", "--key", "@public.pem", "--holder", "x"]))
            .unwrap();
    assert_eq!(entry["keyid"], keys::keyid(&samples::key(1).verifying_key()));
    assert!(
        desk.bad(&["sign", "--key", "@public.pem", "@order.json"])
            .1
            .ends_with(": this is a public key")
    );
    assert_eq!(
        desk.bad(&["keygen", "--output", "@k9.pem", "--holder", ""]),
        ("usage", "--holder is empty".to_owned())
    );
    assert!(!desk.path().join("k9.pem").exists());
    let key = desk.text("k.pem");
    assert_eq!(desk.bad(&["keygen", "--output", "@k.pem", "--holder", "x"]).0, "failed");
    assert_eq!(desk.text("k.pem"), key);
    assert_eq!(desk.bad(&["sign", "--key", "@order.json", "@order.json"]).0, "failed");
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
    let mut idle = plan();
    idle["address_sets"]["c2"] = json!(["198.51.100.7", "203.0.113.7"]);
    desk.papers(&idle);
    desk.sign_both();
    desk.write("jp.txt", "203.0.113.0/24\n2001:db8::/48\n");
    desk.write("abroad.txt", "198.51.100.0/24\n");
    let tables = ["--domestic", "@jp.txt", "--foreign", "@abroad.txt"];
    let with = |more: &[&'static str]| [&VERIFY[..], more].concat();

    assert!(desk.good(&VERIFY).starts_with("@order.dsse: accepted: "));
    assert!(desk.good(&with(&tables)).starts_with("@order.dsse: accepted: "));
    desk.good(&with(&["--strict"]));
    assert_eq!(
        desk.bad(&[&with(&tables)[..], &["--strict"]].concat()),
        (
            "rejected",
            "@order.dsse: rules[0].source: 1 of the 2 members of c2 can never match: \
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
    let mut agreement = plan();
    agreement["measure"] = json!("agreement");
    agreement["party"] = json!({"name": "電力", "prefixes": ["203.0.113.0/24", "8.8.8.8"]});
    agreement["rules"][0]["protocol"] = json!("tcp");
    desk.papers(&agreement);
    desk.sign("@approval.json", "@approval.dsse", &[11, 12, 31, 21]);
    desk.sign("@order.json", "@order.dsse", &[11, 12]);
    desk.write("jp.txt", "203.0.113.0/24\n2001:db8::/48\n");
    desk.good(&VERIFY);
    let (_, result) = desk.run(&[&VERIFY[..], &["--domestic", "@jp.txt"]].concat());
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
