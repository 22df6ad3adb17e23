//! Keys in their roles, the trust file, and the demo's documents, all made by the `sekisho` command.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::internet::{C2, PLANT};
use super::records::clock;
use super::story::Story;
use super::traffic::PORT;
use crate::guard;
use crate::process::last_line;

/// The roles, how many of each must sign, and who holds the keys.
const ROLES: [(&str, usize, &[&str]); 4] = [
    ("commission", 3, &["chair", "member-1", "member-2", "member-3", "member-4"]),
    ("cabinet-office", 2, &["official-1", "official-2", "official-3"]),
    ("party:plant", 1, &["plant"]),
    ("carrier", 1, &["carrier"]),
];
/// Those who sign an approval.
const COMMISSION: &[&str] = &["chair", "member-1", "member-2"];
/// Those who sign an order.
const CABINET_OFFICE: &[&str] = &["official-1", "official-2"];
/// Those who sign an agreement.
const ALL_THREE: &[&str] = &["official-1", "official-2", "plant", "carrier"];

/// The name of the demo's sensor.
pub(super) const SENSOR: &str = "tyo-gw-1-a";
/// How many orders the demo has.
pub(super) const ORDERS: usize = 3;

/// The exit status of `sekisho` if a file was refused (README, Using it).
const REFUSED: i32 = 3;

/// The keys and the trust file that gives them their roles.
#[derive(Debug)]
pub(super) struct Office<'a> {
    sekisho: &'a Path,
    directory: &'a Path,
    keys: BTreeMap<&'static str, PathBuf>,
    pub(super) trust: PathBuf,
}

impl<'a> Office<'a> {
    /// Makes the keys and the trust file in `directory`.
    pub(super) fn open(sekisho: &'a Path, directory: &'a Path) -> Result<Self> {
        let mut keys = BTreeMap::new();
        let mut make = Command::new(sekisho);
        make.current_dir(directory).args(["order", "trust"]);
        for (role, threshold, holders) in ROLES {
            for holder in holders {
                let key = directory.join(format!("{holder}.pem"));
                let mut keygen = Command::new(sekisho);
                keygen.args(["order", "keygen", "--holder", holder, "--output"]).arg(&key);
                let entry = guard::succeed(&mut keygen)?;
                write(&directory.join(format!("{holder}.json")), &entry)?;
                keys.insert(*holder, key);
            }
            let entries: Vec<String> =
                holders.iter().map(|holder| format!("{holder}.json")).collect();
            make.arg("--role").arg(format!("{role}={threshold}:{}", entries.join(",")));
        }
        let trust = directory.join("trust.json");
        write(&trust, &guard::succeed(&mut make)?)?;
        Ok(Self { sekisho, directory, keys, trust })
    }

    /// Signs a document with the keys of these holders; returns the envelope's path.
    fn sign(&self, name: &str, document: &Value, holders: &[&str]) -> Result<PathBuf> {
        let (mut sign, envelope) = self.signing(name, document, holders)?;
        guard::succeed(&mut sign)?;
        Ok(envelope)
    }

    fn signing(
        &self,
        name: &str,
        document: &Value,
        holders: &[&str],
    ) -> Result<(Command, PathBuf)> {
        let draft = self.directory.join(format!("{name}.json"));
        write(&draft, &format!("{document:#}\n"))?;
        let envelope = self.directory.join(format!("{name}.dsse"));
        let mut sign = Command::new(self.sekisho);
        sign.current_dir(self.directory).args(["order", "sign"]);
        for holder in holders {
            sign.arg("--key").arg(self.keys.get(holder).context("a holder of the demo")?);
        }
        sign.arg("--output").arg(&envelope).arg(format!("{name}.json"));
        Ok((sign, envelope))
    }

