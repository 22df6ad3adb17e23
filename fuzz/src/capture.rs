//! Capture files: pcap and pcapng, compressed or not.

use std::io::{self, Cursor, Read};
use std::path::Path;

use controller::capture::{Capture, CaptureError, LARGEST_FRAME};
use controller::compile::Names;
use controller::engine::{HostEngine, LONGEST_FRAME};
use controller::replay::Replay;
use jiff::Timestamp;

use crate::words::check_line;

/// Bytes that all frames of a capture have together, at most; what is compressed may hold more.
const ENOUGH: usize = 1 << 24;

/// A frame, kept.
#[derive(Debug, Eq, PartialEq)]
struct Kept {
    time: Timestamp,
    data: Vec<u8>,
    wire_length: u32,
}

/// A capture read to its end: the frames, and what ended them.
#[derive(Debug, Eq, PartialEq)]
struct Whole {
    frames: Vec<Kept>,
    error: Option<String>,
    /// Whether there were more than is looked at.
    cut: bool,
}

/// Judges an input.
///
/// # Panics
/// Where something does not hold.
pub fn run(input: &[u8]) {
    let whole = whole(Capture::from_reader("c", Cursor::new(input.to_vec())));
    // However the bytes come.
    let drops = Drops { bytes: input.to_vec(), at: 0 };
    let dropped = self::whole(Capture::from_reader("c", drops));
    if input.starts_with(&[0x1f, 0x8b]) && whole.error.is_some() {
        // How much comes out before a damage in compressed bytes is the decompressor's affair.
        assert!(dropped.error.is_some());
        let frames = whole.frames.iter().zip(&dropped.frames);
        assert!(frames.into_iter().all(|(one, other)| one == other));
    } else {
        assert_eq!(dropped, whole);
    }
    if let Some(frames) = naive(input) {
        let read: Vec<(&[u8], u32)> =
            whole.frames.iter().map(|frame| (frame.data.as_slice(), frame.wire_length)).collect();
        assert!(read == frames || whole.error.is_some() && frames.starts_with(&read));
    }
    if !whole.cut && whole.frames.len() < 1_000 {
        replay(input, &whole);
    }
}

fn whole(capture: Result<Capture, CaptureError>) -> Whole {
    let mut whole = Whole { frames: Vec::new(), error: None, cut: false };
    let mut capture = match capture {
        Ok(capture) => capture,
        Err(error) => {
            check_line(&error, "c");
            whole.error = Some(error.to_string());
            return whole;
        }
    };
    let mut bytes = 0;
    loop {
        match capture.next_frame() {
            Ok(Some(frame)) => {
                assert_eq!(frame.number, whole.frames.len() as u64 + 1);
                assert!(frame.data.len() <= LARGEST_FRAME);
                assert!(frame.wire_length as usize >= frame.data.len());
                bytes += frame.data.len() + 64;
                whole.frames.push(Kept {
                    time: frame.time,
                    data: frame.data.to_vec(),
                    wire_length: frame.wire_length,
                });
                if bytes > ENOUGH {
                    whole.cut = true;
                    return whole;
                }
            }
            Ok(None) => break,
            Err(error) => {
                check_line(&error, "c");
                whole.error = Some(error.to_string());
                break;
            }
        }
    }
    // The end is the end.
    assert!(matches!(capture.next_frame(), Ok(None)));
    whole
}

/// Bytes that come a few at a time, with interruptions.
struct Drops {
    bytes: Vec<u8>,
    at: usize,
}

impl Read for Drops {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.at += 1;
        if self.at.is_multiple_of(5) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let count = (self.at % 7 + 1).min(buffer.len()).min(self.bytes.len());
        let rest = self.bytes.split_off(count);
        buffer[..count].copy_from_slice(&self.bytes);
        self.bytes = rest;
        Ok(count)
    }
}

/// The frames of an uncompressed classic pcap of Ethernet, read by the letter of its description, up to
/// one that is cut off or too large. `None` where it is something else.
fn naive(input: &[u8]) -> Option<Vec<(&[u8], u32)>> {
    let big_endian = match input.get(..4)? {
        [0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d] => true,
        [0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1] => false,
        _ => return None,
    };
    let number = |bytes: &[u8]| {
        let bytes: [u8; 4] = bytes.try_into().expect("four bytes");
        if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    };
    let (header, mut rest) = input.split_at_checked(24)?;
    if number(&header[20..]) & 0xffff != 1 {
        return Some(Vec::new());
    }
    let mut frames = Vec::new();
    while let Some((header, behind)) = rest.split_at_checked(16) {
        let captured = number(&header[8..12]);
        let Some((data, behind)) = behind.split_at_checked(captured as usize) else { break };
        if data.len() > LARGEST_FRAME {
            break;
        }
        frames.push((data, number(&header[12..]).max(captured)));
        rest = behind;
    }
    Some(frames)
}

/// A replay counts every frame once, as long as it was on the wire.
fn replay(input: &[u8], whole: &Whole) {
    let Ok(capture) = Capture::from_reader("c", Cursor::new(input.to_vec())) else { return };
    // Without tables nothing is selected, and all is counted.
    let (engine, names) = (HostEngine::new(Vec::new()), Names::new(1, Vec::new()));
    let mut replay = Replay::new(Box::new(engine), &names, "s");
    let (mut records, mut told) = (Vec::new(), 0);
    let run = replay.run(Path::new("c"), capture, &mut records, &mut |number| told = number);
    assert_eq!(run.err().map(|error| error.to_string()), whole.error);
    let summary = replay.summary().expect("the host's");
    let frames = whole.frames.len() as u64;
    assert_eq!((summary.packets(), summary.records(), told), (frames, 0, frames));
    assert!(records.is_empty());
    let value = serde_json::to_value(&summary).expect("plain JSON");
    let length = |frame: &Kept| match frame.wire_length as usize {
        wire if wire > LONGEST_FRAME => frame.data.len(),
        wire => wire,
    };
    let bytes: usize = whole.frames.iter().map(length).sum();
    assert_eq!(value["bytes"], bytes);
    let sum = |field: &str| -> u64 {
        value[field].as_object().into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum()
    };
    assert_eq!(sum("outcomes"), frames);
    assert!(sum("directions") <= frames);
}
