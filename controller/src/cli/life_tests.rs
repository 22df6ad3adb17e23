//! The commands without a daemon, over a state directory of their own.

use std::fs;
use std::path::Path;

use clap::Parser;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::order::DocumentKind;
use crate::order::samples::{self, Signed, sealed, signed, trust_file, with};
use crate::registry::loading::OrderBodies;
use crate::registry::{StatePaths, held};

#[derive(Parser)]
enum Cli {
    Install(InstallArgs),
    Revoke(RevokeArgs),
    List(ListArgs),
    Halt(super::super::halt::HaltArgs),
    Resume(super::super::halt::ResumeArgs),
    #[command(subcommand)]
    Trust(super::super::trust::TrustCommand),
}

struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        desk.write("trust.json", &trust_file());
        let made = desk.run("trust init --state @state --facility tyo-gw-1 @trust.json");
        assert_eq!(made.unwrap(), "state for facility tyo-gw-1 made, trust file version 1\n");
        desk
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    /// Runs a command; `@` stands for the folder.
    fn run(&self, line: &str) -> Result<String, CliError> {
        let folder = format!("{}/", self.0.path().display());
        let words = line.split(' ').map(|word| word.replace('@', &folder));
        let mut out = Vec::new();
        match Cli::try_parse_from(["sekisho".to_owned()].into_iter().chain(words)).unwrap() {
            Cli::Install(args) => args.run(&mut out),
            Cli::Revoke(args) => args.run(&mut out),
            Cli::List(args) => args.run(&mut out),
            Cli::Halt(args) => args.run(&mut out),
            Cli::Resume(args) => args.run(&mut out),
            Cli::Trust(command) => command.run(&mut out),
        }?;
        Ok(String::from_utf8(out).unwrap().replace(&folder, "@"))
    }

    fn failure(&self, line: &str) -> (u8, String) {
        let error = self.run(line).unwrap_err();
        let folder = format!("{}/", self.0.path().display());
        (error.exit_status(), error.lines().join("\n").replace(&folder, "@"))
    }

    fn list(&self) -> Value {
        serde_json::from_str(&self.run("list --json --state @state").unwrap()).unwrap()
    }
}

/// An order that waits for a long time.
fn order() -> Value {
    with(&[
        ("/not_before", json!("2096-11-01T00:00:00Z")),
        ("/not_after", json!("2097-01-01T00:00:00Z")),
    ])
}

#[test]
fn an_order_is_installed_listed_and_revoked() {
    let desk = Desk::new();
    let Signed { basis, order: two } = signed(&samples::set(order(), &[("/serial", json!(2))]));
    desk.write("approval.dsse", &basis);
    desk.write("order.dsse", &two);
    let alone = desk.failure("install --state @state @order.dsse");
    assert!(
        alone.1.ends_with("give it with the order, or install it before [L-APPROVE]"),
        "{alone:?}"
    );
    let approval = "approval 2027-17-0003, serial 1, is installed: from 2096-11-01T09:00:00+09:00 until \
                    2097-01-01T09:00:00+09:00";
    let line = "order 2027-17-0003, serial 2, waits until 2096-11-01T09:00:00+09:00, then until \
                2097-01-01T09:00:00+09:00";
    assert_eq!(
        desk.run("install --state @state @order.dsse @approval.dsse").unwrap(),
        format!("{line}\n{approval}\n")
    );
    assert_eq!(
        desk.run("install --state @state @order.dsse").unwrap(),
        format!("{line}; it was installed before, and nothing has changed\n")
    );
    let list = desk.list();
    assert_eq!(list["orders"][0]["state"], "waiting");
    assert_eq!(list["orders"].as_array().unwrap().len(), 1);

    assert_eq!(list["bases"][0]["approval_id"], "2027-17-0003");
    assert_eq!(list["orders"][0]["basis"], json!({"approval_id": "2027-17-0003", "serial": 1}));

    desk.write("older.dsse", &signed(&order()).order);
    assert_eq!(
        desk.failure("install --state @state @older.dsse"),
        (
            3,
            "@older.dsse: serial: is 1, but serial 2 of order 2027-17-0003 has been seen \
             [L-EXTEND]"
                .to_owned()
        )
    );
    let revocation = samples::revocation();
    desk.write(
        "r.dsse",
        &sealed(DocumentKind::Revocation, revocation.to_string().as_bytes(), &[1, 2, 3]),
    );
    let revoked = desk.run("revoke --state @state @r.dsse").unwrap();
    assert!(
        revoked.starts_with("approval 2027-17-0003, serial 1, and every lower one, is revoked")
    );
    assert_eq!(
        desk.run("revoke --state @state @r.dsse").unwrap(),
        "this revocation was accepted before\n"
    );
}

