//! The cases: their stable names, their goals, and how each is measured.

use std::collections::HashMap;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use controller::kernel::Mode;
use sensor_common::boot_time::BootTime;
use sensor_common::outcome::Outcome;
use sensor_common::tables::{Slot, Term};

use crate::install::Installed;
use crate::internet::Internet;
use crate::orders::{self, Selectors};
use crate::report::{Figure, Goal};
use crate::rig::{Rig, Sizes, Subject};
use crate::sensor::{Sensor, tables, verify};
use crate::trace::{Pairs, Trace};
use crate::{floor, install, ordinary, progress, ring, share, tunnels, veth};

/// Names and goals, in the order in which they are measured.
const CASES: &[(&str, Goal)] = &[
    ("empty", Goal::None),
    ("parse-drop", Goal::None),
    ("parse-drop-v6", Goal::None),
    ("v4-unmatched-1k", Goal::None),
    ("v4-unmatched-1m", Goal::AtMost(20.0)),
    ("v4-unmatched-1m-hot", Goal::None),
    ("v4-unmatched-1m-one-end", Goal::None),
    ("floor-v4-1m", Goal::None),
    ("v6-unmatched-1m", Goal::AtMost(35.0)),
    ("floor-v6-1m", Goal::None),
    ("v4-payload-100k", Goal::AtMost(60.0)),
    ("capacity-share", Goal::AtMost(3.0)),
    ("v6-unmatched-1m-hot", Goal::None),
    ("v4-payload-100k-hot", Goal::None),
    ("siphash-16", Goal::None),
    ("matched-record", Goal::AtMost(150.0)),
    ("matched-record-hot", Goal::None),
    ("matched-lapsed", Goal::None),
    ("matched-lapsed-hot", Goal::None),
    ("adversarial", Goal::Times(10.0, "v4-unmatched-1m")),
    ("adversarial-ranges", Goal::None),
    ("adversarial-ranges-hot", Goal::None),
    ("ring-drain", Goal::AtLeast(5.0)),
    ("ring-drain-busy", Goal::None),
    ("install-1m", Goal::AtMost(2.0)),
    ("install-1m-stall", Goal::AtMost(1_000_000.0)),
    ("install-1m-stall-without", Goal::None),
    ("veth-empty", Goal::None),
    ("veth-sensor", Goal::None),
    ("hash-1m", Goal::None),
    ("lpm-hash-1m", Goal::None),
    ("v4-unmatched-10m", Goal::AtMost(90.0)),
    ("floor-v4-10m", Goal::None),
    ("v4-unmatched-10m-zipf", Goal::AtMost(40.0)),
    ("floor-v4-10m-zipf", Goal::None),
    ("bytes-per-address-10m", Goal::AtMost(32.0)),
    ("compile-10m-mixed", Goal::None),
];

/// What makes the trace of a case.
type MakeTrace = fn(&Internet, usize) -> Trace;

/// The cases in which no rule selects a packet: the selectors and the trace.
const UNMATCHED: &[(&str, Selectors, MakeTrace)] = &[
    ("v4-unmatched-1k", Selectors::V4(K), Trace::v4),
    ("v4-unmatched-1m", Selectors::V4(M), Trace::v4),
    ("v4-unmatched-1m-hot", Selectors::V4(M), |internet, _| Trace::hot(internet)),
    ("v4-unmatched-1m-one-end", Selectors::V4(M), Trace::one_end),
    ("v4-unmatched-10m", Selectors::V4(10 * M), Trace::v4),
    ("v4-unmatched-10m-zipf", Selectors::V4(10 * M), Trace::zipf),
    ("v6-unmatched-1m", Selectors::V6(M), Trace::v6),
    ("v6-unmatched-1m-hot", Selectors::V6(M), |internet, _| Trace::v6(internet, 1)),
    ("adversarial-ranges", Selectors::V4Dense(M), |internet, length| {
        Trace::between_dense(internet, M, length)
    }),
    ("adversarial-ranges-hot", Selectors::V4Dense(M), |internet, _| {
        Trace::between_dense(internet, M, 1)
    }),
];

/// The cases in which nothing but the parser is measured: the trace.
const PARSER: &[(&str, MakeTrace)] = &[("parse-drop", Trace::v4), ("parse-drop-v6", Trace::v6)];

