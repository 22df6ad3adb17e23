//! The memory of one generation: array maps of one segment each, whose contents are mapped into this process
//! while it fills them. This file and `ring` are the only ones in the controller with `unsafe` code.

#![expect(unsafe_code, reason = "mapping kernel memory takes it; see SAFETY")]

use aya::maps::{MapData, MapError};
use aya_obj::generated::BPF_F_MMAPABLE;
use aya_obj::generated::bpf_map_type::BPF_MAP_TYPE_ARRAY;
use memmap2::{MmapMut, MmapOptions};
use sensor_common::tables::{Line, MOST_SEGMENTS, SEGMENT_LINES};
use std::os::fd::{AsFd as _, AsRawFd as _};

use super::KernelError;

const KEY_BYTES: u32 = 4;
const LINE_BYTES: u32 = 64;
const _: () = assert!(LINE_BYTES as usize == size_of::<Line>());

/// Creates array maps that hold `lines`: at least one map, and the last one padded with zeros.
///
/// # Errors
/// [`KernelError`] if the kernel refuses a map (memory, privilege) or its mapping.
pub(super) fn create(lines: &[Line]) -> Result<Vec<MapData>, KernelError> {
    let chunks = lines.chunks(SEGMENT_LINES as usize);
    if chunks.len() > MOST_SEGMENTS as usize {
        return Err(KernelError::TooLarge);
    }
    let segments = chunks.map(segment).collect::<Result<Vec<_>, _>>()?;
    if segments.is_empty() { Ok(vec![segment(&[])?]) } else { Ok(segments) }
}

fn segment(lines: &[Line]) -> Result<MapData, KernelError> {
    // Kind, sizes and flags as the program's template of the inner map has them.
    let definition = aya_obj::Map::new_from_params(
        BPF_MAP_TYPE_ARRAY as u32,
        KEY_BYTES,
        LINE_BYTES,
        SEGMENT_LINES,
        BPF_F_MMAPABLE,
    );
    let array = MapData::create(definition, "sekisho_segment", None)?;
    if !lines.is_empty() {
        let mut memory = map(&array, size_of_val(lines))?;
        let (words, _) = memory.as_chunks_mut::<8>();
        for (target, word) in words.iter_mut().zip(lines.iter().flatten()) {
            *target = word.to_ne_bytes();
        }
    }
    Ok(array)
}

fn map(array: &MapData, length: usize) -> Result<MmapMut, KernelError> {
    let fd = array.fd().as_fd().as_raw_fd();
    // SAFETY: the map was made a moment ago and no program can reach it before it is published, so
    // nobody else writes this memory while it is mapped; it cannot shrink, and it is unmapped
    // before the map is handed on.
    unsafe { MmapOptions::new().len(length).map_mut(fd) }
        .map_err(|error| KernelError::Map(MapError::IoError(error)))
}
