//! Reads a sensor's counters, rings and log.

use std::collections::BTreeMap;

use sensor_common::counters::Counters;

use super::{Port, Sensor, SensorError};
use crate::control::status::RingSizes;

impl Sensor {
    /// What the programs have logged about themselves since the last call, each line with its interface.
    pub fn life(&mut self) -> Vec<String> {
        let lines = |port: &mut Port| {
            let interface = port.interface.clone();
            port.program.life().into_iter().map(move |line| format!("{interface}: kernel: {line}"))
        };
        self.ports.iter_mut().flat_map(lines).collect()
    }

    /// The counters of every interface, one entry per possible CPU.
    ///
    /// # Errors
    /// [`SensorError`].
    pub fn counters(&self) -> Result<Vec<(&str, Vec<Counters>)>, SensorError> {
        let read = |port: &Port| match port.program.counters() {
            Ok(counters) => Ok(counters),
            Err(error) => Err(SensorError { interface: port.interface.clone(), error }),
        };
        self.ports.iter().map(|port| Ok((port.interface.as_str(), read(port)?))).collect()
    }

    /// Records submitted by interface, including interfaces that are no longer in the configuration.
    ///
    /// # Errors
    /// [`SensorError`].
    pub fn submitted(&self) -> Result<BTreeMap<String, u64>, SensorError> {
        let mut submitted = self.retired.clone();
        for (interface, cpus) in self.counters()? {
            submitted.insert(interface.to_owned(), cpus.iter().map(Counters::records).sum());
        }
        Ok(submitted)
    }

    /// The kernel's number of each interface's lease.
    pub fn lease_numbers(&self) -> Vec<(String, u32)> {
        let number = |port: &Port| (port.interface.clone(), port.program.lease_number());
        self.ports.iter().map(number).collect()
    }

    /// The rings of every interface.
    pub fn rings(&self) -> Vec<RingSizes> {
        self.ports.iter().map(|port| port.rings).collect()
    }

    /// How many instructions the verifier walked through to accept the program, if the kernel tells (5.16 and
    /// later).
    pub fn verified_instructions(&mut self) -> Option<u32> {
        self.ports.first_mut()?.program.verified_instructions().ok()?
    }
}
