//! The story as root: the XDP program in the kernel, real traffic, an order that ends on time.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use jiff::{SignedDuration, Timestamp};

use super::internet::{self, C2, CLINIC, Internet, RELAY};
use super::orders::{self, ORDERS, Office, Term};
use super::records::{self, Record, clock};
use super::sensor::Sensor;
use super::story::Story;
use super::traffic::{FLOWS, Listeners, Pinging};
use crate::guard;

/// How long the orders are in force, instead of up to six months.
const TERM_SECONDS: i64 = 20;

/// How many answers must arrive after the end of the term to show that traffic went on.
const REPLIES_AFTER_END: usize = 10;

/// Traffic flows five times a second until the end of the term: a last record much earlier than
/// the end would mean that something else stopped the sensor.
const LAST_RECORD_WITHIN: SignedDuration = SignedDuration::from_secs(2);

/// Tells the story. Everything it makes is gone when this returns.
pub(super) fn tell(sekisho: &Path) -> Result<()> {
    let files = tempfile::Builder::new().prefix("sekisho-demo-").tempdir()?;
    // A copy, so that the files can be removed before the story ends.
    let directory = &files.path().to_owned();
    let mut story = Story::new("Sekisho: from a signed order to a metadata record");

    let internet = build_internet(&mut story)?;
    let office = Office::open(sekisho, directory)?;
    let listeners = Listeners::start(&internet, directory)?;
    let term = Term::starting_now(TERM_SECONDS)?;
    let envelopes = orders::sign_all(&mut story, &office, term)?;

    story.step("The sensor starts");
    let sensor = Sensor::start(sekisho, &internet, directory, &envelopes)?;
    story.say(
        "`sekisho run` has checked the signatures, compiled the orders into kernel tables and\n\
         attached its XDP program to the gateway's four interfaces (native, mode inline).",
    );

    watch(&mut story, &internet, &listeners, &sensor, term, directory)
        .map_err(|error| sensor.explain(&error))?;
    sensor.stop()?;
    drop(listeners);
    drop(internet);
    files.close()?;
    story.end("Done. Namespaces, processes and files of this demo are removed.");
    Ok(())
}

fn build_internet(story: &mut Story) -> Result<Internet> {
    story.step("A small internet");
    story.say(
        "Five network namespaces: four hosts, and the carrier's gateway that forwards between\n\
         them. The sensor will sit on the gateway.",
    );
    story.show(internet::table());
    Internet::build()
}

/// From the first packet to the end of the term.
fn watch(
    story: &mut Story,
    internet: &Internet,
    listeners: &Listeners,
    sensor: &Sensor<'_>,
    term: Term,
    directory: &Path,
) -> Result<()> {
    story.step("Traffic in all four directions");
    story.say("`nc` and `ping` send TCP, UDP and ICMP over IPv4 and IPv6; all of it arrived:");
    let mut table = String::new();
    for flow in &FLOWS {
        listeners.send(internet, flow)?;
        let way = format!("{} → {}", flow.from.name, flow.to.name);
        writeln!(table, "{}  {:22}{way:17} tcp udp icmp", flow.kanji, flow.direction)?;
    }
    story.show(table);
    ensure!(
        Timestamp::now() < term.not_after,
        "this machine needed longer than the term of {TERM_SECONDS} s to send the traffic"
    );

    show_records(story, sensor)?;
    show_outcomes(story, sensor)?;
    show_domestic(story, sensor)?;
    show_end_of_term(story, internet, sensor, term, directory)
}

fn show_records(story: &mut Story, sensor: &Sensor<'_>) -> Result<()> {
    story.step("What came out of the kernel");
    let what = "records of the orders";
    let seen = guard::wait_for(what, Duration::from_secs(3), || {
        let records = records::read(&sensor.records)?;
        let has = |direction| records.iter().any(|record| record.direction() == direction);
        Ok((has("external") && has("inbound")).then_some(records))
    })?;
    story.say(format!(
        "{} records: addresses, ports, sizes, and the rule that matched; never content. One of each\n\
         kind (external is 外外, inbound 外内):",
        seen.len()
    ));
    story.show(records::rows(&seen, 8));
    if let Some(first) = seen.first() {
        story.say("The first one in full:");
        story.show(first.broken_up());
    }
    Ok(())
}

