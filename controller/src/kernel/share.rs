//! The memory of the capacity share (L-CAP): one store, from which the programs of all interfaces of a sensor
//! draw. Its contents and the drawing are defined in `sensor_common::capacity`.

use aya::maps::{Array, MapData};
use sensor_common::capacity::{STORE_WORDS, empty_store, full_store};

use super::KernelError;

/// The map that holds a store.
pub(super) type StoreMap = Array<MapData, [u64; STORE_WORDS]>;

/// A store of the capacity share. The kernel keeps it as long as a program uses it.
pub struct ShareStore {
    pub(super) map: StoreMap,
    purses: u64,
}

impl ShareStore {
    /// An empty store for this many interfaces, on all CPUs that there can be.
    ///
    /// # Errors
    /// [`KernelError`] if the kernel refuses the memory.
    pub fn create(interfaces: usize) -> Result<Self, KernelError> {
        let cpus = aya::util::nr_cpus().map_err(|(_, error)| KernelError::Cpus(error))?;
        let purses = u64::try_from(cpus.saturating_mul(interfaces)).unwrap_or(u64::MAX);
        let mut map = StoreMap::create(1, 0)?;
        map.set(0, empty_store(purses), 0)?;
        Ok(Self { map, purses })
    }

    /// Fills the store for the next packet, whatever the rate. This is for captures, which are judged as if the
    /// share were never used up; a daemon never does it.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn fill(&mut self) -> Result<(), KernelError> {
        Ok(self.map.set(0, full_store(self.purses), 0)?)
    }
}
