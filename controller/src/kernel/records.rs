//! The rings of a program: one for each CPU that is online, so that no two CPUs ever wait for each
//! other to make a record.

use std::sync::Arc;

use aya::maps::{ArrayOfMaps, MapData, MapError, MapInfo};
use sensor_common::record::Record;

use super::KernelError;
use super::pins::{Pins, refusal};
use super::ring::{Ring, Room};

/// A program's rings, with the number of each one's CPU.
#[derive(Debug)]
pub struct Records {
    rings: Vec<(u32, Ring)>,
    /// Where [`Self::next_record`] is.
    at: usize,
}

impl Records {
    /// Opens the rings that are pinned, makes the missing ones for the CPUs that are online, of `bytes` each, and
    /// gives all of them to the program through its map of rings.
    ///
    /// # Errors
    /// [`KernelError`] if the kernel refuses one.
    pub(super) fn open(
        program: &mut ArrayOfMaps<MapData>,
        bytes: u32,
        pins: Option<&Pins>,
    ) -> Result<Self, KernelError> {
        let mut records = match pins {
            Some(pins) => Self::adopt(program, pins)?,
            None => Self { rings: Vec::new(), at: 0 },
        };
        for cpu in online()? {
            if records.rings.iter().any(|(there, _)| *there == cpu) {
                continue;
            }
            let ring = Ring::create(bytes)?;
            if let Some(pins) = pins {
                let path = pins.ring(cpu);
                ring.map().pin(&path).map_err(|error| refusal(&path, &error))?;
            }
            program.set(cpu, ring.map(), 0)?;
            records.rings.push((cpu, ring));
        }
        Ok(records)
    }

    /// Opens the rings that are pinned and gives them to the program, which usually has them already. Each time
    /// the kernel waits until no program runs that started before (commit 1ae80cf31938).
    ///
    /// # Errors
    /// [`KernelError`].
    pub(super) fn adopt(
        program: &mut ArrayOfMaps<MapData>,
        pins: &Pins,
    ) -> Result<Self, KernelError> {
        let mut rings = Vec::new();
        for (cpu, path) in pins.rings()? {
            let map = MapData::from_pin(&path).map_err(|error| refusal(&path, &error))?;
            program.set(cpu, &map, 0)?;
            rings.push((cpu, Ring::open(map)?));
        }
        Ok(Self { rings, at: 0 })
    }

    /// How many records are left in these pinned rings. They may be of another version, so they are only
    /// counted.
    ///
    /// # Errors
    /// [`KernelError`].
    pub fn unread(pins: &Pins) -> Result<u64, KernelError> {
        let mut count = 0_u64;
        for (_, path) in pins.rings()? {
            let map = MapData::from_pin(&path).map_err(|error| refusal(&path, &error))?;
            count = count.saturating_add(Ring::open(map)?.unread());
        }
        Ok(count)
    }

    /// The room of every ring.
    pub fn rooms(&self) -> impl Iterator<Item = &Arc<Room>> {
        self.rings.iter().map(|(_, ring)| ring.room())
    }

    /// The highest generation of the records that wait in the rings.
    pub fn newest_generation(&mut self) -> Option<u32> {
        self.rings.iter_mut().filter_map(|(_, ring)| ring.newest_generation()).max()
    }

    /// Every ring, with the number of its CPU.
    pub fn rings(&mut self) -> &mut [(u32, Ring)] {
        &mut self.rings
    }

    /// The next record of any ring, if there is one; the records of one ring come in order. Its room is given
    /// back some time later: this is for callers that need not keep records.
    pub fn next_record(&mut self) -> Option<Record> {
        for _ in 0..self.rings.len() {
            let (_, ring) = self.rings.get_mut(self.at)?;
            let record = ring.next_record();
            let (taken, released) = (ring.position().bytes(), ring.room().released().bytes());
            let ahead = taken.wrapping_sub(released);
            // Not after each record: the kernel's side reads that word for every record.
            if ahead >= ring.bytes() / 8 {
                ring.room().release(ring.position());
            }
            if record.is_some() {
                return record;
            }
            self.at = (self.at + 1) % self.rings.len();
        }
        None
    }

    /// How many rings there are, and the size of each in bytes.
    pub fn size(&self) -> (usize, u64) {
        (self.rings.len(), self.rings.first().map_or(0, |(_, ring)| ring.bytes()))
    }

    /// The rings, with the number of each one's CPU.
    pub fn into_rings(self) -> Vec<(u32, Ring)> {
        self.rings
    }
}

/// The size of the smallest ring, pinned or to be made.
///
/// # Errors
/// [`KernelError`].
pub(super) fn smallest(pins: Option<&Pins>, bytes: u32) -> Result<u32, KernelError> {
    let mut smallest = bytes;
    for (_, path) in pins.map_or(Ok(Vec::new()), Pins::rings)? {
        smallest = smallest.min(MapInfo::from_pin(&path)?.max_entries());
    }
    Ok(smallest)
}

/// How many CPUs there can be, which is the length of the map of rings.
///
/// # Errors
/// [`KernelError`] if the kernel does not tell.
pub(super) fn possible() -> Result<u32, KernelError> {
    let count = aya::util::nr_cpus().map_err(|(_, error)| MapError::IoError(error))?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

fn online() -> Result<Vec<u32>, KernelError> {
    Ok(aya::util::online_cpus().map_err(|(_, error)| MapError::IoError(error))?)
}
