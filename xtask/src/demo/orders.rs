//! Keys, the trust file and the demo's two orders, all made by the `sekisho` command.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::internet::C2;
use super::traffic::PORT;
use crate::guard;
use crate::process::last_line;

/// Who holds a key. Three of the five must sign.
const HOLDERS: [&str; 5] = ["chair", "member-1", "member-2", "member-3", "member-4"];
pub(super) const THRESHOLD: usize = 3;

/// The exit status of `sekisho` where a file was refused (README, Using it).
const REFUSED: i32 = 3;

/// The five keys and the trust file that names them.
#[derive(Debug)]
pub(super) struct Office<'a> {
    sekisho: &'a Path,
    directory: &'a Path,
    keys: Vec<PathBuf>,
    pub(super) trust: PathBuf,
}

impl<'a> Office<'a> {
    /// Makes the keys and the trust file in `directory`.
    pub(super) fn open(sekisho: &'a Path, directory: &'a Path) -> Result<Self> {
        let (mut keys, mut entries) = (Vec::new(), Vec::new());
        for holder in HOLDERS {
            let key = directory.join(format!("{holder}.pem"));
            let mut keygen = Command::new(sekisho);
            keygen.args(["order", "keygen", "--holder", holder, "--output"]).arg(&key);
            let entry = directory.join(format!("{holder}.json"));
            write(&entry, &guard::succeed(&mut keygen)?)?;
            keys.push(key);
            entries.push(entry);
        }
        let trust = directory.join("trust.json");
        let mut make = Command::new(sekisho);
        make.args(["order", "trust", "--threshold", &THRESHOLD.to_string()]).args(entries);
        write(&trust, &guard::succeed(&mut make)?)?;
        Ok(Self { sekisho, directory, keys, trust })
    }

    /// Signs an order with the first `signatures` keys; returns the envelope's path.
    pub(super) fn sign(&self, order: &Value, signatures: usize) -> Result<PathBuf> {
        let id = order["order_id"].as_str().context("an order has an id")?;
        let draft = self.directory.join(format!("{id}.draft.json"));
        write(&draft, &format!("{order:#}\n"))?;
        let envelope = self.directory.join(format!("{id}.{signatures}-signatures.json"));
        let mut sign = Command::new(self.sekisho);
        sign.args(["order", "sign"]);
        for key in self.keys.iter().take(signatures) {
            sign.arg("--key").arg(key);
        }
        guard::succeed(sign.arg("--output").arg(&envelope).arg(&draft))?;
        Ok(envelope)
    }

    /// Verifies an envelope that must be accepted.
    pub(super) fn verify(&self, envelope: &Path) -> Result<()> {
        guard::succeed(&mut self.verification(envelope)).map(drop)
    }

    /// Verifies an envelope that must be refused, and returns what `sekisho` says about it.
    pub(super) fn refusal(&self, envelope: &Path) -> Result<String> {
        let verdict = guard::finish(&mut self.verification(envelope), Stdio::null())?;
        match verdict.status.code() {
            Some(REFUSED) => Ok(last_line(&verdict.stderr).to_owned()),
            Some(0) => bail!("an order with too few signatures was accepted"),
            _ => bail!(
                "`sekisho order verify` did not end with exit status {REFUSED}, but with {}: {}",
                verdict.status,
                last_line(&verdict.stderr)
            ),
        }
    }

    fn verification(&self, envelope: &Path) -> Command {
        let name = envelope.file_name().unwrap_or(envelope.as_os_str());
        let mut verify = Command::new(self.sekisho);
        // In the directory, so that messages name files by their short names.
        verify.current_dir(self.directory);
        verify.args(["order", "verify", "--trust", "trust.json"]).arg(name);
        verify
    }
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

/// The demo's two orders, one per measure.
pub(super) fn drafts(term: Term) -> [Value; 2] {
    let port = PORT.to_string();
    [
        draft(
            "demo-17-0001",
            "foreign-to-foreign",
            term,
            &json!([
                {"id": "web", "either": "c2", "protocol": "tcp", "destination_ports": [port]},
                {"id": "ping", "either": "c2", "protocol": "icmp"}
            ]),
        ),
        draft(
            "demo-32-0001",
            "foreign-to-domestic",
            term,
            &json!([{"id": "from-c2", "source": "c2"}]),
        ),
    ]
}

fn draft(id: &str, measure: &str, term: Term, rules: &Value) -> Value {
    json!({
        "schema": "sekisho.order/v1",
        "order_id": id,
        "serial": 1,
        "measure": measure,
        "approved_at": term.not_before.to_string(),
        "not_before": term.not_before.to_string(),
        "not_after": term.not_after.to_string(),
        "extends": null,
        "facility": {"id": "tyo-gw-1", "capacity_bps": 10_000_000_000_u64, "max_share_percent": 30},
        "party": null,
        "address_sets": {"c2": [C2.v4, C2.v6]},
        "payload_prefixes": {},
        "rules": rules,
    })
}

/// What the orders ask for, in words.
pub(super) fn in_words() -> String {
    format!(
        "demo-17-0001  foreign-to-foreign (外外): from or to c2, TCP to port {PORT} or ICMP\n\
         demo-32-0001  foreign-to-domestic (外内): anything that c2 sends"
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
    fn each_draft_has_its_own_id_and_the_term() {
        let term = Term::starting_now(15).unwrap();
        let [first, second] = drafts(term);
        assert_ne!(first["order_id"], second["order_id"]);
        for order in [first, second] {
            assert_eq!(order["not_after"], term.not_after.to_string());
        }
    }
}
