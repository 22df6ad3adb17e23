//! Captures: the frames of a pcap or pcapng file, compressed (gzip, zstd, xz) or not, one after the other
//! and without ever holding more than one of them. What the frames contain is not looked at here.
//!
//! Captures come from anywhere. Whatever the bytes are, the answer is a frame, the end or one
//! [`CaptureError`] that names the file and the place; after an error there are no more frames. No
//! length that a file claims is believed before the bytes behind it are bounded.
//!
//! Sources: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng. Supported: pcap in both byte
//! orders with micro- and nanoseconds, and Kuznetzov's variant in little-endian; pcapng in both
//! byte orders, several sections and interfaces, Enhanced, Simple and (obsolete) Packet Blocks,
//! `if_tsresol` and `if_tsoffset`. Not supported: link types other than Ethernet.

mod compressed;
mod error;
mod link_type;
mod pcap;
mod pcapng;
mod stream;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod writer;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use jiff::Timestamp;

use crate::shown::shown;
use error::Fault;
pub use error::{CaptureError, Place};
use stream::Stream;

/// The largest frame that is read: what tcpdump captures at most unless told otherwise.
pub const LARGEST_FRAME: usize = 256 << 10;

/// A frame of a capture.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Frame<'a> {
    /// Its number in the file, from 1.
    pub number: u64,
    /// When it was captured. A pcapng Simple Packet Block carries no time: the epoch.
    pub time: Timestamp,
    /// What was captured of it, from the Ethernet header on.
    pub data: &'a [u8],
    /// Its length on the wire: as the capture says, but never less than what was captured.
    pub wire_length: u32,
}

/// An open capture.
pub struct Capture {
    file: String,
    stream: Stream,
    format: Format,
    buffer: Vec<u8>,
    frames: u64,
    finished: bool,
}

enum Format {
    Pcap(pcap::Reader),
    Pcapng(pcapng::Reader),
}

/// What a format finds for the next frame.
struct Found<'a> {
    time: Timestamp,
    data: &'a [u8],
    wire_length: u32,
}

impl<'a> Found<'a> {
    fn new(time: Timestamp, data: &'a [u8], claimed_length: u32) -> Result<Self, Fault> {
        if data.len() > LARGEST_FRAME {
            return Err(error::too_large(data.len() as u64));
        }
        let captured = u32::try_from(data.len()).unwrap_or(u32::MAX);
        Ok(Self { time, data, wire_length: claimed_length.max(captured) })
    }
}

impl Capture {
    /// Opens a capture and reads its header.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, is no capture, or has a link type that is not supported.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        let name = shown(path);
        match File::open(path) {
            Ok(file) => Self::from_reader(name, file),
            Err(source) => Err(CaptureError::Unreadable { file: name, source }),
        }
    }

    /// Reads a capture from anything; `name` stands for the file in errors.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn from_reader(
        name: impl Into<String>,
        reader: impl Read + Send + 'static,
    ) -> Result<Self, CaptureError> {
        let file = name.into();
        let mut buffer = Vec::new();
        let mut stream = match Stream::new(Box::new(reader)) {
            Ok(stream) => stream,
            Err(fault) => return Err(fault.at(file, Place { frame: 0, offset: 0 })),
        };
        match Format::recognise(&mut stream, &mut buffer) {
            Ok(format) => Ok(Self { file, stream, format, buffer, frames: 0, finished: false }),
            Err(fault) => {
                let offset = stream.place_of(&fault);
                Err(fault.at(file, Place { frame: 0, offset }))
            }
        }
    }

    /// The next frame, or `None` at the end of the capture.
    ///
    /// # Errors
    ///
    /// A capture that is cut off or damaged, or a frame whose link type is not supported. It is the
    /// last answer: all later ones are `None`.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, CaptureError> {
        if self.finished {
            return Ok(None);
        }
        let number = self.frames + 1;
        let found = match &mut self.format {
            Format::Pcap(pcap) => pcap.next(&mut self.stream, &mut self.buffer),
            Format::Pcapng(pcapng) => pcapng.next(&mut self.stream, &mut self.buffer),
        };
        match found {
            Ok(Some(Found { time, data, wire_length })) => {
                self.frames = number;
                Ok(Some(Frame { number, time, data, wire_length }))
            }
            Ok(None) => {
                self.finished = true;
                Ok(None)
            }
            Err(fault) => {
                self.finished = true;
                let offset = self.stream.place_of(&fault);
                Err(fault.at(self.file.clone(), Place { frame: number, offset }))
            }
        }
    }
}

impl Format {
    /// Tells the format by its first four bytes and reads the header.
    fn recognise(stream: &mut Stream, buffer: &mut Vec<u8>) -> Result<Self, Fault> {
        stream.begin();
        match stream.append_some(buffer, 4)? {
            4 => {}
            0 => return Err(Fault::NotACapture("it is empty")),
            _ => return Err(Fault::NotACapture("it is shorter than the header of one")),
        }
        if buffer.as_slice() == pcapng::MAGIC {
            pcapng::Reader::new(stream, buffer).map(Self::Pcapng)
        } else if pcap::MAGICS.contains(&buffer.as_slice()) {
            pcap::Reader::new(stream, buffer).map(Self::Pcap)
        } else {
            Err(Fault::NotACapture("it begins neither as pcap nor as pcapng"))
        }
    }
}