#[test]
fn a_halt_lasts_until_somebody_resumes() {
    let desk = Desk::new();
    let halted = desk.run("halt --state @state --operator op --reason storm").unwrap();
    let words = "nothing is loaded: the kernel selects nothing\nremembered: a start begins halted\n\
                 no daemon answers\n";
    let rest = halted.strip_prefix(words).unwrap();
    assert!(rest.starts_with("all selection is halted, by uid "), "{halted}");
    let again = desk.run("halt --state @state").unwrap();
    assert_eq!(again, format!("{}; it was halted before\n", halted.trim_end()));
    let text = desk.run("list --state @state").unwrap();
    assert!(text.starts_with("ALL SELECTION IS HALTED since "), "{text}");
    let resume = |line: &str| Cli::try_parse_from(line.split(' ')).is_ok();
    assert!(!resume("sekisho resume") && !resume("sekisho resume --operator op"));
    desk.run("resume --state @state --operator op --reason over").unwrap();
    assert_eq!(desk.list()["halted"], Value::Null);
    assert_eq!(
        desk.run("resume --state @state --operator op --reason over").unwrap(),
        "selection was not halted\n"
    );
}

#[test]
fn a_directory_that_is_held_or_not_there() {
    let desk = Desk::new();
    let place = StatePaths::new(&desk.0.path().join("state"), None);
    let held = held::open(&place, OrderBodies::Skip).unwrap();
    let words = "@state: a running sekisho has this state; ask it over its control socket";
    let resume = "resume --state @state --operator op --reason over";
    assert_eq!(desk.failure(resume), (1, words.to_owned()));
    let halted = desk.run("halt --state @state").unwrap();
    assert!(halted.ends_with(&format!("not in the registry yet: {words}\n")), "{halted}");
    assert_eq!(desk.list()["orders"], json!([]), "to look is free");
    drop(held);
    let (status, words) = desk.failure("halt --state @other");
    assert_eq!((status, words.contains("a start may begin selecting: ")), (1, true), "{words}");
    assert!(!desk.0.path().join("other").exists());
    let again = desk.failure("trust init --state @state --facility tyo-gw-1 @trust.json");
    assert_eq!(again, (1, "@state: holds a state already".to_owned()));
    let nobody = desk.failure("halt --socket @socket");
    assert!(nobody.1.contains("@socket: nothing leads from there\n"), "{nobody:?}");
    assert!(nobody.1.contains("selection may go on"), "{nobody:?}");
}

#[test]
fn an_older_copy_of_the_directory_is_refused() {
    let desk = Desk::new();
    let (state, old) = (desk.0.path().join("state"), desk.0.path().join("old"));
    let copy = |from: &Path, to: &Path| {
        fs::copy(from.join("state.json"), to.join("state.json")).unwrap();
    };
    fs::create_dir(&old).unwrap();
    copy(&state, &old);
    desk.run("halt --state @state").unwrap();
    copy(&old, &state);
    // A halt is one all the same.
    let halted = desk.run("halt --state @state").unwrap();
    assert!(halted.contains("an older copy was put in its place [L-EXTEND]"), "{halted}");
    let resume = "resume --state @state --operator op --reason over";
    for line in ["list --state @state", resume] {
        let (status, words) = desk.failure(line);
        assert_eq!(status, 3, "{words}");
        assert!(words.contains("an older copy was put in its place [L-EXTEND]"), "{words}");
    }
}
