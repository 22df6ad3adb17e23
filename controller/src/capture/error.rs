//! What can be wrong with a capture, and where.

use std::fmt;
use std::io;

use crate::capture::{LARGEST_FRAME, link_type};

/// Where in a capture something is wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// The number of the frame that was about to be read, from 1; 0 for the file's header.
    pub frame: u64,
    /// The byte in the (uncompressed) capture, from 0.
    pub offset: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.frame {
            0 => write!(f, "header, byte {}", self.offset),
            frame => write!(f, "frame {frame}, byte {}", self.offset),
        }
    }
}

/// Why a capture, or one of its frames, cannot be read. Each is one line that names the file.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The system could not read it.
    #[error("{file}: cannot be read: {source}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// It is something else.
    #[error("{file}: not a pcap or pcapng capture: {reason}")]
    NotACapture {
        /// The file.
        file: String,
        /// What shows it.
        reason: &'static str,
    },
    /// It ends inside a header, a packet or a block.
    #[error("{file}: {place}: the capture is cut off here")]
    CutOff {
        /// The file.
        file: String,
        /// Where it ends.
        place: Place,
    },
    /// The link type of its frames, or of one of them, is not supported.
    #[error("{file}: {place}: link type {number} ({}) is not read", link_type::name(*.number))]
    LinkType {
        /// The file.
        file: String,
        /// The frame, or the header if it holds for all frames.
        place: Place,
        /// The `LINKTYPE_` number.
        number: u16,
    },
    /// Its bytes contradict the format.
    #[error("{file}: {place}: {reason}")]
    Malformed {
        /// The file.
        file: String,
        /// Where the packet or block begins that is wrong.
        place: Place,
        /// What is wrong with it.
        reason: String,
    },
}

/// A [`CaptureError`] without its file and place.
#[derive(Debug)]
pub(super) enum Fault {
    Io(io::Error),
    NotACapture(&'static str),
    CutOff,
    LinkType(u16),
    Malformed(String),
}

impl Fault {
    pub(super) fn at(self, file: String, place: Place) -> CaptureError {
        match self {
            Self::Io(source) => CaptureError::Unreadable { file, source },
            Self::NotACapture(reason) => CaptureError::NotACapture { file, reason },
            Self::CutOff => CaptureError::CutOff { file, place },
            Self::LinkType(number) => CaptureError::LinkType { file, place, number },
            Self::Malformed(reason) => CaptureError::Malformed { file, place, reason },
        }
    }
}

pub(super) fn malformed(reason: impl Into<String>) -> Fault {
    Fault::Malformed(reason.into())
}

pub(super) fn too_large(length: u32) -> Fault {
    malformed(format!("a frame of {length} bytes; at most {LARGEST_FRAME} are read"))
}
