//! The attachment of a program, and the pins with which it outlives its controller.

use std::path::PathBuf;

use aya::maps::{Array, ArrayOfMaps, Map, MapData, PerCpuArray};
use sensor_common::counters::Counters;
use sensor_common::tables::lease;

use super::{Program, read_counters};
use crate::kernel::keep::Keep;
use crate::kernel::pins::{self, Pins};
use crate::kernel::{KernelError, Records, XdpAttach, link, name};

impl Program {
    /// Attaches the program to an interface. If pins keep another program attached, it is replaced.
    ///
    /// # Errors
    /// [`KernelError::Program`]: no such interface, no native XDP in its driver, or another
    /// program is attached already.
    pub fn attach(&mut self, interface: &str, how: XdpAttach) -> Result<(), KernelError> {
        let before: Vec<Pins> = self.pins.iter().chain(&self.before).cloned().collect();
        let link = link::attach(self.xdp()?, interface, how, &before)?;
        let Some(pins) = &self.pins else {
            self.link = Some(link);
            return Ok(());
        };
        let path = pins.link(how);
        // If the link was taken over from these very pins, it is pinned already.
        let link = if path.exists() {
            link
        } else {
            link.pin(&path).map_err(|error| pins::refusal(&path, &error))?.into()
        };
        self.link = Some(link);
        self.keep.as_mut().map_or(Ok(()), |keep| keep.link(&path))
    }

    /// Puts back the pins that were removed or replaced, and returns their paths: without them the next
    /// controller would not find what this one leaves.
    ///
    /// # Errors
    /// [`KernelError::Pin`].
    pub fn put_back_pins(&mut self) -> Result<Vec<PathBuf>, KernelError> {
        self.keep.as_mut().map_or(Ok(Vec::new()), Keep::put_back)
    }

    /// Attaches the program again after its attachment was ended from outside. This takes `CAP_BPF` at most,
    /// because the program is loaded already.
    ///
    /// # Errors
    /// As [`Self::attach`].
    pub fn reattach(&mut self, interface: &str, how: XdpAttach) -> Result<(), KernelError> {
        // The old link may still attach to an interface that is no longer meant.
        self.detach()?;
        self.attach(interface, how)
    }

    /// Detaches the program; maps and rings stay where they are.
    ///
    /// # Errors
    /// [`KernelError::Pin`].
    pub fn detach(&mut self) -> Result<(), KernelError> {
        self.link = None;
        self.keep.iter_mut().for_each(Keep::release_link);
        self.pins.as_ref().map_or(Ok(()), Pins::remove_links)
    }

    /// Lets go of the program. Its pins stay.
    pub fn into_pins(self) -> Option<Pins> {
        self.pins
    }

    /// Ends a sensor whose pins no controller uses any more: its lease is 0, it is detached, and no program runs
    /// that could make a record. Returns the rings with their records, and how many records its program has
    /// submitted. The rings stay pinned.
    ///
    /// # Errors
    /// [`KernelError`].
    pub fn retire_pinned(pins: &Pins) -> Result<(Records, u64), KernelError> {
        let open = |name| MapData::from_pin(pins.map(name));
        let mut lease = Array::<_, u64>::try_from(Map::Array(open(name::LEASE)?))?;
        let closed = lease.set(lease::UNTIL, 0, 0);
        pins.remove_links()?;
        closed?;
        let mut rings = ArrayOfMaps::try_from(Map::ArrayOfMaps(open(name::RECORDS)?))?;
        let records = Records::adopt(&mut rings, pins)?;
        // The counters may have been removed; that is no reason to leave the records in the rings.
        let submitted = match open(name::COUNTERS) {
            Ok(counters) => {
                let counters = PerCpuArray::try_from(Map::PerCpuArray(counters))?;
                read_counters(&counters)?.iter().map(Counters::records).sum()
            }
            Err(_) => 0,
        };
        Ok((records, submitted))
    }
}
