//! Where a measure is carried out, and how much of it is inspected (L-CAP).

use std::collections::BTreeMap;

use crate::order::json::{Faults, Fields, decode};
use crate::order::measure::Measure;
use crate::order::name;
use crate::rejection::{BasisFault, FormFault};

/// The carrier's foreign-related equipment (国外関係電気通信設備) that a measure is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Facility {
    /// Its name, which its sensors carry in their configuration.
    pub id: String,
    /// Its transmission capacity in bits per second; never 0.
    pub capacity_bps: u64,
    /// The share of the capacity that may be inspected, in percent (L-CAP).
    pub max_share_percent: u8,
    /// The share of each sensor by name, in percent. Their sum is at most the facility's share. A sensor that
    /// is not named selects nothing.
    pub sensors: BTreeMap<String, u8>,
}

impl Facility {
    /// The share that a sensor may inspect, in percent. `None`: the sensor is not named. Without a sensor, the
    /// whole approved share.
    pub fn share(&self, sensor: Option<&str>) -> Option<u8> {
        match sensor {
            Some(sensor) => self.sensors.get(sensor).copied(),
            None => Some(self.max_share_percent),
        }
    }
}

/// A facility as it was read.
pub(super) struct ReadFacility {
    pub(super) facility: Facility,
    /// The share as it is written: the facility cannot hold one above 255.
    share: u64,
}

pub(super) fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Option<ReadFacility> {
    let id = name::id(&mut fields, "id", faults);
    let capacity = fields.take("capacity_bps", faults);
    if capacity == Some(0) {
        faults.add(&fields.at("capacity_bps"), BasisFault::NoCapacity);
    }
    let share: Option<u64> = fields.take("max_share_percent", faults);
    let sensors = fields.object("sensors", faults);
    let place = fields.at("sensors");
    fields.end(faults);
    let mut shares = BTreeMap::new();
    let (mut together, mut whole) = (0_u64, true);
    let named = sensors?.names();
    let count = named.len();
    for (sensor, here, value) in named {
        if name::check(&sensor).is_err() {
            faults.add(&here, FormFault::Id(crate::order::json::quote(&sensor)));
        }
        let Some(share) = decode::<u64>(&here, value, faults) else {
            whole = false;
            continue;
        };
        together = together.saturating_add(share);
        match u8::try_from(share) {
            Ok(percent @ 1..=100) => {
                shares.insert(sensor, percent);
            }
            _ => faults.add(&here, BasisFault::SensorShare(share)),
        }
    }
    if count == 0 {
        faults.add(&place, BasisFault::NoSensor);
    }
    let share = share?;
    if whole && together > share {
        faults.add(&place, BasisFault::Together { together, share });
    }
    let facility = Facility {
        id: id?,
        capacity_bps: capacity?,
        max_share_percent: u8::try_from(share).unwrap_or(u8::MAX),
        sensors: shares,
    };
    Some(ReadFacility { facility, share })
}

/// L-CAP: at most 30 % of the facility's capacity under art. 17(1). A share of 0 is refused:
/// a measure that may inspect nothing makes no sense.
pub(super) fn check(written: &ReadFacility, measure: Measure) -> Result<(), BasisFault> {
    let largest = measure.largest_share_percent();
    if (1..=u64::from(largest)).contains(&written.share) {
        return Ok(());
    }
    Err(BasisFault::Share { share: written.share, largest, measure: measure.name() })
}
