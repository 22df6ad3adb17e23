//! Generations of tables: copied into kernel memory in the background, and published in one step.

use std::os::fd::{AsFd as _, BorrowedFd};

use aya::maps::{ArrayOfMaps, MapData, MapError};
use sensor_common::tables::{Line, MOST_SEGMENTS};

use super::Program;
use crate::kernel::{KernelError, segments};

/// A generation of tables in kernel memory, not yet published.
pub struct KernelTables {
    /// At least one.
    segments: Vec<MapData>,
}

impl KernelTables {
    /// Copies compiled tables into kernel memory.
    ///
    /// # Errors
    /// [`KernelError`] if the kernel refuses the memory.
    pub fn create(lines: &[Line]) -> Result<Self, KernelError> {
        segments::create(lines).map(|segments| Self { segments })
    }

    /// Descriptors of the maps that hold the tables, with which the kernel can be asked about them, for example
    /// about their size.
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.segments.iter().map(|segment| segment.fd().as_fd())
    }
}

impl Program {
    /// Publishes a generation in one step: a packet that starts before that is judged to its end by the previous
    /// generation, and a packet that starts after it by this one. Returns once no packet is judged by the
    /// previous generation.
    ///
    /// # Errors
    /// [`KernelError::Map`]. One of the two generations is then in force, whole; which one is not
    /// known, so the caller closes the gate.
    pub fn publish(&mut self, tables: &KernelTables) -> Result<(), KernelError> {
        let KernelTables { segments } = tables;
        let before = u32::try_from(self.active.get(&0, 0)? & 1).unwrap_or(0);
        let after = 1 - before;
        // Nothing is judged by this half any more: the last publication waited for that.
        let mut filled = 0;
        for segment in segments {
            self.segments.set(after * MOST_SEGMENTS + filled, segment, 0)?;
            filled += 1;
        }
        self.retire(after, filled, &segments[0])?;
        self.filled[after as usize] = filled;
        self.active.set(0, u64::from(after), 0)?;
        // Replacing a map in a map makes the kernel wait for all running programs (commit
        // 1ae80cf31938), so once this is done no packet is judged by the other half. The map is replaced
        // by itself.
        self.segments.set(after * MOST_SEGMENTS, &segments[0], 0)?;
        self.retire(before, 0, &segments[0])
    }

    /// Lets go of the segments of one half from slot `from` on. A slot in a map of maps cannot be emptied, only
    /// given another map, so it gets one that is in use anyway.
    fn retire(&mut self, half: u32, from: u32, by: &MapData) -> Result<(), KernelError> {
        for slot in from..self.filled[half as usize] {
            self.segments.set(half * MOST_SEGMENTS + slot, by, 0)?;
        }
        Ok(())
    }
}

/// How many slots of a half hold something, from its first on.
pub(super) fn filled(segments: &ArrayOfMaps<MapData>, half: u32) -> u32 {
    let first = half * MOST_SEGMENTS;
    // A slot that we may not open is not empty either.
    let empty = |slot: &u32| matches!(segments.get(slot, 0), Err(MapError::KeyNotFound));
    (first..first + MOST_SEGMENTS).find(empty).map_or(MOST_SEGMENTS, |slot| slot - first)
}