    /// An order under the document in the envelope `basis`, with the demo's addresses and these rules.
    fn order(&self, basis: &Path, id: &str, addresses: &str, rules: Value) -> Result<Value> {
        let list = self.directory.join(format!("{id}.txt"));
        write(&list, addresses)?;
        let mut draft = Command::new(self.sekisho);
        draft.args(["order", "draft", "--under"]).arg(basis).args(["--order-id", id]);
        draft.args(["--ground", "the botnet's server", "--protocol", "tcp"]).arg(&list);
        let mut order: Value = serde_json::from_str(&guard::succeed(&mut draft)?)?;
        let set = order["address_sets"].as_object().and_then(|sets| sets.values().next());
        order["address_sets"] = json!({"c2": set.context("a draft has a set")?});
        order["rules"] = rules;
        Ok(order)
    }

    /// Verifies envelopes that must be accepted, together.
    fn verify(&self, envelopes: &[PathBuf]) -> Result<()> {
        guard::succeed(&mut self.verification(envelopes)).map(drop)
    }

    /// Runs a command that must refuse a file, and returns what `sekisho` says about it.
    fn refusal(command: &mut Command) -> Result<String> {
        let verdict = guard::finish(command, Stdio::null())?;
        match verdict.status.code() {
            Some(REFUSED) => Ok(last_line(&verdict.stderr).to_owned()),
            Some(0) => bail!("a document that must be refused was accepted"),
            _ => bail!(
                "`sekisho order` did not end with exit status {REFUSED}, but with {}: {}",
                verdict.status,
                last_line(&verdict.stderr)
            ),
        }
    }

    fn verification(&self, envelopes: &[PathBuf]) -> Command {
        let mut verify = Command::new(self.sekisho);
        // It runs in the directory, so that messages have short file names.
        verify.current_dir(self.directory);
        verify.args(["order", "verify", "--trust", "trust.json"]);
        verify.args(envelopes.iter().map(|path| path.file_name().unwrap_or(path.as_os_str())));
        verify
    }
}

/// Makes, signs and verifies all documents; returns the envelopes.
pub(super) fn sign_all(story: &mut Story, office: &Office<'_>, term: Term) -> Result<Vec<PathBuf>> {
    story.step("Ten keys in four roles");
    story.say(
        "Three of the commission's five keys approve a measure; two of the Cabinet Office's three\n\
         set an order under it. An agreement is signed by the Cabinet Office, the party and the\n\
         carrier. No key has two roles.",
    );
    story.step("An approval, an agreement, and an order under each");
    story.show(in_words());

    let mut envelopes = Vec::new();
    let mut first = None;
    for (basis, holders, id, rules) in bases(term) {
        let basis = office.sign(&format!("{id}.basis"), &basis, holders)?;
        let order = office.order(&basis, id, &format!("{}\n{}\n", C2.v4, C2.v6), rules)?;
        first.get_or_insert_with(|| (basis.clone(), order.clone()));
        envelopes.extend([basis, office.sign(id, &order, CABINET_OFFICE)?]);
    }
    let (basis, order) = first.context("there is a first order")?;

    let wrong = office.sign("wrong-role", &order, COMMISSION)?;
    let refusal = Office::refusal(&mut office.verification(&[basis.clone(), wrong]))?;
    story.say(
        "Signed by three members of the commission instead of the Cabinet Office, the first order\n\
         is refused, with exit status 3:",
    );
    story.show(refusal);

    let mut wide = order;
    // Each of them is a prefix that the criteria allow.
    wide["address_sets"]["c2"]["addresses"] =
        (32..48).map(|first| format!("{first}.0.0.0/8")).collect();
    let (mut sign, _) = office.signing("wide", &wide, CABINET_OFFICE)?;
    let refusal = Office::refusal(sign.arg("--under").arg(&basis))?;
    story.say(
        "An order whose set holds a sixteenth of all addresses excludes next to nothing, so it is\n\
         no condition, and cannot even be signed:",
    );
    story.show(refusal);

    office.verify(&envelopes)?;
    story.say(format!(
        "As they should be, all are accepted. In force until {}, exclusive.",
        clock(term.not_after)
    ));
    Ok(envelopes)
}

/// When the orders are in force: whole seconds, the end exclusive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
}

