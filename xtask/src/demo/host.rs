//! The story without root: the same orders and the same code, run in user space on generated frames.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use serde_json::Value;

use super::frames::{Carries, capture, frame};
use super::internet::{self, CLINIC, direction_lists};
use super::orders::{self, Office, Term};
use super::records::{self, Record};
use super::story::Story;
use super::traffic::{FLOWS, PORT};
use crate::guard;
use crate::process::last_line;

/// How long the orders are in force.
const TERM_SECONDS: i64 = 3600;

/// Tells the story. Everything it makes is gone when this returns.
pub(super) fn tell(sekisho: &Path) -> Result<()> {
    let directory = tempfile::Builder::new().prefix("sekisho-demo-").tempdir()?;
    let directory = directory.path();
    let mut story = Story::new("Sekisho: from a signed order to a metadata record (without root)");
    story.say(
        "Not root: nothing is loaded into the kernel. The same code runs in user space, on frames\n\
         that this demo writes. Run `cargo xtask demo` as root for the whole story.",
    );

    story.step("Four hosts");
    story.show(internet::table());

    let term = Term::starting_now(TERM_SECONDS)?;
    let office = Office::open(sekisho, directory)?;
    let envelopes = orders::sign_all(&mut story, &office, term)?;
    let capture = write_inputs(directory, term)?;
    let replay =
        |at: Timestamp| replay(sekisho, directory, &office.trust, &envelopes, &capture, at);

    let (records, summary, _) = replay(term.not_before)?;
    show_selection(&mut story, &records, &summary)?;

    story.step("After the term");
    let (late, _, warning) = replay(term.not_after)?;
    ensure!(late.is_empty(), "{} records after the end of the term", late.len());
    story.say("The same frames at the end of the term, which is exclusive: no record.");
    story.show(warning.lines().next().unwrap_or_default());

    story.step("Left out without root");
    story.say(
        "The XDP program in the kernel, network namespaces with real traffic, the outcome table of\n\
         a running sensor (`sekisho status`), and an order that ends while traffic goes on.",
    );
    story.end("Done. The files of this demo are removed.");
    Ok(())
}

/// Writes the direction lists and a capture of traffic in all four directions.
fn write_inputs(directory: &Path, term: Term) -> Result<PathBuf> {
    for (name, list) in direction_lists() {
        fs::write(directory.join(name), list)?;
    }
    let mut frames = Vec::new();
    for flow in &FLOWS {
        for (from, to) in [(flow.from.v4, flow.to.v4), (flow.from.v6, flow.to.v6)] {
            let (from, to) = (from.parse()?, to.parse()?);
            for carries in [
                Carries::Tcp { source: 50_000, destination: PORT },
                Carries::Udp { source: 50_000, destination: PORT },
                Carries::Ping,
            ] {
                frames.push(frame(from, to, carries)?);
            }
        }
    }
    let path = directory.join("four-directions.pcap");
    fs::write(&path, capture(term.not_before, &frames)?)?;
    Ok(path)
}

/// Runs `sekisho replay`: records, summary, and what it said on standard error.
fn replay(
    sekisho: &Path,
    directory: &Path,
    trust: &Path,
    envelopes: &[PathBuf],
    capture: &Path,
    at: Timestamp,
) -> Result<(Vec<Record>, Value, String)> {
    let summary = directory.join("summary.json");
    let mut replay = Command::new(sekisho);
    replay.current_dir(directory);
    replay.args(["replay", "--engine", "host", "--trust"]).arg(trust);
    for envelope in envelopes {
        replay.arg("--order").arg(envelope);
    }
    replay
        .args([
            "--sensor",
            orders::SENSOR,
            "--domestic",
            "domestic.txt",
            "--foreign",
            "foreign.txt",
            "--pcap",
        ])
        .arg(capture);
    replay.args(["--at", &at.to_string(), "--summary"]).arg(&summary);
    let done = guard::finish(&mut replay, Stdio::null())?;
    ensure!(
        done.status.success(),
        "`sekisho replay` failed ({}): {}",
        done.status,
        last_line(&done.stderr)
    );
    let summary = fs::read_to_string(&summary).context("the summary of `sekisho replay`")?;
    let summary = serde_json::from_str(&summary).context("the summary of `sekisho replay`")?;
    Ok((records::parse(&done.stdout)?, summary, done.stderr))
}

fn show_selection(story: &mut Story, records: &[Record], summary: &Value) -> Result<()> {
    story.step("What is selected");
    let has = |direction| records.iter().any(|record| record.direction() == direction);
    ensure!(has("external") && has("inbound"), "records of the orders were expected");
    story.say(format!(
        "TCP, UDP and ICMP in all four directions, {} frames: {} records. One of each kind:",
        summary["packets"],
        records.len()
    ));
    story.show(records::rows(records, 8));
    let counts = |group: &str| {
        let counts = summary[group].as_object().into_iter().flatten();
        let shown = counts.filter(|(_, count)| count.as_u64() != Some(0));
        shown.map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(" · ")
    };
    story.say("What became of every frame, and the direction that each had:");
    story.show(format!("{}\n{}", counts("outcomes"), counts("directions")));

    let named = records.iter().filter(|one| one.names(CLINIC.v4) || one.names(CLINIC.v6)).count();
    ensure!(named == 0, "{named} records name {}, which had domestic traffic only", CLINIC.name);
    story.say(format!("Records that name the clinic, whose traffic was domestic (内内): {named}."));
    Ok(())
}