/// What makes the trace of a case, whatever that takes.
type Made = Box<dyn Fn(&Internet, usize) -> Trace>;

/// Selectors, if any, and trace of a case in which a packet is parsed and perhaps looked up, but not selected.
pub(crate) fn unselected(case: &str) -> Option<(Option<Selectors>, Made)> {
    if let Some((_, selectors, trace)) = UNMATCHED.iter().find(|(name, ..)| *name == case) {
        return Some((Some(*selectors), Box::new(trace)));
    }
    if let Some((_, trace)) = PARSER.iter().find(|(name, _)| *name == case) {
        return Some((None, Box::new(trace)));
    }
    let tunnel = tunnels::named(case)?;
    Some((Some(tunnels::SELECTORS), Box::new(move |internet, _| tunnel.trace(internet))))
}

/// All cases: those of this file, then the tunnels'.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, Goal)> {
    CASES.iter().copied().chain(tunnels::cases())
}

/// The goal of a case.
pub(crate) fn goal_of(case: &str) -> Goal {
    all().find(|(name, _)| *name == case).map_or(Goal::None, |(_, goal)| goal)
}

/// The name as it stands among [`all`].
pub(crate) fn known(name: &str) -> Result<&'static str> {
    if let Some((case, _)) = all().find(|(case, _)| *case == name) {
        return Ok(case);
    }
    let names: Vec<&str> = all().map(|(case, _)| case).collect();
    bail!("there is no case {name}; there are {}", names.join(", "))
}

/// Cases that `--quick` leaves out unless they are named.
pub(crate) fn is_long(case: &str) -> bool {
    case.contains("10m")
}

const K: usize = 1_000;
pub(crate) const M: usize = 1_000_000;
/// Room for the records of a batch, and for the jitter of a consumer on another core.
pub(crate) const RING_BYTES: u32 = 64 << 20;
/// Records that fit with room to spare.
const BATCH_OF_RECORDS: u32 = 200_000;

/// What the cases share.
pub(crate) struct Bench {
    pub(crate) internet: Internet,
    pub(crate) quick: bool,
    sensors: HashMap<Selectors, Sensor>,
    installed: Option<Installed>,
}

impl Bench {
    pub(crate) fn new(quick: bool) -> Result<Self> {
        progress("a made-up internet");
        let internet = Internet::build()?;
        Ok(Self { internet, quick, sensors: HashMap::new(), installed: None })
    }

    /// Pairs in a trace. A run goes through it once.
    pub(crate) const fn pairs(&self) -> usize {
        if self.quick { 1 << 17 } else { 1 << 20 }
    }

    fn packets(&self) -> u32 {
        u32::try_from(self.pairs()).unwrap_or(u32::MAX)
    }

    /// Runs a case.
    pub(crate) fn run(&mut self, case: &'static str) -> Result<Figure> {
        progress(case);
        if let Some(tunnel) = tunnels::named(case) {
            return tunnels::beside_plain(self, case, &tunnel.trace(&self.internet));
        }
        if let Some((selectors, trace)) = unselected(case) {
            let trace = trace(&self.internet, self.pairs());
            return match selectors {
                Some(selectors) => Ok(Figure::new(case, "ns", self.cost(selectors, &trace)?)),
                None => self.parse_drop(case, &trace),
            };
        }
        match case {
            "empty" => self.empty(case),
            tunnels::DEAREST => tunnels::dearest(self),
            "floor-v4-1m" => self.floor(case, Selectors::V4(M), Trace::v4),
            "floor-v4-10m" => self.floor(case, Selectors::V4(10 * M), Trace::v4),
            "floor-v4-10m-zipf" => self.floor(case, Selectors::V4(10 * M), Trace::zipf),
            "floor-v6-1m" => self.floor(case, Selectors::V6(M), Trace::v6),
            "v4-payload-100k" => self.payload(case, self.pairs()),
            "v4-payload-100k-hot" => self.payload(case, 1),
            "siphash-16" => self.siphash(case),
            "adversarial" => self.passing(case),
            "matched-record" => self.matched(case, self.pairs(), BootTime::MAX, Outcome::Recorded),
            "matched-record-hot" => self.matched(case, 1, BootTime::MAX, Outcome::Recorded),
            "matched-lapsed" => self.matched(case, self.pairs(), BootTime::ZERO, Outcome::Lapsed),
            "matched-lapsed-hot" => self.matched(case, 1, BootTime::ZERO, Outcome::Lapsed),
            "ring-drain" => self.ring_drain(case, ring::Consumer::Gulps),
            "ring-drain-busy" => self.ring_drain(case, ring::Consumer::Busy),
            "install-1m" => Ok(self.installed()?.seconds(case)),
            "install-1m-stall" => Ok(self.installed()?.stall(case)),
            "install-1m-stall-without" => Ok(self.installed()?.stall_without(case)),
            "capacity-share" => share::cost(case, &self.internet, self.packets()),
            "bytes-per-address-10m" => install::bytes_per_address(case, &self.internet, 10 * M),
            "compile-10m-mixed" => install::mixed(case, &self.internet, 10 * M),
            "lpm-hash-1m" => self.ordinary(case, false),
            "hash-1m" => self.ordinary(case, true),
            "veth-empty" => veth::empty(case, &self.v4_trace()),
            "veth-sensor" => self.veth_sensor(case),
            _ => bail!("the case {case} has a name only"),
        }
    }

