//! Reads captures: the frames of a pcap or pcapng file, compressed or not, one at a time. Only one frame is
//! ever in memory. What frames contain is not looked at here.
//!
//! Captures come from anywhere. Whatever the bytes are, the answer is a frame, the end or a [`CaptureError`]
//! that names the file and the place. A damaged frame is skipped, as long as it is known where the next one
//! begins. No length in a file is believed before it is checked against a limit.
//!
//! Sources: draft-ietf-opsawg-pcap, -pcapng and -pcaplinktype. docs/captures.md says which parts of them are
//! read, and which are not.
//!
//! | file | |
//! |---|---|
//! | `compressed` | gzip, zstd, xz |
//! | `stream`, `fields` | bytes and numbers |
//! | `pcap`, `pcapng` | the two formats |
//! | `link_type` | what frames begin with |
//! | `error` | what can be wrong, and where |

mod compressed;
mod error;
mod fields;
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
pub use link_type::LinkType;
use stream::Stream;

/// The largest frame that is read: what tcpdump captures at most unless told otherwise.
pub const LARGEST_FRAME: usize = 256 << 10;

/// A frame of a capture.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Frame<'a> {
    /// Its number in the file, from 1.
    pub number: u64,
    /// When it was captured, if the capture says so: a pcapng Simple Packet Block does not.
    pub time: Option<Timestamp>,
    /// What it begins with.
    pub link: LinkType,
    /// What was captured of it, without a frame check sequence.
    pub data: &'a [u8],
    /// Its length on the wire: as the capture says, but never less than what was captured; without a frame
    /// check sequence, too.
    pub wire_length: u32,
}

/// What comes next in a capture.
#[derive(Debug)]
pub enum Next<'a> {
    /// A frame.
    Frame(Frame<'a>),
    /// A frame that cannot be read; others may follow.
    Unreadable(CaptureError),
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
    time: Option<Timestamp>,
    link: LinkType,
    data: &'a [u8],
    wire_length: u32,
}

impl<'a> Found<'a> {
    /// A frame of which `data` was captured, and behind which are `check` bytes that belong to the wire.
    fn new(
        time: Option<Timestamp>,
        link: LinkType,
        data: &'a [u8],
        claimed_length: u32,
        check: u32,
    ) -> Self {
        let captured = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let wire_length = claimed_length.max(captured).saturating_sub(check);
        let data = data.get(..wire_length as usize).unwrap_or(data);
        Self { time, link, data, wire_length }
    }
}

impl Capture {
    /// Opens a capture and reads its header.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, is no capture, or has a link type that is not read.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        let name = shown(path);
        match File::open(path) {
            Ok(file) => Self::from_reader(name, file),
            Err(source) => Err(CaptureError::Unreadable { file: name, source }),
        }
    }

    /// Reads a capture from standard input.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn standard_input() -> Result<Self, CaptureError> {
        Self::from_reader("standard input", std::io::stdin())
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
    /// A capture that is cut off or damaged, so that it is not known where a next frame would begin. It
    /// is the last answer: all later ones are `None`.
    pub fn next_frame(&mut self) -> Result<Option<Next<'_>>, CaptureError> {
        if self.finished {
            return Ok(None);
        }
        let number = self.frames + 1;
        let found = match &mut self.format {
            Format::Pcap(pcap) => pcap.next(&mut self.stream, &mut self.buffer),
            Format::Pcapng(pcapng) => pcapng.next(&mut self.stream, &mut self.buffer),
        };
        match found {
            Ok(Some(Ok(Found { time, link, data, wire_length }))) => {
                self.frames = number;
                Ok(Some(Next::Frame(Frame { number, time, link, data, wire_length })))
            }
            Ok(Some(Err(fault))) => {
                self.frames = number;
                let offset = self.stream.place_of(&fault);
                let error = fault.at(self.file.clone(), Place { frame: number, offset });
                Ok(Some(Next::Unreadable(error)))
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
        } else if let Some(variant) = pcap::Reader::variant(buffer) {
            pcap::Reader::new(variant, stream, buffer).map(Self::Pcap)
        } else {
            Err(Fault::NotACapture("it begins neither as pcap nor as pcapng"))
        }
    }
}
