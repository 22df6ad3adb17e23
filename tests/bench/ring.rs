//! Records from the kernel to the controller: one core makes them, the other takes them out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use controller::kernel::clock::boot_time;

use crate::internet::Internet;
use crate::report::Figure;
use crate::rig::{RUNS, Rig, Sizes, Subject};
use crate::sensor::Sensor;
use crate::trace::Trace;
use crate::{pin, progress};

/// How long the producer's part of a run lasts.
const RUN: Duration = Duration::from_millis(500);
/// Packets by which the producer's speed is found out.
const PROBE: u32 = 50_000;
/// Pairs of addresses in a trace; few enough for the nearer caches, as this is about the ring.
const PAIRS: usize = 1 << 12;
/// How many packets in a hundred match: all, and then fewer until no record is lost. A producer
/// that made pauses instead would be no sensor.
const SHARES: [usize; 8] = [100, 85, 70, 55, 45, 35, 25, 15];

/// How the consumer goes about it.
#[derive(Clone, Copy)]
pub(crate) enum Consumer {
    /// Empties the rings, then waits for [`PAUSE`].
    Gulps,
    /// Never waits: it is so close behind the producer that both want the same cache lines for every
    /// record.
    Busy,
}

/// How long the consumer waits before it looks again. Far below the 100 ms that a record may take.
const PAUSE: Duration = Duration::from_millis(1);

/// Million records a second, none of them lost.
pub(crate) fn drain(
    case: &'static str,
    consumer: Consumer,
    internet: &Internet,
    selectors: usize,
    mut sensor: Sensor,
) -> Result<Figure> {
    let descriptor = sensor.program.descriptor()?.try_clone()?;
    let mut at_full_speed = None;
    for share in SHARES {
        let trace = Trace::matched(internet, selectors, share, PAIRS);
        let mut rig = Rig::new(&trace, PROBE, Sizes::NONE, 0)?;
        rig.put(&Subject::Other(&descriptor))?;
        // The first packets fill caches, page tables, and the pages of the ring.
        rig.run(PROBE)?;
        sensor.drain();
        let probe = rig.run(PROBE)?;
        sensor.drain();
        let packets = RUN.as_secs_f64() / probe.as_secs_f64() * f64::from(PROBE);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "some millions"
        )]
        let packets = packets as u32;

        let (mut runs, mut lost) = (Vec::new(), 0);
        while runs.len() < RUNS && lost == 0 {
            let run = once(&mut rig, &mut sensor, consumer, packets)?;
            runs.push(run.taken);
            lost += run.lost;
        }
        progress(&format!("{share} of 100 packets match: {:.2} M/s taken, {lost} lost", runs[0]));
        at_full_speed.get_or_insert((runs[0], lost));
        if lost == 0 {
            let note = match at_full_speed {
                Some((taken, lost)) if lost > 0 => format!(
                    "with {share} of 100 packets matching; with all matching, {taken:.2} M/s were \
                     taken and {lost} records lost in one run"
                ),
                _ => "every packet matches, and the producer is the limit".to_owned(),
            };
            return Ok(Figure::new(case, "M/s", runs).note(note));
        }
    }
    bail!("even the slowest producer lost records")
}

struct Run {
    /// Million records a second, from the first one's own time until the last one was taken.
    taken: f64,
    lost: u64,
}

fn once(rig: &mut Rig, sensor: &mut Sensor, consumer: Consumer, packets: u32) -> Result<Run> {
    let before = sensor.counters()?;
    let finished = AtomicBool::new(false);
    let (mut first, mut count) = (None, 0_u64);
    let end = std::thread::scope(|scope| {
        let producer = scope.spawn(|| {
            pin(0);
            let result = rig.run(packets);
            finished.store(true, Ordering::Release);
            result
        });
        pin(1);
        let mut end = boot_time();
        loop {
            let last = finished.load(Ordering::Acquire);
            let taken = count;
            while let Some(record) = sensor.records.next_record() {
                first.get_or_insert(record.time);
                count += 1;
            }
            if count > taken {
                end = boot_time();
            }
            if last {
                break;
            }
            if matches!(consumer, Consumer::Gulps) {
                std::thread::sleep(PAUSE);
            }
        }
        match producer.join() {
            Ok(result) => result.map(|_| end),
            Err(_) => bail!("the producer panicked"),
        }
    })?;
    let after = sensor.counters()?;
    let (made, lost) = (after.records() - before.records(), after.lost() - before.lost());
    ensure!(made == count, "{made} records submitted, {count} taken out");
    let time = Duration::from_nanos(end.since(first.context("no record")?));
    #[expect(clippy::cast_precision_loss, reason = "some millions")]
    let taken = count as f64 / time.as_secs_f64() / 1e6;
    Ok(Run { taken, lost })
}
