//! One ring buffer of the kernel, as its consumer sees it: a page with the position up to which it was read, a
//! page with the position up to which it was written, and the records. This file and `segments` are the only
//! ones in the controller with `unsafe` code.
//!
//! aya's reader gives a record's room back as soon as the record was read. Here the two are separate:
//! [`Ring::next_record`] reads ahead, and [`Room::release`] gives the room back once the records are kept. If a
//! controller dies in between, the next one finds the records in the ring. This is cheaper too: the kernel's
//! side reads that word for each record, and the word moves from one CPU's cache to another only when it is
//! written.
//!
//! Layout: Documentation/bpf/ringbuf.rst and kernel/bpf/ringbuf.c of Linux.

#![expect(unsafe_code, reason = "mapping kernel memory takes it; see each SAFETY")]
#![expect(
    clippy::cast_ptr_alignment,
    reason = "pages are aligned to more, and so are records, at multiples of eight"
)]

use std::io;
use std::os::fd::{AsFd as _, AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use aya::maps::{MapData, MapError};
use aya_obj::generated::bpf_map_type::BPF_MAP_TYPE_RINGBUF;
use aya_obj::generated::{BPF_RINGBUF_BUSY_BIT, BPF_RINGBUF_DISCARD_BIT, BPF_RINGBUF_HDR_SZ};
use memmap2::{MmapOptions, MmapRaw};
use sensor_common::record::{LENGTH, Record};

use super::{KernelError, RingPosition};

/// What the kernel puts before each record: its length with two flags, and an offset of its own.
const HEADER: usize = BPF_RINGBUF_HDR_SZ as usize;

/// Bytes of a ring that a record takes.
#[expect(clippy::cast_possible_truncation, reason = "72")]
pub(super) const RECORD: u32 = (HEADER + LENGTH) as u32;

/// Both positions of a ring, shared by its reader and others: how much room is free, and how much waits.
#[derive(Debug)]
pub struct Room {
    /// The consumer's page.
    page: MmapRaw,
    /// The producer's page and, twice in a row, the records.
    memory: MmapRaw,
}

impl Room {
    fn word(&self) -> &AtomicU64 {
        let word = self.page.as_mut_ptr().cast::<u64>();
        // SAFETY: the page is mapped writable for as long as `self` lives, and its start, which is
        // aligned, holds the position. The kernel and everyone here use it atomically only.
        unsafe { AtomicU64::from_ptr(word) }
    }

    /// Gives everything before `position` back to the kernel ([`Ring::position`]).
    pub fn release(&self, position: RingPosition) {
        // The kernel's acquiring load sees it only after what was read has been read.
        self.word().store(position.bytes(), Ordering::Release);
    }

    /// The position up to which the ring was given back.
    pub fn released(&self) -> RingPosition {
        RingPosition::new(self.word().load(Ordering::Acquire))
    }

    /// How many records were submitted and not given back yet. Exact as long as only whole [`Record`]s are in
    /// the ring, which is all that the program submits.
    pub fn waiting(&self) -> u64 {
        // In this order, so that a record that is given back in between is not counted.
        let written = self.written();
        written.since(self.released()) / u64::from(RECORD)
    }

    /// The position up to which the kernel has reserved room for records.
    fn written(&self) -> RingPosition {
        let word = self.memory.as_ptr().cast_mut().cast::<u64>();
        // SAFETY: the producer's page is mapped for as long as `self` lives and starts, aligned,
        // with the position; it is only loaded, never stored to.
        let written = unsafe { AtomicU64::from_ptr(word) }.load(Ordering::Acquire);
        RingPosition::new(written)
    }
}

/// A ring buffer with its reader.
#[derive(Debug)]
pub struct Ring {
    map: MapData,
    room: Arc<Room>,
    /// Bytes before the records.
    page: usize,
    /// Size less one; the size is a power of two.
    mask: u64,
    /// The position up to which it was read.
    position: RingPosition,
}

impl Ring {
    /// Makes a ring of this size in bytes: a power of two and at least a page.
    ///
    /// # Errors
    /// [`KernelError`] if the kernel refuses it.
    pub fn create(bytes: u32) -> Result<Self, KernelError> {
        let definition = aya_obj::Map::new_from_params(BPF_MAP_TYPE_RINGBUF as u32, 0, 0, bytes, 0);
        Self::open(MapData::create(definition, "sekisho_records", None)?)
    }

    /// A reader of an existing ring, from the position up to which it was given back.
    ///
    /// # Errors
    /// [`KernelError`] if the map is not a ring buffer, or cannot be mapped.
    pub fn open(map: MapData) -> Result<Self, KernelError> {
        let bytes = map.info()?.max_entries();
        let page = rustix::param::page_size();
        let unmapped = |error: io::Error| KernelError::Map(MapError::IoError(error));
        let descriptor = map.fd().as_fd().as_raw_fd();
        let consumer = MmapOptions::new().len(page).map_raw(descriptor).map_err(unmapped)?;
        let memory = MmapOptions::new()
            .offset(page as u64)
            .len(page + 2 * bytes as usize)
            .map_raw_read_only(descriptor)
            .map_err(unmapped)?;
        let room = Arc::new(Room { page: consumer, memory });
        let position = room.released();
        Ok(Self { map, room, page, mask: u64::from(bytes) - 1, position })
    }

    /// The next record, if there is one. Its room stays taken until it is given back.
    pub fn next_record(&mut self) -> Option<Record> {
        while self.position != self.room.written() {
            let length = self.header();
            if length & BPF_RINGBUF_BUSY_BIT != 0 {
                return None;
            }
            let bytes = length & !BPF_RINGBUF_DISCARD_BIT;
            let record = (length as usize == LENGTH).then(|| self.record());
            self.go_on_behind(bytes);
            if record.is_some() {
                return record;
            }
        }
        None
    }

    /// Moves past the next record, which is this many bytes long.
    fn go_on_behind(&mut self, bytes: u32) {
        self.position = self.position.plus((HEADER as u64 + u64::from(bytes)).next_multiple_of(8));
    }

    /// Counts the records that can be taken, whatever their length.
    pub(super) fn unread(&mut self) -> u64 {
        let mut count = 0;
        while self.position != self.room.written() {
            let length = self.header();
            if length & BPF_RINGBUF_BUSY_BIT != 0 {
                break;
            }
            count += u64::from(length & BPF_RINGBUF_DISCARD_BIT == 0);
            let bytes = length & !BPF_RINGBUF_DISCARD_BIT;
            self.go_on_behind(bytes);
        }
        count
    }

    /// Moves to `position`, up to which records are known to be kept, and gives them back. A position that was
    /// passed, or that the ring never reached, changes nothing.
    pub fn skip_to(&mut self, position: RingPosition) {
        if (self.position..=self.room.written()).contains(&position) {
            self.position = position;
            self.room.release(position);
        }
    }

    /// Whether it was ever written up to this position.
    pub fn has_reached(&self, position: RingPosition) -> bool {
        position <= self.room.written()
    }

    /// The position up to which records were taken.
    pub const fn position(&self) -> RingPosition {
        self.position
    }

    /// Its size in bytes.
    pub const fn bytes(&self) -> u64 {
        self.mask + 1
    }

    /// Its positions, shared.
    pub const fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// Its map.
    pub const fn map(&self) -> &MapData {
        &self.map
    }

    /// The highest generation of the records that wait. No record is taken.
    pub fn newest_generation(&mut self) -> Option<u32> {
        let start = self.position;
        let newest = std::iter::from_fn(|| self.next_record()).map(|record| record.generation);
        let newest = newest.max();
        self.position = start;
        newest
    }

    /// The length of the next record with the flags of its header; it must lie before `written`.
    fn header(&self) -> u32 {
        let word = self.at(0).cast_mut().cast::<u32>();
        // SAFETY: positions are multiples of eight, so the word is aligned; the kernel wrote it
        // before it moved the producer's position, and clears the busy bit atomically.
        unsafe { AtomicU32::from_ptr(word) }.load(Ordering::Acquire)
    }

    /// The next record, which must be [`LENGTH`] bytes long and not busy.
    fn record(&self) -> Record {
        let bytes = self.at(HEADER).cast::<[u8; LENGTH]>();
        // SAFETY: the record lies inside the mapping, also at the ring's end, where the second mapping of
        // the records follows. The kernel does not touch it before the caller gives it back.
        Record::from_bytes(unsafe { &*bytes })
    }

    /// The byte `offset` after the reading position.
    fn at(&self, offset: usize) -> *const u8 {
        #[expect(clippy::cast_possible_truncation, reason = "a ring has at most 1 GiB")]
        let start = self.page + (self.position.bytes() & self.mask) as usize;
        self.room.memory.as_ptr().wrapping_add(start + offset)
    }
}

/// Readable once the program has asked the kernel to wake the reader.
impl AsRawFd for Ring {
    fn as_raw_fd(&self) -> RawFd {
        self.map.fd().as_fd().as_raw_fd()
    }
}
