//! The start of a sensor: loads a program for every interface, over what the previous daemon left.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Port, Sensor, SensorError};
use crate::control::status::RingSizes;
use crate::daemon::config::Config;
use crate::kernel::{Object, PinRoot, Program, Records, Setup, ShareStore, StalePins};

impl Sensor {
    /// Loads a program for every interface; nothing is attached yet. The rings come with their
    /// interfaces.
    ///
    /// With pins, what the previous daemon left is taken over as it is. Selection ends on interfaces that have
    /// pins but are no longer in the configuration; their rings are returned too, to be emptied.
    ///
    /// # Errors
    /// [`SensorError`].
    pub fn load(
        config: &Config,
        root: Option<PinRoot>,
    ) -> Result<(Self, Vec<(String, Records)>), SensorError> {
        let at = |interface: &str| {
            let interface = interface.to_owned();
            move |error| SensorError { interface, error }
        };
        let (mut ports, mut rings) = (Vec::new(), Vec::new());
        let (mut drained, mut foreign) = (Vec::new(), Vec::new());
        let mut retired = BTreeMap::new();
        let left = root.as_ref().map_or(Ok(Vec::new()), |root| root.stale(&config.interfaces));
        for StalePins { readable, interface, pins } in left.map_err(at("pin"))? {
            if readable {
                let (records, submitted) = Program::retire_pinned(&pins).map_err(at(&interface))?;
                retired.insert(interface.clone(), submitted);
                rings.push((interface, records));
                drained.push(pins);
            } else {
                foreign.push((interface, pins));
            }
        }
        let first = config.interfaces.first().cloned().unwrap_or_default();
        // One share for all: the capacity is the facility's (L-CAP).
        let share = ShareStore::create(config.interfaces.len())
            .map_err(|error| SensorError { interface: first, error })?;
        for interface in &config.interfaces {
            let before = foreign.iter().filter(|(other, _)| other == interface);
            let setup = Setup {
                object: Object::Embedded,
                mode: config.mode,
                entered: config.entered,
                ring_bytes: config.ring_bytes,
                life_log: config.life_log,
                pins: root.as_ref().map(|root| root.of(interface)),
                before: before.map(|(_, pins)| pins.clone()).collect(),
            };
            let (mut program, records) = Program::set_up(setup).map_err(at(interface))?;
            program.share(&share).map_err(at(interface))?;
            let (count, bytes) = records.size();
            let rings_of_port = RingSizes { count: count as u64, bytes };
            ports.push(Port { interface: interface.clone(), program, rings: rings_of_port });
            rings.push((interface.clone(), records));
        }
        let (xdp, vouched) = (config.xdp, Arc::default());
        let sensor = Self { ports, xdp, root, drained, foreign, tables: None, vouched, retired };
        Ok((sensor, rings))
    }
}
