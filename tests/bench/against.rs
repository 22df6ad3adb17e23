//! Two kernel objects side by side: this tree's, and another build of it.
//!
//! Both are given the same tables, in the same memory, and the same trace, and run in turns. What differs between
//! them is their code and the memory of their own.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use controller::kernel::{KernelTables, Object, Setup};
use sensor_common::layout::VERSION;
use sensor_common::outcome::Outcome;
use serde::Serialize;

use crate::cases::{Bench, all, unselected};
use crate::progress;
use crate::report::{layout, median, number};
use crate::rig::{Subject, rounds};
use crate::sensor::{Sensor, tables, verify};
use crate::trace::Trace;

/// How often both are measured.
pub(crate) const ROUNDS: usize = 31;

/// No record is made; the least that a ring can have.
const RING_BYTES: u32 = 4_096;

/// What both take for one case, in nanoseconds per packet, round by round.
#[derive(Debug, Serialize)]
pub(crate) struct Pair {
    case: &'static str,
    unit: &'static str,
    /// This tree's object.
    this: Vec<f64>,
    /// The other one.
    other: Vec<f64>,
    /// What this one takes longer than the other in the same round.
    difference: Vec<f64>,
}

/// The other object.
pub(crate) struct Against<'a> {
    bench: &'a Bench,
    object: Vec<u8>,
}

impl<'a> Against<'a> {
    /// # Errors
    /// Where the object cannot be read.
    pub(crate) fn new(bench: &'a Bench, object: &Path) -> Result<Self> {
        let bytes =
            std::fs::read(object).with_context(|| format!("reading {}", object.display()))?;
        Ok(Self { bench, object: bytes })
    }

    /// How many instructions the verifier walks through to accept this tree's object and the other, for people.
    ///
    /// # Errors
    /// Where one of them cannot be loaded.
    pub(crate) fn verified(&self) -> Result<String> {
        let verified = |object| {
            let setup = Setup { object, ring_bytes: RING_BYTES, ..Setup::default() };
            let count = Sensor::set_up(setup, None)?.program.verified_instructions()?;
            anyhow::Ok(count.map_or_else(|| "unknown".to_owned(), |count| count.to_string()))
        };
        let (this, other) = (verified(Object::Embedded)?, verified(self.other())?);
        Ok(format!("verified instructions: {this} in this, {other} in the other"))
    }

    fn other(&self) -> Object {
        Object::Other(self.object.clone())
    }

    /// Measures a case with both objects.
    ///
    /// # Errors
    /// Where the case is not one that both can be asked for.
    pub(crate) fn measure(&self, case: &'static str) -> Result<Pair> {
        progress(case);
        let Some((selectors, trace)) = unselected(case) else {
            let names: Vec<&str> =
                all().map(|(case, _)| case).filter(|case| unselected(case).is_some()).collect();
            bail!("it is not measured side by side; there are {}", names.join(", "))
        };
        let internet = &self.bench.internet;
        let tables = match selectors {
            None => None,
            Some(selectors) => {
                let orders = verify(&selectors.envelopes(internet));
                Some(KernelTables::create(&tables(internet, &orders)?.lines)?)
            }
        };
        let sensor = |object| {
            let setup = Setup { object, ring_bytes: RING_BYTES, ..Setup::default() };
            Sensor::set_up(setup, tables.as_ref())
        };
        let mut this = sensor(Object::Embedded)?;
        let mut other = sensor(self.other())?;
        let trace = trace(internet, self.bench.pairs());
        let outcome = match tables {
            None => Outcome::Unclassified,
            Some(_) => Outcome::Unmatched,
        };
        if tables.is_some() {
            ensure_same_layout(&other, &Trace::hot(internet))?;
        }
        if tables.is_some() {
            ensure_same_layout(&other, &Trace::hot(internet))?;
        }
        let before = [this.seen(outcome)?, other.seen(outcome)?];
        let pair = self.in_turns(case, &trace, [&mut this, &mut other])?;
        this.expect(outcome, before[0])?;
        other.expect(outcome, before[1])?;
        Ok(pair)
    }

    fn in_turns(
        &self,
        case: &'static str,
        trace: &Trace,
        [this, other]: [&mut Sensor; 2],
    ) -> Result<Pair> {
        let mut rig = self.bench.rig(trace)?;
        let packets = rig.packets();
        let this = Subject::Other(this.program.descriptor()?);
        let other = Subject::Other(other.program.descriptor()?);
        let runs = rounds(ROUNDS, |round| {
            let mut time = |subject| rig.time(subject, packets, || Ok(()));
            let empty = time(&Subject::Own("empty"))?;
            // Neither always comes first.
            let (this, other) = if round % 2 == 0 {
                (time(&this)?, time(&other)?)
            } else {
                let other = time(&other)?;
                (time(&this)?, other)
            };
            Ok((this - empty, other - empty))
        })?;
        let difference = runs.iter().map(|(this, other)| this - other).collect();
        let (this, other) = runs.into_iter().unzip();
        Ok(Pair { case, unit: "ns", this, other, difference })
    }
}

/// Fails if the object does not judge by tables of this tree's layout, which a plain packet shows.
fn ensure_same_layout(other: &Sensor, plain: &Trace) -> Result<()> {
    let before = other.seen(Outcome::Unclassified)?;
    other.program.test_run(plain.frame(), 1)?;
    ensure!(
        other.seen(Outcome::Unclassified)?.1 == before.1,
        "the other object judges by tables of another layout than version {VERSION}: only \
         parse-drop and parse-drop-v6 can be compared"
    );
    Ok(())
}

/// The table for people.
pub(crate) fn table(pairs: &[Pair]) -> String {
    let heads = ["case", "this", "other", "unit", "this − other", "middle half of the differences"];
    let mut rows = vec![heads.map(String::from)];
    for pair in pairs {
        let mut sorted = pair.difference.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |part: usize| sorted.get(sorted.len() * part / 4).map_or(f64::NAN, |it| *it);
        rows.push([
            pair.case.to_owned(),
            number(median(&pair.this)),
            number(median(&pair.other)),
            pair.unit.to_owned(),
            number(median(&pair.difference)),
            format!("{} to {}", number(at(1)), number(at(3))),
        ]);
    }
    layout(&rows)
}
