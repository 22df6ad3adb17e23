//! The lease map of a sensor that another process controls, found by the kernel's id of the map. Only the halt
//! is changed from here.

use aya::maps::{Array, Map, MapData, MapError, MapType};
use aya::sys::SyscallError;
use sensor_common::tables::lease;

use super::{KernelError, name};

/// The word that halts a sensor on one interface.
pub struct LeaseWord(Array<MapData, u64>);

impl LeaseWord {
    /// The map with this id; `None` if there is no such map, or if it is not a lease. Needs `CAP_SYS_ADMIN`.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn find(number: u32) -> Result<Option<Self>, KernelError> {
        let map = match MapData::from_id(number) {
            Err(MapError::SyscallError(SyscallError { io_error, .. }))
                if io_error.kind() == std::io::ErrorKind::NotFound =>
            {
                return Ok(None);
            }
            found => found?,
        };
        let info = map.info()?;
        let is_lease = info.name_as_str() == Some(name::LEASE)
            && info.map_type()? == MapType::Array
            && info.key_size() as usize == size_of::<u32>()
            && info.value_size() as usize == size_of::<u64>()
            && info.max_entries() as usize == lease::WORDS;
        if !is_lease {
            return Ok(None);
        }
        Ok(Some(Self(Array::try_from(Map::Array(map))?)))
    }

    /// Halts, or ends the halt, and returns whether it reads back as halted.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn set_halted(&mut self, halted: bool) -> Result<bool, KernelError> {
        self.0.set(lease::HALTED, u64::from(halted), 0)?;
        Ok(self.0.get(&lease::HALTED, 0)? != 0)
    }
}
