//! Records from the kernel to the controller: one core makes them, the other takes them out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::report::Figure;
use crate::rig::{RUNS, Rig, Subject};
use crate::sensor::Sensor;
use crate::{pin, progress};

/// How long one run lasts.
const RUN: Duration = Duration::from_millis(500);
/// Packets between two looks at the clock.
const BATCH: u32 = 4_096;
/// Rates to try, in million records a second, until none is lost: as fast as the producer can,
/// then ever slower.
const RATES: [f64; 12] = [f64::INFINITY, 14.0, 12.0, 10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0];

/// How the consumer goes about it.
#[derive(Clone, Copy)]
pub(crate) enum Consumer {
    /// Empties the ring, then waits for [`PAUSE`].
    Gulps,
    /// Never waits: it is so close behind the producer that the kernel wakes it for every record.
    Busy,
}

/// How long the consumer waits before it looks again. Far below the 100 ms that a record may take.
const PAUSE: Duration = Duration::from_millis(1);

/// Million records a second, none of them lost.
pub(crate) fn drain(
    case: &'static str,
    consumer: Consumer,
    mut rig: Rig,
    mut sensor: Sensor,
) -> Result<Figure> {
    let descriptor = sensor.program.descriptor()?.try_clone()?;
    rig.put(&Subject::Other(&descriptor))?;
    let mut at_full_speed = None;
    for rate in RATES {
        let mut runs = Vec::new();
        let mut lost = 0;
        // The first run fills the page tables of the ring.
        for round in 0..=RUNS {
            let run = once(&mut rig, &mut sensor, consumer, rate)?;
            if round > 0 {
                runs.push(run.taken);
                lost += run.lost;
            }
            if round > 0 && run.lost > 0 {
                break;
            }
        }
        progress(&format!("{rate} M/s asked for: {:.1} M/s taken, {lost} lost", runs[0]));
        at_full_speed.get_or_insert((runs[0], lost));
        if lost == 0 {
            let note = match at_full_speed {
                Some((taken, lost)) if lost > 0 => format!(
                    "the highest rate of a fixed list at which none of {RUNS} runs lost a record; \
                     with the producer at full speed {taken:.1} M/s were taken and {lost} records lost"
                ),
                _ => "none lost with the producer at full speed".to_owned(),
            };
            return Ok(Figure::new(case, "M/s", runs).note(note));
        }
    }
    bail!("even the slowest rate lost records")
}

struct Run {
    /// Million records a second that the consumer took.
    taken: f64,
    lost: u64,
}

fn once(rig: &mut Rig, sensor: &mut Sensor, consumer: Consumer, rate: f64) -> Result<Run> {
    let before = sensor.counters()?;
    let finished = AtomicBool::new(false);
    let start = Instant::now();
    let count = std::thread::scope(|scope| {
        let producer = scope.spawn(|| {
            pin(0);
            let result = produce(rig, rate);
            finished.store(true, Ordering::Release);
            result
        });
        pin(1);
        let mut count = 0_u64;
        loop {
            let last = finished.load(Ordering::Acquire);
            count += sensor.drain();
            if last {
                break;
            }
            if matches!(consumer, Consumer::Gulps) {
                std::thread::sleep(PAUSE);
            }
        }
        match producer.join() {
            Ok(result) => result.map(|()| count),
            Err(_) => bail!("the producer panicked"),
        }
    })?;
    let time = start.elapsed();
    let after = sensor.counters()?;
    let (made, lost) = (after.records() - before.records(), after.lost() - before.lost());
    if made != count {
        bail!("{made} records submitted, {count} taken out");
    }
    #[expect(clippy::cast_precision_loss, reason = "some millions")]
    let taken = count as f64 / time.as_secs_f64() / 1e6;
    Ok(Run { taken, lost })
}

fn produce(rig: &mut Rig, rate: f64) -> Result<()> {
    let start = Instant::now();
    let mut packets = 0.0;
    while start.elapsed() < RUN {
        rig.run(BATCH)?;
        packets += f64::from(BATCH);
        let due = Duration::from_secs_f64(packets / (rate * 1e6));
        while start.elapsed() < due {
            std::hint::spin_loop();
        }
    }
    Ok(())
}
