//! The sensor: one loaded program per interface, steered together.
//!
//! The order of operations keeps every moment lawful (L-TERM), even if something fails in between:
//!
//! - **Start:** load, publish the first generation, set terms, attach, renew the lease. Nothing is selected
//!   before the last step.
//! - **An order comes into force:** ahead of time, set its term in a slot that no tables lead to, and publish
//!   the generation with it. It then begins on its own.
//! - **An order replaces another:** the same, then bring the old one's end forward to the new one's
//!   beginning. If the tables come only after that, they exchange the two in one step. At every moment one of
//!   the two selects, and never both.
//! - **The same with no slot free:** publish the generation with the new one in the old one's slot,
//!   whose term is still set and does not outlast the new one, then set the new term.
//! - **An order ends:** clear its term, then publish the generation without it; only then can its slot be
//!   used again.
//! - **Stop:** lease 0, wait for running programs, drain, detach; with pins, remove them last, and only
//!   if every record was written.
//! - **Hand over** (with pins): drain, and leave everything as it is. The next daemon publishes its own
//!   generation, then replaces the attached program by its own.
//!
//! | file | job |
//! |---|---|
//! | `loading` | a program for every interface |
//! | `enforce` | the operations on the kernel side |
//! | `righting` | correcting maps and pins |
//! | `reading` | counters, rings, log |

use std::collections::BTreeMap;
use std::sync::Arc;

use sensor_common::boot_time::BootTime;

use crate::control::status::RingSizes;
use crate::daemon::vouched::Vouched;
use crate::kernel::{KernelError, KernelTables, PinRoot, Pins, Program, Records, XdpAttach};

mod enforce;
mod loading;
mod reading;
mod righting;

pub use enforce::Enforce;

/// What failed, and on which interface.
#[derive(Debug, thiserror::Error)]
#[error("{interface}: {}", .error.explain())]
pub struct SensorError {
    /// The interface.
    pub interface: String,
    /// Why.
    #[source]
    pub error: KernelError,
}

/// One interface and its program.
struct Port {
    interface: String,
    program: Program,
    rings: RingSizes,
}

/// All interfaces of a sensor. Dropping it ends the lease and detaches the programs, so selection ends at
/// once, unless the sensor was left to the next daemon.
pub struct Sensor {
    ports: Vec<Port>,
    xdp: XdpAttach,
    /// Where programs, maps and rings outlive this process, if they do.
    root: Option<PinRoot>,
    /// Pins to remove once all of their records are written.
    drained: Vec<Pins>,
    /// Pins of another version: interface, and where they are.
    foreign: Vec<(String, Pins)>,
    /// The generation in force, kept so that it can be published once more.
    tables: Option<KernelTables>,
    /// What must be in the maps.
    vouched: Arc<Vouched>,
    /// Records that were submitted on interfaces that are no longer in the configuration.
    retired: BTreeMap<String, u64>,
}

impl Sensor {
    /// Attaches every program to its interface, and removes what another version left. Returns news about
    /// that.
    ///
    /// # Errors
    /// [`SensorError`]; the caller drops the sensor, which detaches those that were attached.
    pub fn attach(&mut self) -> Result<Vec<String>, SensorError> {
        let xdp = self.xdp;
        self.each(|program, interface| program.attach(interface, xdp))?;
        let mut words = Vec::new();
        for (interface, pins) in self.foreign.drain(..) {
            let count = Records::unread(&pins).and_then(|count| pins.remove().map(|()| count));
            match count {
                Ok(0) => {}
                Ok(count) => words.push(format!(
                    "{interface}: {count} records that a sekisho of another version had not \
                     written are lost"
                )),
                Err(error) => return Err(SensorError { interface, error }),
            }
        }
        Ok(words)
    }

    /// The id of an interface's program.
    pub fn program(&self, interface: &str) -> Option<u32> {
        let port = self.ports.iter().find(|port| port.interface == interface)?;
        Some(port.program.id())
    }

    /// Attaches a program again that was detached. Its counters and records continue.
    ///
    /// # Errors
    /// [`SensorError`].
    pub fn reattach(&mut self, interface: &str) -> Result<(), SensorError> {
        let xdp = self.xdp;
        match self.ports.iter_mut().find(|port| port.interface == interface) {
            None => Ok(()),
            Some(port) => port
                .program
                .reattach(interface, xdp)
                .map_err(|error| SensorError { interface: interface.to_owned(), error }),
        }
    }

    /// Returns once no program runs that started before the call. After the lease has ended, no more records
    /// come into the rings then.
    ///
    /// # Errors
    /// [`SensorError`].
    pub fn settle(&mut self) -> Result<(), SensorError> {
        // Publishing waits for running programs, also if the generation is the same.
        let Some(tables) = self.tables.take() else { return Ok(()) };
        let settled = self.each(|program, _| program.publish(&tables));
        self.tables = Some(tables);
        settled
    }

    /// Detaches every program. There are no interfaces afterwards; pinned rings stay until [`Self::unpin`].
    ///
    /// # Errors
    /// The first [`SensorError`]; as many programs as possible are detached.
    pub fn detach(&mut self) -> Result<(), SensorError> {
        let detached = self.all(Program::detach);
        self.drained.extend(self.ports.drain(..).filter_map(|port| port.program.into_pins()));
        detached
    }

    /// Removes the pins of a sensor that is detached and whose records are all written.
    ///
    /// # Errors
    /// [`SensorError`].
    pub fn unpin(&mut self) -> Result<(), SensorError> {
        for pins in self.drained.drain(..) {
            pins.remove().map_err(|error| SensorError { interface: "pin".to_owned(), error })?;
        }
        if let Some(root) = &self.root {
            root.remove_if_empty();
        }
        Ok(())
    }

    /// Whether its rings outlive this process.
    pub const fn is_pinned(&self) -> bool {
        self.root.is_some()
    }

    /// Leaves everything to the next daemon, if there are pins. Returns whether there are.
    pub fn leave(&mut self) -> bool {
        if self.root.is_none() {
            return false;
        }
        self.ports.clear();
        true
    }

    /// What must be in the maps, now and before.
    pub const fn vouched(&self) -> &Arc<Vouched> {
        &self.vouched
    }

    /// Does something with every program, and stops at the first failure.
    fn each(
        &mut self,
        mut act: impl FnMut(&mut Program, &str) -> Result<(), KernelError>,
    ) -> Result<(), SensorError> {
        for Port { interface, program, .. } in &mut self.ports {
            act(program, interface)
                .map_err(|error| SensorError { interface: interface.clone(), error })?;
        }
        Ok(())
    }

    /// Does something with every program, even after a failure, and returns the first failure.
    fn all(
        &mut self,
        mut act: impl FnMut(&mut Program) -> Result<(), KernelError>,
    ) -> Result<(), SensorError> {
        let mut result = Ok(());
        for Port { interface, program, .. } in &mut self.ports {
            let done =
                act(program).map_err(|error| SensorError { interface: interface.clone(), error });
            result = result.and(done);
        }
        result
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        // There is no one left to tell. If something fails here, the lease still runs out.
        let _ = self.all(|program| program.set_lease(BootTime::ZERO));
        let _ = self.detach();
    }
}