    /// The installations under traffic; made once.
    fn installed(&mut self) -> Result<&Installed> {
        if self.installed.is_none() {
            let trace = self.v4_trace();
            self.installed = Some(install::under_traffic(&self.internet, &trace)?);
        }
        self.installed.as_ref().context("installations that were just made")
    }

    fn v4_trace(&self) -> Trace {
        Trace::v4(&self.internet, self.pairs())
    }

    pub(crate) fn rig(&self, trace: &Trace) -> Result<Rig> {
        Rig::new(trace, self.packets(), Sizes::NONE, 0)
    }

    fn empty(&self, case: &'static str) -> Result<Figure> {
        let mut rig = self.rig(&self.v4_trace())?;
        let note = "absolute: the wrapper around the empty program, and BPF_PROG_TEST_RUN itself; \
                    every other ns is above this";
        Ok(Figure::new(case, "ns", rig.measure_empty()?).note(note))
    }

    fn parse_drop(&self, case: &'static str, trace: &Trace) -> Result<Figure> {
        let mut rig = self.rig(trace)?;
        let packets = rig.packets();
        let runs = rig.measure(&Subject::Own("parse_drop"), packets, || Ok(()))?;
        Ok(Figure::new(case, "ns", runs))
    }

    /// The sensor under orders for these selectors; made once.
    pub(crate) fn sensor(&mut self, selectors: Selectors) -> Result<&mut Sensor> {
        if !self.sensors.contains_key(&selectors) {
            let start = Instant::now();
            let orders = verify(&selectors.envelopes(&self.internet));
            let generation = tables(&self.internet, &orders)?;
            let sensor = Sensor::load(&generation.lines, Mode::Tap, RING_BYTES)?;
            progress(&format!(
                "orders for {selectors:?}: {} KiB of tables, ready after {:.1} s",
                generation.lines.len() / 16,
                start.elapsed().as_secs_f64()
            ));
            self.sensors.insert(selectors, sensor);
        }
        match self.sensors.get_mut(&selectors) {
            Some(sensor) => Ok(sensor),
            None => bail!("a sensor that was just inserted"),
        }
    }

    /// No more than parsing a packet and touching memory, for tables of these selectors.
    fn floor(
        &mut self,
        case: &'static str,
        selectors: Selectors,
        trace: impl FnOnce(&Internet, usize) -> Trace,
    ) -> Result<Figure> {
        let trace = trace(&self.internet, self.pairs());
        let [v4, v6] = self.sensor(selectors)?.touched;
        let touched = if matches!(trace.pairs, Pairs::V6(_)) { v6 } else { v4 };
        floor::cost(case, &trace, self.packets(), touched)
    }

    /// Packets that pass the filter at both ends, though no rule selects them.
    fn passing(&mut self, case: &'static str) -> Result<Figure> {
        let selectors = Selectors::V4(M);
        self.sensor(selectors)?;
        // Few addresses pass, so that more would take long to find; these touch 60 MiB.
        let length = self.pairs().min(1 << 18);
        let sensor = self.sensors.get(&selectors).context("a sensor that was just made")?;
        let trace = Trace::passing(&self.internet, length, |address| sensor.passes(address));
        Ok(Figure::new(case, "ns", self.cost(selectors, &trace)?))
    }