fn show_outcomes(story: &mut Story, sensor: &Sensor<'_>) -> Result<()> {
    story.step("What became of every packet");
    story.say(
        "`sekisho status`: each packet ends in exactly one outcome. What no rule selects\n\
         is counted and forgotten, and so is 内外 traffic to the very same c2: no order is about\n\
         that direction.",
    );
    story.show(sensor.status_table()?);
    Ok(())
}

fn show_domestic(story: &mut Story, sensor: &Sensor<'_>) -> Result<()> {
    story.step("Domestic traffic left no trace");
    let packets = sensor.status()?.count("domestic-to-domestic", "domestic");
    ensure!(packets > 0, "the sensor counted no domestic-to-domestic packet");
    let records = records::read(&sensor.records)?;
    let named = naming_the_clinic(&records)?;
    story.say(format!(
        "plant and clinic spoke to each other, on the very port that the first order names:\n\
         {packets} packets (内内). Of {} records, {named} name an address of the clinic.",
        records.len(),
    ));
    Ok(())
}

/// How many records name the clinic, which had domestic traffic only: it must be none.
fn naming_the_clinic(records: &[Record]) -> Result<usize> {
    let named = records.iter().filter(|one| one.names(CLINIC.v4) || one.names(CLINIC.v6)).count();
    ensure!(named == 0, "{named} records name {}, which had domestic traffic only", CLINIC.name);
    Ok(named)
}

fn show_end_of_term(
    story: &mut Story,
    internet: &Internet,
    sensor: &Sensor<'_>,
    term: Term,
    directory: &Path,
) -> Result<()> {
    story.step("The term ends; the traffic goes on");
    story.say(format!(
        "relay pings c2 five times a second, which the first order selects, from now until\n\
         two seconds after {}.",
        clock(term.not_after)
    ));
    let mut pinging = Pinging::start(internet, directory, &RELAY, C2.v4)?;
    let left = term.not_after.duration_since(Timestamp::now()).max(SignedDuration::ZERO);
    let limit = left.unsigned_abs() + Duration::from_secs(10);
    let replies = guard::wait_for("answers after the end of the term", limit, || {
        let replies = pinging.replies()?;
        let after = replies.iter().filter(|&&time| time >= term.not_after).count();
        Ok((after >= REPLIES_AFTER_END).then_some(replies))
    })?;
    guard::wait_for("every order to be shown as ended", Duration::from_secs(5), || {
        let status = sensor.status()?;
        let orders = status.orders();
        Ok((orders.len() == ORDERS && orders.iter().all(|(_, state)| *state == "ended"))
            .then_some(()))
    })?;
    drop(pinging);

    let all = records::read(&sensor.records)?;
    let last = all.iter().map(|record| record.time).max().context("there is no record")?;
    naming_the_clinic(&all)?;
    let late = all.iter().filter(|record| record.time >= term.not_after).count();
    let after = replies.iter().filter(|&&time| time >= term.not_after).count();
    story.show(format!(
        "last record      {}\n\
         end of the term  {}\n\
         after the end    {after} answered pings, {late} records",
        clock(last),
        clock(term.not_after),
    ));
    ensure!(late == 0, "{late} records are later than the end of the term");
    ensure!(
        term.not_after.duration_since(last) <= LAST_RECORD_WITHIN,
        "records stopped long before the end of the term"
    );
    story.say(
        "The term stands in the kernel's tables and is checked there, packet by packet:\n\
         a controller that hangs or dies cannot prolong a measure.",
    );
    Ok(())
}
