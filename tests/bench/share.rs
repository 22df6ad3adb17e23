//! The capacity share (L-CAP): what it costs a packet to be asked for.

use anyhow::{Context as _, Result};
use controller::kernel::Mode;
use sensor_common::outcome::Outcome;

use crate::internet::Internet;
use crate::orders::Selectors;
use crate::report::{Figure, median};
use crate::rig::{RUNS, Rig, Sizes, Subject};
use crate::sensor::{Sensor, tables, verify};
use crate::trace::Trace;

/// Tries of which the quickest counts: what else the machine does only ever adds.
const TRIES: usize = 5;

/// Nanoseconds that a 外外 packet takes longer than a 外内 packet on the same path: the share is asked
/// for the one and not for the other. Always the same two pairs of addresses, in turns, so that
/// nothing else differs between the two.
pub(crate) fn cost(case: &'static str, internet: &Internet, packets: u32) -> Result<Figure> {
    let orders = verify(&Selectors::V4(1_000).envelopes(internet));
    let lines = tables(internet, &orders)?.lines;
    let mut sensor = Sensor::load(&lines, Mode::Tap, 4_096)?;
    let mut rig = |abroad: bool| {
        let fits = |[source, destination]: &[u32; 2]| {
            internet.is_foreign(*source) && internet.is_foreign(*destination) == abroad
        };
        let pair = internet.v4_pairs().find(fits).context("no such pair")?;
        let mut rig = Rig::new(&Trace::of(pair), packets, Sizes::NONE, 0)?;
        rig.put(&Subject::Other(sensor.program.descriptor()?))?;
        anyhow::Ok(rig)
    };
    let mut rigs = [rig(false)?, rig(true)?];
    let before = sensor.seen(Outcome::Unmatched)?;
    let (mut runs, mut absolute) = (Vec::new(), [const { Vec::new() }; 2]);
    for _ in 0..RUNS {
        let mut least = [f64::INFINITY; 2];
        for _ in 0..TRIES {
            for (least, rig) in least.iter_mut().zip(&mut rigs) {
                *least = least.min(rig.run(packets)?.as_secs_f64() * 1e9 / f64::from(packets));
            }
        }
        runs.push(least[1] - least[0]);
        for (all, least) in absolute.iter_mut().zip(least) {
            all.push(least);
        }
    }
    sensor.expect(Outcome::Unmatched, before)?;
    let [without, with] = absolute.map(|runs| median(&runs));
    Ok(Figure::new(case, "ns", runs).note(format!(
        "with the wrapper around it a foreign-to-domestic packet takes {without:.1} ns, a \
         foreign-to-foreign one {with:.1} ns"
    )))
}