    /// Nanoseconds per packet of a trace that no rule selects.
    pub(crate) fn cost(&mut self, selectors: Selectors, trace: &Trace) -> Result<Vec<f64>> {
        let mut rig = self.rig(trace)?;
        let packets = rig.packets();
        let sensor = self.sensor(selectors)?;
        let before = sensor.seen(Outcome::Unmatched)?;
        let runs =
            rig.measure(&Subject::Other(sensor.program.descriptor()?), packets, || Ok(()))?;
        sensor.expect(Outcome::Unmatched, before)?;
        Ok(runs)
    }

    /// One of four hashes of sixteen bytes: what a group of payload prefixes costs at the least.
    fn siphash(&self, case: &'static str) -> Result<Figure> {
        let mut rig = self.rig(&Trace::v4_with_payload(&self.internet, 1))?;
        let packets = rig.packets();
        let runs = rig.measure(&Subject::Own("siphash"), packets, || Ok(()))?;
        Ok(Figure::new(case, "ns", runs.into_iter().map(|run| run / 4.0).collect()))
    }

    /// Packets whose addresses no rule names, under rules that go by the payload alone.
    fn payload(&self, case: &'static str, pairs: usize) -> Result<Figure> {
        let mut envelopes = Selectors::V4(M).envelopes(&self.internet);
        envelopes.extend(orders::payload_only(100 * K));
        let lines = tables(&self.internet, &verify(&envelopes))?.lines;
        let mut sensor = Sensor::load(&lines, Mode::Tap, RING_BYTES)?;
        let trace = Trace::v4_with_payload(&self.internet, pairs);
        let mut rig = self.rig(&trace)?;
        let (packets, before) = (rig.packets(), sensor.seen(Outcome::Unmatched)?);
        let runs =
            rig.measure(&Subject::Other(sensor.program.descriptor()?), packets, || Ok(()))?;
        sensor.expect(Outcome::Unmatched, before)?;
        Ok(Figure::new(case, "ns", runs))
    }

    /// A rule holds for every packet. What becomes of it depends on the order's deadline; the ring
    /// is emptied off the clock.
    fn matched(
        &mut self,
        case: &'static str,
        pairs: usize,
        deadline: BootTime,
        outcome: Outcome,
    ) -> Result<Figure> {
        let trace = Trace::matched(&self.internet, M, 100, pairs);
        let mut rig = self.rig(&trace)?;
        let sensor = self.sensor(Selectors::V4(M))?;
        sensor.program.set_term(Slot::new(0), Term { end: deadline, ..Term::ALWAYS })?;
        let (seen, before) = (sensor.seen(outcome)?, sensor.counters()?);
        let Sensor { program, records, .. } = &mut *sensor;
        let runs = rig.measure(&Subject::Other(program.descriptor()?), BATCH_OF_RECORDS, || {
            while records.next_record().is_some() {}
            Ok(())
        })?;
        sensor.program.set_term(Slot::new(0), Term::ALWAYS)?;
        sensor.expect(outcome, seen)?;
        let lost = sensor.counters()?.lost() - before.lost();
        ensure!(lost == 0, "{lost} records lost: not what was to be measured");
        Ok(Figure::new(case, "ns", runs))
    }

    fn ring_drain(&self, case: &'static str, consumer: ring::Consumer) -> Result<Figure> {
        let orders = verify(&Selectors::V4(K).envelopes(&self.internet));
        let lines = tables(&self.internet, &orders)?.lines;
        let sensor = Sensor::load(&lines, Mode::Tap, RING_BYTES)?;
        ring::drain(case, consumer, &self.internet, K, sensor)
    }

    fn ordinary(&self, case: &'static str, single: bool) -> Result<Figure> {
        let count = if self.quick { 100 * K } else { M };
        let trace = self.v4_trace();
        let runs = ordinary::cost(&self.internet, &trace, self.packets(), count, single)?;
        let mut figure = Figure::new(case, "ns", runs);
        if self.quick {
            figure.reduced = Some(format!("{count} selectors"));
        }
        Ok(figure)
    }

    fn veth_sensor(&self, case: &'static str) -> Result<Figure> {
        let trace = self.v4_trace();
        let orders = verify(&Selectors::V4(M).envelopes(&self.internet));
        let lines = tables(&self.internet, &orders)?.lines;
        veth::sensor(case, &trace, &lines)
    }
}