impl Term {
    /// A term that starts now.
    pub(super) fn starting_now(seconds: i64) -> Result<Self> {
        let not_before = Timestamp::from_second(Timestamp::now().as_second())?;
        let not_after = not_before.checked_add(SignedDuration::from_secs(seconds))?;
        Ok(Self { not_before, not_after })
    }
}

/// An approval or agreement, who signs it, and the id and rules of the order under it.
type Drawn = (Value, &'static [&'static str], &'static str, Value);

/// The demo's three measures.
fn bases(term: Term) -> [Drawn; ORDERS] {
    let port = PORT.to_string();
    [
        (
            approval("demo-17-0001", "foreign-to-foreign", term),
            COMMISSION,
            "demo-17-0001",
            json!([
                {"id": "web", "either": "c2", "protocol": "tcp", "destination_ports": [port]},
                {"id": "ping", "either": "c2", "protocol": "icmp"}
            ]),
        ),
        (
            approval("demo-32-0001", "foreign-to-domestic", term),
            COMMISSION,
            "demo-32-0001",
            json!([{"id": "from-c2", "source": "c2"}]),
        ),
        (
            agreement(term),
            ALL_THREE,
            "demo-11-plant",
            json!([{"id": "to-plant", "source": "c2", "protocol": "udp"}]),
        ),
    ]
}

fn approval(id: &str, measure: &str, term: Term) -> Value {
    let mut approval = basis(term);
    approval["schema"] = "sekisho.approval/v1".into();
    approval["approval_id"] = id.into();
    approval["measure"] = measure.into();
    approval["act"] = json!({"id": "demo-act", "title": "a botnet"});
    approval["approved_at"] = term.not_before.to_string().into();
    approval
}

fn agreement(term: Term) -> Value {
    let mut agreement = basis(term);
    agreement["schema"] = "sekisho.agreement/v1".into();
    agreement["agreement_id"] = "demo-11-plant".into();
    agreement["article"] = 11.into();
    agreement["party"] =
        json!({"id": "plant", "name": PLANT.role, "prefixes": [PLANT.v4, PLANT.v6]});
    agreement["analysis"] = "what the botnet sends to the plant".into();
    agreement["concluded_at"] = term.not_before.to_string().into();
    agreement
}

/// What approvals and agreements have in common.
fn basis(term: Term) -> Value {
    json!({
        "serial": 1,
        "not_before": term.not_before.to_string(),
        "not_after": term.not_after.to_string(),
        "extends": null,
        "facility": {
            "id": "tyo-gw-1", "capacity_bps": 10_000_000_000_u64, "max_share_percent": 30,
            "sensors": {SENSOR: 30},
        },
        "criteria": {
            "conditions": ["address", "protocol-ports"],
            "max_selectors": 100, "max_rules": 8,
            "min_prefix_length": {"ipv4": 8, "ipv6": 32}, "min_payload_length": 8,
        },
        "handling": {},
    })
}

/// What the orders select, in words.
fn in_words() -> String {
    format!(
        "demo-17-0001   foreign-to-foreign (外外), approved: from or to c2, TCP to port {PORT} or ICMP\n\
         demo-32-0001   foreign-to-domestic (外内), approved: anything that c2 sends\n\
         demo-11-plant  agreed with the plant: what c2 sends to it by UDP"
    )
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_has_whole_seconds() {
        let term = Term::starting_now(15).unwrap();
        assert_eq!(term.not_before.subsec_nanosecond(), 0);
        assert_eq!(term.not_after.as_second() - term.not_before.as_second(), 15);
    }

    #[test]
    fn each_measure_has_its_own_id_and_the_term() {
        let term = Term::starting_now(15).unwrap();
        let measures = bases(term);
        let ids: std::collections::BTreeSet<&str> =
            measures.iter().map(|(.., id, _)| *id).collect();
        assert_eq!(ids.len(), ORDERS);
        for (basis, ..) in measures {
            assert_eq!(basis["not_after"], term.not_after.to_string());
        }
    }
}
