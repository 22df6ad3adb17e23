//! The bytes of a capture, and the place in it.

use std::io::{self, BufReader, ErrorKind, Read};

use crate::capture::compressed::{Bytes, Decompressed};
use crate::capture::error::{Fault, malformed};

/// A stream of bytes that knows where it is.
pub(super) struct Stream {
    reader: BufReader<Decompressed>,
    compressed: bool,
    offset: u64,
    start: u64,
}

impl Stream {
    pub(super) fn new(reader: Bytes) -> Result<Self, Fault> {
        let reader = Decompressed::new(reader).map_err(|error| fault(error, true))?;
        let compressed = reader.is_compressed();
        let reader = BufReader::with_capacity(64 << 10, reader);
        Ok(Self { reader, compressed, offset: 0, start: 0 })
    }

    /// Marks that a packet or block begins here.
    pub(super) const fn begin(&mut self) {
        self.start = self.offset;
    }

    /// The place of a fault: where the bytes end if they are cut off, and otherwise where the packet or block
    /// begins.
    pub(super) const fn place_of(&self, fault: &Fault) -> u64 {
        match fault {
            Fault::CutOff => self.offset,
            _ => self.start,
        }
    }

    /// Appends up to `count` bytes, fewer only at the end, and returns how many.
    pub(super) fn append_some(
        &mut self,
        buffer: &mut Vec<u8>,
        count: usize,
    ) -> Result<usize, Fault> {
        let before = buffer.len();
        let result = self.reader.by_ref().take(count as u64).read_to_end(buffer);
        let read = buffer.len() - before;
        self.offset += read as u64;
        result.map(|_| read).map_err(|error| self.fault(error))
    }

    /// Appends `count` bytes.
    pub(super) fn append(&mut self, buffer: &mut Vec<u8>, count: usize) -> Result<(), Fault> {
        if self.append_some(buffer, count)? == count { Ok(()) } else { Err(Fault::CutOff) }
    }

    /// Appends a header of `count` bytes. Returns whether there was one: the stream may end before its first
    /// byte.
    pub(super) fn append_unless_end(
        &mut self,
        buffer: &mut Vec<u8>,
        count: usize,
    ) -> Result<bool, Fault> {
        match self.append_some(buffer, count)? {
            0 => Ok(false),
            read if read == count => Ok(true),
            _ => Err(Fault::CutOff),
        }
    }

    /// Skips `count` bytes.
    pub(super) fn skip(&mut self, count: u64) -> Result<(), Fault> {
        let skipped = io::copy(&mut self.reader.by_ref().take(count), &mut io::sink())
            .map_err(|error| self.fault(error))?;
        self.offset += skipped;
        if skipped == count { Ok(()) } else { Err(Fault::CutOff) }
    }

    fn fault(&self, error: io::Error) -> Fault {
        fault(error, self.compressed)
    }
}

fn fault(error: io::Error, compressed: bool) -> Fault {
    match error.kind() {
        ErrorKind::UnexpectedEof => Fault::CutOff,
        ErrorKind::InvalidData if compressed => malformed(error.to_string()),
        _ => Fault::Io(error),
    }
}
