//! The judge: the kernel's own counters, read from the pinned map and not asked of the daemon.

use std::path::Path;

use aya::maps::{Map, MapData, PerCpuArray};
use sensor_common::counters::{self, Counters};
use sensor_common::outcome::Outcome;

use crate::network::FAR;
use crate::pins::PinFolder;

/// What the kernel has counted on the one interface.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// Packets of which a record was submitted.
    pub recorded: u64,
    /// Packets that were judged.
    pub packets: u64,
    /// Records that were submitted.
    pub records: u64,
}

/// Reads the counters of a sensor with pins. Held open, they are the same map whatever becomes of the pin.
pub struct Judge(PerCpuArray<MapData, [u64; counters::WORDS]>);

impl Judge {
    /// A judge of the sensor that is pinned now.
    ///
    /// # Panics
    /// Where none is.
    pub fn new(pins: &PinFolder) -> Self {
        Self::at(&pins.of(FAR))
    }

    /// A judge of the sensor whose maps are pinned in this folder.
    ///
    /// # Panics
    /// Where none are.
    pub fn at(folder: &Path) -> Self {
        let map = MapData::from_pin(folder.join("COUNTERS")).expect("the counters are pinned");
        Self(PerCpuArray::try_from(Map::PerCpuArray(map)).expect("an array for each CPU"))
    }

    /// All counters so far, over all processors.
    ///
    /// # Panics
    /// Where the kernel does not say.
    pub fn counters(&self) -> Counters {
        let cpus = self.0.get(&0, 0).expect("the counters can be read");
        let mut sum = Counters::default();
        cpus.iter().for_each(|words| sum.merge(&Counters::new(*words)));
        sum
    }

    /// The counts so far.
    ///
    /// # Panics
    /// Where the kernel does not say.
    pub fn verdict(&self) -> Verdict {
        let sum = self.counters();
        let all = |outcome: Outcome| counters::columns().map(move |column| (outcome, column));
        let packets = |outcome| all(outcome).map(|(o, column)| sum.packets(o, column)).sum::<u64>();
        Verdict {
            recorded: packets(Outcome::Recorded),
            packets: Outcome::ALL.iter().map(|outcome| packets(*outcome)).sum(),
            records: sum.records(),
        }
    }
}
