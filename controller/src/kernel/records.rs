//! The rings of a program: one for each CPU that is online, so that no two CPUs ever wait for each
//! other to make a record.

use aya::maps::{ArrayOfMaps, MapData, MapError};
use sensor_common::record::Record;

use super::KernelError;
use super::ring::Ring;

/// A program's rings, with the number of each one's CPU.
#[derive(Debug)]
pub struct Records {
    rings: Vec<(u32, Ring)>,
    /// Where [`Self::next_record`] is.
    at: usize,
}

impl Records {
    /// Makes rings for all CPUs that are online, of `bytes` each, and gives them to the program
    /// through its map of rings.
    ///
    /// # Errors
    /// [`KernelError`] where the kernel refuses one.
    pub(super) fn create(
        program: &mut ArrayOfMaps<MapData>,
        bytes: u32,
    ) -> Result<Self, KernelError> {
        let mut rings = Vec::new();
        for cpu in online()? {
            let ring = Ring::create(bytes)?;
            program.set(cpu, ring.map(), 0)?;
            rings.push((cpu, ring));
        }
        Ok(Self { rings, at: 0 })
    }

    /// The next record of any ring, if there is one; each ring's in their order. Its room is given
    /// back some time after: for callers to whom a record that they have seen is one that is kept.
    pub fn next_record(&mut self) -> Option<Record> {
        for _ in 0..self.rings.len() {
            let (_, ring) = self.rings.get_mut(self.at)?;
            let record = ring.next_record();
            let ahead = ring.position().wrapping_sub(ring.room().released());
            // Not each by itself: the kernel's side reads that word for every record.
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

    /// The rings by themselves.
    pub fn into_rings(self) -> Vec<(u32, Ring)> {
        self.rings
    }
}

/// How many CPUs there can be: the length of the map of rings.
///
/// # Errors
/// [`KernelError`] where the kernel does not say.
pub(super) fn possible() -> Result<u32, KernelError> {
    let count = aya::util::nr_cpus().map_err(|(_, error)| MapError::IoError(error))?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

fn online() -> Result<Vec<u32>, KernelError> {
    Ok(aya::util::online_cpus().map_err(|(_, error)| MapError::IoError(error))?)
}
